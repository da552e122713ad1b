"""Conditions over groups, hosts and totals, evaluated column-wise with three truth values.

Kleene's logic: unknown is neither true nor false, and only what is true holds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from math import trunc
from typing import Final, Protocol

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.joins import match_rows
from flowrules.engine.results import Frame, Scalar, Series, SetResult
from flowrules.model import expression as ex
from flowrules.model.map_table import MapTable
from flowrules.model.types import TRUTH, Type
from flowrules.model.value_text import format_value

Truth = NDArray[np.int8]
"""Truth of each row, coded so that *and* is the minimum and *or* the maximum."""

FALSE: Final = 0
UNKNOWN: Final = 1
TRUE: Final = 2


class World(Protocol):
    """What a condition may ask of the rest of the run."""

    def rows_of(self, owner: str, previous: bool) -> Frame | None:
        """The kept rows of a table, a bound table or a profile's features; ``None``: there are none."""

    def set_of(self, expression: ex.SetExpression) -> SetResult | None:
        """The members of a set; ``None``: not known (no earlier results)."""

    def map_of(self, name: str) -> MapTable:
        """A map by its qualified name."""

    def has_previous(self, owner: str, column: str | None) -> bool:
        """Whether earlier results hold a declaration."""

    def total(self, measure: ex.Measure) -> Scalar:
        """A measure with a source of its own, over that source as one group."""

    def entry_cell(self, profile: str, column: str, keys: tuple[Scalar, ...]) -> str | None:
        """A cell of the entry of a host as text; ``None``: it has none."""

    def finding(self, name: str) -> int | None:
        """Whether a check holds (1 or 0), or in how many rows an anomaly was found; ``None``: unknown."""


@frozen(eq=False)
class Scope:
    """The rows that a condition speaks of, and what it may name there."""

    rows: int
    world: World
    columns: Mapping[str, Series] = field(factory=dict)
    measures: Mapping[ex.Measure, Series] = field(factory=dict)
    features: Mapping[str, Series] = field(factory=dict)
    host: tuple[Series, ...] = ()
    verdict: Series | None = None
    total: Scalar = None
    """The first measure over the whole source, for ``ShareLimit``."""


Watcher = Callable[[ex.Expression, Truth], None]

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell ``watcher`` of every condition, and of each inside it, with its truth for each row."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def truth(expression: ex.Expression, scope: Scope) -> Truth:
    """The truth of a condition for each row: ``FALSE``, ``UNKNOWN`` or ``TRUE`` (int8, ``rows`` long)."""
    codes = _truth(expression, scope)
    watcher = _watcher.get()
    if watcher is not None:
        watcher(expression, codes)
    return codes


def _truth(expression: ex.Expression, scope: Scope) -> Truth:
    match expression:
        case ex.Not():
            return (TRUE - truth(expression.of, scope)).astype(np.int8)
        case ex.And():
            return _all([truth(e, scope) for e in expression.items], scope.rows)
        case ex.Or():
            return _any([truth(e, scope) for e in expression.items], scope.rows)
        case ex.NOf():
            return _n_of(expression.n, [truth(e, scope) for e in expression.items], scope.rows)
        case ex.Compare():
            a, b = value(expression.left, scope), value(expression.right, scope)
            return _coded(*exact.compare(expression.op, a, b))
        case ex.In():
            return _membership(expression, scope)
        case ex.Known():
            return np.where(_known(expression.of, scope), TRUE, FALSE).astype(np.int8)
        case ex.PreviousKnown():
            held = scope.world.has_previous(expression.owner, expression.column)
            return np.full(scope.rows, TRUE if held else FALSE, np.int8)
        case ex.Finding() if expression.type == TRUTH:
            found = scope.world.finding(expression.name)
            return np.full(scope.rows, UNKNOWN if found is None else TRUE if found else FALSE, np.int8)
        case _:
            series = value(expression, scope)
            return _coded(series.values.astype(np.bool_), series.known)


def holds(expression: ex.Expression, scope: Scope) -> NDArray[np.bool_]:
    """Where the condition is true (not false, not unknown)."""
    held: NDArray[np.bool_] = truth(expression, scope) == TRUE
    return held


