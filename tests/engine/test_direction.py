"""Which way flows go, by types or by nets, decided once for all sources."""

from __future__ import annotations

from typing import Any

import pytest

from flowrules.engine.direction import decide
from flowrules.engine.run import run
from tests.engine.building import (
    addresses,
    all_of,
    flow_source,
    m,
    members,
    program,
    result_rows,
    row,
    source,
    table,
    way,
)

INTERNAL = addresses("10.0.0.0/8", "2001:db8::/32")
WAYS = ("inbound", "outbound", "internal", "external", "blocked")


def counts(rows: list[dict[str, Any]], **more: Any) -> dict[str, int]:
    tables = [table(name, {"n": m("flows")}, source(way(name))) for name in WAYS]
    results = run(program(tables=tables, **more), [flow_source(rows)], threads=1)
    return {n: result_rows(results.tables[f"t:{n}"].frame)[0][0] for n in WAYS}


def test_types_say_the_direction() -> None:
    rows = [row(type=n) for n in ("in", "inweb", "innull", "out", "outweb", "int2int", "ext2ext", "other")]
    assert counts(rows) == {"inbound": 3, "outbound": 2, "internal": 1, "external": 1, "blocked": 1}


def test_nets_say_the_direction_in_both_versions() -> None:
    pairs = [
        ("10.0.0.1", "192.0.2.1"),
        ("192.0.2.1", "10.0.0.1"),
        ("10.0.0.1", "10.2.0.1"),
        ("192.0.2.1", "192.0.2.2"),
    ]
    pairs += [("2001:db8::1", "2001:db9::1"), ("2001:db9::1", "2001:db8::1")]
    rows = [row(sip=a, dip=b, type="out") for a, b in pairs]
    expected = {"inbound": 2, "outbound": 2, "internal": 1, "external": 1, "blocked": 0}
    assert counts(rows, internal=INTERNAL) == expected
    assert counts(rows, internal=INTERNAL, direction="nets") == expected
    assert counts(rows, internal=INTERNAL, direction="types")["outbound"] == 6
    mapped = [row(sip=a, dip=b, type="out") for a, b in pairs[:4]]
    assert counts(mapped, internal=INTERNAL, direction="nets")["outbound"] == 1


@pytest.mark.parametrize(
    ("wanted", "types", "bound", "expected"),
    [
        ("auto", ["in", "out"], True, "types"),
        ("auto", ["out", "out"], True, "nets"),
        ("auto", ["out", "out"], False, "types"),
        ("auto", None, True, "nets"),
        ("auto", None, False, "none"),
        ("types", ["out"], True, "types"),
        ("types", None, True, "none"),
        ("nets", ["in", "out"], True, "nets"),
        ("nets", ["in", "out"], False, "none"),
    ],
)
def test_what_decides(wanted: str, types: list[str] | None, bound: bool, expected: str) -> None:
    lacks = frozenset({"type"}) if types is None else frozenset()
    rows = [[row(type=n)] for n in types or ["out"]]
    sources = [flow_source(r, lacks=lacks) for r in rows]
    assert decide(wanted, sources, bound) == expected
    assert decide(wanted, sources[::-1], bound) == expected


def test_one_type_in_each_file_but_two_in_all_is_a_type_that_says_something() -> None:
    sources = [
        flow_source([row(type="in")] * 3, "a"),
        flow_source([], "b"),
        flow_source([row(type="out")], "c"),
    ]
    assert decide("auto", sources, True) == "types"


def test_some_file_without_types_means_nets_for_all() -> None:
    sources = [
        flow_source([row(type="in"), row(type="out")]),
        flow_source([row()], lacks=frozenset({"type"})),
    ]
    assert decide("auto", sources, True) == "nets"


def test_results_say_how_and_how_many() -> None:
    made = program(sets={"x": members("sip", source(way("outbound"), "outbound"))}, internal=INTERNAL)
    results = run(made, [flow_source([row(type="out"), row(type="in"), row(type="other")])], threads=1)
    assert results.flows.direction_by == "types"
    assert results.flows.directions == {"inbound": 1, "outbound": 1, "internal": 0, "external": 0, "other": 1}


def test_inside_and_outside_serve_both_ways() -> None:
    rows = [
        row(type="out", sip="10.0.0.1", dip="192.0.2.1", sport=5, dport=80),
        row(type="in", sip="192.0.2.2", dip="10.0.0.1", sport=80, dport=6),
        row(type="int2int", sip="10.0.0.1", dip="10.0.0.2"),
    ]
    columns = {"n": m("flows"), "far": m("distinct", "outside"), "ports": m("values", "outside_port")}
    made = program(tables=[table("x", columns, source(all_of()), ["inside"])])
    found = result_rows(run(made, [flow_source(rows)], threads=1).tables["t:x"].frame)
    assert [r[1:] for r in found] == [(2, 2, (80,)), (1, 0, ())]
    assert found[1][0] is None
