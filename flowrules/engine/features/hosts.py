"""One host after another, and which part of a huge one is looked at."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, TypeVar

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.sorting import starts_of_runs
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

HOUR: Final = 3_600_000
LARGEST: Final = 2_000_000
"""How many connections of one host are put in time order before whole hours are chosen among them."""

Column = NDArray[Any]
Result = TypeVar("Result")


def per_host(
    hosts: Column, columns: tuple[Column, ...], function: Callable[..., Result]
) -> tuple[Column, list[Result]]:
    """Call ``function(*columns)`` with each host's rows in turn (views; nothing is copied).

    ``hosts`` (any dtype, one entry a row) must hold each host's rows together, as sorting does.  Returns the
    hosts in that order, one each, and the results.  Raises ``ValueError`` for columns of other lengths.
    """
    if any(len(column) != len(hosts) for column in columns):
        lengths = ", ".join(str(len(column)) for column in columns)
        raise ValueError(f"columns of {lengths} rows beside {len(hosts)} rows of hosts")
    if len(hosts) == 0:
        return hosts, []
    if hosts.dtype.names:
        new = starts_of_runs(*(hosts[name] for name in hosts.dtype.names))
    else:
        new = starts_of_runs(hosts)
    first = np.flatnonzero(new)
    bounds = [*first.tolist(), len(hosts)]
    results = [function(*(column[start:stop] for column in columns)) for start, stop in pairwise(bounds)]
    return hosts.take(first), results


@frozen(eq=False)
class HourSample:
    """Which rows are looked at: ``index`` (intp, ascending; ``None``: all), and for each host how many of
    its hours were taken and seen (int64; both 0 where the host is looked at whole)."""

    index: NDArray[np.intp] | None
    taken: NDArray[np.int64]
    seen: NDArray[np.int64]


def sample_hours(
    host: Column,
    start: NDArray[np.int64],
    hosts: int,
    addresses: Column | None = None,
    largest: int = LARGEST,
) -> HourSample:
    """Leave whole hours out of hosts with more than ``largest`` rows.

    Random rows would do what packet sampling does; whole hours keep the order of ports.  A host's hours
    (of UTC ``start``, int64 ms) are taken in the order of a hash of host and hour, one at least, as long as
    their rows stay within ``largest``: a choice that no order of rows, chunks or files can change.
    ``addresses`` (``uint32`` or ``ADDRESS``, one for each host number) make it the same in every run over
    other data too; without them only the hour is hashed.
    """
    rows = np.bincount(host, minlength=hosts)
    taken, seen = np.zeros(hosts, np.int64), np.zeros(hosts, np.int64)
    large = np.flatnonzero(rows > largest)
    if len(large) == 0:
        return HourSample(None, taken, seen)
    keep = np.ones(len(host), np.bool_)
    for number in large.tolist():
        mine = np.flatnonzero(host == number)
        hour = start.take(mine) // HOUR
        ordered = np.sort(hour)
        first = np.flatnonzero(starts_of_runs(ordered))
        hours, counts = ordered.take(first), np.diff(first, append=len(ordered))
        salt = _address_number(addresses, number)
        by_hash = np.argsort(_mixed(hours.astype(np.uint64) + salt), kind="stable")
        within = np.cumsum(counts.take(by_hash)) <= largest
        within[0] = True
        chosen = np.zeros(len(hours), np.bool_)
        chosen[by_hash[within]] = True
        keep[mine] = chosen.take(np.searchsorted(hours, hour))
        taken[number], seen[number] = np.count_nonzero(chosen), len(hours)
    return HourSample(np.flatnonzero(keep), taken, seen)


def _address_number(addresses: Column | None, host: int) -> np.uint64:
    """A hash of one address, the same for IPv4 in either form; 0 without addresses."""
    if addresses is None:
        return np.uint64(0)
    if addresses.dtype == ADDRESS:
        halves = [int(addresses["high"][host]), int(addresses["low"][host])]
    else:
        halves = [0, IPV4_MAPPED + int(addresses[host])]
    high, low = _mixed(np.array(halves, np.uint64))
    return np.uint64(int(high) ^ (int(low) >> 1))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
