"""Entries of a profile: the rows that a network map is made of."""

from __future__ import annotations

from typing import Final

from flowrules.check.conditions import Conditions
from flowrules.check.faults import did_you_mean
from flowrules.check.flows import FlowExpressions
from flowrules.check.keys import CheckedKey, grouping_key
from flowrules.check.listed import Unbound, number_ranges
from flowrules.check.measures import measure
from flowrules.check.nouns import type_noun
from flowrules.check.sources import CheckedSource, source
from flowrules.check.symbols import Constant, Positions
from flowrules.check.texts import template
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.measures import MEASURES
from flowrules.model.program import Cell, EntryColumn, EntryDeclaration, TextTemplate
from flowrules.syntax import tree

COLUMNS: Final = ("protocol", "internal", "external", "name", "comment")


def check_entry(judged: Conditions, hosts: Positions, node: tree.Entry) -> EntryDeclaration | None:
    """An entry; ``None`` where it is faulty (reported)."""
    from flowrules.check.profiles import fits_hosts

    ws, scope = judged.ws, judged.scope
    found: CheckedSource | None = None
    keys: tuple[CheckedKey, ...] = ()
    faulty = False
    if node.source is not None:
        found = source(ws, scope, node.source)
        if found is None:
            faulty = True
        else:
            place = FlowExpressions(ws, scope, found.table)
            checked = [grouping_key(place, k, found.source.direction) for k in node.keys]
            keys = tuple(k for k in checked if k is not None)
            n = len(hosts)
            faulty = len(keys) < len(checked)
            if not faulty and not fits_hosts(ws, node.keys[:n], keys[:n], hosts, "this entry"):
                faulty = True
    condition = judged.condition(node.condition) if node.condition is not None else None
    columns: list[EntryColumn] = []
    seen: dict[str, tree.EntryColumn] = {}
    cells = _Cells(judged, found, keys, hosts, whole_entry_faulty=faulty)
    for column in node.columns:
        name = column.name.text
        if name not in COLUMNS:
            ws.faults.report(
                "FR235", f"an entry has no column {name}", column.name.span,
                hint=did_you_mean(name, COLUMNS) or f"its columns are {', '.join(COLUMNS)}",
            )  # fmt: skip
            faulty = True
            continue
        if name in seen:
            ws.faults.report(
                "FR235",
                f"the column {name} stands twice",
                column.name.span,
                related=[(seen[name].span, "the first")],
            )
            faulty = True
            continue
        seen[name] = column
        if column.ports is not None and name not in ("internal", "external"):
            ws.faults.report(
                "FR235", f"ports stand after internal and external, not after {name}", column.ports.span
            )
            faulty = True
            continue
        cell = cells.cell(column.cell)
        ports = cells.cell(column.ports) if column.ports is not None else None
        if cell is None or (column.ports is not None and ports is None):
            faulty = True
            continue
        columns.append(EntryColumn(name, cell, ports))
    if faulty:
        return None
    return EntryDeclaration(
        columns=tuple(columns),
        source=found.source if found is not None else None,
        keys=tuple(k.key for k in keys),
        condition=condition,
        span=node.span,
    )


