"""Groups of several files added up: what one scan over all of them would have found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrules.engine.collect import joined
from flowrules.engine.exact_sums import smallest
from flowrules.engine.grouped import Extremes, Grouped, Matches, Part, Totals, ValueCounts, added, group_rows
from flowrules.engine.results import Series

FEWEST: Final = 1 << 20
"""So many groups and values may always wait to be added up."""


class Merging:
    """Groups added file by file: they wait until there are as many as are added up, so that all are sorted seldom."""

    def __init__(self) -> None:
        self._waiting: list[Grouped] = []
        self._size = 0
        self._most = FEWEST

    def add(self, groups: Grouped) -> None:
        """Add the groups of one more file."""
        self._waiting.append(groups)
        self._size += size_of(groups)
        if self._size > self._most:
            self._size = size_of(self.whole())
            self._most = max(FEWEST, 2 * self._size)

    def whole(self) -> Grouped:
        """All groups; there was at least one file."""
        if len(self._waiting) > 1:
            self._waiting = [merged(self._waiting)]
        return self._waiting[0]


def size_of(groups: Grouped) -> int:
    """How many groups and values there are to put in order."""
    values = (len(p.counts) for p in groups.parts.values() if isinstance(p, ValueCounts))
    return groups.rows + sum(values)


def merged(pieces: Sequence[Grouped]) -> Grouped:
    """The groups of pieces with equal keys and parts, those of equal keys as one."""
    flows = None if pieces[0].flows is None else sum(p.flows or 0 for p in pieces)
    # what has no groups says nothing of the dtypes of the others
    filled = [p for p in pieces if p.rows] or [pieces[0]]
    if len(filled) == 1:
        return evolve(filled[0], flows=flows)
    first = filled[0]
    keys = {k: together([p.keys[k] for p in filled]) for k in first.keys}
    starts = np.cumsum([0, *(p.rows for p in filled)])
    rows = int(starts[-1])
    to, leading = group_rows(list(keys.values()), rows)
    counts = np.zeros(len(leading), np.int64)
    np.add.at(counts, to, np.concatenate([p.counts for p in filled]))
    parts = {}
    for aggregate in first.parts:
        own = [p.parts[aggregate] for p in filled]
        if all(
            isinstance(part, Totals) and part.known is p.counts for part, p in zip(own, filled, strict=True)
        ):
            parts[aggregate] = _settled(_of_all_rows(own, to, counts))
        else:
            parts[aggregate] = _settled(_beside(own, starts).regroup(to, len(leading)))
    return Grouped({k: s.take(leading) for k, s in keys.items()}, counts, parts, len(leading), flows)


def together(pieces: Sequence[Series]) -> Series:
    """Columns of one type one after the other, whatever dtypes their values happened to need."""
    lasting = [p for p in pieces if p.known is None or p.known.any()]
    if len({p.values.dtype for p in pieces}) == 1 or not lasting:
        return joined(list(pieces))
    plain = [p.values for p in lasting if not p.values.dtype.names and p.values.dtype != object]
    if len(plain) != len(lasting) or any(p.values.dtype.names for p in pieces):
        return joined(list(pieces))
    dtype = _common(plain)
    return joined([evolve(p, values=_as(p, dtype)) for p in pieces])


def _as(series: Series, dtype: Any) -> NDArray[Any]:
    if series.known is not None and not series.known.any():
        return np.zeros(len(series), dtype)
    return series.values.astype(dtype)


def _common(arrays: Sequence[NDArray[Any]]) -> Any:
    """The dtype that holds all numbers exactly."""
    dtypes = {a.dtype for a in arrays}
    if len(dtypes) == 1 or all(d.kind == "f" for d in dtypes):
        return np.result_type(*dtypes)
    if np.dtype(np.uint64) in dtypes and any(d.kind == "i" for d in dtypes):
        return np.uint64 if all(int(a.min(initial=0)) >= 0 for a in arrays) else object
    return np.result_type(*dtypes)


def _beside(parts: Sequence[Part], starts: NDArray[np.int64]) -> Part:
    first = parts[0]
    match first:
        case Totals():
            totals = [p for p in parts if isinstance(p, Totals)]
            return Totals(
                _numbers([t.sums for t in totals]),
                np.concatenate([t.known for t in totals]),
                any(t.floats for t in totals),
            )
        case Extremes():
            return _extremes([p for p in parts if isinstance(p, Extremes)])
        case Matches():
            return Matches(np.concatenate([p.held for p in parts if isinstance(p, Matches)]))
        case ValueCounts():
            counts = [p for p in parts if isinstance(p, ValueCounts)]
            filled = [c for c in counts if len(c.counts)] or counts[:1]
            return ValueCounts(
                np.concatenate([c.rows + s for c, s in zip(counts, starts.tolist(), strict=False)]),
                together([c.values for c in filled]),
                np.concatenate([c.counts for c in counts]),
            )


def _of_all_rows(parts: Sequence[Part], to: NDArray[np.intp], counts: NDArray[np.int64]) -> Totals:
    """Sums of groups all of whose rows have a known value, as mostly: how many these are is counted already."""
    totals = [p for p in parts if isinstance(p, Totals)]
    sums = added(_numbers([t.sums for t in totals]), to, len(counts))
    return Totals(sums, counts, any(t.floats for t in totals))


def _numbers(sums: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Sums one after the other: as objects where one dtype does not hold them all."""
    if len({s.dtype for s in sums}) > 1:
        sums = [s.astype(object) for s in sums]
    return np.concatenate(sums)


def _extremes(parts: Sequence[Extremes]) -> Extremes:
    values = [p.values for p in parts]
    least = parts[0].least
    if len({v.dtype for v in values}) > 1:
        # whole numbers past 63 bits in some files: groups that were not seen hold the limits of a dtype
        values = [np.where(p.seen, p.values, 0).astype(np.uint64) for p in parts]
    return Extremes(np.concatenate(values), np.concatenate([p.seen for p in parts]), least)


def _settled(part: Part) -> Part:
    """Sums in the dtype that a single scan gives them."""
    if isinstance(part, Totals) and part.sums.dtype == object:
        whole = all(type(v) is int for v in part.sums.tolist())
        if whole and not part.floats:
            return evolve(part, sums=smallest(part.sums))
    return part
