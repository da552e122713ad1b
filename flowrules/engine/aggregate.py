"""Mergeable parts of groups, filled chunk by chunk: counts, sums, extremes, matches, values with counts.

A *grouping* shares its dictionaries between threads; each thread fills a *partial* of its own, and the
partials are added up at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.dictionaries import NumberCodes
from flowrules.engine.exact_sums import ExactSquares, ExactSums, grown, smallest
from flowrules.engine.grouped import (
    Extremes,
    Grouped,
    Matches,
    Part,
    Totals,
    ValueCounts,
)
from flowrules.engine.groups import GroupNumbers
from flowrules.engine.key_codes import Coder, Coders, codes_of
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows, Values
from flowrules.engine.spreading import WEIGHTS, Weights, spread
from flowrules.model import expression as ex
from flowrules.plan.aggregates import GREATEST, LEAST, MATCHING, SQUARES, SUM, VALUES, Aggregate

if TYPE_CHECKING:
    from fractions import Fraction

Index = NDArray[np.intp]


class Grouping:
    """Keys and parts of one grouping, with the dictionaries that all threads share."""

    def __init__(
        self,
        keys: Sequence[ex.Expression],
        inside: Sequence[bool],
        aggregates: Sequence[Aggregate],
        coders: Coders,
    ) -> None:
        self.keys = tuple(keys)
        self.spread = next((k for k in keys if isinstance(k, ex.Spread)), None)
        if self.spread is not None:
            aggregates = (*aggregates, Aggregate(SUM, self.spread))
        self.aggregates = tuple(aggregates)
        self.coders: list[Coder] = [coders.of(k, i) for k, i in zip(keys, inside, strict=True)]
        self.numbers = GroupNumbers([c.width for c in self.coders]) if len(self.coders) > 1 else None
        self.value_coders: dict[Aggregate, Coder] = {
            a: coders.of(a.of) for a in self.aggregates if a.kind in (VALUES, SUM, SQUARES)
        }
        # a group's values, or its denominators, are pairs of its number and a code
        self.pairs: dict[Aggregate, GroupNumbers] = {
            a: GroupNumbers((32, 32)) for a in self.aggregates if a.kind in (VALUES, SUM, SQUARES)
        }
        self.denominators: dict[Aggregate, NumberCodes] = {
            a: NumberCodes() for a in self.aggregates if a.kind in (SUM, SQUARES)
        }

    def spread_rows(self, rows: Rows) -> Rows:
        """A row for each bin that each row touches, with its weight and its bin."""
        assert self.spread is not None
        index, bins, weights = spread(self.spread, rows.column("stime"), rows.column("duration"))
        out = rows.take(index)
        out.held[WEIGHTS] = weights
        out.held[id(self.spread)] = Values(bins)
        return out

    def group_numbers(self, rows: Rows) -> Index | None:
        """The group number of each row; ``None``: all are of group 1."""
        if not self.coders:
            return None
        if self.numbers is None:
            return codes_of(self.coders[0], rows).astype(np.intp)
        return self.numbers.encode([codes_of(c, rows) for c in self.coders]).astype(np.intp)

    def size(self) -> int:
        """One more than the highest group number."""
        if not self.coders:
            return 2
        return len(self.coders[0]) if self.numbers is None else len(self.numbers)

    def key_codes(self, groups: Index) -> list[NDArray[np.uint32]]:
        """The codes of the keys of groups, a column each."""
        if not self.coders:
            return []
        if self.numbers is None:
            return [groups.astype(np.uint32)]
        return [column.take(groups) for column in self.numbers.columns()]


class Partial:
    """What one thread has counted of one grouping."""

    def __init__(self, grouping: Grouping) -> None:
        self.grouping = grouping
        self._flows = 0
        self._counts = np.zeros(0, np.int64)
        self._parts: dict[Aggregate, _Part] = {a: _make_part(grouping, a) for a in grouping.aggregates}

    def add(self, rows: Rows) -> None:
        """Count rows, all of which passed the grouping's predicate."""
        if not rows.rows:
            return
        self._flows += rows.rows
        if self.grouping.spread is not None:
            rows = self.grouping.spread_rows(rows)
        groups = self.grouping.group_numbers(rows)
        size = self.grouping.size()
        self._counts = _counted(self._counts, groups, size, rows.rows)
        for part in self._parts.values():
            part.add(groups, size, rows)

    def merge(self, other: Partial) -> None:
        """Add what another thread has counted of the same grouping."""
        self._flows += other._flows
        size = max(len(self._counts), len(other._counts))
        if len(self._counts) < size:
            self._counts = grown(self._counts, size)
        self._counts[: len(other._counts)] += other._counts
        for aggregate, part in self._parts.items():
            part.merge(other._parts[aggregate])

    def finish(self) -> Grouped:
        """The groups that have rows, with their keys and parts."""
        groups = np.flatnonzero(self._counts)
        place = np.full(len(self._counts) + 1, -1, np.intp)
        place[groups] = np.arange(len(groups))
        keys = [
            coder.decode(codes)
            for coder, codes in zip(self.grouping.coders, self.grouping.key_codes(groups), strict=True)
        ]
        parts = {a: part.finish(groups, place) for a, part in self._parts.items()}
        return Grouped(
            dict(zip(self.grouping.keys, keys, strict=True)),
            self._counts.take(groups),
            parts,
            len(groups),
            None if self.grouping.spread is None else self._flows,
        )


