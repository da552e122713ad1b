"""Groupings counted by cells give what their own predicates give, whatever the chunks, threads and caps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine import cell_histograms, cell_tasks, cells, cut_cells, range_classes, tallies
from flowrules.engine.cell_classes import CellClasses
from flowrules.engine.row_values import Rows as EngineRows
from flowrules.engine.run import run
from flowrules.flows.table import Chunk, FlowSource, widen
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import STORED
from flowrules.model.program import Program, TableDeclaration
from flowrules.plan import cells as plan_cells
from flowrules.plan.cell_tests import CELL_FIELDS
from flowrules.plan.estimate import classes_at_most, total
from flowrules.plan.explain import explain
from flowrules.plan.planner import make_plan
from tests.engine.building import all_of, among, any_of, cmp, f, m, no, program, source, table, way

Rows = dict[str, np.ndarray[Any, Any]]

START = 1_767_571_200_000
V4 = 0xFFFF << 32
NETS = [
    (V4 + (10 << 24), V4 + (10 << 24) + 1),
    (V4 + (10 << 24) + 3, V4 + (10 << 24) + 3),
    (V4 + (20 << 24), V4 + (21 << 24) - 1),
    (V4 + (20 << 24) + 4, V4 + (20 << 24) + 7),
    (V4 + (20 << 24) + 255, V4 + (20 << 24) + (1 << 17)),
    (0, V4 - 1),
    (0x20010DB8 << 96, (0x20010DB8 << 96) + (1 << 64) - 1),
    ((0x20010DB8 << 96) + 5, (0x20010DB8 << 96) + 6),
    (V4 - 1, V4 + (10 << 24)),
]
PORTS = [0, 22, 53, 80, 443, 1023, 1024, 8080, 65535]


def flows(seed: int, rows: int) -> Rows:
    random = np.random.default_rng(seed)
    port = np.array([*PORTS, 40000, 40001, 50000], np.uint16)
    return {
        "sip": (10 << 24) + random.integers(0, 5, rows).astype(np.uint32),
        "dip": (20 << 24) + random.integers(0, 9, rows).astype(np.uint32),
        "sport": random.choice(port, rows),
        "dport": random.choice(port, rows),
        "protocol": random.choice(np.array([1, 6, 17], np.uint8), rows),
        "flags": random.integers(0, 64, rows).astype(np.uint8),
        "type": random.integers(0, 5, rows).astype(np.uint8),
        "packets": random.integers(1, 9, rows).astype(STORED["packets"].dtype),
        "bytes": random.integers(40, 9000, rows).astype(STORED["bytes"].dtype),
        "stime": np.full(rows, START) + np.arange(rows),
        "duration": random.choice(np.array([0, 1, 5, 4000]), rows),
    }


def with_ipv6(columns: Rows, seed: int) -> Rows:
    """The flows with addresses of both versions."""
    random = np.random.default_rng(seed)
    out = dict(columns)
    for name in ("sip", "dip"):
        addresses = widen(columns[name])
        six = np.flatnonzero(random.random(len(addresses)) < 0.3)
        addresses["high"][six] = random.choice(np.array([0, 0x20010DB8_00000000], np.uint64), len(six))
        addresses["low"][six] = random.integers(0, 9, len(six)).astype(np.uint64)
        out[name] = addresses
    return out


def source_of(columns: Rows) -> FlowSource:
    count = len(columns["sip"])

    def read(fields: frozenset[str] | None, size: int) -> Iterator[Chunk]:
        whole = Chunk({n: c for n, c in columns.items() if fields is None or n in fields}, count)
        for start in range(0, count, size):
            yield whole.slice(start, min(start + size, count))

    return FlowSource("memory", "arrays", frozenset(columns), read)


ports = st.lists(
    st.one_of(
        st.sampled_from(PORTS),
        st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(lambda p: (min(p), max(p))),
    ),
    min_size=1,
    max_size=5,
)
small = st.one_of(
    st.builds(among, st.sampled_from(["sport", "dport"]), ports),
    st.builds(cmp, st.sampled_from(["sport", "dport"]), st.sampled_from(["<", ">=", "=", "!="]), st.sampled_from(PORTS)),
    st.builds(lambda p: cmp("protocol", "=", p), st.sampled_from([1, 6, 17])),
    st.builds(lambda h, x: ex.FlagTest(type=t.TRUTH, name="flags", pairs=((h & x, x),)), st.integers(0, 63), st.integers(0, 63)),
    st.builds(way, st.sampled_from(["inbound", "outbound", "internal", "external", "blocked"])),
    st.builds(lambda n: cmp("type", "=", n), st.sampled_from(["in", "out", "inweb", "nosuch"])),
)  # fmt: skip
cuts = st.one_of(
    st.builds(
        cmp,
        st.sampled_from(["packets", "bytes", "duration"]),
        st.sampled_from(["<", "<=", "=", "!=", ">", ">="]),
        st.sampled_from([0, 1, 4, 5, 40, 4000, 4001, 8999, 100_000]),
    ),
    st.builds(lambda op, n: cmp("stime", op, START + n), st.sampled_from(["<", ">="]), st.integers(-1, 400)),
    st.builds(lambda n: cmp("sip", "=", (0xFFFF << 32) + (10 << 24) + n), st.integers(0, 5)),
    st.builds(
        lambda field, nets: ex.In(
            type=t.TRUTH, items=(f(field),), collection=ex.Addresses(set=AddressSet.from_ranges(nets))
        ),
        st.sampled_from(["sip", "dip"]),
        st.lists(st.sampled_from(NETS), min_size=1, max_size=3),
    ),
)  # fmt: skip
other = st.one_of(
    st.builds(lambda p: cmp("icmp_type", "=", p), st.sampled_from([0, 8])),
    st.just(cmp("sport", "=", f("dport"))),
)  # fmt: skip
_trees = lambda leaves: st.recursive(  # noqa: E731
    leaves,
    lambda below: st.one_of(
        st.builds(no, below),
        st.lists(below, min_size=1, max_size=3).map(lambda items: all_of(*items)),
        st.lists(below, min_size=1, max_size=3).map(lambda items: any_of(*items)),
        st.builds(
            lambda n, items: ex.NOf(type=t.TRUTH, n=n, items=tuple(items)),
            st.integers(1, 2),
            st.lists(below, min_size=2, max_size=3),
        ),
    ),
    max_leaves=5,
)
trees = _trees(small)
cutting = _trees(st.one_of(small, cuts))
predicates = st.one_of(
    trees, cutting, st.builds(lambda a, b: all_of(a, b), trees, cuts), st.builds(all_of, trees, other), other
)
measures = st.sampled_from(
    [
        {"n": m("flows")},
        {"n": m("flows"), "b": m("sum", "bytes")},
        {"b": m("sum", "bytes"), "p": m("sum", "packets")},
        {"n": m("flows"), "d": m("max", "bytes")},
        {"p": m("distinct", "dport")},
    ]
)
keys = st.sampled_from([[], ["sip"], ["dip"], ["sip", "dport"], ["protocol"]])
rules = st.lists(st.tuples(predicates, measures, keys), min_size=1, max_size=12)


def ruleset(drawn: Sequence[tuple[ex.Expression, Any, list[str]]]) -> Program:
    tables: list[TableDeclaration] = [
        table(f"t{number}", measured, source(predicate), by)
        for number, (predicate, measured, by) in enumerate(drawn)
    ]
    return program(tables=tables)


def answers(rules: Program, columns: Rows, **how: Any) -> dict[str, Any]:
    found = run(rules, [source_of(columns)], **how)
    return {
        name: sorted(
            tuple(str(c.scalar(r)) for c in result.frame.columns.values()) for r in range(result.frame.rows)
        )
        for name, result in found.tables.items()
    }


@pytest.fixture
def by_cells(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Cells for any number of groupings and any piece."""
    monkeypatch.setattr(plan_cells, "MARGIN", float("inf"))
    monkeypatch.setattr(cells, "LEAST_ROWS", 1)
    monkeypatch.setattr(cells, "FEWEST_LEFT", 1)
    return monkeypatch


