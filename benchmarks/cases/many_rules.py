"""Many random rules, each answered by its flows and bytes, or by home host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.cases.case import Case, Tables
from benchmarks.rules import Rule, fields_of, make_rules

TEXTS = {
    "counts": "random rules over type, protocol, ports and flags: flows and bytes of each",
    "mixed": "the same with thresholds in 40 % and a CIDR in 25 % of the rules",
    "cidrs": "rules of 1 to 20 CIDRs on one end: flows and bytes of each",
    "thresholds": "rules of 1 to 3 thresholds on packets, bytes and duration: flows and bytes of each",
    "hosts": "random rules over type, protocol, ports and flags: flows and bytes by home host",
    "shuffled": "the mixed rules over flows that come in no order of time",
}
TOGETHER = 10
"""How many counts DuckDB is asked for in one query; more take longer than a query each."""


def cases(count: int) -> list[Case]:
    """The cases, with so many rules each."""
    return [_case(name, count) for name in TEXTS]


def _case(name: str, count: int) -> Case:
    rules = make_rules({"hosts": "counts", "shuffled": "mixed"}.get(name, name), count)
    by_host = name == "hosts"
    wanted = fields_of(rules) | {"bytes"} | ({r.host for r in rules} if by_host else set())
    return Case(
        name=f"{name}-{count}",
        text=f"{count} {TEXTS[name]}",
        ruleset=_ruleset(rules, by_host),
        columns=tuple(sorted(wanted)),
        layout="shuffled" if name == "shuffled" else "usual",
        polars=_polars(rules, by_host),
        polars_hand=_polars_hand(rules) if by_host else _polars_select(rules),
        sql=_sql(rules, by_host),
        pandas=None if by_host else _pandas(rules),
        rules=() if by_host else tuple(rules),
    )


def _ruleset(rules: Sequence[Rule], by_host: bool) -> str:
    lines = ['ruleset benchmark.rules { version "1.0.0" title "Random rules" }', ""]
    for number, rule in enumerate(rules):
        per = f" per {rule.host}" if by_host else ""
        lines.append(f"table r{number} = flows, sum(bytes) of ({rule.frules()}){per}")
    return "\n".join(lines) + "\n"


def _polars(rules: Sequence[Rule], by_host: bool) -> Callable[[Any], Tables]:
    """A lazy query for each rule, one ``collect_all``."""

    def ask(frame: Any) -> Tables:
        import polars as pl

        measures = (pl.len().alias("flows"), pl.col("bytes").cast(pl.UInt64).sum())
        passed = [frame.filter(rule.over(pl.col)) for rule in rules]
        if by_host:
            queries = [p.group_by(r.host).agg(measures) for p, r in zip(passed, rules, strict=True)]
        else:
            queries = [p.select(measures) for p in passed]
        return {f"r{n}": found for n, found in enumerate(pl.collect_all(queries))}

    return ask


def _polars_select(rules: Sequence[Rule]) -> Callable[[Any], Tables]:
    """One query whose columns are the answers of all rules; equal tests are shared by Polars."""

    def ask(frame: Any) -> Tables:
        import polars as pl

        volume = pl.col("bytes").cast(pl.UInt64)
        wanted = []
        for number, rule in enumerate(rules):
            passes = rule.over(pl.col)
            wanted += [passes.sum().alias(f"f{number}"), volume.filter(passes).sum().alias(f"b{number}")]
        found = frame.select(wanted).collect()
        return {f"r{n}": found.select(f"f{n}", f"b{n}") for n in range(len(rules))}

    return ask


def _polars_hand(rules: Sequence[Rule]) -> Callable[[Any], Tables]:
    """Flows in and out apart, once for all rules, then a query for each."""

    def ask(frame: Any) -> Tables:
        import polars as pl

        measures = (pl.len().alias("flows"), pl.col("bytes").sum())
        wide = frame.with_columns(pl.col("bytes").cast(pl.UInt64))
        kinds = {"sip": [1, 3], "dip": [0, 2]}
        parts = pl.collect_all([wide.filter(pl.col("type").is_in(k)) for k in kinds.values()])
        halves = dict(zip(kinds, parts, strict=True))
        queries = [halves[r.host].lazy().filter(r.over(pl.col)).group_by(r.host).agg(measures) for r in rules]
        return {f"r{n}": found for n, found in enumerate(pl.collect_all(queries))}

    return ask


def _sql(rules: Sequence[Rule], by_host: bool) -> Callable[[Callable[[str], Any]], Tables]:
    measures = "count(*), sum(bytes)::ubigint"

    def ask(query: Callable[[str], Any]) -> Tables:
        if by_host:
            return {
                f"r{n}": query(f"select {r.host}, {measures} from f where {r.sql()} group by {r.host}")
                for n, r in enumerate(rules)
            }
        if len(rules) > TOGETHER:
            return {f"r{n}": query(f"select {measures} from f where {r.sql()}") for n, r in enumerate(rules)}
        filters = [f"filter (where {rule.sql()})" for rule in rules]
        wanted = ", ".join(f"count(*) {f}, (sum(bytes) {f})::ubigint" for f in filters)
        found = query(f"select {wanted} from f")
        return {f"r{n}": [found.column(2 * n), found.column(2 * n + 1)] for n in range(len(rules))}

    return ask


def _pandas(rules: Sequence[Rule]) -> Callable[[Any], Tables]:
    def ask(frame: Any) -> Tables:
        out = {}
        for number, rule in enumerate(rules):
            volume = frame["bytes"].to_numpy()[rule.over(frame.__getitem__).to_numpy()]
            out[f"r{number}"] = [[len(volume)], [int(volume.sum(dtype="u8"))]]
        return out

    return ask
