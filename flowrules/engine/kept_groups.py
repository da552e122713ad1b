"""Of very many groups those that keeps leave, without measures of all being held: some groups are looked at at a time.

The first keeps of a table or set are taken on the way: conditions on a group alone, and ranks.  What is left is as if
the others had been there: their number, their totals, and what they add to running shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrules.engine import grouped as grouped_module
from flowrules.engine.answers import thinned, total_of
from flowrules.engine.conditions import World
from flowrules.engine.grouped import Grouped, ValueCounts, added
from flowrules.engine.measures import Window, measure
from flowrules.engine.merging import Merging, together
from flowrules.engine.ranking import Groups, Ranking, contenders, output_order, passing, top_first
from flowrules.engine.results import Scalar
from flowrules.model import expression as ex
from flowrules.plan.aggregates import Aggregate, measured_later, parts_of
from flowrules.plan.plan import Query

Step = ex.Keep | ex.KeepRank

_TOGETHER: Final = frozenset({"relative", "fit"})
"""Measures that need all groups."""

_SHARED: Final = frozenset({"flows", "rows", "sum", "distinct", "share"})
"""Measures that have running shares."""


def kept_groups(
    query: Query, grouped: Grouped, ranking: Ranking, window: Window, world: World, shares: bool
) -> Groups | None:
    """The groups of a query that its first keeps leave, to be arranged; ``None``: all groups are needed together.

    ``shares``: running shares are asked for, in which groups count that are not kept.
    """
    steps = _first_steps(ranking)
    if grouped.rows <= grouped_module.STRETCH or not steps:
        return None
    parts = {p for _, written in query.measures for p in parts_of(written)}
    some = evolve(grouped, parts={a: p for a, p in grouped.parts.items() if a in parts})
    if not _alone(query, some):
        return None
    looking = _Looking(query, some, ranking, window, world)
    kept = looking.kept(steps)
    shared = ranking.first is not None and ranking.first.name in _SHARED
    if not shares or not shared or kept.total is None or top_first(ranking) is not None:
        return kept
    return looking.with_added(kept) if looking.whole_numbers else None


def _alone(query: Query, grouped: Grouped) -> bool:
    """Whether each group's measures can be told by itself."""
    if not query.keys or query.extra or query.collection is not None or grouped.flows is not None:
        return False
    if any(w.name in _TOGETHER or measured_later(w) for _, w in query.measures):
        return False
    return all(p.sizes is not None for p in grouped.parts.values() if isinstance(p, ValueCounts))


def _first_steps(ranking: Ranking) -> list[Step]:
    """The first keeps, up to one that asks for all groups that are left; of ranks at most one, the last."""
    out: list[Step] = []
    for step in ranking.keeps:
        if isinstance(step, ex.KeepCover) or (isinstance(step, ex.Keep) and _runs(step.condition, ranking)):
            break
        out.append(step)
        if isinstance(step, ex.KeepRank):
            by = ranking.first if step.by is None else step.by
            return out[:-1] if by is None or _runs(by, ranking) else out
    return out


def _runs(asked: ex.Expression, ranking: Ranking) -> bool:
    """Whether an expression asks for a running share."""
    names = {name for name, m in ranking.names.items() if m.name == "cumulative"}
    return any(
        (isinstance(node, ex.Measure) and node.source is None and node.name == "cumulative")
        or (isinstance(node, ex.Column) and node.name in names)
        for node in asked.walk()
    )


def _told_of_all(query: Query) -> set[Aggregate]:
    """The parts of different values that all groups together are asked for."""
    asked = [w for place, (_, w) in enumerate(query.measures) if w.name == "share" or not place]
    inner = [w.args[0] if w.name == "share" else w for w in asked]
    return {p for w in inner if isinstance(w, ex.Measure) and w.name == "distinct" for p in parts_of(w)}