@given(
    rules,
    st.integers(0, 5),
    st.integers(0, 400),
    st.sampled_from([7, 100, 1000]),
    st.sampled_from([1, 3]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_cells_answer_as_predicates_do(
    drawn: Any, seed: int, rows: int, size: int, threads: int, wide: bool
) -> None:
    made, columns = ruleset(drawn), flows(seed, rows)
    if wide:
        columns = with_ipv6(columns, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_cells, "MARGIN", 0)
        expected = answers(made, columns, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_cells, "MARGIN", float("inf"))
        patch.setattr(cells, "LEAST_ROWS", 1)
        patch.setattr(cells, "FEWEST_LEFT", 1)
        assert answers(made, columns, threads=threads, rows=size) == expected
        for room, cap in (
            (cell_tasks, "MOST_CELLS"),
            (cell_histograms, "MOST_BY_HOST"),
            (cut_cells, "MOST_CUT_CELLS"),
        ):
            with pytest.MonkeyPatch.context() as tighter:
                tighter.setattr(room, cap, 12)
                tighter.setattr(range_classes, "COMPARED", 0)
                assert answers(made, columns, threads=threads, rows=size) == expected


MANY = ruleset(
    [
        (
            all_of(cmp("protocol", "=", 6), among("dport", [port])),
            {"n": m("flows"), "b": m("sum", "bytes")},
            by,
        )
        for port in PORTS
        for by in ([], ["sip"])
    ]
)


def plain(columns: Rows, rules: Program = MANY) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_cells, "MARGIN", 0)
        return answers(rules, columns, threads=1)


def test_rows_of_cells_met_late_are_counted(by_cells: pytest.MonkeyPatch) -> None:
    columns = flows(1, 20_000)
    # cells that stand in few rows of late pieces alone
    columns["dport"][:] = 80
    columns["dport"][15_000::1000] = np.array([22, 53, 443, 1023, 8080], np.uint16)
    put_aside: list[int] = []
    take_back = cells.CellCounter._take_back

    def watched(counter: cells.CellCounter) -> None:
        put_aside.append(counter._aside_rows)
        take_back(counter)
        # the next scan may put as many aside
        assert counter._aside_rows == 0

    by_cells.setattr(cells.CellCounter, "_take_back", watched)
    assert answers(MANY, columns, threads=1, rows=5_000) == plain(columns)
    assert put_aside[0] > 0


def test_rows_that_no_rule_wants_are_counted_for_none(by_cells: pytest.MonkeyPatch) -> None:
    """Few of them are counted with the others, as it costs less than to leave them out."""
    columns = flows(9, 400)
    columns["protocol"][:] = 6
    columns["protocol"][::5] = 17
    columns["packets"][:] = 1
    rules = ruleset(
        [
            (all_of(cmp("protocol", "=", 6), cmp("packets", "<", 4)), {"n": m("flows")}, []),
            (all_of(cmp("protocol", "=", 6), cmp("bytes", ">=", 0)), {"n": m("flows")}, []),
        ]
    )
    found = answers(rules, columns, threads=1)
    assert found == plain(columns, rules)
    assert "320" in str(found)


def test_sums_past_the_floats_are_exact(by_cells: pytest.MonkeyPatch) -> None:
    columns = flows(2, 500)
    columns["bytes"] = columns["bytes"].astype(np.uint64)
    columns["bytes"][::7] = (1 << 50) - 1
    assert answers(MANY, columns, threads=2, rows=50) == plain(columns)
    columns["bytes"][::7] = (1 << 58) - 1
    assert answers(MANY, columns, threads=2, rows=50) == plain(columns)


def test_what_is_counted_is_handed_on_before_it_overflows(by_cells: pytest.MonkeyPatch) -> None:
    columns = flows(3, 3_000)
    by_cells.setattr(cells, "_LIMIT", 1 << 22)
    assert answers(MANY, columns, threads=1, rows=100) == plain(columns)


@pytest.mark.parametrize(("most_rows", "most_sum"), [(150, 1 << 40), (1 << 24, 40_000), (60, 100)])
def test_words_that_are_full_are_unpacked(
    by_cells: pytest.MonkeyPatch, most_rows: int, most_sum: int
) -> None:
    columns = flows(7, 3_000)
    by_cells.setattr(tallies, "MOST_ROWS", most_rows)
    by_cells.setattr(tallies, "MOST_SUM", most_sum)
    assert answers(MANY, columns, threads=1, rows=100) == plain(columns)


def test_combinations_of_many_pieces_are_added_up(by_cells: pytest.MonkeyPatch) -> None:
    columns = flows(8, 3_000)
    by_cells.setattr(cell_histograms, "_MOST_ENTRIES", 30)
    assert answers(MANY, columns, threads=1, rows=100) == plain(columns)


def test_small_pieces_are_counted_by_predicates(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = flows(4, 300)
    added = []
    monkeypatch.setattr(cells.CellCounter, "_add", lambda self, *given: added.append(given))
    assert answers(MANY, columns, threads=1) == plain(columns)
    assert not added


def test_addresses_of_both_versions_in_one_run(by_cells: pytest.MonkeyPatch) -> None:
    columns = flows(5, 1_000)
    wide = {n: widen(c) if n in ("sip", "dip") else c for n, c in columns.items()}
    both = [source_of(columns), source_of(wide)]
    by_cells.setattr(plan_cells, "MARGIN", 0)
    expected = run(MANY, both, threads=1, rows=90).tables["t:t1"].frame
    by_cells.setattr(plan_cells, "MARGIN", float("inf"))
    found = run(MANY, both, threads=1, rows=90).tables["t:t1"].frame
    assert [c.values.tolist() for c in found.columns.values()] == [
        c.values.tolist() for c in expected.columns.values()
    ]


def test_values_that_no_test_tells_apart_are_one_class() -> None:
    from flowrules.engine.direction import DirectionRule
    from flowrules.engine.surroundings import Surroundings
    from flowrules.engine.world import Found
    from flowrules.flows.silk_conf import BUILT_IN

    around = Surroundings(DirectionRule("types", BUILT_IN, None), BUILT_IN, Found(MANY))
    tests = [
        among("dport", [80, 443]),
        among("dport", [(1024, 65535)]),
        way("outbound"),
        cmp("dport", "<", 1024),
    ]
    classes = CellClasses(CELL_FIELDS, tests, around)
    # web ports, the other low ones, the high ones; outbound or not
    assert classes.counts() == {"type": 2, "dport": 3}
    assert classes.size == 6


ports_met = st.sampled_from([0, 22, 79, 80, 81, 443, 1023, 1024, 40_000, 50_000, 65_535])


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(ports_met, ports_met, st.integers(0, 255), st.sampled_from([6, 17])),
        min_size=1,
        max_size=60,
    ),
    st.booleans(),
    st.integers(0, 40),
)
def test_what_varies_in_a_piece_tells_its_cells(rows: Any, constant: bool, more: int) -> None:
    from flowrules.engine.direction import DirectionRule
    from flowrules.engine.surroundings import Surroundings
    from flowrules.engine.world import Found
    from flowrules.flows.silk_conf import BUILT_IN

    around = Surroundings(DirectionRule("types", BUILT_IN, None), BUILT_IN, Found(MANY))
    tests = [
        among("sport", [80, (1024, 49_999)]),
        *(among("dport", [port]) for port in (22, 80, 443, 1024, 40_000)),
        *(cmp("flags", "<", n) for n in range(more)),
        cmp("flags", "<", 200),
        cmp("protocol", "=", 6),
    ]
    classes = CellClasses(CELL_FIELDS, tests, around)
    names = ("sport", "dport", "flags", "protocol")
    columns: dict[str, Any] = {
        n: np.array([row[i] for row in rows], STORED[n].dtype) for i, n in enumerate(names)
    }
    constants: dict[str, int] = {}
    if constant:
        columns["protocol"][:] = 17
        constants["protocol"] = 17
    # rows of which there are more than combinations
    columns = {n: np.tile(c, 40) for n, c in columns.items()}
    piece_rows = EngineRows(Chunk(columns, len(columns["sport"]), constants=constants), around)
    expected = classes.of(piece_rows).tolist()
    for _ in range(2):
        piece = classes.in_piece(piece_rows)
        if piece is None:
            # runs of values are more than classes: up to five of sport, and eleven of dport
            assert len(rows) * 40 < 5 * classes.size
            continue
        assert piece.raw is not None
        assert len(piece.raw) <= len(expected)
        assert piece.raw.take(piece.places).tolist() == expected
        assert len(piece.places) == len(expected)


