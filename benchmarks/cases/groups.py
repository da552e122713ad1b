"""Groupings of every kind: by external address, by pairs, different values, quantiles, hours, two dependent stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from benchmarks.cases.case import Case, Tables


@frozen
class _Grouping:
    """One table in the words of each contender."""

    name: str
    frules: str
    keys: tuple[str, ...]
    where: Callable[[Any], Any] | None
    """The filter over columns of Polars or pandas, by name."""
    condition: str
    """The filter in SQL."""
    polars: Callable[[], Any]
    sql: str
    pandas: Callable[[Any], Any] | None = None
    top: int = 0
    columns: tuple[str, ...] = ()


def _outward(column: Any) -> Any:
    kind = column("type")
    return (kind == 1) | (kind == 3)


def _flows_and_bytes() -> Any:
    import polars as pl

    return pl.len().alias("flows"), pl.col("bytes").cast(pl.UInt64).sum()


def _bytes_and_flows() -> Any:
    flows, volume = _flows_and_bytes()
    return volume, flows


def _distinct(name: str) -> Callable[[], Any]:
    def measures() -> Any:
        import polars as pl

        return (pl.col(name).n_unique(),)

    return measures


def _quantile(name: str, at: float) -> Callable[[], Any]:
    def measures() -> Any:
        import polars as pl

        # of an odd and of an even number of rows, this is the least value with half of them at or below it
        return (pl.col(name).quantile(at, "lower"),)

    return measures


GROUPINGS = (
    _Grouping(
        "external", "flows, sum(bytes) of (type in (out, outweb)) per dip", ("dip",), _outward, "type in (1, 3)",
        _flows_and_bytes, "count(*), sum(bytes)::ubigint",
        lambda groups: groups["bytes"].agg(["size", "sum"]), columns=("dip", "type", "bytes"),
    ),
    _Grouping(
        "pairs", "sum(bytes), flows of all per sip, dip keep top 100", ("sip", "dip"), None, "true",
        _bytes_and_flows, "sum(bytes)::ubigint, count(*)", top=100, columns=("sip", "dip", "bytes"),
    ),
    _Grouping(
        "distinct", "distinct(dip) of all per sip", ("sip",), None, "true", _distinct("dip"), "count(distinct dip)",
        lambda groups: groups["dip"].nunique(), columns=("sip", "dip"),
    ),
    _Grouping(
        "distinct-ports", "distinct(dport) of all per sip", ("sip",), None, "true", _distinct("dport"),
        "count(distinct dport)", lambda groups: groups["dport"].nunique(), columns=("sip", "dport"),
    ),
    _Grouping(
        "quantile", "quantile(bytes, 50%) of all per sip", ("sip",), None, "true", _quantile("bytes", 0.5),
        "quantile_disc(bytes, 0.5)", columns=("sip", "bytes"),
    ),
    _Grouping(
        "hourly", "flows, sum(bytes) of (type in (out, outweb)) per sip, bin(stime, 1h)", ("sip", "hour"), _outward,
        "type in (1, 3)", _flows_and_bytes, "count(*), sum(bytes)::ubigint",
        columns=("sip", "stime", "type", "bytes"),
    ),
)  # fmt: skip

TEXTS = {
    "external": "flows and bytes by external address (300,000 of them)",
    "pairs": "the 100 pairs of addresses with most bytes, of all pairs",
    "distinct": "different destinations of each address",
    "distinct-ports": "different destination ports of each address",
    "quantile": "the exact median of bytes of each address",
    "hourly": "flows and bytes by home host and hour",
}

HOUR = 3_600_000

STAGES = """\
ruleset benchmark.stages { version "1.0.0" title "Two dependent stages" }

