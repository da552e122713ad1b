"""Different values of groups: sorted runs against counting by hand, and what happens when values stop being plain."""

from __future__ import annotations

import errno
import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowrules
from flowrules.cluster import partitions
from flowrules.engine import value_runs
from flowrules.engine.errors import LimitExceeded
from flowrules.engine.plain_groups import PlainGroups
from flowrules.engine.run import run
from flowrules.engine.sorted_runs import Levels
from flowrules.engine.state.folder import State
from flowrules.engine.value_runs import HALF, LOW, MetGroups, Run, ValueRuns, count_different
from flowrules.flows.sources import open_sources
from flowrules.flows.table import Chunk, FlowSource
from flowrules.model.fields import ADDRESS, IPV4_MAPPED
from tests.cluster.flows import printed
from tests.cluster.test_partitions import Elsewhere
from tests.engine.building import flow_source
from tests.engine.state import test_state as states
from tests.engine.test_against_oracle import check_against_oracle, programs
from tests.engine.test_against_oracle import flows as random_flows

PAIRS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), max_size=12)


def held(runs: ValueRuns) -> dict[tuple[int, int], int]:
    run = runs.whole()
    assert (np.diff(run.words.astype(object)) > 0).all()
    groups, values = (run.words >> HALF).tolist(), (run.words & LOW).tolist()
    return dict(zip(zip(groups, values, strict=True), run.counts.tolist(), strict=True))


def fill(runs: ValueRuns, pairs: list[tuple[int, int]]) -> None:
    runs.add(np.array([g for g, _ in pairs], np.intp), np.array([v for _, v in pairs], np.uint32))


@given(
    lots=st.lists(PAIRS, max_size=8),
    others=st.lists(PAIRS, max_size=4),
    waiting=st.integers(1, 20),
    first=st.integers(1, 20),
    kept=st.sampled_from([1, 3, 1 << 21]),
    piece=st.sampled_from([1, 4, 1 << 18]),
)
def test_runs_count_as_a_counter_does(
    lots: list[list[tuple[int, int]]],
    others: list[list[tuple[int, int]]],
    waiting: int,
    first: int,
    kept: int,
    piece: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        limits(patch, waiting, kept, piece)
        patch.setattr(value_runs, "FIRST_ROOM", first)
        one, two = ValueRuns(), ValueRuns()
        for lot in lots:
            fill(one, lot)
        for lot in others:
            fill(two, lot)
        one.merge(two)

        assert held(one) == Counter(pair for lot in [*lots, *others] for pair in lot)


def test_pairs_wait_in_room_that_sorted_ones_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, 8, 1 << 21, 4)
    runs = ValueRuns()
    fill(runs, [(1, v) for v in range(8)])
    fill(runs, [(2, v) for v in range(3)])
    whole = held(runs)
    fill(runs, [(3, v) for v in range(3)])

    assert len(whole) == 11
    assert held(runs) == whole | {(3, v): 1 for v in range(3)}


@pytest.mark.parametrize("values", [7, 1000])
def test_memory_holds_a_bounded_number_of_pairs(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, 16, 8, 4)
    runs = ValueRuns()
    for number in range(20):
        fill(runs, [(number * n % values, number) for n in range(5)])
        assert sum(map(len, runs._runs)) <= 8 + 16
    assert runs.in_files

    whole = ValueRuns()
    for number in range(20):
        other = ValueRuns()
        fill(other, [(number * n % values, number) for n in range(5)])
        whole.merge(other)
        assert sum(map(len, whole._runs)) <= 16
    assert held(whole) == held(runs)


@given(
    values=st.lists(st.integers(0, 9) | st.sampled_from([4_000_000_000])),
    waiting=st.integers(1, 9),
    dtype=st.sampled_from([np.uint32, np.int64]),
)
def test_different_values_are_counted_a_part_at_a_time(values: list[int], waiting: int, dtype: type) -> None:
    with pytest.MonkeyPatch.context() as patch:
        limits(patch, waiting, 3, 2)

        assert count_different(np.array(values, dtype)) == len(set(values))