def by_ports(ports: Sequence[int]) -> Program:
    return ruleset([(among("dport", [p]), {"n": m("flows")}, []) for p in ports])


def test_the_plan_takes_cells_where_they_cost_less() -> None:
    few, more = make_plan(by_ports(PORTS[:2])), make_plan(by_ports(range(30)))
    assert few.cells == {}
    assert total(few.ways[1].cells) > total(few.ways[1].predicates)
    assert "each group tests its own predicates: about" in explain(few)
    assert more.cells[1].fields == ("dport",)
    assert total(more.ways[1].cells) < total(more.ways[1].predicates)
    # each port, and all others
    assert classes_at_most(more.cells[1]) == {"dport": 31}
    assert "counted by cells of dport" in explain(more)
    assert "classes at most: dport 31; 31 cells, 0.0 MB to number them" in explain(more)


def test_what_cells_do_not_decide_is_left(by_cells: pytest.MonkeyPatch) -> None:
    rules = ruleset(
        [(all_of(among("dport", [p]), cmp("packets", ">=", 4)), {"n": m("flows")}, ["sip"]) for p in range(3)]
    )
    member = make_plan(rules).cells[1].members[0]
    assert member.tests == (among("dport", [0]),)
    assert member.rest == (cmp("packets", ">=", 4),)
    assert not member.counted


def test_cuts_of_the_same_fields_are_counted_together(by_cells: pytest.MonkeyPatch) -> None:
    inside = ex.In(
        type=t.TRUTH, items=(f("sip"),), collection=ex.Addresses(set=AddressSet.from_ranges(NETS[:1]))
    )
    cut = [cmp("packets", ">=", 4), cmp("bytes", "<", 90), inside, all_of(inside, cmp("packets", "<", 2))]
    rules = ruleset([(all_of(among("dport", [80]), c), {"n": m("flows")}, []) for c in cut])
    planned = make_plan(rules)
    assert planned.cells[1].clusters == (("sip", "packets"), ("packets", "bytes"))
    assert [member.cluster for member in planned.cells[1].members] == [1, 1, 0, 0]
    assert all(member.counted and not member.rest for member in planned.cells[1].members)
    assert "by cell, divided by packets, bytes: groups 1-2" in explain(planned)


def test_clusters_that_make_too_many_cells_are_parted() -> None:
    rules = ruleset(
        [
            (cmp(name, ">=", 100 * n), {"n": m("flows")}, [])
            for n in range(300)
            for name in ("packets", "bytes")
        ]
    )
    assert make_plan(rules).cells[1].clusters == (("bytes",), ("packets",))
