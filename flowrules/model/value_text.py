"""Values as people read them in tables, evidence and messages; and as the language writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from flowrules.model.address_text import format_address
from flowrules.model.fields import PROTOCOLS
from flowrules.model.types import Type

_SIZES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_DURATIONS = (
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1000),
    ("ms", 1),
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def format_value(type_: Type, value: object) -> str:
    """One value for a person: ``91.95%``, ``154.7GB``, ``5min``, ``80, 443``, ``unknown``."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    match type_.name:
        case "percent":
            return f"{_trim(f'{float(_number(value)) * 100:.2f}')}%"
        case "bytes":
            return _size(_number(value))
        case "duration":
            return format_duration(_number(value))
        case "time":
            return format_time(int(_number(value)))
        case "address" if isinstance(value, int):
            return format_address(value)
        case "block" if isinstance(value, tuple):
            return format_block(*value)
        case "list" if isinstance(value, Sequence):
            return format_list(type_.parts[0] if type_.parts else type_, value)
        case "protocol" if isinstance(value, int):
            return next((word for word, number in PROTOCOLS.items() if number == value), str(value))
    if isinstance(value, Fraction) and value.denominator == 1:
        return str(value.numerator)
    if isinstance(value, float | Fraction):
        return f"{float(value):.4g}"
    if isinstance(value, tuple):
        return ", ".join(str(v) for v in value)
    return str(value)


def _number(value: object) -> int | float | Fraction:
    assert isinstance(value, int | float | Fraction)
    return value


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _size(value: int | float | Fraction) -> str:
    for unit, size in _SIZES:
        if abs(float(value)) >= size:
            return f"{_trim(f'{float(Fraction(value) / size):.1f}')}{unit}"
    return f"{_trim(f'{float(value):.1f}')}B"


def format_duration(value: int | float | Fraction) -> str:
    """A duration in ms in the largest unit that it fills, with one decimal at most."""
    for unit, size in _DURATIONS:
        if abs(float(value)) >= size and unit != "w":
            return f"{_trim(f'{float(Fraction(value) / size):.1f}')}{unit}"
    return "0s" if value == 0 else f"{_trim(f'{float(value):.3f}')}ms"


def format_time(value: int) -> str:
    """A time in ms since 1970 as ISO 8601 in UTC with milliseconds."""
    seconds, ms = divmod(value, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def format_block(first: int, prefix: int) -> str:
    """A block by its first address (128-bit) and its length of the 128; IPv4 with its own length."""
    if first >> 32 == 0xFFFF and prefix >= 96:
        return f"{format_address(first)}/{prefix - 96}"
    return f"{format_address(first, 6)}/{prefix}"


def format_list(element: Type, values: Sequence[object]) -> str:
    """Sorted values with runs of whole numbers as ranges: ``20-22, 80, 443``."""
    if element.name not in (
        "port",
        "count",
        "application",
        "protocol",
        "icmp_type",
        "icmp_code",
        "interface",
    ):
        return ", ".join(format_value(element, v) for v in values)
    runs: list[list[int]] = []
    for value in values:
        number = int(str(value))
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a}-{b}" for a, b in runs)


def literal_text(type_: Type, value: object) -> str:
    """A constant as the language writes it, exact: ``1%``, ``10MB``, ``5min``, ``443``."""
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return f'"{value}"' if type_.name == "text" else value
    match type_.name:
        case "percent":
            return f"{_decimal(Fraction(_number(value)) * 100)}%"
        case "bytes":
            exact = next(((u, s) for u, s in _SIZES if value and Fraction(_number(value)) % s == 0), ("B", 1))
            return f"{_decimal(Fraction(_number(value)) / exact[1])}{exact[0]}"
        case "duration":
            units = _DURATIONS[1:]
            unit, size = next(
                ((u, s) for u, s in units if value and Fraction(_number(value)) % s == 0), ("s", 1000)
            )
            return f"{_decimal(Fraction(_number(value)) / size)}{unit}"
        case "time":
            return format_time(int(_number(value)))
        case "weekday":
            return _WEEKDAYS[int(_number(value))]
        case "number":
            return _decimal(Fraction(_number(value)))
    return format_value(type_, value)


def _decimal(value: Fraction) -> str:
    """An exact decimal where there is one, else a quotient."""
    if value.denominator == 1:
        return str(value.numerator)
    digits = 1
    while digits < 30 and (value * 10**digits).denominator != 1:
        digits += 1
    if digits == 30:
        return f"{value.numerator} / {value.denominator}"
    scaled = value * 10**digits
    whole, rest = divmod(abs(scaled.numerator), 10**digits)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{digits}d}"
