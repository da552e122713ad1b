"""Measures of groups from their parts: whole numbers and ratios exact, floats rounded once."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, fsum, log2, sqrt
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.engine import exact, value_runs
from flowrules.engine.conditions import Scope, World, holds
from flowrules.engine.errors import SumOverflow
from flowrules.engine.grouped import Extremes, Grouped, Matches, Totals, ValueCounts, added, identity_columns
from flowrules.engine.joins import sort_columns
from flowrules.engine.key_words import count_different, in_key_order
from flowrules.engine.results import FeatureEvidence, Scalar, Series
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.types import DURATION, PERCENT, TIME
from flowrules.plan.aggregates import GREATEST, LEAST, SQUARES, SUM, VALUES, Aggregate, is_gap, parts_of

Index = NDArray[np.intp]
Explain = Callable[[int], FeatureEvidence]

_WORD: Final = 1 << 64


@frozen(eq=False)
class Measured:
    """A measure of every group, and what lies behind it for a group's row (where there is more to say)."""

    series: Series
    explain: Explain | None = None


@frozen(eq=False)
class Window:
    """What measures need beside their groups: the time of all flows read, and the rest of the run."""

    first: int | None
    last: int | None
    world: World = field(repr=False)
    everything: Grouped | None = None
    """All groups as one, where measures are taken of some of them at a time: what shares are parts of."""


def measure(of: ex.Measure, groups: Grouped, window: Window) -> Measured:
    """A measure for every group."""
    name = of.name
    match name:
        case "flows" | "rows":
            spread = _spread_flows(groups)
            return Measured(Series(of.type, groups.counts) if spread is None else _sum(of, spread))
        case "share":
            return Measured(_share(of, groups, window))
        case "relative":
            return _relative(of, groups, window)
        case "fit":
            return _fit(of, groups, window)
        case "first" | "last":
            return Measured(_extreme(of, groups, parts_of(of)[0]))
        case "active":
            (part,) = parts_of(of)
            bins = _values(groups, part).different(groups.rows)
            width = part.of.width if isinstance(part.of, ex.Bin) else 0
            return Measured(Series(of.type, bins * width))
        case _:
            return Measured(_of_values(of, groups, window))


def _spread_flows(groups: Grouped) -> Totals | None:
    """How many flows each group has where flows were spread over bins; ``None``: the rows counted."""
    for key in groups.keys:
        if isinstance(key, ex.Spread):
            return _totals(groups, key, SUM)
    return None


def whole(of: ex.Measure, groups: Grouped, window: Window) -> Scalar:
    """A measure over all groups as one."""
    return measure(of, groups.whole(), window).series.scalar(0)


def _of_values(of: ex.Measure, groups: Grouped, window: Window) -> Series:
    argument = of.args[0]
    if any(is_gap(n) for n in argument.walk()):
        gaps = _gaps(_values(groups, Aggregate(VALUES, parts_of(of)[0].of)))
        return _of_gaps(of, argument, gaps, groups.rows, window)
    match of.name:
        case "sum":
            return _sum(of, _totals(groups, argument, SUM))
        case "mean":
            totals = _totals(groups, argument, SUM)
            return _mean(of, totals.sums, totals.known)
        case "deviation":
            totals, squares = _totals(groups, argument, SUM), _totals(groups, argument, SQUARES)
            return _deviation(of, totals.sums, squares.sums, totals.known)
        case "fraction":
            part = groups.parts[parts_of(of)[0]]
            assert isinstance(part, Matches)
            return _ratio(of, part.held, groups.counts)
        case "min" | "max" if parts_of(of)[0].kind in (LEAST, GREATEST):
            return _extreme(of, groups, parts_of(of)[0])
        case "span" if parts_of(of)[0].kind == LEAST:
            least, greatest = (_extreme(of, groups, p) for p in parts_of(of))
            return _spans(of, least, greatest)
        case _:
            return _from_counts(of, _values(groups, Aggregate(VALUES, argument)), groups.rows)


def _totals(groups: Grouped, argument: ex.Expression, kind: str) -> Totals:
    part = groups.parts[Aggregate(kind, argument)]
    assert isinstance(part, Totals)
    return part


