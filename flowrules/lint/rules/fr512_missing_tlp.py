"""FR512: a ruleset without a traffic light."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import missing_line
from flowrules.lint.rule import Rule


class MissingTlp(Rule):
    """A ruleset that does not say with whom it may be shared.

    Why
        The traffic light protocol (FIRST TLP 2.0) tells the reader whether he may pass it on; without one he has to ask.
    Bad
        ruleset acme.web {
            version   "1.0.0"
            license   "CC0-1.0"
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
        Add tlp clear, green, amber, amber_strict or red.
    """

    code = "FR512"
    name = "missing-tlp"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The ruleset block of every file that has one."""
        yield from missing_line(self, linted, "tlp", "write tlp clear, green, amber, amber_strict or red")
