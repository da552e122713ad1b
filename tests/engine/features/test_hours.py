"""Schedule fit, weekday ratio and hour entropy: limits, caps, zones, many hosts at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.features.schedule import hour_entropy, schedule_fit, weekday_ratio
from flowrules.model.schedule import Schedule, Slot

HOUR = 3_600_000
OFFICE = Schedule([Slot(range(5), 8 * 60, 18 * 60)], "Europe/Berlin")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


MONDAY = ms("2026-01-05T00:00+01:00")
WEEK = (MONDAY, MONDAY + 7 * 24 * HOUR - 1)


def plain_fit(start: list[int], schedule: Schedule, first: int, last: int) -> tuple[float | None, float]:
    width = 300_000
    observed = range(first // width, last // width + 1)
    inside = {b: bool(schedule.contains(np.array([b * width]))[0]) for b in observed}
    window = sum(inside.values()) / len(inside)
    counts: dict[int, int] = {}
    for moment in start:
        counts[moment // width] = counts.get(moment // width, 0) + 1
    enough = min(sum(inside.values()), len(inside) - sum(inside.values())) >= 48 and len(start) >= 50
    if not enough:
        return None, window
    cap = float(np.percentile(list(counts.values()), 75))
    capped = {b: min(count, cap) for b, count in counts.items()}
    fraction = sum(count for b, count in capped.items() if inside[b]) / sum(capped.values())
    return (fraction - window) / (1 - window), window


@given(st.integers(0, 2**32 - 1), st.sampled_from([20, 60, 400]), st.integers(1, 48))
@settings(max_examples=60, deadline=None)
def test_fit_says_what_the_definition_says(seed: int, rows: int, hours: int) -> None:
    random = np.random.default_rng(seed)
    host = random.integers(0, 3, rows)
    # some bins hold far more than others
    place = np.minimum(random.integers(0, 576, rows), random.integers(100, 1_000, rows))
    start = MONDAY + place * hours * HOUR // 576
    window = MONDAY, MONDAY + hours * HOUR - 1
    found = schedule_fit(start, OFFICE, *window, host, 3)
    for number in range(3):
        value, share = plain_fit(start[host == number].tolist(), OFFICE, *window)
        one = found.of(number)
        assert one.window == share
        assert one.value == pytest.approx(value, abs=1e-12)
        assert one.flows == int(np.count_nonzero(host == number))


def test_a_start_may_stand_for_several_flows() -> None:
    random = np.random.default_rng(11)
    start = MONDAY - 2 * HOUR + random.integers(0, 600, 900) * 300_000
    host, flows = random.integers(0, 4, 900), random.integers(1, 9, 900)
    window = MONDAY, MONDAY + 48 * HOUR - 1
    counted = schedule_fit(start, OFFICE, *window, host, 5, flows_of=flows)
    repeated = schedule_fit(np.repeat(start, flows), OFFICE, *window, np.repeat(host, flows), 5)
    assert [counted.of(n) for n in range(5)] == [repeated.of(n) for n in range(5)]
    assert counted.of(0).flows > 0 and counted.of(4).flows == 0
    alone = schedule_fit(start, OFFICE, *window, flows_of=flows)
    assert alone.of(0) == schedule_fit(np.repeat(start, flows), OFFICE, *window).of(0)
    none = schedule_fit(start[:0], OFFICE, *window, flows_of=flows[:0])
    assert none.of(0).flows == 0


def test_an_office_worker_and_a_server_differ() -> None:
    hours = np.arange(WEEK[0], WEEK[1], 600_000)
    worker = hours[OFFICE.contains(hours)]
    start = np.concatenate([worker, hours])
    host = np.repeat([0, 1], [len(worker), len(hours)])
    found = schedule_fit(start, OFFICE, *WEEK, host, 2)
    assert found.of(0).value == 1.0
    assert found.of(1).value == pytest.approx(0.0)
    assert found.of(0).window == pytest.approx(50 / 168)
    assert (found.of(0).hours_in, found.of(0).hours_out) == (50.0, 118.0)


@pytest.mark.parametrize(
    ("first", "hours", "flows", "why"),
    [
        ("2026-01-05T09:00+01:00", 1, 99, "0.0 hours of data outside the schedule, 4 needed"),
        ("2026-01-05T01:00+01:00", 5, 99, "0.0 hours of data in the schedule, 4 needed"),
        ("2026-01-05T06:00+01:00", 5, 99, "2.0 hours of data outside the schedule, 4 needed"),
        ("2026-01-05T04:00+01:00", 8, 49, "49 flows, 50 needed"),
        ("2026-01-05T04:00+01:00", 8, 50, ""),
    ],
)
def test_fit_needs_hours_on_both_sides_and_fifty_flows(first: str, hours: int, flows: int, why: str) -> None:
    low = ms(first)
    found = schedule_fit(low + np.arange(flows) * 1_000, OFFICE, low, low + hours * HOUR - 1).of(0)
    assert found.why_unknown == why
    assert (found.value is None) == (found.fraction is None) == bool(why)


def test_flows_outside_the_window_do_not_count() -> None:
    start = np.concatenate([MONDAY + np.arange(60) * 60_000, [MONDAY - 400_000, WEEK[1] + 400_000]])
    assert schedule_fit(start, OFFICE, *WEEK).of(0).flows == 60
    with pytest.raises(ValueError, match="ends before it begins"):
        schedule_fit(start, OFFICE, WEEK[1], WEEK[0])


def test_weekdays_against_weekends_in_the_zones_days() -> None:
    weekday = MONDAY + np.arange(0, 5 * 24) * HOUR
    saturday = MONDAY + 5 * 24 * HOUR + np.arange(0, 48, 4) * HOUR
    start = np.concatenate([weekday, saturday, weekday])
    host = np.repeat([0, 1], [132, 120])
    found = weekday_ratio(start, "Europe/Berlin", *WEEK, host, 2)
    assert found.of(0).value == pytest.approx(4.0)
    assert (found.of(0).weekday_flows, found.of(0).weekend_flows) == (120, 12)
    assert (found.of(0).weekday_hours, found.of(0).weekend_hours) == (120.0, 48.0)
    assert found.of(1).why_unknown == "0 flows at weekends, 1 needed"
    # in UTC the same hours begin on Sunday evening
    assert weekday_ratio(start, "UTC", *WEEK, host, 2).of(1).weekend_flows == 1


@pytest.mark.parametrize(
    ("first", "days", "why"),
    [
        ("2026-01-05T00:00+01:00", 5, "0 whole weekend days of data, 1 needed"),
        ("2026-01-10T00:00+01:00", 2, "0 whole weekdays of data, 1 needed"),
        ("2026-01-09T00:00+01:00", 2, ""),  # Friday and Saturday
        ("2026-01-09T00:05+01:00", 2, "0 whole weekdays of data, 1 needed"),
        ("2026-01-09T00:04+01:00", 2, ""),  # within the bin
        ("2026-03-28T00:00+01:00", 3, ""),  # Sunday has 23 hours
    ],
)
def test_weekday_ratio_needs_a_whole_day_of_each(first: str, days: int, why: str) -> None:
    low = ms(first)
    high = ms((datetime.fromisoformat(first) + timedelta(days=days)).isoformat()) - 1
    found = weekday_ratio(np.arange(low, high, HOUR), "Europe/Berlin", low, high).of(0)
    assert found.why_unknown == why
    assert (found.value is None) == bool(why)


def test_hour_entropy_is_one_when_even_and_nought_in_one_hour() -> None:
    every = MONDAY + np.arange(168) * HOUR
    noon = MONDAY + np.arange(7) * 24 * HOUR + 12 * HOUR
    halves = np.concatenate([noon, noon + HOUR])
    start = np.concatenate([every, noon, halves])
    host = np.repeat([0, 1, 2], [168, 7, 14])
    found = hour_entropy(start, "Europe/Berlin", *WEEK, host, 4)
    assert found.of(0).value == pytest.approx(1.0)
    assert found.of(1).value == 0.0
    assert found.of(2).value == pytest.approx(1 / np.log2(24))
    assert found.of(3).why_unknown == "0 flows, 1 needed"
    short = hour_entropy(every[:9], "UTC", MONDAY, MONDAY + 9 * HOUR - 1).of(0)
    assert (short.value, short.why_unknown) == (None, "9.0 hours of data, 24 needed")
