"""The other side of a predicate: what ``reverse of f`` asks of a flow.

A flow passes ``reverse of f`` when the flow seen from the other end would pass ``f``: sip and dip, sport
and dport, input and output, inbound and outbound, and SiLK's in and out types are exchanged.  Sets,
maps, flags, sizes and times stay, and so do the home end and the far end (``inside``, ``outside``).
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from flowrules.model import expression as ex
from flowrules.model.fields import STORED

OTHER_WAY: Final = {"inbound": "outbound", "outbound": "inbound"}
"""Directions that are exchanged; internal, external, blocked and all are their own reverse."""

OTHER_TYPE: Final = {
    "in": "out",
    "inweb": "outweb",
    "innull": "outnull",
    "inicmp": "outicmp",
    "out": "in",
    "outweb": "inweb",
    "outnull": "innull",
    "outicmp": "inicmp",
}
"""SiLK's flow types that are exchanged; int2int, ext2ext and other stay."""

ONE_SIDED: Final = frozenset({"nhip", "icmp_type", "icmp_code"})
"""Fields without another side: a filter that uses one has no reverse (the checker refuses it)."""


def reverse(expression: ex.Expression) -> ex.Expression:
    """The reverse of a predicate over one flow; a named filter in it becomes its own reverse by name."""
    match expression:
        case ex.Field():
            field = STORED.get(expression.name)
            other = field.reverse if field is not None else None
            return expression if other is None else attrs.evolve(expression, name=other)
        case ex.Direction():
            return attrs.evolve(expression, name=OTHER_WAY.get(expression.name, expression.name))
        case ex.FilterRef():
            return attrs.evolve(expression, reversed=not expression.reversed)
        case ex.In() if _is_type(expression.items):
            return attrs.evolve(expression, collection=_other_types(expression.collection))
        case ex.Compare(left=left, right=ex.Literal() as right) if _is_type((left,)):
            return attrs.evolve(
                expression, right=attrs.evolve(right, value=OTHER_TYPE.get(str(right.value), right.value))
            )
    return _reverse_parts(expression)


def _is_type(items: tuple[ex.Expression, ...]) -> bool:
    return len(items) == 1 and isinstance(items[0], ex.Field) and items[0].name == "type"


def _other_types(collection: ex.Collection) -> ex.Collection:
    if isinstance(collection, ex.Labels):
        return ex.Labels(frozenset(OTHER_TYPE.get(label, label) for label in collection.labels))
    return collection


def _reverse_parts(expression: ex.Expression) -> ex.Expression:
    changes: dict[str, Any] = {}
    for a in attrs.fields(type(expression)):
        value = getattr(expression, a.name)
        if isinstance(value, ex.Expression):
            changes[a.name] = reverse(value)
        elif isinstance(value, tuple) and any(isinstance(v, ex.Expression) for v in value):
            changes[a.name] = tuple(reverse(v) if isinstance(v, ex.Expression) else v for v in value)
    return attrs.evolve(expression, **changes) if changes else expression
