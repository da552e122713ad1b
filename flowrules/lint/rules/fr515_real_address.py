"""FR515: a real address in a ruleset for others."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import is_shared
from flowrules.lint.rule import Rule
from flowrules.lint.written_addresses import written_addresses


class RealAddress(Rule):
    """A public address in a ruleset that is meant for others, its tests and comments included.

    Why
        The address belongs to somebody: as a rule it accuses or exposes him, in a test it is somebody's traffic, and tomorrow
        it is another's. Lists of addresses are data that a site binds to a parameter.
    Bad
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        filter odd = outbound and tcp and dip = 8.8.4.4
    Good
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        param resolvers : set = {}
        filter odd = outbound and tcp and dip in resolvers
    Fix
        Make it a parameter, or take a documentation address.
    """

    code = "FR515"
    name = "real-address"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every address in rules, tests, texts and comments."""
        for scope in linted.files:
            if not is_shared(scope):
                continue
            for written in written_addresses(linted, scope):
                if written.purpose == "public" and not written.listed:
                    yield self.finding(
                        linted,
                        f"{written.text} is a real address",
                        written.span,
                        hint="make it a parameter, or take one of 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32",
                    )
