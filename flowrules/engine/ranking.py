"""From groups to a table's rows: order, shares, thresholds and ranks.

The groups come in any order; what leaves is in output order, the same for every chunking of the flows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.conditions import Scope, World, holds, value
from flowrules.engine.joins import Index, order_by
from flowrules.engine.results import Frame, Scalar, Series, TableResult
from flowrules.model import expression as ex
from flowrules.model.program import Order, TableDeclaration
from flowrules.model.types import PERCENT

_TIMES = (ex.Bin, ex.Clock, ex.Spread)


@frozen(eq=False)
class Groups:
    """Groups before keep: one row each, with the keys' and the measures' values.

    ``measures`` holds every measure of the columns, the keeps and the order but ``cumulative``;
    ``flows`` counts the flows (or rows) behind them, ``total`` is the first measure over them all.
    """

    keys: Mapping[str, Series]
    measures: Mapping[ex.Measure, Series]
    rows: int
    flows: int
    total: Scalar = None
    bins: int | None = None
    """How many groups there were, where these are some of them (which keeps would leave)."""
    added: NDArray[Any] | None = None
    """Where these are some groups in output order: what the first measure of all groups from behind the row before up
    to each row adds up to."""

    def take(self, index: Index) -> Groups:
        """The groups at ``index``, in that order."""
        keys = {n: s.take(index) for n, s in self.keys.items()}
        measures = {m: s.take(index) for m, s in self.measures.items()}
        return evolve(self, keys=keys, measures=measures, rows=len(index), added=None)


@frozen(eq=False)
class Ranking:
    """What orders and thins groups: the first measure, the keeps and the order asked for."""

    first: ex.Measure | None
    keeps: Sequence[ex.KeepStep] = ()
    order: Sequence[Order] = ()
    timed: bool = False
    """A time key stands among the keys: rows go by keys ascending unless an order was asked for."""
    names: Mapping[str, ex.Measure] = field(factory=dict)
    """Column names of the measures, which keeps and orders may use."""


def ranking_of(table: TableDeclaration) -> Ranking:
    """The ranking that a table's declaration asks for."""
    return Ranking(
        table.columns[0].measure if table.columns else None,
        table.keeps,
        table.order,
        any(_is_time(k.of) for k in table.keys),
        {c.name: c.measure for c in table.columns},
    )


def _is_time(key: ex.Expression) -> bool:
    return isinstance(key, _TIMES) or key.type.name == "time"


def arrange(
    groups: Groups, ranking: Ranking, world: World
) -> tuple[Groups, Series | None, Series | None, bool]:
    """Put groups in output order and apply the keeps one after the other.

    Returns the groups that are left, the first measure's share and cumulative share for them (``None``
    where it has none), and whether a ``top`` cut rows equal to the last one kept.
    """
    if groups.added is None:
        groups = _not_below_top(groups, ranking)
        if groups.rows > 1:
            groups = groups.take(output_order(groups, ranking, world))
    share = _share(groups, ranking.first)
    cumulative = _running(
        share if groups.added is None or share is None else evolve(share, values=groups.added)
    )
    running = next((m for m in _cumulatives(ranking)), None)
    if running is not None:
        shown = cumulative if cumulative is not None else exact.unknown(PERCENT, groups.rows)
        groups = evolve(groups, measures={**groups.measures, running: shown})
    cut_ties = False
    for step in ranking.keeps:
        index, cut = _kept(step, groups, ranking, world, share)
        cut_ties |= cut
        if len(index) < groups.rows:
            groups = groups.take(index)
            share = share.take(index) if share is not None else None
            cumulative = cumulative.take(index) if cumulative is not None else None
    return groups, share, cumulative, cut_ties


def top_first(ranking: Ranking) -> ex.KeepRank | None:
    """The first keep, where it cuts the end of the output order: ``top n`` by the first measure, which orders the rows."""
    step = ranking.keeps[0] if ranking.keeps else None
    if not isinstance(step, ex.KeepRank) or step.bottom or ranking.order or ranking.timed:
        return None
    return step if step.by is None or step.by == ranking.first else None