def value(expression: ex.Expression, scope: Scope) -> Series:
    """The value of an expression for each row."""
    rows = scope.rows
    match expression:
        case ex.Literal():
            return exact.constant(expression.type, expression.value, rows)
        case ex.Column():
            return scope.columns[expression.name]
        case ex.Feature():
            return scope.features[expression.name]
        case ex.Host():
            return scope.host[0]
        case ex.Verdict():
            return scope.verdict if scope.verdict is not None else exact.unknown(expression.type, rows)
        case ex.Measure() if expression.source is not None:
            return exact.constant(expression.type, scope.world.total(expression), rows)
        case ex.Measure():
            return scope.measures[expression]
        case ex.Arithmetic():
            left, right = value(expression.left, scope), value(expression.right, scope)
            return exact.arithmetic(expression.op, expression.type, left, right)
        case ex.Lookup():
            return _lookup(expression, scope)
        case ex.MapLookup():
            return _label(expression, scope)
        case ex.Finding() if expression.type != TRUTH:
            return exact.constant(expression.type, scope.world.finding(expression.name), rows)
        case ex.EntryCell():
            keys = tuple(value(k, scope).scalar(0) for k in expression.keys) if rows else ()
            cell = scope.world.entry_cell(expression.profile, expression.column, keys)
            return exact.constant(expression.type, cell, rows)
        case ex.Shown():
            of = value(expression.of, scope)
            texts = np.array([format_value(of.type, of.scalar(r)) for r in range(rows)], object)
            return Series(expression.type, texts, of.known)
        case ex.CountOf():
            return exact.constant(expression.type, _count(expression, scope), rows)
        case ex.Mask() | ex.Bin() | ex.Clock():
            raise TypeError(f"{type(expression).__name__} has no meaning for a group")
        case ex.ShareLimit():
            limit = trunc(float(expression.percent * 100) * float(_number(scope.total)) / 100.0)
            return exact.constant(expression.type, limit, rows)
        case _ if expression.type == TRUTH:
            codes = truth(expression, scope)
            return Series(TRUTH, codes == TRUE, codes != UNKNOWN)
        case _:
            raise TypeError(f"{type(expression).__name__} has no meaning for a group")


def _number(total: Scalar) -> int | float | Fraction:
    return total if isinstance(total, int | float | Fraction) else 0


def _known(expression: ex.Expression, scope: Scope) -> NDArray[np.bool_]:
    if expression.type == TRUTH:
        decided: NDArray[np.bool_] = truth(expression, scope) != UNKNOWN
        return decided
    return value(expression, scope).mask()


def _coded(held: NDArray[np.bool_], known: NDArray[np.bool_] | None) -> Truth:
    codes = np.where(held, TRUE, FALSE)
    return (codes if known is None else np.where(known, codes, UNKNOWN)).astype(np.int8)


def _all(parts: Sequence[Truth], rows: int) -> Truth:
    out = np.full(rows, TRUE, np.int8)
    for part in parts:
        np.minimum(out, part, out=out)
    return out


def _any(parts: Sequence[Truth], rows: int) -> Truth:
    out = np.full(rows, FALSE, np.int8)
    for part in parts:
        np.maximum(out, part, out=out)
    return out


def _n_of(n: int, parts: Sequence[Truth], rows: int) -> Truth:
    held = np.zeros(rows, np.int64)
    possible = np.zeros(rows, np.int64)
    for part in parts:
        held += part == TRUE
        possible += part != FALSE
    return np.where(held >= n, TRUE, np.where(possible < n, FALSE, UNKNOWN)).astype(np.int8)


def _membership(expression: ex.In, scope: Scope) -> Truth:
    items = _item_series(expression.items, scope)
    known = np.ones(scope.rows, np.bool_)
    for item in items:
        known &= item.mask()
    match expression.collection:
        case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges):
            held = np.zeros(scope.rows, np.bool_)
            for low, high in ranges:
                held |= exact.between(items[0], low, high)
        case ex.Labels(labels=labels):
            held = np.fromiter((v in labels for v in items[0].values.tolist()), np.bool_, scope.rows)
        case ex.Addresses(set=members) | ex.Blocks(set=members):
            held = _covered(items[0], members)
        case ex.Wildcards(wildcards=wildcards):
            held = np.zeros(scope.rows, np.bool_)
            for wildcard in wildcards:
                held |= wildcard.matches(_addresses(items[0]))
        case ex.Tuples(rows=listed):
            held = np.zeros(scope.rows, np.bool_)
            for row in listed:
                one = np.ones(scope.rows, np.bool_)
                for item, (low, high) in zip(items, row, strict=True):
                    one &= _within(item, low, high)
                held |= one
        case ex.InSchedule(schedule=schedule):
            held = schedule.contains(items[0].values.astype(np.int64))
        case ex.InSet(set=members_expression):
            found = scope.world.set_of(members_expression)
            if found is None:
                return np.full(scope.rows, UNKNOWN, np.int8)
            held = in_set(items, found)
    return _coded(held, known)


def _item_series(items: Sequence[ex.Expression], scope: Scope) -> list[Series]:
    """The columns of a member: a host that is a tuple stands for all its columns."""
    if len(items) == 1 and isinstance(items[0], ex.Host):
        return list(scope.host)
    return [value(e, scope) for e in items]


