"""The parts of groups as columns of sorted runs: of rows, of groups that a table has, and back as parts.

A sum is told modulo 2**64, and where a number of 2**32 or more was among what was added, so are the sums of the upper halves: with
both the sum is exact whatever its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.exact_sums import smallest
from flowrules.engine.group_runs import ROWS, Name
from flowrules.engine.grouped import Extremes, Grouped, Matches, Part, Totals, ValueCounts
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows, Values
from flowrules.engine.spreading import WEIGHTS
from flowrules.plan.aggregates import GREATEST, LEAST, MATCHING, SQUARES, SUM, Aggregate

Array = NDArray[Any]
Columns = dict[Name, Array]

KINDS: Final = frozenset({SUM, SQUARES, LEAST, GREATEST, MATCHING})
"""The kinds of parts that columns can be had of."""

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFF_FFFF)
_WORD: Final = 1 << 64
_SIGNED: Final = 1 << 63


# ---- of rows


def columns_of_rows(aggregate: Aggregate, rows: Rows) -> Columns | None:
    """The columns of one part of rows; ``None`` where the values are none that can be added so (ratios, floats)."""
    if aggregate.kind == MATCHING:
        return {Name(aggregate, "held", "count"): truth(aggregate.of, rows)[0]}
    if WEIGHTS in rows.held:
        return None
    values = rows.values(aggregate.of)
    if values.denominators is not None or values.labels or values.array.dtype.kind not in "biu":
        return None
    return _of_values(aggregate, values)


def _of_values(aggregate: Aggregate, values: Values) -> Columns | None:
    array, known = values.array, values.known
    if known is not None and known.all():
        known = None
    out: Columns = {}
    if known is not None:
        out[Name(aggregate, "unknown", "count")] = ~known
    if aggregate.kind in (LEAST, GREATEST):
        if array.dtype == np.uint64 and int(array.max(initial=0)) >= _SIGNED:
            return None
        array = array.astype(np.int64)
        if known is not None:
            limits = np.iinfo(np.int64)
            array[~known] = limits.max if aggregate.kind == LEAST else limits.min
        out[Name(aggregate, "value", aggregate.kind)] = array
        return out
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    if known is not None:
        array = array * known
    if aggregate.kind == SQUARES:
        sizes = np.abs(array.astype(np.int64)) if array.dtype.kind == "i" else array
        if int(sizes.max(initial=0)) > 0xFFFF_FFFF:
            return None
        array = sizes.astype(np.uint64) ** np.uint64(2)
    if array.dtype.kind == "i" and int(array.min(initial=0)) < 0:
        wide = array.astype(np.int64)
        below = wide < 0
        _put(out, aggregate, "negative", (-wide * below).view(np.uint64))
        array = (wide * ~below).view(np.uint64)
    _put(out, aggregate, "sum", array)
    return out


def _put(out: Columns, aggregate: Aggregate, what: str, array: Array) -> None:
    """Unsigned numbers (or none below 0) to be added up."""
    if array.dtype.kind == "i":
        array = array.astype(np.uint64)
    out[Name(aggregate, what)] = array
    if array.dtype.itemsize > 4 and int(array.max(initial=0)) > 0xFFFF_FFFF:
        out[Name(aggregate, f"{what}, upper half")] = array >> _HALF


# ---- of groups


def columns_of_groups(groups: Grouped) -> Columns | None:
    """The columns of groups, but for different values; ``None`` where there are none for some part."""
    out: Columns = {ROWS: groups.counts}
    for aggregate, part in groups.parts.items():
        if isinstance(part, ValueCounts):
            continue
        columns = _columns_of_part(aggregate, part, groups.counts)
        if columns is None:
            return None
        out.update(columns)
    return out


def _columns_of_part(aggregate: Aggregate, part: Part, counts: NDArray[np.int64]) -> Columns | None:
    match part:
        case Matches():
            return {Name(aggregate, "held", "count"): part.held}
        case Extremes():
            if part.values.dtype == np.uint64 and int(part.values.max(initial=0)) >= _SIGNED:
                return None
            out = {Name(aggregate, "value", aggregate.kind): part.values.astype(np.int64)}
            if not part.seen.all():
                out[Name(aggregate, "unknown", "count")] = np.where(part.seen, 0, counts)
            return out
        case Totals(floats=False):
            return _columns_of_sums(aggregate, part, counts)
        case _:
            return None


def _columns_of_sums(aggregate: Aggregate, part: Totals, counts: NDArray[np.int64]) -> Columns | None:
    out: Columns = {}
    unknown = counts - part.known
    if unknown.any():
        out[Name(aggregate, "unknown", "count")] = unknown
    sums = part.sums
    if sums.dtype != object:
        if sums.dtype.kind == "i" and int(sums.min(initial=0)) < 0:
            sums = sums.astype(object)
        else:
            _put(out, aggregate, "sum", sums)
            return out
    values = sums.tolist()
    if any(type(v) is not int or abs(v) >= 1 << 95 for v in values):
        return None
    for what, sign in (("sum", 1), ("negative", -1)):
        mine = [max(sign * v, 0) for v in values]
        if any(mine) or sign > 0:
            out[Name(aggregate, what)] = np.array([v % _WORD for v in mine], np.uint64)
            out[Name(aggregate, f"{what}, upper half")] = np.array([v >> 32 for v in mine], np.uint64)
    return out


# ---- back


def parts_of_columns(aggregates: Sequence[Aggregate], columns: Mapping[Name, Array]) -> dict[Aggregate, Part]:
    """The parts of groups from their columns."""
    return {
        a: _part(a, {n.what: c for n, c in columns.items() if n.of == a}, columns[ROWS]) for a in aggregates
    }


def _part(aggregate: Aggregate, columns: Mapping[str, Array], counts: NDArray[np.int64]) -> Part:
    if aggregate.kind == MATCHING:
        return Matches(columns["held"])
    unknown = columns.get("unknown")
    known = counts if unknown is None else counts - unknown
    if aggregate.kind in (LEAST, GREATEST):
        return Extremes(columns["value"], known > 0, aggregate.kind == LEAST)
    sums = _exact(columns["sum"], columns.get("sum, upper half"))
    if "negative" in columns:
        negative = _exact(columns["negative"], columns.get("negative, upper half"))
        sums = smallest(sums.astype(object) - negative.astype(object))
    return Totals(sums, known)


def _exact(low: NDArray[np.uint64], high: NDArray[np.uint64] | None) -> Array:
    """Sums from what they are modulo 2**64, and the sums of the upper halves."""
    if high is not None:
        # the sums of the lower halves do not pass 64 bits
        below = low - (high << _HALF)
        carried = high + (below >> _HALF)
        if int(carried.max(initial=0)) > 0xFFFF_FFFF:
            whole = carried.astype(object) * (1 << 32) + (below & _LOW).astype(object)
            return smallest(whole)
    return low.view(np.int64) if int(low.max(initial=0)) < _SIGNED else low
