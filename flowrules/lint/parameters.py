"""Where a ruleset's text depends on a parameter: what stands there is the site's choice, so nothing is proved of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from flowrules.check.symbols import FileScope, Symbol
from flowrules.lint.nodes import FileNodes
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import tree

_CONSTANTS = ("ports", "nets", "map", "schedule")


class ParameterUses:
    """The places of names that mean a parameter, or a constant that is made with one."""

    def __init__(
        self,
        scopes: Mapping[str, FileScope],
        sources: Mapping[str, SourceText],
        names: Mapping[str, Sequence[tuple[tree.Name, Symbol]]] | None = None,
    ) -> None:
        self._sources = sources
        self._free: dict[Symbol, bool] = {}
        self._starts: dict[str, list[int]] = {}
        self._ends: dict[str, list[int]] = {}
        self._names: dict[str, list[str]] = {}
        for scope in scopes.values():
            found = sorted(
                (name.span.start, name.span.end, symbol.qualified)
                for name, symbol in (
                    names[scope.path] if names is not None else used_names(scope, FileNodes(scope.file))
                )
                if self.is_free(symbol)
            )
            self._starts[scope.path] = [start for start, _, _ in found]
            self._ends[scope.path] = [end for _, end, _ in found]
            self._names[scope.path] = [text for _, _, text in found]

    def is_free(self, symbol: Symbol) -> bool:
        """Whether a symbol's value is the site's choice."""
        held = self._free.get(symbol)
        if held is None:
            self._free[symbol] = False
            held = symbol.kind == "param" or (
                symbol.kind in _CONSTANTS
                and any(
                    used is not None and self.is_free(used)
                    for node in symbol.node.walk()
                    if isinstance(node, tree.Name)
                    for used in (resolve(symbol.scope, node),)
                )
            )
            self._free[symbol] = held
        return held

    def within(self, span: Span | None, start: int | None = None) -> str | None:
        """The declaration of the first such name in a piece of text, from the offset ``start`` on."""
        if span is None or span.path not in self._starts:
            return None
        starts = self._starts[span.path]
        at = bisect_left(starts, span.start if start is None else start)
        if at < len(starts) and self._ends[span.path][at] <= span.end:
            return self._names[span.path][at]
        return None

    def text(self, span: Span, start: int | None = None) -> tuple[str, str]:
        """A piece of text as written, on one line, with the path of its file."""
        source = self._sources[span.path].text
        return span.path, " ".join(source[span.start if start is None else start : span.end].split())


def resolve(scope: FileScope, name: tree.Name) -> Symbol | None:
    """The declaration that a name at file scope starts with; ``None`` for fields, words and faults."""
    head = name.parts[0]
    symbol = scope.symbols.get(head) or scope.imported.get(head)
    if symbol is None and len(name.parts) > 1:
        module = scope.modules.get(head)
        if module is not None:
            symbol = module.symbols.get(name.parts[1])
    return symbol


def used_names(scope: FileScope, nodes: FileNodes) -> Iterator[tuple[tree.Name, Symbol]]:
    """Every name in a file that means a declaration of it or of another, with that declaration."""
    for node in nodes.of(tree.Name):
        symbol = resolve(scope, node)
        if symbol is not None:
            yield node, symbol
