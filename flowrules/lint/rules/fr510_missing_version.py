"""FR510: a ruleset without a version."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import missing_line
from flowrules.lint.rule import Rule


class MissingVersion(Rule):
    """A ruleset that does not say its version.

    Why
        Sites that use it cannot say which text of it made their results, and cannot ask for a newer one.
    Bad
        ruleset acme.web {
            license   "CC0-1.0"
            tlp       clear
            reference "RFC 9110"
        }
    Good
        ruleset acme.web {
            version   "1.0.0"
            license   "CC0-1.0"
            tlp       clear
            reference "RFC 9110"
        }
    Fix
        Add version "1.0.0", and raise it with every change.
    """

    code = "FR510"
    name = "missing-version"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The ruleset block of every file that has one."""
        yield from missing_line(self, linted, "version", 'write version "1.0.0"')
