"""Sources: which flows, or which rows of a table, a measure is taken of."""

from __future__ import annotations

from attrs import frozen

from flowrules.check.builtin import (
    ALSO_CALLED,
    DIRECTIONS,
    EITHER_END,
    FIELDS,
    VALUE_WORDS,
)
from flowrules.check.directions import proved_direction
from flowrules.check.flows import FlowExpressions
from flowrules.check.nouns import kind_noun, type_noun
from flowrules.check.symbols import CheckedFilter, CheckedTable, Constant, FileScope
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.fields import PROTOCOLS
from flowrules.syntax import tree


@frozen(eq=False)
class CheckedSource:
    """Which flows or rows: the source, and the table whose rows they are."""

    source: ex.Source
    table: CheckedTable | None


def source(ws: Workspace, scope: FileScope, node: tree.Source) -> CheckedSource | None:
    """Which flows or rows a source means; ``None`` where it is faulty (reported)."""
    table: CheckedTable | None = None
    if isinstance(node.of, tree.Name):
        found = _named_source(ws, scope, node.of)
        if found is None:
            return None
        predicate, table = found
    else:
        predicate = FlowExpressions(ws, scope).condition(node.of)
    if node.where is not None:
        where = FlowExpressions(ws, scope, table).condition(node.where)
        if table is not None:
            predicate = where
        else:
            items = [i for p in (predicate, where) for i in (p.items if isinstance(p, ex.And) else (p,))]
            predicate = ex.And(type=t.TRUTH, span=node.span, items=tuple(items))
    direction = None if table is not None else proved_direction(ws, predicate)
    name = table.name if table is not None else None
    return CheckedSource(ex.Source(predicate, name, direction, node.span), table)


def _named_source(
    ws: Workspace, scope: FileScope, node: tree.Name
) -> tuple[ex.Expression, CheckedTable | None] | None:
    word = node.parts[0]
    flows = FlowExpressions(ws, scope)
    if len(node.parts) == 1 and (word in DIRECTIONS or word in PROTOCOLS):
        return flows.condition(node), None
    if len(node.parts) == 1 and word in {*FIELDS, *EITHER_END, *VALUE_WORDS} and word not in scope.symbols:
        ws.faults.report(
                "FR204", f"{word} is {'a measure' if word in VALUE_WORDS else 'a field'}, and of names which flows", node.span,
                hint="write of a filter, a table, or a condition in parentheses: of (outbound and tcp)",
            )  # fmt: skip
        return None
    symbol, rest, reported = ws.find(scope, node)
    if symbol is None:
        if not reported:
            filters = [n for n, s in scope.symbols.items() if s.kind in ("filter", "table")]
            others = [*DIRECTIONS, *PROTOCOLS, *scope.imported, *scope.modules]
            word_is_known = ALSO_CALLED.get(word) in ("all",)
            ws.unknown_name(
                node,
                ["all", *filters, *others] if word_is_known else [*filters, *others],
                "no filter or table",
            )
        return None
    checked = ws.refer(symbol, node.span)
    if checked is None:
        return None
    if isinstance(checked, CheckedTable) and not rest:
        if checked.declaration is None:
            ws.faults.report(
                "FR204", f"{node.text} is bound from outside: it can be looked up in, not grouped", node.span,
                hint=f"write {node.text}.{next(iter(checked.columns), 'value')}[…]",
            )  # fmt: skip
            return None
        return ex.Literal(type=t.TRUTH, span=node.span, value=True), checked
    if isinstance(checked, CheckedFilter) and not rest:
        return ex.FilterRef(type=t.TRUTH, span=node.span, name=symbol.qualified), None
    what = type_noun(checked.type) if isinstance(checked, Constant) else kind_noun(symbol.kind)
    hint: str | None = None
    if symbol.kind == "set":
        hint = f"write of (sip in {node.text})"
    elif symbol.kind == "profile" or rest:
        hint = f"write of (sip in {symbol.name}.hosts)"
    elif symbol.kind in ("ports", "nets"):
        hint = f"write of ({'dport' if symbol.kind == 'ports' else 'dip'} in {node.text})"
    ws.faults.report("FR204", f"{node.text} is {what}, and of names which flows", node.span, hint=hint)
    return None
