"""The text of a plan: scans and the fields they read, shared predicates, tests of sets that wait, groupings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.plan import demands as dm
from flowrules.plan.aggregates import Aggregate
from flowrules.plan.cost import cost
from flowrules.plan.estimate import classes_at_most, total
from flowrules.plan.plan import CellMember, CellPlan, CollectionPlan, GroupingPlan, Plan, Query, Ways
from flowrules.plan.rewriting import NEVER


def explain(plan: Plan) -> str:
    """A plan as text, one fact a line, the same for the same program."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    count = len(plan.scans)
    yield f"{count} scan{'' if count == 1 else 's'} of the flows"
    for scan in plan.scans:
        yield ""
        yield f"scan {scan.number}: {scan.reason or 'the flows are read'}"
        yield f"  fields: {', '.join(sorted(scan.fields))}"
        shared = plan.shared(scan.number)
        if shared:
            yield "  predicates tested once for several groups:"
            for predicate in sorted(shared, key=cost):
                yield f"    {_text(predicate)}  ({shared[predicate]} times)"
        cells, ways = plan.cells.get(scan.number), plan.ways.get(scan.number)
        if cells is not None:
            yield from _cells(cells)
        if ways is not None:
            yield from _weighed(ways, cells)
        for place, grouping in enumerate(plan.groupings):
            if grouping.scan == scan.number:
                yield from _grouping(plan, place, grouping)
        for place, collection in enumerate(plan.collections):
            if collection.scan == scan.number:
                yield from _collection(plan, place, collection)
    waiting = [q for q in plan.queries.values() if q.deferred and q.grouping is not None]
    if waiting:
        yield ""
        yield "sets tested after grouping, so that they need no scan of their own:"
        for query in waiting:
            beside = (
                f", counted per {', '.join(_text(k) for k in query.extra)} besides" if query.extra else ""
            )
            tests = " and ".join(_text(c) for c in query.deferred)
            yield f"  {_name(query)}: {tests}{beside}"
    over = [q for q in plan.queries.values() if q.demand.source.table is not None]
    if over:
        yield ""
        yield "from the rows of tables, without a scan:"
        for query in over:
            yield f"  {_name(query)} of {query.demand.source.table}"
    missing = [q for q in plan.queries.values() if q.missing is not None]
    if missing:
        yield ""
        yield "unknown, for want of a field:"
        for query in missing:
            yield f"  {_name(query)}: {query.missing}"


def _cells(cells: CellPlan) -> Iterator[str]:
    yield f"  counted by cells of {', '.join(cells.fields)}, {len(cells.members)} groups in one go:"
    ways = (
        ("by cell alone", [m for m in cells.members if m.counted and not m.keyed and not m.cuts]),
        *(
            (
                f"by cell, divided by {', '.join(names)}",
                [m for m in cells.members if m.cuts and m.cluster == n],
            )
            for n, names in enumerate(cells.clusters)
        ),
        ("by cell and host", [m for m in cells.members if m.counted and m.keyed]),
        ("from the rows of their cells", [m for m in cells.members if not m.counted]),
    )
    for way, members in ways:
        if members:
            yield f"    {way}: {'groups' if len(members) > 1 else 'group'} {_places(members)}"


def _weighed(ways: Ways, cells: CellPlan | None) -> Iterator[str]:
    """Why groups are counted by cells, or are not."""
    by_cells, each = (f"about {total(steps):.1f} ns a row" for steps in (ways.cells, ways.predicates))
    if cells is None:
        yield f"  each group tests its own predicates: {each} (by cells {by_cells})"
        return
    classes = classes_at_most(cells)
    counts = ", ".join(f"{name} {count:,}" for name, count in classes.items())
    combinations = prod(classes[name] for name in cells.fields)
    yield f"    {by_cells} (each by its own predicates {each}):"
    for step in ways.cells:
        yield f"      {step.nanoseconds:5.1f} ns  {step.what}"
    yield f"    classes at most: {counts}; {combinations:,} cells, {4 * combinations / 1e6:,.1f} MB to number them"


def _places(members: Sequence[CellMember]) -> str:
    """The numbers of groups, those that follow each other as a range."""
    spans: list[list[int]] = []
    for number in (m.grouping + 1 for m in members):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


def _grouping(plan: Plan, place: int, grouping: GroupingPlan) -> Iterator[str]:
    keys = ", ".join(_text(k) for k in grouping.keys) or "nothing"
    where = _where(grouping.where)
    yield f"  group {place + 1} per {keys}"
    if grouping.finer is not None:
        yield f"    added up from group {grouping.finer + 1}"
    yield f"    of {where}"
    parts = ["flows", *(_part(a) for a in grouping.aggregates)]
    yield f"    counts {', '.join(parts)}"
    yield f"    for {', '.join(users_of(plan, place))}"


def _collection(plan: Plan, place: int, collection: CollectionPlan) -> Iterator[str]:
    keys = ", ".join(_text(k) for k in collection.keys)
    of = f"hosts of {collection.profile}" if collection.profile else "every group"
    where = _where(collection.where)
    yield f"  rows of {of} by {keys}, in the order of time"
    yield f"    of {where}"
    yield f"    measures {', '.join(_text(m) for m in collection.measures)}"
    users = [_name(q) for q in plan.queries.values() if q.collection == place]
    yield f"    for {', '.join(dict.fromkeys(users))}"


def _where(predicates: tuple[ex.Expression, ...]) -> str:
    if NEVER in predicates:
        return "none: no flow passes all of its tests"
    several = len(predicates) > 1
    texts = [f"({_text(p)})" if several and isinstance(p, ex.Or) else _text(p) for p in predicates]
    return " and ".join(texts) or "all"


def users_of(plan: Plan, place: int) -> list[str]:
    """The declarations that a grouping is counted for."""
    return list(dict.fromkeys(_name(q) for q in plan.queries.values() if q.grouping == place))


def _name(query: Query) -> str:
    if query.demand.what == dm.TOTAL and isinstance(query.demand.subject, ex.Measure):
        return f"{query.demand.owner} (a total)"
    return query.demand.owner


def _part(aggregate: Aggregate) -> str:
    words = {
        "sum": "sum of {}",
        "squares": "squares of {}",
        "least": "least {}",
        "greatest": "greatest {}",
        "matching": "matches of {}",
        "values": "different values of {}",
    }
    return words[aggregate.kind].format(_text(aggregate.of))


def _text(expression: ex.Expression) -> str:
    text = expression_text(expression)
    return text if len(text) <= 100 else text[:97] + "..."
