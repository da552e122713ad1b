"""FR313: a grouping key with one value."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.domains import Bits, Labels, Numbers
from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.model import expression as ex
from flowrules.model.program import TableDeclaration

_PORTS = frozenset(("sport", "dport", "inside_port", "outside_port"))


class ConstantKey(Rule):
    """A key of a table or set that has the same value in every flow of the source.

    Why
        Grouping by it splits nothing; the column repeats one value in every row. Usually another key was meant, or the
        filter is narrower than the table's author thought. The protocol beside a port says which of the two kinds of
        port it is, so there it is no finding; nor is it in an entry, whose column it is.
    Bad
        filter dns = udp and dport = 53
        table askers = flows of dns per sip, dport
    Good
        filter dns = udp and dport = 53
        table askers = flows of dns per sip, dip
    Fix
        Drop the key, or widen the filter.
    """

    code = "FR313"
    name = "constant-key"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The keys of every table, and of every set of tuples."""
        tables = {t.name: t for t in linted.program.tables.values()}
        for statement in linted.statements:
            if statement.kind != "source" or statement.source is None or not statement.keys:
                continue
            if linted.names_broken(statement):
                continue
            if statement.declaration in linted.program.profiles:
                continue  # an entry's keys are its columns
            table = tables.get(statement.declaration)
            if table is None and len(statement.keys) < 2:
                continue
            ports = _shows_ports(statement.keys, table)
            for key in statement.keys:
                if not isinstance(key.of, ex.Field) or (ports and key.of.name == "protocol"):
                    continue
                value = _only(linted.premises.project(key.of, statement.source))
                if value is not None:
                    yield self.finding(
                        linted,
                        f"{key.name} is {value} in every flow of the source: it splits nothing",
                        key.of.span,
                        hint="drop the key, or widen the filter",
                    )


def _shows_ports(keys: tuple[ex.Key, ...], table: TableDeclaration | None) -> bool:
    fields = [k.of for k in keys]
    if table is not None:
        fields += [a for c in table.columns for a in c.measure.args]
    return any(isinstance(f, ex.Field) and f.name in _PORTS for f in fields)


def _only(values: object) -> str | None:
    match values:
        case Numbers() if values.whole and values.count == 1:
            return str(values.least)
        case Labels() if not values.others and len(values.names) == 1:
            return str(values.some())
        case Bits() if values.count == 1:
            return "always the same"
    return None
