"""Tests that no flow can pass together: what asks for them needs no rows."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from attrs import frozen

from flowrules.model import expression as ex

Number = int | Fraction
Spans = tuple[tuple[Number | None, Number | None], ...]
"""Disjoint ranges of numbers, both ends in; ``None``: without end."""


@frozen(eq=False)
class Claim:
    """What a test asks of one value.

    ``what`` is a pair of bits and mask of ``flags``, a frozen set of ``names``, an ``AddressSet`` of ``addresses``, or the
    ``Spans`` of ``numbers``, as ``kind`` says; nothing passes where it is empty.
    """

    kind: str
    of: ex.Expression | str
    what: Any


def claim(test: ex.Expression) -> Claim | None:
    """What a test of one value asks of it; ``None``: nothing that another test is known to contradict."""
    match test:
        case ex.FlagTest(name=name, pairs=((high, mask),)):
            return Claim("flags", name, None if high & ~mask else (high, mask))
        case ex.Compare(op="=", left=left, right=ex.Literal(value=str() as label)):
            return Claim("names", left, frozenset((label,)))
        case ex.In(items=(item,), collection=ex.Labels(labels=labels)):
            return Claim("names", item, frozenset(labels))
        case ex.In(items=(item,), collection=ex.Addresses(set=addresses)):
            return Claim("addresses", item, addresses)
        case ex.In(items=(item,), collection=ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges)):
            return Claim("numbers", item, tuple(sorted(ranges)))
        case ex.Compare(op=op, left=ex.Field() as left, right=ex.Literal(value=int() | Fraction() as bound)):
            allowed = None if isinstance(bound, bool) else _allowed(op, bound)
            if allowed is None or left.type.name in _NO_NUMBERS:
                return None
            return Claim("numbers", left, allowed)
        case _:
            return None


def contradict(claims: Iterable[Claim | None]) -> bool:
    """Whether no value of some field meets all claims to it; rather miss a case than err."""
    held: dict[tuple[str, ex.Expression | str], Any] = {}
    for each in claims:
        if each is None:
            continue
        key = each.kind, each.of
        before = held.get(key)
        both = held[key] = each.what if before is None else _both(each.kind, before, each.what)
        if not both:
            return True
    return False


def _allowed(op: str, bound: Number) -> Spans | None:
    """The numbers that pass a comparison with one."""
    match op:
        case "=":
            return ((bound, bound),)
        case "<=" | "<":
            # of < the bound itself is left in: that only misses a case
            return ((None, bound),)
        case ">=" | ">":
            return ((bound, None),)
        case _:
            return None


_NO_NUMBERS = frozenset({"address", "block", "truth"})


def _both(kind: str, one: Any, other: Any) -> Any:
    """What meets both of two claims; nothing true where nothing does."""
    if kind == "flags":
        if other is None:
            return None
        (high, mask), (more, also) = one, other
        return None if (high ^ more) & mask & also else (high | more, mask | also)
    return _in_both(one, other) if kind == "numbers" else one & other


def _in_both(one: Spans, other: Spans) -> Spans:
    """The numbers in both."""
    out: list[tuple[Number | None, Number | None]] = []
    for low, high in one:
        for first, last in other:
            start = low if first is None else first if low is None else max(low, first)
            end = high if last is None else last if high is None else min(high, last)
            if start is None or end is None or start <= end:
                out.append((start, end))
    return tuple(out)
