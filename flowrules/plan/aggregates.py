"""What must be kept for a group so that its measures can be told: mergeable parts.

A part of two pieces of data is the sum, union or extreme of the parts of each, so that chunks, threads,
files and days are all the same.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowrules.model import expression as ex
from flowrules.model.measures import GAP, MEASURES
from flowrules.model.types import COUNT, TIME

SUM: Final = "sum"
SQUARES: Final = "squares"
LEAST: Final = "least"
GREATEST: Final = "greatest"
MATCHING: Final = "matching"
VALUES: Final = "values"

FIT_BIN: Final = 300_000
"""Width in ms of the bins by which a schedule's fit counts flows: 5 minutes."""

STIME: Final = ex.Field(type=TIME, name="stime")
ETIME: Final = ex.Field(type=TIME, name="etime")
_RATIOS: Final = frozenset({"bytes_per_packet", "bytes_per_second", "packets_per_second"})


@frozen
class Aggregate:
    """One mergeable part of a group.

    ``kind``: ``sum``, ``squares`` (of the values), ``least``, ``greatest``, ``matching`` (how many pass a
    predicate), ``values`` (the different values, with how often each occurs).  The number of flows is
    always kept.
    """

    kind: str
    of: ex.Expression


def is_gap(argument: ex.Expression) -> bool:
    """Whether this is the time since the group's previous start."""
    return isinstance(argument, ex.Field) and argument.name == GAP


def measured_later(measure: ex.Measure) -> bool:
    """Whether the measure needs the rows of its groups together, after it is known which groups matter."""
    return MEASURES[measure.name].connections


def parts_of(measure: ex.Measure) -> tuple[Aggregate, ...]:
    """The parts that a measure of flows or rows is computed from."""
    name = measure.name
    if measured_later(measure) or name in ("flows", "rows", "cumulative"):
        return ()
    if name in ("share", "relative"):
        inner = measure.args[0]
        assert isinstance(inner, ex.Measure)
        return parts_of(inner)
    if name == "first":
        return (Aggregate(LEAST, STIME),)
    if name == "last":
        return (Aggregate(GREATEST, ETIME),)
    if name == "active":
        return (Aggregate(VALUES, bins_of_activity(measure)),)
    if name == "fit":
        return (Aggregate(VALUES, ex.Bin(type=TIME, of=measure.args[0], width=FIT_BIN)),)
    argument = measure.args[0]
    if is_gap(argument) or any(is_gap(n) for n in argument.walk()):
        return (Aggregate(VALUES, STIME),)
    match name:
        case "sum":
            return (Aggregate(SUM, argument),)
        case "mean":
            return (Aggregate(SUM, argument),)
        case "deviation":
            return (Aggregate(SUM, argument), Aggregate(SQUARES, argument))
        case "min" if not _is_ratio(argument):
            return (Aggregate(LEAST, argument),)
        case "max" if not _is_ratio(argument):
            return (Aggregate(GREATEST, argument),)
        case "span" if not _is_ratio(argument):
            return (Aggregate(LEAST, argument), Aggregate(GREATEST, argument))
        case "fraction":
            return (Aggregate(MATCHING, argument),)
        case _:
            return (Aggregate(VALUES, argument),)


def bins_of_activity(measure: ex.Measure) -> ex.Bin:
    """The bins that ``active(width)`` counts."""
    width = measure.args[0]
    assert isinstance(width, ex.Literal) and isinstance(width.value, int)
    return ex.Bin(type=TIME, of=STIME, width=width.value)


def _is_ratio(argument: ex.Expression) -> bool:
    """Whether values may be ratios or floats: of derived rates, and of columns that hold means and shares."""
    if isinstance(argument, ex.Field):
        return argument.name in _RATIOS
    return isinstance(argument, ex.Column) and argument.type.name not in (COUNT.name, TIME.name, "port")