def _counted(counts: NDArray[np.int64], groups: Index | None, size: int, rows: int) -> NDArray[np.int64]:
    if len(counts) < size:
        counts = grown(counts, size)
    if groups is None:
        counts[1] += rows
    else:
        np.add.at(counts, groups, 1)
    return counts


class _Part:
    """One part of the groups, for one thread."""

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        raise NotImplementedError

    def merge(self, other: Any) -> None:
        raise NotImplementedError

    def finish(self, groups: Index, place: Index) -> Part:
        """The part of ``groups``; ``place`` gives the row of each group number."""
        raise NotImplementedError


def _make_part(grouping: Grouping, aggregate: Aggregate) -> _Part:
    match aggregate.kind:
        case "sum" | "squares":
            return _SumPart(grouping, aggregate)
        case "least" | "greatest":
            return _ExtremePart(aggregate)
        case "matching":
            return _MatchPart(aggregate)
        case _:
            return _ValuePart(grouping, aggregate)


def _known_rows(groups: Index | None, values: Values) -> tuple[Index | None, Index | None]:
    """The rows with a known value (``None``: all), and their groups."""
    if values.known is None:
        return None, groups
    rows = np.flatnonzero(values.known)
    return rows, None if groups is None else groups.take(rows)


class _SumPart(_Part):
    """Exact sums of values or of their squares; of ratios by denominator, of floats by value."""

    def __init__(self, grouping: Grouping, aggregate: Aggregate) -> None:
        self._of = aggregate.of
        self._squares = aggregate.kind == SQUARES
        self._pairs = grouping.pairs[aggregate]
        self._denominators = grouping.denominators[aggregate]
        self._whole: ExactSums | ExactSquares = self._new()
        self._parts: ExactSums | ExactSquares = self._new()
        self._high = ExactSums()
        self._scale = 1
        self._floats = _ValuePart(grouping, aggregate)
        self._known = np.zeros(0, np.int64)
        self._all_known = True

    def _new(self) -> ExactSums | ExactSquares:
        return ExactSquares() if self._squares else ExactSums()

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        values = rows.values(self._of)
        if values.known is not None:
            self._all_known = False
        some, groups_known = _known_rows(groups, values)
        count = rows.rows if some is None else len(some)
        self._known = _counted(self._known, groups_known, size, count)
        if values.array.dtype.kind == "f":
            self._floats.add(groups, size, rows)
            return
        array = values.array if some is None else values.array.take(some)
        weights = rows.held.get(WEIGHTS)
        if weights is not None:
            self._add_weighted(groups_known, array, weights, some)
            return
        if values.denominators is None:
            self._whole.add(groups_known, size, _whole_numbers(array))
            return
        below = values.denominators if some is None else values.denominators.take(some)
        self._scale = values.scale
        own = np.ones(count, np.uint32) if groups_known is None else groups_known.astype(np.uint32)
        pair = self._pairs.encode((own, self._denominators.encode(below)))
        self._parts.add(pair.astype(np.intp), len(self._pairs), _whole_numbers(array))

    def _add_weighted(
        self, groups: Index | None, array: NDArray[Any], weights: Weights, some: Index | None
    ) -> None:
        """Add rows that were spread: each value times its weight, the flows themselves for the spread key."""
        if isinstance(self._of, ex.Spread):
            above, below = weights.records, weights.parts
        else:
            share = weights.volume if some is None else weights.volume.take(some)
            if len(array) and int(array.max()) * int(share.max(initial=0)) >= 1 << 63:
                share = share.astype(object)
            above = array.astype(share.dtype) * share
            below = weights.parts if some is None else weights.parts.take(some)
        own = np.ones(len(above), np.uint32) if groups is None else groups.astype(np.uint32)
        pair = self._pairs.encode((own, self._denominators.encode(below))).astype(np.intp)
        if above.dtype == object:
            # past 63 bits: by halves
            high = (above >> 32).astype(np.int64)
            self._high.add(pair, len(self._pairs), high)
            above = (above & 0xFFFFFFFF).astype(np.int64)
        self._parts.add(pair, len(self._pairs), above)

    def merge(self, other: _SumPart) -> None:
        size = max(len(self._known), len(other._known))
        if len(self._known) < size:
            self._known = grown(self._known, size)
        self._known[: len(other._known)] += other._known
        self._whole.merge(other._whole)  # type: ignore[arg-type]
        self._parts.merge(other._parts)  # type: ignore[arg-type]
        self._high.merge(other._high)
        self._floats.merge(other._floats)
        self._scale = max(self._scale, other._scale)
        self._all_known = self._all_known and other._all_known

    def finish(self, groups: Index, place: Index) -> Part:
        size = int(groups[-1]) + 1 if len(groups) else 1
        totals = self._whole.totals(size).take(groups)
        known = grown(self._known, size).take(groups)
        if len(self._denominators) > 1:
            totals = self._with_ratios(totals, place)
        floats = self._floats.finish(groups, place)
        assert isinstance(floats, ValueCounts)
        if len(floats.counts):
            totals = self._with_floats(totals, floats)
        return Totals(totals, known, len(floats.counts) > 0)

    def _with_ratios(self, totals: NDArray[Any], place: Index) -> NDArray[Any]:
        from fractions import Fraction

        out = totals.astype(object)
        group, code = self._pairs.columns()
        sums = self._parts.totals(len(self._pairs)).tolist()
        high = self._high.totals(len(self._pairs))
        if high.any():
            sums = [low + (h << 32) for low, h in zip(sums, high.tolist(), strict=True)]
        below = self._denominators.values(np.uint64).take(code).tolist()
        row = place.take(group, mode="clip").tolist()
        scale = self._scale**2 if self._squares else self._scale
        for pair in range(1, len(self._pairs)):
            if sums[pair]:
                divisor = below[pair] ** 2 if self._squares else below[pair]
                out[row[pair]] += Fraction(sums[pair] * scale, divisor)
        return out

    def _with_floats(self, totals: NDArray[Any], floats: ValueCounts) -> NDArray[Any]:
        from fractions import Fraction

        out = totals.astype(object)
        values = floats.values.values.tolist()
        for row, value, count in zip(floats.rows.tolist(), values, floats.counts.tolist(), strict=True):
            number: Fraction = Fraction(value)
            out[row] += count * (number * number if self._squares else number)
        return out


