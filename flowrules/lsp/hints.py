"""Inlay hints: the values of parameters and lists beside their names."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.check.check import CheckResult
from flowrules.lsp.names import Names
from flowrules.lsp.values import size_text, value_text
from flowrules.syntax import tree

_LONGEST = 40
_SHOWN = frozenset({"param", "ports", "nets", "schedule"})


def hints(result: CheckResult, names: Names) -> Iterator[tuple[int, str, str]]:
    """Offset, text and what hovering over it shows, for each name whose value is worth a look.

    Where a parameter is declared, its value is shown only if it is not the one that stands there.
    """
    for occurrence in names.occurrences:
        symbol = occurrence.target.symbol if occurrence.target is not None else None
        if symbol is None or symbol.kind not in _SHOWN:
            continue
        if occurrence.declares and not _is_bound_elsewhere(symbol.node):
            continue
        value = value_text(result, symbol, 4)
        if value is None or len(value) > _LONGEST:
            value = size_text(result, symbol)
        if value is None or len(value) > _LONGEST:
            continue
        whole = value_text(result, symbol, 50) or value
        yield occurrence.span.end, f" = {value}", whole


def _is_bound_elsewhere(node: tree.Declaration) -> bool:
    """Whether a parameter has no default, so that a value comes from the site."""
    return isinstance(node, tree.Param) and node.value is None
