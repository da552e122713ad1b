"""How a host's connections follow one another: overlap, gaps, regularity, how much of the time is busy."""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.connections import Connections
from flowrules.engine.features.evidence import Measured, needed, number
from flowrules.engine.features.sorting import sort_together, starts_of_runs

MINIMUM_CONNECTIONS: Final = 20
MINIMUM_GAPS: Final = 20
SHORTEST_GAP: Final = 500
"""Gaps shorter than this (ms) are one act, not a beacon's pause."""
DUTY_BIN: Final = 300_000
MINIMUM_BINS: Final = 12

Integers = NDArray[Any]
Floats = NDArray[np.float64]
Milliseconds = NDArray[np.int64]


@frozen
class Concurrency(Measured[int]):
    """``concurrent``: the most connections open at one time; ``peak`` is given below the minimum too."""

    peak: int
    connections: int


@frozen(eq=False)
class Concurrencies:
    """``Concurrency`` of many hosts in int64 columns; ``known`` says where there are enough connections."""

    peak: NDArray[np.int64]
    connections: NDArray[np.int64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which hosts have at least 20 connections."""
        return self.connections >= MINIMUM_CONNECTIONS

    def of(self, host: int) -> Concurrency:
        """The result of one host."""
        peak, connections = int(self.peak[host]), int(self.connections[host])
        why = needed((connections, MINIMUM_CONNECTIONS, "connections"))
        return Concurrency(None if why else peak, why, peak, connections)


def peak_concurrency(connections: Connections, hosts: int) -> Concurrencies:
    """The most connections of each host that are open at one time.

    A connection ends before another that starts at the same millisecond, and lasts 1 ms at least.
    """
    owner = connections.host.astype(np.int64)
    counts = np.bincount(owner, minlength=hosts)
    peak = np.zeros(hosts, np.int64)
    if len(owner) == 0:
        return Concurrencies(peak, counts)
    end = np.maximum(connections.end, connections.start + 1)
    # both in one list by (host, time), ends before starts: the running sum of +1 and -1 is what is open
    kind = np.repeat(np.array([0, 1], np.int8), len(owner))
    both, _, kind = sort_together(
        np.concatenate([owner, owner]), np.concatenate([end, connections.start]), kind
    )
    open_now = np.cumsum(kind * np.int64(2) - 1)  # each host's own sum ends at zero
    first = np.flatnonzero(starts_of_runs(both))
    peak[both.take(first)] = np.maximum.reduceat(open_now, first)
    return Concurrencies(peak, counts)


@frozen
class Beacon(Measured[float]):
    """``beacon``: regularity of starts, 1 a clock, about 0.3 without memory; ``period`` is the median gap
    in ms, over ``gaps`` gaps of at least half a second."""

    period: float | None
    gaps: int


@frozen(eq=False)
class Beacons:
    """``Beacon`` of many groups: floats NaN where unknown (``period`` only without gaps), ``gaps`` int64."""

    value: Floats
    period: Floats
    gaps: NDArray[np.int64]

    def of(self, group: int) -> Beacon:
        """The result of one group."""
        gaps = int(self.gaps[group])
        why = needed((gaps, MINIMUM_GAPS, "gaps"))
        return Beacon(number(self.value[group]), why, number(self.period[group]), gaps)


def beacons(start: Milliseconds, group: Integers | None = None, groups: int = 1) -> Beacons:
    """The regularity of starts (int64 ms) of connections in each group, one (dip, dport) of one host each.

    With m the median of the gaps of at least 500 ms: 1 - median |gap - m| / m, at least 0.  A missing
    connection doubles one gap, which medians bear up to one in two.  Unknown below 20 gaps.
    """
    owner, gap = gap_rows(start, group)
    long = gap >= SHORTEST_GAP
    owner, gap = sort_together(owner[long], gap[long])
    counts = np.bincount(owner, minlength=groups)
    period = _twice_median(gap, counts)  # halves stay whole numbers
    owner, off = sort_together(owner, np.abs(2 * gap - period.take(owner)))
    deviation = _twice_median(off, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.maximum(1 - deviation / (2 * period), 0.0)
        period_ms = np.where(counts > 0, period / 2, np.nan)
    return Beacons(np.where(counts >= MINIMUM_GAPS, value, np.nan), period_ms, counts)


def gap_rows(start: Milliseconds, group: Integers | None = None) -> tuple[NDArray[np.int64], Milliseconds]:
    """The gaps between successive starts in each group: group number and gap in ms (int64), n - 1 a group.

    They stand in the order of (group, start); equal starts give a gap of 0.
    """
    owner = np.zeros(len(start), np.int64) if group is None else group.astype(np.int64)
    owner, time = sort_together(owner, start)
    inside = np.flatnonzero(~starts_of_runs(owner))
    return owner.take(inside), time.take(inside) - time.take(inside - 1)


@frozen
class GapStatistics(Measured[float]):
    """``mean(gap)`` as the value, ``deviation`` (population) beside it, ms; unknown without a gap."""

    deviation: float | None
    gaps: int
    shortest: int | None
    longest: int | None


def gap_statistics(start: Milliseconds) -> GapStatistics:
    """Mean and deviation of the gaps between one group's starts, each rounded once from exact sums."""
    _, gap = gap_rows(start)
    count = len(gap)
    if count == 0:
        return GapStatistics(None, needed((len(start), 2, "flows")), None, 0, None, None)
    total = int(gap.sum())
    # split, so that squares of years fit 64 bits
    high, low = gap >> 21, gap & ((1 << 21) - 1)
    squares = (int((high * high).sum()) << 42) + (int((high * low).sum()) << 22) + int((low * low).sum())
    deviation = sqrt((count * squares - total * total) / (count * count))
    return GapStatistics(total / count, "", deviation, count, int(gap.min()), int(gap.max()))


def active(
    start: Milliseconds, width: int, group: Integers | None = None, groups: int = 1
) -> NDArray[np.int64]:
    """``active(width)``: the bins of ``width`` ms (from 1970 UTC) in which a flow starts, times the width.

    One int64 of ms for each group, 0 where it has no flows.
    """
    return _busy_bins(start, width, group, groups) * width


@frozen
class DutyCycle(Measured[float]):
    """The share of the window's 5-minute bins in which the host starts a flow: compare like loads only."""

    busy: int
    bins: int


@frozen(eq=False)
class DutyCycles:
    """``DutyCycle`` of many hosts: ``busy`` (int64) of ``bins`` bins."""

    busy: NDArray[np.int64]
    bins: int

    @property
    def value(self) -> Floats:
        """The share of bins that are busy; NaN where the window is too short."""
        out: Floats = self.busy / self.bins
        return out if self.bins >= MINIMUM_BINS else np.full(len(out), np.nan)

    def of(self, host: int) -> DutyCycle:
        """The result of one host."""
        busy = int(self.busy[host])
        why = needed((self.bins, MINIMUM_BINS, "bins of 5 minutes"))
        return DutyCycle(None if why else busy / self.bins, why, busy, self.bins)


def duty_cycle(
    start: Milliseconds, first: int, last: int, host: Integers | None = None, hosts: int = 1
) -> DutyCycles:
    """The share of the 5-minute bins of the window (``first`` to ``last`` ms of all hosts) that are busy."""
    within = (start >= first) & (start <= last)
    owner = None if host is None else host[within]
    bins = last // DUTY_BIN - first // DUTY_BIN + 1
    return DutyCycles(_busy_bins(start[within], DUTY_BIN, owner, hosts), bins)


def _busy_bins(start: Milliseconds, width: int, group: Integers | None, groups: int) -> NDArray[np.int64]:
    owner = np.zeros(len(start), np.int64) if group is None else group.astype(np.int64)
    owner, bin_ = sort_together(owner, start // width)
    return np.bincount(owner[starts_of_runs(owner, bin_)], minlength=groups)


def _twice_median(ordered: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Twice the median of each group's values, sorted by (group, value); 0 for a group without any."""
    out = np.zeros(len(counts), np.int64)
    some = np.flatnonzero(counts)
    begin = (np.cumsum(counts) - counts).take(some)
    size = counts.take(some)
    out[some] = ordered.take(begin + (size - 1) // 2) + ordered.take(begin + size // 2)
    return out
