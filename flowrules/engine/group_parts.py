"""The parts of groups while rows are counted: sums, extremes, matches, different values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrules.engine.exact_sums import ExactSquares, ExactSums, grown
from flowrules.engine.grouped import Extremes, Matches, Part, Totals, ValueCounts
from flowrules.engine.kernels import kernels
from flowrules.engine.key_codes import PlainCoder, codes_of
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows, Values
from flowrules.engine.spreading import WEIGHTS, Weights
from flowrules.engine.stored_arrays import stored
from flowrules.engine.value_runs import HALF, LOW, MetGroups, Run, ValueRuns
from flowrules.model import expression as ex
from flowrules.plan.aggregates import LEAST, SQUARES, Aggregate

if TYPE_CHECKING:
    from fractions import Fraction

    from flowrules.engine.aggregate import Grouping
    from flowrules.engine.dictionaries import NumberCodes
    from flowrules.engine.groups import GroupNumbers

Index = NDArray[np.intp]


def counted(counts: NDArray[np.int64], groups: Index | None, size: int, rows: int) -> NDArray[np.int64]:
    """Counts by group number with ``rows`` more rows, one for each of ``groups`` (``None``: all of group 1)."""
    if len(counts) < size:
        counts = grown(counts, size)
    if groups is None:
        counts[1] += rows
    else:
        kernels().count(counts, groups)
    return counts


class GroupPart:
    """One part of the groups, for one thread."""

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        """Count rows of ``groups`` (``None``: all of group 1); ``size`` groups exist by now."""
        raise NotImplementedError

    def add_masked(self, groups: Index | None, size: int, rows: Rows, passed: NDArray[np.bool_]) -> None:
        """Count rows of which some did not pass, and have group 0 (``None``: those that passed have group 1); only
        sums of unsigned fields can be had so.
        """
        raise NotImplementedError

    def add_counted(self, sums: NDArray[np.int64]) -> None:
        """Add sums of known values by group number, of rows counted elsewhere; only sums can be had so."""
        raise NotImplementedError

    def add_total(self, total: int) -> None:
        """The same for the one group of all rows."""
        raise NotImplementedError

    def merge(self, other: Any) -> None:
        """Add what another thread has counted of the same part."""
        raise NotImplementedError

    def finish(self, groups: Index, place: Index, counts: NDArray[np.int64]) -> Part:
        """The part of ``groups``, which have so many rows; ``place`` gives the row of each group number."""
        raise NotImplementedError


def make_part(grouping: Grouping, aggregate: Aggregate) -> GroupPart:
    """An empty part of a grouping."""
    match aggregate.kind:
        case "sum" | "squares":
            return _SumPart(grouping, aggregate)
        case "least" | "greatest":
            return _ExtremePart(aggregate)
        case "matching":
            return _MatchPart(aggregate)
        case _:
            return ValuePart(grouping, aggregate)


class _Unknown:
    """How many rows of each group have an unknown value: mostly none, and then it costs nothing."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)

    def add(self, groups: Index | None, size: int, values: Values) -> None:
        if values.known is not None:
            rows = np.flatnonzero(~values.known)
            self._counts = counted(
                self._counts, None if groups is None else groups.take(rows), size, len(rows)
            )

    def merge(self, other: _Unknown) -> None:
        if len(self._counts) < len(other._counts):
            self._counts = grown(self._counts, len(other._counts))
        self._counts[: len(other._counts)] += other._counts

    def known(self, groups: Index, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many rows of ``groups``, which have ``counts`` rows, have a known value."""
        if not len(self._counts):
            return counts
        size = int(groups[-1]) + 1 if len(groups) else 1
        unknown = self._counts if len(self._counts) >= size else grown(self._counts, size)
        return counts - unknown.take(groups)


def _known_rows(groups: Index | None, values: Values) -> tuple[Index | None, Index | None]:
    """The rows with a known value (``None``: all), and their groups."""
    if values.known is None:
        return None, groups
    rows = np.flatnonzero(values.known)
    return rows, None if groups is None else groups.take(rows)


class _SumPart(GroupPart):
    """Exact sums of values or of their squares; of ratios by denominator, of floats by value."""

    def __init__(self, grouping: Grouping, aggregate: Aggregate) -> None:
        self._grouping = grouping
        self._aggregate = aggregate
        self._of = aggregate.of
        self._squares = aggregate.kind == SQUARES
        self._whole = _sums(self._squares)
        self._unknown = _Unknown()
        # most values are whole: what others need is made when one comes
        self._ratios: _Ratios | None = None
        self._floats: ValuePart | None = None

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        values = rows.values(self._of)
        self._unknown.add(groups, size, values)
        some, groups_known = _known_rows(groups, values)
        if values.array.dtype.kind == "f":
            self._of_floats().add(groups, size, rows)
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
        ratios = self._of_ratios()
        ratios.scale = values.scale
        ratios.parts.add(ratios.pairs_of(groups_known, below), ratios.size, _whole_numbers(array))

    def _of_ratios(self) -> _Ratios:
        if self._ratios is None:
            self._ratios = _Ratios(*self._grouping.ratios(self._aggregate), _sums(self._squares))
        return self._ratios

    def _of_floats(self) -> ValuePart:
        if self._floats is None:
            self._floats = ValuePart(self._grouping, self._aggregate)
        return self._floats

    def add_masked(self, groups: Index | None, size: int, rows: Rows, passed: NDArray[np.bool_]) -> None:
        self._whole.add(groups, size, rows.values(self._of).array * passed)

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
        ratios = self._of_ratios()
        pair = ratios.pairs_of(groups, below)
        if above.dtype == object:
            # past 63 bits: by halves
            ratios.high.add(pair, ratios.size, (above >> 32).astype(np.int64))
            above = (above & 0xFFFFFFFF).astype(np.int64)
        ratios.parts.add(pair, ratios.size, above)

    def add_counted(self, sums: NDArray[np.int64]) -> None:
        groups = np.flatnonzero(sums)
        self._whole.add(groups, len(sums), sums.take(groups))

    def add_total(self, total: int) -> None:
        self._whole.add(None, 2, np.array([total], np.uint64))

    def merge(self, other: _SumPart) -> None:
        self._unknown.merge(other._unknown)
        self._whole.merge(other._whole)  # type: ignore[arg-type]
        if other._ratios is not None:
            self._of_ratios().merge(other._ratios)
        if other._floats is not None:
            self._of_floats().merge(other._floats)

    def finish(self, groups: Index, place: Index, counts: NDArray[np.int64]) -> Part:
        size = int(groups[-1]) + 1 if len(groups) else 1
        totals = self._whole.totals(size).take(groups)
        known = self._unknown.known(groups, counts)
        if self._ratios is not None:
            totals = self._ratios.added_to(totals, place, self._squares)
        if self._floats is None:
            return Totals(totals, known)
        floats = self._floats.finish(groups, place, counts)
        assert isinstance(floats, ValueCounts)
        if len(floats.counts):
            totals = self._with_floats(totals, floats)
        return Totals(totals, known, len(floats.counts) > 0)

    def _with_floats(self, totals: NDArray[Any], floats: ValueCounts) -> NDArray[Any]:
        from fractions import Fraction

        out = totals.astype(object)
        values = floats.values.values.tolist()
        for row, value, count in zip(floats.rows.tolist(), values, floats.counts.tolist(), strict=True):
            number: Fraction = Fraction(value)
            out[row] += count * (number * number if self._squares else number)
        return out


def _sums(squares: bool) -> ExactSums | ExactSquares:
    return ExactSquares() if squares else ExactSums()


class _Ratios:
    """Sums of ratios (or of their squares): of their numerators, by group and denominator."""

    def __init__(
        self, pairs: GroupNumbers, denominators: NumberCodes, parts: ExactSums | ExactSquares
    ) -> None:
        self._pairs = pairs
        self._denominators = denominators
        self.parts = parts
        self.high = ExactSums()
        """The upper halves of numerators past 63 bits, in units of 2^32."""
        self.scale = 1

    @property
    def size(self) -> int:
        """One more than the highest pair of a group and a denominator."""
        return len(self._pairs)

    def pairs_of(self, groups: Index | None, below: NDArray[Any]) -> Index:
        """The pair of each row's group (``None``: all are of group 1) and denominator."""
        own = np.ones(len(below), np.uint32) if groups is None else groups.astype(np.uint32)
        return self._pairs.encode((own, self._denominators.encode(below))).astype(np.intp)

    def merge(self, other: _Ratios) -> None:
        """Add the sums of another thread."""
        self.parts.merge(other.parts)  # type: ignore[arg-type]
        self.high.merge(other.high)
        self.scale = max(self.scale, other.scale)

    def added_to(self, totals: NDArray[Any], place: Index, squares: bool) -> NDArray[Any]:
        """Totals of groups with the sums of these; ``place`` gives the row of each group."""
        from fractions import Fraction

        if len(self._denominators) <= 1:
            return totals
        out = totals.astype(object)
        group, code = self._pairs.columns()
        sums = self.parts.totals(len(self._pairs)).tolist()
        high = self.high.totals(len(self._pairs))
        if high.any():
            sums = [low + (h << 32) for low, h in zip(sums, high.tolist(), strict=True)]
        below = self._denominators.values(np.uint64).take(code).tolist()
        row = place.take(group, mode="clip").tolist()
        scale = self.scale**2 if squares else self.scale
        for pair in range(1, len(self._pairs)):
            if sums[pair]:
                divisor = below[pair] ** 2 if squares else below[pair]
                out[row[pair]] += Fraction(sums[pair] * scale, divisor)
        return out


def _whole_numbers(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.uint8) if array.dtype == np.bool_ else array


class _ExtremePart(GroupPart):
    """The least or the greatest value."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._of = aggregate.of
        self._least = aggregate.kind == LEAST
        self._values: NDArray[Any] = np.zeros(0, np.int64)
        self._unknown = _Unknown()

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        values = rows.values(self._of)
        self._unknown.add(groups, size, values)
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
        kernels().keep(self._values, groups, array, self._least)

    def _fill(self, dtype: Any) -> int:
        limits = np.iinfo(dtype)
        return int(limits.max) if self._least else int(limits.min)

    def _retype(self) -> None:
        """Whole numbers past 63 bits from now on; what was not met yet stays so."""
        met = self._values != self._fill(self._values.dtype)
        values = np.full(len(self._values), self._fill(np.uint64), np.uint64)
        values[met] = self._values[met].astype(np.uint64)
        self._values = values

    def _reserve(self, size: int) -> None:
        if len(self._values) < size:
            self._values = grown(self._values, size, self._fill(self._values.dtype))

    def merge(self, other: _ExtremePart) -> None:
        self._unknown.merge(other._unknown)
        if other._values.dtype != self._values.dtype:
            for part in (self, other):
                if part._values.dtype != np.uint64:
                    part._retype()
        self._reserve(len(other._values))
        self._combine(np.arange(len(other._values)), other._values)

    def finish(self, groups: Index, place: Index, counts: NDArray[np.int64]) -> Part:
        self._reserve(int(groups[-1]) + 1 if len(groups) else 1)
        seen = self._unknown.known(groups, counts) > 0
        return Extremes(self._values.take(groups), seen, self._least)


class _MatchPart(GroupPart):
    """How many rows pass a predicate."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._of = aggregate.of
        self._held = np.zeros(0, np.int64)

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        matching = np.flatnonzero(truth(self._of, rows)[0])
        own = None if groups is None else groups.take(matching)
        self._held = counted(self._held, own, size, len(matching))

    def merge(self, other: _MatchPart) -> None:
        if len(self._held) < len(other._held):
            self._held = grown(self._held, len(other._held))
        self._held[: len(other._held)] += other._held

    def finish(self, groups: Index, place: Index, counts: NDArray[np.int64]) -> Part:
        size = int(groups[-1]) + 1 if len(groups) else 1
        return Matches(grown(self._held, size).take(groups))


def plain_values(coder: PlainCoder, rows: Rows) -> NDArray[Any] | None:
    """The rows' values as whole numbers of 32 bits, where all are known and such."""
    values = coder.plain(rows)
    if values is None or not (values.known is None or values.known.all()):
        return None
    return values.array


class ValuePart(GroupPart):
    """The different values, with how many rows have each.

    Small whole numbers and IPv4 addresses are counted as they are, without codes, until a value comes that is none.
    """

    def __init__(self, grouping: Grouping, aggregate: Aggregate) -> None:
        self._coder = grouping.value_coders[aggregate]
        self._pairs = ValueRuns()
        self._plain = self._coder if isinstance(self._coder, PlainCoder) else None
        """The coder, while values do without codes."""

    def add(self, groups: Index | None, size: int, rows: Rows) -> None:
        """Count rows of ``groups`` (``None``: all of group 1), whose values may be unknown."""
        if self._plain is not None:
            values = self._plain.plain(rows)
            if values is not None:
                some, groups = _known_rows(groups, values)
                array = values.array if some is None else values.array.take(some)
                if len(array):
                    self._pairs.add(groups, array)
                return
            self._take_codes(self._plain)
        codes = codes_of(self._coder, rows)
        known = codes != 0
        if not known.all():
            chosen = np.flatnonzero(known)
            codes = codes.take(chosen)
            groups = None if groups is None else groups.take(chosen)
        if len(codes):
            self._pairs.add(groups, codes)

    def plain_values(self, rows: Rows) -> NDArray[Any] | None:
        """The rows' values as whole numbers of 32 bits, where all are known and such."""
        return None if self._plain is None else plain_values(self._plain, rows)

    def add_pairs(self, keys: NDArray[Any], values: NDArray[Any]) -> None:
        """Count plain values of groups that go by their keys."""
        self._pairs.add(keys, values)

    def number_groups(self, coder: PlainCoder) -> tuple[Index, NDArray[np.int64]]:
        """Give groups that go by their keys the keys' codes for numbers; returns these and how many rows each has."""
        run = self._pairs.whole()
        met = MetGroups()
        met.add(run)
        numbers = coder.encode_plain(met.keys())
        words = np.repeat(numbers.astype(np.uint64) << HALF, met.sizes()) | run.words & LOW
        self._pairs.replace(Run(words, run.counts))
        return numbers.astype(np.intp), met.counts()

    def _take_codes(self, coder: PlainCoder) -> None:
        """Count by codes from now on, and what was counted until now."""
        self._plain = None
        run = self._pairs.whole()
        codes = coder.encode_plain((run.words & LOW).astype(np.uint32))
        self._pairs.replace(Run(run.words & ~LOW | codes, run.counts))

    def merge(self, other: ValuePart) -> None:
        """Add what another thread has counted of the same part."""
        if self._plain is not None and other._plain is None:
            self._take_codes(self._plain)
        elif other._plain is not None and self._plain is None:
            other._take_codes(other._plain)
        self._pairs.merge(other._pairs)

    def finish(self, groups: Index, place: Index, counts: NDArray[np.int64]) -> Part:
        """The part of ``groups``; ``place`` gives the row of each group number."""
        met = MetGroups()
        found = self.finish_met(met)
        sizes = np.zeros(len(groups), np.int64)
        sizes[place.take(met.keys())] = met.sizes()
        return evolve(found, sizes=sizes)

    def finish_met(self, met: MetGroups) -> ValueCounts:
        """The part of the groups that have values, in their order; ``met`` is told what they are."""
        pairs, decode = self._pairs, self._coder.decode if self._plain is None else self._plain.decode_plain
        if self._plain is None or not pairs.in_files:
            run = pairs.whole()
            met.add(run)
            values = decode(run.words.astype(np.uint32))
            counts = run.counts.astype(np.int64)
            return ValueCounts(None, values, counts, self._plain is not None, met.sizes())

        def columns(run: Run) -> tuple[NDArray[Any], NDArray[Any]]:
            met.add(run)
            return decode(run.words.astype(np.uint32)).values, run.counts

        values = decode(np.zeros(0, np.uint32))
        array, counts = stored((values.values.dtype, pairs.count_dtype), map(columns, pairs.pieces()))
        return ValueCounts(None, evolve(values, values=array), counts, ordered=True, sizes=met.sizes())
