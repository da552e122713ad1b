"""FR421: a finding is suppressed without a reason."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule


class UnexplainedSuppression(Rule):
    """A comment that suppresses findings and does not say why, or does not say which.

    Why
        The next reader cannot tell whether the reason still holds. A comment without codes would hide every mistake of its
        line.
    Bad
        filter odd = udp and flags has S   # flowrules: ignore[FR301]
    Good
        filter odd = udp and flags has S   # flowrules: ignore[FR301] shows what the exporter gets wrong
    Fix
        Write the codes in brackets and the reason behind them.
    """

    code = "FR421"
    name = "unexplained-suppression"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Nothing by itself: the run reads the comments."""
        yield from ()
