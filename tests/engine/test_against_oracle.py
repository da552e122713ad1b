"""Random rules on random flows: the engine agrees with a row-by-row evaluator, however the flows are cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flowrules.engine import cells
from flowrules.engine.run import run
from flowrules.flows.table import widen
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.map_table import MapTable
from flowrules.plan import cells as plan_cells
from tests.engine.building import (
    NOON,
    address_column,
    addresses,
    all_of,
    among,
    any_of,
    cmp,
    f,
    flags,
    flow_source,
    key,
    lit,
    m,
    members,
    named,
    no,
    number,
    program,
    ref,
    result_rows,
    row,
    set_members,
    source,
    table,
    way,
)
from tests.oracle import Oracle

POOL = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.1.9",
    "192.0.2.1",
    "192.0.2.77",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:1::1",
]
NETS = [
    addresses("10.0.0.0/24"),
    addresses("10.0.0.0/8", "2001:db8::/64"),
    addresses("192.0.2.1/32", "2001:db8::2/128"),
]
PORTS = [0, 25, 53, 80, 443, 1024, 8080, 50000, 65535]
DIRECTION = {
    "in": "inbound",
    "out": "outbound",
    "inweb": "inbound",
    "outweb": "outbound",
    "int2int": "internal",
    "ext2ext": "external",
    "innull": "inbound",
    "other": "other",
}


def zone() -> MapTable:
    blocks = [
        ("10.0.0.0", "10.0.0.255", 0),
        ("10.0.1.0", "10.0.255.255", 1),
        ("2001:db8::", "2001:db8::ff", 0),
    ]
    starts, ends = (address_column([number(b[i]) for b in blocks]) for i in (0, 1))
    return MapTable(
        "zone",
        "address",
        widen(starts),
        widen(ends),
        np.array([b[2] for b in blocks], np.int32),
        ("lab", "dmz"),
    )


def service() -> MapTable:
    keys = [(17 << 16 | 53, 0), (6 << 16 | 53, 0), (6 << 16 | 80, 1), (6 << 16 | 443, 1)]
    keys.sort()
    numbers = np.array([k[0] for k in keys], np.uint32)
    return MapTable(
        "service",
        "port, protocol",
        numbers,
        numbers,
        np.array([k[1] for k in keys], np.int32),
        ("dns", "web"),
    )


ZONE_SIP = ex.MapLookup(type=t.LABEL, map="zone", args=(f("sip"),))
ZONE_DIP = ex.MapLookup(type=t.LABEL, map="zone", args=(f("dip"),))
SERVICE = ex.MapLookup(type=t.LABEL, map="service", args=(f("dport"), f("protocol")))
BLOCK = ex.Mask(type=t.BLOCK, of=f("sip"), v4=24, v6=64)
HOUR = ex.Bin(type=t.TIME, of=f("stime"), width=3_600_000)

flows = st.builds(
    row,
    sip=st.sampled_from(POOL),
    dip=st.sampled_from(POOL),
    sport=st.sampled_from(PORTS),
    dport=st.sampled_from(PORTS),
    protocol=st.sampled_from([1, 6, 6, 17, 58]),
    packets=st.sampled_from([0, 1, 2, 3, 4, 7, 1000]),
    bytes=st.sampled_from([0, 40, 41, 120, 1500, 2**32 - 1, 2**40 + 1]),
    flags=st.sampled_from([0, 2, 16, 18, 27]),
    stime=st.sampled_from([NOON + d for d in (0, 1, 500, 60_000, 3_600_000, 90_000_000)]),
    duration=st.sampled_from([0, 0, 1, 333, 60_000]),
    type=st.sampled_from(["in", "out", "inweb", "outweb", "int2int", "ext2ext", "innull", "other"]),
    sensor=st.sampled_from([0, 1]),
)

ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
sides = st.sampled_from([True, False])
ports = st.lists(st.sampled_from(PORTS), min_size=1, max_size=5, unique=True).map(lambda p: sorted(p))
both_ways = st.one_of(
    st.sampled_from(["inbound", "outbound", "outbound", "internal", "external", "all", "blocked"]).map(way),
    st.builds(lambda o, v: cmp("protocol", "=" if o else "!=", v), sides, st.sampled_from([1, 6, 17])),
    st.builds(lambda n, p: among(n, p), st.sampled_from(["sport", "dport", "inside_port"]), ports),
    st.builds(lambda n, a, b: among(n, [(min(a, b), max(a, b))]), st.sampled_from(["sport", "dport"]), st.sampled_from(PORTS), st.sampled_from(PORTS)),
    st.builds(cmp, st.sampled_from(["packets"]), ops, st.sampled_from([0, 3, 4, 2**33])),
    st.builds(cmp, st.sampled_from(["bytes"]), ops, st.sampled_from([0, 41, 2**40, 2**70])),
    st.builds(cmp, st.sampled_from(["sport", "dport"]), ops, st.sampled_from(PORTS)),
    st.builds(cmp, st.sampled_from(["bytes_per_packet", "bytes_per_second", "packets_per_second"]), ops, st.sampled_from([0, 40, Fraction(41, 2), Fraction(1, 3), 2**40])),
    st.builds(flags, st.sampled_from([2, 16, 18]), st.sampled_from([18, 31])),
    st.builds(lambda n, s: among(n, s), st.sampled_from(["sip", "dip", "inside", "outside"]), st.sampled_from(NETS)),
    st.builds(lambda n, a: cmp(n, "=", number(a)), st.sampled_from(["sip", "dip"]), st.sampled_from(POOL)),
    st.builds(lambda n: cmp("type", "=", n), st.sampled_from(["in", "outweb", "nosuch"])),
    st.builds(lambda n: among("type", ex.Labels(frozenset(n))), st.lists(st.sampled_from(["in", "out", "inweb"]), min_size=1)),
    st.builds(lambda o, v: cmp(ZONE_SIP, "=" if o else "!=", lit(v, t.LABEL)), sides, st.sampled_from(["lab", "dmz", "none"])),
    st.just(cmp(ZONE_SIP, "!=", ZONE_DIP)),
    st.just(cmp("sip", "=", f("dip"))),
    st.builds(lambda o: cmp("sport", o, f("dport")), ops),
    st.builds(lambda n: ex.Known(type=t.TRUTH, of=f(n)), st.sampled_from(["bytes_per_second", "inside", "bytes_per_packet"])),
    st.just(among((BLOCK,), ex.Blocks(addresses("10.0.0.0/16", "2001:db8::/48")))),
    st.builds(lambda o, d: cmp("stime", o, NOON + d), ops, st.sampled_from([0, 500, 3_600_000])),
    st.builds(lambda p, q: among(("sip", "dport"), ex.Tuples(((( number(p), number(p)), (q, 443)),))), st.sampled_from(POOL), st.sampled_from([80, 443])),
)  # fmt: skip
one_way = st.builds(lambda v: among("icmp_type", [v]), st.sampled_from([0, 1, 4]))


def combined(atoms: st.SearchStrategy[ex.Expression]) -> st.SearchStrategy[ex.Expression]:
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda i: all_of(*i)),
            st.lists(inner, min_size=2, max_size=3).map(lambda i: any_of(*i)),
            inner.map(no),
        ),
        max_leaves=5,
    )


def proved(predicate: ex.Expression) -> ex.Source:
    """A source whose direction is known where the predicate begins with one."""
    items = predicate.items if isinstance(predicate, ex.And) else (predicate,)
    names = [i.name for i in items if isinstance(i, ex.Direction) and i.name in ("inbound", "outbound")]
    return source(predicate, names[0] if names else None)


KEYS = [
    key(n) for n in ("sip", "dip", "sport", "dport", "protocol", "inside", "outside", "type", "icmp_type")
]
KEYS += [key("block", BLOCK), key("hour", HOUR), key("zone", ZONE_SIP), key("service", SERVICE)]
key_lists = st.lists(st.sampled_from(KEYS), max_size=3, unique_by=lambda k: k.name).map(tuple)

ARGS = [
    "sip",
    "outside",
    "dport",
    "bytes",
    "packets",
    "stime",
    "duration",
    "bytes_per_packet",
    "bytes_per_second",
    BLOCK,
    HOUR,
    ZONE_DIP,
]
NUMERIC = ["bytes", "packets", "duration", "bytes_per_packet", "packets_per_second"]
plain = st.one_of(
    st.just(m("flows")),
    st.builds(lambda a: m("sum", a), st.sampled_from(NUMERIC)),
    st.builds(lambda a: m("distinct", a), st.sampled_from(ARGS)),
)
measures = st.one_of(
    plain,
    st.builds(lambda n, a: m(n, a), st.sampled_from(["min", "max", "mean", "deviation"]), st.sampled_from(NUMERIC)),
    st.builds(lambda a, p: m("quantile", a, lit(p, t.PERCENT)), st.sampled_from([*NUMERIC, "sport"]), st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(9, 10), Fraction(1)])),
    st.builds(lambda a: m("entropy", a), st.sampled_from(ARGS)),
    st.builds(lambda p: m("fraction", p), combined(both_ways)),
    st.builds(lambda i: m("share", i), plain),
    st.sampled_from([m("first"), m("last")]),
)  # fmt: skip

lists = st.builds(lambda a: m("values", a), st.sampled_from(["dport", "sip", ZONE_DIP]))


@st.composite
def programs(draw: st.DrawFn) -> Any:
    filters: dict[str, ex.Expression] = {}
    for name in "ab":
        known = [ref(f"t:{n}") for n in filters]
        atoms = st.one_of(both_ways, both_ways, st.sampled_from(known)) if known else both_ways
        filters[name] = draw(combined(atoms))
    refs = st.builds(ref, st.sampled_from(["t:a", "t:b"]), sides)
    free = combined(st.one_of(both_ways, one_way, refs))

    sets: dict[str, ex.SetExpression] = {}
    keeps = st.sampled_from(
        [
            (),
            (),
            (ex.Keep(cmp(m("flows"), ">=", lit(2))),),
            (ex.Keep(cmp(m("distinct", "dport"), ">=", lit(2))),),
        ]
    )
    sets["hosts"] = members("sip", proved(draw(free)), draw(keeps))
    sets["peers"] = members("dip", proved(draw(free)), draw(keeps))
    sets["both"] = ex.SetAlgebra(
        parts=(t.ADDRESS,), op=draw(st.sampled_from("|-&^")), left=named("t:hosts"), right=named("t:peers")
    )
    sets["services"] = members(("sip", "sport", "protocol"), proved(draw(free)), draw(keeps))
    sets["servers"] = ex.KeyColumn(parts=(t.ADDRESS,), owner="t:services", index=0, of_table=False)

    host_sets = st.sampled_from(["t:hosts", "t:peers", "t:both", "t:servers"]).map(named)
    tests = st.one_of(
        st.builds(lambda n, s: among(n, s), st.sampled_from(["sip", "dip", "inside"]), host_sets),
        st.just(among(("sip", "sport", "protocol"), named("t:services", (t.ADDRESS, t.PORT, t.PROTOCOL)))),
        st.builds(lambda n, s: no(among(n, s)), st.sampled_from(["sip", "dip"]), host_sets),
    )
    restricted = st.one_of(
        free,
        st.builds(lambda p, s: all_of(p, s), free, tests),
        st.builds(lambda p, s: all_of(way("outbound"), p, s), free, tests),
        st.builds(lambda p, s: any_of(p, s), free, tests),
    )
    tables = []
    predicates = [draw(restricted), draw(restricted)]
    for number_ in range(draw(st.integers(1, 4))):
        asked = draw(st.lists(measures, min_size=1, max_size=2, unique=True))
        asked += draw(st.lists(lists, max_size=1))
        columns = {f"c{i}": of for i, of in enumerate(asked)}
        keep = draw(
            st.sampled_from(
                [
                    (),
                    (),
                    (ex.Keep(cmp(m("flows"), ">", lit(1))),),
                    (ex.KeepRank(False, 2, m("flows"), True),),
                    (ex.KeepRank(True, 3, m("flows")),),
                ]
            )
        )
        tables.append(
            table(f"x{number_}", columns, proved(draw(st.sampled_from(predicates))), draw(key_lists), keep)
        )
    direction = draw(st.sampled_from(["types", "types", "nets"]))
    maps = {"zone": zone(), "service": service()}
    return program(filters, sets, tables, maps=maps, internal=NETS[1], direction=direction)


def by_nets(made: Any, flow: dict[str, Any]) -> str:
    ours = (flow["sip"] in made.internal, flow["dip"] in made.internal)
    names = {(True, False): "outbound", (False, True): "inbound", (True, True): "internal"}
    return names.get(ours, "external")


def oracle_rows(made: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out = []
    for r in rows:
        out.append(
            {
                **r,
                "direction": by_nets(made, r) if made.direction == "nets" else DIRECTION[r["type"]],
                "blocked": r["type"] == "innull",
                "sensor": f"S{r['sensor']}",
            }
        )
    return out


def plain_value(value: Any) -> Any:
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else value


def check_against_oracle(made: Any, rows: list[dict[str, Any]], results: Any) -> None:
    oracle = Oracle(made, oracle_rows(made, rows))
    for name, declared in made.sets.items():
        expected = oracle.set_of(named(name, declared.parts))
        got = set_members(results.sets[name])
        one = len(declared.parts) == 1
        assert got == ({e[0] for e in expected} if one else expected), name
    for name, declared in made.tables.items():
        frame = results.tables[name].frame
        names = [k.name for k in declared.keys] + [c.name for c in declared.columns]
        got = [tuple(map(plain_value, r)) for r in result_rows(frame, names)]
        expected = [tuple(plain_value(r[n]) for n in names) for r in oracle.table(name)]
        assert got == expected, name


@contextmanager
def counting(by_cells: bool) -> Iterator[None]:
    """Groupings counted by cells wherever that can be, in pieces of any size; or by predicates alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_cells, "MARGIN", float("inf") if by_cells else 0)
        patch.setattr(cells, "LEAST_ROWS", 1)
        patch.setattr(cells, "FEWEST_LEFT", 1)
        yield


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.lists(flows, max_size=30), st.booleans())
def test_the_engine_agrees_with_a_row_by_row_evaluator(made: Any, rows: Any, by_cells: bool) -> None:
    with counting(by_cells):
        results = run(made, [flow_source(rows)], threads=1)
    event(f"scans: {results.scans}")
    check_against_oracle(made, rows, results)


def everything(made: Any, results: Any) -> Any:
    sets = {n: set_members(s) for n, s in results.sets.items()}
    tables = {
        n: (result_rows(x.frame), x.flows, x.bins, x.total, x.cut_ties) for n, x in results.tables.items()
    }
    return sets, tables, results.scans, results.flows.directions, results.flows.first, results.flows.last


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    programs(),
    st.lists(flows, max_size=30),
    st.integers(1, 7),
    st.integers(1, 3),
    st.booleans(),
    st.randoms(),
)
def test_chunks_threads_file_order_and_cells_change_nothing(
    made: Any, rows: Any, size: int, threads: int, by_cells: bool, random: Any
) -> None:
    expected = everything(made, run(made, [flow_source(rows)], threads=1))
    cut = random.randint(0, len(rows))
    mixed = list(rows)
    random.shuffle(mixed)
    parts = [flow_source(mixed[cut:], "b"), flow_source(mixed[:cut], "a", once=random.random() < 0.3)]
    with counting(by_cells):
        assert everything(made, run(made, parts, threads=threads, rows=size)) == expected
