"""Overlap, gaps, beacons, busy bins and ratios."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from statistics import fmean, median, pstdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.features.connections import connection_events
from flowrules.engine.features.hosts import per_host, sample_hours
from flowrules.engine.features.ratios import client_ratio, relative, upload_ratio
from flowrules.engine.features.rhythm import (
    active,
    beacons,
    duty_cycle,
    gap_rows,
    gap_statistics,
    peak_concurrency,
)
from flowrules.model.fields import ADDRESS

starts = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100_000)), max_size=120)


@given(starts)
@settings(max_examples=60, deadline=None)
def test_beacons_and_gaps_of_groups_are_as_of_lists(rows: list[tuple[int, int]]) -> None:
    group, start = np.array(rows, np.int64).reshape(-1, 2).T
    found = beacons(start, group, 4)
    of_gap, gap = gap_rows(start, group)
    for number in range(4):
        mine = sorted(moment for owner, moment in rows if owner == number)
        gaps = [after - before for before, after in pairwise(mine)]
        assert gap[of_gap == number].tolist() == gaps
        statistics = gap_statistics(np.array(mine, np.int64))
        assert statistics.value == (pytest.approx(fmean(gaps)) if gaps else None)
        assert statistics.deviation == (pytest.approx(pstdev(gaps)) if gaps else None)
        long = [one for one in gaps if one >= 500]
        one = found.of(number)
        assert one.gaps == len(long)
        if long:
            middle = median(long)
            assert one.period == middle
            if len(long) >= 20:
                off = median(abs(value - middle) for value in long)
                assert one.value == pytest.approx(max(0.0, 1 - off / middle))
        assert (one.value is None) == (len(long) < 20) == bool(one.why_unknown)


def test_a_beacon_bears_missing_starts_and_bursts() -> None:
    clock = np.arange(100) * 60_000
    kept = beacons(clock[np.arange(100) % 3 > 0]).of(0)  # every third is missing
    assert (kept.value, kept.period) == (1.0, 60_000)
    rare = np.delete(clock, [10, 20, 30, 40])
    burst = np.concatenate([rare, rare + 20, rare + 40])
    found = beacons(burst).of(0)
    assert (found.value, found.gaps) == (pytest.approx(1.0, abs=1e-3), 95)
    quick = beacons(np.arange(30) * 500).of(0)
    assert (quick.value, quick.period, quick.gaps) == (1.0, 500, 29)
    assert beacons(np.arange(30) * 499).of(0).gaps == 0
    assert beacons(clock[:20]).of(0).why_unknown == "19 gaps, 20 needed"


def test_gaps_of_years_are_exact() -> None:
    start = np.array([0, 1, 2**41 + 3])
    gaps = [1, 2**41 + 2]
    found = gap_statistics(start)
    assert found.value == sum(gaps) / 2
    total, squares = sum(gaps), sum(g * g for g in gaps)
    assert found.deviation == sqrt((2 * squares - total * total) / 4)
    assert (found.shortest, found.longest) == (1, 2**41 + 2)
    assert gap_statistics(start[:1]).why_unknown == "1 flows, 2 needed"


def test_concurrency_ends_before_it_starts() -> None:
    host = np.repeat([0, 2], [3, 20])
    start = np.concatenate([[0, 10, 10], np.zeros(20, np.int64)])
    end = np.concatenate([[10, 10, 20], np.arange(20)])
    found = peak_concurrency(connection_events(start, end, np.arange(23), np.zeros(23, np.int64), host), 3)
    assert found.peak.tolist() == [2, 0, 20]
    assert found.known.tolist() == [False, False, True]
    assert found.of(2).value == 20
    assert (found.of(0).value, found.of(0).peak) == (None, 2)
    assert found.of(0).why_unknown == "3 connections, 20 needed"


def test_active_and_duty_cycle_count_bins() -> None:
    start = np.array([0, 1, 299_999, 300_000, 3_600_000, -1])
    group = np.array([0, 0, 0, 0, 0, 1])
    assert active(start, 300_000, group, 3).tolist() == [900_000, 300_000, 0]
    assert active(start, 3_600_000, group, 3).tolist() == [7_200_000, 3_600_000, 0]
    found = duty_cycle(start, 0, 3_899_999, group, 2)
    assert found.of(0).value == 3 / 13
    assert found.of(1).value == 0.0  # its flow lies outside the window
    assert found.value.tolist() == [3 / 13, 0.0]
    short = duty_cycle(start, 0, 3_000_000)
    assert short.of(0).why_unknown == "11 bins of 5 minutes, 12 needed"
    assert np.isnan(short.value).all()


def test_client_ratio_needs_decided_events() -> None:
    counts = np.array([[30, 10, 0], [10, 9, 0], [15, 5, 20], [0, 20, 19]]).T
    found = client_ratio(*counts)
    assert [found.of(host).value for host in range(4)] == [0.75, None, None, 0.0]
    assert found.of(1).why_unknown == "19 events, 20 needed"
    assert found.of(2).why_unknown == "initiator known of 20 of 40 events, more than half needed"


def test_upload_ratio_needs_both_directions() -> None:
    found = upload_ratio(*np.array([[10, 30, 20, 5], [10, 0, 20, 0], [10, 30, 19, 5], [0, 0, 20, 1]]).T)
    assert [found.of(host).value for host in range(4)] == [0.25, None, None, None]
    assert found.of(1).why_unknown == "one direction seen, both needed"
    assert found.of(2).why_unknown == "19 events, 20 needed"
    assert found.of(3).why_unknown == "no bytes"


def test_relative_is_to_the_median_of_hosts_that_talk() -> None:
    m = np.array([*range(10, 110, 10), 1_000_000], np.uint64)
    flows = np.array([10] * 10 + [9])
    found = relative(m, flows)
    assert (found.median, found.hosts) == (55.0, 10)
    assert found.of(10).value == pytest.approx(1_000_000 / 55)  # too few flows to count, not to compare
    few = relative(m[1:], flows[1:])
    assert few.of(0).why_unknown == "9 hosts with 10 flows, 10 needed"
    assert np.isnan(few.value).all()
    zero = relative(np.zeros(12), np.full(12, 10))
    assert (zero.of(0).value, zero.of(0).why_unknown) == (None, "the median host has 0")


def test_per_host_hands_each_host_its_rows() -> None:
    hosts = np.array([3, 3, 5, 9, 9, 9], np.uint32)
    column = np.arange(6)
    found, sums = per_host(hosts, (column, column * 2), lambda a, b: (a.tolist(), int(b.sum())))
    assert found.tolist() == [3, 5, 9]
    assert sums == [([0, 1], 2), ([2], 4), ([3, 4, 5], 24)]
    wide = np.array([(0, 1), (1, 1), (1, 1), (1, 2)], ADDRESS)
    assert per_host(wide, (column[:4],), len)[1] == [1, 2, 1]
    assert per_host(hosts[:0], (column[:0],), len)[1] == []
    with pytest.raises(ValueError, match="columns of 5 rows beside 6 rows of hosts"):
        per_host(hosts, (column[:5],), len)


def test_hours_are_chosen_whole_and_the_same_in_any_order() -> None:
    random = np.random.default_rng(4)
    start = random.integers(0, 48 * 3_600_000, 5_000)
    host = random.integers(0, 2, 5_000)
    addresses = np.array([1, 2], np.uint32)
    all_rows = sample_hours(host, start, 2, addresses, 5_000)
    assert all_rows.index is None
    sample = sample_hours(host, start, 2, addresses, 1_000)
    assert sample.index is not None
    taken = np.zeros(5_000, bool)
    taken[sample.index] = True
    for number in range(2):
        hours = start // 3_600_000
        chosen = set(hours[taken & (host == number)].tolist())
        assert not chosen & set(hours[~taken & (host == number)].tolist())
        assert (sample.taken[number], sample.seen[number]) == (len(chosen), 48)
        assert 900 < np.count_nonzero(taken & (host == number)) <= 1_000
    order = random.permutation(5_000)
    again = sample_hours(host[order], start[order], 2, addresses, 1_000)
    assert again.index is not None
    assert sorted(order[again.index].tolist()) == sample.index.tolist()
    # an address chooses alike in either form, another one otherwise
    wide = np.array([(0, (0xFFFF << 32) + 1), (0, 7)], ADDRESS)
    other = sample_hours(host, start, 2, wide, 1_000)
    assert other.index is not None
    mine = sample.index[host[sample.index] == 0]
    assert other.index[host[other.index] == 0].tolist() == mine.tolist()
    assert other.index[host[other.index] == 1].tolist() != sample.index[host[sample.index] == 1].tolist()
    # one hour is taken even where it is too large by itself
    one = sample_hours(np.zeros(50, np.int64), np.arange(50), 1, None, 10)
    assert one.index is not None
    assert (len(one.index), one.taken[0], one.seen[0]) == (50, 1, 1)