def _within(item: Series, low: int, high: int) -> NDArray[np.bool_]:
    if item.type.name in ("address", "block"):
        return np.fromiter(
            (_inside(item.scalar(r), low, high) for r in range(len(item))), np.bool_, len(item)
        )
    return exact.between(item, low, high)


def _inside(number: Scalar, low: int, high: int) -> bool:
    if isinstance(number, tuple):
        first, prefix = number
        return (
            isinstance(first, int)
            and isinstance(prefix, int)
            and low <= first
            and _last(first, prefix) <= high
        )
    return isinstance(number, int) and low <= number <= high


def _last(first: int, prefix: int) -> int:
    return first | (1 << 128 - prefix) - 1


def _covered(item: Series, members: object) -> NDArray[np.bool_]:
    """Whether an address is a member, or a block lies wholly within one range of the members."""
    from flowrules.model.address_set import AddressSet

    assert isinstance(members, AddressSet)
    if item.prefix is None:
        inside: NDArray[np.bool_] = members.contains(_addresses(item))
        return inside
    ranges = list(members.ranges())
    starts = [low for low, _ in ranges]

    def covers(block: Scalar) -> bool:
        if not isinstance(block, tuple) or not isinstance(block[0], int):
            return False
        place = bisect_right(starts, block[0]) - 1
        return place >= 0 and _inside(block, *ranges[place])

    return np.fromiter((covers(item.scalar(r)) for r in range(len(item))), np.bool_, len(item))


def _addresses(item: Series) -> NDArray[np.generic]:
    """The addresses of a column; a column of unknowns may hold numbers instead."""
    if item.values.dtype.names or item.values.dtype == np.uint32:
        return item.values
    return np.zeros(len(item), np.uint32)


def in_set(items: Sequence[Series], found: SetResult) -> NDArray[np.bool_]:
    """Which rows of the key columns are members of a set result."""
    if found.addresses is not None:
        member: NDArray[np.bool_] = found.addresses.contains(_addresses(items[0]))
        return member
    if found.frame is None or found.frame.rows == 0:
        return np.zeros(len(items[0]), np.bool_)
    matched: NDArray[np.bool_] = match_rows(items, list(found.frame.columns.values())) >= 0
    return matched


def _lookup(expression: ex.Lookup, scope: Scope) -> Series:
    frame = scope.world.rows_of(expression.owner, expression.previous)
    if frame is None or frame.rows == 0:
        return exact.unknown(expression.type, scope.rows)
    keys = _item_series(expression.keys, scope)
    return fetch(frame, expression.column, keys, scope.rows)


def fetch(frame: Frame, column: str, keys: Sequence[Series], rows: int) -> Series:
    """A column of ``frame`` at the rows whose keys equal ``keys`` (``rows`` of them); unknown where there is
    no such row.  A frame without keys has one row, for all."""
    row = match_rows(keys, [frame[k] for k in frame.keys]) if keys else np.zeros(rows, np.intp)
    found = row >= 0
    series = frame[column].take(np.where(found, row, 0))
    known = found if series.known is None else found & series.known
    return Series(series.type, series.values, known, series.denominators, series.prefix)


def _label(expression: ex.MapLookup, scope: Scope) -> Series:
    items = _item_series(expression.args, scope)
    table = scope.world.map_of(expression.map)
    return map_labels(table, items, expression.type)


def map_labels(table: MapTable, items: Sequence[Series], type_: Type) -> Series:
    """The label of each key, unknown where the map has none."""
    rows = len(items[0])
    starts, ends = _bounds(table.starts), _bounds(table.ends)
    out = np.empty(rows, object)
    known = np.zeros(rows, np.bool_)
    for row in range(rows):
        key = _map_key(table, [i.scalar(row) for i in items])
        if key is None:
            continue
        place = bisect_right(starts, key) - 1
        if place >= 0 and key <= ends[place]:
            out[row] = table.labels[int(table.index[place])]
            known[row] = True
    return Series(type_, out, known)


def _bounds(values: NDArray[np.generic]) -> list[int]:
    if values.dtype.names:
        pairs = zip(values["high"].tolist(), values["low"].tolist(), strict=True)  # type: ignore[call-overload]
        return [h << 64 | low for h, low in pairs]
    return [int(v) for v in values.tolist()]


def _map_key(table: MapTable, parts: Sequence[Scalar]) -> int | None:
    numbers: list[int] = []
    for part in parts:
        number = part[0] if isinstance(part, tuple) else part
        if not isinstance(number, int):
            return None
        numbers.append(number)
    if table.kind == "port, protocol":
        return numbers[1] << 16 | numbers[0]
    return numbers[0]


def _count(expression: ex.CountOf, scope: Scope) -> int | None:
    if expression.set is not None:
        found = scope.world.set_of(expression.set)
        return None if found is None else found.count()
    frame = scope.world.rows_of(expression.table or "", False)
    return None if frame is None else frame.rows
