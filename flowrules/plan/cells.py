"""Which groupings of a scan are counted by cells instead of each by its own predicate.

A *cell* is a combination of classes of values: of the protocol, of a port and the like, values that no test of
the scan tells apart fall into one class.  All rows of a cell pass the same tests, so that what a row costs
does not grow with the number of groupings.  Tests that look at anything else (sizes, addresses, sets) are the
*rest*: they are taken on the rows of those cells alone that pass the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

from attrs import evolve, frozen

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

ADDRESS_FIELDS: Final = frozenset({"sip", "dip", "nhip"})

CUT_FIELDS: Final = ("sip", "dip", "nhip", "packets", "bytes", "duration", "stime")
"""Stored fields with many values, whose thresholds and ranges can divide cells."""

MOST_CUTS: Final = 2048
"""The most ranges of one field that divide cells; tests that would make it more are taken by themselves."""

MOST_LOCAL: Final = 256.0
"""About how many cells cuts may make of one, before they are counted apart."""

OPEN: Final = 0.15
"""About which part of the rules a cell leaves open for tests of thresholds and addresses."""

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
    decisions = _Decisions(direction_by)
    members = []
    for place in counted_here:
        member = _member(place, groupings[place], decisions)
        if member is not None:
            members.append(member)
    if sum(1.0 if not groupings[m.grouping].keys else 0.5 for m in members) < FEWEST:
        return None
    fields = {n for m in members for p in (*m.tests, *m.cuts) for n in decisions.of(p).fields}
    members, clusters = clustered(members, few_cells=bool(fields & set(CELL_FIELDS)))
    return CellPlan(tuple(f for f in CELL_FIELDS if f in fields), tuple(members), clusters)


def _member(place: int, grouping: GroupingPlan, decisions: _Decisions) -> CellMember | None:
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
    if rest or grouping.keys or not summed:
        rest = [p for p in grouping.where if p not in tests]
        cuts = []
    if not (tests or cuts) or _numbers_records(rest, grouping):
        return None
    keyed = len(grouping.keys) == 1 and _is_host(grouping.keys[0])
    counted = not rest and (keyed or not grouping.keys) and summed
    return CellMember(place, tuple(tests), tuple(rest), counted, keyed, tuple(cuts))


@frozen
class _Decided:
    """Whether cells decide a predicate, by which fields, and whether it cuts some of them."""

    decidable: bool
    cut: bool
    fields: frozenset[str]


class _Decisions:
    """What cells decide; equal predicates are one object, each of which is looked at once."""

    def __init__(self, direction_by: str) -> None:
        self._direction_by = direction_by
        self._held: dict[int, _Decided] = {}
        self._ranges: dict[str, int] = {}

    def of(self, predicate: ex.Expression) -> _Decided:
        held = self._held.get(id(predicate))
        if held is None:
            held = self._held[id(predicate)] = self._decide(predicate)
        return held

    def _decide(self, predicate: ex.Expression) -> _Decided:
        fields: set[str] = set()
        cut = False
        for atom in atoms(predicate):
            name = cut_field(atom)
            if name is not None:
                count = self._ranges.get(name, 0) + _ranges(atom)
                if count > MOST_CUTS:
                    return _Decided(False, False, frozenset())
                self._ranges[name] = count
                cut = True
            elif _is_atom(atom, self._direction_by):
                fields.update(fields_of((atom,), self._direction_by))
            else:
                return _Decided(False, False, frozenset())
        return _Decided(bool(fields) or cut, cut, frozenset(fields))


def _ranges(atom: ex.Expression) -> int:
    match atom:
        case ex.In(collection=ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges)):
            return len(ranges)
        case ex.In(collection=ex.Addresses(set=members)):
            return members.range_count
        case _:
            return 1


def cut_field(atom: ex.Expression) -> str | None:
    """The field with many values of which a test compares a value with constants, and looks at nothing else."""
    match atom:
        case ex.Compare(left=ex.Field(name=name), right=ex.Literal(value=value)):
            whole = isinstance(value, int | Fraction) and not isinstance(value, bool)
            address = name in ADDRESS_FIELDS
            plain = isinstance(value, int) if address else whole
            return name if name in CUT_FIELDS and plain and (not address or atom.op in ("=", "!=")) else None
        case ex.In(items=(ex.Field(name=name),), collection=ex.Ranges() | ex.Numbers()):
            return name if name in CUT_FIELDS and name not in ADDRESS_FIELDS else None
        case ex.In(items=(ex.Field(name=name),), collection=ex.Addresses()):
            return name if name in ADDRESS_FIELDS else None
        case _:
            return None


def base_atoms(cuts: Iterable[ex.Expression]) -> tuple[ex.Expression, ...]:
    """The tests of fields with few values in predicates that cut others."""
    return tuple(dict.fromkeys(a for cut in cuts for a in atoms(cut) if cut_field(a) is None))


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
    joined: list[tuple[set[str], list[CellMember]]] = []
    for names, own in sorted(groups.items(), key=lambda g: (-len(g[0]), sorted(g[0]))):
        for held, others in joined:
            alike = held & ADDRESS_FIELDS == names & ADDRESS_FIELDS
            if alike and _spread([*others, *own], few_cells) <= MOST_LOCAL:
                held |= names
                others += own
                break
        else:
            joined.append((set(names), list(own)))
    number = {m.grouping: n for n, (_, own) in enumerate(joined) for m in own}
    placed = [evolve(m, cluster=number[m.grouping]) if m.cuts else m for m in members]
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
        out *= 1 + share * sum(map(_ranges, own))
    return out


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
