"""FR513: a ruleset without a reference."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import missing_line
from flowrules.lint.rule import Rule


class MissingReference(Rule):
    """A ruleset that cites nothing that its rules rest on.

    Why
        A reader who doubts a threshold wants to know where it comes from: a report, a standard, a ticket.
    Bad
        ruleset acme.web {
            version   "1.0.0"
            license   "CC0-1.0"
            tlp       clear
        }
    Good
        ruleset acme.web {
            version   "1.0.0"
            license   "CC0-1.0"
            tlp       clear
            reference "RFC 9110"
        }
    Fix
        Add a reference: reference "CMU/SEI-2012-TR-006, section 5.2".
    """

    code = "FR513"
    name = "missing-reference"
    severity = "notice"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The ruleset block of every file that has one."""
        yield from missing_line(
            self, linted, "reference", 'write reference "…": a report, a standard, an address'
        )
