"""Groups as sorted runs, in memory and in files: the same groups as a row-by-row evaluator and as a table finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import flowrules
from flowrules.cluster import partitions
from flowrules.engine import group_runs, grouped, many_groups, sorted_values
from flowrules.engine.errors import DiskFull
from flowrules.engine.group_runs import ROWS, GroupRuns, Name, one_after_the_other
from flowrules.engine.key_layout import Layout, Raw
from flowrules.engine.run import run
from flowrules.engine.state.folder import State
from flowrules.flows.sources import open_sources
from flowrules.plan.aggregates import GREATEST, LEAST
from tests.cluster.flows import printed
from tests.cluster.test_partitions import Elsewhere
from tests.engine.building import flow_source
from tests.engine.state import test_state as states
from tests.engine.test_against_oracle import check_against_oracle, everything, flows, programs


@contextmanager
def sorting(waiting: int = 3, held: int = 1 << 20, piece: int = 2) -> Iterator[None]:
    """All rows that can be are sorted, so many at a time; what passes ``held`` bytes goes to files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many_groups, "FEW", 0)
        patch.setattr(many_groups, "SHARE", 1 << 20)
        patch.setattr(group_runs, "WAITING", waiting)
        patch.setattr(group_runs, "HELD", held)
        patch.setattr(group_runs, "PIECE", piece)
        patch.setattr(group_runs, "FILES", 2)
        patch.setattr(grouped, "STRETCH", piece)
        yield


HELD = st.sampled_from([1, 300, 1 << 20])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.lists(flows, max_size=30), st.integers(1, 12), HELD, st.integers(1, 4))
def test_sorted_rows_agree_with_a_row_by_row_evaluator(
    made: Any, rows: Any, waiting: int, held: int, piece: int
) -> None:
    with sorting(waiting, held, piece):
        results = run(made, [flow_source(rows)], threads=1, rows=5)
    check_against_oracle(made, rows, results)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    programs(),
    st.lists(flows, max_size=30),
    st.integers(1, 7),
    st.integers(1, 3),
    st.integers(1, 9),
    HELD,
    st.integers(1, 4),
)
def test_sorting_changes_nothing_whatever_the_chunks_threads_and_order(
    made: Any, rows: Any, size: int, threads: int, waiting: int, held: int, piece: int
) -> None:
    expected = everything(made, run(made, [flow_source(rows)], threads=1))
    with sorting(waiting, held, piece):
        found = run(made, [flow_source(rows[::-1])], threads=threads, rows=size)
    assert everything(made, found) == expected


# ---------------------------------------------------------------- runs by themselves

SUM, LOW, HIGH = Name(None, "sum"), Name(None, "least", LEAST), Name(None, "greatest", GREATEST)
ADDRESSES = [0, 1, 0xFFFF_FFFF, 7 << 24]
WIDE = [0, 1, 0xFFFF << 32 | 7 << 24, 1 << 100, (1 << 128) - 1]

keys = st.tuples(
    st.one_of(st.none(), st.sampled_from(ADDRESSES), st.sampled_from(WIDE).map(lambda n: ("wide", n))),
    st.one_of(st.none(), st.integers(0, 3), st.sampled_from([255, 256, 65_536, (1 << 64) - 1])),
)
entries = st.tuples(keys, st.integers(-3, 3), st.integers(0, 9))
lots = st.lists(st.lists(entries, min_size=1, max_size=6), max_size=6)


def whole_address(key: Any) -> int | None:
    """One number for an address, IPv4 as IPv4-mapped."""
    if key is None:
        return None
    return key[1] if isinstance(key, tuple) else (0xFFFF << 32) + key


def raw_of(values: list[Any]) -> Raw:
    known = np.array([v is not None for v in values])
    mask = None if known.all() else known
    if any(isinstance(v, tuple) for v in values):
        numbers = [whole_address(v) or 0 for v in values]
        halves = ([n >> 64 for n in numbers], [n & (1 << 64) - 1 for n in numbers])
        return Raw(tuple(np.array(h, np.uint64) for h in halves), mask)
    numbers = [v or 0 for v in values]
    return Raw((np.array(numbers, np.uint64 if max(numbers) >= 1 << 32 else np.uint32),), mask)


