"""Ephemeral ports: where each client's ports lie hour by hour, and whether they rise in one sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases.case import Case, Tables

HOUR = 3_600_000
WEB = (80, 443, 8080)

PORTS = """\
ruleset benchmark.ports { version "1.0.0" title "Ephemeral ports" }

table used = quantile(sport, 50%), min(sport), max(sport), distinct(sport)
    of (type in (out, outweb) and tcp and dport in (80, 443, 8080)) per sip, bin(stime, 1h)
"""

SEQUENCE = """\
ruleset benchmark.sequence { version "1.0.0" title "Ports in sequence" }

set clients = sip of (type in (out, outweb) and tcp and dport in (80, 443, 8080))

profile client {
    hosts clients
    feature sequence = sequential(sport) of (type in (out, outweb) and tcp and dport in (80, 443, 8080)) per sip
    verdict counter when sequence >= 50%
    verdict other otherwise
}
"""


def cases(_: int) -> list[Case]:
    """The ports in use, and the port sequence, which no peer has a query for."""
    return [
        Case(
            name="ports",
            text="median, least, greatest and number of different source ports by web client and hour",
            ruleset=PORTS,
            columns=("sip", "sport", "dport", "protocol", "type", "stime"),
            polars=polars,
            sql=sql,
        ),
        Case(
            name="sequence",
            text="whether each web client's source ports rise in sequence, 30 s apart (no peer has a query for it)",
            ruleset=SEQUENCE,
            columns=(),
            weight=0.25,
        ),
    ]


def polars(frame: Any) -> Tables:
    """One grouping."""
    import polars as pl

    kind, sport = pl.col("type"), pl.col("sport")
    web = ((kind == 1) | (kind == 3)) & (pl.col("protocol") == 6) & pl.col("dport").is_in(WEB)
    hour = (pl.col("stime") // HOUR * HOUR).alias("hour")
    measures = (
        sport.quantile(0.5, "lower").alias("median"),
        sport.min().alias("least"),
        sport.max().alias("greatest"),
        sport.n_unique().alias("different"),
    )
    return {"used": frame.filter(web).with_columns(hour).group_by("sip", "hour").agg(measures).collect()}


def sql(query: Callable[[str], Any]) -> Tables:
    """One grouping."""
    return {
        "used": query(
            f"select sip, stime // {HOUR} * {HOUR}, quantile_disc(sport, 0.5), min(sport), max(sport),"
            f" count(distinct sport) from f where type in (1, 3) and protocol = 6 and dport in {WEB} group by 1, 2"
        )
    }