set popular   = dip of (type in (out, outweb)) keep distinct(sip) >= 5
table visitors = flows, sum(bytes) of (dip in popular) per sip
"""


def cases(_: int) -> list[Case]:
    """A case for each grouping, and the two stages."""
    return [*map(_case, GROUPINGS), _stages()]


def _case(g: _Grouping) -> Case:
    title = g.name.replace("-", "_")
    return Case(
        name=g.name,
        text=TEXTS[g.name],
        ruleset=f'ruleset benchmark.{title} {{ version "1.0.0" title "{g.name}" }}\n\ntable found = {g.frules}\n',
        columns=g.columns,
        polars=_polars(g),
        sql=_sql(g),
        pandas=None if g.pandas is None else _pandas(g),
    )


def _polars(g: _Grouping) -> Callable[[Any], Tables]:
    def ask(frame: Any) -> Tables:
        import polars as pl

        if g.where is not None:
            frame = frame.filter(g.where(pl.col))
        if "hour" in g.keys:
            frame = frame.with_columns((pl.col("stime") // HOUR * HOUR).alias("hour"))
        found = frame.group_by(g.keys).agg(g.polars())
        if g.top:
            found = found.top_k(g.top, by=["bytes", *g.keys], reverse=[False, *(True for _ in g.keys)])
        return {"found": found.collect()}

    return ask


def _sql(g: _Grouping) -> Callable[[Callable[[str], Any]], Tables]:
    keys = ", ".join(f"stime // {HOUR} * {HOUR}" if k == "hour" else k for k in g.keys)
    numbers = ", ".join(str(n + 1) for n in range(len(g.keys)))
    order = f" order by 3 desc, 1, 2 limit {g.top}" if g.top else ""

    def ask(query: Callable[[str], Any]) -> Tables:
        return {
            "found": query(f"select {keys}, {g.sql} from f where {g.condition} group by {numbers}{order}")
        }

    return ask


def _pandas(g: _Grouping) -> Callable[[Any], Tables]:
    def ask(frame: Any) -> Tables:
        if g.where is not None:
            frame = frame[g.where(frame.__getitem__)]
        return {"found": g.pandas(frame.groupby(list(g.keys))).reset_index()}  # type: ignore[misc]

    return ask


def _stages() -> Case:
    def polars(frame: Any) -> Tables:
        import polars as pl

        popular = (
            frame.filter(_outward(pl.col))
            .group_by("dip")
            .agg(pl.col("sip").n_unique())
            .filter(pl.col("sip") >= 5)
        )
        found = frame.join(popular, on="dip", how="semi").group_by("sip").agg(_flows_and_bytes())
        first, second = pl.collect_all([popular.select("dip"), found])
        return {"popular": first, "visitors": second}

    def polars_hand(frame: Any) -> Tables:
        """Pairs once, as the keys of both stages."""
        import polars as pl

        outward = _outward(pl.col)
        pairs = frame.filter(outward).select("dip", "sip").unique()
        popular = pairs.group_by("dip").len().filter(pl.col("len") >= 5).select("dip").collect()
        found = frame.join(popular.lazy(), on="dip", how="semi").group_by("sip").agg(_flows_and_bytes())
        return {"popular": popular, "visitors": found.collect()}

    def sql(query: Callable[[str], Any]) -> Tables:
        query(
            "create or replace temp table popular as select dip from f where type in (1, 3)"
            " group by dip having count(distinct sip) >= 5"
        )
        chosen = "select sip, count(*), sum(bytes)::ubigint from f where dip in (select dip from popular) group by sip"
        return {"popular": query("select dip from popular"), "visitors": query(chosen)}

    def pandas(frame: Any) -> Tables:
        outward = frame[_outward(frame.__getitem__)]
        met = outward.groupby("dip")["sip"].nunique()
        popular = met.index[met >= 5]
        found = frame.loc[frame["dip"].isin(popular), ["sip", "bytes"]]
        return {
            "popular": [popular.to_numpy()],
            "visitors": found.groupby("sip", as_index=False)["bytes"].agg(["size", "sum"]),
        }

    return Case(
        name="stages",
        text="two dependent stages: addresses that five hosts met, then flows and bytes to them by sender",
        ruleset=STAGES,
        columns=("sip", "dip", "type", "bytes"),
        polars=polars,
        polars_hand=polars_hand,
        sql=sql,
        pandas=pandas,
    )


__all__: Sequence[str] = ["cases"]
