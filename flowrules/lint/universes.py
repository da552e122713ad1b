"""What measures, features, columns and labels can be at all, before any condition is put on them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from flowrules.lint.domains import (
    ANY_LABEL,
    EVERY_ADDRESS,
    INFINITE,
    Domain,
    Numbers,
    real_numbers,
    whole_numbers,
)
from flowrules.model import expression as ex
from flowrules.model.types import Type

BIG: Final = 1 << 90
"""More than any sum of 64-bit counts that fits a computer."""

NOTHING: Final = Fraction(0)
ONE: Final = Fraction(1)

Projection = Callable[[ex.Expression, ex.Source], Any]
"""The values that an expression takes over a source's flows; ``None``: not known."""


def universe_of_type(type_: Type) -> Any:
    """Every value of a type."""
    match type_.name:
        case "port" | "application":
            return whole_numbers(0, 65535)
        case "protocol" | "icmp_type" | "icmp_code":
            return whole_numbers(0, 255)
        case "interface" | "asn":
            return whole_numbers(0, 0xFFFFFFFF)
        case "weekday":
            return whole_numbers(0, 6)
        case "address" | "block":
            return EVERY_ADDRESS
        case "label" | "text":
            return ANY_LABEL
    return real_numbers()


def measure_universe(
    measure: ex.Measure, source: ex.Source | None, grouped: bool, project: Projection
) -> Domain:
    """What a measure can come to over the flows of a source.

    ``grouped``: a group exists only where a flow is in it.
    """
    maybe = source is None or source.direction is not None
    low = 1 if grouped else 0
    match measure.name:
        case "flows" | "rows":
            return Domain(whole_numbers(low, BIG), maybe and not grouped)
        case "distinct":
            most = _number_of_values(measure.args[0], source, project)
            return Domain(whole_numbers(0, most), maybe and not grouped)
        case "sum" if measure.args[0].type.name in ("count", "bytes", "duration"):
            return Domain(
                whole_numbers(0, BIG) if _is_whole(measure.args[0]) else real_numbers(NOTHING),
                maybe and not grouped,
            )
        case "min" | "max" | "quantile" | "mean":
            return Domain(_within(measure, source, project), True)
        case "fraction":
            return Domain(real_numbers(NOTHING, ONE), True)
        case "share":
            return Domain(real_numbers(NOTHING, ONE), True)
        case "sequential" | "beacon" | "parity":
            return Domain(real_numbers(NOTHING, ONE), True)
        case "entropy":
            most = _number_of_values(measure.args[0], source, project)
            bits = Fraction(max(most - 1, 0).bit_length())
            return Domain(real_numbers(NOTHING, bits if most < BIG else None), True)
        case "deviation" | "active" | "counters" | "relative" | "cumulative":
            return Domain(real_numbers(NOTHING), True)
        case "concurrent" | "peers" | "answered":
            return Domain(whole_numbers(0, BIG), True)
    return Domain(universe_of_type(measure.type), True)


def _is_whole(arg: ex.Expression) -> bool:
    return isinstance(arg, ex.Field) and arg.name in ("packets", "bytes", "duration")


def _number_of_values(arg: ex.Expression, source: ex.Source | None, project: Projection) -> int:
    values = project(arg, source) if source is not None else None
    if values is None:
        values = _key_values(arg)
    count = values.count if values is not None else INFINITE
    return BIG if count == INFINITE or count > BIG else int(count)


def _key_values(arg: ex.Expression) -> Any:
    if isinstance(arg, ex.Clock):
        return whole_numbers(0, 23 if arg.part == "hour" else 6)
    if isinstance(arg, ex.Field) and arg.name in ("flags", "initial_flags", "session_flags", "attributes"):
        return whole_numbers(0, 255)
    if arg.type.name in ("port", "application", "protocol", "icmp_type", "icmp_code", "weekday"):
        return universe_of_type(arg.type)
    return None


def _within(measure: ex.Measure, source: ex.Source | None, project: Projection) -> Any:
    """Between the least and the greatest value that is measured."""
    arg = measure.args[0]
    values = project(arg, source) if source is not None else None
    if not isinstance(values, Numbers) or not values:
        values = universe_of_type(arg.type)
        if isinstance(values, Numbers) and arg.type.name in ("count", "bytes", "duration"):
            values = real_numbers(NOTHING)
    if not isinstance(values, Numbers):
        return values
    low, high = values.least, values.greatest
    if isinstance(arg, ex.Field):
        low = min(max(low, _LEAST.get(arg.name, low)), high)
    if measure.name == "mean" or not values.whole:
        return real_numbers(
            None if low == -INFINITE else Fraction(low), None if high == INFINITE else Fraction(high)
        )
    return whole_numbers(low, high)


_LEAST: Final = {"packets": 1, "bytes": 20, "bytes_per_packet": 20}
"""What every flow on a wire has at least."""
