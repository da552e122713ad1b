"""Predicates without names: filters written out, ``reverse of`` carried down to the fields, one flat form.

After this two filters that mean the same by the same words are equal nodes, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from flowrules.model import expression as ex
from flowrules.model.fields import STORED
from flowrules.model.program import FilterDeclaration
from flowrules.model.types import TRUTH

DIRECTIONS: Final = frozenset({"all", "inbound", "outbound", "internal", "external", "blocked"})
"""Predefined filters that need no declaration."""

_REVERSED_DIRECTION: Final = {"inbound": "outbound", "outbound": "inbound"}
_REVERSED_TYPE: Final = {
    a: b
    for one, other in (("in", "out"), ("inweb", "outweb"), ("innull", "outnull"), ("inicmp", "outicmp"))
    for a, b in ((one, other), (other, one))
}

ALWAYS: Final = ex.And(type=TRUTH, items=())
"""The predicate that every flow passes."""
NEVER: Final = ex.Or(type=TRUTH, items=())
"""The predicate that no flow passes."""


def rebuild(node: ex.Expression, change: Callable[[ex.Expression], ex.Expression]) -> ex.Expression:
    """``node`` with ``change`` applied to each expression directly below it (the same node where none changes)."""
    changed: dict[str, Any] = {}
    for a in attrs.fields(type(node)):
        value = getattr(node, a.name)
        if isinstance(value, ex.Expression):
            new: object = change(value)
            if new is not value:
                changed[a.name] = new
        elif isinstance(value, tuple) and any(isinstance(v, ex.Expression) for v in value):
            items = tuple(change(v) if isinstance(v, ex.Expression) else v for v in value)
            if any(n is not v for n, v in zip(items, value, strict=True)):
                changed[a.name] = items
    return attrs.evolve(node, **changed) if changed else node


class Rewriter:
    """Writes the filters of one program out; remembers what it has written."""

    def __init__(self, filters: Mapping[str, FilterDeclaration]) -> None:
        self._filters = filters
        self._named: dict[tuple[str, bool], ex.Expression] = {}

    def expand(self, predicate: ex.Expression, reverse: bool = False) -> ex.Expression:
        """The predicate in flat form, without ``FilterRef``."""
        return self._flat(self._expand(predicate, reverse))

    def conjuncts(self, predicate: ex.Expression) -> tuple[ex.Expression, ...]:
        """What must all be true for a flow to pass: the parts of the written-out predicate, each once."""
        flat = self.expand(predicate)
        items = flat.items if isinstance(flat, ex.And) else (flat,)
        return tuple(dict.fromkeys(items))

    def _expand(self, node: ex.Expression, reverse: bool) -> ex.Expression:
        match node:
            case ex.FilterRef():
                return self._named_filter(node, reverse != node.reversed)
            case ex.Direction() if reverse:
                return attrs.evolve(node, name=_REVERSED_DIRECTION.get(node.name, node.name))
            case ex.Field() if reverse:
                return attrs.evolve(node, name=reversed_field(node.name))
            case ex.Compare() if reverse and _is_type(node.left) and isinstance(node.right, ex.Literal):
                return attrs.evolve(node, right=_reversed_label(node.right))
            case ex.Compare() if reverse and _is_type(node.right) and isinstance(node.left, ex.Literal):
                return attrs.evolve(node, left=_reversed_label(node.left))
            case ex.In(collection=ex.Labels(labels=labels)) if reverse and _is_type(node.items[0]):
                swapped = ex.Labels(frozenset(_REVERSED_TYPE.get(name, name) for name in labels))
                return attrs.evolve(node, collection=swapped)
            case _:
                return rebuild(node, lambda child: self._expand(child, reverse))

    def _named_filter(self, node: ex.FilterRef, reverse: bool) -> ex.Expression:
        if node.name not in self._filters and node.name in DIRECTIONS:
            name = _REVERSED_DIRECTION.get(node.name, node.name) if reverse else node.name
            return ex.Direction(type=TRUTH, name=name)
        held = self._named.get((node.name, reverse))
        if held is None:
            held = self._expand(self._filters[node.name].predicate, reverse)
            self._named[node.name, reverse] = held
        return held

    def _flat(self, node: ex.Expression) -> ex.Expression:
        """Nested *and* and *or* joined, parts that say nothing left out, repeated parts once."""
        node = rebuild(node, self._flat)
        match node:
            case ex.Direction(name="all"):
                return ALWAYS
            case ex.And():
                items = tuple(dict.fromkeys(_joined(node, ex.And)))
                if NEVER in items:
                    return NEVER
                return items[0] if len(items) == 1 else ex.And(type=TRUTH, items=items)
            case ex.Or():
                items = tuple(dict.fromkeys(_joined(node, ex.Or)))
                if ALWAYS in items:
                    return ALWAYS
                return items[0] if len(items) == 1 else ex.Or(type=TRUTH, items=items)
            case ex.Not(of=ex.Not(of=inner)):
                return inner
            case ex.Not(of=inner) if inner == ALWAYS:
                return NEVER
            case ex.Not(of=inner) if inner == NEVER:
                return ALWAYS
            case _:
                return node


def _joined(node: ex.And | ex.Or, kind: type[ex.Expression]) -> Iterator[ex.Expression]:
    for item in node.items:
        if isinstance(item, kind):
            yield from _joined(item, kind)  # type: ignore[arg-type]
        else:
            yield item


def reversed_field(name: str) -> str:
    """The field of the other side; ``inside`` and ``outside`` stay, being the same hosts both ways."""
    stored = STORED.get(name)
    return stored.reverse if stored is not None and stored.reverse is not None else name


def _is_type(node: ex.Expression) -> bool:
    return isinstance(node, ex.Field) and node.name == "type"


def _reversed_label(literal: ex.Literal) -> ex.Literal:
    value = literal.value
    return attrs.evolve(literal, value=_REVERSED_TYPE.get(value, value) if isinstance(value, str) else value)


def depends(node: ex.Expression) -> Iterator[ex.SetExpression | ex.Lookup | ex.CountOf | ex.Measure]:
    """What a predicate or condition asks of other declarations: sets, look-ups, counts, totals."""
    for part in node.walk():
        if isinstance(part, ex.In) and isinstance(part.collection, ex.InSet):
            yield part.collection.set
        elif isinstance(part, ex.Lookup | ex.CountOf) or isinstance(part, ex.Measure) and part.source is not None:
            yield part
