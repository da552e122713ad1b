"""FR302: a predicate that every flow satisfies."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.wording import text_of
from flowrules.model import expression as ex


class AlwaysTrue(Rule):
    """A predicate that every flow satisfies.

    Why
        It looks like a filter and filters nothing. Whoever wrote it meant something else, often and instead of or, or a
        number that is one off. A filter that is meant to let everything pass says so: all.
    Bad
        filter not_mail = dport != 25 or dport != 587
        ---
        filter big = packets >= 1
    Good
        filter not_mail = tcp and dport != 25 and dport != 587
        ---
        filter big = packets >= 100
    Fix
        Write and where both must hold, correct the number, or write all.
    """

    code = "FR302"
    name = "always-true"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every predicate over flows."""
        for statement in linted.statements:
            node = statement.node
            if not statement.about_flows or isinstance(node, ex.FilterRef | ex.Direction | ex.Literal):
                continue
            if isinstance(node, ex.And) and any(
                isinstance(i, ex.FilterRef | ex.Direction) for i in node.items
            ):
                continue
            if linted.prover.always(node):
                yield self.finding(
                    linted,
                    f"every flow matches {text_of(linted, node)}",
                    node.span,
                    hint="write all where every flow is meant",
                )
