"""Tests that no flow can pass together: what asks for them needs no rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flowrules.model import expression as ex
from flowrules.model.address_set import AddressSet

Number = int | Fraction
Spans = tuple[tuple[Number | None, Number | None], ...]
"""Disjoint ranges of numbers, both ends in; ``None``: without end."""


def contradict(conjuncts: Sequence[ex.Expression]) -> bool:
    """Whether no value of some field passes all of the tests of it; rather miss a case than err."""
    spans: dict[ex.Expression, Spans] = {}
    names: dict[ex.Expression, frozenset[object]] = {}
    members: dict[ex.Expression, AddressSet] = {}
    flags: dict[str, tuple[int, int]] = {}
    for test in conjuncts:
        match test:
            case ex.FlagTest(name=name, pairs=((high, mask),)):
                held_high, held_mask = flags.get(name, (0, 0))
                if (held_high ^ high) & held_mask & mask or high & ~mask:
                    return True
                flags[name] = held_high | high, held_mask | mask
            case ex.Compare(op="=", left=left, right=ex.Literal(value=str() as label)):
                names[left] = names.get(left, frozenset((label,))) & {label}
                if not names[left]:
                    return True
            case ex.In(items=(item,), collection=ex.Labels(labels=labels)):
                names[item] = names.get(item, frozenset(labels)) & frozenset(labels)
                if not names[item]:
                    return True
            case ex.In(items=(item,), collection=ex.Addresses(set=addresses)):
                members[item] = members[item] & addresses if item in members else addresses
                if not members[item]:
                    return True
            case _:
                allowed = _allowed(test)
                if allowed is not None:
                    of, ranges = allowed
                    spans[of] = _both(spans.get(of, ((None, None),)), ranges)
                    if not spans[of]:
                        return True
    return False


def _allowed(test: ex.Expression) -> tuple[ex.Expression, Spans] | None:
    """The numbers with which a test of one value passes."""
    match test:
        case ex.In(items=(item,), collection=ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges)):
            return item, tuple(sorted(ranges))
        case ex.Compare(op=op, left=left, right=ex.Literal(value=int() | Fraction() as bound)):
            if isinstance(bound, bool) or not isinstance(left, ex.Field) or left.type.name in _NO_NUMBERS:
                return None
            match op:
                case "=":
                    return left, ((bound, bound),)
                case "<=" | "<":
                    # of < the bound itself is left in: that only misses a case
                    return left, ((None, bound),)
                case ">=" | ">":
                    return left, ((bound, None),)
                case _:
                    return None
        case _:
            return None


_NO_NUMBERS = frozenset({"address", "block", "truth"})


def _both(one: Spans, other: Spans) -> Spans:
    """The numbers in both."""
    out: list[tuple[Number | None, Number | None]] = []
    for low, high in one:
        for first, last in other:
            start = low if first is None else first if low is None else max(low, first)
            end = high if last is None else last if high is None else min(high, last)
            if start is None or end is None or start <= end:
                out.append((start, end))
    return tuple(out)
