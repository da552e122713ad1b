"""FR306: two filters that are one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from flowrules.lint.finding import Finding
from flowrules.lint.formulas import variables
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.model import expression as ex
from flowrules.model.program import FilterDeclaration
from flowrules.model.source_text import Span


class EqualFilters(Rule):
    """Two filters of a ruleset that the same flows pass.

    Why
        One of them is superfluous, or was meant to differ: results that should be compared are the same twice.
    Bad
        filter request = outbound and tcp and dport in (80, 443)
        filter upload  = outbound and tcp and (dport = 80 or dport = 443)
    Good
        filter request = outbound and tcp and dport in (80, 443)
        filter upload  = outbound and tcp and dport in (80, 443) and bytes >= 1MB
    Fix
        Keep one and use it in both places, or write what tells them apart.
    """

    code = "FR306"
    name = "equal-filters"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every pair of filters of one file."""
        for one, other in pairs_of_filters(linted):
            if linted.prover.equivalent(one.predicate, other.predicate):
                yield self.finding(
                    linted,
                    f"{other.short} and {one.short} are the same: every flow that passes one passes the other",
                    name_span(linted, other),
                    related=[(name_span(linted, one), "the other")],
                    hint=f"use {one.short} in its place",
                )


def pairs_of_filters(linted: Linted) -> Iterator[tuple[FilterDeclaration, FilterDeclaration]]:
    """Pairs of filters of one ruleset that ask about the same fields, and that were written apart."""
    claims = linted.premises.claims()
    asking: dict[tuple[str, frozenset[object]], list[tuple[FilterDeclaration, frozenset[str]]]] = {}
    for f in linted.program.filters.values():
        if (
            f.ruleset not in linted.rulesets
            or f.name in linted.broken_filters
            or "deprecated" in f.attributes
        ):
            continue
        named = [n for n in f.predicate.walk() if isinstance(n, ex.FilterRef)]
        if isinstance(f.predicate, ex.FilterRef | ex.Direction) or any(n.reversed for n in named):
            continue
        fields = frozenset(v.key for v in variables(claims.true(f.predicate)))
        if fields:
            asking.setdefault((f.ruleset, fields), []).append((f, frozenset(n.name for n in named)))
    for alike in asking.values():
        for (one, names), (other, others) in combinations(alike, 2):
            if other.name not in names and one.name not in others:
                yield one, other


def name_span(linted: Linted, declaration: FilterDeclaration) -> Span | None:
    """Where a declaration's name stands."""
    scope = linted.scopes.get(declaration.ruleset)
    symbol = scope.symbols.get(declaration.short) if scope is not None else None
    return symbol.node.name.span if symbol is not None else declaration.span
