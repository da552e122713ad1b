"""When a host is active: fit to a schedule, weekdays against weekends, spread over the hours.

The window is the data's: what all hosts' flows span, since in one office hour a server too is active
"in hours" only.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.evidence import Measured, needed, number
from flowrules.engine.features.sorting import sort_order, sort_together, starts_of_runs
from flowrules.model.local_time import DAY, HOUR, MINUTE, local_hour, local_time, local_weekday, weekday_of
from flowrules.model.schedule import Schedule

__all__ = [
    "HourEntropies",
    "HourEntropy",
    "ScheduleFit",
    "ScheduleFits",
    "WeekdayRatio",
    "WeekdayRatios",
    "hour_entropy",
    "local_hour",
    "local_weekday",
    "schedule_fit",
    "weekday_ratio",
]

BIN: Final = 5 * MINUTE
MINIMUM_FLOWS: Final = 50
MINIMUM_SIDE: Final = 4 * HOUR
"""How much of the window must lie in the schedule, and how much outside."""
CAP: Final = 0.75
"""The quantile of a host's non-empty bins that no bin's count may exceed: one burst has one bin's weight."""

Integers = NDArray[Any]
Floats = NDArray[np.float64]
Milliseconds = NDArray[np.int64]


@frozen
class ScheduleFit(Measured[float]):
    """``fit(time, schedule)``: 1 when all activity lies in the schedule, 0 when it takes the schedule's
    share of the window, negative when it shuns it.

    ``fraction`` is the share of the (capped) flows in the schedule, ``window`` the schedule's share of the
    window; ``hours_in`` and ``hours_out`` are the window's hours on each side.
    """

    fraction: float | None
    window: float
    flows: int
    hours_in: float
    hours_out: float


@frozen(eq=False)
class ScheduleFits:
    """``ScheduleFit`` of many hosts: ``value`` and ``fraction`` NaN where unknown, ``flows`` int64."""

    value: Floats
    fraction: Floats
    flows: NDArray[np.int64]
    window: float
    bins_in: int
    bins_out: int

    def of(self, host: int) -> ScheduleFit:
        """The result of one host."""
        flows = int(self.flows[host])
        hours_in, hours_out = self.bins_in * BIN / HOUR, self.bins_out * BIN / HOUR
        scarce, where = min((hours_in, "in"), (hours_out, "outside"))
        why = ""
        if scarce * HOUR < MINIMUM_SIDE:
            why = f"{scarce:.1f} hours of data {where} the schedule, {MINIMUM_SIDE // HOUR} needed"
        why = why or needed((flows, MINIMUM_FLOWS, "flows"))
        value, fraction = number(self.value[host]), number(self.fraction[host])
        return ScheduleFit(value, why, fraction, self.window, flows, hours_in, hours_out)


def schedule_fit(
    start: Milliseconds,
    schedule: Schedule,
    first: int,
    last: int,
    host: Integers | None = None,
    hosts: int = 1,
    flows_of: NDArray[np.int64] | None = None,
) -> ScheduleFits:
    """How well the starts (int64 ms UTC) of each host's flows fit a schedule.

    f is the share of flows in the schedule, w the share of the window's 5-minute bins in it, the fit
    (f - w) / (1 - w).  Each bin's count is first capped at the 75th percentile (linear) of the host's
    non-empty bins.  ``first`` and ``last`` are the window's first and last millisecond, over all hosts;
    a bin is in the schedule when its beginning is.  ``flows_of`` (int64) says how many flows each start
    stands for, one where ``None``.  Unknown below 50 flows or 4 hours on either side.
    """
    low, high = _window(first, last)
    inside = schedule.contains(np.arange(low, high + 1, dtype=np.int64) * BIN)
    bins_in = int(np.count_nonzero(inside))
    bins_out = len(inside) - bins_in
    window = bins_in / len(inside)
    owner, bin_, count = _bins(start, low, high, host, flows_of)
    flows = np.bincount(owner, count, hosts).astype(np.int64)
    if min(bins_in, bins_out) * BIN < MINIMUM_SIDE:
        nothing = np.full(hosts, np.nan)
        return ScheduleFits(nothing, nothing, flows, window, bins_in, bins_out)

    capped = np.minimum(count, _quantile(owner, count, hosts).take(owner))
    in_schedule = np.where(inside.take(bin_ - low), capped, 0.0)
    with np.errstate(invalid="ignore"):
        fraction = np.bincount(owner, in_schedule, hosts) / np.bincount(owner, capped, hosts)
    fraction[flows < MINIMUM_FLOWS] = np.nan
    return ScheduleFits((fraction - window) / (1 - window), fraction, flows, window, bins_in, bins_out)


