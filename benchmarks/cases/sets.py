"""A set of half a million hosts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.cases.case import Case, Tables
from benchmarks.flows import far_addresses

SIZE = 500_000

RULESET = """\
ruleset benchmark.big_set { version "1.0.0" title "Half a million hosts" }

param listed : set

table met     = flows, sum(bytes) of (dip in listed)
table talkers = flows, sum(bytes) of (sip in listed) per dip
"""


@functools.cache
def listed() -> Any:
    """The hosts: a fifth of the outside hosts that occur, the others of no flow (``uint32``, sorted)."""
    import numpy as np

    seen = far_addresses(1)[::5]
    others = np.random.default_rng(7).integers(11 << 24, 224 << 24, SIZE, dtype=np.uint32)
    return np.sort(np.unique(np.concatenate([seen, others]))[:SIZE])


def _settings(scratch: Path) -> Mapping[str, str]:
    """The set as an IPset file, which is made once."""
    from flowrules.flows.ipset import write_ipset
    from flowrules.model.address_set import AddressSet
    from flowrules.model.fields import IPV4_MAPPED

    place = scratch / "listed.set"
    if not place.exists():
        numbers = [int(a) + IPV4_MAPPED for a in listed()]
        write_ipset(place, AddressSet.from_ranges([(n, n) for n in numbers]))
    return {"benchmark.big_set.listed": f'file "{place}"'}


def cases(_: int) -> list[Case]:
    """The one case."""
    return [
        Case(
            name="set",
            text="a set of 500,000 hosts: flows and bytes to them, and of theirs by receiver",
            ruleset=RULESET,
            columns=("sip", "dip", "bytes"),
            settings=_settings,
            polars=polars,
            polars_hand=polars_hand,
            sql=sql,
            pandas=pandas,
        )
    ]


def polars(frame: Any) -> Tables:
    """``is_in`` of the set."""
    import polars as pl

    members = pl.Series("listed", listed()).implode()
    measures = (pl.len().alias("flows"), pl.col("bytes").cast(pl.UInt64).sum())
    met, talkers = pl.collect_all(
        [
            frame.filter(pl.col("dip").is_in(members)).select(measures),
            frame.filter(pl.col("sip").is_in(members)).group_by("dip").agg(measures),
        ]
    )
    return {"met": met, "talkers": talkers}


def polars_hand(frame: Any) -> Tables:
    """Semi-joins."""
    import polars as pl

    members = pl.LazyFrame({"listed": listed()})
    measures = (pl.len().alias("flows"), pl.col("bytes").cast(pl.UInt64).sum())
    met, talkers = pl.collect_all(
        [
            frame.join(members, left_on="dip", right_on="listed", how="semi").select(measures),
            frame.join(members, left_on="sip", right_on="listed", how="semi").group_by("dip").agg(measures),
        ]
    )
    return {"met": met, "talkers": talkers}


def sql(query: Callable[[str], Any]) -> Tables:
    """Semi-joins with a table of the set, which is made from an array each time (0.01 s)."""
    import pyarrow as pa

    query.register("given", pa.table({"a": listed()}))  # type: ignore[attr-defined]
    query("create or replace temp table listed as select a from given")
    chosen = "(select a from listed)"
    return {
        "met": query(f"select count(*), sum(bytes)::ubigint from f where dip in {chosen}"),
        "talkers": query(
            f"select dip, count(*), sum(bytes)::ubigint from f where sip in {chosen} group by dip"
        ),
    }


def pandas(frame: Any) -> Tables:
    """``isin`` of the set."""
    met = frame["bytes"][frame["dip"].isin(listed())]
    found = frame.loc[frame["sip"].isin(listed()), ["dip", "bytes"]]
    talkers = found.groupby("dip", as_index=False)["bytes"].agg(["size", "sum"])
    return {"met": [[len(met)], [int(met.sum())]], "talkers": talkers}
