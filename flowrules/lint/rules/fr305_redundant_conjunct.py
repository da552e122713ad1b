"""FR305: a conjunct that excludes no flow."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.removal import without
from flowrules.lint.rule import Rule
from flowrules.lint.wording import joined, text_of


class RedundantConjunct(Rule):
    """A condition of an and that excludes nothing.

    Why
        It holds whenever the others do, or always. Either it is superfluous, or one of the two is not what was
        meant: two bounds of which only one counts, a protocol that a filter has asked for already. Facts of the wire
        are left aside here: tcp beside a test of flags is good style.
    Bad
        filter long = packets >= 4 and packets >= 10
        ---
        filter web = tcp and dport in (80, 443) and dport <= 65535
    Good
        filter long = packets >= 10
        ---
        filter web = tcp and dport in (80, 443)
    Fix
        Remove it; what passes stays the same. --fix does so.
    """

    code = "FR305"
    name = "redundant-conjunct"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every and."""
        for found in linted.superfluous:
            if found.kind != "conjunct":
                continue
            text = text_of(linted, found.node)
            if found.because:
                by = joined([text_of(linted, b) for b in found.because])
                message = (
                    f"{text} excludes nothing that {by} {'lets' if len(found.because) == 1 else 'let'} pass"
                )
            else:
                message = f"{text} excludes nothing: it always holds"
            yield self.finding(
                linted,
                message,
                found.node.span,
                related=[(b.span, "it holds whenever this does") for b in found.because[:1]],
                edits=without(linted, found.parent, found.index),
                safe=True,
                mend=f"remove {text}",
            )
