"""FR402: set operators mixed without parentheses."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Fix


class MixedSetOperators(Rule):
    """Different set operators side by side without parentheses.

    Why
        Union, difference and exclusive or are equal and read from left to right, and & binds tighter: few readers know
        both by heart, and a | b - c is two different sets.
    Bad
        set a = sip of outbound
        set b = dip of inbound
        set c = sip of internal
        set hosts_seen = a | b - c
    Good
        set a = sip of outbound
        set b = dip of inbound
        set c = sip of internal
        set hosts_seen = (a | b) - c
    Fix
        Add parentheses. --fix puts them where it is read as if they stood now.
    """

    code = "FR402"
    name = "mixed-set-operators"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every set operation below another."""
        for scope in linted.files:
            for node in linted.nodes(scope).of(tree.SetOperation):
                for side in (node.left, node.right):
                    if (
                        isinstance(side, tree.SetOperation)
                        and not side.parenthesised
                        and side.operator != node.operator
                    ):
                        span = side.span
                        yield self.finding(
                            linted,
                            f"{side.operator} and {node.operator} stand side by side: say with parentheses which goes first",
                            node.operator_span,
                            hint=f"it is read as ({linted.text(span)}) now",
                            edits=(
                                Fix(linted.span(span.path, span.start, span.start), "("),
                                Fix(linted.span(span.path, span.end, span.end), ")"),
                            ),
                            safe=True,
                            mend="add parentheses",
                        )
