"""Runs over stores use what is known of their segments, and answer as runs over the same records in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrules.engine import cell_tasks, cells, folding, work
from flowrules.engine.direction import TYPES, DirectionRule
from flowrules.engine.folding import Folds
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows
from flowrules.engine.run import run
from flowrules.engine.stage import Stage
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.world import Found
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.store import (
    arrange,
    day_buffers,
    open_store,
    part_writer,
    write_store,
    writing,
)
from flowrules.flows.table import Chunk
from flowrules.flows.zones import ANY_ADDRESS
from flowrules.plan import cells as plan_cells
from flowrules.plan.planner import make_plan
from tests.engine.building import (
    NOON,
    addresses,
    all_of,
    among,
    any_of,
    cmp,
    f,
    flags,
    flow_source,
    m,
    no,
    number,
    program,
    result_rows,
    row,
    source,
    table,
    way,
)
from tests.engine.test_against_oracle import NETS, check_against_oracle, everything, programs
from tests.engine.test_against_oracle import flows as some_flows
from tests.engine.test_cells import flows as many_flows
from tests.engine.test_cells import predicates, rules, ruleset, source_of, with_ipv6


@contextmanager
def small_stores(rows: int, least: int) -> Iterator[pytest.MonkeyPatch]:
    """Blocks of so many rows, segments of every size, zones with fewer than ``least`` rows counted together; nothing waits for a disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrange, "LEAST_SEGMENT", 2)
        patch.setattr(arrange, "LEAST_SERVICE", 3)
        patch.setattr(day_buffers.DayBuffers.__init__, "__defaults__", (rows, 4 * rows))
        patch.setattr(writing, "_LEAST_BLOCK", 0)
        patch.setattr(work, "LEAST_ROWS", least)
        for module in (part_writer, writing):
            patch.setattr(module.os, "fsync", lambda _: None)
        yield patch


