"""FR404: a parameter that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule


class UnusedParameter(Rule):
    """A parameter that no rule reads.

    Why
        A site binds it and nothing changes. Either the rule that should read it has the number written into it, or the
        parameter is left over.
    Bad
        param least : count = 4
        filter talked = tcp and flags has A and packets >= 4
    Good
        param least : count = 4
        filter talked = tcp and flags has A and packets >= least
    Fix
        Use it, or remove it (sites that bind it then get an error).
    """

    code = "FR404"
    name = "unused-parameter"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The parameters of every file."""
        used = {symbol for names in linted.used_names.values() for _, symbol in names}
        used |= {
            symbol
            for scope in linted.scopes.values()
            for symbol in scope.imported.values()
            if symbol is not None
        }
        for scope in linted.files:
            for symbol in scope.symbols.values():
                if symbol.kind == "param" and symbol not in used:
                    yield self.finding(
                        linted, f"no rule reads the parameter {symbol.name}", symbol.node.name.span
                    )
