"""Whether source ports rise: the port sequence at a 30 s lag, over all destinations and inside each.

Neighbours in time mostly belong to one burst of one machine, so that an address with many machines behind it
looks as sequential as a single one.  Each connection is therefore compared with those of a *reference* about
30 s earlier; the share of higher ports less the share of lower ones is zero for any exchangeable ports, one
for a single counter, and the sum of the squared shares for several counters interleaved.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.connections import Beginnings
from flowrules.engine.features.evidence import Measured, needed, number
from flowrules.engine.features.sorting import sort_order, sort_together, starts_of_runs

LAG: Final = 30_000
"""How much earlier (ms) a reference lies, unless traffic is dense."""
BACK: Final = 64
"""How many connections earlier a reference lies at most: bounds the step of a busy counter."""
OLDEST: Final = 3_600_000
"""How old (ms) a reference may be."""
STEP: Final = 1_024
"""The largest difference of ports that counts: leaves room for ports used out of sight."""
MINIMUM_PAIRS: Final = 20
MINIMUM_LOOKS: Final = 10

AT_ONCE: Final = 1 << 16
"""How many connections are compared with their references at a time, so that these stay in the cache."""

NEAR: Final = 5_000
"""How far apart (ms) neighbours to one destination may be."""
NEAR_STEP: Final = 64

_SMALL_GROUP: Final = 32  # references up to this size are walked through, larger ones searched

Integers = NDArray[Any]
Floats = NDArray[np.float64]


@frozen
class PortSequence(Measured[float]):
    """Ports against those of the reference: ``value`` is S, -1..1, the share above less the share below.

    ``pairs`` counts the connections that had a reference, ``looks`` the distinct references (the sample
    size: a burst shares one), ``se`` is the standard error of S.
    """

    above: float | None
    below: float | None
    pairs: int
    looks: int
    se: float | None

    @property
    def counters(self) -> float | None:
        """The effective number of interleaved counters, 1/S: a lower bound on the hosts; unknown at S <= 0."""
        return 1 / self.value if self.value is not None and self.value > 0 else None


@frozen
class NearSequence(Measured[float]):
    """Ports of neighbours in time to one destination: ``value`` is the share above less that below, -1..1."""

    above: float | None
    below: float | None
    pairs: int


@frozen(eq=False)
class PortSequences:
    """``PortSequence`` of many hosts in columns: floats NaN where unknown (``above``, ``below`` and ``se``
    only where there are no pairs), counts int64."""

    value: Floats
    above: Floats
    below: Floats
    pairs: NDArray[np.int64]
    looks: NDArray[np.int64]
    se: Floats

    def of(self, host: int) -> PortSequence:
        """The result of one host."""
        pairs, looks = int(self.pairs[host]), int(self.looks[host])
        return PortSequence(
            number(self.value[host]),
            needed((pairs, MINIMUM_PAIRS, "pairs"), (looks, MINIMUM_LOOKS, "looks")),
            number(self.above[host]),
            number(self.below[host]),
            pairs,
            looks,
            number(self.se[host]),
        )


@frozen(eq=False)
class NearSequences:
    """``NearSequence`` of many hosts in columns: floats NaN where unknown, counts int64."""

    value: Floats
    above: Floats
    below: Floats
    pairs: NDArray[np.int64]

    def of(self, host: int) -> NearSequence:
        """The result of one host."""
        pairs = int(self.pairs[host])
        return NearSequence(
            number(self.value[host]),
            needed((pairs, MINIMUM_PAIRS, "pairs")),
            number(self.above[host]),
            number(self.below[host]),
            pairs,
        )


def port_sequences(connections: Beginnings, hosts: int) -> PortSequences:
    """The port sequence of each host 0 .. ``hosts`` - 1, compared with other destinations only."""
    host, time, port, dest = sort_together(
        connections.host, connections.start, connections.sport.astype(np.int32), connections.dest
    )
    return _sequences(host, _laid(time, starts_of_runs(host)), port, dest, host, hosts)


def same_destination(connections: Beginnings, hosts: int) -> tuple[PortSequences, NearSequences]:
    """The port sequence of each host inside its destinations: *far*, at the lag, and *near*, of neighbours.

    Far compares connections to one destination with earlier ones to the same; near those at most 5 s
    apart, by at most 64 ports, without pairs of equal times.
    """
    host, dest, time, port = sort_together(
        connections.host, connections.dest, connections.start, connections.sport.astype(np.int32)
    )
    laid = _laid(time, starts_of_runs(host, dest))
    return _sequences(host, laid, port, None, host, hosts), _near(host, laid, port, hosts)


def port_sequence(start: NDArray[np.int64], sport: Integers, dest: Integers) -> PortSequence:
    """The port sequence of one host's connections: start (int64 ms), source port, any code of (dip, dport)."""
    return port_sequences(_of_one_host(start, sport, dest), 1).of(0)


