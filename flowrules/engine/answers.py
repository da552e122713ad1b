"""From the groups that a scan counted to what was asked: tests of sets that waited, fewer keys, measures."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from attrs import frozen

from flowrules.engine import exact
from flowrules.engine.conditions import Scope, holds
from flowrules.engine.grouped import Grouped, ValueCounts
from flowrules.engine.measures import Explain, Window, measure, whole, whole_number
from flowrules.engine.ranking import Groups
from flowrules.engine.results import Scalar, Series
from flowrules.model import expression as ex
from flowrules.plan.aggregates import measured_later, parts_of
from flowrules.plan.key_tests import over_keys
from flowrules.plan.plan import Query


@frozen(eq=False)
class Answer:
    """The groups of a query with their measures, and what lies behind these by group."""

    groups: Groups
    explain: dict[ex.Measure, Explain]


def thinned(query: Query, grouped: Grouped, window: Window) -> Grouped:
    """The groups that pass the tests that waited, by the keys asked for."""
    if query.grouping is None:
        return grouped
    keys = (*query.keys, *query.extra)
    if query.deferred and grouped.rows:
        scope = Scope(
            grouped.rows, window.world, columns={str(i): grouped.keys[k] for i, k in enumerate(keys)}
        )
        passed = np.ones(grouped.rows, np.bool_)
        for conjunct in query.deferred:
            test = over_keys(conjunct, keys)
            assert test is not None
            passed &= holds(test, scope)
        if not passed.all():
            grouped = grouped.take(np.flatnonzero(passed))
    return grouped.regroup(query.keys) if query.extra else grouped


def answer(query: Query, grouped: Grouped, window: Window, absent: bool) -> Answer:
    """The measures of a query for each of its groups; ``absent``: no flow has the direction asked for."""
    grouped = thinned(query, grouped, window)
    if not query.keys:
        grouped = grouped.whole()
    series: dict[ex.Measure, Series] = {}
    explain: dict[ex.Measure, Explain] = {}
    total: Scalar = None
    for place, (asked, written) in enumerate(query.measures):
        if measured_later(written):
            continue
        if absent:
            series[asked] = exact.unknown(asked.type, grouped.rows)
            continue
        found = measure(written, grouped, window)
        series[asked] = found.series
        if found.explain is not None:
            explain[asked] = found.explain
        if place == 0:
            total = total_of(written, grouped, window)
    keys = {k.name: grouped.keys[of] for k, of in zip(query.demand.keys, query.keys, strict=True)}
    flows = int(grouped.counts.sum()) if grouped.flows is None else grouped.flows
    return Answer(Groups(keys, series, grouped.rows, flows, total), explain)


def total_of(of: ex.Measure, grouped: Grouped, window: Window) -> Scalar:
    """The measure over all groups as one, where it can be told without sorting all values again."""
    if of.name in ("flows", "rows", "sum", "distinct"):
        number = whole_number(of, grouped)
        return _plain(number)
    if of.name in ("cumulative", "relative", "fit") or not parts_of(of):
        return None
    if any(isinstance(grouped.parts[p], ValueCounts) for p in parts_of(of)):
        return None
    return whole(of, grouped, window)


def _plain(number: int | Fraction) -> int | Fraction:
    if isinstance(number, Fraction) and number.denominator == 1:
        return int(number)
    return number
