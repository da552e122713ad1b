"""Schedules and local time against plain zoneinfo, one moment after another."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.model.local_time import local_hour, local_weekday, utc_offset
from flowrules.model.schedule import Schedule, Slot

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # clocks move by half an hour
    "Africa/Casablanca",  # summer time pauses in Ramadan
    "Pacific/Apia",  # 2011-12-30 did not happen
    "America/Sao_Paulo",  # midnight did not happen
    "Africa/Monrovia",  # 44 minutes 30 seconds behind until 1972
    "Pacific/Kiritimati",
]


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def plain_contains(schedule: Schedule, moment: int) -> bool:
    local = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(schedule.zone_name))
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    minute = local.hour * 60 + local.minute
    for slot in schedule.slots:
        begins_today = today.weekday() in slot.days and today not in schedule.excepted
        began_yesterday = yesterday.weekday() in slot.days and yesterday not in schedule.excepted
        if slot.start < slot.end:
            if begins_today and slot.start <= minute < slot.end:
                return True
        elif (begins_today and minute >= slot.start) or (began_yesterday and minute < slot.end):
            return True
    return False


moments = st.one_of(
    st.integers(ms("1970-01-01T00:00Z"), ms("2099-12-31T00:00Z")),
    *(  # around changes of clocks
        st.integers(-100_000_000, 100_000_000).map(lambda off, at=at: ms(at) + off)
        for at in (
            "2026-03-29T01:00Z",
            "2026-10-25T01:00Z",
            "2026-11-01T06:00Z",
            "2026-04-04T15:00Z",
            "2011-12-30T10:00Z",
            "2018-11-04T03:00Z",
            "1972-01-07T00:44:30Z",
            "2026-02-15T02:00Z",
        )
    ),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    made = []
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, 1439))
        end = draw(st.integers(0, 1440).filter(lambda end, start=start: end != start))
        made.append(Slot(draw(st.sets(st.integers(0, 6), min_size=1)), start, end))
    dates = st.sampled_from(
        [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25), date(2011, 12, 31), date(2026, 11, 1)]
    )
    return Schedule(made, draw(st.sampled_from(ZONES)), draw(st.sets(dates)))


@given(schedules(), st.lists(moments, min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_contains_says_what_zoneinfo_says(schedule: Schedule, when: list[int]) -> None:
    found = schedule.contains(np.array(when, np.int64))
    assert found.tolist() == [plain_contains(schedule, moment) for moment in when]


@given(st.sampled_from(ZONES), st.lists(moments, min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_hours_and_weekdays_are_the_zones(zone: str, when: list[int]) -> None:
    column = np.array(when, np.int64)
    local = [datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(zone)) for moment in when]
    assert local_hour(column, zone).tolist() == [moment.hour for moment in local]
    assert local_weekday(column, zone).tolist() == [moment.weekday() for moment in local]


OFFICE = Schedule([Slot(range(5), 8 * 60, 18 * 60)], "Europe/Berlin", [date(2026, 12, 25)])


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-03-27T07:00Z", True),  # Friday before the clocks go forward: 08:00
        ("2026-03-27T06:59:59.999Z", False),
        ("2026-03-30T06:00Z", True),  # Monday after: 08:00 is an hour earlier in UTC
        ("2026-03-30T05:59:59.999Z", False),
        ("2026-03-30T15:59:59.999Z", True),
        ("2026-03-30T16:00Z", False),  # the end is out
        ("2026-12-25T10:00Z", False),  # a Friday, excepted
        ("2026-12-24T10:00Z", True),
        ("2026-12-26T10:00Z", False),  # Saturday
    ],
)
def test_office_hours_follow_the_clock(moment: str, inside: bool) -> None:
    assert OFFICE.contains(np.array([ms(moment)])).tolist() == [inside]


def test_a_night_belongs_to_the_day_it_began() -> None:
    friday_night = Schedule([Slot({4}, 22 * 60, 6 * 60)], "UTC")
    assert friday_night.slots[0].overnight
    when = [
        "2026-01-02T21:59Z",
        "2026-01-02T22:00Z",
        "2026-01-03T05:59Z",
        "2026-01-03T06:00Z",
        "2026-01-03T23:00Z",
    ]
    column = np.array([ms(text) for text in when])
    assert friday_night.contains(column).tolist() == [False, True, True, False, False]
    # without that Friday, Saturday's early hours go with it
    excepted = Schedule(friday_night.slots, "UTC", [date(2026, 1, 2)])
    assert not excepted.contains(column).any()
    # the exception of the day it runs into takes nothing from it
    next_day = Schedule(friday_night.slots, "UTC", [date(2026, 1, 3)])
    assert next_day.contains(column).tolist() == [False, True, True, False, False]


def test_both_passes_of_a_repeated_hour_count() -> None:
    early = Schedule([Slot({6}, 2 * 60, 3 * 60)], "Europe/Berlin")
    column = np.arange(ms("2026-10-24T23:00Z"), ms("2026-10-25T04:00Z"), 1_800_000)
    assert early.contains(column).sum() == 4  # 02:00, 02:30, and both once more
    column = np.arange(ms("2026-03-28T23:00Z"), ms("2026-03-29T04:00Z"), 1_800_000)
    assert not early.contains(column).any()  # 02:00 to 03:00 did not happen


def test_damaged_times_have_some_answer() -> None:
    column = np.array([-(2**62), ms("2026-01-05T12:00Z"), 2**62])
    assert OFFICE.contains(column)[1]
    assert local_hour(column, "Europe/Berlin")[1] == 13
    assert utc_offset(np.zeros(0, np.int64), "Europe/Berlin").shape == (0,)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (OFFICE, "mon-fri 08:00-18:00 Europe/Berlin except (2026-12-25)"),
        (
            Schedule(
                [Slot(range(5), 480, 1080), Slot({5}, 540, 720)],
                "Europe/Berlin",
                [date(2026, 12, 26), date(2026, 12, 25)],
            ),
            "mon-fri 08:00-18:00, sat 09:00-12:00 Europe/Berlin except (2026-12-25, 2026-12-26)",
        ),
        (Schedule([Slot(range(7), 22 * 60, 6 * 60)]), "mon-sun 22:00-06:00"),
        (
            Schedule([Slot({0, 2, 3, 6}, 0, 1440)], "UTC"),
            "mon 00:00-24:00, wed-thu 00:00-24:00, sun 00:00-24:00 UTC",
        ),
    ],
)
def test_a_schedule_is_printed_as_the_language_writes_it(schedule: Schedule, text: str) -> None:
    assert str(schedule) == text


def test_the_site_gives_the_zone_that_a_schedule_leaves_out() -> None:
    noon = Schedule([Slot(range(7), 720, 780)])
    at = np.array([ms("2026-07-01T10:30Z")])
    assert not noon.contains(at)[0]
    assert noon.in_zone("Europe/Berlin").contains(at)[0]
    assert OFFICE.in_zone("Asia/Tokyo") == OFFICE


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slot([], 0, 60), "at least one"),
        (lambda: Slot([7], 0, 60), "0 .monday. to 6"),
        (lambda: Slot([0], 1440, 60), "not at 24:00"),
        (lambda: Slot([0], 0, 1441), "not at 24:01"),
        (lambda: Slot([0], 480, 480), "00:00-24:00 is the whole day"),
        (lambda: Schedule([]), "mon-fri 08:00-18:00"),
        (lambda: Schedule([Slot([0], 0, 60)], "Europe/Berlni"), "no time zone 'Europe/Berlni'"),
        (lambda: Schedule([Slot([0], 0, 60)], "../etc/passwd"), "no time zone"),
        (lambda: local_hour(np.zeros(1, np.int64), "Mars/Olympus"), "no time zone 'Mars/Olympus'"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
