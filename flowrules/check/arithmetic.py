"""What ``+ - * /`` make of two values: the type that comes out, or that they do not combine."""

from __future__ import annotations

from typing import Final

from flowrules.model import types as t
from flowrules.model.types import Type

_ADDED: Final = (t.COUNT, t.BYTES, t.NUMBER, t.PERCENT, t.DURATION)
_PURE: Final = (t.COUNT, t.NUMBER)


def result_type(operator: str, left: Type, right: Type) -> Type | None:
    """The type of ``left operator right``; ``None`` where they do not combine."""
    if t.POISON in (left, right):
        return t.POISON
    if operator in "+-":
        return _sum(operator, left, right)
    if operator == "*":
        return _product(left, right)
    return _quotient(left, right)


def _sum(operator: str, left: Type, right: Type) -> Type | None:
    if left == right and left in _ADDED:
        return left
    if {left, right} == {t.COUNT, t.NUMBER}:
        return t.NUMBER
    if left == t.TIME and right == t.DURATION:
        return t.TIME
    if left == t.DURATION and right == t.TIME and operator == "+":
        return t.TIME
    if left == right == t.TIME and operator == "-":
        return t.DURATION
    return None


def _product(left: Type, right: Type) -> Type | None:
    if left in _PURE and right in _PURE:
        return t.COUNT if left == right == t.COUNT else t.NUMBER
    for factor, value in ((left, right), (right, left)):
        if factor in (*_PURE, t.PERCENT):
            if value in (t.BYTES, t.DURATION, t.PERCENT):
                return value
            if factor == t.PERCENT and value in _PURE:
                return t.NUMBER
    return None


def _quotient(left: Type, right: Type) -> Type | None:
    if left == right and left in _ADDED:
        return t.NUMBER
    if left in _PURE and right in _PURE:
        return t.NUMBER
    if right in _PURE and left in (t.BYTES, t.DURATION, t.PERCENT):
        return left
    return None


def why_not(operator: str, left: Type, right: Type) -> str | None:
    """What to write instead of values that do not combine."""
    kinds = {left, right}
    if operator in "+-":
        if kinds == {t.NUMBER, t.PERCENT} or kinds == {t.COUNT, t.PERCENT}:
            return "write the number as a percent: 100% - x, or multiply"
        if t.TIME in kinds:
            return "a time and a duration give a time, two times a duration"
        return "sizes add to sizes, counts to counts, durations to durations"
    if operator == "*":
        return "multiply by a number, a count or a percent"
    if right == t.PERCENT:
        return "multiply by a number instead"
    return "two values of one kind give a ratio; sizes and durations divide by counts and numbers"