@given(pairs=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5))), cuts=st.sets(st.integers(1, 20)))
def test_groups_are_met_across_pieces(pairs: set[tuple[int, int]], cuts: set[int]) -> None:
    ordered = sorted(pairs)
    counts = [3 * group + value + 1 for group, value in ordered]
    keys = sorted({group for group, _ in ordered})
    met = MetGroups()
    bounds = [0, *sorted(c for c in cuts if c < len(ordered)), len(ordered)]
    for begin, end in itertools.pairwise(bounds):
        words = np.array([group << 32 | value for group, value in ordered[begin:end]], np.uint64)
        met.add(Run(words, np.array(counts[begin:end], np.uint32)))

    assert met.keys().tolist() == keys
    assert met.sizes().tolist() == [sum(group == key for group, _ in ordered) for key in keys]
    assert met.counts().tolist() == [
        sum(c for (group, _), c in zip(ordered, counts, strict=True) if group == key) for key in keys
    ]


def limits(patch: pytest.MonkeyPatch, waiting: int, kept: int, piece: int) -> None:
    for name, value in (("WAITING", waiting), ("HELD", kept), ("PIECE", piece), ("FILES", 2)):
        patch.setattr(value_runs, name, value)


def test_counts_past_32_bits_are_kept() -> None:
    runs = ValueRuns()
    fill(runs, [(1, 7)])
    for _ in range(33):
        other = ValueRuns()
        other.replace(runs.whole())
        runs.merge(other)

    assert held(runs) == {(1, 7): 1 << 33}


def test_counts_past_32_bits_are_kept_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, 1, 1, 4)
    often, runs = ValueRuns(), ValueRuns()
    often.replace(Run(np.array([1 << 32 | 7, 1 << 32 | 9], np.uint64), np.array([1 << 33, 1], np.int64)))
    fill(runs, [(1, 7), (1, 8)])
    runs.merge(often)
    fill(runs, [(1, 9), (2, 0), (2, 0)])

    assert runs.in_files
    assert held(runs) == {(1, 7): (1 << 33) + 1, (1, 8): 1, (1, 9): 2, (2, 0): 2}


RULES = """\
ruleset values.test { version "1.0.0" title "Values" }

table seen   = flows, distinct(dip), values(dport), quantile(bytes, 50%), distinct(bytes) of all per sip
table sides  = flows, distinct(dport) of all per outside
table beyond = flows, distinct(outside) of all per dport
table whole  = distinct(inside), distinct(outside), min(stime), distinct(bin(stime, 1h)) of all
"""


def flows(kinds: str) -> list[Chunk]:
    """Chunks of four flows each: ``4`` of IPv4, ``6`` of IPv6 (the first source is IPv4 all the same), ``l`` large, ``u`` of which some leave
    no outside address."""
    out = []
    for number, kind in enumerate(kinds):
        base = np.arange(4) + 4 * number
        sip, dip = ((10 << 24) + base % 3).astype(np.uint32), ((11 << 24) + base % 5).astype(np.uint32)
        if kind == "6":
            wide = [np.zeros(4, ADDRESS) for _ in range(2)]
            for side, narrow in zip(wide, (sip, dip), strict=True):
                side["low"] = narrow.astype(np.uint64) + np.uint64(IPV4_MAPPED)
            wide[1]["high"][2:] = 0x2001 << 48
            sip, dip = wide
        size = base.astype(np.uint64) * 10 + (1 << 40 if kind == "l" else 0)
        out.append(
            Chunk(
                {
                    "sip": sip,
                    "dip": dip,
                    "dport": np.where((kind == "u") & (base % 4 == 3), 9, base % 7).astype(np.uint16),
                    "bytes": size,
                    "stime": 1_767_571_200_000 + base * 1_800_000,
                    "duration": np.zeros(4, np.int64),
                    "type": (base % 2 if kind != "u" else base % 4 * 2).astype(np.uint8),
                    "protocol": np.full(4, 6, np.uint8),
                },
                4,
            )
        )
    return out


