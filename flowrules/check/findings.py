"""Anomalies and checks at file level."""

from __future__ import annotations

from flowrules.check.attributes import declared
from flowrules.check.builtin import SEVERITIES
from flowrules.check.conditions import Conditions, Names
from flowrules.check.expressions import BOUNDED
from flowrules.check.faults import did_you_mean
from flowrules.check.nouns import kind_noun
from flowrules.check.symbols import CheckedFinding, CheckedSet, CheckedTable, Symbol
from flowrules.check.texts import template
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.syntax import tree


def severity(ws: Workspace, node: tree.Identifier | None) -> str:
    """A severity by name; ``warning`` where none was written."""
    if node is None:
        return "warning"
    if node.text not in SEVERITIES:
        also = {"critical": "error", "high": "error", "fatal": "error", "medium": "warning", "warn": "warning",
                "low": "notice", "information": "info", "debug": "info", "note": "notice"}  # fmt: skip
        near = also.get(node.text.lower())
        hint = f"did you mean {near}?" if near else did_you_mean(node.text, SEVERITIES)
        ws.faults.report(
            "FR236", f"there is no severity {node.text}", node.span,
            hint=hint or f"the severities are {', '.join(SEVERITIES)}",
        )  # fmt: skip
        return "warning"
    return node.text


def check_anomaly(ws: Workspace, symbol: Symbol) -> CheckedFinding | None:
    """An ``anomaly`` outside profiles: of the network, or of each row of a table or set."""
    node = symbol.node
    assert isinstance(node, tree.Anomaly)
    level = severity(ws, node.severity)
    names, table, set_ = _within(ws, symbol, node)
    if names is None:
        return None
    conditions = Conditions(ws, symbol.scope, names)
    condition = conditions.condition(node.condition) if node.condition is not None else None
    if condition is None and node.within is None:
        ws.faults.report(
            "FR233", f"the anomaly {symbol.name} says neither in what nor when", node.name.span,
            hint="write in a table or set, or when a condition holds",
        )  # fmt: skip
    declaration = pr.AnomalyDeclaration(
        **declared(ws, symbol),
        severity=level,
        condition=condition,
        because=template(conditions, node.because),
        within_table=table,
        within_set=set_,
    )
    return CheckedFinding(declaration)


def _within(ws: Workspace, symbol: Symbol, node: tree.Anomaly) -> tuple[Names | None, str | None, str | None]:
    if node.within is None:
        return Names(what="the network"), None, None
    found, rest, reported = ws.find(symbol.scope, node.within)
    if found is None:
        if not reported:
            ws.unknown_name(node.within, ws.names(symbol.scope), "no table or set")
        return None, None, None
    checked = ws.refer(found, node.within.span)
    if checked is None:
        return None, None, None
    if isinstance(checked, CheckedTable) and checked.declaration is not None and not rest:
        columns: dict[str, ex.Expression] = {
            p.name: ex.Column(type=p.type, name=p.name) for p in checked.keys
        }
        columns.update({n: ex.Column(type=type_, name=n) for n, type_ in checked.columns.items()})
        bounded = {
            c.name: BOUNDED[c.measure.name] for c in checked.declaration.columns if c.measure.name in BOUNDED
        }
        return Names(what=f"a row of {found.name}", columns=columns, bounded=bounded), found.qualified, None
    if isinstance(checked, CheckedSet) and not rest:
        positions: dict[str, ex.Expression] = {
            p.name: ex.Column(type=p.type, name=p.name) for p in checked.positions
        }
        return Names(what=f"a member of {found.name}", columns=positions), None, found.qualified
    hint = "anomalies of hosts stand in their profile" if found.kind == "profile" else None
    ws.faults.report(
        "FR204", f"{node.within.text} is {kind_noun(found.kind)}, and an anomaly is found in a table or set",
        node.within.span, hint=hint,
    )  # fmt: skip
    return None, None, None


def check_check(ws: Workspace, symbol: Symbol) -> CheckedFinding:
    """A ``check`` declaration."""
    node = symbol.node
    assert isinstance(node, tree.Check)
    conditions = Conditions(ws, symbol.scope, Names(what="the network"))
    declaration = pr.CheckDeclaration(
        **declared(ws, symbol),
        severity=severity(ws, node.severity),
        condition=conditions.condition(node.condition),
        because=template(conditions, node.because),
    )
    return CheckedFinding(declaration)
