"""Which groupings of a scan are counted by cells instead of each by its own predicate.

A *cell* is a combination of classes of values: of the protocol, of a port and the like, values that no test of
the scan tells apart fall into one class.  All rows of a cell pass the same tests, so that what a row costs
does not grow with the number of groupings.  Thresholds of sizes and times and ranges of addresses, *cuts*, divide
cells further where groupings without keys ask for them.  Tests that look at anything else are the
*rest*: they are taken on the rows of those cells alone that pass the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from flowrules.model import expression as ex
from flowrules.model.types import ADDRESS
from flowrules.plan.aggregates import SUM
from flowrules.plan.cell_tests import (
    ADDRESS_FIELDS,
    CELL_FIELDS,
    CUT_FIELDS,
    Decisions,
    atoms,
    cut_field,
    range_count,
)
from flowrules.plan.estimate import by_cells, by_predicates, total
from flowrules.plan.field_use import TYPES, fields_of
from flowrules.plan.plan import CellMember, CellPlan, GroupingPlan, Ways

MOST_LOCAL: Final = 256.0
"""About how many cells cuts may make of one, before they are counted apart."""

MOST_ALONE: Final = 65_536.0
"""The same where all rows are of one cell."""

OPEN: Final = 0.15
"""About which part of the rules a cell leaves open for tests of thresholds and addresses."""

MARGIN: Final = 1.0
"""Cells are taken where they cost less than this many times what predicates do."""

_SUMMED: Final = frozenset({"packets", "bytes"})


def plan_cells(
    scan: int, groupings: Sequence[GroupingPlan], direction_by: str
) -> tuple[CellPlan | None, Ways | None]:
    """The cells of a scan (``None`` where each grouping had better test its own predicates), and what was
    weighed (``None`` where there are no groupings for cells).
    """
    decisions = Decisions(direction_by)
    members = []
    for place, grouping in enumerate(groupings):
        if grouping.scan == scan and grouping.finer is None:
            member = _member(place, grouping, decisions)
            if member is not None:
                members.append(member)
    if not members:
        return None, None
    held = {n for m in members for p in (*m.tests, *m.cuts) for n in decisions.of(p).fields}
    fields = tuple(f for f in CELL_FIELDS if f in held)
    members, clusters = clustered(members, few_cells=bool(fields))
    ways = Ways(
        tuple(by_cells(fields, members, clusters, groupings)),
        tuple(by_predicates([groupings[m.grouping] for m in members])),
    )
    if total(ways.cells) >= MARGIN * total(ways.predicates):
        return None, ways
    return CellPlan(fields, tuple(members), clusters), ways


def pay(
    fields: Sequence[str],
    members: Sequence[CellMember],
    clusters: Sequence[tuple[str, ...]],
    groupings: Sequence[GroupingPlan],
) -> bool:
    """Whether ``members`` of ``groupings`` are counted by cells over ``fields`` for less than each by its own predicates."""
    tested = by_predicates([groupings[m.grouping] for m in members])
    return total(by_cells(fields, members, clusters, groupings)) < MARGIN * total(tested)


def _member(place: int, grouping: GroupingPlan, decisions: Decisions) -> CellMember | None:
    tests, cuts, rest = [], [], []
    for predicate in grouping.where:
        decided = decisions.of(predicate)
        if not decided.decidable:
            rest.append(predicate)
        elif decided.cut:
            cuts.append(predicate)
        else:
            tests.append(predicate)
    summed = all(map(_summed, grouping.aggregates))
    if cuts and (rest or grouping.keys or not summed):
        cuts = []
        rest = [p for p in grouping.where if p not in tests]
    if not (tests or cuts) or _numbers_records(rest, grouping):
        return None
    keyed = len(grouping.keys) == 1 and _is_host(grouping.keys[0])
    counted = not rest and (keyed or not grouping.keys) and summed
    return CellMember(place, tuple(tests), tuple(rest), counted, keyed, tuple(cuts))


def clustered(
    members: Sequence[CellMember], few_cells: bool
) -> tuple[list[CellMember], tuple[tuple[str, ...], ...]]:
    """Members with the clusters that they are counted in, and the fields that each cluster cuts.

    Members that cut the same fields are together.  Clusters are joined while what they cut together stays
    small: each is one more histogram.  Those that cut other addresses keep apart, for few rows pass in each.
    """
    groups: dict[frozenset[str], list[CellMember]] = {}
    for member in members:
        if member.cuts:
            names = frozenset(n for c in member.cuts for a in atoms(c) if (n := cut_field(a)) is not None)
            groups.setdefault(names, []).append(member)
    most = MOST_LOCAL if few_cells else MOST_ALONE
    joined: list[tuple[set[str], list[CellMember]]] = []
    for names, own in sorted(groups.items(), key=lambda g: (-len(g[0]), sorted(g[0]))):
        for held, others in joined:
            alike = held & ADDRESS_FIELDS == names & ADDRESS_FIELDS
            if alike and _spread([*others, *own], few_cells) <= most:
                held |= names
                others += own
                break
        else:
            joined.append((set(names), list(own)))
    number = {m.grouping: n for n, (_, own) in enumerate(joined) for m in own}
    placed = [evolve(m, cluster=number[m.grouping]) if number.get(m.grouping) else m for m in members]
    return placed, tuple(tuple(f for f in CUT_FIELDS if f in names) for names, _ in joined)


def _spread(members: Sequence[CellMember], few_cells: bool) -> float:
    """About how many cells the cuts of members make of one."""
    cuts: dict[str, set[ex.Expression]] = {}
    for member in members:
        for cut in member.cuts:
            for atom in atoms(cut):
                name = cut_field(atom)
                if name is not None:
                    cuts.setdefault(name, set()).add(atom)
    share = OPEN if few_cells else 1.0
    out = 1.0
    for own in cuts.values():
        out *= 1 + share * sum(map(range_count, own))
    return out


def _is_host(key: ex.Expression) -> bool:
    return isinstance(key, ex.Field) and key.type == ADDRESS


def _summed(aggregate: object) -> bool:
    of = getattr(aggregate, "of", None)
    return getattr(aggregate, "kind", "") == SUM and isinstance(of, ex.Field) and of.name in _SUMMED


def _numbers_records(rest: Sequence[ex.Expression], grouping: GroupingPlan) -> bool:
    """Whether the number of a record in its source matters."""
    if not rest and not grouping.keys and all(map(_summed, grouping.aggregates)):
        return False
    expressions = (*rest, *grouping.keys, *(a.of for a in grouping.aggregates))
    return "record_number" in fields_of(expressions, TYPES)