def _values(groups: Grouped, aggregate: Aggregate) -> ValueCounts:
    part = groups.parts[aggregate]
    assert isinstance(part, ValueCounts)
    return part


# ---- sums -------------------------------------------------------------------------------------------


def _sum(of: ex.Measure, totals: Totals) -> Series:
    sums = totals.sums
    if sums.dtype != object:
        return Series(of.type, sums)
    if totals.floats:
        return Series(of.type, np.array([float(v) for v in sums.tolist()], np.float64))
    if any(isinstance(v, Fraction) for v in sums.tolist()):
        return fractions(of.type, sums.tolist())
    if len(sums) and (max(sums.tolist()) >= _WORD or min(sums.tolist()) < -(1 << 63)):
        raise SumOverflow(expression_text(of))
    return Series(of.type, sums)


def fractions(type_: Any, values: list[Any]) -> Series:
    """Exact numbers as a column of ratios; ``None`` is unknown."""
    known = np.array([v is not None for v in values], np.bool_)
    parts = [Fraction(v or 0) for v in values]
    above = np.empty(len(parts), object)
    below = np.empty(len(parts), object)
    above[:] = [p.numerator for p in parts]
    below[:] = [p.denominator for p in parts]
    every = bool(known.all())
    return Series(type_, _narrow(above), None if every else known, _narrow(below))


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    from flowrules.engine.exact_sums import smallest

    out = smallest(values)
    return values if out.dtype == np.uint64 else out


def _ratio(of: ex.Measure, above: NDArray[Any], below: NDArray[Any]) -> Series:
    known = below != 0
    return Series(of.type, above, None if known.all() else known, np.where(known, below, 1))


def _mean(of: ex.Measure, sums: NDArray[Any], counts: NDArray[np.int64]) -> Series:
    known = counts != 0
    divisors = np.where(known, counts, 1)
    if sums.dtype == object:
        means = [float(Fraction(s) / d) for s, d in zip(sums.tolist(), divisors.tolist(), strict=True)]
        values = np.array(means, np.float64)
    else:
        values = exact.floats(Series(of.type, sums, None, divisors))
    return Series(of.type, values, None if known.all() else known)


def _deviation(
    of: ex.Measure, sums: NDArray[Any], squares: NDArray[Any], counts: NDArray[np.int64]
) -> Series:
    known = counts != 0
    out = np.zeros(len(counts), np.float64)
    for row in np.flatnonzero(known).tolist():
        n, s, q = int(counts[row]), sums[row], squares[row]
        total = Fraction(s) if isinstance(s, Fraction) else int(s)
        square = Fraction(q) if isinstance(q, Fraction) else int(q)
        variance = Fraction(n * square - total * total) / (n * n)
        out[row] = sqrt(variance)
    return Series(of.type, out, None if known.all() else known)


# ---- extremes and values ----------------------------------------------------------------------------


def _extreme(of: ex.Measure, groups: Grouped, aggregate: Aggregate) -> Series:
    part = groups.parts[aggregate]
    assert isinstance(part, Extremes)
    every = bool(part.seen.all())
    return Series(of.type, np.where(part.seen, part.values, 0), None if every else part.seen)


def _spans(of: ex.Measure, least: Series, greatest: Series) -> Series:
    out = np.empty(len(least), object)
    for row in range(len(least)):
        low, high = least.scalar(row), greatest.scalar(row)
        out[row] = () if low is None else (low, high)
    return Series(of.type, out)


def _in_order(values: ValueCounts) -> ValueCounts:
    """By group, and by value inside a group."""
    if values.ordered:
        return values
    order, _ = in_key_order([values.rows, *sort_columns(values.values)], len(values.rows))
    return ValueCounts(values.rows.take(order), values.values.take(order), values.counts.take(order))


