"""What a plan shares, what it puts off, and when it needs another scan."""

from __future__ import annotations

from typing import Any

import pytest

from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.program import Program
from flowrules.plan.explain import explain
from flowrules.plan.missing import Fields, MissingField
from flowrules.plan.plan import Plan, Query
from flowrules.plan.planner import make_plan
from tests.engine.building import (
    TCP,
    UDP,
    all_of,
    among,
    any_of,
    cmp,
    feature,
    key,
    m,
    members,
    named,
    no,
    profile,
    program,
    ref,
    source,
    table,
    way,
)

WEB = [80, 443, 8080]
CLIENTS = members("sip", source(all_of(way("outbound"), TCP, cmp("packets", ">=", 4)), "outbound"))
IN_CLIENTS = among("sip", named("t:clients"))
LARGE = cmp("bytes", ">", 1000)


def query(plan: Plan, what: str, subject: object) -> Query:
    return plan.queries[what, subject]


def request(*more: ex.Expression) -> ex.Source:
    return source(all_of(way("outbound"), among("dport", WEB), *more), "outbound")


def one_table(keys: Any, *more: ex.Expression, **measures: ex.Measure) -> Program:
    columns = measures or {"flows": m("flows")}
    return program(sets={"clients": CLIENTS}, tables=[table("x", columns, request(*more), keys)])


def test_a_set_on_the_groups_own_key_needs_no_scan() -> None:
    plan = make_plan(one_table(["sip"], IN_CLIENTS))
    assert len(plan.scans) == 1
    assert query(plan, "table", "t:x").deferred == (IN_CLIENTS,)


def test_a_set_tested_through_filters_and_their_reverse_is_found() -> None:
    filters = {"base": all_of(way("outbound"), any_of(TCP, UDP), IN_CLIENTS), "reply": ref("t:base", True)}
    reply = table("x", {"b": m("sum", "bytes")}, source(ref("t:reply"), "inbound"), ["dip"])
    plan = make_plan(program(filters, {"clients": CLIENTS}, [reply]))
    assert len(plan.scans) == 1
    assert query(plan, "table", "t:x").deferred == (among("dip", named("t:clients")),)


@pytest.mark.parametrize(
    "predicate",
    [
        any_of(IN_CLIENTS, LARGE),
        no(all_of(IN_CLIENTS, LARGE)),
        among("dip", named("t:clients")),
    ],
)
def test_a_set_that_the_key_does_not_decide_takes_another_scan(predicate: ex.Expression) -> None:
    plan = make_plan(one_table(["sip"], predicate))
    assert len(plan.scans) == 2
    assert query(plan, "table", "t:x").deferred == ()
    assert "t:x" in plan.scans[1].reason


def test_not_in_a_set_on_the_key_is_put_off_too() -> None:
    assert len(make_plan(one_table(["sip"], no(IN_CLIENTS))).scans) == 1


def test_groups_by_pairs_of_hosts_wait_for_the_set() -> None:
    plan = make_plan(one_table(["sip", "dip"], IN_CLIENTS))
    assert len(plan.scans) == 2
    assert "too many groups" in plan.scans[1].reason


def test_a_total_is_counted_by_the_host_that_the_set_tests() -> None:
    plan = make_plan(one_table(["protocol"], IN_CLIENTS))
    assert len(plan.scans) == 1
    assert [k.name for k in query(plan, "table", "t:x").extra if isinstance(k, ex.Field)] == ["sip"]


def test_a_tuple_with_a_port_of_few_values_is_counted_beside_the_keys() -> None:
    services = members(("sip", "dport", "protocol"), request())
    test = among(("sip", "dport", "protocol"), named("t:services", (t.ADDRESS, t.PORT, t.PROTOCOL)))
    made = program(
        sets={"services": services}, tables=[table("x", {"n": m("flows")}, request(test), ["sip"])]
    )
    plan = make_plan(made)
    assert len(plan.scans) == 1
    free = source(all_of(way("outbound"), test), "outbound")
    made = program(sets={"services": services}, tables=[table("x", {"n": m("flows")}, free, ["sip"])])
    assert len(make_plan(made).scans) == 2


def test_what_an_earlier_scan_found_is_tested_in_the_scan() -> None:
    far = members("dip", source(all_of(way("outbound"), any_of(IN_CLIENTS, LARGE)), "outbound"))
    made = program(
        sets={"clients": CLIENTS, "far": far},
        tables=[
            table(
                "x",
                {"n": m("flows")},
                request(IN_CLIENTS, any_of(among("dip", named("t:far")), LARGE)),
                ["sip"],
            )
        ],
    )
    plan = make_plan(made)
    assert len(plan.scans) == 3
    assert query(plan, "table", "t:x").deferred == ()


def test_equal_predicates_are_one_grouping_whatever_their_names() -> None:
    filters = {"a": request().predicate, "b": all_of(among("dport", WEB), ref("outbound"))}
    tables = [
        table("x", {"n": m("flows")}, source(ref("t:a"), "outbound"), ["sip"]),
        table("y", {"b": m("sum", "bytes")}, source(ref("t:b"), "outbound"), ["sip"]),
    ]
    plan = make_plan(program(filters, tables=tables))
    assert len(plan.groupings) == 1
    assert {a.kind for a in plan.groupings[0].aggregates} == {"sum"}


