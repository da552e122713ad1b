"""Whose hosts a key holds: inside where the filter proves that they are the site's own, outside where they are not."""

from __future__ import annotations

from typing import Final

from flowrules.model import expression as ex
from flowrules.model.program import Program
from flowrules.model.reversal import OTHER_WAY

_TYPES: Final = {
    "inbound": frozenset(("in", "inweb", "innull", "inicmp")),
    "outbound": frozenset(("out", "outweb", "outnull", "outicmp")),
}
_SIDES: Final = {
    ("sip", "outbound"): "inside",
    ("dip", "outbound"): "outside",
    ("sip", "inbound"): "outside",
    ("dip", "inbound"): "inside",
}
OTHER: Final = {"inside": "outside", "outside": "inside"}


def direction_of(program: Program, predicate: ex.Expression) -> str | None:
    """``inbound`` or ``outbound`` where every flow that passes must be; else ``None``."""
    match predicate:
        case ex.Direction(name=name):
            return name if name in OTHER_WAY else None
        case ex.FilterRef(name=name, reversed=reversed_) if name in program.filters:
            found = program.filters[name].direction
            return OTHER_WAY[found] if reversed_ and found is not None else found
        case ex.And(items=items):
            proofs = {d for d in (direction_of(program, i) for i in items) if d is not None}
            return proofs.pop() if len(proofs) == 1 else None
        case ex.Or(items=items):
            every = {direction_of(program, i) for i in items}
            return every.pop() if len(every) == 1 else None
        case ex.In(items=(ex.Field(name="type"),), collection=ex.Labels(labels=labels)):
            return next((d for d, types in _TYPES.items() if labels and labels <= types), None)
        case ex.Compare(op="=", left=ex.Field(name="type"), right=ex.Literal(value=str() as label)):
            return next((d for d, types in _TYPES.items() if label in types), None)
    return None


def side_of(node: ex.Expression, direction: str | None) -> str | None:
    """The side that an address of flows of a direction is on."""
    match node:
        case ex.Mask(of=of):
            return side_of(of, direction)
        case ex.Field(name="inside" | "outside" as name):
            return name
        case ex.Field(name=name) if direction is not None:
            return _SIDES.get((name, direction))
    return None


def sides_of_set(program: Program, node: ex.SetExpression, depth: int = 0) -> tuple[str | None, ...]:
    """For each position of a set the side that its members are proved to be on."""
    unknown: tuple[str | None, ...] = (None,) * len(node.parts)
    if depth > 40:
        return unknown
    match node:
        case ex.Members(keys=keys, source=source):
            if source.table is not None:
                table = program.tables.get(source.table)
                if table is None:
                    return unknown
                direction = table.source.direction
                named = (
                    {k.name: side_of(k.of, direction) for k in table.keys} if not table.source.table else {}
                )
                return tuple(named.get(k.of.name) if isinstance(k.of, ex.Column) else None for k in keys)
            return tuple(side_of(k.of, source.direction) for k in keys)
        case ex.SetNamed(name=name) if name in program.sets:
            return sides_of_set(program, program.sets[name].set, depth + 1)
        case ex.KeyColumn(owner=owner, index=index, of_table=True) if owner in program.tables:
            table = program.tables[owner]
            if table.source.table is not None:
                return unknown
            return (side_of(table.keys[index].of, table.source.direction),)
        case ex.KeyColumn(owner=owner, index=index) if owner in program.sets:
            return (sides_of_set(program, program.sets[owner].set, depth + 1)[index],)
        case ex.HostsOf(profile=profile) if profile in program.profiles:
            return sides_of_set(program, program.profiles[profile].hosts, depth + 1)
        case ex.SetBlocks(of=of):
            return sides_of_set(program, of, depth + 1)
        case ex.SetAlgebra(op=op, left=left, right=right):
            one, other = (sides_of_set(program, s, depth + 1) for s in (left, right))
            if op == "-":
                return one
            if op == "&":
                return tuple(a or b for a, b in zip(one, other, strict=True))
            return tuple(a if a == b else None for a, b in zip(one, other, strict=True))
    return unknown