@given(
    programs(),
    st.lists(some_flows, min_size=1, max_size=40),
    st.integers(1, 12),
    st.integers(1, 6),
    st.sampled_from([None, 1, 3]),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_store_answers_as_a_row_by_row_evaluator(
    made: Any, rows: Any, block: int, least: int, size: int | None, threads: int, homes: bool
) -> None:
    expected = everything(made, run(made, [flow_source(rows)], threads=1))
    with small_stores(block, least), TemporaryDirectory() as folder:
        path = Path(folder, "store")
        # numbered, so that no part of the store is like one that is there already, which would be refused
        half = len(rows) // 2
        rows = [{**flow, "application": number % 65536} for number, flow in enumerate(rows)]
        for part in (rows[:half], rows[half:]):
            if part:
                write_store(path, [flow_source(part)], internal=NETS[1] if homes else None)
        results = run(made, open_store(path).sources(), threads=threads, rows=size)
    check_against_oracle(made, rows, results)
    assert everything(made, results) == expected


@given(
    rules,
    st.integers(0, 5),
    st.integers(1, 400),
    st.integers(20, 150),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_cells_over_a_store_answer_as_predicates_in_memory(
    drawn: Any, seed: int, rows: int, block: int, threads: int, wide: bool, both: bool
) -> None:
    made, columns = ruleset(drawn), many_flows(seed, rows)
    if wide:
        columns = with_ipv6(columns, seed)
    expected = everything(made, run(made, [source_of(columns)], threads=1))
    with small_stores(block, 1) as patch, TemporaryDirectory() as folder:
        path = Path(folder, "store")
        write_store(path, [source_of(columns)])
        patch.setattr(plan_cells, "MARGIN", float("inf"))
        for name in ("LEAST_ROWS", "FEWEST_LEFT"):
            patch.setattr(cells, name, 1)
        if both:
            # some pieces by cells, some by what is left of the predicates
            patch.setattr(
                cell_tasks.CellTask, "pays", lambda _, decided, left: (len(decided.truths) + len(left)) % 2
            )
        sources = open_store(path).sources()
        assert everything(made, run(made, sources, threads=threads)) == expected


@given(predicates, st.integers(0, 5), st.integers(1, 60), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_folded_predicates_say_what_rows_do(predicate: Any, seed: int, rows: int, zones: int) -> None:
    columns = many_flows(seed, rows)
    order = np.argsort(columns["protocol"].astype(np.int64) << 8 | columns["type"], kind="stable")
    pieces = [
        {n: c.take(part) for n, c in columns.items()} for part in np.array_split(order, zones) if len(part)
    ]
    around = surroundings()
    bounds = {name: np.array([[int(p[name].min()), int(p[name].max())] for p in pieces]) for name in columns}
    states = Folds([predicate], around).fold(bounds, len(pieces))[:, -1]
    for state, piece in zip(states.tolist(), pieces, strict=True):
        held, possible = truth(predicate, Rows(Chunk(piece, len(piece["sip"])), around))
        if state == folding.ALWAYS:
            assert held.all()
        if state == folding.NEVER:
            assert not possible.any()


@pytest.mark.parametrize(
    ("predicate", "states"),
    [
        (cmp("protocol", "=", 6), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (way("outbound"), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (cmp("type", "=", "in"), [folding.NEVER, folding.ALWAYS, folding.DEPENDS]),
        (among("dport", [(50, 100), 443]), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (no(among("dport", [443])), [folding.ALWAYS, folding.ALWAYS, folding.DEPENDS]),
        (cmp("packets", ">=", Fraction(7, 2)), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (cmp("bytes", "<", 2**70), [folding.ALWAYS] * 3),
        (cmp("stime", ">", 1_000), [folding.NEVER, folding.ALWAYS, folding.DEPENDS]),
        (among("sip", addresses("10.0.0.0/8")), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (among("sip", addresses("2001:db8::/32")), [folding.NEVER, folding.NEVER, folding.DEPENDS]),
        (cmp("sip", "!=", number("10.0.0.9")), [folding.DEPENDS, folding.ALWAYS, folding.DEPENDS]),
        (flags(2, 2), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (all_of(cmp("protocol", "=", 6), flags(2, 2)), [folding.ALWAYS, folding.NEVER, folding.DEPENDS]),
        (any_of(cmp("protocol", "=", 17), flags(2, 2)), [folding.ALWAYS, folding.ALWAYS, folding.DEPENDS]),
        (cmp("sport", "=", f("dport")), [folding.DEPENDS] * 3),
        (cmp("bytes_per_packet", ">", 1), [folding.DEPENDS] * 3),
    ],
)
def test_bounds_decide(predicate: Any, states: list[int]) -> None:
    bounds = {
        "protocol": [(6, 6), (17, 17), (6, 17)],
        "type": [(1, 1), (0, 0), (0, 3)],
        "dport": [(53, 80), (500, 600), (80, 8080)],
        "packets": [(4, 9), (1, 3), (1, 9)],
        "bytes": [(40, 90), (1, 2**40), (0, 2**64 - 1)],
        "stime": [(900, 1_000), (1_001, 1_002), (0, 5_000)],
        "sip": [(10 << 24, (10 << 24) + 99), (11 << 24, 12 << 24), (0, ANY_ADDRESS)],
        "flags": [(18, 18), (16, 16), (0, 255)],
    }
    # past 63 bits whole numbers are unsigned, as a store has them
    arrays = {n: np.array(b, np.uint64 if n in ("bytes", "sip") else np.int64) for n, b in bounds.items()}
    if predicate == flags(2, 2):
        # a mask is not monotonous: it is looked up for every value between the bounds
        assert (
            Folds([predicate], surroundings()).fold({"flags": np.array([[18, 19]])}, 1)[0, -1]
            == folding.ALWAYS
        )
    assert Folds([predicate], surroundings()).fold(arrays, 3)[:, -1].tolist() == states


def test_zones_that_nothing_can_match_are_not_read(tmp_path: Path) -> None:
    rows = [row(protocol=p, dport=d, stime=NOON + d) for p in (6, 17) for d in range(100)]
    made = program(
        tables=[
            table(
                "x",
                {"n": m("flows")},
                source(all_of(cmp("protocol", "=", 17), among("dport", [(0, 9)]))),
                ["sip"],
            )
        ]
    )
    with small_stores(50, 1):
        write_store(tmp_path / "s", [flow_source(rows)])
    (stored,) = open_store(tmp_path / "s").sources()
    zones = stored.zones()
    assert zones is not None and len(zones) > 2
    read: list[int] = []
    reading = evolve(
        zones, read=lambda numbers, fields: [read.extend(numbers), zones.read(numbers, fields)][1]
    )
    results = run(made, [evolve(stored, zones=lambda: reading)], threads=1)
    assert result_rows(results.tables["t:x"].frame, ["n"]) == [(10,)]
    assert results.flows.records == 200
    assert len(read) < len(zones)


def surroundings() -> Surroundings:
    made = program()
    return Surroundings(DirectionRule(TYPES, BUILT_IN, None), BUILT_IN, Found(made, earlier=None))


@pytest.mark.parametrize("threads", [1, 3])
def test_damage_is_named_where_it_is_read_and_only_there(tmp_path: Path, threads: int) -> None:
    rows = [row(protocol=p, dport=d, bytes=d + 1, stime=NOON + d) for p in (6, 17) for d in range(100)]
    made = {
        column: program(
            tables=[table("x", {"n": m("sum", column)}, source(cmp("protocol", "=", 17)), ["sip"])]
        )
        for column in ("bytes", "packets")
    }
    with small_stores(50, 1):
        write_store(tmp_path / "s", [flow_source(rows)])
    (part,) = open_store(tmp_path / "s").parts
    file = part.folder / "bytes.u4"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(FlowFileError, match=r"bytes\.u4.*do not match"):
        run(made["bytes"], open_store(tmp_path / "s").sources(), threads=threads)
    found = run(made["packets"], open_store(tmp_path / "s").sources(), threads=threads)
    assert result_rows(found.tables["t:x"].frame, ["n"]) == [(100,)]


def test_what_one_scan_decided_is_nothing_to_the_next(tmp_path: Path) -> None:
    rows = [row(protocol=6, dport=d, stime=NOON + d) for d in range(20)]
    with small_stores(50, 1):
        write_store(tmp_path / "s", [flow_source(rows)])
    stored = open_store(tmp_path / "s").sources()
    nothing = program(tables=[table("x", {"n": m("flows")}, source(cmp("protocol", "=", 17)), [])])
    assert run(nothing, stored, threads=1).flows.records == 20
    for port in range(1, 200):
        # one after the other, so that the next finds its predicates where the last had theirs
        made = program(tables=[table("x", {"n": m("flows")}, source(cmp("dport", "<", port)), ["sip"])])
        for sources in (stored, [flow_source(rows)]):
            found = run(made, sources, threads=1)
            assert result_rows(found.tables["t:x"].frame, ["n"]) == [(min(port, 20),)]


def test_cells_are_left_where_little_is_left_of_the_rules() -> None:
    """What is known of rows makes most rules sure or leaves them out; the few tests left cost less than cells."""
    tables = [
        table(f"t{n}", {"n": m("flows")}, source(all_of(cmp("protocol", "=", n), cmp("bytes", ">", n))))
        for n in range(40)
    ]
    made = make_plan(program(tables=tables))
    stage = Stage(frozenset(), False, made.groupings, [], made.cells[1], surroundings())
    (task,) = stage.task.cells
    truths = {
        id(p): p.right.value == 6 for m in task.members for p in m.own.predicates if p.left.name == "protocol"
    }
    known = folding.Decided(truths, frozenset(i for i, told in truths.items() if not told))
    left = [i for i, member in enumerate(task.members) if known.may_pass(member.own)]
    assert len(left) == 1
    assert not task.pays(known, left)
    assert task.pays(folding.NOTHING_DECIDED, range(len(task.members)))