@frozen
class WeekdayRatio(Measured[float]):
    """Flows per weekday hour by flows per weekend hour; the hours are the window's."""

    weekday_flows: int
    weekend_flows: int
    weekday_hours: float
    weekend_hours: float


@frozen(eq=False)
class WeekdayRatios:
    """``WeekdayRatio`` of many hosts: ``value`` NaN where unknown, flows int64."""

    value: Floats
    weekday_flows: NDArray[np.int64]
    weekend_flows: NDArray[np.int64]
    weekday_hours: float
    weekend_hours: float
    whole_weekdays: int
    whole_weekend_days: int

    def of(self, host: int) -> WeekdayRatio:
        """The result of one host."""
        on, off = int(self.weekday_flows[host]), int(self.weekend_flows[host])
        why = needed(
            (self.whole_weekdays, 1, "whole weekdays of data"),
            (self.whole_weekend_days, 1, "whole weekend days of data"),
            (off, 1, "flows at weekends"),
        )
        return WeekdayRatio(number(self.value[host]), why, on, off, self.weekday_hours, self.weekend_hours)


def weekday_ratio(
    start: Milliseconds, zone: str, first: int, last: int, host: Integers | None = None, hosts: int = 1
) -> WeekdayRatios:
    """Flows per hour on Monday to Friday by flows per hour on Saturday and Sunday, in the zone's days.

    Needs at least one whole day of each in the window (a day whose every 5-minute bin the window meets);
    unknown too for a host without flows at weekends.  Arguments as ``schedule_fit``.
    """
    low, high = _window(first, last)
    moments = np.arange(low, high + 1, dtype=np.int64) * BIN
    local = local_time(moments, zone)
    day = local // DAY
    weekend = weekday_of(day) >= 5
    hours_on = float(np.count_nonzero(~weekend) * BIN / HOUR)
    hours_off = float(np.count_nonzero(weekend) * BIN / HOUR)
    # a day is whole when the window holds bins of the days around it, or begins and ends with it
    edges = np.flatnonzero(starts_of_runs(day))
    before, after = local_time(moments[[0, -1]] + np.array([-BIN, BIN]), zone) // DAY
    whole = np.ones(len(edges), np.bool_)
    whole[0] &= before != day[0]
    whole[-1] &= after != day[-1]
    weekend_day = weekend.take(edges)
    whole_on = int(np.count_nonzero(whole & ~weekend_day))
    whole_off = int(np.count_nonzero(whole & weekend_day))

    owner, bin_, count = _bins(start, low, high, host)
    off = weekend.take(bin_ - low)
    on_flows = np.bincount(owner[~off], count[~off], hosts).astype(np.int64)
    off_flows = np.bincount(owner[off], count[off], hosts).astype(np.int64)
    value = np.full(hosts, np.nan)
    if whole_on and whole_off:
        with np.errstate(invalid="ignore", divide="ignore"):
            value = (on_flows * hours_off) / (off_flows * hours_on)
        value[off_flows == 0] = np.nan
    return WeekdayRatios(value, on_flows, off_flows, hours_on, hours_off, whole_on, whole_off)


@frozen
class HourEntropy(Measured[float]):
    """How evenly flows spread over the hours of the day that were observed: 0 one hour, 1 evenly."""

    flows: int
    hours_observed: int


