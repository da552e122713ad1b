"""FR518: a date of review that has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.syntax import tree


class ReviewPassed(Rule):
    """A declaration whose @review date has passed.

    Why
        Its author said until when somebody should look at it again: a threshold for a campaign, an exception for a
        migration. This rule alone looks at the clock (--today sets it), so that a lint of the same files can change by the day;
        runs never do.
    Bad
        @review(2020-01-01)
        filter old_vpn = outbound and udp and dport = 1194
    Good
        @review(2199-01-01)
        filter old_vpn = outbound and udp and dport = 1194
    Fix
        Look at the rule, and set a new date or remove it.
    """

    code = "FR518"
    name = "review-passed"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The attributes of every declaration."""
        for scope in linted.files:
            for node in linted.nodes(scope).of(tree.Attribute):
                if node.name.text == "review" and node.items:
                    value = node.items[0]
                    if not isinstance(value, tree.Literal) or not isinstance(value.value, tree.TimeValue):
                        continue
                    day = datetime.fromtimestamp(value.value.start / 1000, UTC).date()
                    if day < linted.today:
                        yield self.finding(
                            linted,
                            f"the review was due on {day.isoformat()}",
                            node.span,
                            hint="look at the rule, and set a new date",
                        )
