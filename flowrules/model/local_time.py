"""Local time of a zone for columns of UTC milliseconds: offset, hour, weekday, day.

A zone's clock changes a few times a year, so a column is converted through a short table of pieces with
one offset each, found with ``zoneinfo`` once per zone and day, never row by row.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0
_PROBE: Final = 3 * 3600  # no zone changes its clock twice within three hours
_FIRST_DAY: Final = (datetime(2, 1, 1) - datetime(1970, 1, 1)).days
_LAST_DAY: Final = (datetime(9998, 12, 31) - datetime(1970, 1, 1)).days
_NEAR_DAYS: Final = 40_000

Milliseconds = NDArray[np.int64]


def time_zone(name: str) -> tzinfo:
    """The zone of an IANA name such as ``Europe/Berlin``; raises ``ValueError`` where there is none."""
    if name == "UTC":
        return UTC  # needs no zone files
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"no time zone {name!r}: IANA names such as Europe/Berlin or UTC are expected"
        ) from error


def utc_offset(ms: Milliseconds, zone: str) -> Milliseconds:
    """What to add to UTC milliseconds (int64) to get the zone's wall clock, as int64 milliseconds.

    Years before 2 and after 9998, which only damaged records bear, take the nearest year's offset.
    Raises ``ValueError`` for an unknown zone.
    """
    if len(ms) == 0:
        time_zone(zone)
        return np.zeros(0, np.int64)
    starts, offsets = _pieces(ms, zone)
    if len(starts) == 1:
        return np.full(len(ms), offsets[0], np.int64)
    return offsets.take(np.searchsorted(starts, ms, "right") - 1)


def local_time(ms: Milliseconds, zone: str) -> Milliseconds:
    """The zone's wall clock, as int64 milliseconds since 1970-01-01T00:00 of that clock."""
    return ms + utc_offset(ms, zone)


def local_hour(ms: Milliseconds, zone: str = "UTC") -> NDArray[np.uint8]:
    """The hour of the zone's wall clock, 0..23 (uint8)."""
    hour: NDArray[np.uint8] = (local_time(ms, zone) // HOUR % 24).astype(np.uint8)
    return hour


def local_weekday(ms: Milliseconds, zone: str = "UTC") -> NDArray[np.uint8]:
    """The day of the week by the zone's wall clock, Monday 0 .. Sunday 6 (uint8)."""
    return weekday_of(local_time(ms, zone) // DAY)


def weekday_of(day: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The day of the week, Monday 0 .. Sunday 6, of days counted from 1970-01-01 (int64)."""
    weekday: NDArray[np.uint8] = ((day + _EPOCH_WEEKDAY) % 7).astype(np.uint8)
    return weekday


def day_number(day: date) -> int:
    """Days from 1970-01-01 to ``day``."""
    return (day - date(1970, 1, 1)).days


def _pieces(ms: Milliseconds, zone: str) -> tuple[Milliseconds, Milliseconds]:
    """First milliseconds and offsets of the pieces of time that the days of ``ms`` fall into."""
    time_zone(zone)
    day = ms // DAY
    low, high = int(day.min()), int(day.max())
    if high - low <= _NEAR_DAYS:
        seen = np.zeros(high - low + 1, np.bool_)
        seen[day - low] = True
        days = np.flatnonzero(seen) + low
    else:
        ordered = np.sort(day)
        days = ordered[np.r_[True, ordered[1:] != ordered[:-1]]]
    starts: list[int] = []
    offsets: list[int] = []
    for one in days.tolist():
        for start, offset in _day_pieces(zone, one):
            if not offsets or offsets[-1] != offset:
                starts.append(start)
                offsets.append(offset)
    return np.array(starts, np.int64), np.array(offsets, np.int64)


@lru_cache(maxsize=1 << 16)
def _day_pieces(zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """``(first millisecond, offset)`` of each piece of one UTC day."""
    if not _FIRST_DAY <= day <= _LAST_DAY:
        nearest = min(max(day, _FIRST_DAY), _LAST_DAY)
        return ((day * DAY, _offset(zone, nearest * 86_400)),)
    start = day * 86_400
    offset = _offset(zone, start)
    pieces = [(day * DAY, offset)]
    for probe in range(start + _PROBE, start + 86_401, _PROBE):
        after = _offset(zone, probe)
        if after != offset:
            same, changed = probe - _PROBE, probe
            while changed - same > 1:
                middle = (same + changed) // 2
                if _offset(zone, middle) == offset:
                    same = middle
                else:
                    changed = middle
            if changed < start + 86_400:
                pieces.append((changed * SECOND, after))
            offset = after
    return tuple(pieces)


def _offset(zone: str, second: int) -> int:
    """The zone's offset at a UTC second since 1970, in milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    offset = moment.astimezone(time_zone(zone)).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * SECOND)
