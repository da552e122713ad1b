"""What a feature answers: a value or unknown, and the numbers that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs
from attrs import frozen

Value = TypeVar("Value", float, int, str)


@frozen
class Measured(Generic[Value]):
    """A feature of one host.

    ``value`` is ``None`` where the feature is unknown; ``why_unknown`` then says what was seen and what was
    needed (``7 looks, 10 needed``), and is empty otherwise.  Subclasses add the evidence as fields.
    """

    value: Value | None
    why_unknown: str

    def evidence(self) -> Mapping[str, object]:
        """The other fields by name, in order; those that are results themselves as nested mappings."""
        out: dict[str, object] = {}
        for attribute in attrs.fields(type(self)):
            if attribute.name in ("value", "why_unknown"):
                continue
            inner = getattr(self, attribute.name)
            if isinstance(inner, Measured):
                out[attribute.name] = {"value": inner.value, **inner.evidence()}
            else:
                out[attribute.name] = inner
        return out


def needed(*counts: tuple[int, int, str]) -> str:
    """The first of ``(seen, minimum, noun)`` that is short, as ``7 looks, 10 needed``; empty where none is."""
    for seen, minimum, noun in counts:
        if seen < minimum:
            return f"{seen:,} {noun}, {minimum:,} needed"
    return ""


def number(value: float) -> float | None:
    """A float of a result column in Python's terms: ``None`` for NaN."""
    return None if value != value else float(value)
