"""Files, what they declare, and what they import: from texts to scopes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from attrs import define, field

from flowrules.check.attributes import check_attributes, deprecation, is_private
from flowrules.check.builtin import FUNCTIONS, VALUE_WORDS, WORDS
from flowrules.check.faults import Faults, did_you_mean
from flowrules.check.nouns import kind_noun
from flowrules.check.symbols import FileScope, Symbol
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.syntax.parser import parse

Finder = Callable[[str, str], SourceText | None]
"""The text of the ruleset ``name`` as the file at ``path`` imports it; ``None``: there is none."""

_KINDS: Final[Mapping[type[tree.Declaration], str]] = {
    tree.Param: "param",
    tree.Ports: "ports",
    tree.Nets: "nets",
    tree.Schedule: "schedule",
    tree.Map: "map",
    tree.Filter: "filter",
    tree.SetDeclaration: "set",
    tree.Table: "table",
    tree.Profile: "profile",
    tree.Anomaly: "anomaly",
    tree.Check: "check",
}

_AS_VALUES: Final = ("param", "ports", "nets", "schedule", "filter", "set")
METADATA: Final = (
    "version", "title", "license", "tlp", "reference", "tags", "author", "authors", "description", "homepage",
    "status", "created", "updated", "edition", "contact",
)  # fmt: skip
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_TLP: Final = ("clear", "green", "amber", "amber_strict", "red")


@define(eq=False)
class Loader:
    """Parses the roots and whatever they import, each file once."""

    faults: Faults
    finder: Finder | None
    known_rulesets: Callable[[str | None], Iterable[str]] | None
    scopes: dict[str, FileScope] = field(factory=dict)
    sources: dict[str, SourceText] = field(factory=dict)
    roots: list[FileScope] = field(factory=list)
    _missing: dict[str, None] = field(factory=dict)

    def load(self, roots: Sequence[SourceText]) -> None:
        """Fill ``scopes`` and ``sources``; report what cannot be read, found or told apart."""
        for root in roots:
            scope = self._add(root)
            if scope is not None and scope not in self.roots:
                self.roots.append(scope)
        todo = list(self.roots)
        seen = set(todo)
        while todo:
            scope = todo.pop(0)
            for node in scope.file.imports:
                module = self._module(scope, node)
                if module is not None:
                    scope.requires.append((module, node.ruleset.span))
                    if module not in seen:
                        seen.add(module)
                        todo.append(module)
        for scope in list(self.scopes.values()):
            for node in scope.file.imports:
                self._bind(scope, node)
        self._report_import_cycles()

    def _add(self, source: SourceText) -> FileScope | None:
        if source.path in self.sources:
            return next((s for s in self.scopes.values() if s.path == source.path), None)
        self.sources[source.path] = source
        parsed = parse(source)
        self.faults.found.extend(parsed.diagnostics)
        node = parsed.file.ruleset
        name = node.name.text if node is not None else _file_name(source.path)
        if name in self.scopes:
            other = self.scopes[name]
            span = node.name.span if node is not None else None
            first = other.file.ruleset
            related = [(first.name.span, "the other")] if first is not None else []
            message = f"{source.path} and {other.path} are both the ruleset {name}"
            self.faults.report(
                "FR207", message, span, hint="give one of them a name of its own", related=related
            )
            return None
        scope = FileScope(name, source.path, parsed.file, own=node is None)
        self.scopes[name] = scope
        if node is not None:
            self._check_metadata(node)
        for broken in parsed.broken:
            scope.imported[broken] = None
        for declaration in parsed.file.declarations:
            self._declare(scope, declaration)
        for tune in parsed.file.tunes:
            self.faults.report(
                "FR241", "tune is not available in this edition", tune.span,
                hint=f"bind parameters in the site file: params: {{{tune.ruleset.text}: {{name: value}}}}",
            )  # fmt: skip
        return scope

    def _declare(self, scope: FileScope, node: tree.Declaration) -> None:
        kind = _KINDS[type(node)]
        name = node.name.text
        check_attributes(self.faults, node.attributes)
        called = kind == "map" or (isinstance(node, tree.Param) and node.type.name == "map")
        taken = (
            name in WORDS or (kind in _AS_VALUES and name in VALUE_WORDS) or (called and name in FUNCTIONS)
        )
        if taken:
            self.faults.report(
                "FR203", f"{name} is a name of the language, and {kind_noun(kind)} cannot take it", node.name.span,
                hint=f"write another, such as my_{name}",
            )  # fmt: skip
            scope.imported.setdefault(name, None)
            return
        if name in scope.symbols:
            other = scope.symbols[name]
            self.faults.report(
                "FR202", f"{name} is declared twice: as {kind_noun(other.kind)} and as {kind_noun(kind)}"
                if other.kind != kind else f"the {kind_noun(kind).split(' ', 1)[1]} {name} is declared twice",
                node.name.span, related=[(other.node.name.span, "the first")],
            )  # fmt: skip
            return
        scope.symbols[name] = Symbol(
            kind, name, node, scope, deprecation(node.attributes), is_private(node.attributes)
        )

    # ---- imports ---------------------------------------------------------------------------------

    def _module(self, scope: FileScope, node: tree.Import) -> FileScope | None:
        name = node.ruleset.text
        if name in self.scopes:
            return self.scopes[name]
        found: SourceText | None = None
        if self.finder is not None and name not in self._missing:
            try:
                found = self.finder(name, scope.path)
            except RulesetErrors as error:
                self.sources.update({p: s for p, s in error.sources.items() if p not in self.sources})
                for d in error.diagnostics:
                    self.faults.report("FR206", d.message, node.ruleset.span, hint=d.hint)
                self._missing[name] = None
                return None
        if found is not None:
            module = self._add(found)
            if module is not None and module.ruleset == name:
                return module
        known = [*self.scopes]
        if self.known_rulesets is not None:
            known += self.known_rulesets(scope.path)
        self._missing[name] = None
        self.faults.report(
            "FR206", f"there is no ruleset {name} on the search path", node.ruleset.span,
            hint=did_you_mean(name, known) or "its file begins with: ruleset " + name,
        )  # fmt: skip
        return None

    def _bind(self, scope: FileScope, node: tree.Import) -> None:
        module = self.scopes.get(node.ruleset.text)
        if module is scope:
            self.faults.report("FR206", f"{scope.ruleset} imports itself", node.ruleset.span)
            module = None
        if node.names is None and node.alias is None:
            last = node.ruleset.parts[-1]
            first = next(iter(module.symbols), "name") if module is not None else "name"
            self.faults.report(
                "FR206", "the import brings no names", node.span,
                hint=f"write import {node.ruleset.text} ({first}), or import {node.ruleset.text} as {last[:1]}",
            )  # fmt: skip
        if node.alias is not None and self._free(scope, node.alias):
            scope.modules[node.alias.text] = module
        for imported in node.names or ():
            self._bind_name(scope, module, imported)

    def _bind_name(self, scope: FileScope, module: FileScope | None, node: tree.ImportedName) -> None:
        local = node.alias or node.name
        if not self._free(scope, local):
            return
        name = node.name.text
        if module is None:
            scope.imported[local.text] = None
            return
        symbol = module.symbols.get(name)
        if symbol is not None and not symbol.private and symbol.kind not in ("anomaly", "check"):
            scope.imported[local.text] = symbol
            return
        scope.imported[local.text] = None
        if symbol is None and name in module.imported and module.imported[name] is None:
            return  # broken there, and reported
        if symbol is None and name in module.imported:
            origin = module.imported[name]
            assert origin is not None
            message, hint = (
                f"{module.ruleset} imports {name} itself",
                f"import {origin.scope.ruleset} ({origin.name})",
            )
        elif symbol is None:
            message, hint = f"{module.ruleset} has no {name}", did_you_mean(name, module.symbols) or ""
        elif symbol.private:
            message, hint = f"{name} is private to {module.ruleset}", ""
        else:
            message, hint = f"{name} is {kind_noun(symbol.kind)}, which no rule can name", ""
        code = "FR201" if symbol is None else "FR206"
        self.faults.report(code, message, node.name.span, hint=hint or None)

    def _free(self, scope: FileScope, name: tree.Identifier) -> bool:
        """Whether a name that an import brings is free here."""
        if name.text in WORDS:
            self.faults.report(
                "FR203", f"{name.text} is a name of the language", name.span, hint="take another name with as"
            )
            return False
        if name.text in scope.symbols:
            other: Span | None = scope.symbols[name.text].node.name.span
        elif scope.imported.get(name.text) is not None or name.text in scope.modules:
            other = None
        else:
            return True
        self.faults.report(
            "FR202", f"{name.text} is imported, and something here is called so already", name.span,
            hint=f"take another name: {name.text} as …", related=[(other, "the other")],
        )  # fmt: skip
        return False

    def _report_import_cycles(self) -> None:
        done: set[FileScope] = set()
        for start in self.scopes.values():
            if start in done:
                continue
            path: list[FileScope] = [start]
            steps: list[Iterator[tuple[FileScope, Span]]] = [iter(start.requires)]
            while steps:
                step = next(steps[-1], None)
                if step is None:
                    done.add(path.pop())
                    steps.pop()
                    continue
                module, span = step
                if module in path and module is not path[-1]:
                    names = [s.ruleset for s in path[path.index(module) :]]
                    self.faults.report(
                        "FR206", f"{' imports '.join([*names, names[0]])}: rulesets cannot import each other", span,
                        hint="put what both need into a ruleset of its own",
                    )  # fmt: skip
                elif module not in done and module not in path:
                    path.append(module)
                    steps.append(iter(module.requires))

    # ---- metadata --------------------------------------------------------------------------------

    def _check_metadata(self, node: tree.Ruleset) -> None:
        seen: dict[str, tree.Metadata] = {}
        for line in node.metadata:
            name = line.name.text
            if name in seen:
                self.faults.report(
                    "FR208",
                    f"{name} stands twice",
                    line.name.span,
                    related=[(seen[name].name.span, "the first")],
                )
                continue
            seen[name] = line
            value = _metadata_text(line.values[0]) if line.values else ""
            if name == "version" and not _VERSION.fullmatch(value):
                self.faults.report(
                    "FR208", f"{value or 'nothing'} is no version", line.values[0].span if line.values else line.span,
                    hint='write three numbers: version "1.0.0"',
                )  # fmt: skip
            elif name == "tlp" and value not in _TLP:
                self.faults.report(
                    "FR208",
                    f"{value} is no traffic light",
                    line.values[0].span,
                    hint=f"write one of {', '.join(_TLP)}",
                )
            elif name not in METADATA:
                near = did_you_mean(name, METADATA)
                if near is not None:
                    self.faults.report("FR208", f"a ruleset has no {name}", line.name.span, hint=near)


def metadata(file: tree.File) -> dict[str, tuple[str, ...]]:
    """The lines of a ruleset block."""
    node = file.ruleset
    if node is None:
        return {}
    return {line.name.text: tuple(_metadata_text(v) for v in line.values) for line in node.metadata}


def _metadata_text(value: tree.Literal | tree.Name) -> str:
    if isinstance(value, tree.Name):
        return value.text
    return value.value if isinstance(value.value, str) else value.text


def _file_name(path: str) -> str:
    """The name of a ruleset without a ``ruleset`` line: that of its file."""
    return PurePath(path).stem if path != "-" else "input"


def in_order(scopes: Mapping[str, FileScope]) -> list[FileScope]:
    """Scopes with what they import before them."""
    out: list[FileScope] = []
    seen: set[FileScope] = set()
    for start in scopes.values():
        steps: list[tuple[FileScope, Iterator[FileScope]]] = []
        if start not in seen:
            seen.add(start)
            steps.append((start, iter([m for m, _ in start.requires])))
        while steps:
            scope, rest = steps[-1]
            module = next(rest, None)
            if module is None:
                out.append(scope)
                steps.pop()
            elif module not in seen:
                seen.add(module)
                steps.append((module, iter([m for m, _ in module.requires])))
    return out


def needs_first(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Symbols with those that their text names before them, so that checking one never goes deep."""
    out: list[Symbol] = []
    seen: set[Symbol] = set()
    for start in symbols:
        if start in seen:
            continue
        seen.add(start)
        steps = [(start, iter(names_used(start)))]
        while steps:
            symbol, rest = steps[-1]
            used = next(rest, None)
            if used is None:
                out.append(symbol)
                steps.pop()
            elif used not in seen:
                seen.add(used)
                steps.append((used, iter(names_used(used))))
    return out


def names_used(symbol: Symbol) -> tuple[Symbol, ...]:
    """The declarations that the text of a symbol names, each once; every import must have been resolved."""
    if symbol.names is None:
        symbol.names = _names_used(symbol)
    return symbol.names


def _names_used(symbol: Symbol) -> tuple[Symbol, ...]:
    found: dict[Symbol, None] = {}
    scope = symbol.scope
    for node in symbol.node.walk():
        if not isinstance(node, tree.Name):
            continue
        head = node.parts[0]
        used = scope.symbols.get(head) or scope.imported.get(head)
        module = scope.modules.get(head)
        if used is None and module is not None and len(node.parts) > 1:
            used = module.symbols.get(node.parts[1])
        if used is not None and used is not symbol:
            found[used] = None
    return tuple(found)
