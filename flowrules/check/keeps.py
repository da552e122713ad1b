"""``keep`` and ``order``: thresholds and ranks on the groups of a table or set."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from flowrules.check.conditions import Conditions, Names
from flowrules.check.constant_arguments import scalar_constant
from flowrules.check.expressions import BOUNDED
from flowrules.check.flows import FlowExpressions
from flowrules.check.literals import constant_in_range
from flowrules.check.nouns import type_noun
from flowrules.check.symbols import FileScope, Positions
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model import types as t
from flowrules.syntax import tree


def group_conditions(
    ws: Workspace,
    scope: FileScope,
    place: FlowExpressions,
    keys: Positions,
    columns: Mapping[str, ex.Measure],
    first: ex.Measure | None,
) -> Conditions:
    """Where conditions on the groups of a table (``first`` set) or a set stand."""
    named: dict[str, ex.Expression] = {p.name: ex.Column(type=p.type, name=p.name) for p in keys}
    named.update({n: ex.Column(type=m.type, name=n) for n, m in columns.items()})
    names = Names(
        what="a group of flows"
        if place.table is None
        else f"a group of {place.table.name.rpartition(':')[2]}'s rows",
        columns=named,
        bounded={n: BOUNDED[m.name] for n, m in columns.items() if m.name in BOUNDED},
        group=place,
        taken={m: n for n, m in reversed(list(columns.items()))},
        first=first,
        ranked=first is not None,
    )
    return Conditions(ws, scope, names)


def keep_steps(
    ws: Workspace,
    scope: FileScope,
    nodes: tuple[tree.KeepStep, ...],
    place: FlowExpressions,
    keys: Positions,
    columns: Mapping[str, ex.Measure],
    first: ex.Measure | None,
) -> tuple[ex.KeepStep, ...] | None:
    """The steps in their order; ``None`` where one is faulty (reported)."""
    conditions = group_conditions(ws, scope, place, keys, columns, first)
    steps: list[ex.KeepStep] = []
    for node in nodes:
        step = _step(conditions, node, is_table=first is not None)
        if step is not None:
            steps.append(step)
    return tuple(steps) if len(steps) == len(nodes) else None


def _step(conditions: Conditions, node: tree.KeepStep, is_table: bool) -> ex.KeepStep | None:
    match node:
        case tree.Keep():
            return ex.Keep(conditions.condition(node.condition))
        case tree.KeepRank():
            return _rank(conditions, node, is_table)
        case tree.KeepCover():
            return _cover(conditions, node, is_table)


def _rank(conditions: Conditions, node: tree.KeepRank, is_table: bool) -> ex.KeepRank | None:
    faults = conditions.ws.faults
    n = scalar_constant(conditions, node.n, t.COUNT, "a number of rows")
    by: ex.Expression | None = None
    if node.by is not None:
        by = ranked_value(conditions, node.by)
        if by is None:
            return None
    elif not is_table:
        faults.report(
            "FR232", "top of what? A set has no first measure", node.span, hint="write keep top 10 by flows"
        )
        return None
    if not isinstance(n, int):
        return None
    if n < 1:
        faults.report("FR231", f"a rank of {n} rows keeps nothing", node.n.span, hint="write a number from 1")
        return None
    return ex.KeepRank(bottom=node.bottom, n=n, by=by, ties=node.ties)


def _cover(conditions: Conditions, node: tree.KeepCover, is_table: bool) -> ex.KeepCover | None:
    faults = conditions.ws.faults
    share = scalar_constant(conditions, node.share, t.PERCENT, "the share that cover reaches")
    if not isinstance(share, Fraction):
        return None
    if not is_table:
        faults.report("FR232", "cover needs the measure of a table", node.span, hint="write a table")
        return None
    first = conditions.names.first
    if first is not None and first.type not in (t.COUNT, t.BYTES, t.NUMBER, t.DURATION):
        faults.report(
            "FR231", f"cover adds up the first measure, and {first.name} is {type_noun(first.type)}", node.span,
            hint="put flows or sum(bytes) first",
        )  # fmt: skip
        return None
    if not constant_in_range(conditions.ws, node.share, share, Fraction(1), "the share of all rows"):
        return None
    if share <= 0:
        faults.report(
            "FR231", "a cover of 0% keeps nothing", node.share.span, hint="write a percent such as 95%"
        )
        return None
    return ex.KeepCover(share)


def ranked_value(conditions: Conditions, node: tree.Name | tree.Call) -> ex.Expression | None:
    """A key, a column or a measure by which rows are ordered."""
    value = conditions.operand(node)
    if value.type == t.POISON:
        return None
    if not isinstance(value, ex.Column | ex.Measure):
        conditions.ws.faults.report(
            "FR231",
            f"{conditions.ws.text(node.span)} is the same for every row",
            node.span,
            hint="order by a key or a measure",
        )
        return None
    return value


def order_steps(conditions: Conditions, nodes: tuple[tree.OrderStep, ...]) -> tuple[pr.Order, ...] | None:
    """``order by`` in its order; ascending where nothing is said."""
    steps: list[pr.Order] = []
    for node in nodes:
        value = ranked_value(conditions, node.by)
        if value is not None:
            steps.append(pr.Order(value, node.direction == "desc"))
    return tuple(steps) if len(steps) == len(nodes) else None
