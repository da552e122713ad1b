"""Hours of the week in a zone: what ``schedule`` declares and ``stime in office`` asks.

A slot is ``[start, end)`` on the zone's wall clock.  A slot whose end lies before its start runs into the
next day and belongs to the day it began.  An exception date has no hours: none begin on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrules.model.local_time import DAY, MINUTE, day_number, local_time, time_zone, weekday_of
from flowrules.model.structural import Structural

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The language's names of the days of the week, Monday first (0)."""

_DAY_MINUTES: Final = 24 * 60


def _days(value: Iterable[int]) -> frozenset[int]:
    return frozenset(value)


@frozen(eq=False, repr=False)
class Slot(Structural):
    """Hours of some days of the week: minutes ``start`` (0..1439) to ``end`` (1..1440), the end out.

    ``days`` are numbers, Monday 0.  ``end < start`` runs into the next day.  Raises ``ValueError`` for no
    days, minutes outside the day, or a slot whose start is its end.
    """

    days: frozenset[int] = field(converter=_days)
    start: int
    end: int

    def __attrs_post_init__(self) -> None:
        if not self.days or not all(0 <= day <= 6 for day in self.days):
            raise ValueError(f"days of a slot are 0 (monday) to 6, at least one, not {sorted(self.days)}")
        if not 0 <= self.start < _DAY_MINUTES:
            raise ValueError(f"a slot starts between 00:00 and 23:59, not at {clock(self.start)}")
        if not 0 <= self.end <= _DAY_MINUTES:
            raise ValueError(f"a slot ends between 00:00 and 24:00, not at {clock(self.end)}")
        if self.start == self.end:
            raise ValueError(
                f"a slot from {clock(self.start)} to {clock(self.end)} has no hours: 00:00-24:00 is the whole day"
            )

    @property
    def overnight(self) -> bool:
        """Whether the slot runs into the next day."""
        return self.end < self.start

    def __str__(self) -> str:
        hours = f"{clock(self.start)}-{clock(self.end)}"
        return ", ".join(f"{days} {hours}" for days in _day_runs(self.days))


def _slots(value: Iterable[Slot]) -> tuple[Slot, ...]:
    return tuple(value)


def _dates(value: Iterable[date]) -> frozenset[date]:
    return frozenset(value)


@frozen(eq=False, repr=False)
class Schedule(Structural):
    """Slots of the week in one zone, without the days excepted.

    ``zone`` is an IANA name, or ``None`` where the ruleset leaves it to the site (read as UTC until
    ``in_zone`` binds it).  Raises ``ValueError`` for no slots or an unknown zone.
    """

    slots: tuple[Slot, ...] = field(converter=_slots)
    zone: str | None = None
    excepted: frozenset[date] = field(converter=_dates, default=frozenset())

    def __attrs_post_init__(self) -> None:
        if not self.slots:
            raise ValueError("a schedule needs at least one slot such as mon-fri 08:00-18:00")
        if self.zone is not None:
            time_zone(self.zone)

    @property
    def zone_name(self) -> str:
        """The zone that the hours are read in."""
        return self.zone or "UTC"

    def in_zone(self, zone: str) -> Schedule:
        """This schedule with the site's zone where it names none itself."""
        return self if self.zone is not None else evolve(self, zone=zone)

    def contains(self, ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the UTC milliseconds (int64) fall within the hours, as a bool array.

        Where the clock is set back, both passes of the repeated hour count alike.
        """
        local = local_time(ms, self.zone_name)
        day = local // DAY
        minute = (local - day * DAY) // MINUTE
        weekday = weekday_of(day).astype(np.int64)
        begun, carried = self._week()
        inside: NDArray[np.bool_] = begun.take(weekday * _DAY_MINUTES + minute) & ~self._is_excepted(day)
        if carried.any():
            before = (weekday + 6) % 7
            inside |= carried.take(before * _DAY_MINUTES + minute) & ~self._is_excepted(day - 1)
        return inside

    def _week(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Minutes of each weekday within its own slots, and minutes of the day after that its slots reach."""
        begun = np.zeros((7, _DAY_MINUTES), np.bool_)
        carried = np.zeros((7, _DAY_MINUTES), np.bool_)
        for slot in self.slots:
            for day in slot.days:
                if slot.overnight:
                    begun[day, slot.start :] = True
                    carried[day, : slot.end] = True
                else:
                    begun[day, slot.start : slot.end] = True
        return begun.ravel(), carried.ravel()

    def _is_excepted(self, day: NDArray[np.int64]) -> NDArray[np.bool_]:
        out = np.zeros(len(day), np.bool_)
        for excepted in self.excepted:
            out |= day == day_number(excepted)
        return out

    def __str__(self) -> str:
        text = ", ".join(str(slot) for slot in self.slots)
        if self.zone is not None:
            text += f" {self.zone}"
        if self.excepted:
            text += f" except ({', '.join(day.isoformat() for day in sorted(self.excepted))})"
        return text


def clock(minute: int) -> str:
    """Minutes of a day as ``hh:mm``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _day_runs(days: frozenset[int]) -> list[str]:
    """Days of the week as the language writes them: ``mon-fri``, ``sun``."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs]
