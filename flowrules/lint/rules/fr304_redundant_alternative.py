"""FR304: an alternative that adds no flow."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.removal import without
from flowrules.lint.rule import Rule
from flowrules.lint.wording import joined, text_of


class RedundantAlternative(Rule):
    """An alternative of an or that adds nothing to the others.

    Why
        Either it is superfluous, or it was meant to say something else: a port that another list holds already, a filter
        inside another filter.
    Bad
        filter web = tcp and (dport in (80, 443) or dport = 443)
    Good
        filter web = tcp and (dport in (80, 443) or dport = 8443)
    Fix
        Remove it; what passes stays the same. --fix does so.
    """

    code = "FR304"
    name = "redundant-alternative"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every or."""
        for found in linted.superfluous:
            if found.kind != "alternative":
                continue
            text = text_of(linted, found.node)
            by = joined([text_of(linted, b) for b in found.because])
            yield self.finding(
                linted,
                f"{text} adds nothing: whatever it matches, {by} matches"
                if len(found.because) == 1
                else f"{text} adds nothing to {by}",
                found.node.span,
                related=[(b.span, "this holds whenever it does") for b in found.because[:1]],
                edits=without(linted, found.parent, found.index),
                safe=True,
                mend=f"remove {text}",
            )
