"""What a rule is given: the checked program, the files that are linted, and the proofs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flowrules.check.symbols import FileScope, Symbol
from flowrules.lint.nodes import FileNodes
from flowrules.lint.parameters import ParameterUses, used_names
from flowrules.lint.premises import Premises
from flowrules.lint.proofs import Prover
from flowrules.lint.statements import Statement, statements
from flowrules.model import expression as ex
from flowrules.model.program import Program
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import tree
from flowrules.syntax.places import Places

if TYPE_CHECKING:
    from flowrules.lint.superfluous import Superfluous
    from flowrules.lint.written_addresses import Written

_TOKEN: Final = re.compile(r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|#[^\r\n]*')


class Linted:
    """The rulesets of one run of the linter.

    ``files`` are those asked for; what they import is in ``program`` and ``scopes`` but is not linted.
    ``tested`` are the paths of files with a ``*_test.frules`` beside them.
    """

    def __init__(
        self,
        program: Program,
        scopes: Mapping[str, FileScope],
        files: tuple[FileScope, ...],
        sources: Mapping[str, SourceText],
        today: date,
        tested: frozenset[str] = frozenset(),
    ) -> None:
        self.program = program
        self.scopes = scopes
        self.files = files
        self.sources = sources
        self.today = today
        self.tested = tested
        self.rulesets = frozenset(f.ruleset for f in files)
        self._places: dict[str, Places] = {}
        self._nodes: dict[str, FileNodes] = {}
        self._marks: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
        self.addresses: dict[str, Sequence[Written]] = {}
        self._reached: dict[tuple[str, str], bool] = {}

    @cached_property
    def uses(self) -> ParameterUses:
        """Where texts depend on parameters."""
        return ParameterUses(self.scopes, self.sources, self.used_names)

    @cached_property
    def premises(self) -> Premises:
        """What predicates are judged by."""
        return Premises(self.program, self.uses)

    @cached_property
    def prover(self) -> Prover:
        """Answers questions about predicates."""
        return Prover(self.premises)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Every predicate and condition of the files."""
        return statements(self.program, self.rulesets)

    @cached_property
    def alternatives(self) -> Mapping[Span, ex.Or]:
        """Every ``or`` of the predicates over flows, by its place."""
        found: dict[Span, ex.Or] = {}
        for statement in self.statements:
            if statement.about_flows:
                for node in statement.nodes:
                    if isinstance(node, ex.Or) and node.span is not None:
                        found.setdefault(node.span, node)
        return found

    @cached_property
    def broken_filters(self) -> frozenset[str]:
        """Filters of the program that no flow can pass: what names them is not reported again."""
        return frozenset(
            name for name, f in self.program.filters.items() if self.prover.unsatisfiable(f.predicate)
        )

    @cached_property
    def superfluous(self) -> tuple[Superfluous, ...]:
        """Parts of conditions that change nothing."""
        from flowrules.lint.superfluous import superfluous

        return tuple(superfluous(self))

    def names_broken(self, statement: Statement) -> bool:
        """Whether a statement names a filter that no flow can pass."""
        return bool(self.broken_filters) and any(
            isinstance(n, ex.FilterRef) and n.name in self.broken_filters for n in statement.nodes
        )

    def reaches(self, node: ex.Expression, what: Callable[[ex.Expression], bool], key: str) -> bool:
        """Whether a predicate holds a node of a kind, itself or through the filters that it names.

        ``key`` names the kind, so that filters are searched once.
        """
        for inner in node.walk():
            if what(inner):
                return True
            if isinstance(inner, ex.FilterRef):
                known = self._reached.get((key, inner.name))
                if known is None:
                    self._reached[key, inner.name] = False
                    declared = self.program.filters.get(inner.name)
                    known = declared is not None and self.reaches(declared.predicate, what, key)
                    self._reached[key, inner.name] = known
                if known:
                    return True
        return False

    # ---- texts -----------------------------------------------------------------------------------

    def source(self, path: str) -> str:
        """The text of a file."""
        return self.sources[path].text

    def text(self, span: Span | None) -> str:
        """What was written there, on one line."""
        if span is None or span.path not in self.sources:
            return ""
        return " ".join(self.sources[span.path].text[span.start : span.end].split())

    def span(self, path: str, start: int, end: int) -> Span:
        """A place by offsets."""
        held = self._places.get(path)
        if held is None:
            held = self._places[path] = Places(self.sources[path])
        return held.span(start, end)

    def comments(self, path: str) -> Sequence[tuple[int, int]]:
        """Start and end of each comment of a file."""
        return self._marked(path)[0]

    def strings(self, path: str) -> Sequence[tuple[int, int]]:
        """Start and end of each string of a file, quotes included."""
        return self._marked(path)[1]

    def _marked(self, path: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        held = self._marks.get(path)
        if held is None:
            held = self._marks[path] = ([], [])
            for match in _TOKEN.finditer(self.source(path)):
                held[0 if match.group()[0] == "#" else 1].append(match.span())
        return held

    def is_enclosed(self, span: Span) -> bool:
        """Whether a piece of text stands in parentheses of its own, which are part of it."""
        text = self.source(span.path)
        if text[span.start] != "(":
            return False
        hidden = [*self.strings(span.path), *self.comments(span.path)]
        depth = 0
        for at in range(span.start, span.end):
            if text[at] in "()" and not any(a <= at < b for a, b in hidden):
                depth += 1 if text[at] == "(" else -1
                if depth == 0:
                    return at == span.end - 1
        return False

    def enclosed_list(self, span: Span) -> Span:
        """A list with its parentheses, whether its place has them or not."""
        text = self.source(span.path)
        if text[span.start] == "(" and text[span.end - 1] == ")":
            return span
        start, end = span.start, span.end
        while start > 0 and text[start - 1].isspace():
            start -= 1
        while end < len(text) and text[end] in " \t\r\n,":
            end += 1
        if start > 0 and end < len(text) and text[start - 1] == "(" and text[end] == ")":
            return self.span(span.path, start - 1, end + 1)
        return span

    # ---- declarations ----------------------------------------------------------------------------

    def nodes(self, scope: FileScope) -> FileNodes:
        """The nodes of a file's tree."""
        held = self._nodes.get(scope.path)
        if held is None:
            held = self._nodes[scope.path] = FileNodes(scope.file)
        return held

    @cached_property
    def used_names(self) -> Mapping[str, Sequence[tuple[tree.Name, Symbol]]]:
        """By path: every name that means a declaration of its file or of another, with that declaration."""
        return {s.path: list(used_names(s, self.nodes(s))) for s in self.scopes.values()}

    def items(self, path: str) -> tuple[tree.FileItem, ...]:
        """What a file consists of."""
        scope = self._by_path.get(path)
        return scope.file.items if scope is not None else ()

    @cached_property
    def _by_path(self) -> dict[str, FileScope]:
        return {s.path: s for s in self.scopes.values()}

    def declaration_at(self, span: Span | None) -> str:
        """The qualified name of the declaration at a place; the ruleset's name outside any."""
        if span is None:
            return ""
        scope = self._by_path.get(span.path)
        if scope is None:
            return ""
        for item in scope.file.items:
            if item.span.start <= span.start and span.end <= item.span.end:
                name = name_of(item)
                if isinstance(item, tree.Profile):
                    inner = next(
                        (
                            i.name.text
                            for i in item.items
                            if isinstance(i, tree.Declaration)
                            and i.span.start <= span.start
                            and span.end <= i.span.end
                        ),
                        None,
                    )
                    name = f"{name}.{inner}" if inner else name
                return f"{scope.ruleset}:{name}" if name else scope.ruleset
        return scope.ruleset

    def is_tested(self, scope: FileScope) -> bool:
        """Whether a file has tests, inside or beside it."""
        return bool(scope.file.tests) or scope.path in self.tested


def name_of(item: tree.FileItem) -> str:
    """The name of what an item declares; empty for the ruleset block and imports."""
    match item:
        case tree.Declaration():
            return item.name.text
        case tree.Test():
            return f'test "{item.name.value}"'
        case tree.Tune():
            return f"tune {item.ruleset.text}"
    return ""
