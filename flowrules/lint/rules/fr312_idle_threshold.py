"""FR312: a threshold that everything passes."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.wording import text_of
from flowrules.model import expression as ex


class IdleThreshold(Rule):
    """A threshold that is always passed.

    Why
        No count is below 0, no share above 100%, and a group has at least one flow: the comparison looks like a
        condition and decides nothing.
    Bad
        table busy = flows, sum(bytes) of outbound per sip keep flows >= 1
    Good
        table busy = flows, sum(bytes) of outbound per sip keep flows >= 100
    Fix
        Raise the threshold, or drop the condition.
    """

    code = "FR312"
    name = "idle-threshold"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every comparison in conditions that are not about one flow."""
        seen: set[tuple[str, int]] = set()
        for statement in linted.statements:
            if statement.kind not in ("keep", "when", "feature", "total"):
                continue
            claims = linted.premises.claims(statement.place)
            for node in statement.nodes:
                if not isinstance(node, ex.Compare) or node.span is None:
                    continue
                key = (node.span.path, node.span.start)
                if key in seen or linted.prover.impossible([claims.false(node)]) is not True:
                    continue
                if linted.prover.impossible([claims.true(node)]):
                    continue
                seen.add(key)
                yield self.finding(linted, f"{text_of(linted, node)} always holds", node.span)