def same_destination_far(start: NDArray[np.int64], sport: Integers, dest: Integers) -> PortSequence:
    """The port sequence of one host's connections inside each destination."""
    return same_destination(_of_one_host(start, sport, dest), 1)[0].of(0)


def same_destination_near(start: NDArray[np.int64], sport: Integers, dest: Integers) -> NearSequence:
    """The port sequence of one host's neighbouring connections to the same destination."""
    return same_destination(_of_one_host(start, sport, dest), 1)[1].of(0)


def _of_one_host(start: NDArray[np.int64], sport: Integers, dest: Integers) -> Beginnings:
    none = np.zeros(len(start), np.int64)
    return Beginnings(none, start, sport, dest)


def _laid(time: NDArray[np.int64], new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Segments (begun at ``new``, sorted by time inside) laid end to end, too far apart to refer across.

    Pauses longer than any reference reaches are shortened to that, so that the sum stays small.
    """
    step = np.zeros(len(time), np.int64)
    np.subtract(time[1:], time[:-1], out=step[1:])
    step[new] = OLDEST + 1
    np.minimum(step, OLDEST + 1, out=step)
    return np.cumsum(step)


def _sequences(
    host: Integers,
    laid: NDArray[np.int64],
    port: NDArray[np.int32],
    dest: Integers | None,
    owner: Integers,
    hosts: int,
) -> PortSequences:
    """Rows sorted by (laid time, port, dest); with ``dest``, pairs of one destination do not count."""
    new = starts_of_runs(laid)
    first = np.flatnonzero(new).astype(np.int32)
    group = np.cumsum(new, dtype=np.int32) - np.int32(1)
    size = np.diff(first, append=np.int32(len(laid)))
    moment = laid.take(first)

    by_time = np.empty(len(first), np.int32)
    for begin in range(0, len(first), AT_ONCE):
        some = moment[begin : begin + AT_ONCE]
        by_time[begin : begin + AT_ONCE] = np.searchsorted(moment, some - LAG, "right") - 1
    looked = np.zeros(len(first), np.bool_)
    pairs = np.zeros(hosts, np.int64)
    up, down = np.zeros(hosts), np.zeros(hosts)
    for begin in range(0, len(laid), AT_ONCE):
        stop = min(begin + AT_ONCE, len(laid))
        own = group[begin:stop]
        reference = by_time.take(own)
        # the group of the connection 64 positions before, never the own one
        late = max(BACK - begin, 0)
        np.maximum(reference[late:], group[begin + late - BACK : max(stop - BACK, 0)], out=reference[late:])
        np.minimum(reference, own - np.int32(1), out=reference)
        rows = np.flatnonzero(reference >= 0)
        rows = rows[laid[begin:stop].take(rows) - moment.take(reference.take(rows)) <= OLDEST]
        reference = reference.take(rows)
        rows += begin

        seen, above, below = _count(rows, reference, first, size, group, port, dest)
        used = np.flatnonzero(seen)
        if len(used) < len(rows):
            rows, reference = rows.take(used), reference.take(used)
            seen, above, below = seen.take(used), above.take(used), below.take(used)
        looked[reference] = True
        whose = owner.take(rows).astype(np.intp)
        pairs += np.bincount(whose, minlength=hosts)
        # one after the other, so that the pieces do not change how the sums are rounded
        np.add.at(up, whose, above / seen)
        np.add.at(down, whose, below / seen)
    looks = np.bincount(owner.take(first[looked]), minlength=hosts)
    return _summary(pairs, up, down, looks)


def _summary(pairs: NDArray[np.int64], up: Floats, down: Floats, looks: NDArray[np.int64]) -> PortSequences:
    with np.errstate(invalid="ignore", divide="ignore"):
        up, down = up / pairs, down / pairs
        value = up - down
        se = np.sqrt(np.maximum(up + down - value * value, 1 / (looks + 1)) / looks)
    known = (pairs >= MINIMUM_PAIRS) & (looks >= MINIMUM_LOOKS)
    return PortSequences(np.where(known, value, np.nan), up, down, pairs, looks, se)


Counts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _count(
    rows: NDArray[np.intp],
    reference: NDArray[np.int32],
    first: NDArray[np.int32],
    size: NDArray[np.int32],
    group: NDArray[np.int32],
    port: NDArray[np.int32],
    dest: Integers | None,
) -> Counts:
    """For each of ``rows``: how many of its reference group count, and of these how many lie just below
    its port (the port rose) and just above it."""
    members = size.take(reference)
    seen = np.zeros(len(rows), np.int64)
    above = np.zeros(len(rows), np.int64)
    below = np.zeros(len(rows), np.int64)
    large = np.flatnonzero(members > _SMALL_GROUP)
    if len(large):
        counted = _search(rows.take(large), reference.take(large), first, size, group, port, dest)
        seen[large], above[large], below[large] = counted
        small = np.flatnonzero(members <= _SMALL_GROUP)
    else:
        small = np.arange(len(rows))
    offset = 0
    while len(small):
        row = rows.take(small)
        other = first.take(reference.take(small)) + offset
        rise = port.take(row) - port.take(other)
        if dest is None:
            counts = np.ones(len(small), np.bool_)
        else:
            counts = dest.take(row) != dest.take(other)
        seen[small] += counts
        above[small] += counts & (rise >= 1) & (rise <= STEP)
        below[small] += counts & (rise <= -1) & (rise >= -STEP)
        offset += 1
        small = small[members.take(small) > offset]
    return seen, above, below


def _search(
    rows: NDArray[np.intp],
    reference: NDArray[np.int32],
    first: NDArray[np.int32],
    size: NDArray[np.int32],
    group: NDArray[np.int32],
    port: NDArray[np.int32],
    dest: Integers | None,
) -> Counts:
    """As ``_count``, by binary search in sorted keys: for many connections that share one start time."""
    mine = port.take(rows).astype(np.int64)
    lowest, highest = int(reference.min()), int(reference.max())
    begin, stop = int(first[lowest]), int(first[highest] + size[highest])
    group, members = group[begin:stop], port[begin:stop]
    keys = group.astype(np.int64) << 17 | members  # sorted, as rows are
    own = reference.astype(np.int64) << 17 | mine
    seen = size.take(reference).astype(np.int64)
    above, below = _between(keys, own)
    if dest is None:
        return seen, above, below

    # less the same on the members to the row's own destination
    wanted = np.zeros(highest - lowest + 1, np.bool_)
    wanted[reference - lowest] = True
    member = np.flatnonzero(wanted.take(group - lowest))
    both = np.concatenate([member + begin, rows])
    place = np.concatenate([group.take(member), reference])
    order = sort_order(place, dest.take(both))
    run = np.empty(len(both), np.int64)
    run[order] = np.cumsum(starts_of_runs(place.take(order), dest.take(both).take(order)))
    keys = np.sort(run[: len(member)] << 17 | members.take(member))
    own = run[len(member) :] << 17 | mine
    low = own & ~np.int64((1 << 17) - 1)
    seen -= np.searchsorted(keys, low + (1 << 17)) - np.searchsorted(keys, low)
    same_above, same_below = _between(keys, own)
    return seen, above - same_above, below - same_below


def _between(keys: NDArray[np.int64], own: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of the sorted ``keys`` lie 1..1024 below each of ``own``, and how many 1..1024 above.

    A port fills less than its 17 bits of a key by more than 1,024 on either side, so no other group is met.
    """
    under = np.searchsorted(keys, own) - np.searchsorted(keys, own - STEP)
    over = np.searchsorted(keys, own + STEP, "right") - np.searchsorted(keys, own, "right")
    return under, over


def _near(host: Integers, laid: NDArray[np.int64], port: NDArray[np.int32], hosts: int) -> NearSequences:
    step = laid[1:] - laid[:-1]
    pair = np.flatnonzero((step > 0) & (step <= NEAR))
    owner = host[1:].take(pair)
    rise = port[1:].take(pair) - port[:-1].take(pair)
    pairs = np.bincount(owner, minlength=hosts)
    above = np.bincount(owner[(rise >= 1) & (rise <= NEAR_STEP)], minlength=hosts)
    below = np.bincount(owner[(rise <= -1) & (rise >= -NEAR_STEP)], minlength=hosts)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(pairs >= MINIMUM_PAIRS, (above - below) / pairs, np.nan)
        return NearSequences(value, above / pairs, below / pairs, pairs)