def fill(runs: GroupRuns, lot: list[Any]) -> None:
    sums = np.array([v for _, _, v in lot], np.uint8)
    signed = np.array([v for _, v, _ in lot], np.int64)
    columns = {SUM: sums, LOW: signed, HIGH: signed}
    runs.add([raw_of([k[0] for k, _, _ in lot]), raw_of([k[1] for k, _, _ in lot])], columns)


def found_in(runs: GroupRuns) -> dict[Any, tuple[int, int, int, int]]:
    layout = runs.settle()
    out: dict[Any, tuple[int, int, int, int]] = {}
    last = None
    for piece in runs.pieces():
        assert last is None or last <= int(piece.order[0])
        assert (piece.order[1:] >= piece.order[:-1]).all()
        last = int(piece.order[-1])
        assert layout is not None
        first, second = layout.unpack(piece.words or (layout.words_of(piece.order),))
        named = list(zip(addresses_of(first), numbers_of(second), strict=True))
        rows = (piece.columns[n].tolist() for n in (ROWS, SUM, LOW, HIGH))
        for key, *numbers in zip(named, *rows, strict=True):
            assert key not in out
            out[key] = tuple(numbers)  # type: ignore[assignment]
    return out


def known_of(raw: Raw) -> list[bool]:
    return [True] * len(raw.parts[0]) if raw.known is None else raw.known.tolist()


def addresses_of(raw: Raw) -> list[int | None]:
    if len(raw.parts) == 2:
        high, low = (p.tolist() for p in raw.parts)
        numbers = [h << 64 | n for h, n in zip(high, low, strict=True)]
    else:
        numbers = [(0xFFFF << 32) + n for n in raw.parts[0].tolist()]
    return [n if k else None for n, k in zip(numbers, known_of(raw), strict=True)]


def numbers_of(raw: Raw) -> list[int | None]:
    return [n if k else None for n, k in zip(raw.parts[0].tolist(), known_of(raw), strict=True)]


def expected_of(entries_: list[Any]) -> dict[Any, tuple[int, int, int, int]]:
    groups: dict[Any, list[tuple[int, int]]] = {}
    for (address, number), signed, value in entries_:
        groups.setdefault((whole_address(address), number), []).append((signed, value))
    return {
        key: (len(rows), sum(v for _, v in rows), min(s for s, _ in rows), max(s for s, _ in rows))
        for key, rows in groups.items()
    }


@given(lots, lots, st.integers(1, 9), HELD, st.integers(1, 4), st.booleans())
def test_runs_hold_what_a_dictionary_would(
    one: Any, two: Any, waiting: int, held: int, piece: int, clashing: bool
) -> None:
    with sorting(waiting, held, piece), pytest.MonkeyPatch.context() as patch:
        if clashing:
            # keys of several words that all have one of two numbers
            real = Layout.order
            patch.setattr(
                Layout,
                "order",
                lambda self, words: real(self, words) if len(words) == 1 else real(self, words) >> 63 << 40,
            )
        runs, other = GroupRuns(), GroupRuns()
        for lot in one:
            fill(runs, lot)
        for lot in two:
            fill(other, lot)
        runs.merge(other)
        event(f"in files: {runs.in_files}")
        assert found_in(runs) == expected_of([e for lot in [*one, *two] for e in lot])


def test_numbers_that_differ_in_their_low_bits_alone_are_put_in_order() -> None:
    numbers = np.array([5, 3, 4, 3, 1 << 50, (1 << 50) + 1, 1 << 50, 0, 1] * 40, np.uint64)
    places, found = group_runs._in_order(numbers)
    assert found.tolist() == sorted(numbers.tolist())
    assert numbers[places].tolist() == found.tolist()


