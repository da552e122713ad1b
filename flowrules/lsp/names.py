"""Where names stand in a file, and what each of them means: the ground of definitions, references and renaming."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from flowrules.check import builtin
from flowrules.check.check import CheckResult
from flowrules.check.symbols import CheckedSet, CheckedTable, FileScope, Symbol
from flowrules.model.fields import PROTOCOLS
from flowrules.model.measures import MEASURES
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import tree


@frozen
class Target:
    """What a name means: something declared, and where its name stands.

    ``kind`` is that of a symbol (``filter``, ``ports`` …) or ``feature verdict anomaly column hosts entries
    module alias``; ``owner`` is the table, set or profile that it belongs to.  ``fixed``: its name follows
    from something else (``sum(bytes)`` is called ``bytes``), so it cannot be renamed.
    """

    kind: str
    name: str
    path: str
    span: Span
    node: tree.Node | None = field(default=None, eq=False, repr=False)
    symbol: Symbol | None = field(default=None, eq=False, repr=False)
    owner: Symbol | None = field(default=None, eq=False, repr=False)
    fixed: bool = field(default=False, eq=False)


@frozen
class Occurrence:
    """A name in a file: a whole undotted name, or one part of a dotted one.

    ``target`` ``None``: a word of the language (``kind`` says which: ``field filter measure function value``), or
    unknown (``kind`` is ``unknown``).  ``alias``: the name that an import gave the target here.
    """

    span: Span
    text: str
    kind: str
    target: Target | None = None
    alias: Target | None = None
    declares: bool = False


@frozen
class Names:
    """The names of one file in the order of the text."""

    path: str
    occurrences: tuple[Occurrence, ...]

    def at(self, offset: int) -> Occurrence | None:
        """The name that an offset touches."""
        touching = [o for o in self.occurrences if o.span.start <= offset <= o.span.end]
        return next((o for o in touching if offset < o.span.end), touching[0] if touching else None)


def names_of(result: CheckResult, scope: FileScope) -> Names:
    """The names of a file that was checked."""
    walker = _Walker(result, scope)
    walker.file()
    found = sorted(set(walker.found), key=lambda o: (o.span.start, o.span.end))
    return Names(scope.path, tuple(found))


# ---- what can be named --------------------------------------------------------------------------------


def symbol_target(symbol: Symbol) -> Target:
    """A declaration as what a name means."""
    return Target(symbol.kind, symbol.name, symbol.scope.path, symbol.node.name.span, symbol.node, symbol)


def module_target(scope: FileScope) -> Target:
    """A ruleset as what a name means."""
    ruleset = scope.file.ruleset
    span = ruleset.name.span if ruleset is not None else Span(SourceText(scope.path, ""), 0, 0)
    return Target("module", scope.ruleset, scope.path, span, ruleset)


def members(result: CheckResult, symbol: Symbol) -> dict[str, Target]:
    """What can stand after a symbol's name and a dot."""
    node = symbol.node
    if isinstance(node, tree.Profile):
        return _profile_members(symbol, node)
    if isinstance(node, tree.Table):
        return _table_members(result, symbol, node)
    if isinstance(node, tree.SetDeclaration):
        return _set_members(result, symbol, node)
    if isinstance(node, tree.Param):
        named = [a for a in node.type.args if a.name is not None]
        return {a.name.text: _member("column", a.name, symbol, a) for a in named if a.name is not None}
    return {}


def _member(kind: str, name: tree.Identifier, owner: Symbol, node: tree.Node) -> Target:
    return Target(kind, name.text, owner.scope.path, name.span, node, owner=owner)


def _profile_members(symbol: Symbol, node: tree.Profile) -> dict[str, Target]:
    out: dict[str, Target] = {}
    path = symbol.scope.path
    for hosts in node.hosts[:1]:
        out["hosts"] = Target("hosts", "hosts", path, hosts.span, hosts, owner=symbol, fixed=True)
    for entry in node.entries[:1]:
        out["entries"] = Target("entries", "entries", path, entry.span, entry, owner=symbol, fixed=True)
    for kind, items in (("feature", node.features), ("verdict", node.verdicts), ("anomaly", node.anomalies)):
        for item in items:
            out.setdefault(item.name.text, _member(kind, item.name, symbol, item))
    return out


