"""Runs with a state over column stores: each part of a store is counted once."""

from __future__ import annotations

from pathlib import Path

from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.store import write_store
from flowrules.flows.table import Chunk, FlowSource
from tests.engine.state.test_state import both, rules
from tests.flows.made_flows import FIRST_DAY, made

NUMBERED = """
ruleset t { version "1.0.0" title "T" license "CC0-1.0" }
table early = flows of (record_number < 40) per sip
"""


def add_day(folder: Path, day: int, rows: int = 60) -> None:
    chunk = made(rows, day + 1, first_day=FIRST_DAY + day, hosts=20)
    source = FlowSource("made", "made", frozenset(chunk.columns), lambda fields, size=0: iter([chunk]))
    write_store(folder / "flows", [source], BUILT_IN)


def test_a_day_that_is_added_to_a_store_is_counted_alone(tmp_path: Path) -> None:
    loaded = rules(tmp_path)
    for day in range(3):
        add_day(tmp_path, day)
    a_day = both(loaded, tmp_path).counted // 3
    assert a_day and not both(loaded, tmp_path).counted
    add_day(tmp_path, 3)
    assert both(loaded, tmp_path).counted == a_day


def test_records_that_are_numbered_over_the_store_are_counted_at_their_place(tmp_path: Path) -> None:
    loaded = rules(tmp_path, NUMBERED)
    add_day(tmp_path, 2)
    both(loaded, tmp_path)
    # an earlier day moves all records of the later one
    add_day(tmp_path, 0)
    assert both(loaded, tmp_path).counted == 2
    add_day(tmp_path, 3)
    assert both(loaded, tmp_path).counted == 1


def test_a_store_without_records_has_no_groups(tmp_path: Path) -> None:
    empty = Chunk({n: c[:0] for n, c in made(1).columns.items()}, 0)
    source = FlowSource("made", "made", frozenset(empty.columns), lambda fields, size=0: iter([empty]))
    write_store(tmp_path / "flows", [source], BUILT_IN)
    both(rules(tmp_path), tmp_path)