@pytest.mark.parametrize("bits", [(32,), (32, 8), (32, 32), (64,), (16, 16, 8, 8), (32, 16, 8)])
def test_keys_of_one_word_are_told_by_their_number(bits: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    layout = Layout(tuple((b, False) for b in bits))
    kinds = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
    raws = [Raw((random.integers(0, 1 << b, 100, kinds[b], endpoint=False),)) for b in bits if b < 64]
    raws += [Raw((random.integers(0, (1 << 63) - 1, 100, np.uint64),)) for b in bits if b == 64]
    (word,) = layout.pack(raws)
    back = layout.unpack([layout.words_of(layout.order([word]))])
    for before, after in zip(raws, back, strict=True):
        assert before.parts[0].tolist() == after.parts[0].tolist()


def test_one_run_after_the_other_has_all_columns() -> None:
    runs = GroupRuns()
    fill(runs, [((7, 1), 2, 3)])
    runs.settle()
    (first,) = runs.pieces()
    bare = group_runs.Run(first.order + np.uint64(1), (), {ROWS: np.array([4])})
    both = one_after_the_other([first, bare])
    assert both.columns[SUM].tolist() == [3, 0]
    assert both.columns[ROWS].tolist() == [1, 4]


# ---------------------------------------------------------------- beyond one process, and files


@pytest.mark.parametrize("seed", range(3))
def test_sorted_groups_are_the_same_with_a_state_and_from_other_processes(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows").mkdir()
    for number in range(seed + 1):
        states.write(tmp_path / "flows" / f"{number}.rw", seed + number, rows=400)
    loaded = states.rules(tmp_path)
    sources = open_sources([tmp_path / "flows"])
    plain, expected = states.found(loaded, tmp_path / "flows"), printed(loaded, sources)
    monkeypatch.setattr(partitions, "FEWEST", 100)
    with sorting(60, 2000, 50):
        state = State.open(tmp_path / "state")
        assert states.found(loaded, tmp_path / "flows", state) == plain
        assert states.found(loaded, tmp_path / "flows", State.open(tmp_path / "state")) == plain
        assert printed(loaded, sources, Elsewhere(seed)) == expected


RULES = """\
ruleset groups.test { version "1.0.0" title "Groups" }

table pairs = sum(bytes), flows of all per sip, dip keep top 3
"""


def run_in_files(folder: Path) -> list[tuple[object, ...]]:
    (folder / "rules.frules").write_text(RULES)
    states.write(folder / "flows.rw", 1, rows=200)
    with sorting(20, 100, 10):
        return flowrules.load(folder / "rules.frules").run(folder / "flows.rw").tables["pairs"].rows()


def test_no_file_is_left(tmp_path: Path, scratch: Path, files_made: list[int]) -> None:
    assert run_in_files(tmp_path)
    assert files_made
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"^what is counted would fill the disk of .* \(hint: set TMPDIR to a"):
        run_in_files(tmp_path)


def test_an_interrupt_leaves_no_file(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = group_runs._in_file

    def interrupted(*args: Any) -> Any:
        held = real(*args)
        assert len(held)
        raise KeyboardInterrupt

    monkeypatch.setattr(group_runs, "_in_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_in_files(tmp_path)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("held", [1, 1 << 20])
def test_rows_and_different_values_are_sorted_indeed(
    held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = []
    real = sorted_values.SortedValues.finish

    def finish(self: Any, *args: Any) -> Any:
        met.append(self.runs.in_files)
        return real(self, *args)

    monkeypatch.setattr(sorted_values.SortedValues, "finish", finish)
    states.write(tmp_path / "flows.rw", 3, rows=200)
    (tmp_path / "rules.frules").write_text(
        RULES
        + "table values = distinct(dport), quantile(bytes, 50%), distinct(outside) of all per sip, dip\n"
    )
    loaded = flowrules.load(tmp_path / "rules.frules")
    plain = loaded.run(tmp_path / "flows.rw").to_json()
    with sorting(20, held, 10):
        assert loaded.run(tmp_path / "flows.rw").to_json() == plain
    assert met == [held == 1] * 3