def _table_members(result: CheckResult, symbol: Symbol, node: tree.Table) -> dict[str, Target]:
    checked = result.known.get(symbol)
    if isinstance(checked, CheckedTable):
        keys: list[str | None] = [p.name for p in checked.keys]
        columns: list[str | None] = list(checked.columns)
    else:
        keys = [k.name.text if k.name is not None else None for k in node.keys]
        columns = [c.name.text if c.name is not None else None for c in node.columns]
    out: dict[str, Target] = {}
    for name, key in zip(keys, node.keys, strict=False):
        _put(out, name, key.name, key.of, symbol)
    for name, column in zip(columns, node.columns, strict=False):
        _put(out, name, column.name, column.measure, symbol)
    return out


def _set_members(result: CheckResult, symbol: Symbol, node: tree.SetDeclaration) -> dict[str, Target]:
    checked = result.known.get(symbol)
    first = next((m for m in node.set.walk() if isinstance(m, tree.Members)), None)
    if first is None or not isinstance(checked, CheckedSet):
        return {}
    out: dict[str, Target] = {}
    for position, key in zip(checked.positions, first.keys, strict=False):
        _put(out, position.name, key.name, key.of, symbol)
    return out


def _put(
    out: dict[str, Target], name: str | None, given: tree.Identifier | None, of: tree.Node, owner: Symbol
) -> None:
    if name is None or name in out:
        return
    span = given.span if given is not None else of.span
    out[name] = Target("column", name, owner.scope.path, span, of, owner=owner, fixed=given is None)


def builtin_kind(name: str) -> str | None:
    """What a word of the language is: ``field filter measure function value``."""
    if name in builtin.FIELDS or name in builtin.EITHER_END:
        return "field"
    if name in builtin.DIRECTIONS or name in PROTOCOLS:
        return "filter"
    if name in MEASURES or name == "gap":
        return "measure"
    if name in builtin.FUNCTIONS:
        return "function"
    return "value" if name in ("host", "any") else None


# ---- the walk -----------------------------------------------------------------------------------------

_Local = Mapping[str, Target]
_NONE: _Local = {}


