"""FR307: a filter that lies inside another of the same shape."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.rules.fr306_equal_filters import name_span, pairs_of_filters
from flowrules.model.program import FilterDeclaration


class FilterInsideAnother(Rule):
    """A filter that lies inside another filter that asks about the same fields.

    Why
        Every flow that passes the narrow one is counted by the wide one too. That may be meant; then the narrow
        filter reads better when it names the wide one, and a reader sees at once what it adds. A flow that only the wide
        one passes is shown.
    Bad
        filter web    = outbound and tcp and dport in (80, 443)
        filter secure = outbound and tcp and dport = 443
    Good
        filter web    = outbound and tcp and dport in (80, 443)
        filter secure = web and dport = 443
    Fix
        Name the wide filter in the narrow one, or exclude the narrow one from the wide one.
    """

    code = "FR307"
    name = "filter-inside-another"
    severity = "info"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every pair of filters of one file."""
        for one, other in pairs_of_filters(linted):
            there = linted.prover.implies(one.predicate, other.predicate)
            back = linted.prover.implies(other.predicate, one.predicate)
            if there and back is False:
                yield self._inside(linted, one, other)
            elif back and there is False:
                yield self._inside(linted, other, one)

    def _inside(self, linted: Linted, narrow: FilterDeclaration, wide: FilterDeclaration) -> Finding:
        return self.finding(
            linted,
            f"every flow of {narrow.short} is one of {wide.short} too",
            name_span(linted, narrow),
            related=[(name_span(linted, wide), "the wider one")],
            hint=f"write {narrow.short} = {wide.short} and …, or exclude it from {wide.short}",
            witness=linted.prover.witness([wide.predicate], [narrow.predicate]),
        )
