"""Arguments that must be constants: widths, shares, schedules."""

from __future__ import annotations

from fractions import Fraction

from flowrules.check.expressions import Expressions
from flowrules.check.symbols import Constant
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.syntax import tree


def scalar_constant(place: Expressions, node: tree.Expression, type_: Type, about: str) -> object | None:
    """A literal or parameter of a type where only a constant can stand; ``None``: faulty, reported.

    A parameter that is not bound gives its type's 1 (1 ms, 1, 100%, the epoch).
    """
    value = place.value_as(node, ex.Literal(type=type_, value=None), about) if isinstance(
        node, tree.Literal | tree.Name
    ) else None  # fmt: skip
    if not isinstance(node, tree.Literal | tree.Name):
        place.ws.faults.report("FR220", f"{about} is a constant", node.span)
        return None
    if value is None:
        return None
    if not isinstance(value, ex.Literal):
        place.ws.faults.report(
            "FR220", f"{about} is a constant, and {place.ws.text(node.span)} is not", node.span,
            hint="write a literal or a parameter",
        )  # fmt: skip
        return None
    if value.value is None:
        return Fraction(1) if type_ == t.PERCENT else 1
    return value.value


def duration_constant(place: Expressions, node: tree.Expression, about: str) -> int | None:
    """A duration above 0 as ms."""
    value = scalar_constant(place, node, t.DURATION, about)
    if not isinstance(value, int):
        return None
    if value <= 0:
        place.ws.faults.report(
            "FR212", f"{about} is more than 0", node.span, hint="write a duration such as 1h"
        )
        return None
    return value


def schedule_constant(place: Expressions, node: tree.Expression) -> Schedule | Constant | None:
    """A schedule by name; the ``Constant`` where it is not bound."""
    if isinstance(node, tree.Name):
        symbol, rest, reported = place.ws.find(place.scope, node)
        if symbol is None:
            if not reported:
                schedules = [n for n, s in place.scope.symbols.items() if s.kind in ("schedule", "param")]
                place.ws.unknown_name(node, schedules, "no schedule")
            return None
        checked = place.ws.refer(symbol, node.span)
        if checked is None:
            return None
        if isinstance(checked, Constant) and checked.type == t.SCHEDULE and not rest:
            return checked.value if isinstance(checked.value, Schedule) else checked
    place.ws.faults.report(
        "FR220", f"{place.ws.text(node.span)} is no schedule", node.span,
        hint="declare one: schedule office = mon-fri 08:00-18:00",
    )  # fmt: skip
    return None
