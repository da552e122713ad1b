"""FR514: an address of somebody's own network in a ruleset for others."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import is_shared
from flowrules.lint.rule import Rule
from flowrules.lint.written_addresses import written_addresses


class PrivateAddress(Rule):
    """A private address in a ruleset that is meant for others, its tests and comments included.

    Why
        It is right at one site only, and it tells others how the author's network is built. What belongs to a site is a
        parameter that the site binds. Tests take addresses from the documentation ranges: 192.0.2.0/24,
        198.51.100.0/24, 203.0.113.0/24 and 2001:db8::/32. Whole blocks of IANA's registry in nets, such as 10.0.0.0/8, reveal
        nobody.
    Bad
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        filter web = outbound and tcp and dport = 443 and sip != 10.4.7.20
    Good
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        param scanners : set = {}
        filter web = outbound and tcp and dport = 443 and sip not in scanners
    Fix
        Make it a parameter, or take a documentation address. A ruleset that stays in the house says tlp red.
    """

    code = "FR514"
    name = "private-address"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every address in rules, tests, texts and comments."""
        for scope in linted.files:
            if not is_shared(scope):
                continue
            for written in written_addresses(linted, scope):
                if written.purpose == "private" and not written.listed:
                    yield self.finding(
                        linted,
                        f"{written.text} is an address of somebody's own network",
                        written.span,
                        hint="make it a parameter, or take one of 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32",
                    )
