"""Runs: profiles, entries, totals, tables of tables, and what is unknown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from flowrules.engine.errors import SumOverflow
from flowrules.engine.run import run
from flowrules.engine.world import Earlier
from flowrules.flows.table import FlowSource
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.program import (
    Cell,
    CheckDeclaration,
    EntryColumn,
    EntryDeclaration,
    Program,
    VerdictDeclaration,
)
from flowrules.model.schedule import Schedule, Slot
from flowrules.plan.missing import MissingField
from tests.engine.building import (
    NOON,
    TCP,
    all_of,
    among,
    any_of,
    chunk,
    cmp,
    f,
    feature,
    flags,
    flow_source,
    key,
    lit,
    m,
    members,
    named,
    number,
    profile,
    program,
    result_rows,
    row,
    set_members,
    source,
    table,
    way,
)

OUT = source(way("outbound"), "outbound")
IN = source(way("inbound"), "inbound")
HOUR = ex.Bin(type=t.TIME, of=f("stime"), width=3_600_000)


def of(made: Program, rows: list[dict[str, Any]], **more: Any) -> Any:
    return run(made, [flow_source(rows)], threads=1, **more)


def rows_of(results: Any, name: str) -> list[tuple[Any, ...]]:
    return result_rows(results.tables[f"t:{name}"].frame)


# ---- profiles


def features(name: str, results: Any) -> dict[int, dict[str, Any]]:
    frame = results.profiles[f"t:{name}"].frame
    return {r[0]: dict(zip(frame.columns, r, strict=True)) for r in result_rows(frame)}


def test_features_stand_side_by_side_for_every_host() -> None:
    hosts = members("sip", source(way("outbound"), "outbound"))
    made = program(
        profiles=[
            profile(
                "p",
                hosts,
                [
                    feature("sent", m("sum", "bytes"), OUT),
                    feature("got", m("sum", "bytes"), IN, ("dip",)),
                    feature("part", m("share", m("sum", "bytes")), IN, ("dip",)),
                    feature("largest", m("max", "bytes"), IN, ("dip",)),
                    feature("ports", m("values", "dport"), source(all_of(way("outbound"), TCP), "outbound")),
                ],
                [
                    VerdictDeclaration(
                        name="t:loud",
                        condition=ex.Compare(
                            type=t.TRUTH,
                            op=">=",
                            left=ex.Feature(type=t.BYTES, name="got"),
                            right=lit(900, t.BYTES),
                        ),
                    )
                ],
            )
        ]
    )
    rows = [
        row(sip="10.0.0.2", bytes=5, dport=80),
        row(sip="10.0.0.2", bytes=6, dport=22),
        row(sip="2001:db8::1", bytes=7, protocol=17),
        row(type="in", sip="192.0.2.1", dip="10.0.0.2", bytes=900),
        row(type="in", sip="192.0.2.1", dip="10.0.0.99", bytes=100),
    ]
    results = of(made, rows)
    assert results.scans == 1
    found = features("p", results)
    assert found[number("10.0.0.2")] == {
        "host": number("10.0.0.2"),
        "sent": 11,
        "got": 900,
        "part": Fraction(9, 10),
        "largest": 900,
        "ports": (22, 80),
    }
    # nothing found counts 0, nothing to measure is unknown
    assert found[number("2001:db8::1")] == {
        "host": number("2001:db8::1"),
        "sent": 7,
        "got": 0,
        "part": Fraction(0),
        "largest": None,
        "ports": (),
    }
    assert results.profiles["t:p"].verdict.tolist() == [0, -1]
    evidence = results.profiles["t:p"].evidence["largest"]
    assert evidence[1].why_unknown == "no flows to measure"


def test_a_direction_that_no_flow_has_is_unknown_and_not_zero() -> None:
    hosts = members("sip", OUT)
    made = program(
        tables=[table("x", {"n": m("flows")}, IN)],
        profiles=[
            profile("p", hosts, [feature("got", m("flows"), IN, ("dip",)), feature("sent", m("flows"), OUT)])
        ],
    )
    results = of(made, [row()])
    assert rows_of(results, "x") == [(None,)]
    found = features("p", results)[number("10.0.0.1")]
    assert (found["got"], found["sent"]) == (None, 1)
    assert results.profiles["t:p"].evidence["got"][0].why_unknown == "no inbound flows were read"


def test_an_optional_feature_without_its_field_is_unknown() -> None:
    optional = feature("app", m("fraction", cmp("application", "!=", 80)), OUT, optional=True)
    made = program(profiles=[profile("p", members("sip", OUT), [optional])])
    source_ = flow_source([row()], lacks=frozenset({"application"}))
    results = run(made, [source_], threads=1)
    assert features("p", results)[number("10.0.0.1")]["app"] is None
    assert results.profiles["t:p"].missing == {"app": "test has no field application"}
    with pytest.raises(MissingField, match="application"):
        run(
            program(profiles=[profile("p", members("sip", OUT), [feature("app", optional.measure, OUT)])]),
            [source_],
        )


def test_profiles_of_blocks_and_of_tuples() -> None:
    block = key("block", ex.Mask(type=t.BLOCK, of=f("sip"), v4=24, v6=64))
    services = members(("sip", "sport"), OUT)
    made = program(
        profiles=[
            profile("b", members(block, OUT), [feature("hosts", m("distinct", "sip"), OUT, (block,))]),
            profile("s", services, [feature("n", m("flows"), OUT, ("sip", "sport"))]),
        ]
    )
    rows = [
        row(sip="10.0.0.1", sport=80),
        row(sip="10.0.0.2", sport=80),
        row(sip="10.0.0.1", sport=22),
        row(sip="2001:db8::1:2", sport=80),
    ]
    results = of(made, rows)
    assert result_rows(results.profiles["t:b"].frame) == [
        ((number("10.0.0.0"), 120), 2),
        ((number("2001:db8::"), 64), 1),
    ]
    frame = results.profiles["t:s"].frame
    assert frame.keys == ("sip", "sport")
    assert result_rows(frame)[0] == (number("10.0.0.1"), 22, 1)


def test_sets_may_ask_for_verdicts_without_another_scan() -> None:
    loud = VerdictDeclaration(
        name="t:loud",
        condition=ex.Compare(type=t.TRUTH, op=">", left=ex.Feature(type=t.COUNT, name="n"), right=lit(1)),
    )
    quiet = VerdictDeclaration(name="t:quiet", condition=None, drop=True)
    p = profile("p", members("sip", OUT), [feature("n", m("flows"), OUT)], [loud, quiet])
    which = {
        w: ex.HostsOf(parts=(t.ADDRESS,), profile="t:p", which=w)
        for w in ("hosts", "entries", "loud", "quiet")
    }
    rest = all_of(way("outbound"), among("sip", which["quiet"]))
    made = program(
        sets=which,
        profiles=[p],
        tables=[table("rest", {"b": m("sum", "bytes")}, source(rest, "outbound"), ["sip"])],
    )
    results = of(made, [row(), row(), row(sip="10.0.0.2", bytes=9)])
    one, two = number("10.0.0.1"), number("10.0.0.2")
    assert {w: set_members(results.sets[f"t:{w}"]) for w in which} == {
        "hosts": {one, two},
        "entries": {one},
        "loud": {one},
        "quiet": {two},
    }
    assert rows_of(results, "rest") == [(two, 9)]
    assert results.scans == 1


def test_entries_have_a_row_for_each_group_of_a_host() -> None:
    entry = EntryDeclaration(
        columns=(
            EntryColumn("internal", Cell("host"), Cell("any")),
            EntryColumn("external", Cell("any"), Cell("measure", m("values", "dport"))),
            EntryColumn("comment", Cell("measure", m("sum", "bytes", source=IN, per=(key("dip"),)))),
        ),
        source=OUT,
        keys=(key("sip"), key("protocol")),
    )
    alone = EntryDeclaration(
        columns=(
            EntryColumn(
                "internal", Cell("host"), Cell("measure", m("values", "sport", source=OUT, per=(key("sip"),)))
            ),
        )
    )
    hosts = members("sip", source(all_of(way("outbound"), cmp("packets", ">", 1)), "outbound"))
    made = program(profiles=[profile("p", hosts, entries=[entry, alone])])
    rows = [
        row(packets=2, dport=80, sport=5),
        row(dport=443, sport=6),
        row(protocol=17, dport=53),
        row(sip="10.0.0.2", dport=1),
        row(type="in", dip="10.0.0.1", bytes=70),
    ]
    results = of(made, rows)
    host = number("10.0.0.1")
    assert result_rows(results.entries["t:p", 0], ["sip", "protocol", "1:", "2"]) == [
        (host, 6, (80, 443), 70),
        (host, 17, (53,), 70),
    ]
    assert result_rows(results.entries["t:p", 1]) == [(host, (0, 5, 6))]


# ---- tables and totals


def test_totals_of_checks() -> None:
    measures = [
        m("flows", source=IN),
        m("sum", "bytes", source=OUT),
        m("distinct", HOUR, source=source(all_of())),
        m("first", source=OUT),
    ]
    condition = all_of(*(cmp(x, ">", lit(0, x.type)) for x in measures))
    check = CheckDeclaration(name="t:c", severity="error", condition=condition)
    made = program(checks={"t:c": check})
    rows = [row(bytes=5), row(bytes=6, stime=NOON - 7_200_000), row(type="in")]
    results = of(made, rows)
    assert [results.totals[x] for x in measures] == [1, 11, 2, NOON - 7_200_000]


def test_a_table_of_another_tables_rows() -> None:
    def column(name: str, type_: t.Type) -> ex.Column:
        return ex.Column(type=type_, name=name)

    hourly = table(
        "hourly", {"flows": m("flows"), "bytes": m("sum", "bytes")}, OUT, ["sip", key("hour", HOUR)]
    )
    over = source(all_of(), table="t:hourly")
    usual = table(
        "usual",
        {
            "hours": m("rows"),
            "median": m("quantile", column("flows", t.COUNT), lit(Fraction(1, 2), t.PERCENT)),
            "mean": m("mean", column("bytes", t.BYTES)),
            "first": m("min", column("hour", t.TIME)),
        },
        over,
        [key("sip", column("sip", t.ADDRESS))],
    )
    busy = source(cmp(column("flows", t.COUNT), ">", lit(1)), table="t:hourly")
    days = table("days", {"n": m("rows"), "most": m("max", column("bytes", t.BYTES))}, busy)
    rows = [row(bytes=10), row(bytes=20), row(bytes=5, stime=NOON + 3_600_000), row(sip="10.0.0.2", bytes=1)]
    results = of(program(tables=[days, usual, hourly]), rows)
    assert result_rows(results.tables["t:usual"].frame) == [
        (number("10.0.0.1"), 2, 1, 17.5, NOON),
        (number("10.0.0.2"), 1, 1, 1.0, NOON),
    ]
    assert rows_of(results, "days") == [(1, 30)]
    assert results.scans == 1


def test_means_of_means_are_exact_sums_of_floats() -> None:
    column = ex.Column(type=t.NUMBER, name="m")
    inner = table("inner", {"m": m("mean", "bytes")}, OUT, ["sip"])
    outer = table(
        "outer",
        {
            "mean": m("mean", column),
            "sum": m("sum", column),
            "dev": m("deviation", column),
            "max": m("max", column),
        },
        source(all_of(), table="t:inner"),
    )
    rows = [
        row(sip=f"10.0.0.{h}", bytes=b) for h, b in [(1, 1), (1, 2), (1, 2), (2, 10), (2, 1), (2, 0), (3, 1)]
    ]
    results = of(program(tables=[inner, outer]), rows)
    values = [5 / 3, 11 / 3, 1.0]
    exact = [Fraction(v) for v in values]
    mean, total, deviation, largest = rows_of(results, "outer")[0]
    assert mean == float(sum(exact) / 3)
    assert total == float(sum(exact))
    assert deviation == pytest.approx(np.std(values))
    assert largest == max(values)


def test_fill_adds_the_bins_without_flows() -> None:
    made = program(
        tables=[
            table(
                "x",
                {"n": m("flows"), "most": m("max", "bytes")},
                source(cmp("bytes", "<", 100)),
                ["sensor", key("hour", HOUR)],
                fill="hour",
            )
        ]
    )
    rows = [row(sensor=1), row(sensor=2, stime=NOON + 7_200_000), row(bytes=500, stime=NOON + 3 * 3_600_000)]
    found = rows_of(of(made, rows), "x")
    assert len(found) == 8
    assert [r[2:] for r in found if r[0] == "S1"] == [(1, 40), (0, None), (0, None), (0, None)]
    assert [(r[1] - NOON) // 3_600_000 for r in found if r[0] == "S2"] == [0, 1, 2, 3]


def test_gaps_between_starts() -> None:
    gap = f("gap")
    columns = {
        "mean": m("mean", gap),
        "dev": m("deviation", gap),
        "most": m("max", gap),
        "long": m("fraction", cmp("gap", ">", 1000)),
        "kinds": m("distinct", gap),
    }
    made = program(tables=[table("x", columns, OUT, ["sip"])])
    rows = [row(stime=NOON + s) for s in (5000, 0, 2000, 2000)] + [row(sip="10.0.0.2")]
    assert rows_of(of(made, rows), "x") == [
        (number("10.0.0.1"), 5000 / 3, pytest.approx(1247.219), 3000, Fraction(2, 3), 3),
        (number("10.0.0.2"), None, None, None, None, 0),
    ]


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("uniform", [(Fraction(1, 3), Fraction(1000, 3)), (Fraction(1, 3), Fraction(1000, 3)), (Fraction(1, 3), Fraction(1000, 3))]),
        ("start", [(1, 1000), (0, 0), (0, 0)]),
        ("end", [(0, 0), (0, 0), (1, 1000)]),
        ("middle", [(0, 0), (1, 1000), (0, 0)]),
        ("time", [(Fraction(30000, 90001), Fraction(30000000, 90001)), (Fraction(60000, 90001), Fraction(60000000, 90001)), (Fraction(1, 90001), Fraction(1000, 90001))]),
        ("maximum", [(1, 1000), (1, 1000), (1, 1000)]),
        ("minimum", [(1, 0), (1, 0), (1, 0)]),
    ],
)  # fmt: skip
def test_load_schemes_spread_a_flow(scheme: str, expected: list[Any]) -> None:
    spread = ex.Spread(type=t.TIME, width=60_000, scheme=scheme)
    made = program(
        tables=[table("x", {"n": m("flows"), "b": m("sum", "bytes")}, OUT, [key("bin", spread)], fill="bin")]
    )
    results = of(made, [row(bytes=1000, duration=90_000, stime=NOON + 30_000)])
    assert [r[1:] for r in rows_of(results, "x")] == expected
    assert results.tables["t:x"].flows == 1


def test_a_window_leaves_bins_out_and_keeps_the_weights() -> None:
    spread = ex.Spread(type=t.TIME, width=60_000, scheme="uniform", start=NOON + 60_000, end=NOON + 60_001)
    made = program(tables=[table("x", {"n": m("flows")}, OUT, [key("bin", spread)])])
    results = of(made, [row(duration=150_000), row(stime=NOON + 600_000), row(stime=NOON - 9)])
    assert rows_of(results, "x") == [(NOON + 60_000, Fraction(1, 3))]


def test_a_sum_past_64_bits_is_an_error_and_a_mean_is_not() -> None:
    rows = [row(bytes=2**63) for _ in range(3)]
    made = program(tables=[table("x", {"m": m("mean", "bytes"), "d": m("deviation", "bytes")}, OUT)])
    assert rows_of(of(made, rows), "x") == [(float(2**63), 0.0)]
    with pytest.raises(SumOverflow, match=r"sum\(bytes\) passes 64 bits"):
        of(program(tables=[table("x", {"s": m("sum", "bytes")}, OUT)]), rows)


def test_a_fraction_is_of_all_flows_unknown_ones_too() -> None:
    pings = table("pings", {"pings": m("fraction", cmp("icmp_type", "=", 8))}, source(way("all")))
    rows = [
        row(protocol=1, dport=8 * 256),
        row(protocol=1, dport=0),
        row(protocol=6, dport=8 * 256),
        row(protocol=6),
    ]
    assert rows_of(of(program(tables=[pings]), rows), "pings") == [(Fraction(1, 4),)]


def test_share_of_a_distinct_count_is_of_that_of_the_whole() -> None:
    made = program(tables=[table("x", {"s": m("share", m("distinct", "dip"))}, OUT, ["sip"])])
    rows = [row(dip="192.0.2.1"), row(sip="10.0.0.2", dip="192.0.2.1"), row(sip="10.0.0.2", dip="192.0.2.2")]
    assert [r[1] for r in rows_of(of(made, rows), "x")] == [1, Fraction(1, 2)]


def test_fit_and_relative_of_groups() -> None:
    office = Schedule((Slot(frozenset(range(5)), 8 * 60, 18 * 60),), "UTC")
    columns = {
        "n": m("flows"),
        "rel": m("relative", m("flows")),
        "fit": m("fit", f("stime"), ex.Literal(type=t.SCHEDULE, value=office)),
    }
    made = program(tables=[table("x", columns, OUT, ["sip"])])
    rows = [
        row(sip=f"10.0.0.{h}", stime=NOON + 60_000 * k)
        for h in range(1, 12)
        for k in range(60 if h == 1 else 10)
    ]
    rows.append(row(sip="10.0.9.9", stime=NOON + 12 * 3_600_000))
    found = {r[0]: r[1:] for r in rows_of(of(made, rows), "x")}
    assert found[number("10.0.0.1")][:2] == (60, 6.0)
    assert found[number("10.0.0.1")][2] == pytest.approx(1.0)
    assert found[number("10.0.0.2")] == (10, 1.0, None)


# ---- rows of hosts


def sequence_rows(host: str, count: int, step: int) -> list[dict[str, Any]]:
    return [
        row(sip=host, dip=f"192.0.2.{1 + k % 50}", sport=50_000 + (k * step) % 15_000, dport=443, packets=9, bytes=900, flags=0x1B, initial_flags=0x02, stime=NOON + 2000 * k, duration=500)
        for k in range(count)
    ]  # fmt: skip


def test_ports_in_sequence_are_measured_in_a_second_scan_of_the_hosts_alone() -> None:
    seq = feature("seq", m("sequential", "sport"), OUT)
    made = program(
        profiles=[
            profile("p", members("sip", source(all_of(way("outbound"), flags(16, 16)), "outbound")), [seq])
        ]
    )
    rows = (
        sequence_rows("10.0.0.1", 300, 1)
        + sequence_rows("10.0.0.2", 300, 7919)
        + sequence_rows("10.0.0.3", 4, 1)
    )
    for threads, size in ((1, None), (3, 50)):
        results = run(made, [flow_source(rows[::-1])], threads=threads, rows=size)
        assert results.scans == 2
        found = features("p", results)
        assert found[number("10.0.0.1")]["seq"] > 0.9
        assert found[number("10.0.0.2")]["seq"] < 0.3
        assert found[number("10.0.0.3")]["seq"] is None
        assert "needed" in results.profiles["t:p"].evidence["seq"][2].why_unknown


def test_ports_are_found_in_the_replies_too() -> None:
    made = program(
        profiles=[profile("p", members("dip", IN), [feature("seq", m("sequential", "dport"), IN, ("dip",))])]
    )
    rows = [
        {
            **r,
            "sip": r["dip"],
            "dip": r["sip"],
            "sport": r["dport"],
            "dport": r["sport"],
            "type": "in",
            "initial_flags": 0x12,
        }
        for r in sequence_rows("10.0.0.1", 300, 1)
    ]
    assert features("p", of(made, rows))[number("10.0.0.1")]["seq"] > 0.9


def test_services_answered_are_proved_by_requests_among_all_flows() -> None:
    answers = source(all_of(way("outbound"), cmp("sport", "<", 1024)), "outbound")
    served = feature("served", m("answered", "sport"), answers)
    made = program(profiles=[profile("p", members("sip", OUT), [served])])
    rows = []
    for peer in range(1, 6):
        ask = row(
            type="in", sip=f"192.0.2.{peer}", dip="10.0.0.1", sport=40_000, dport=443, packets=5, flags=0x1B
        )
        reply = row(
            sip="10.0.0.1",
            dip=f"192.0.2.{peer}",
            sport=443,
            dport=40_000,
            packets=5,
            flags=0x18,
            stime=NOON + 10,
        )
        rows += [ask, reply]
    results = of(made, rows)
    assert features("p", results)[number("10.0.0.1")]["served"] == 1
    assert results.profiles["t:p"].evidence["served"][0].numbers["proof"] == "request first"
    assert features("p", of(made, rows[1::2]))[number("10.0.0.1")]["served"] == 0


def test_measures_of_rows_in_a_table_are_for_every_group() -> None:
    made = program(tables=[table("x", {"n": m("flows"), "seq": m("sequential", "sport")}, OUT, ["sip"])])
    results = of(made, sequence_rows("10.0.0.1", 300, 1) + sequence_rows("10.0.0.3", 4, 1))
    found = {r[0]: r[1:] for r in rows_of(results, "x")}
    assert found[number("10.0.0.1")][1] > 0.9
    assert found[number("10.0.0.3")] == (4, None)
    assert results.scans == 1


def test_no_hosts_need_no_second_scan() -> None:
    none = members("sip", source(all_of(way("outbound"), cmp("bytes", ">", 10**9)), "outbound"))
    made = program(profiles=[profile("p", none, [feature("seq", m("sequential", "sport"), OUT)])])
    results = of(made, [row()])
    assert results.scans == 1
    assert results.profiles["t:p"].frame.rows == 0


# ---- earlier results, sources


def test_earlier_results_are_sets_to_compare_with() -> None:
    before = ex.SetNamed(parts=(t.ADDRESS,), name="t:now", previous=True)
    new = ex.SetAlgebra(parts=(t.ADDRESS,), op="-", left=named("t:now"), right=before)
    made = program(sets={"now": members("sip", OUT), "new": new})
    rows = [row(), row(sip="10.0.0.2")]
    first = of(made, rows[:1])
    earlier = Earlier(sets=dict(first.sets))
    assert set_members(of(made, rows, previous=earlier).sets["t:new"]) == {number("10.0.0.2")}
    assert set_members(first.sets["t:new"]) == set()


def test_standard_input_is_read_once_for_all_scans() -> None:
    reads = []

    def read(fields: frozenset[str] | None, count: int = 2) -> Any:
        reads.append(fields)
        yield chunk([row(), row(sip="10.0.0.2", dip="10.0.0.1")], fields or frozenset())

    piped = FlowSource("-", "rows", frozenset(row()), read, once=True)
    peers = members("sip", source(any_of(among("dip", named("t:hosts")), cmp("bytes", ">", 10**9))))
    made = program(
        sets={"hosts": members("sip", source(cmp("dip", "=", number("192.0.2.1")))), "peers": peers}
    )
    results = run(made, [piped], threads=1)
    assert results.scans == 2
    assert set_members(results.sets["t:peers"]) == {number("10.0.0.2")}
    assert len(reads) == 1
    assert "bytes" in reads[0]
    assert "sensor" not in reads[0]


def test_sources_are_let_go_of_after_the_last_scan() -> None:
    from attrs import evolve

    seen: list[str] = []
    made = program(
        sets={"first": members("sip", OUT)},
        tables=[table("n", {"flows": m("flows")}, source(among("dip", named("t:first"))))],
    )
    plain = flow_source([row(), row(dip="10.0.0.1")])

    def read(fields: Any, rows: int) -> Any:
        seen.append("read")
        return plain.chunks(fields, rows)

    run(made, [evolve(plain, read=read, let_go=lambda: seen.append("let go"))])
    assert seen == ["read", "read", "let go"]


def test_progress_counts_records_and_nothing_is_read_that_nobody_needs() -> None:
    seen: list[int] = []
    asked: list[Any] = []
    inner = flow_source([row()] * 10)

    def read(fields: frozenset[str] | None, count: int = 4) -> Any:
        asked.append(fields)
        yield from inner.chunks(fields, count)

    made = program(sets={"x": members("sip", OUT)})
    results = run(
        made, [FlowSource("a", "rows", inner.fields, read)], threads=2, rows=4, progress=seen.append
    )
    assert seen == sorted(seen)
    assert seen[-1] == 10
    assert asked == [frozenset({"sip", "type", "stime", "duration"})]
    assert (results.flows.records, results.flows.sources[0].records) == (10, 10)


def test_no_flows_at_all() -> None:
    made = program(
        sets={"x": members("sip", OUT)},
        tables=[
            table("y", {"n": m("flows"), "m": m("mean", "bytes")}, source(all_of())),
            table("z", {"n": m("flows")}, OUT, ["sip"]),
        ],
        profiles=[profile("p", named("t:x"), [feature("n", m("flows"), OUT)])],
    )
    for sources in ([], [flow_source([])]):
        results = run(made, sources, threads=1)
        assert results.flows.records == 0
        assert results.flows.first is None
        assert rows_of(results, "y") == [(0, None)]
        assert rows_of(results, "z") == []


def test_a_reader_that_fails_stops_the_run_on_any_thread() -> None:
    def read(fields: frozenset[str] | None, count: int = 4) -> Any:
        yield chunk([row()], fields or frozenset())
        raise OSError("the disk is gone")

    made = program(sets={"x": members("sip", OUT)})
    for threads in (1, 3):
        with pytest.raises(OSError, match="the disk is gone"):
            run(made, [FlowSource("a", "rows", frozenset(row()), read)], threads=threads)


def test_chunks_of_either_address_dtype_are_one_network() -> None:
    rows = [row(), row(sip="2001:db8::1", dip="10.0.0.1")]

    def read(fields: frozenset[str] | None, count: int = 4) -> Any:
        for r in (rows[:1], rows, rows[:1]):
            yield chunk(r, fields or frozenset())

    made = program(tables=[table("x", {"n": m("flows")}, source(all_of()), ["sip"])])
    results = run(made, [FlowSource("a", "rows", frozenset(row()), read)], threads=1)
    assert rows_of(results, "x") == [(number("10.0.0.1"), 3), (number("2001:db8::1"), 1)]