def _whole_numbers(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.uint8) if array.dtype == np.bool_ else array


class _ExtremePart(_Part):
    """The least or the greatest value."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._of = aggregate.of
        self._least = aggregate.kind == LEAST
        self._values: NDArray[Any] = np.zeros(0, np.int64)
        self._seen = np.zeros(0, np.bool_)

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        values = rows.values(self._of)
        some, groups = _known_rows(groups, values)
        array = values.array if some is None else values.array.take(some)
        if not len(array):
            return
        if array.dtype == np.uint64 and self._values.dtype != np.uint64:
            self._retype()
        self._reserve(size)
        array = array.astype(self._values.dtype, copy=False)
        if groups is None:
            self._combine(np.array([1]), np.array([array.min() if self._least else array.max()], array.dtype))
        else:
            self._combine(groups, array)

    def _combine(self, groups: Index, array: NDArray[Any]) -> None:
        extreme = np.minimum if self._least else np.maximum
        extreme.at(self._values, groups, array)
        self._seen[groups] = True

    def _fill(self, dtype: Any) -> int:
        limits = np.iinfo(dtype)
        return int(limits.max) if self._least else int(limits.min)

    def _retype(self) -> None:
        values = np.full(len(self._values), self._fill(np.uint64), np.uint64)
        values[self._seen] = self._values[self._seen].astype(np.uint64)
        self._values = values

    def _reserve(self, size: int) -> None:
        if len(self._values) < size:
            self._values = grown(self._values, size, self._fill(self._values.dtype))
            self._seen = grown(self._seen, len(self._values))

    def merge(self, other: _ExtremePart) -> None:
        if other._values.dtype == np.uint64 and self._values.dtype != np.uint64:
            self._retype()
        self._reserve(len(other._values))
        seen = np.flatnonzero(other._seen)
        self._combine(seen, other._values.take(seen).astype(self._values.dtype))

    def finish(self, groups: Index, place: Index) -> Part:
        self._reserve(int(groups[-1]) + 1 if len(groups) else 1)
        return Extremes(self._values.take(groups), self._seen.take(groups), self._least)


class _MatchPart(_Part):
    """How many rows pass a predicate."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._of = aggregate.of
        self._held = np.zeros(0, np.int64)

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        matching = np.flatnonzero(truth(self._of, rows)[0])
        own = None if groups is None else groups.take(matching)
        self._held = _counted(self._held, own, size, len(matching))

    def merge(self, other: _MatchPart) -> None:
        if len(self._held) < len(other._held):
            self._held = grown(self._held, len(other._held))
        self._held[: len(other._held)] += other._held

    def finish(self, groups: Index, place: Index) -> Part:
        size = int(groups[-1]) + 1 if len(groups) else 1
        return Matches(grown(self._held, size).take(groups))