class _Cells:
    """The cells of one entry."""

    def __init__(
        self,
        judged: Conditions,
        found: CheckedSource | None,
        keys: tuple[CheckedKey, ...],
        hosts: Positions,
        whole_entry_faulty: bool,
    ) -> None:
        self.judged = judged
        self.ws = judged.ws
        self.source = found
        self.grouping = tuple(k.key for k in keys)
        self.keys = {k.key.name: k.key.of for k in keys}
        self.hosts = hosts
        self.silent = whole_entry_faulty

    def cell(self, node: tree.Cell) -> Cell | None:
        """One cell; ``None`` where it is faulty (reported)."""
        match node:
            case tree.Template():
                return Cell("text", text=template(self.judged, node))
            case tree.VerdictValue():
                return Cell("verdict")
            case tree.CellOf():
                return self._own_source(node)
            case tree.List() | tree.Range():
                return self._ports(node.items if isinstance(node, tree.List) else (node,))
            case tree.Literal():
                return self._literal(node)
            case tree.Call():
                return self._measure(node)
            case tree.Name():
                return self._name(node)

    def _name(self, node: tree.Name) -> Cell | None:
        word = node.text
        if word in ("any", "host"):
            return Cell(word)
        if word in self.keys:
            return Cell("key", expression=self.keys[word])
        if word in self.judged.names.columns:
            value = self.judged.operand(node)
            if value.type == t.POISON:
                return None
            return Cell("text", text=TextTemplate((value,), f"{{{word}}}"))
        if word in MEASURES and not MEASURES[word].args:
            return self._measure(node)
        symbol, rest, reported = self.ws.find(self.judged.scope, node)
        if symbol is not None and not rest:
            checked = self.ws.refer(symbol, node.span)
            if checked is None:
                return None
            if isinstance(checked, Constant) and checked.type == t.PORTS:
                return self._ports((node,))
            if isinstance(checked, Constant):
                self.ws.faults.report(
                    "FR235",
                    f"{word} is {type_noun(checked.type)}, and a cell holds ports, a measure or text",
                    node.span,
                )
                return None
        if not reported and not self.silent:
            known = ["any", "host", *self.keys, *self.judged.names.columns]
            self.ws.faults.report(
                "FR235",
                f"{word} is neither a key of this entry nor a feature",
                node.span,
                hint=did_you_mean(word, known) or f"write one of {', '.join(known[:6])}, a measure such as values(dport), or text",
            )  # fmt: skip
        return None

    def _measure(self, node: tree.Name | tree.Call) -> Cell | None:
        if isinstance(node, tree.Call) and node.function.text not in MEASURES:
            value = self.judged.operand(node)
            if value.type == t.POISON:
                return None
            return Cell("text", text=TextTemplate((value,), f"{{{self.ws.text(node.span)}}}"))
        if self.source is None:
            if not self.silent:
                text = self.ws.text(node.span)
                self.ws.faults.report(
                    "FR235", f"{text} of which flows?", node.span,
                    hint=f"write {text} of request per sip, or entry of request per sip {{ … }}",
                )  # fmt: skip
            return None
        place = FlowExpressions(self.ws, self.judged.scope, self.source.table)
        place.grouped(self.grouping, self.source.source.direction)
        found = measure(place, node)
        return None if found is None else Cell("measure", expression=found)

    def _own_source(self, node: tree.CellOf) -> Cell | None:
        from flowrules.check.profiles import fits_hosts

        found = source(self.ws, self.judged.scope, node.source)
        if found is None:
            return None
        place = FlowExpressions(self.ws, self.judged.scope, found.table)
        checked = [grouping_key(place, k, found.source.direction) for k in node.keys]
        keys = tuple(k for k in checked if k is not None)
        place.grouped((k.key for k in keys), found.source.direction)
        taken = measure(place, node.measure)
        if taken is None or len(keys) < len(checked):
            return None
        if not fits_hosts(self.ws, node.keys, keys, self.hosts, "this cell"):
            return None
        return Cell(
            "measure",
            expression=ex.Measure(
                type=taken.type,
                span=node.span,
                name=taken.name,
                args=taken.args,
                source=found.source,
                per=tuple(k.key for k in keys),
            ),
        )

    def _literal(self, node: tree.Literal) -> Cell | None:
        if node.kind == "number":
            return self._ports((node,))
        if node.kind in ("ipv4", "ipv6", "cidr", "string"):
            text = str(node.value) if node.kind == "string" else node.text
            return Cell("text", text=TextTemplate((text,), text))
        self.ws.faults.report(
            "FR235",
            f"{node.text} cannot stand in an entry",
            node.span,
            hint="write ports, an address, a measure or text",
        )
        return None

    def _ports(self, items: tuple[tree.Item, ...]) -> Cell | None:
        ports = ex.Literal(type=t.PORT, value=None)
        found = number_ranges(self.judged, ports, t.PORT, items, "a cell of ports")
        if found is None:
            return None
        ranges = [] if isinstance(found, Unbound) else [(int(low), int(high)) for low, high in found]
        return Cell("list", values=tuple(sorted(ranges)))
