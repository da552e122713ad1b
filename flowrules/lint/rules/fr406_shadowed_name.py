"""FR406: a name within a profile or table that hides a value of the file."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.check.symbols import FileScope
from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.model.source_text import Span
from flowrules.syntax import tree

_VALUES = frozenset(("param", "ports", "nets", "schedule", "map", "set"))


class ShadowedName(Rule):
    """A feature, verdict, anomaly or column with the name of a parameter, list, map or set of the file.

    Why
        Within the profile or the table the inner one is meant, outside it the other: a condition that is moved by a line
        changes its meaning. Tables and filters stand where no value can, so a feature may have the name of one.
    Bad
        param busy : percent = 5%
        profile p {
            hosts sip of outbound
            feature busy = share(bytes) of outbound per sip
            verdict loud when busy >= 5%
        }
    Good
        param busy : percent = 5%
        profile p {
            hosts sip of outbound
            feature load = share(bytes) of outbound per sip
            verdict loud when load >= busy
        }
    Fix
        Rename the inner one.
    """

    code = "FR406"
    name = "shadowed-name"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Names in profiles and tables."""
        for scope in linted.files:
            for node in scope.file.declarations:
                for what, name in _inner_names(node):
                    outer = _outer(scope, name.text)
                    if outer is not None:
                        kind, place = outer
                        yield self.finding(
                            linted,
                            f"the {what} {name.text} hides {kind} of that name",
                            name.span,
                            related=[(place, "the one that is hidden")],
                        )


def _inner_names(node: tree.Declaration) -> Iterator[tuple[str, tree.Identifier]]:
    match node:
        case tree.Profile(items=items):
            for item in items:
                match item:
                    case tree.Feature(name=name):
                        yield "feature", name
                    case tree.Verdict(name=name):
                        yield "verdict", name
                    case tree.Anomaly(name=name):
                        yield "anomaly", name
        case tree.Table(columns=columns, keys=keys):
            for column in columns:
                if column.name is not None:
                    yield "column", column.name
            for key in keys:
                if key.name is not None:
                    yield "key", key.name


def _outer(scope: FileScope, name: str) -> tuple[str, Span | None] | None:
    symbol = scope.symbols.get(name) or scope.imported.get(name)
    if symbol is not None and symbol.kind in _VALUES:
        noun = {"param": "the parameter", "ports": "the port list", "nets": "the networks"}.get(
            symbol.kind, f"the {symbol.kind}"
        )
        return noun, symbol.node.name.span
    return None
