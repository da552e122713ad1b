"""Connections and port sequences: the kernels against the definitions said row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.features.connections import connection_events, destination
from flowrules.engine.features.ports import port_features
from flowrules.engine.features.rhythm import peak_concurrency
from flowrules.engine.features.sequence import (
    port_sequence,
    same_destination_far,
    same_destination_near,
)
from tests.engine.features import plain

Row = tuple[int, int, int, int]


@st.composite
def flows(draw: st.DrawFn) -> list[Row]:
    """Rows of one host of very different kinds: dense and sparse, stamps in ms or s, counters and chance."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    count = draw(st.sampled_from([0, 1, 2, 15, 60, 150, 250]))
    span = draw(st.sampled_from([10, 5_000, 60_000, 900_000, 7_200_000, 40_000_000]))
    unit = draw(st.sampled_from([1, 1_000, 30_000]))
    dests = draw(st.sampled_from([1, 2, 5, 200]))
    counters = draw(st.sampled_from([0, 1, 3]))
    start = np.sort(random.integers(0, span + 1, count) // unit * unit)
    end = start + random.integers(0, draw(st.sampled_from([1, 2_000, 300_000])), count)
    if counters:
        steps = (
            np.cumsum(random.integers(1, 4, (counters, count)), axis=1)
            + np.array([[49_152], [52_000], [65_400]])[:counters]
        )
        sport = 49_152 + (steps[random.integers(0, counters, count), np.arange(count)] - 49_152) % 16_384
    else:
        sport = random.integers(60_000, 60_000 + draw(st.sampled_from([3, 40, 5_536])), count)
    rows = np.stack([start, end, sport, random.integers(0, dests, count)], axis=1)
    if draw(st.booleans()):
        rows = np.concatenate([rows, rows[: count // 3]])
    return [tuple(row) for row in random.permutation(rows).tolist()]


def arrays(rows: list[Row]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(rows, np.int64).reshape(-1, 4).T)


def same(found: object, expected: plain.Sequence) -> None:
    for field in plain.Sequence._fields:
        assert getattr(found, field) == pytest.approx(getattr(expected, field), abs=1e-9), field


@given(flows())
@settings(max_examples=60, deadline=None)
def test_kernels_say_what_the_definitions_say(rows: list[Row]) -> None:
    found = connection_events(*arrays(rows))
    expected = plain.connections(rows)
    columns = (found.start, found.end, found.sport, found.dest)
    assert sorted(zip(*(c.tolist() for c in columns), strict=True)) == expected
    assert found.rows.sum() == len(rows)

    events = [plain.Event(start, sport, dest) for start, _, sport, dest in expected]
    columns = (found.start, found.sport, found.dest)
    same(port_sequence(*columns), plain.port_sequence(events))
    same(same_destination_far(*columns), plain.port_sequence(events, same_destination=True))
    near = same_destination_near(*columns)
    assert (near.value, near.pairs) == plain.near(events)
    spans = [(start, end) for start, end, _, _ in expected]
    assert peak_concurrency(found, 1).peak.tolist() == [plain.peak(spans)]


@given(st.lists(flows(), min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_hosts_in_one_batch_are_as_hosts_alone(lists: list[list[Row]], random: object) -> None:
    labelled = [(host, *row) for host, rows in enumerate(lists) for row in rows]
    random.shuffle(labelled)  # type: ignore[attr-defined]
    host, *columns = np.array(labelled, np.int64).reshape(-1, 5).T
    batch = port_features(*columns, host.astype(np.uint32), len(lists))
    for number, rows in enumerate(lists):
        alone = port_features(*arrays(rows))
        assert batch.style_of(number) == alone.style_of(0)
        assert batch.styles()[number] == alone.styles()[0] == alone.style_of(0).value
        assert batch.sequential_of(number) == alone.sequential_of(0)
    labels = [batch.range_of(n).value for n in range(len(lists))]
    assert batch.ranges().tolist() == labels
    assert batch.parities().tolist() == [batch.parity_of(n).value for n in range(len(lists))]


@pytest.mark.parametrize("dests", [1, 3, 400])
def test_hundreds_of_connections_at_one_time(dests: int) -> None:
    random = np.random.default_rng(dests)
    start = np.repeat(np.arange(0, 20) * 31_000, 100)
    sport = np.repeat(50_000 + 90 * np.arange(20), 100) + random.integers(-300, 300, 2_000)
    dest = random.integers(0, dests, 2_000)
    events = [plain.Event(*row) for row in zip(start.tolist(), sport.tolist(), dest.tolist(), strict=True)]
    same(port_sequence(start, sport, dest), plain.port_sequence(events))
    same(same_destination_far(start, sport, dest), plain.port_sequence(events, same_destination=True))


@pytest.mark.parametrize("size", [1, 40], ids=["walked", "searched"])
@pytest.mark.parametrize(
    ("rise", "above", "below"),
    [(1, 1, 0), (1_024, 1, 0), (1_025, 0, 0), (-1, 0, 1), (-1_024, 0, 1), (-1_025, 0, 0), (0, 0, 0)],
)
def test_a_rise_counts_up_to_1024(size: int, rise: int, above: int, below: int) -> None:
    start = np.repeat(np.arange(40) * 31_000, size)
    sport = 32_000 + np.repeat(np.arange(40), size) % 2 * rise
    found = port_sequence(start, sport, np.arange(len(start)))
    # every second step goes back again
    share = (above * 20 + below * 19) / 39
    assert (found.above, found.below) == pytest.approx((share, (below * 20 + above * 19) / 39))


def test_groups_reach_to_both_ends_of_the_port_axis() -> None:
    # ports at 0 and 65535 in neighbouring groups of 40 must not be taken for each other's neighbours
    start = np.repeat(np.arange(30) * 31_000, 40)
    sport = np.where(start // 31_000 % 2, 65_535, 0)
    dest = np.arange(len(start))
    found = port_sequence(start, sport, dest)
    assert (found.above, found.below, found.pairs) == (0.0, 0.0, 29 * 40)


def test_a_connection_goes_on_by_its_latest_end() -> None:
    # the second row ends before the first; the third starts 120 s after the first's end, the fourth later
    start = np.array([0, 10_000, 520_000, 640_001])
    end = np.array([400_000, 11_000, 520_000, 640_001])
    found = connection_events(start, end, np.full(4, 50_000), np.zeros(4, np.int64))
    assert found.start.tolist() == [0, 640_001]
    assert found.end.tolist() == [520_000, 640_001]
    assert found.rows.tolist() == [3, 1]


def test_damaged_times_do_not_overflow() -> None:
    # spans of 2**61 ms with a few runs would not fit when runs are laid end to end
    start = np.array([0, 5, 2**61, 7, 2**61 + 1])
    end = np.array([10, 6, 2**61 + 2, 8, 2**61 + 2])
    sport = np.array([1, 2, 2, 3, 4])
    found = connection_events(start, end, sport, np.zeros(5, np.int64))
    assert sorted(found.end.tolist()) == [6, 8, 10, 2**61 + 2, 2**61 + 2]
    twice = connection_events(np.tile(start, 2), np.tile(end, 2), np.tile(sport, 2), np.zeros(10, np.int64))
    assert twice.rows.tolist() == [2] * 5
    assert port_sequence(found.start, found.sport, found.dest).pairs == 0


def test_a_destination_is_address_and_port() -> None:
    code = destination(np.array([7, 7, 8], np.uint32), np.array([80, 443, 80], np.uint16))
    assert code.tolist() == [7 << 16 | 80, 7 << 16 | 443, 8 << 16 | 80]


def test_one_over_s_counts_the_counters() -> None:
    start = np.arange(400) * 31_000
    sport = 50_000 + 4_000 * (np.arange(400) * 7 % 11 % 2) + np.arange(400)
    found = port_sequence(start, sport, np.arange(400))
    assert found.value is not None
    assert found.counters == pytest.approx(1 / found.value)
    falling = port_sequence(start, 60_000 - np.arange(400), np.arange(400))
    assert (falling.value, falling.counters) == (-1.0, None)
