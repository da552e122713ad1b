"""When the people and machines of the sample network are active: its week, in five-minute bins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from flowrules.flows.sample.draws import U32, weighted

FIRST_MS: Final = 1_328_054_400_000
"""The first instant, 2012-02-01T00:00Z (a Wednesday), in ms since 1970 UTC."""

BIN_MS: Final = 300_000
DAYS: Final = 7
BINS: Final = DAYS * 288
SPAN_MS: Final = DAYS * 86_400_000
"""Requests start within this many ms after the first instant; the last Tuesday ends with it."""

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE

OFFICE: Final = "mon-fri 08:00-18:00 America/New_York"
"""The schedule of the people inside.  In February New York is five hours behind UTC."""

_BEHIND_UTC = 5 * 60

Weight = Callable[[int, int], int]
"""How active one is at (weekday, minute of the day), local; Monday is 0."""


def week(weight: Weight) -> U32:
    """A table for ``Draws.pick`` that gives bins of the week in proportion to ``weight``."""
    weights = []
    for bin_ in range(BINS):
        minute = bin_ * 5 - _BEHIND_UTC
        weights.append(weight((2 + minute // 1440) % 7, minute % 1440))
    return weighted(np.asarray(weights, np.int64))


def always(day: int = 100, night: int = 100) -> U32:
    """Busy around the clock, ``day`` from 7 to 23 o'clock against ``night``."""
    return week(lambda _, minute: day if 7 * 60 <= minute < 23 * 60 else night)


def person(begins: int, ends: int, *, away: int = -1, otherwise: int = 1, at_night: int = 0) -> U32:
    """Someone who works from minute ``begins`` to ``ends`` of weekdays but ``away``, with a lunch break.

    ``otherwise`` (of 100) is what the machine does by itself at any time; ``at_night`` is added
    from 2 to 4 o'clock, when it fetches updates.
    """

    def weight(weekday: int, minute: int) -> int:
        idle = otherwise + (at_night if 120 <= minute < 240 else 0)
        if weekday > 4 or weekday == away or not begins <= minute < ends:
            return idle
        return 40 if 720 <= minute < 780 else 100

    return week(weight)


def evenings() -> U32:
    """Active after work and at weekends."""
    return week(lambda day, minute: 100 if minute >= 17 * 60 or (day > 4 and minute >= 9 * 60) else 6)


def once_a_day(minute: int) -> U32:
    """Active in the half hour from ``minute`` of each day."""
    return week(lambda _, now: 1 if minute <= now < minute + 30 else 0)


EVER: Final = always()
"""Any time, evenly."""
