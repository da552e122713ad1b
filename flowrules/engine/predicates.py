"""Predicates over the rows of a chunk, with three truth values.

A truth is a pair of bool arrays ``(held, possible)``: true where ``held``, unknown where ``possible`` and not
``held``.  Where nothing is unknown both are the same array, so that plain tests cost one operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.address_members import contains
from flowrules.engine.results import Series
from flowrules.engine.row_values import DIRECTION_CODES, Known, Rows, Values
from flowrules.flows.table import widen
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

Truth = tuple[Known, Known]

SMALL: Final = {
    "protocol": 256, "flags": 256, "initial_flags": 256, "session_flags": 256, "attributes": 256, "type": 256,
    "ip_version": 256, "sport": 65536, "dport": 65536, "application": 65536, "sensor": 65536,
}  # fmt: skip
"""Stored fields whose tests are look-ups in a table with an entry for every value."""

_FEW: Final = 3
"""Up to so many ranges, comparing is faster than a table of 65,536 entries."""

_LIMIT: Final = 1 << 63


def truth(node: ex.Expression, rows: Rows) -> Truth:
    """The truth of a predicate for each row."""
    held = rows.truths.get(id(node))
    if held is None:
        decided = rows.decided.get(id(node))
        held = _truth(node, rows) if decided is None else _sure(np.full(rows.rows, decided, np.bool_))
        rows.truths[id(node)] = held
    return held


def _truth(node: ex.Expression, rows: Rows) -> Truth:
    match node:
        case ex.And(items=items):
            return _all(items, rows)
        case ex.Or(items=items):
            return _any(items, rows)
        case ex.Not(of=of):
            held, possible = truth(of, rows)
            if held is possible:
                return _sure(~held)
            return ~possible, ~held
        case ex.NOf(n=n, items=items):
            counted = np.zeros(rows.rows, np.int16)
            reachable = np.zeros(rows.rows, np.int16)
            for item in items:
                held, possible = truth(item, rows)
                counted += held
                reachable += possible
            return counted >= n, reachable >= n
        case ex.Direction(name=name):
            return _sure(_direction(name, rows))
        case ex.FlagTest(name=name, pairs=pairs):
            return _sure(_flags(rows.column(name), pairs))
        case ex.Compare():
            return _compare(node, rows)
        case ex.In():
            return _membership(node, rows)
        case ex.Known(of=of):
            return _sure(_known(of, rows))
        case ex.PreviousKnown(owner=owner, column=column):
            return _sure(np.full(rows.rows, rows.around.has_previous(owner, column), np.bool_))
        case ex.Literal(value=value):
            return _sure(np.full(rows.rows, bool(value), np.bool_))
        case _:
            values = rows.values(node)
            return _with_known(values.array.astype(np.bool_), values.known)


def _sure(held: Known) -> Truth:
    return held, held


def _with_known(held: Known, known: Known | None) -> Truth:
    if known is None:
        return held, held
    return held & known, held | ~known


def _both(a: Known | None, b: Known | None) -> Known | None:
    if a is None:
        return b
    return a if b is None else a & b


def _all(items: Sequence[ex.Expression], rows: Rows) -> Truth:
    if rows.decided:
        items = [item for item in items if rows.decided.get(id(item)) is not True]
    if not items:
        return _sure(np.ones(rows.rows, np.bool_))
    held, possible = truth(items[0], rows)
    for item in items[1:]:
        more, maybe = truth(item, rows)
        if held is possible and more is maybe:
            held = possible = held & more
        else:
            held, possible = held & more, possible & maybe
    return held, possible


def _any(items: Sequence[ex.Expression], rows: Rows) -> Truth:
    if rows.decided:
        items = [item for item in items if rows.decided.get(id(item)) is not False]
    if not items:
        return _sure(np.zeros(rows.rows, np.bool_))
    held, possible = truth(items[0], rows)
    for item in items[1:]:
        more, maybe = truth(item, rows)
        if held is possible and more is maybe:
            held = possible = held | more
        else:
            held, possible = held | more, possible | maybe
    return held, possible


def _direction(name: str, rows: Rows) -> Known:
    if name == "all":
        return np.ones(rows.rows, np.bool_)
    rule = rows.around.direction
    if name == "blocked":
        return rule.blocked(rows)
    return rule.test(name, rows) if rule.by_types else rows.direction() == DIRECTION_CODES[name]


def _flags(flags: NDArray[np.uint8], pairs: tuple[tuple[int, int], ...]) -> Known:
    out: Known | None = None
    for high, mask in pairs:
        one: Known = (flags & np.uint8(mask)) == np.uint8(high) if mask else np.full(len(flags), high == 0)
        out = one if out is None else out | one
    return np.zeros(len(flags), np.bool_) if out is None else out


def _known(of: ex.Expression, rows: Rows) -> Known:
    if of.type.name == "truth":
        held, possible = truth(of, rows)
        return np.ones(rows.rows, np.bool_) if held is possible else held | ~possible
    if isinstance(of, ex.Lookup) or not isinstance(of, ex.Literal):
        values = rows.values(of)
        return np.ones(rows.rows, np.bool_) if values.known is None else values.known
    return np.full(rows.rows, of.value is not None, np.bool_)


# ---- comparison -------------------------------------------------------------------------------------

_MIRRORED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _compare(node: ex.Compare, rows: Rows) -> Truth:
    left, right, op = node.left, node.right, node.op
    if isinstance(left, ex.Literal) and not isinstance(right, ex.Literal):
        left, right, op = right, left, _MIRRORED[op]
    if isinstance(right, ex.Literal) and right.value is not None:
        if isinstance(left, ex.Field) and left.name in ("sensor", "type") and isinstance(right.value, str):
            held = _named(left.name, frozenset((right.value,)), rows)
            return _sure(held if op == "=" else ~held)
        values = rows.values(left)
        return _with_known(_against_constant(op, values, right, rows), values.known)
    if left.type.name == "truth" and right.type.name == "truth":
        return _equal_truths(op, truth(left, rows), truth(right, rows))
    a, b = rows.values(left), rows.values(right)
    return _with_known(_against(op, a, b, node, rows), _both(a.known, b.known))


def _equal_truths(op: str, a: Truth, b: Truth) -> Truth:
    known = (a[0] | ~a[1]) & (b[0] | ~b[1])
    equal = a[0] == b[0]
    return _with_known(equal if op == "=" else ~equal, None if known.all() else known)


def _against_constant(op: str, values: Values, literal: ex.Literal, rows: Rows) -> Known:
    value = literal.value
    if values.labels:
        code = rows.around.label_codes.code(value)  # type: ignore[arg-type]
        return _ordered(op, values.array, np.uint32(code))
    if values.array.dtype == ADDRESS or literal.type.name in ("address", "block"):
        return _address_equal(op, values, value, rows)
    assert isinstance(value, int | Fraction)
    if values.denominators is not None:
        return _ratio_against(op, values, Fraction(value))
    if values.array.dtype.kind == "f":
        number = exact.constant(literal.type, Fraction(value), rows.rows)
        return exact.compare(op, Series(literal.type, values.array), number)[0]
    return against_number(op, values.array, Fraction(value))


def against_number(op: str, array: NDArray[Any], number: Fraction) -> Known:
    """Whole numbers of any integer dtype compared with an exact number."""
    if number.denominator != 1:
        if op in ("=", "!="):
            return np.full(len(array), op == "!=")
        below = number.numerator // number.denominator
        # x < 2.5 and x <= 2.5 are x <= 2; x > 2.5 and x >= 2.5 are x > 2
        op, number = ("<=" if op in ("<", "<=") else ">"), Fraction(below)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    value, limits = int(number), np.iinfo(array.dtype)
    if value < limits.min:
        return np.full(len(array), op in ("!=", ">", ">="))
    if value > limits.max:
        return np.full(len(array), op in ("!=", "<", "<="))
    return _ordered(op, array, array.dtype.type(value))


def _ordered(op: str, a: Any, b: Any) -> Known:
    out: Known
    match op:
        case "=":
            out = a == b
        case "!=":
            out = a != b
        case "<":
            out = a < b
        case "<=":
            out = a <= b
        case ">":
            out = a > b
        case _:
            out = a >= b
    return out


def _ratio_against(op: str, values: Values, number: Fraction) -> Known:
    """``array * scale / denominators op number`` by cross multiplication; never through a float."""
    assert values.denominators is not None
    left, right = values.scale * number.denominator, number.numerator
    above, below = values.array, values.denominators
    if not len(above):
        return np.zeros(0, np.bool_)
    fits = int(above.max()) * left < _LIMIT and int(below.max()) * abs(right) < _LIMIT
    if fits:
        return _ordered(op, above.astype(np.int64) * left, below.astype(np.int64) * right)
    held: Known = np.asarray(
        _ordered(op, above.astype(object) * left, below.astype(object) * right), np.bool_
    )
    return held


def _address_equal(op: str, values: Values, value: Any, rows: Rows) -> Known:
    array = values.array
    if isinstance(value, tuple):
        value = value[0]
    same: Known
    if array.dtype == ADDRESS:
        same = (array["low"] == np.uint64(value & 0xFFFFFFFF_FFFFFFFF)) & (
            array["high"] == np.uint64(value >> 64)
        )
    elif value >> 32 == IPV4_MAPPED >> 32:
        same = array == np.uint32(value & 0xFFFFFFFF)
    else:
        same = np.zeros(len(array), np.bool_)
    return same if op == "=" else ~same


def _against(op: str, a: Values, b: Values, node: ex.Compare, rows: Rows) -> Known:
    if a.labels and b.labels:
        return _ordered(op, a.array, b.array)
    addresses = node.left.type.name in ("address", "block")
    if addresses and a.array.dtype != object and b.array.dtype != object:
        if a.array.dtype == ADDRESS or b.array.dtype == ADDRESS:
            one, other = widen(a.array), widen(b.array)
            same: Known = (one["low"] == other["low"]) & (one["high"] == other["high"])
        else:
            same = a.array == b.array
        return same if op == "=" else ~same
    whole = a.denominators is None and b.denominators is None and not a.labels and not b.labels
    if whole and a.array.dtype.kind in "iu" and b.array.dtype.kind in "iu":
        if np.uint64 in (a.array.dtype, b.array.dtype) and a.array.dtype.kind != b.array.dtype.kind:
            return exact.compare(op, Series(node.left.type, a.array), Series(node.right.type, b.array))[0]
        return _ordered(op, a.array, b.array)
    around = rows.around
    return exact.compare(op, around.series_of(a, node.left.type), around.series_of(b, node.right.type))[0]


# ---- membership -------------------------------------------------------------------------------------


def _membership(node: ex.In, rows: Rows) -> Truth:
    collection = node.collection
    first = node.items[0]
    if isinstance(first, ex.Field) and first.name in SMALL and len(node.items) == 1:
        tested = _table_test(node, first.name, rows)
        if tested is not None:
            return _sure(tested)
    if isinstance(collection, ex.InSet):
        return _in_set(node, collection, rows)
    values = [rows.values(item) for item in node.items]
    known: Known | None = None
    for one in values:
        known = _both(known, one.known)
    match collection:
        case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges):
            held = _in_ranges(values[0], ranges, first, rows)
        case ex.Labels(labels=labels):
            codes = [rows.around.label_codes.code(label) for label in labels]
            wanted = np.zeros(len(rows.around.label_codes), np.bool_)
            wanted[codes] = True
            held = wanted.take(values[0].array)
        case ex.Addresses(set=members) | ex.Blocks(set=members):
            held = _covered(values[0], members)
        case ex.Wildcards(wildcards=wildcards):
            held = np.zeros(rows.rows, np.bool_)
            for wildcard in wildcards:
                held |= wildcard.matches(values[0].array)
        case ex.Tuples(rows=listed):
            held = np.zeros(rows.rows, np.bool_)
            for row in listed:
                one_row = np.ones(rows.rows, np.bool_)
                for value, item, (low, high) in zip(values, node.items, row, strict=True):
                    one_row &= _between(value, item, low, high, rows)
                held |= one_row
        case ex.InSchedule(schedule=schedule):
            held = schedule.contains(values[0].array.astype(np.int64, copy=False))
    return _with_known(held, known)


def _table_test(node: ex.In, name: str, rows: Rows) -> Known | None:
    """Membership of a field with few values, by one look-up; ``None`` where comparing is as good."""
    match node.collection:
        case ex.Ranges(ranges=ranges):
            if len(ranges) <= _FEW and all(low == high for low, high in ranges):
                column = rows.column(name)
                out = np.zeros(rows.rows, np.bool_)
                for low, _ in ranges:
                    out |= against_number("=", column, Fraction(low))
                return out
            if len(ranges) == 1:
                column = rows.column(name)
                first, last = (Fraction(b) for b in ranges[0])
                return against_number(">=", column, first) & against_number("<=", column, last)
            return rows.around.words_of(name, rows).test(node, rows)
        case ex.Labels(labels=labels) if name in ("sensor", "type"):
            return _named(name, labels, rows)
        case _:
            return None


def _named(field: str, labels: frozenset[str], rows: Rows) -> Known:
    """Whether the stored number of a field bears one of the names: few numbers are compared with."""
    table = rows.around.table_of_labels(field, labels)
    column = rows.column(field)
    numbers = np.flatnonzero(table)
    if len(numbers) > _FEW:
        return table.take(column)
    out = np.zeros(rows.rows, np.bool_)
    for number in numbers.astype(column.dtype):
        out |= column == number
    return out


def _in_ranges(
    values: Values,
    ranges: tuple[tuple[int, int], ...] | tuple[tuple[Fraction, Fraction], ...],
    item: ex.Expression,
    rows: Rows,
) -> Known:
    held = np.zeros(rows.rows, np.bool_)
    for low, high in ranges:
        held |= _between(values, item, low, high, rows)
    return held


def _between(
    values: Values, item: ex.Expression, low: int | Fraction, high: int | Fraction, rows: Rows
) -> Known:
    if item.type.name in ("address", "block"):
        from flowrules.model.address_set import AddressSet

        return _covered(values, AddressSet.from_ranges([(int(low), int(high))]))
    if values.labels or values.array.dtype.kind == "f":
        return exact.between(rows.around.series_of(values, item.type), low, high)
    if values.denominators is not None:
        return _ratio_against(">=", values, Fraction(low)) & _ratio_against("<=", values, Fraction(high))
    return against_number(">=", values.array, Fraction(low)) & against_number(
        "<=", values.array, Fraction(high)
    )


def _covered(values: Values, members: Any) -> Known:
    """Whether an address is a member; a block, whether the members hold all of it."""
    inside: Known = contains(members, values.array)
    if values.block is None:
        return inside
    v4, v6 = values.block
    candidates = np.flatnonzero(inside)
    if len(candidates):
        wide = widen(values.array.take(candidates))
        codes: dict[tuple[int, int], bool] = {}
        ranges = list(members.ranges())
        out = np.zeros(len(candidates), np.bool_)
        for row, (high, low) in enumerate(zip(wide["high"].tolist(), wide["low"].tolist(), strict=True)):
            covered = codes.get((high, low))
            if covered is None:
                first = high << 64 | low
                length = v4 + 96 if first >> 32 == IPV4_MAPPED >> 32 else v6
                last = first | (1 << 128 - length) - 1
                covered = any(a <= first and last <= b for a, b in ranges)
                codes[high, low] = covered
            out[row] = covered
        inside[candidates] = out
    return inside


def _in_set(node: ex.In, collection: ex.InSet, rows: Rows) -> Truth:
    members = rows.around.members(collection.set)
    if members is None:
        return np.zeros(rows.rows, np.bool_), np.ones(rows.rows, np.bool_)
    values = [rows.values(item) for item in node.items]
    known: Known | None = None
    for one in values:
        known = _both(known, one.known)
    return _with_known(members.contains(values, [i.type for i in node.items], rows), known)