def _not_below_top(groups: Groups, ranking: Ranking) -> Groups:
    """Without groups that the first keep cuts whatever their order: those below the last of its ``top n``.

    Shares and running shares of the others stay, for these come first in the order of the first measure.
    """
    step, first = top_first(ranking), ranking.first
    if step is None or first is None or first not in groups.measures or step.n < 1:
        return groups
    index = _not_below(groups.measures[first], step)
    return groups if index is None else groups.take(index)


def _not_below(series: Series, step: ex.KeepRank) -> Index | None:
    """The groups that reach the last of ``n`` by whole numbers; ``None``: all may."""
    values = series.values
    whole = values.dtype.kind in "iu" and series.known is None and series.denominators is None
    if not whole or len(series) <= 2 * step.n:
        return None
    if step.bottom:
        return np.flatnonzero(values <= np.partition(values, step.n - 1)[step.n - 1])
    return np.flatnonzero(values >= np.partition(values, len(values) - step.n)[len(values) - step.n])


def contenders(step: ex.KeepRank, groups: Groups, ranking: Ranking, world: World) -> Groups:
    """Groups among which are those that a rank keeps, and if it cuts some that equal the last, one of these."""
    by = step.by if step.by is not None else ranking.first
    if by is None or groups.rows <= step.n + 1:
        return groups
    series = value(by, _scope(groups, ranking, world))
    index = _not_below(series, step) if step.n else None
    if index is not None:
        groups, series = groups.take(index), series.take(index)
    if step.ties or groups.rows <= step.n + 1:
        return groups
    order = order_by([(series, not step.bottom), *((s, False) for s in groups.keys.values())], groups.rows)
    return groups.take(order[: step.n + 1])


def passing(step: ex.Keep, groups: Groups, ranking: Ranking, world: World) -> Index:
    """The groups for which a keep's condition holds."""
    return np.flatnonzero(holds(step.condition, _scope(groups, ranking, world)))


def table_result(groups: Groups, table: TableDeclaration, world: World) -> TableResult:
    """A table's result from its groups before keep."""
    kept, share, cumulative, cut_ties = arrange(groups, ranking_of(table), world)
    columns = dict(kept.keys) | {c.name: kept.measures[c.measure] for c in table.columns}
    return TableResult(
        Frame(columns, kept.rows, tuple(k.name for k in table.keys)),
        tuple(c.name for c in table.columns),
        groups.flows,
        groups.rows if groups.bins is None else groups.bins,
        groups.total,
        share,
        cumulative,
        cut_ties,
    )


def _cumulatives(ranking: Ranking) -> list[ex.Measure]:
    found: list[ex.Measure] = [m for m in ranking.names.values() if m.name == "cumulative"]
    for step in ranking.keeps:
        if isinstance(step, ex.Keep):
            nodes = step.condition.walk()
            found += [
                n for n in nodes if isinstance(n, ex.Measure) and n.name == "cumulative" and n.source is None
            ]
    return found


def _scope(groups: Groups, ranking: Ranking, world: World) -> Scope:
    named = {n: groups.measures[m] for n, m in ranking.names.items() if m in groups.measures}
    return Scope(groups.rows, world, {**named, **groups.keys}, groups.measures, total=groups.total)


def output_order(groups: Groups, ranking: Ranking, world: World) -> Index:
    """The order in which groups leave."""
    keys = [(s, False) for s in groups.keys.values()]
    if ranking.order:
        scope = _scope(groups, ranking, world)
        return order_by([(value(o.by, scope), o.descending) for o in ranking.order] + keys, groups.rows)
    if ranking.timed or ranking.first is None or ranking.first not in groups.measures:
        return order_by(keys, groups.rows)
    return order_by([(groups.measures[ranking.first], True), *keys], groups.rows)