class _Walker:
    def __init__(self, result: CheckResult, scope: FileScope) -> None:
        self.result = result
        self.scope = scope
        self.found: list[Occurrence] = []
        self.aliases: dict[str, Target] = {}

    def file(self) -> None:
        file = self.scope.file
        for node in file.imports:
            self._import(node)
        for item in file.items:
            match item:
                case tree.Ruleset():
                    self._declare(module_target(self.scope))
                case tree.Import():
                    pass
                case tree.Test():
                    self._test(item)
                case tree.Tune():
                    self._tune(item)
                case _:
                    self._declaration(item)

    def _declare(self, target: Target) -> None:
        self.found.append(Occurrence(target.span, target.name, target.kind, target, declares=True))

    # ---- imports --------------------------------------------------------------------------------------

    def _import(self, node: tree.Import) -> None:
        module = self.result.scopes.get(node.ruleset.text)
        target = module_target(module) if module is not None else None
        kind = "module" if module is not None else "unknown"
        self.found.append(Occurrence(node.ruleset.span, node.ruleset.text, kind, target))
        if node.alias is not None:
            alias = Target("alias", node.alias.text, self.scope.path, node.alias.span, node)
            self.aliases[alias.name] = alias
            self.found.append(Occurrence(alias.span, alias.name, "module", target, alias, declares=True))
        for imported in node.names or ():
            symbol = module.symbols.get(imported.name.text) if module is not None else None
            of = symbol_target(symbol) if symbol is not None else None
            kind = of.kind if of is not None else "unknown"
            self.found.append(Occurrence(imported.name.span, imported.name.text, kind, of))
            if imported.alias is not None:
                alias = Target("alias", imported.alias.text, self.scope.path, imported.alias.span, imported)
                self.aliases[alias.name] = alias
                self.found.append(Occurrence(alias.span, alias.name, kind, of, alias, declares=True))

    # ---- declarations ---------------------------------------------------------------------------------

    def _declaration(self, node: tree.Declaration) -> None:
        symbol = self.scope.symbols.get(node.name.text)
        if symbol is None or symbol.node is not node:
            symbol = None
        else:
            self._declare(symbol_target(symbol))
        match node:
            case tree.Table():
                self._table(node, symbol)
            case tree.Profile():
                self._profile(node, symbol)
            case tree.Anomaly():
                self._within(node)
            case tree.SetDeclaration():
                self._set(node.set)
                for item in (*node.exceptions, *node.keeps):
                    self._walk(item, _NONE)
            case _:
                for child in node.children():
                    if not isinstance(child, tree.Attribute):
                        self._walk(child, _NONE)

    def _table(self, node: tree.Table, symbol: Symbol | None) -> None:
        rows = self._source(node.source)
        for column in node.columns:
            self._walk(column.measure, rows)
            self._given(column.name, symbol, column)
        for key in node.keys:
            self._walk(key.of, rows)
            self._given(key.name, symbol, key)
        own = members(self.result, symbol) if symbol is not None else {}
        for step in (*node.keeps, *node.order):
            self._walk(step, {**rows, **own})

    def _given(self, name: tree.Identifier | None, owner: Symbol | None, node: tree.Node) -> None:
        """A name given with ``as``."""
        if name is not None and owner is not None:
            self._declare(Target("column", name.text, self.scope.path, name.span, node, owner=owner))

    def _source(self, node: tree.Source) -> _Local:
        """Walks a source; gives the columns of its table, which are the fields of what is measured."""
        self._walk(node.of, _NONE)
        rows: _Local = _NONE
        if isinstance(node.of, tree.Name):
            symbol = self._symbol(node.of)
            if symbol is not None and symbol.kind in ("table", "param"):
                rows = members(self.result, symbol)
        if node.where is not None:
            self._walk(node.where, rows)
        return rows

    def _set(self, node: tree.SetExpression) -> None:
        self._walk(node, _NONE)

    def _within(self, node: tree.Anomaly) -> None:
        rows: _Local = _NONE
        if node.within is not None:
            self._walk(node.within, _NONE)
            symbol = self._symbol(node.within)
            rows = members(self.result, symbol) if symbol is not None else _NONE
        for part in (node.condition, node.because):
            if part is not None:
                self._walk(part, rows)

    def _profile(self, node: tree.Profile, symbol: Symbol | None) -> None:
        local = _profile_members(symbol, node) if symbol is not None else {}
        named = {name: t for name, t in local.items() if t.kind in ("feature", "verdict", "anomaly")}
        for item in node.items:
            if isinstance(item, tree.Feature | tree.Verdict | tree.Anomaly) and symbol is not None:
                kind = type(item).__name__.lower()
                self._declare(_member(kind, item.name, symbol, item))
            match item:
                case tree.Hosts():
                    self._set(item.set)
                case tree.Feature(condition=None):
                    self._measured(item.measure, item.source, item.keys)
                case tree.Feature() | tree.Verdict() | tree.Anomaly():
                    for part in (item.condition, getattr(item, "because", None)):
                        if part is not None:
                            self._walk(part, named)
                case tree.Entry():
                    self._entry(item, named)

    def _measured(
        self, measure: tree.Node | None, source: tree.Source | None, keys: tuple[tree.Key, ...]
    ) -> None:
        rows = self._source(source) if source is not None else _NONE
        for node in (measure, *(key.of for key in keys)):
            if node is not None:
                self._walk(node, rows)

    def _entry(self, node: tree.Entry, named: _Local) -> None:
        self._measured(None, node.source, node.keys)
        if node.condition is not None:
            self._walk(node.condition, named)
        for column in node.columns:
            for cell in (column.cell, column.ports):
                if isinstance(cell, tree.CellOf):
                    self._measured(cell.measure, cell.source, cell.keys)
                elif cell is not None:
                    self._walk(cell, named)

    # ---- tests and overlays ---------------------------------------------------------------------------

    def _test(self, node: tree.Test) -> None:
        for item in node.items:
            if isinstance(item, tree.GivenParam):
                if len(item.name.parts) > 1:
                    self._walk(item.name, _NONE)
                symbol = self.scope.symbols.get(item.name.text)
                if symbol is not None:
                    target = symbol_target(symbol)
                    self.found.append(Occurrence(item.name.span, item.name.text, target.kind, target))
                self._walk(item.value, _NONE)
            else:
                for child in item.children():
                    self._walk(child, _NONE)

    def _tune(self, node: tree.Tune) -> None:
        module = self.result.scopes.get(node.ruleset.text)
        target = module_target(module) if module is not None else None
        self.found.append(
            Occurrence(node.ruleset.span, node.ruleset.text, "module" if target else "unknown", target)
        )

    # ---- expressions ----------------------------------------------------------------------------------

    def _walk(self, node: tree.Node, local: _Local) -> None:
        """Every name in an expression; ``local`` are names that come before those of the file."""
        match node:
            case tree.Name():
                self._name(node, local)
            case tree.Total():
                self._measured(node.measure, node.source, ())
            case tree.Members():
                rows = self._source(node.source)
                for key in node.keys:
                    self._walk(key.of, rows)
            case tree.Source():
                self._source(node)
            case _:
                for child in node.children():
                    self._walk(child, local)

    def _name(self, node: tree.Name, local: _Local) -> None:
        spans = list(_part_spans(node))
        head = node.parts[0]
        if len(node.parts) == 1 and head in local:
            self._add(spans[0], head, local[head])
            return
        symbol, used = self._find(node, spans)
        if symbol is None:
            if used == 0:
                self._word(spans[0], head, len(node.parts) == 1)
            return
        inner = members(self.result, symbol) if used < len(node.parts) else {}
        for part, span in zip(node.parts[used:], spans[used:], strict=True):
            target = inner.get(part)
            if target is None:
                self.found.append(Occurrence(span, part, "column" if part == "verdict" else "unknown"))
                return
            self._add(span, part, target)
            inner = {}

    def _word(self, span: Span, word: str, alone: bool) -> None:
        kind = builtin_kind(word) if alone else None
        self.found.append(Occurrence(span, word, kind or "unknown"))

    def _add(self, span: Span, text: str, target: Target, alias: Target | None = None) -> None:
        self.found.append(Occurrence(span, text, target.kind, target, alias))

    def _find(self, node: tree.Name, spans: list[Span]) -> tuple[Symbol | None, int]:
        """The symbol that a name begins with, and how many of its parts that took; notes these parts."""
        head = node.parts[0]
        if head in self.scope.symbols:
            symbol: Symbol | None = self.scope.symbols[head]
            assert symbol is not None
            self._add(spans[0], head, symbol_target(symbol))
            return symbol, 1
        if head in self.scope.imported:
            symbol = self.scope.imported[head]
            if symbol is None:
                return None, 0
            self._add(spans[0], head, symbol_target(symbol), self.aliases.get(head))
            return symbol, 1
        module = self.scope.modules.get(head)
        if module is None:
            return None, 0
        self._add(spans[0], head, module_target(module), self.aliases.get(head))
        symbol = module.symbols.get(node.parts[1]) if len(node.parts) > 1 else None
        if symbol is None:
            return None, 1
        self._add(spans[1], node.parts[1], symbol_target(symbol))
        return symbol, 2

    def _symbol(self, node: tree.Name) -> Symbol | None:
        """The symbol that a whole name means."""
        head, rest = node.parts[0], node.parts[1:]
        if head in self.scope.symbols:
            return None if rest else self.scope.symbols[head]
        if head in self.scope.imported:
            return None if rest else self.scope.imported[head]
        module = self.scope.modules.get(head)
        return module.symbols.get(rest[0]) if module is not None and len(rest) == 1 else None


def _part_spans(node: tree.Name) -> Iterator[Span]:
    """The places of the parts of a dotted name, which holds no white space."""
    span = node.span
    start = span.start
    for part in node.parts:
        end = start + len(part)
        yield Span(span.source, start, end)
        start = end + 1