class _ValuePart(_Part):
    """The different values, with how many rows have each."""

    def __init__(self, grouping: Grouping, aggregate: Aggregate) -> None:
        self._coder = grouping.value_coders[aggregate]
        self._pairs = grouping.pairs[aggregate]
        self._counts = np.zeros(0, np.int64)

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        codes = codes_of(self._coder, rows)
        known = codes != 0
        if not known.all():
            some = np.flatnonzero(known)
            codes = codes.take(some)
            groups = None if groups is None else groups.take(some)
        if not len(codes):
            return
        own = np.ones(len(codes), np.uint32) if groups is None else groups.astype(np.uint32)
        pair = self._pairs.encode((own, codes))
        self._counts = _counted(self._counts, pair.astype(np.intp), len(self._pairs), len(pair))

    def merge(self, other: _ValuePart) -> None:
        size = max(len(self._counts), len(other._counts))
        if len(self._counts) < size:
            self._counts = grown(self._counts, size)
        self._counts[: len(other._counts)] += other._counts

    def finish(self, groups: Index, place: Index) -> Part:
        pairs = np.flatnonzero(self._counts)
        group, code = (column.take(pairs) for column in self._pairs.columns())
        return ValueCounts(place.take(group), self._coder.decode(code), self._counts.take(pairs))


__all__ = ["GREATEST", "LEAST", "MATCHING", "SUM", "VALUES", "Grouping", "Partial", "smallest"]
