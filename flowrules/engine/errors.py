"""What can be wrong with the data that a plan asks for, and what a rule may not ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowrules.model.source_text import Span
from flowrules.plan.missing import MissingField


class SumOverflow(Exception):
    """A sum of a group does not fit 64 bits; ``str()`` is one line."""

    def __str__(self) -> str:
        return f"{self.args[0]} passes 64 bits (hint: group by more keys, or read fewer flows at once)"


class LimitExceeded(Exception):
    """A rule asks for more than memory holds, whatever the flows; ``str()`` is one line.

    ``what`` says how much it would be and how much may be, ``hint`` what to write instead; ``declaration`` is
    the qualified name of what asked for it, ``place`` its file and line.
    """

    def __init__(self, what: str, hint: str = "", declaration: str = "", place: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.declaration = declaration
        self.place = place

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        name = f"{self.declaration}: " if self.declaration else ""
        return place + name + self.what + (f" (hint: {self.hint})" if self.hint else "")


class DiskFull(LimitExceeded):
    """What does not fit into memory does not fit into the folder of temporary files either."""


@contextmanager
def asked_by(declaration: str, span: Span | None) -> Iterator[None]:
    """Give a ``LimitExceeded`` from inside the name and place of the declaration, unless it has them.

    Memory that is used up becomes one too, since it is this declaration that needed it.
    """
    place = f"{span.path}:{span.line}" if span is not None else ""
    try:
        yield
    except LimitExceeded as error:
        if error.declaration or not declaration:
            raise
        raise type(error)(error.what, error.hint, declaration, place) from None
    except MemoryError:
        if not declaration:
            raise
        raise LimitExceeded("it does not fit into memory", "", declaration, place) from None


__all__ = ["DiskFull", "LimitExceeded", "MissingField", "SumOverflow", "asked_by"]