def _share(groups: Groups, first: ex.Measure | None) -> Series | None:
    """The first measure as a ratio of the total of the whole source."""
    if first is None or groups.total is None or first not in groups.measures:
        return None
    series = groups.measures[first]
    if first.name == "share":
        return series
    if exact.is_float(series) or not isinstance(groups.total, int | Fraction):
        return None
    if first.name not in ("flows", "rows", "sum", "distinct"):
        return None
    total, plain = groups.total, series.denominators is None and series.values.dtype == np.int64
    if plain and isinstance(total, int) and 0 < total < 1 << 63:
        known = np.ones(groups.rows, np.bool_) if series.known is None else series.known
        return Series(PERCENT, series.values, known, np.full(groups.rows, total, np.int64))
    whole = exact.constant(PERCENT, groups.total, groups.rows)
    return exact.arithmetic("/", PERCENT, series, whole)


def _running(share: Series | None) -> Series | None:
    if share is None:
        return None
    if exact.is_float(share):
        return Series(PERCENT, np.cumsum(share.values), share.known)
    if len(share) == 1:
        return Series(PERCENT, share.values, share.known, share.denominators)
    share = _of_one_whole(share)
    numerators = share.values
    largest = max((abs(int(v)) for v in (numerators.max(), numerators.min())), default=0) if len(share) else 0
    if numerators.dtype != object and largest * len(share) >= 1 << 63:
        numerators = numerators.astype(object)
    if numerators.dtype == np.uint64:
        numerators = numerators.astype(np.int64)
    return Series(PERCENT, np.cumsum(numerators), share.known, share.denominators)


def _of_one_whole(share: Series) -> Series:
    """Ratios with one denominator: parts of flows, and filled rows, have denominators of their own."""
    below = share.denominators
    if below is None or not len(below) or not (below != below[0]).any():
        return share
    whole = lcm(*{int(d) for d in below.tolist()})
    above = np.empty(len(share), object)
    above[:] = [
        int(n) * (whole // int(d)) for n, d in zip(share.values.tolist(), below.tolist(), strict=True)
    ]
    wholes = np.empty(len(share), object)
    wholes[:] = [whole] * len(share)
    return Series(share.type, above, share.known, wholes)


def _kept(
    step: ex.KeepStep, groups: Groups, ranking: Ranking, world: World, share: Series | None
) -> tuple[Index, bool]:
    if isinstance(step, ex.Keep):
        return passing(step, groups, ranking, world), False
    if isinstance(step, ex.KeepCover):
        return _covering(step.share, groups, share), False
    return _ranked(step, groups, ranking, world)


def _covering(least: Fraction, groups: Groups, share: Series | None) -> Index:
    """The fewest top rows that reach the share, in output order."""
    if share is None or groups.rows == 0:
        return np.arange(groups.rows)
    order = order_by([(share, True), *((s, False) for s in groups.keys.values())], groups.rows)
    running = _running(share.take(order))
    assert running is not None
    reached, _ = exact.compare(">=", running, exact.constant(PERCENT, least, groups.rows))
    first = np.flatnonzero(reached & running.mask())
    count = groups.rows if not len(first) else int(first[0]) + 1
    return np.sort(order[:count])


def _ranked(step: ex.KeepRank, groups: Groups, ranking: Ranking, world: World) -> tuple[Index, bool]:
    by = step.by if step.by is not None else ranking.first
    if by is None or groups.rows <= step.n:
        return np.arange(groups.rows), False
    series = value(by, _scope(groups, ranking, world))
    order = order_by([(series, not step.bottom), *((s, False) for s in groups.keys.values())], groups.rows)
    count = step.n
    equal = _equal_to_last(series.take(order), count)
    if step.ties and count:
        count += equal
    cut = equal > 0 and not step.ties and count > 0
    return np.sort(order[:count]), cut


def _equal_to_last(ordered: Series, count: int) -> int:
    """How many rows after the first ``count`` equal the last of these."""
    if count == 0:
        return 0
    rest = ordered.take(np.arange(count, len(ordered)))
    last = ordered.take(np.full(len(rest), count - 1))
    same, known = exact.compare("=", rest, last)
    both = same if known is None else same & known
    stop: NDArray[np.intp] = np.flatnonzero(~both)
    return int(stop[0]) if len(stop) else len(rest)
