"""Predicates without names: filters written out, ``reverse of`` carried down to the fields, one flat form.

After this two filters that mean the same by the same words are equal nodes, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import is_not
from typing import Any, Final, TypeAlias

import attrs

from flowrules.model import expression as ex
from flowrules.model.program import FilterDeclaration
from flowrules.model.reversal import reverse
from flowrules.model.types import TRUTH
from flowrules.plan.field_use import plain_field

DIRECTIONS: Final = frozenset({"all", "inbound", "outbound", "internal", "external", "blocked"})
"""Predefined filters that need no declaration."""

ALWAYS: Final = ex.And(type=TRUTH, items=())
"""The predicate that every flow passes."""
NEVER: Final = ex.Or(type=TRUTH, items=())
"""The predicate that no flow passes."""


def rebuild(node: ex.Expression, change: Callable[[ex.Expression], ex.Expression]) -> ex.Expression:
    """``node`` with ``change`` applied to each expression directly below it (the same node where none changes)."""
    changed: dict[str, Any] = {}
    for name in ex.parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, ex.Expression):
            new: object = change(value)
            if new is not value:
                changed[name] = new
        elif type(value) is tuple:
            items = tuple([change(v) if isinstance(v, ex.Expression) else v for v in value])
            if any(map(is_not, items, value)):
                changed[name] = items
    return attrs.evolve(node, **changed) if changed else node


class Rewriter:
    """Writes the filters of one program out; remembers what it has written.

    Equal nodes come out as one and the same object, so that what they give is kept by identity.
    """

    def __init__(self, filters: Mapping[str, FilterDeclaration]) -> None:
        self._filters = filters
        self._named: dict[tuple[str, bool], ex.Expression] = {}
        self._written: dict[ex.Expression, ex.Expression] = {}
        self._nodes: dict[ex.Expression, ex.Expression] = {}

    def expand(self, predicate: ex.Expression) -> ex.Expression:
        """The predicate in flat form, without ``FilterRef``: nested *and* and *or* joined, parts that say
        nothing left out, repeated parts once."""
        held = self._written.get(predicate)
        if held is None:
            if isinstance(predicate, ex.FilterRef):
                held = self._of_name(predicate.name, predicate.reversed)
            else:
                held = self._simplified(rebuild(predicate, self.expand))
                held = self._nodes.setdefault(held, held)
            self._written[predicate] = held
        return held

    def conjuncts(self, predicate: ex.Expression) -> tuple[ex.Expression, ...]:
        """What must all be true for a flow to pass: the parts of the written-out predicate, each once."""
        # the whole, which is mostly that of one rule alone, is not written out
        items: dict[ex.Expression, None] = {}
        for part in _joined(predicate, ex.And) if isinstance(predicate, ex.And) else (predicate,):
            flat = self.expand(part)
            if isinstance(flat, ex.And):
                items.update(dict.fromkeys(flat.items))
            else:
                items[flat] = None
        return (NEVER,) if NEVER in items else tuple(items)

    def _of_name(self, name: str, reversed_: bool) -> ex.Expression:
        held = self._named.get((name, reversed_))
        if held is None:
            predicate = self._predicate(name)
            held = self.expand(reverse(predicate) if reversed_ else predicate)
            self._named[name, reversed_] = held
        return held

    def _predicate(self, name: str) -> ex.Expression:
        if name not in self._filters and name in DIRECTIONS:
            return ex.Direction(type=TRUTH, name=name)
        return self._filters[name].predicate

    def _simplified(self, node: ex.Expression) -> ex.Expression:
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


Asked: TypeAlias = ex.SetExpression | ex.Lookup | ex.CountOf | ex.Measure
"""What is asked of another declaration."""


def depends(node: ex.Expression) -> Iterator[Asked]:
    """What a predicate or condition asks of other declarations: sets, look-ups, counts, totals."""
    if plain_field(node) is not None:
        return
    for part in node.walk():
        if isinstance(part, ex.In) and isinstance(part.collection, ex.InSet):
            yield part.collection.set
        elif isinstance(part, ex.Lookup | ex.CountOf) or (
            isinstance(part, ex.Measure) and part.source is not None
        ):
            yield part