def test_coarser_groups_are_added_up_from_finer_ones_of_few_values() -> None:
    tables = [
        table("fine", {"n": m("flows")}, request(), ["sip", "dport", "protocol"]),
        table("coarse", {"b": m("sum", "bytes"), "p": m("values", "dport")}, request(), ["sip"]),
        table("ports", {"n": m("flows")}, request(), ["sip", "sport"]),
    ]
    plan = make_plan(program(tables=tables))
    finer = {g.keys: g.finer for g in plan.groupings}
    assert [f for f in finer.values() if f is not None] == [0]
    assert {a.kind for a in plan.groupings[0].aggregates} == {"sum"}


def test_each_scan_reads_only_the_fields_that_it_needs() -> None:
    plan = make_plan(one_table(["sip"], any_of(among("dip", named("t:clients")), LARGE)))
    assert plan.scans[0].fields == {"type", "protocol", "packets", "sip", "stime", "duration"}
    assert plan.scans[1].fields == {"type", "dport", "bytes", "sip", "dip"}
    by_nets = make_plan(one_table(["sip"]), direction_by="nets")
    assert "type" not in by_nets.scans[0].fields
    assert {"sip", "dip"} <= by_nets.scans[0].fields


def test_nobody_asked_for_an_imported_set() -> None:
    made = program(sets={"clients": CLIENTS})
    assert make_plan(made, wanted=()).groupings == ()
    assert len(make_plan(made).groupings) == 1


def test_measures_in_time_order_take_one_more_scan_of_the_hosts_rows() -> None:
    features = [
        feature("sites", m("distinct", "dip"), request(IN_CLIENTS)),
        feature("seq", m("sequential", "sport"), request(IN_CLIENTS)),
        feature("served", m("answered", "sport"), source(way("outbound"), "outbound")),
    ]
    made = program(sets={"clients": CLIENTS}, profiles=[profile("p", named("t:clients"), features)])
    plan = make_plan(made)
    assert len(plan.scans) == 2
    assert [c.scan for c in plan.collections] == [2, 2]
    assert all(c.profile == "t:p" for c in plan.collections)


def test_a_field_that_a_source_lacks_is_named_with_what_needs_it() -> None:
    fields = Fields([("a.rw", frozenset({"type", "dport", "stime", "protocol", "packets"}))])
    with pytest.raises(MissingField, match=r"a\.rw has no field sip, which t:clients needs") as caught:
        make_plan(one_table(["sip"]), fields=fields)
    assert (caught.value.field, caught.value.source, caught.value.declaration) == ("sip", "a.rw", "t:clients")


def test_an_optional_table_or_an_assumed_field_does_not_stop_the_run() -> None:
    held = frozenset({"type", "dport", "stime", "sip"})
    optional = program(tables=[table("x", {"b": m("sum", "bytes")}, request(), ["sip"], optional=True)])
    plan = make_plan(optional, fields=Fields([("a.rw", held)]))
    assert query(plan, "table", "t:x").missing == "a.rw has no field bytes"
    plan = make_plan(optional, fields=Fields([("a.rw", held)], {"bytes": 0}))
    assert query(plan, "table", "t:x").missing is None


def test_no_types_and_no_nets_say_so() -> None:
    fields = Fields([("a.pcap", frozenset({"sip", "dip", "dport", "protocol", "packets"}))])
    with pytest.raises(
        MissingField, match=r"no internal nets are bound.*hint: say in the site file which nets"
    ):
        make_plan(one_table(["sip"]), fields=fields, direction_by="none")


def test_a_plan_explains_itself() -> None:
    filters = {
        "reply": ref("t:request", True),
        "request": all_of(way("outbound"), among("dport", WEB), IN_CLIENTS),
    }
    tables = [
        table("volume", {"b": m("sum", "bytes")}, source(ref("t:reply"), "inbound"), ["dip"]),
        table("ports", {"n": m("flows")}, source(ref("t:request"), "outbound"), ["sip", "dport"]),
        table("hosts", {"n": m("flows")}, source(ref("t:request"), "outbound"), ["sip"]),
        table(
            "hours",
            {"n": m("flows")},
            source(all_of(ref("t:request"), any_of(IN_CLIENTS, LARGE)), "outbound"),
            [key("hour", ex.Bin(type=t.TIME, of=key("stime").of, width=3_600_000))],
        ),
    ]
    text = explain(make_plan(program(filters, {"clients": CLIENTS}, tables)))
    assert text == explain(make_plan(program(filters, {"clients": CLIENTS}, tables)))
    for line in (
        "2 scans of the flows",
        "  fields: bytes, dip, dport, duration, packets, protocol, sip, sport, stime, type",
        "    outbound  (2 times)",
        "    added up from group 3",
        "scan 2: t:hours tests what the scan before finds, not on a key of its own",
        "  t:volume: dip in clients",
        "  t:hosts: sip in clients",
    ):
        assert line in text.split("\n"), text