class _Looking:
    """Passes over the groups of a query, some at a time."""

    def __init__(
        self, query: Query, grouped: Grouped, ranking: Ranking, window: Window, world: World
    ) -> None:
        self._query = query
        self._grouped = grouped
        self._ranking = ranking
        self._world = world
        self.whole_numbers = True
        """Whether the first measure is a known whole number in all groups that were looked at."""
        self._window = window
        self._rows = self._flows = 0
        told = _told_of_all(query)
        everything = Merging()
        for some in self._thinned():
            self._rows += some.rows
            self._flows += int(some.counts.sum())
            parts = {a: p for a, p in some.parts.items() if a in told or not isinstance(p, ValueCounts)}
            everything.add(evolve(some, parts=parts).whole())
        whole = everything.whole()
        self._window = evolve(window, everything=whole)
        self._total: Scalar = None
        first = query.measures[0][1] if query.measures else None
        if first is not None and all(p in whole.parts for p in parts_of(first)):
            self._total = total_of(first, whole, self._window)

    def _thinned(self) -> Iterator[Grouped]:
        return (thinned(self._query, some, self._window) for some in self._grouped.stretches())

    def _measured(self) -> Iterator[Groups]:
        """All groups with their measures."""
        query = self._query
        for some in self._thinned():
            measures = {
                asked: measure(written, some, self._window).series for asked, written in query.measures
            }
            keys = {k.name: some.keys[of] for k, of in zip(query.demand.keys, query.keys, strict=True)}
            yield Groups(keys, measures, some.rows, self._flows, self._total, self._rows)

    def kept(self, steps: Sequence[Step]) -> Groups:
        """The groups that steps leave, and some more where the last of these is a rank."""
        ranking, world = self._ranking, self._world
        first = ranking.first
        rank = steps[-1] if isinstance(steps[-1], ex.KeepRank) else None
        held: list[Groups] = []
        for groups in self._measured():
            if first is not None and first in groups.measures:
                series = groups.measures[first]
                plain = series.known is None and series.denominators is None
                self.whole_numbers &= plain and series.values.dtype.kind in "iu"
            for step in steps:
                if isinstance(step, ex.Keep):
                    groups = groups.take(passing(step, groups, ranking, world))
                else:
                    groups = contenders(step, groups, ranking, world)
            held.append(groups)
            if rank is not None and sum(g.rows for g in held) > grouped_module.STRETCH:
                held = [contenders(rank, _together(held), ranking, world)]
        return _together(held)

    def with_added(self, kept: Groups) -> Groups:
        """Kept groups in output order, with what all groups add to the first measure up to each."""
        ranking, world = self._ranking, self._world
        first = ranking.first
        assert first is not None
        kept = kept.take(output_order(kept, ranking, world))
        sums: NDArray[Any] = np.zeros(kept.rows + 1, np.int64)
        both = np.tile(np.arange(kept.rows + 1), 2)
        for groups in self._measured():
            # the order is stable: a group that is kept comes right before its twin, and counts there
            order = output_order(_together([groups, kept]), ranking, world)
            twin = order >= groups.rows
            place = np.cumsum(twin, dtype=np.intp)[~twin]
            values = groups.measures[first].values.take(order[~twin])
            more = added(values, place, kept.rows + 1)
            sums = added(_beside(sums, more), both, kept.rows + 1)
        return evolve(kept, added=sums[:-1])


def _beside(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers one after the other, as objects where one dtype does not hold them all."""
    if one.dtype != other.dtype:
        one, other = one.astype(object), other.astype(object)
    return np.concatenate([one, other])


def _together(pieces: Sequence[Groups]) -> Groups:
    """Groups one after the other."""
    filled = [p for p in pieces if p.rows] or [pieces[0]]
    if len(filled) == 1:
        return filled[0]
    first = filled[0]
    return evolve(
        first,
        keys={k: together([p.keys[k] for p in filled]) for k in first.keys},
        measures={m: together([p.measures[m] for p in filled]) for m in first.measures},
        rows=sum(p.rows for p in filled),
    )
