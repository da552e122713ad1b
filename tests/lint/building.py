"""Rulesets from texts, linted as a run of the command would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.registry import Loaded, own_rules
from flowrules.lint.rule import Rule
from flowrules.lint.run import LintResult, Surroundings, lint
from flowrules.lint.settings import Settings
from flowrules.model.source_text import SourceText
from flowrules.share.search import Search

TODAY = date(2026, 7, 1)

CLASH = "filter odd = udp and dport = 443 and flags has S\n"
"""Text with one finding, FR301."""


def lint_text(
    *texts: str,
    settings: Settings | None = None,
    rules: list[Loaded] | None = None,
    names: tuple[str, ...] = (),
) -> LintResult:
    search = Search()
    around = Surroundings(search.find_ruleset, search.names)
    paths = names or ("a.frules", "b.frules", "c.frules")
    sources = [SourceText(path, text) for path, text in zip(paths, texts, strict=False)]
    return lint(sources, rules if rules is not None else list(own_rules()), settings, around, TODAY)


def codes(result: LintResult) -> list[str]:
    return [f.code for f in result.findings]


class NamesInLowerCase(Rule):
    """A filter with a capital letter in its name.

    Why
        We write them so.
    Bad
        filter Web = tcp
    Good
        filter web = tcp
    Fix
        Rename it.
    """

    code = "ACME001"
    name = "lower-case"
    severity = "notice"

    def check(self, linted: Linted) -> Iterator[Finding]:
        for scope in linted.files:
            for symbol in scope.symbols.values():
                if symbol.name != symbol.name.lower():
                    yield self.finding(linted, f"{symbol.name} has a capital letter", symbol.node.name.span)


class Broken(Rule):
    """A rule with a fault of its own."""

    code = "ACME002"
    name = "broken"

    def check(self, linted: Linted) -> Iterator[Finding]:
        scope = linted.files[0]
        yield self.finding(linted, "found before it broke", next(iter(scope.symbols.values())).node.name.span)
        raise ZeroDivisionError("no flows")
