"""Which groupings of a scan are counted by cells instead of each by its own predicate.

A *cell* is a combination of classes of values: of the protocol, of a port and the like, values that no test of
the scan tells apart fall into one class.  All rows of a cell pass the same tests, so that what a row costs
does not grow with the number of groupings.  Tests that look at anything else (sizes, addresses, sets) are the
*rest*: they are taken on the rows of those cells alone that pass the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flowrules.model import expression as ex
from flowrules.model.types import ADDRESS
from flowrules.plan.aggregates import SUM
from flowrules.plan.field_use import TYPES, fields_of
from flowrules.plan.plan import CellMember, CellPlan, GroupingPlan

CELL_FIELDS: Final = (
    "type",
    "protocol",
    "flags",
    "initial_flags",
    "session_flags",
    "ip_version",
    "application",
    "sport",
    "dport",
)
"""Stored fields with few values, of which cells are made."""

FEWEST: Final = 6
"""From so many groupings in a scan on, cells cost less than a predicate for each.

One with keys counts half: looking keys up is most of its cost, and cells do not save that.
"""

_SUMMED: Final = frozenset({"packets", "bytes"})


def plan_cells(scan: int, groupings: Sequence[GroupingPlan], direction_by: str) -> CellPlan | None:
    """The cells of a scan; ``None`` where each grouping had better test its own predicates."""
    counted_here = [p for p, g in enumerate(groupings) if g.scan == scan and g.finer is None]
    if len(counted_here) < FEWEST:
        return None
    members = []
    fields: set[str] = set()
    # equal predicates are one object: each is looked at once
    decided: dict[int, frozenset[str]] = {}
    for place in counted_here:
        grouping = groupings[place]
        for predicate in grouping.where:
            if id(predicate) not in decided:
                decided[id(predicate)] = cell_fields(predicate, direction_by)
        tests = tuple(p for p in grouping.where if decided[id(p)])
        rest = tuple(p for p in grouping.where if not decided[id(p)])
        if not tests or _numbers_records(rest, grouping):
            continue
        keyed = len(grouping.keys) == 1 and _is_host(grouping.keys[0])
        counted = not rest and (keyed or not grouping.keys) and all(map(_summed, grouping.aggregates))
        members.append(CellMember(place, tests, rest, counted, keyed))
        fields.update(*(decided[id(t)] for t in tests))
    if sum(1.0 if not groupings[m.grouping].keys else 0.5 for m in members) < FEWEST:
        return None
    return CellPlan(tuple(f for f in CELL_FIELDS if f in fields), tuple(members))


def cell_fields(node: ex.Expression, direction_by: str) -> frozenset[str]:
    """The fields by whose classes a predicate is decided; none where it looks at anything else."""
    parts = atoms(node)
    if not all(_is_atom(a, direction_by) for a in parts):
        return frozenset()
    return fields_of(parts, direction_by)


def atoms(node: ex.Expression) -> tuple[ex.Expression, ...]:
    """The tests below *and*, *or*, *not* and *n of*, each once."""
    match node:
        case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
            return tuple(dict.fromkeys(a for item in items for a in atoms(item)))
        case ex.Not(of=of):
            return atoms(of)
        case _:
            return (node,)


def _is_atom(node: ex.Expression, direction_by: str) -> bool:
    """Whether a test looks at one field with few values and nothing else."""
    match node:
        case ex.FlagTest(name=name):
            return name in CELL_FIELDS
        case ex.Direction(name=name):
            return name != "all" and direction_by == TYPES
        case ex.Compare(left=ex.Field(name=name), right=ex.Literal(value=value)):
            return name in CELL_FIELDS and value is not None
        case ex.In(items=(ex.Field(name=name),), collection=ex.Ranges() | ex.Numbers() | ex.Labels()):
            return name in CELL_FIELDS
        case _:
            return False


def _is_host(key: ex.Expression) -> bool:
    return isinstance(key, ex.Field) and key.type == ADDRESS


def _summed(aggregate: object) -> bool:
    of = getattr(aggregate, "of", None)
    return getattr(aggregate, "kind", "") == SUM and isinstance(of, ex.Field) and of.name in _SUMMED


def _numbers_records(rest: Sequence[ex.Expression], grouping: GroupingPlan) -> bool:
    """Whether the number of a record in its source matters."""
    expressions = (*rest, *grouping.keys, *(a.of for a in grouping.aggregates))
    return "record_number" in fields_of(expressions, TYPES)
