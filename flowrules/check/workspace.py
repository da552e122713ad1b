"""The state of one check: which files, what was found, what is already known of each name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from attrs import define, field

from flowrules.check.bindings import Binder, Bindings
from flowrules.check.faults import Faults, did_you_mean
from flowrules.check.nouns import kind_noun
from flowrules.check.symbols import Checked, FileScope, Symbol
from flowrules.model.map_table import MapTable
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import tree

C = TypeVar("C")


@define(eq=False)
class Workspace:
    """What the passes of a check share.

    ``checkers`` has one function for each kind of declaration; ``resolve`` calls it once for a symbol.
    ``uses`` records which symbol needed which, so that only what is asked for is kept and must be bound.
    """

    faults: Faults
    sources: Mapping[str, SourceText]
    scopes: dict[str, FileScope]
    bindings: Bindings
    binder: Binder | None
    mode: str
    """``check``: unbound parameters are unknown; ``run``: they are errors where needed; ``test``."""
    checkers: Mapping[str, Callable[[Workspace, Any], Checked | None]]
    maps: dict[str, MapTable] = field(factory=dict)
    bound_tables: dict[str, Mapping[tuple[object, ...], Mapping[str, object]]] = field(factory=dict)
    unbound: dict[Symbol, Span | None] = field(factory=dict)
    unbound_maps: list[tuple[Symbol | None, str, Span]] = field(factory=list)
    """Uses of country or asn where the site binds none: by whom, which, where."""
    origins: dict[Symbol, str] = field(factory=dict)
    """Where each parameter's value came from."""
    uses: dict[Symbol, set[Symbol]] = field(factory=dict)
    known: dict[Symbol, Checked | None] = field(factory=dict)
    _open: list[Symbol] = field(factory=list)
    _circular: set[Symbol] = field(factory=set)

    def text(self, span: Span | None) -> str:
        """What the author wrote there, on one line and not too long."""
        if span is None or span.path not in self.sources:
            return ""
        written = " ".join(self.sources[span.path].text[span.start : span.end].split())
        return written if len(written) <= 60 else written[:57] + "…"

    def resolve(self, symbol: Symbol) -> Checked | None:
        """What a symbol is, checked now if it was not yet; ``None`` where it is faulty (and reported)."""
        if self._open:
            self.uses.setdefault(self._open[-1], set()).add(symbol)
        if symbol in self.known:
            return self.known[symbol]
        if symbol in self._open:
            self._report_cycle(self._open[self._open.index(symbol) :])
            return None
        self._open.append(symbol)
        try:
            checked = self.checkers[symbol.kind](self, symbol)
        finally:
            self._open.pop()
        self.known[symbol] = None if symbol in self._circular else checked
        return self.known[symbol]

    def adopt(self, other: Workspace, ordered: Iterable[Symbol], changed: Iterable[Symbol]) -> None:
        """Take from another check of the same texts what does not depend on some parameters.

        ``ordered``: each symbol after those that it names.
        """
        touched = set(changed)
        for symbol in ordered:
            uses = other.uses.get(symbol, set())
            if symbol in touched or symbol not in other.known or not touched.isdisjoint(uses):
                touched.add(symbol)
                continue
            self.known[symbol] = other.known[symbol]
            self.uses[symbol] = uses
            if symbol in other.unbound:
                self.unbound[symbol] = other.unbound[symbol]

    def refer(self, symbol: Symbol, span: Span | None) -> Checked | None:
        """``resolve``, for a use that stands at ``span``: a deprecated name is reported there."""
        if symbol.deprecated is not None and span is not None:
            self.faults.report("FR290", f"{symbol.name} is deprecated: {symbol.deprecated}", span)
        return self.resolve(symbol)

    def note_unbound_map(self, word: str, span: Span) -> None:
        """Remember that the declaration being checked asks a map that the site does not bind."""
        self.unbound_maps.append((self._open[-1] if self._open else None, word, span))

    def _report_cycle(self, circle: list[Symbol]) -> None:
        self._circular.update(circle)
        first = min(range(len(circle)), key=lambda i: circle[i].node.span.start)
        circle = circle[first:] + circle[:first]
        names = [symbol.name for symbol in circle]
        if len(circle) == 1:
            message = f"{kind_noun(circle[0].kind).split(' ', 1)[1]} {names[0]} needs itself"
        else:
            message = f"{' needs '.join([*names, names[0]])}: none can be computed first"
        self.faults.report(
            "FR205",
            message,
            circle[0].node.name.span,
            hint="take one of them apart, so that each needs only what comes before it",
            related=[(s.node.name.span, f"{s.name} stands here") for s in circle[1:]],
        )

    @contextmanager
    def aside(self, source: SourceText) -> Iterator[Faults]:
        """Check a text that stands elsewhere (a value from the site): its faults are given back, not reported."""
        faults, sources = self.faults, self.sources
        self.faults, self.sources = Faults(), {**sources, source.path: source}
        try:
            yield self.faults
        finally:
            self.faults, self.sources = faults, sources

    @contextmanager
    def within(self, symbol: Symbol) -> Iterator[None]:
        """Note what is resolved meanwhile as needed by ``symbol``, which nothing else refers to."""
        self._open.append(symbol)
        try:
            yield
        finally:
            self._open.pop()

    def needed_by(self, symbols: Iterable[Symbol]) -> set[Symbol]:
        """These symbols and everything that they need, directly or not."""
        found: set[Symbol] = set()
        todo = list(symbols)
        while todo:
            symbol = todo.pop()
            if symbol not in found:
                found.add(symbol)
                todo.extend(self.uses.get(symbol, ()))
        return found

    # ---- finding names ---------------------------------------------------------------------------

    def find(self, scope: FileScope, name: tree.Name) -> tuple[Symbol | None, tuple[str, ...], bool]:
        """The symbol that a name starts with, what follows it, and whether a fault was reported before.

        ``alias.name.rest`` looks in the ruleset imported ``as alias``.
        """
        head, rest = name.parts[0], name.parts[1:]
        if head in scope.symbols:
            return scope.symbols[head], rest, False
        if head in scope.imported:
            symbol = scope.imported[head]
            return symbol, rest, symbol is None
        if head in scope.modules:
            module = scope.modules[head]
            if module is None:
                return None, rest, True
            if not rest:
                self.faults.report(
                    "FR204",
                    f"{head} is a whole ruleset",
                    name.span,
                    hint=f"name something in it: {head}.{next(iter(module.symbols), 'name')}",
                )
                return None, rest, True
            symbol = module.symbols.get(rest[0])
            if symbol is None:
                self.faults.report(
                    "FR201",
                    f"{module.ruleset} has no {rest[0]}",
                    name.span,
                    hint=did_you_mean(rest[0], module.symbols),
                )
                return None, rest, True
            if symbol.private:
                self.faults.report("FR206", f"{rest[0]} is private to {module.ruleset}", name.span)
                return None, rest, True
            return symbol, rest[1:], False
        return None, rest, False

    def names(self, scope: FileScope) -> list[str]:
        """Every name that stands alone in a file."""
        return [*scope.symbols, *scope.imported, *scope.modules]

    def unknown_name(self, name: tree.Name, candidates: Iterable[str], what: str = "nothing") -> None:
        """Report a name that nothing has."""
        self.faults.report(
            "FR201",
            f"{what} is called {name.parts[0]}",
            name.span,
            hint=did_you_mean(name.parts[0], candidates),
        )
