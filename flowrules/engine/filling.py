"""``fill``: a row for every bin from the first to the last of the flows read."""

from __future__ import annotations

import numpy as np
from attrs import evolve

from flowrules.engine import exact
from flowrules.engine.collect import joined
from flowrules.engine.errors import LimitExceeded
from flowrules.engine.facts import Facts
from flowrules.engine.grouped import group_rows
from flowrules.engine.joins import match_rows
from flowrules.engine.ranking import Groups
from flowrules.engine.results import Series
from flowrules.model import expression as ex
from flowrules.model.measures import MEASURES
from flowrules.model.program import TableDeclaration

MOST_FILLED = 20_000_000
"""The most rows that ``fill`` makes."""


def bins_read(key: ex.Expression, facts: Facts) -> tuple[int, int, int] | None:
    """The first and the last bin (starts, ms) of the flows read, and the width; ``None`` without flows."""
    if not facts.records or not facts.timed:
        return None
    if isinstance(key, ex.Bin):
        ends = isinstance(key.of, ex.Field) and key.of.name == "etime"
        first = facts.first_end if ends else facts.first_start
        last = facts.last_end if ends else facts.last_start
        return first // key.width * key.width, last // key.width * key.width, key.width
    if isinstance(key, ex.Spread):
        start = key.start
        base = 0 if start is None else start
        first = facts.first_start if start is None else start
        last = facts.last_end
        if key.end is not None:
            last = min(max(last, first), key.end) if start is None else key.end
        first_bin = (first - base) // key.width * key.width + base
        return first_bin, (max(last, first) - base) // key.width * key.width + base, key.width
    return None


def filled(groups: Groups, table: TableDeclaration, facts: Facts) -> Groups:
    """The groups with those that no flow fell into: counting measures 0, the others unknown.

    Raises ``LimitExceeded`` past ``MOST_FILLED`` rows.
    """
    named = next(k for k in table.keys if k.name == table.fill)
    span = bins_read(named.of, facts)
    if span is None:
        return groups
    first, last, width = span
    count = (last - first) // width + 1
    others = [groups.keys[k.name] for k in table.keys if k.name != named.name]
    _, firsts = group_rows(others, groups.rows) if others else (None, np.zeros(1, np.intp))
    combinations = len(firsts)
    rows = combinations * count
    if rows > MOST_FILLED:
        raise LimitExceeded(
            f"fill would make {rows:,} rows, {count:,} bins for {combinations:,} combinations of keys, and at most"
            f" {MOST_FILLED:,} are made",
            "take wider bins, or no fill",
        )
    bins = np.arange(first, last + 1, width, dtype=np.int64)
    keys: dict[str, Series] = {}
    for key in table.keys:
        if key.name == named.name:
            keys[key.name] = Series(groups.keys[key.name].type, np.tile(bins, combinations))
        else:
            keys[key.name] = groups.keys[key.name].take(np.repeat(firsts, len(bins)))
    names = [k.name for k in table.keys]
    if groups.rows:
        held = match_rows([keys[n] for n in names], [groups.keys[n] for n in names], groups=True)
    else:
        held = np.full(rows, -1, np.intp)
    fresh = np.flatnonzero(held < 0)
    beyond = np.setdiff1d(np.arange(groups.rows), held)
    order = np.concatenate([held[held >= 0], beyond]).astype(np.intp)
    kept = groups.take(order)
    return evolve(
        groups,
        keys={n: _appended(kept.keys[n], keys[n].take(fresh)) for n in names},
        measures={m: _appended(s, _nothing(m, len(fresh))) for m, s in kept.measures.items()},
        rows=kept.rows + len(fresh),
    )


def _nothing(measure: ex.Measure, rows: int) -> Series:
    """What a measure is where there is no flow."""
    if not MEASURES[measure.name].counting:
        return exact.unknown(measure.type, rows)
    if measure.type.name == "list":
        empty = np.empty(rows, object)
        empty[:] = [()] * rows
        return Series(measure.type, empty)
    if measure.name == "share":
        return Series(measure.type, np.zeros(rows, np.int64), None, np.ones(rows, np.int64))
    return Series(measure.type, np.zeros(rows, np.int64))


def _appended(series: Series, more: Series) -> Series:
    return joined([series, more]) if len(more) else series
