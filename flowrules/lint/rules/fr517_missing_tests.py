"""FR517: a ruleset without tests."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule

_RESULTS = frozenset(("set", "table", "profile", "anomaly"))


class MissingTests(Rule):
    """A ruleset that makes results and has no test.

    Why
        A test shows in five lines of flows what a rule finds and what it leaves alone, and keeps it so. Without one, nobody who
        takes the ruleset over dares to change it. Rulesets that only hold lists and filters need none. A file of the same
        name that ends in _test.frules counts.
    Bad
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        set clients = sip of (outbound and tcp and dport = 443)
    Good
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        set clients = sip of (outbound and tcp and dport = 443)
        test "a host that talks to 443 is a client" {
            flows \"\"\"
            type | sip          | dip        | dport | protocol
            out  | 203.0.113.33 | 192.0.2.10 | 443   | 6
            \"\"\"
            expect clients = {203.0.113.33}
        }
    Fix
        Write a test; flowrules test --generate makes a first one.
    """

    code = "FR517"
    name = "missing-tests"
    severity = "notice"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every file with a ruleset block."""
        for scope in linted.files:
            block = scope.file.ruleset
            if block is None or linted.is_tested(scope):
                continue
            if any(s.kind in _RESULTS for s in scope.symbols.values()):
                yield self.finding(
                    linted,
                    f"the ruleset {scope.ruleset} has no test",
                    block.name.span,
                    hint='write one: test "…" { flows """…""" expect … }',
                )
