"""FR511: a ruleset without a licence."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import missing_line
from flowrules.lint.rule import Rule


class MissingLicense(Rule):
    """A ruleset that does not say under which licence it may be used.

    Why
        Without a licence nobody outside may use it, whatever its author meant.
    Bad
        ruleset acme.web {
            version   "1.0.0"
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
        Add a licence by its SPDX name: license "CC0-1.0".
    """

    code = "FR511"
    name = "missing-license"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The ruleset block of every file that has one."""
        yield from missing_line(self, linted, "license", 'write license "CC0-1.0", or another SPDX name')
