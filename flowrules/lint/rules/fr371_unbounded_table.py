"""FR371: a table with a row for each outside address and no threshold."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.sides import side_of
from flowrules.lint.statements import own_conjuncts
from flowrules.model import expression as ex

_MANY = 65536


class UnboundedTable(Rule):
    """A table keyed by outside addresses that keeps every row.

    Why
        There are as many outside addresses as somebody cares to send from: a scan, or an hour of spoofed packets, makes
        millions of rows that all go into the results. Memory and reports grow with what others do.
    Bad
        table talkers = sum(bytes) of inbound per sip
    Good
        table talkers = sum(bytes) of inbound per sip keep top 100
    Fix
        Keep a threshold (keep flows >= 10), a rank (keep top 100), or group by blocks (per sip/16).
    """

    code = "FR371"
    name = "unbounded-table"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every table of flows."""
        for table in linted.program.tables.values():
            if table.ruleset not in linted.rulesets or table.keeps or table.source.table is not None:
                continue
            for key in table.keys:
                if not isinstance(key.of, ex.Field) or side_of(key.of, table.source.direction) != "outside":
                    continue
                values = linted.premises.project(key.of, table.source)
                if values is not None and values.count <= _MANY:
                    continue
                if _within_small_set(table.source.predicate, key.of):
                    continue
                yield self.finding(
                    linted,
                    f"{table.short} has a row for every outside address in {key.name}, and keeps them all",
                    key.of.span,
                    hint="add a threshold: keep flows >= 10, or keep top 100",
                )
                break


def _within_small_set(predicate: ex.Expression, key: ex.Expression) -> bool:
    """Whether the address is asked to lie in a set: then that bounds the table."""
    return any(
        isinstance(n, ex.In)
        and n.items[0] == key
        and len(n.items) == 1
        and isinstance(n.collection, ex.InSet | ex.Addresses)
        for n in own_conjuncts(predicate)
    )
