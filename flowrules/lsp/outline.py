"""The outline of a file: its declarations, and what stands in a profile or a test."""

from __future__ import annotations

from lsprotocol import types as lsp

from flowrules.lsp.positions import Positions
from flowrules.syntax import tree

_KINDS = {
    tree.Param: ("param", lsp.SymbolKind.Variable),
    tree.Ports: ("ports", lsp.SymbolKind.Constant),
    tree.Nets: ("nets", lsp.SymbolKind.Constant),
    tree.Schedule: ("schedule", lsp.SymbolKind.Constant),
    tree.Map: ("map", lsp.SymbolKind.Object),
    tree.Filter: ("filter", lsp.SymbolKind.Function),
    tree.SetDeclaration: ("set", lsp.SymbolKind.Array),
    tree.Table: ("table", lsp.SymbolKind.Struct),
    tree.Profile: ("profile", lsp.SymbolKind.Class),
    tree.Feature: ("feature", lsp.SymbolKind.Property),
    tree.Verdict: ("verdict", lsp.SymbolKind.EnumMember),
    tree.Anomaly: ("anomaly", lsp.SymbolKind.Event),
    tree.Check: ("check", lsp.SymbolKind.Boolean),
}


def outline(file: tree.File, positions: Positions) -> list[lsp.DocumentSymbol]:
    """The symbols of a file in the order of the text."""
    out: list[lsp.DocumentSymbol] = []
    for item in file.items:
        match item:
            case tree.Ruleset():
                out.append(
                    _symbol(item.name.text, "ruleset", lsp.SymbolKind.Module, item, item.name, positions)
                )
            case tree.Test():
                name = str(item.name.value)
                out.append(_symbol(name, "test", lsp.SymbolKind.Method, item, item.name, positions))
            case tree.Tune():
                name = item.ruleset.text
                out.append(_symbol(name, "tune", lsp.SymbolKind.Namespace, item, item.ruleset, positions))
            case tree.Declaration():
                out.append(_declaration(item, positions))
    return out


def _declaration(node: tree.Declaration, positions: Positions) -> lsp.DocumentSymbol:
    word, kind = _KINDS[type(node)]
    title = str(node.title.value) if node.title is not None else ""
    symbol = _symbol(node.name.text, f"{word} {title}".strip(), kind, node, node.name, positions)
    if isinstance(node, tree.Profile):
        symbol.children = [
            _declaration(item, positions) for item in node.items if isinstance(item, tree.Declaration)
        ]
    if any(a.name.text == "deprecated" for a in node.attributes):
        symbol.tags = [lsp.SymbolTag.Deprecated]
    return symbol


def _symbol(
    name: str, detail: str, kind: lsp.SymbolKind, whole: tree.Node, named: tree.Node, positions: Positions
) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        name=name or "…",
        detail=detail,
        kind=kind,
        range=positions.of(whole.span),
        selection_range=positions.of(named.span),
        children=[],
    )
