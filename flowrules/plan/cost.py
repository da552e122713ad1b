"""What a test costs in nanoseconds a row: cheap ones go first, on all rows; dear ones on the rows that are left.

The figures are of numpy on pieces that stay in the cache, measured on one core of an AMD EPYC.  They choose the
order of tests and the way of counting, never what comes out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from flowrules.model import expression as ex
from flowrules.model.fields import STORED
from flowrules.model.types import ADDRESS

COMPARE: Final = {1: 0.03, 2: 0.05, 4: 0.08, 8: 0.13}
"""One comparison of a whole column with a number, by the width of its values in bytes."""

TAKE: Final = 0.75
"""A look-up in a table of up to 65,536 entries that stays in the cache."""

ADDRESSES: Final = 2.5
"""Membership of addresses in ranges that are known."""

CHEAP: Final = 1.0
"""Tests up to this price are taken on all rows: fetching the rows that are left costs as much."""

_ARITHMETIC: Final = 0.4
_RATIO: Final = 3.0
_KEYED: Final = 10.0
"""Sets and maps: the values are coded, and the codes looked up."""
_FETCHED: Final = 40.0
"""Rows of other declarations, local times."""

_DEAR_FIELDS: Final = {
    "etime": _RATIO,
    "bytes_per_packet": _RATIO,
    "bytes_per_second": _RATIO,
    "packets_per_second": _RATIO,
    "icmp_type": _RATIO,
    "icmp_code": _RATIO,
    "class": _RATIO,
}
_FEW: Final = 3
"""Up to so many ranges of ports are compared with, more are looked up."""


def cost(predicate: ex.Expression) -> tuple[float, str]:
    """The order in which tests are taken: by price, equal ones by their text."""
    return _order(predicate)


@lru_cache(maxsize=1 << 14)
def _order(predicate: ex.Expression) -> tuple[float, str]:
    return round(price(predicate), 2), repr(predicate)


def price(predicate: ex.Expression) -> float:
    """The nanoseconds a row of a test that is taken on all rows of a piece."""
    match predicate:
        case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
            return sum(price(i) + COMPARE[1] for i in items)
        case ex.Not(of=of):
            return price(of) + COMPARE[1]
        case ex.Direction():
            return TAKE
        case ex.FlagTest(pairs=pairs):
            return 2 * COMPARE[1] * max(len(pairs), 1)
        case ex.Compare(left=left, right=right):
            return _value(left) + _value(right) + COMPARE[width(left)]
        case ex.In(items=items, collection=collection):
            return sum(map(_value, items)) + _membership(items, collection)
        case _:
            return _value(predicate)


def width(value: ex.Expression) -> int:
    """The bytes that a value of a row takes."""
    if not isinstance(value, ex.Field):
        return 8
    if value.type == ADDRESS:
        return 4
    stored = STORED.get(value.name)
    size = 8 if stored is None or stored.dtype is None else stored.dtype.itemsize
    return size if size in COMPARE else 8


def _value(node: ex.Expression) -> float:
    match node:
        case ex.Literal():
            return 0.0
        case ex.Field(name=name) if name in _DEAR_FIELDS:
            return _DEAR_FIELDS[name]
        case ex.Field(name=name):
            dear = node.type == ADDRESS or name.startswith(("inside", "outside"))
            return _RATIO if dear else 0.0
        case ex.Mask() | ex.Bin():
            return _RATIO + sum(map(_value, node.children()))
        case ex.MapLookup():
            return _KEYED + sum(map(_value, node.children()))
        case ex.Lookup() | ex.Clock():
            return _FETCHED + sum(map(_value, node.children()))
        case _:
            return _ARITHMETIC + sum(map(_value, node.children()))


def _membership(items: tuple[ex.Expression, ...], collection: ex.Collection) -> float:
    match collection:
        case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges):
            each = COMPARE[width(items[0])] + COMPARE[1]
            tests = sum(1 if low == high else 2 for low, high in ranges) * each
            return min(tests, TAKE) if len(ranges) > _FEW and width(items[0]) <= 2 else tests
        case ex.Labels(labels=labels):
            return len(labels) * 2 * COMPARE[1] if len(labels) <= _FEW else TAKE
        case ex.Addresses() | ex.Blocks() | ex.Wildcards():
            return ADDRESSES
        case _:
            return _KEYED
