"""Conditions of ``expect``: what conditions say, and what only a test asks: findings, entries, lists as text."""

from __future__ import annotations

from typing import Final

from flowrules.check.conditions import Conditions
from flowrules.check.lookups import lookup_keys
from flowrules.check.stand_ins import poison, unknown_truth
from flowrules.check.symbols import CheckedProfile, Position
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.syntax import tree

CELLS: Final = ("internal", "internal_port", "external", "external_port", "name", "comment")
"""The columns of an entry, as the report has them."""


class Expected(Conditions):
    """Conditions of ``expect``: percents may be equal, since the flows are known to the last."""

    equal_percents = True
    counts_anomalies = True

    def set_hint(self, name: str) -> str:
        """What to write where a set stands for a value."""
        return f"write {name} = {{…}}, or count({name})"

    def truth(self, node: tree.Expression) -> ex.Expression:
        """A condition; the name of a check or anomaly asks what came of it."""
        return self.finding(node) or super().truth(node)

    def finding(self, node: tree.Expression) -> ex.Expression | None:
        """What came of the check or anomaly that is named, or of the entry that is looked up."""
        if isinstance(node, tree.Lookup):
            return self._cell(node)
        if not isinstance(node, tree.Name):
            return None
        symbol, rest, _ = self.ws.find(self.scope, node)
        if symbol is None or symbol.kind not in ("check", "anomaly") or rest:
            return None
        if self.ws.refer(symbol, node.span) is None:
            return unknown_truth(node.span)
        return ex.Finding(type=t.TRUTH, span=node.span, name=symbol.qualified)

    def _compare(self, node: tree.Compare) -> ex.Expression:
        left, right = node.left, node.right
        if isinstance(left, tree.Literal):
            left, right = right, left
        as_text = isinstance(right, tree.Literal) and right.kind == "string" and node.operator in ("=", "!=")
        if as_text and (isinstance(left, tree.Lookup) or self.of_one_row(left)):
            assert isinstance(right, tree.Literal)
            shown = (self._cell(left) if isinstance(left, tree.Lookup) else None) or self._list(left)
            if shown is not None:
                text = ex.Literal(type=t.LABEL, span=right.span, value=str(right.value))
                return ex.Compare(type=t.TRUTH, span=node.span, op=node.operator, left=shown, right=text)
        return super()._compare(node)

    def _list(self, node: tree.Expression) -> ex.Expression | None:
        """A list that is looked up, as the text that people read; ``None`` for other values."""
        found = self.operand(node)
        return ex.Shown(type=t.LABEL, span=node.span, of=found) if found.type.name == "list" else None

    def _cell(self, node: tree.Lookup) -> ex.Expression | None:
        """``profile.external_port[host]``, with ``[host, protocol]`` where a host has several entries.

        ``None`` where no column of entries is named.
        """
        if not isinstance(node.of, tree.Name):
            return None
        symbol, rest, _ = self.ws.find(self.scope, node.of)
        if symbol is None or symbol.kind != "profile" or len(rest) != 1 or rest[0] not in CELLS:
            return None
        checked = self.ws.refer(symbol, node.of.span)
        if not isinstance(checked, CheckedProfile):
            return poison(node.span)
        if rest[0] in checked.features:
            return None
        wanted = checked.positions
        if len(node.keys) > len(wanted):
            wanted = (*wanted, Position("protocol", t.PROTOCOL))
        keys = lookup_keys(self, node, wanted)
        if keys is None:
            return poison(node.span)
        return ex.EntryCell(type=t.LABEL, span=node.span, profile=symbol.qualified, column=rest[0], keys=keys)
