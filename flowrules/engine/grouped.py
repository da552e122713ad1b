"""Groups with what was counted of them, after a scan: thinned, and put together into fewer groups.

Parts are kept row by row beside the groups; ``regroup`` adds the parts of groups that fall together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrules.engine.joins import sort_columns
from flowrules.engine.key_words import in_key_order
from flowrules.engine.results import Series
from flowrules.model import expression as ex
from flowrules.plan.aggregates import VALUES, Aggregate

Index = NDArray[np.intp]


@frozen(eq=False)
class Totals:
    """Sums (int64, uint64, or objects of ``int`` or ``Fraction``) and how many values each is of.

    ``floats``: the values were floats, so that their exact sum is to be rounded.
    """

    sums: NDArray[Any]
    known: NDArray[np.int64]
    floats: bool = False

    def take(self, index: Index) -> Totals:
        """The parts of the groups at ``index``."""
        return Totals(self.sums.take(index), self.known.take(index), self.floats)

    def slice(self, some: slice) -> Totals:
        """The parts of some groups, without copying."""
        return Totals(self.sums[some], self.known[some], self.floats)

    def regroup(self, to: Index, size: int) -> Totals:
        """The parts of ``size`` groups, group ``i`` of these falling into ``to[i]``."""
        return Totals(added(self.sums, to, size), added(self.known, to, size), self.floats)


@frozen(eq=False)
class Extremes:
    """The least or greatest values, and which groups have one."""

    values: NDArray[Any]
    seen: NDArray[np.bool_]
    least: bool

    def take(self, index: Index) -> Extremes:
        """The parts of the groups at ``index``."""
        return Extremes(self.values.take(index), self.seen.take(index), self.least)

    def slice(self, some: slice) -> Extremes:
        """The parts of some groups, without copying."""
        return Extremes(self.values[some], self.seen[some], self.least)

    def regroup(self, to: Index, size: int) -> Extremes:
        """The parts of ``size`` groups, group ``i`` of these falling into ``to[i]``."""
        limits = np.iinfo(self.values.dtype)
        values = np.full(size, limits.max if self.least else limits.min, self.values.dtype)
        seen = np.zeros(size, np.bool_)
        rows = np.flatnonzero(self.seen)
        (np.minimum if self.least else np.maximum).at(values, to.take(rows), self.values.take(rows))
        seen[to.take(rows)] = True
        return Extremes(values, seen, self.least)


@frozen(eq=False)
class Matches:
    """How many rows pass a predicate."""

    held: NDArray[np.int64]

    def take(self, index: Index) -> Matches:
        """The parts of the groups at ``index``."""
        return Matches(self.held.take(index))

    def slice(self, some: slice) -> Matches:
        """The parts of some groups, without copying."""
        return Matches(self.held[some])

    def regroup(self, to: Index, size: int) -> Matches:
        """The parts of ``size`` groups, group ``i`` of these falling into ``to[i]``."""
        return Matches(added(self.held, to, size))


@frozen(eq=False)
class ValueCounts:
    """The different values of each group: ``rows`` says whose, ``counts`` how often (int64, or uint32).

    They come in no order, but by group and value where they are ``ordered``: whole numbers below 2**32, bins of
    times, or IPv4 addresses.  Where they come by group, ``sizes`` may stand for ``rows``: how many values each group
    has.  The arrays of very many lie in files.
    """

    _rows: Index | None
    values: Series
    counts: NDArray[Any]
    ordered: bool = False
    sizes: NDArray[np.int64] | None = None

    @property
    def rows(self) -> Index:
        """The group of each value."""
        if self._rows is not None:
            return self._rows
        assert self.sizes is not None
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def different(self, groups: int) -> NDArray[np.int64]:
        """How many values each of so many groups has."""
        return np.bincount(self.rows, minlength=groups) if self.sizes is None else self.sizes

    def slice(self, some: slice, first: int) -> ValueCounts:
        """The parts of some groups, without copying; they come by group, and the values begin at ``first``."""
        assert self.sizes is not None
        sizes = self.sizes[some]
        values = slice(first, first + int(sizes.sum()))
        return ValueCounts(None, self.values.slice(values), self.counts[values], self.ordered, sizes)

    def take(self, index: Index) -> ValueCounts:
        """The parts of the groups at ``index`` (each at most once)."""
        rows = self.rows
        size = int(max(rows.max(initial=-1), index.max(initial=-1))) + 1
        place = np.full(size, -1, np.intp)
        place[index] = np.arange(len(index))
        rows = place.take(rows)
        kept = np.flatnonzero(rows >= 0)
        by_group = self.sizes is not None and bool((index[1:] > index[:-1]).all())
        return ValueCounts(
            None if by_group else rows.take(kept),
            self.values.take(kept),
            self.counts.take(kept),
            self.ordered and by_group,
            self.sizes.take(index) if by_group and self.sizes is not None else None,
        )

    def regroup(self, to: Index, size: int) -> ValueCounts:
        """The parts of ``size`` groups, group ``i`` of these falling into ``to[i]``."""
        rows = to.take(self.rows)
        order, new = in_key_order((rows, *identity_columns(self.values)), len(rows))
        first = order[new]
        counts = np.zeros(len(first), np.int64)
        np.add.at(counts, np.cumsum(new) - 1, self.counts.take(order).astype(np.int64, copy=False))
        return ValueCounts(rows.take(first), self.values.take(first), counts)


Part = Totals | Extremes | Matches | ValueCounts

STRETCH: Final = 1 << 20
"""So many groups are looked at together where there are more."""


@frozen(eq=False)
class Grouped:
    """Groups: their keys by expression, how many rows each has, and their parts.

    ``flows`` is how many flows they are of, where that is not the sum of ``counts`` (flows that were spread).
    """

    keys: Mapping[ex.Expression, Series]
    counts: NDArray[np.int64]
    parts: Mapping[Aggregate, Part]
    rows: int
    flows: int | None = None

    def take(self, index: Index) -> Grouped:
        """The groups at ``index`` (each at most once)."""
        return evolve(
            self,
            keys={k: s.take(index) for k, s in self.keys.items()},
            counts=self.counts.take(index),
            parts={a: p.take(index) for a, p in self.parts.items()},
            rows=len(index),
        )

    def stretches(self) -> Iterator[Grouped]:
        """All groups, some at a time, without copying; different values come group by group."""
        met: dict[Aggregate, int] = {}
        for begin in range(0, self.rows, STRETCH):
            some = slice(begin, min(begin + STRETCH, self.rows))
            parts: dict[Aggregate, Part] = {}
            for aggregate, part in self.parts.items():
                if isinstance(part, ValueCounts):
                    first = met.get(aggregate, 0)
                    parts[aggregate] = own = part.slice(some, first)
                    met[aggregate] = first + len(own.counts)
                else:
                    parts[aggregate] = part.slice(some)
            yield evolve(
                self,
                keys={k: s.slice(some) for k, s in self.keys.items()},
                counts=self.counts[some],
                parts=parts,
                rows=some.stop - begin,
            )

    @property
    def _in_stretches(self) -> bool:
        """Whether there are so many groups that some are taken at a time."""
        many = self.rows > STRETCH and self.flows is None
        return many and all(p.sizes is not None for p in self.parts.values() if isinstance(p, ValueCounts))

    def regroup(self, keys: tuple[ex.Expression, ...]) -> Grouped:
        """Fewer groups: those of some of the keys."""
        if len(keys) == len(self.keys):
            return self
        if self._in_stretches:
            return _put_together(some.regroup(keys) for some in self.stretches())
        to, first = group_rows([self.keys[k] for k in keys], self.rows)
        size = len(first)
        return Grouped(
            {k: self.keys[k].take(first) for k in keys},
            added(self.counts, to, size),
            {a: p.regroup(to, size) for a, p in self.parts.items()},
            size,
            self.flows,
        )

    def coarser(self, keys: tuple[ex.Expression, ...], aggregates: Collection[Aggregate]) -> Grouped:
        """Fewer groups, with these parts; the different values of a key here are its groups."""
        needed = {a: self.parts[a] for a in aggregates if a.kind != VALUES}
        finer = evolve(self, parts=needed)
        if finer._in_stretches:
            return _put_together(some.coarser(keys, aggregates) for some in finer.stretches())
        parts: dict[Aggregate, Part] = {}
        for aggregate in aggregates:
            if aggregate.kind != VALUES:
                parts[aggregate] = self.parts[aggregate]
                continue
            values = self.keys[aggregate.of]
            known = np.flatnonzero(values.mask())
            parts[aggregate] = ValueCounts(known, values.take(known), self.counts.take(known))
        return evolve(self, parts=parts).regroup(keys)

    def whole(self) -> Grouped:
        """All as one group (of no rows, where there are no groups)."""
        if self.rows == 1:
            return Grouped({}, self.counts, self.parts, 1)
        if self._in_stretches:
            return _put_together(some.whole() for some in self.stretches())
        to = np.zeros(self.rows, np.intp)
        return Grouped({}, added(self.counts, to, 1), {a: p.regroup(to, 1) for a, p in self.parts.items()}, 1)


def _put_together(pieces: Iterable[Grouped]) -> Grouped:
    """Groups of which some have equal keys."""
    from flowrules.engine.merging import Merging

    merging = Merging()
    for piece in pieces:
        merging.add(piece)
    return merging.whole()


def identity_columns(series: Series) -> list[NDArray[Any]]:
    """Arrays that are equal for two rows where their values are."""
    if series.denominators is not None:
        known = series.mask()
        return [known, np.where(known, series.values, 0), np.where(known, series.denominators, 1)]
    return sort_columns(series)


def group_rows(keys: list[Series], rows: int) -> tuple[Index, Index]:
    """The group of each row by its keys, and the first row of each group."""
    if not keys:
        return np.zeros(rows, np.intp), np.zeros(min(rows, 1), np.intp)
    order, new = in_key_order([c for key in keys for c in identity_columns(key)], rows)
    to = np.empty(rows, np.intp)
    to[order] = np.cumsum(new) - 1
    return to, order[new]


def added(values: NDArray[Any], to: Index, size: int) -> NDArray[Any]:
    """Whole numbers (or objects) of groups that fall together, added up exactly."""
    if values.dtype == object:
        out = np.zeros(size, object)
        np.add.at(out, to, values)
        return out
    if size == 1 and values.dtype == np.int64 and _bound(values) * len(values) < 1 << 63:
        return np.array([int(values.sum())], np.int64)
    if values.dtype == np.int64 and (not len(values) or _bound(values) * len(values) < 1 << 63):
        whole = np.zeros(size, np.int64)
        np.add.at(whole, to, values)
        return whole
    from flowrules.engine.exact_sums import ExactSums

    sums = ExactSums()
    sums.add(to, size, values)
    return sums.totals(size)


def _bound(values: NDArray[np.int64]) -> int:
    if not len(values):
        return 0
    return max(int(values.max()), -int(values.min()))
