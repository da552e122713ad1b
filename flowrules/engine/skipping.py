"""What the first scan of a plan need not read of sources that know their zones, told without reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen

from flowrules.engine.direction import DirectionRule
from flowrules.engine.facts import Facts
from flowrules.engine.folding import Decided, Folds
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.where import Where
from flowrules.engine.work import zones_to_read
from flowrules.engine.world import Found
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.table import FlowSource
from flowrules.flows.zones import Zones
from flowrules.model import expression as ex
from flowrules.model.program import Program
from flowrules.model.types import TRUTH
from flowrules.plan.field_use import fields_of
from flowrules.plan.plan import Plan


@frozen
class Skipping:
    """Of the zones of a source, how many are skipped whole, with how many records; and for each column that the
    scan reads, of how many zones it is read at most."""

    path: str
    zones: int
    skipped: int
    records: int
    skipped_records: int
    columns: Mapping[str, int]


@frozen(eq=False)
class _Wanted:
    where: Where
    others: tuple[ex.Expression, ...]
    """What is asked of the rows that pass."""


def skipping(
    plan: Plan, program: Program, sources: Sequence[FlowSource], by: str, conf: SilkConf
) -> list[Skipping]:
    """What bounds spare the first scan, for each source that has zones."""
    around = Surroundings(
        DirectionRule(by, conf, program.internal), conf, Found(program, earlier=None), program.assume
    )
    first = plan.scans[0]
    wanted = [
        _Wanted(Where.of(g.where), (*g.keys, *(a.of for a in g.aggregates)))
        for g in plan.groupings
        if g.scan == first.number and g.finer is None
    ]
    collected = [c for c in plan.collections if c.scan == first.number]
    folds = Folds((p for w in wanted for p in w.where.predicates), around)
    out = []
    for source in sources:
        zones = source.zones()
        if zones is None or not len(zones):
            continue
        held = first.fields & source.fields
        if collected:
            # the rows of the other side are looked for in all of them
            columns = {name: len(zones) for name in sorted(held)}
            out.append(Skipping(source.path, len(zones), 0, int(zones.rows.sum()), 0, columns))
        else:
            out.append(_skipping(source.path, zones, held, folds, wanted, around))
    return out


def _skipping(
    path: str,
    zones: Zones,
    held: frozenset[str],
    folds: Folds,
    wanted: Sequence[_Wanted],
    around: Surroundings,
) -> Skipping:
    rule = around.direction
    unread = zones_to_read(Facts(), zones, held, around)
    told = fields_of((ex.Direction(type=TRUTH, name="inbound"),), rule.by) | {"stime", "duration"}
    states = folds.fold(zones.bounds, len(zones))
    needed: dict[int, frozenset[str]] = {}
    columns = dict.fromkeys(sorted(held), 0)
    skipped = np.zeros(len(zones), np.bool_)
    for number in range(len(zones)):
        decided = folds.decided(states[number])
        if id(decided) not in needed:
            needed[id(decided)] = _needed(decided, wanted, rule.by)
        fields = needed[id(decided)] | (told if unread[number] else frozenset())
        skipped[number] = not unread[number] and all(decided.where(w.where) is None for w in wanted)
        for name in fields & held:
            bounds = zones.bounds.get(name)
            if bounds is None or bounds[number, 0] != bounds[number, 1]:
                columns[name] += 1
    return Skipping(
        path,
        len(zones),
        int(np.count_nonzero(skipped)),
        int(zones.rows.sum()),
        int(zones.rows[skipped].sum()),
        columns,
    )


def _needed(decided: Decided, wanted: Sequence[_Wanted], by: str) -> frozenset[str]:
    """The stored fields that what may have rows asks for."""
    out: set[str] = set()
    for each in wanted:
        left = decided.where(each.where)
        if left is not None:
            out |= fields_of((*left.predicates, *each.others), by)
    return frozenset(out)