def _from_counts(of: ex.Measure, values: ValueCounts, rows: int) -> Series:
    """A measure from the different values and how often each occurs."""
    if of.name == "distinct":
        return Series(of.type, values.different(rows))
    values = _in_order(values)
    sizes = values.different(rows)
    end = np.cumsum(sizes)
    begin = end - sizes
    some = begin < end
    known = None if some.all() else some
    series = values.values
    if len(series) == 0 and of.name in ("min", "max", "quantile"):
        return exact.unknown(of.type, rows)
    match of.name:
        case "min":
            return _picked(of, series, np.where(some, begin, 0), known)
        case "max":
            return _picked(of, series, np.where(some, end - 1, 0), known)
        case "quantile":
            return _picked(of, series, _ranks(of, values, begin, end), known)
        case "entropy":
            return Series(of.type, _entropies(values.counts, begin, end), known)
        case _:
            return _lists(of, series, begin, end)


def _picked(of: ex.Measure, series: Series, index: Index, known: NDArray[np.bool_] | None) -> Series:
    taken = series.take(index)
    return Series(of.type, taken.values, known, taken.denominators, taken.prefix)


_AT_ONCE: Final = 1 << 20
"""How many values of whole groups have their ranks told together."""


def _ranks(of: ex.Measure, values: ValueCounts, begin: Index, end: Index) -> Index:
    """Where the least value stands that has at least the asked share of the rows at or below it."""
    share = of.args[1]
    assert isinstance(share, ex.Literal) and isinstance(share.value, int | Fraction)
    part = Fraction(share.value)
    out = np.zeros(len(begin), np.intp)
    first = 0
    while first < len(begin):
        # some groups at a time, so that running counts of very many values take no memory
        low = int(begin[first])
        last = max(int(np.searchsorted(end, low + _AT_ONCE, "right")), first + 1)
        running = np.r_[0, np.cumsum(values.counts[low : int(end[last - 1])], dtype=np.int64)]
        some = slice(first, last)
        before = running.take(begin[some] - low)
        totals = running.take(end[some] - low) - before
        if int(totals.max(initial=0)) * part.numerator < 1 << 62:
            wanted = -(-totals * part.numerator // part.denominator)
        else:
            wanted = np.array([ceil(t * part) for t in totals.tolist()], np.int64)
        wanted = np.maximum(wanted, 1) + before
        out[some] = low + np.searchsorted(running[1:], wanted, "left")
        first = last
    return np.where(begin < end, out, 0)


def _entropies(counts: NDArray[Any], begin: Index, end: Index) -> NDArray[np.float64]:
    out = np.zeros(len(begin), np.float64)
    for row, (low, high) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        mine = counts[low:high].tolist()
        n = sum(mine)
        if len(mine) > 1:
            out[row] = -fsum(c / n * log2(c / n) for c in mine)
    return out


def _lists(of: ex.Measure, series: Series, begin: Index, end: Index) -> Series:
    out = np.empty(len(begin), object)
    scalars = [series.scalar(r) for r in range(len(series))]
    for row, (low, high) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        if of.name == "span":
            out[row] = (scalars[low], scalars[high - 1]) if low < high else ()
        else:
            out[row] = tuple(scalars[low:high])
    return Series(of.type, out)


# ---- gaps -------------------------------------------------------------------------------------------


def _gaps(starts: ValueCounts) -> ValueCounts:
    """The times between successive starts of each group, n - 1 of n, with how often each occurs."""
    starts = _in_order(starts)
    times = starts.values.values.astype(np.int64)
    rows, counts = starts.rows, starts.counts
    inside = np.flatnonzero(rows[1:] == rows[:-1])
    repeated = np.flatnonzero(counts > 1)
    owner = np.concatenate([rows[1:].take(inside), rows.take(repeated)])
    gap = np.concatenate([(times[1:] - times[:-1]).take(inside), np.zeros(len(repeated), np.int64)])
    count = np.concatenate([np.ones(len(inside), np.int64), counts.take(repeated).astype(np.int64) - 1])
    identity = np.arange(int(rows.max(initial=-1)) + 1)
    return ValueCounts(owner, Series(DURATION, gap), count).regroup(identity, len(identity))


def _of_gaps(of: ex.Measure, argument: ex.Expression, gaps: ValueCounts, rows: int, window: Window) -> Series:
    scope = Scope(len(gaps.counts), window.world, columns={"gap": gaps.values})
    named = _gap_column(argument)
    if of.name == "fraction":
        above = added(np.where(holds(named, scope), gaps.counts, 0), gaps.rows, rows)
        return _ratio(of, above, added(gaps.counts, gaps.rows, rows))
    gap = gaps.values.values
    known = added(gaps.counts, gaps.rows, rows)
    if of.name in ("sum", "mean", "deviation"):
        sums = added(gap.astype(object) * gaps.counts, gaps.rows, rows)
        if of.name == "mean":
            return _mean(of, sums, known)
        if of.name == "sum":
            return _sum(of, Totals(_narrow(sums), known))
        squares = added(gap.astype(object) * gap.astype(object) * gaps.counts, gaps.rows, rows)
        return _deviation(of, sums, squares, known)
    return _from_counts(of, gaps, rows)


def _gap_column(node: ex.Expression) -> ex.Expression:
    from flowrules.plan.rewriting import rebuild

    if is_gap(node):
        return ex.Column(type=DURATION, name="gap")
    return rebuild(node, _gap_column)


# ---- shares, and measures by the features' own kernels ----------------------------------------------


def _share(of: ex.Measure, groups: Grouped, window: Window) -> Series:
    inner = of.args[0]
    assert isinstance(inner, ex.Measure)
    mine = measure(inner, groups, window).series
    total = whole_number(inner, groups if window.everything is None else window.everything)
    if not total:
        return exact.unknown(PERCENT, groups.rows)
    return exact.arithmetic("/", of.type, mine, exact.constant(of.type, total, groups.rows))


def whole_number(inner: ex.Measure, groups: Grouped) -> int | Fraction:
    """``flows``, ``sum`` or ``distinct`` over all groups as one (past 64 bits too)."""
    if inner.name in ("flows", "rows"):
        spread = _spread_flows(groups)
        return int(groups.counts.sum()) if spread is None else sum(spread.sums.tolist())
    if inner.name == "sum":
        sums = _totals(groups, inner.args[0], SUM).sums
        if sums.dtype == object:
            whole: int | Fraction = sum(sums.tolist())
            return whole
        # by halves: each adds up to less than 64 bits
        halves = int((sums >> 32).sum()), int((sums & 0xFFFF_FFFF).sum())
        return (halves[0] << 32) + halves[1]
    values = _values(groups, Aggregate(VALUES, inner.args[0]))
    plain = values.values.values
    if values.ordered and plain.dtype in (np.uint32, np.int64) and int(plain.max(initial=0)) < 1 << 32:
        return value_runs.count_different(plain)
    return count_different(identity_columns(values.values))


def _relative(of: ex.Measure, groups: Grouped, window: Window) -> Measured:
    from flowrules.engine.features.ratios import relative

    inner = of.args[0]
    assert isinstance(inner, ex.Measure)
    found = relative(exact.floats(measure(inner, groups, window).series), groups.counts)
    known = ~np.isnan(found.value)
    series = Series(of.type, np.where(known, found.value, 0.0), None if known.all() else known)

    def explain(row: int) -> FeatureEvidence:
        one = found.of(row)
        return FeatureEvidence(one.evidence(), one.why_unknown)

    return Measured(series, explain)


def _fit(of: ex.Measure, groups: Grouped, window: Window) -> Measured:
    from flowrules.engine.features.schedule import schedule_fit
    from flowrules.model.schedule import Schedule

    schedule = of.args[1]
    held = schedule.value if isinstance(schedule, ex.Literal) else None
    # a schedule that is not bound (in a test of other rules) tells nothing
    if window.first is None or window.last is None or not groups.rows or not isinstance(held, Schedule):
        return Measured(exact.unknown(of.type, groups.rows))
    bins = _values(groups, parts_of(of)[0])
    starts = bins.values.values.astype(np.int64)
    found = schedule_fit(
        starts, held, window.first, window.last, bins.rows, groups.rows, flows_of=bins.counts.astype(np.int64)
    )
    known = ~np.isnan(found.value)
    series = Series(of.type, np.where(known, found.value, 0.0), None if known.all() else known)

    def explain(row: int) -> FeatureEvidence:
        one = found.of(row)
        return FeatureEvidence(one.evidence(), one.why_unknown)

    return Measured(series, explain)


__all__ = ["TIME", "Measured", "Window", "fractions", "measure", "whole"]