@pytest.mark.parametrize("kinds", ["444", "446", "644", "4l4", "l44", "46l", "44u", "u4l"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kept", [2, 1 << 21])
def test_values_that_stop_being_plain_or_lie_in_files_change_nothing(
    kinds: str, threads: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, 3, kept, 2)
    place = tmp_path / "rules.frules"
    place.write_text(RULES)
    rules = flowrules.load(place)
    chunks = flows(kinds)

    def found(order: list[Chunk]) -> list[list[tuple[object, ...]]]:
        sources = [FlowSource("x", "arrays", frozenset(c.columns), lambda *_, c=c: iter([c])) for c in order]
        tables = rules.run(sources, threads=threads).tables
        return [tables[name].rows() for name in ("seen", "sides", "beyond", "whole")]

    whole = found(chunks)
    assert whole == found(chunks[::-1])
    met = Counter((s, d) for c in chunks for s, d in zip(narrow(c["sip"]), narrow(c["dip"]), strict=True))
    often, different = Counter[int](), Counter[int]()
    for (source, _), count in met.items():
        often[source] += count
        different[source] += 1
    assert sorted(row[1:3] for row in whole[0]) == sorted((often[s], different[s]) for s in often)

    monkeypatch.setattr(PlainGroups, "of", lambda *_: None)
    assert whole == found(chunks)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    programs(), st.lists(random_flows, max_size=30), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4)
)
def test_few_values_at_a_time_agree_with_a_row_by_row_evaluator(
    made: Any, rows: Any, waiting: int, kept: int, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        limits(patch, waiting, kept, piece)
        results = run(made, [flow_source(rows)], threads=1, rows=5)
    check_against_oracle(made, rows, results)


@pytest.mark.parametrize("seed", range(3))
def test_values_are_the_same_with_a_state_and_from_other_processes(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    for number in range(seed + 1):
        states.write(folder / f"{number}.rw", seed + number, rows=300)
    loaded = states.rules(tmp_path, RULES)
    sources = open_sources([folder])
    plain, expected = states.found(loaded, folder), printed(loaded, sources)
    monkeypatch.setattr(partitions, "FEWEST", 100)
    limits(monkeypatch, 40, 20, 16)

    assert states.found(loaded, folder, State.open(tmp_path / "state")) == plain
    assert states.found(loaded, folder, State.open(tmp_path / "state")) == plain
    assert printed(loaded, sources, Elsewhere(seed)) == expected


def narrow(addresses: np.ndarray) -> list[int]:
    if addresses.dtype == ADDRESS:
        return [int(a["high"]) << 64 | int(a["low"]) for a in addresses]
    return [int(a) + IPV4_MAPPED for a in addresses]


def run_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    place = tmp_path / "rules.frules"
    place.write_text(RULES)
    limits(monkeypatch, 3, 2, 2)
    source = FlowSource("x", "arrays", frozenset(flows("4")[0].columns), lambda *_: iter(flows("4444")))
    return flowrules.load(place).run(source).tables["seen"].rows()


def test_stored_runs_stay_few() -> None:
    levels: Levels[list[int]] = Levels(4)

    def joined(runs: Sequence[list[int]]) -> list[int]:
        return [n for run in runs for n in run]

    for n in range(100):
        levels.add([n], joined)
        assert len(list(levels)) <= 12
    other: Levels[list[int]] = Levels(4)
    for n in range(100, 130):
        other.add([n], joined)
    levels.take_over(other, joined)
    assert not other
    assert len(list(levels)) <= 12
    assert sorted(n for run in levels for n in run) == list(range(130))
    levels.clear()
    assert not levels


def test_no_file_is_left(
    tmp_path: Path, scratch: Path, files_made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_with_files(tmp_path, monkeypatch)
    assert files_made
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        LimitExceeded, match=r"fill the disk of .* \(hint: set TMPDIR to a folder with more room\)$"
    ):
        run_with_files(tmp_path, monkeypatch)


def test_other_failures_to_write_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)

    with pytest.raises(PermissionError):
        run_with_files(tmp_path, monkeypatch)
