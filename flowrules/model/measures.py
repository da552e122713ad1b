"""The measure catalogue: what can be measured of the flows of a group, and what comes out.

The checker reads it to type measures, the engine to compute them, the documentation is made from it.
Definitions and their evidence: docs/language.md and docs/features.md.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowrules.model.structural import Structural


@frozen(eq=False, repr=False)
class MeasureKind(Structural):
    """One measure.

    ``args`` says what each argument must be:

    ============= ===================================================================================
    ``key``       anything that can be a key: a field, a column, a block, a bin, a label
    ``summable``  count, bytes, duration or number
    ``averaged``  summable, percent, or ``gap``
    ``ordered``   a type with an order (see ``model.types.ORDERED``), or ``gap``
    ``predicate`` a condition on one flow or row
    ``measure``   ``flows rows bytes packets`` (meaning their sums), ``sum(x)`` or ``distinct(x)``
    ``share``     a percent constant (the ``p`` of ``quantile``)
    ``width``     a duration constant
    ``port``      ``sport``, ``dport``, ``inside_port`` or ``outside_port``
    ``stime``     the field ``stime``
    ``schedule``  a schedule
    ============= ===================================================================================

    ``result`` is a type's name, or says how it follows from the first argument: ``same`` (its type),
    ``mean`` (its type; number for counts), ``list`` (a list of it), ``group`` (the type of its measure).
    """

    name: str
    args: tuple[str, ...]
    result: str
    text: str
    counting: bool = False
    """0 (or an empty list, 0 s) where nothing matched; the others are unknown there."""
    shared: bool = False
    """``share(m)`` and ``relative(m)`` may be asked of it."""
    connections: bool = False
    """Looks at the flows of a group together, as connections of hosts of one end: in a profile, of the candidates alone."""
    over: str = "both"
    """``flows``: only where the source is flows; ``rows``: only where it is a table."""
    minimum: str = ""
    """Below which data it is unknown."""


MEASURES: Final[dict[str, MeasureKind]] = {
    m.name: m
    for m in (
        MeasureKind("flows", (), "count", "number of flows", counting=True, shared=True, over="flows"),
        MeasureKind("rows", (), "count", "number of rows", counting=True, shared=True, over="rows"),
        MeasureKind("sum", ("summable",), "same", "exact sum", counting=True, shared=True),
        MeasureKind("distinct", ("key",), "count", "number of different values", counting=True, shared=True),
        MeasureKind("min", ("ordered",), "same", "least value"),
        MeasureKind("max", ("ordered",), "same", "greatest value"),
        MeasureKind("first", (), "time", "earliest start", over="flows"),
        MeasureKind("last", (), "time", "latest end", over="flows"),
        MeasureKind("mean", ("averaged",), "mean", "sum over number, rounded once"),
        MeasureKind("deviation", ("averaged",), "mean", "population standard deviation"),
        MeasureKind("quantile", ("ordered", "share"), "same", "nearest rank"),
        MeasureKind("fraction", ("predicate",), "percent", "share of the group's flows that match"),
        MeasureKind("share", ("measure",), "percent", "the group's part of the whole source", counting=True),
        MeasureKind("cumulative", (), "percent", "running sum of shares in output order"),
        MeasureKind("entropy", ("key",), "number", "bits of the distribution of values"),
        MeasureKind("values", ("key",), "list", "the different values, sorted", counting=True),
        MeasureKind("span", ("ordered",), "list", "from the least to the greatest value", counting=True),
        MeasureKind("active", ("width",), "duration", "width times bins in which a flow starts", counting=True, over="flows"),
        MeasureKind(
            "sequential", ("port",), "percent", "how far ports follow each other across destinations",
            connections=True, over="flows", minimum="20 pairs and 10 looks",
        ),
        MeasureKind(
            "counters", ("port",), "number", "effective number of port counters: 1 / sequence",
            connections=True, over="flows", minimum="20 pairs, 20 looks and a sequence above 3 standard errors",
        ),
        MeasureKind(
            "port_style", ("port",), "label", "how ports are chosen, as a label",
            connections=True, over="flows", minimum="20 connections",
        ),
        MeasureKind(
            "port_range", ("port",), "label", "the range that the ports fit",
            connections=True, over="flows", minimum="40 different ports",
        ),
        MeasureKind(
            "parity", ("port",), "number", "1 where ports are all even or all odd, 0 where they are both",
            connections=True, over="flows", minimum="40 different ports",
        ),
        MeasureKind(
            "concurrent", (), "count", "peak number of overlapping connections",
            connections=True, over="flows", minimum="20 connections",
        ),
        MeasureKind(
            "fit", ("stime", "schedule"), "number", "how far flows keep to a schedule, beyond what the hours seen give",
            over="flows", minimum="50 flows and 4 hours of data on each side",
        ),
        MeasureKind("relative", ("measure",), "number", "a measure against that of the median host", over="flows", minimum="10 hosts"),
        MeasureKind(
            "beacon", (), "number", "regularity of starts, 0 to 1",
            connections=True, over="flows", minimum="20 gaps",
        ),
        MeasureKind(
            "answered", ("port",), "count", "services answered, with proof",
            counting=True, connections=True, over="flows",
        ),
        MeasureKind(
            "peers", ("port",), "count", "peers of the services answered",
            counting=True, connections=True, over="flows",
        ),
    )
}  # fmt: skip
"""Every measure by name."""

GAP: Final = "gap"
"""The argument that is the time since the group's previous start; it needs rows in time order."""

SPREAD_SCHEMES: Final = ("uniform", "start", "end", "middle", "time", "maximum", "minimum")
"""The words of ``spread(width, scheme)``, in rwcount(1)'s numbering (0 to 6)."""
