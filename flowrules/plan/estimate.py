"""What the ways of counting cost, in nanoseconds a row; what the plan chooses by, and what ``explain plan`` shows.

The steps are those of numpy's kernels on pieces in the cache, measured on one core of an AMD EPYC: the figures say
which way is cheaper, not how long a run takes on another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import prod
from typing import Final

from flowrules.model import expression as ex
from flowrules.plan.aggregates import SUM
from flowrules.plan.cell_tests import ADDRESS_FIELDS, CUT_FIELDS, atoms, cut_field, range_count
from flowrules.plan.cost import CHEAP, COMPARE, TAKE, cost
from flowrules.plan.field_use import TYPES, fields_of
from flowrules.plan.plan import CellMember, CellPlan, GroupingPlan, Step

NUMBERING: Final = 1.5
"""The number of a combination of classes, from a table that does not stay in the first cache."""
COUNTING: Final = 1.3
"""One more in a histogram, or a value added to one."""
ADDING: Final = 0.5
"""The values of rows that pass added up to one sum, or of all rows, the others as nothing."""
CODING: Final = 4.0
"""The code of an address or of another key."""
ORDERING: Final = 8.0
"""Rows put in the order of what wants them."""
FETCHING: Final = 1.2
"""A value of a row that was selected."""
SELECTING: Final = 0.5
"""The rows that pass, from the truths of all."""
CUTTING: Final = 1.8
"""The class of a value among thresholds or ranges of addresses."""
PLACING: Final = 0.3
"""What the class of a value adds to a number."""
NARROWING: Final = 3.0
"""What is left of such a class in one signature."""

_BY_ADDRESS: Final = 0.2
"""About which part of the rows some range of addresses holds."""
_SIZES: Final = {"sport": 1 << 16, "dport": 1 << 16, "application": 1 << 16} | dict.fromkeys(
    ("type", "protocol", "flags", "initial_flags", "session_flags", "ip_version"), 256
)
_COMBINING: Final = 0.06


def total(steps: Iterable[Step]) -> float:
    """The nanoseconds a row of some steps."""
    return sum(s.nanoseconds for s in steps)


@lru_cache(maxsize=1 << 14)
def passing(predicate: ex.Expression) -> float:
    """About which part of all flows passes a predicate: a guess from its form, for nothing is known of the flows."""
    match predicate:
        case ex.And(items=items):
            return prod((passing(i) for i in items), start=1.0)
        case ex.Or(items=items):
            return min(sum(map(passing, items)), 1.0)
        case ex.Not(of=of):
            return 1 - passing(of)
        case ex.Compare(op="=") if isinstance(predicate.right, ex.Literal):
            return _equal(predicate.left)
        case ex.Compare(op="!=") if isinstance(predicate.right, ex.Literal):
            return 1 - _equal(predicate.left)
        case ex.In(items=(ex.Field(name=name),), collection=ex.Ranges(ranges=ranges)) if name.endswith(
            "port"
        ):
            single = sum(1 for low, high in ranges if low == high)
            wide = sum((high - low) / 65_535 for low, high in ranges if low != high)
            return min(0.05 * single + wide, 1.0)
        case ex.In(collection=ex.Labels(labels=labels)):
            return min(0.25 * len(labels), 0.8)
        case ex.In(collection=ex.Addresses() | ex.Wildcards() | ex.Blocks()):
            return 0.1
        case ex.In():
            return 0.2
        case _:
            return 0.5


def _equal(value: ex.Expression) -> float:
    if isinstance(value, ex.Field):
        if value.name == "protocol":
            return 0.4
        if value.name in ("type", "ip_version"):
            return 0.3
    return 0.05


def by_predicates(groupings: Sequence[GroupingPlan]) -> list[Step]:
    """Each grouping tests its own predicates; equal ones are tested once."""
    # equal predicates are one object
    known: dict[int, tuple[float, float]] = {}
    tested: dict[int, float] = {}
    selected: dict[tuple[int, ...], float] = {}
    counting = 0.0
    for grouping in groupings:
        share, cheap, dear = 1.0, [], 0.0
        for predicate in grouping.where:
            place = id(predicate)
            held = known.get(place)
            if held is None:
                held = known[place] = cost(predicate)[0], passing(predicate)
            each, passes = held
            if each <= CHEAP:
                cheap.append(place)
                tested[place] = each
            else:
                dear += share * (each + FETCHING) + SELECTING * share
            share *= passes
        if cheap:
            selected[tuple(cheap)] = SELECTING + _COMBINING * len(cheap)
        each = len(grouping.keys) * (CODING + FETCHING) + COUNTING * bool(grouping.keys)
        each += len(grouping.aggregates) * (FETCHING + COUNTING)
        whole = not grouping.keys and not dear and all(a.kind == SUM for a in grouping.aggregates)
        # without keys all rows are added up, those that did not pass as nothing
        counting += min(share * each, ADDING * len(grouping.aggregates)) if whole else dear + share * each
    return [
        Step("tests on all rows", sum(tested.values())),
        Step("rows that pass them", sum(selected.values())),
        Step("tests on those rows, and counting", counting),
    ]


def by_cells(
    fields: Sequence[str],
    members: Sequence[CellMember],
    clusters: Sequence[tuple[str, ...]],
    groupings: Sequence[GroupingPlan],
) -> list[Step]:
    """Groupings counted by cells over ``fields``, some with cuts, some by host, some from the rows of their cells."""
    steps: list[Step] = []
    if fields:
        steps.append(Step(f"classes of {', '.join(fields)}", len(fields) * (TAKE + 0.1)))
        steps.append(Step("cells", NUMBERING))
    whole = [m for m in members if m.counted and not m.keyed and not m.cuts]
    if whole:
        steps.append(Step("counting by cell", COUNTING * (1 + _sums(whole, groupings))))
    cut = list(dict.fromkeys(name for names in clusters for name in names))
    if cut:
        steps.append(Step(f"classes of {', '.join(cut)}", sum(_cutting(members, cut))))
    for number, names in enumerate(clusters):
        own = [m for m in members if m.cuts and m.cluster == number]
        share = min(1.0, sum(_share(m) for m in own))
        if ADDRESS_FIELDS & set(names):
            # the others are left out by their addresses
            steps.append(Step(f"rows that pass by {names[0]}", NARROWING))
            share *= _BY_ADDRESS
        # rows that are all of one cell need not be told apart first
        narrowing, cell = (NARROWING, TAKE) if fields else (PLACING, 0.0)
        each = narrowing * len(names) + COUNTING * (1 + _sums(own, groupings))
        steps.append(Step(f"counting by {', '.join(names)} in each cell", cell + share * each))
    hosted: dict[tuple[ex.Expression, ...], list[CellMember]] = {}
    for member in members:
        if member.counted and member.keyed:
            hosted.setdefault(groupings[member.grouping].keys, []).append(member)
    for own in hosted.values():
        share = min(1.0, sum(_share(m) for m in own))
        each = ORDERING + CODING + (COUNTING + FETCHING) * (1 + _sums(own, groupings))
        steps.append(Step("counting by cell and host", TAKE + share * each))
    chosen = [m for m in members if not m.counted]
    if chosen:
        steps.append(
            Step("rows in the order of their cells", TAKE + ORDERING * min(1.0, sum(map(_share, chosen))))
        )
        steps.append(Step("tests on those rows, and counting", sum(_chosen(m, groupings) for m in chosen)))
    return steps


def _cutting(members: Sequence[CellMember], fields: Sequence[str]) -> Iterator[float]:
    """What the class of a value costs, of each field that is cut: of a number with few cuts it is compared with each."""
    cuts: dict[str, dict[int, int]] = {}
    for member in members:
        for cut in member.cuts:
            for atom in atoms(cut):
                name = cut_field(atom)
                if name is not None:
                    cuts.setdefault(name, {})[id(atom)] = range_count(atom)
    for name in fields:
        count = sum(cuts.get(name, {}).values())
        compared = count * (COMPARE[8] + COMPARE[1]) + PLACING
        yield CUTTING if name in ADDRESS_FIELDS else min(compared, CUTTING)


def classes_at_most(cells: CellPlan) -> dict[str, int]:
    """How many classes the tests of each field make at most, of fields with few values and of those cut."""
    ends: dict[str, set[object]] = {}
    tests: dict[str, set[ex.Expression]] = {}
    for member in cells.members:
        for predicate in (*member.tests, *member.cuts):
            for atom in atoms(predicate):
                name = cut_field(atom) or next(iter(fields_of((atom,), TYPES)))
                tests.setdefault(name, set()).add(atom)
                ends.setdefault(name, set()).update(_ends(atom))
    names = (*cells.fields, *(f for f in CUT_FIELDS if f in tests))
    return {n: min(len(ends[n]) + 1, 1 << min(len(tests[n]), 20), _SIZES.get(n, 1 << 32)) for n in names}


def _ends(atom: ex.Expression) -> Iterable[object]:
    """What tells values apart in a test: each single value, both ends of each range, else the test itself."""
    match atom:
        case ex.In(collection=ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges)):
            return {e for low, high in ranges for e in ((low,) if low == high else (low, high + 1))}
        case ex.In(collection=ex.Addresses(set=members)):
            return {e for low, high in members.ranges() for e in (low, high + 1)}
        case ex.In(collection=ex.Labels(labels=labels)):
            return labels
        case ex.FlagTest():
            # every combination of the bits that some test asks for may be a class of its own
            return range(255)
        case _:
            return (atom,)


def _share(member: CellMember) -> float:
    return prod((passing(t) for t in member.tests), start=1.0)


def _sums(members: Sequence[CellMember], groupings: Sequence[GroupingPlan]) -> int:
    return len({a for m in members for a in groupings[m.grouping].aggregates})


def _chosen(member: CellMember, groupings: Sequence[GroupingPlan]) -> float:
    grouping = groupings[member.grouping]
    share, out = _share(member), 0.0
    for predicate in member.rest:
        out += share * (cost(predicate)[0] + FETCHING + SELECTING)
        share *= passing(predicate)
    each = len(grouping.keys) * (CODING + FETCHING) + COUNTING * bool(grouping.keys)
    return out + share * (each + len(grouping.aggregates) * (FETCHING + COUNTING))