@frozen(eq=False)
class HourEntropies:
    """``HourEntropy`` of many hosts: ``value`` NaN where unknown, ``flows`` int64."""

    value: Floats
    flows: NDArray[np.int64]
    hours_observed: int
    window_hours: float

    def of(self, host: int) -> HourEntropy:
        """The result of one host."""
        why = ""
        if self.window_hours < 24:
            why = f"{self.window_hours:.1f} hours of data, 24 needed"
        flows = int(self.flows[host])
        return HourEntropy(
            number(self.value[host]), why or needed((flows, 1, "flows")), flows, self.hours_observed
        )


def hour_entropy(
    start: Milliseconds, zone: str, first: int, last: int, host: Integers | None = None, hosts: int = 1
) -> HourEntropies:
    """The entropy of flows over the hours of the zone's day, by its maximum log2(hours observed).

    It describes a host and decides nothing.  Unknown below 24 hours of data.  Arguments as ``schedule_fit``.
    """
    low, high = _window(first, last)
    hour = local_hour(np.arange(low, high + 1, dtype=np.int64) * BIN, zone)
    observed = int(np.count_nonzero(np.bincount(hour, minlength=24)))
    owner, bin_, count = _bins(start, low, high, host)
    of_hour = np.bincount(owner * 24 + hour.take(bin_ - low), count, hosts * 24).reshape(hosts, 24)
    flows = of_hour.sum(axis=1)
    window_hours = (high + 1 - low) * BIN / HOUR
    value = np.full(hosts, np.nan)
    if window_hours >= 24:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = of_hour / flows[:, None]
            bits = np.where(of_hour > 0, share * np.log2(share), 0.0)
        value = np.abs(bits.sum(axis=1)) / np.log2(observed)
        value[flows == 0] = np.nan
    return HourEntropies(value, flows.astype(np.int64), observed, window_hours)


def _window(first: int, last: int) -> tuple[int, int]:
    """The first and last bin of the window; raises ``ValueError`` where it ends before it begins."""
    if last < first:
        raise ValueError(f"a window of time from {first} to {last} ms ends before it begins")
    return first // BIN, last // BIN


def _bins(
    start: Milliseconds,
    low: int,
    high: int,
    host: Integers | None,
    flows_of: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Non-empty bins of the window: host, bin and how many flows start in it (int64, sorted by these)."""
    bin_ = start // BIN
    owner = np.zeros(len(start), np.int64) if host is None else host.astype(np.int64)
    within = (bin_ >= low) & (bin_ <= high)
    if not within.all():
        owner, bin_ = owner[within], bin_[within]
        flows_of = None if flows_of is None else flows_of[within]
    if flows_of is not None:
        order = sort_order(owner, bin_)
        owner, bin_ = owner.take(order), bin_.take(order)
        edge = np.flatnonzero(starts_of_runs(owner, bin_))
        counts = np.add.reduceat(flows_of.take(order), edge) if len(edge) else np.zeros(0, np.int64)
        return owner.take(edge), bin_.take(edge), counts
    owner, bin_ = sort_together(owner, bin_)
    edge = np.flatnonzero(starts_of_runs(owner, bin_))
    return owner.take(edge), bin_.take(edge), np.diff(edge, append=len(bin_))


def _quantile(owner: NDArray[np.int64], count: NDArray[np.int64], hosts: int) -> Floats:
    """The 75th percentile (linear between neighbours) of each host's counts; 0 for a host without any."""
    owner, count = sort_together(owner, count)
    bins = np.bincount(owner, minlength=hosts)
    place = CAP * np.maximum(bins - 1, 0)
    below = place.astype(np.int64)
    begin = np.cumsum(bins) - bins
    out = np.zeros(hosts)
    some = np.flatnonzero(bins)
    lower = count.take(begin.take(some) + below.take(some))
    upper = count.take(begin.take(some) + np.minimum(below + 1, np.maximum(bins - 1, 0)).take(some))
    out[some] = lower + (upper - lower) * (place - below).take(some)
    return out
