"""IPv6: half of the hosts have it.  Peers hold an address as two columns of 64 bits."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from random import Random
from typing import Any

from benchmarks.cases.case import Case, Tables

RULES = 20
MAPPED = 0xFFFF << 32


def _nets(seed: int = 5) -> list[list[Any]]:
    """The networks of each rule: up to eight, IPv4 and IPv6, of outside hosts."""
    random = Random(seed)
    out = []
    for _ in range(RULES):
        nets: list[Any] = []
        for _ in range(random.randint(1, 8)):
            if random.random() < 0.5:
                prefix = random.randint(8, 20)
                nets.append(
                    ip_network((random.randint(11 << 24, 223 << 24) >> 32 - prefix << 32 - prefix, prefix))
                )
            else:
                prefix = random.randint(28, 44)
                base = (0x2A << 120) + (random.getrandbits(40) << 64)
                nets.append(ip_network((base >> 128 - prefix << 128 - prefix, prefix)))
        kept = [
            n for n in nets if not any(m != n and m.version == n.version and n.subnet_of(m) for m in nets)
        ]
        out.append(sorted(set(kept), key=str))
    return out


def _halves(net: Any) -> tuple[int, int, int, int]:
    """The first and last high half, and the first and last low half, of a network's addresses."""
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.version == 4:
        return 0, 0, first + MAPPED, last + MAPPED
    return first >> 64, last >> 64, 0, (1 << 64) - 1


def _ruleset() -> str:
    lines = ['ruleset benchmark.wide { version "1.0.0" title "IPv6" }', ""]
    lines.append("table by_address = flows, sum(bytes) of (type in (out, outweb)) per dip")
    for number, nets in enumerate(_nets()):
        lines.append(f"table r{number} = flows, sum(bytes) of (dip in ({', '.join(map(str, nets))}))")
    return "\n".join(lines) + "\n"


def cases(_: int) -> list[Case]:
    """The one case."""
    return [
        Case(
            name="wide",
            text=f"IPv6 and IPv4: flows and bytes by external address, and of {RULES} lists of CIDRs",
            ruleset=_ruleset(),
            columns=("dip_high", "dip_low", "type", "bytes"),
            layout="wide",
            polars=polars,
            sql=sql,
        )
    ]


def polars(frame: Any) -> Tables:
    """One ``collect_all``."""
    import polars as pl

    high, low, kind = pl.col("dip_high"), pl.col("dip_low"), pl.col("type")
    measures = (pl.len().alias("flows"), pl.col("bytes").cast(pl.UInt64).sum())
    queries = [frame.filter((kind == 1) | (kind == 3)).group_by("dip_high", "dip_low").agg(measures)]
    for nets in _nets():
        tests = []
        for net in nets:
            a, b, c, d = (pl.lit(v, pl.UInt64) for v in _halves(net))
            tests.append(
                (high == 0) & (low >= c) & (low <= d) if net.version == 4 else (high >= a) & (high <= b)
            )
        queries.append(frame.filter(pl.any_horizontal(tests)).select(measures))
    external, *rest = pl.collect_all(queries)
    return {"by_address": external, **{f"r{n}": found for n, found in enumerate(rest)}}


def sql(query: Callable[[str], Any]) -> Tables:
    """A query for each answer."""
    measures = "count(*), sum(bytes)::ubigint"
    out = {
        "by_address": query(
            f"select dip_high, dip_low, {measures} from f where type in (1, 3) group by 1, 2"
        ),
    }
    for number, nets in enumerate(_nets()):
        tests = []
        for net in nets:
            a, b, c, d = _halves(net)
            within = f"dip_low between {c} and {d}" if net.version == 4 else f"dip_high between {a} and {b}"
            tests.append(f"(dip_high = 0 and {within})" if net.version == 4 else within)
        out[f"r{number}"] = query(f"select {measures} from f where {' or '.join(tests)}")
    return out
