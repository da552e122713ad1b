"""What a predicate proves about the direction of its flows, and so about whose hosts a key holds."""

from __future__ import annotations

from typing import Final

from flowrules.check.symbols import CheckedFilter, CheckedTable
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model.reversal import ONE_SIDED, OTHER_WAY

_TYPES: Final = {
    "inbound": frozenset(("in", "inweb", "innull", "inicmp")),
    "outbound": frozenset(("out", "outweb", "outnull", "outicmp")),
}

_SIDES: Final = {
    ("sip", "outbound"): "inside",
    ("dip", "outbound"): "outside",
    ("sip", "inbound"): "outside",
    ("dip", "inbound"): "inside",
    ("inside", None): "inside",
    ("outside", None): "outside",
}


def proved_direction(ws: Workspace, predicate: ex.Expression) -> str | None:
    """``inbound`` or ``outbound`` where every flow that passes must be; else ``None``."""
    match predicate:
        case ex.Direction(name=name):
            return name if name in OTHER_WAY else None
        case ex.FilterRef(name=name, reversed=reversed_):
            checked = checked_filter(ws, name)
            direction = checked.declaration.direction if checked is not None else None
            return OTHER_WAY[direction] if reversed_ and direction is not None else direction
        case ex.And(items=items):
            found = {d for d in (proved_direction(ws, i) for i in items) if d is not None}
            return found.pop() if len(found) == 1 else None
        case ex.Or(items=items):
            proofs = {proved_direction(ws, i) for i in items}
            return proofs.pop() if len(proofs) == 1 else None
        case ex.In(items=(ex.Field(name="type"),), collection=ex.Labels(labels=labels)):
            return _direction_of(labels)
        case ex.Compare(op="=", left=ex.Field(name="type"), right=ex.Literal(value=str() as label)):
            return _direction_of(frozenset((label,)))
    return None


def _direction_of(labels: frozenset[str]) -> str | None:
    return next((d for d, types in _TYPES.items() if labels and labels <= types), None)


def checked_filter(ws: Workspace, name: str) -> CheckedFilter | None:
    """The filter with a qualified name, if it was sound."""
    ruleset, _, short = name.partition(":")
    scope = ws.scopes.get(ruleset)
    checked = ws.known.get(scope.symbols[short]) if scope is not None and short in scope.symbols else None
    return checked if isinstance(checked, CheckedFilter) else None


def one_sided(ws: Workspace, predicate: ex.Expression) -> str | None:
    """A field that a predicate uses and that has no other side, through every filter it names."""
    for node in predicate.walk():
        if isinstance(node, ex.Field) and node.name in ONE_SIDED:
            return node.name
        if isinstance(node, ex.FilterRef):
            checked = checked_filter(ws, node.name)
            if checked is not None and checked.one_sided is not None:
                return checked.one_sided
    return None


def side_of(key: ex.Expression, direction: str | None, table: CheckedTable | None) -> str | None:
    """``inside`` or ``outside`` where a key is proved to hold that side's hosts."""
    if isinstance(key, ex.Mask):
        return side_of(key.of, direction, table)
    if isinstance(key, ex.Column) and table is not None:
        return next((p.side for p in table.keys if p.name == key.name), None)
    if isinstance(key, ex.Field):
        return _SIDES.get((key.name, direction)) or _SIDES.get((key.name, None))
    return None
