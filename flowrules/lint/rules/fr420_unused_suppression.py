"""FR420: a comment that suppresses nothing."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule


class UnusedSuppression(Rule):
    """A comment that suppresses a finding which is not there.

    Why
        What it excused has been put right or has moved; the comment now hides the next mistake of the kind, or names a code
        that does not exist.
    Bad
        # flowrules: ignore[FR301] kept for the tutorial
        filter web = tcp and dport = 443
    Good
        filter web = tcp and dport = 443
    Fix
        Remove the comment. --fix does so.
    """

    code = "FR420"
    name = "unused-suppression"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Nothing by itself: the run knows which comments suppressed something when all rules are done."""
        yield from ()
