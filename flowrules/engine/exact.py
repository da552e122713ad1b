"""Exact arithmetic and comparison of result columns: whole numbers, ratios of whole numbers, floats.

A ratio stays two integers until it is printed, so ``share >= 1%`` means ``100 * m >= total``.  Products
that would pass 63 bits are taken with Python's integers instead of wrapping around.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.results import Array, Series
from flowrules.model.types import Type

Known = NDArray[np.bool_]

_LIMIT: Final = 1 << 63


def constant(type_: Type, value: object, rows: int) -> Series:
    """``rows`` times the same value (broadcast, not copied); ``None`` gives a column of unknowns."""
    if value is None:
        return unknown(type_, rows)
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return Series(type_, _repeat(_integer(value.numerator), rows))
        return Series(
            type_,
            _repeat(_integer(value.numerator), rows),
            denominators=_repeat(_integer(value.denominator), rows),
        )
    if isinstance(value, bool):
        return Series(type_, _repeat(np.asarray(value), rows))
    if type_.name == "address" and isinstance(value, int):
        return addresses(type_, [value] * rows)
    if type_.name == "block" and isinstance(value, tuple):
        first = addresses(type_, [value[0]] * rows)
        return Series(type_, first.values, prefix=np.full(rows, value[1], np.uint8))
    if isinstance(value, int):
        return Series(type_, _repeat(_integer(value), rows))
    if isinstance(value, float):
        return Series(type_, _repeat(np.asarray(value, np.float64), rows))
    objects = np.empty(rows, object)
    for row in range(rows):
        objects[row] = value
    return Series(type_, objects)


def unknown(type_: Type, rows: int) -> Series:
    """A column of ``rows`` unknowns."""
    return Series(type_, _repeat(np.asarray(0, np.int64), rows), _repeat(np.asarray(False), rows))


def addresses(type_: Type, numbers: list[int]) -> Series:
    """128-bit address numbers as a column of dtype ``ADDRESS``."""
    from flowrules.model.fields import ADDRESS

    out = np.zeros(len(numbers), ADDRESS)
    out["high"] = np.array([n >> 64 for n in numbers], np.uint64)
    out["low"] = np.array([n & 0xFFFF_FFFF_FFFF_FFFF for n in numbers], np.uint64)
    return Series(type_, out)


def _integer(value: int) -> Array:
    if -_LIMIT <= value < _LIMIT:
        return np.asarray(value, np.int64)
    return np.asarray(value, object)


def _repeat(value: Array, rows: int) -> Array:
    repeated: Array = np.broadcast_to(value, (rows,))
    return repeated


def _signed(values: Array) -> Array:
    """Integers as int64, or as Python ints where they need more."""
    if values.dtype == object or values.dtype == np.int64:
        return values
    if values.dtype == np.uint64:
        if len(values) and int(values.max()) >= _LIMIT:
            return values.astype(object)
        return values.astype(np.int64)
    return values.astype(np.int64)


def _magnitude(values: Array) -> int:
    if not len(values):
        return 0
    return max(abs(int(values.max())), abs(int(values.min())))


def _product(a: Array, b: Array) -> Array:
    if a.dtype == object or b.dtype == object or _magnitude(a) * _magnitude(b) >= _LIMIT:
        exact: Array = a.astype(object) * b.astype(object)
        return exact
    return a * b


def _sum(a: Array, b: Array, sign: int) -> Array:
    if a.dtype == object or b.dtype == object or _magnitude(a) + _magnitude(b) >= _LIMIT:
        a, b = a.astype(object), b.astype(object)
    return a + b if sign > 0 else a - b


def is_float(series: Series) -> bool:
    """Whether the column holds float64 values (means, deviations, entropies)."""
    return series.denominators is None and series.values.dtype == np.float64


def floats(series: Series) -> NDArray[np.float64]:
    """The column as float64; a ratio is rounded once (correctly, also past 53 bits)."""
    if is_float(series):
        return series.values.astype(np.float64, copy=False)
    numerators = _signed(series.values)
    if series.denominators is None:
        return numerators.astype(np.float64)
    denominators = _signed(series.denominators)
    if numerators.dtype != object and denominators.dtype != object:
        small = 1 << 53
        if _magnitude(numerators) <= small and _magnitude(denominators) <= small:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(numerators / denominators, np.float64)
    # Python divides integers of any size with one rounding; numpy would round both first
    pairs = zip(numerators.tolist(), denominators.tolist(), strict=True)
    return np.array([n / d if d else np.nan for n, d in pairs], np.float64)


def both_known(a: Series, b: Series) -> Known | None:
    """Where both columns are known; ``None``: everywhere."""
    if a.known is None:
        return b.known
    return a.known if b.known is None else a.known & b.known


def _parts(series: Series) -> tuple[Array, Array]:
    numerators = _signed(series.values)
    if series.denominators is None:
        return numerators, np.broadcast_to(np.asarray(1, np.int64), numerators.shape)
    return numerators, _signed(series.denominators)


def compare(op: str, a: Series, b: Series) -> tuple[Known, Known | None]:
    """``a op b`` row by row: the truth and where it is known.  Numbers are compared exactly."""
    known = both_known(a, b)
    if a.values.dtype.names or b.values.dtype.names or a.type.name in ("address", "block"):
        same = _same_address(a, b)
        return (same if op == "=" else ~same), known
    textual = a.values.dtype == object and len(a.values) and isinstance(a.values[0], str | tuple)
    if textual or a.type.name in ("label", "text", "list", "truth"):
        equal = np.fromiter(
            (x == y for x, y in zip(a.values.tolist(), b.values.tolist(), strict=True)), np.bool_, len(a)
        )
        return (equal if op == "=" else ~equal), known
    if is_float(a) or is_float(b):
        return _ordered(op, floats(a), floats(b)), known
    an, ad = _parts(a)
    bn, bd = _parts(b)
    if a.denominators is None and b.denominators is None:
        return _ordered(op, an, bn), known
    return _ordered(op, _product(an, bd), _product(bn, ad)), known


def _same_address(a: Series, b: Series) -> Known:
    from flowrules.flows.table import widen

    x, y = widen(a.values), widen(b.values)
    same: Known = (x["high"] == y["high"]) & (x["low"] == y["low"])
    if a.prefix is not None and b.prefix is not None:
        same &= a.prefix == b.prefix
    return same


def _ordered(op: str, a: Array, b: Array) -> Known:
    match op:
        case "=":
            out = a == b
        case "!=":
            out = a != b
        case "<":
            out = a < b
        case "<=":
            out = a <= b
        case ">":
            out = a > b
        case _:
            out = a >= b
    return np.asarray(out, np.bool_)


def arithmetic(op: str, type_: Type, a: Series, b: Series) -> Series:
    """``a op b`` row by row, exact for whole numbers and ratios; division by zero is unknown."""
    known = both_known(a, b)
    if is_float(a) or is_float(b):
        return _float_arithmetic(op, type_, floats(a), floats(b), known)
    an, ad = _parts(a)
    bn, bd = _parts(b)
    if op == "*":
        return _ratio(type_, _product(an, bn), _product(ad, bd), known, a, b)
    if op == "/":
        zero = np.asarray(bn == 0, np.bool_)
        known = ~zero if known is None else known & ~zero
        negative = np.asarray(bn < 0, np.bool_)
        numerators, denominators = _product(an, bd), _product(ad, bn)
        numerators = np.where(negative, -numerators, numerators)
        denominators = np.where(zero, 1, np.where(negative, -denominators, denominators))
        return Series(type_, numerators, known, denominators)
    sign = 1 if op == "+" else -1
    if a.denominators is None and b.denominators is None:
        return Series(type_, _sum(an, bn, sign), known)
    return Series(type_, _sum(_product(an, bd), _product(bn, ad), sign), known, _product(ad, bd))


def _ratio(type_: Type, n: Array, d: Array, known: Known | None, a: Series, b: Series) -> Series:
    if a.denominators is None and b.denominators is None:
        return Series(type_, n, known)
    return Series(type_, n, known, d)


def _float_arithmetic(
    op: str, type_: Type, a: NDArray[np.float64], b: NDArray[np.float64], known: Known | None
) -> Series:
    with np.errstate(all="ignore"):
        match op:
            case "+":
                out = a + b
            case "-":
                out = a - b
            case "*":
                out = a * b
            case _:
                known = b != 0 if known is None else known & (b != 0)
                out = np.divide(a, b, out=np.zeros_like(a), where=b != 0)
    return Series(type_, out, known)


def between(series: Series, low: int | Fraction, high: int | Fraction) -> Known:
    """Whether each value lies in the inclusive range; where it is unknown the answer means nothing."""
    rows = len(series)
    above, _ = compare(">=", series, constant(series.type, low, rows))
    below, _ = compare("<=", series, constant(series.type, high, rows))
    return above & below
