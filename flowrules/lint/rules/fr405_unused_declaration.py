"""FR405: a private declaration that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule


class UnusedDeclaration(Rule):
    """A declaration marked @private that nothing in its file uses.

    Why
        Declarations can be imported by others and count as used; one that is @private cannot, so nobody needs it.
    Bad
        @private
        filter web = tcp and dport in (80, 443)
        filter mail = tcp and dport = 25
    Good
        @private
        filter web = tcp and dport in (80, 443)
        set clients = sip of web
    Fix
        Remove it, or drop @private where others may use it.
    """

    code = "FR405"
    name = "unused-declaration"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The private declarations of every file."""
        for scope in linted.files:
            private = [
                s for s in scope.symbols.values() if s.private and s.kind not in ("param", "anomaly", "check")
            ]
            if not private:
                continue
            uses = [(symbol, name.span) for name, symbol in linted.used_names[scope.path]]
            for symbol in private:
                own = symbol.node.span
                if not any(s is symbol and not (own.start <= at.start < own.end) for s, at in uses):
                    yield self.finding(
                        linted,
                        f"{symbol.name} is private and nothing here uses it",
                        symbol.node.name.span,
                        hint="remove it, or drop @private",
                    )
