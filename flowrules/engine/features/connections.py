"""Which rows are one connection: flows of a connection that the active timeout cut into several records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.sorting import sort_order, starts_of_runs

CONTINUES: Final = 120_000
"""How long after the latest end (ms) a row may start and still continue its connection."""

Integers = NDArray[Any]


@frozen(eq=False)
class Connections:
    """Connections of many hosts, one row each, sorted by (host, sport, dest, start).

    ``host``, ``sport`` and ``dest`` keep the dtypes given; ``start`` and ``end`` are int64 ms, ``end`` the
    latest end of the connection's rows; ``rows`` (int64) counts these.
    """

    host: Integers
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    sport: Integers
    dest: Integers
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, index: NDArray[np.intp]) -> Connections:
        """The connections at ``index`` (intp), in that order."""
        return Connections(
            self.host.take(index),
            self.start.take(index),
            self.end.take(index),
            self.sport.take(index),
            self.dest.take(index),
            self.rows.take(index),
        )


@frozen(eq=False)
class Beginnings:
    """Where connections begin: ``host`` number, ``start`` (int64 ms), source port and destination of each."""

    host: Integers
    start: NDArray[np.int64]
    sport: Integers
    dest: Integers

    def __len__(self) -> int:
        return len(self.start)

    def take(self, index: NDArray[np.intp]) -> Beginnings:
        """The connections at ``index`` (intp), in that order."""
        return Beginnings(
            self.host.take(index), self.start.take(index), self.sport.take(index), self.dest.take(index)
        )


def destination(dip_code: Integers, dport: Integers) -> NDArray[np.uint64]:
    """The destination of rows as one number (uint64): a code of ``dip`` below 2**48, and ``dport``."""
    codes = dip_code.astype(np.uint64)
    codes <<= np.uint64(16)
    codes |= dport
    return codes


def connection_events(
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    sport: Integers,
    dest: Integers,
    host: Integers | None = None,
    own: Integers | None = None,
) -> Connections:
    """Merge rows into connections.

    Rows of one host, source port and destination (any integer code of (dip, dport)) are one connection
    as long as each starts at most 120 s after the latest end so far: by ends, since a long connection
    is cut into records whose starts lie further apart.  Duplicates of a row vanish.  ``start`` and ``end``
    are int64 ms; an end before its start counts as the start.  One host where ``host`` is ``None``; where
    its number stands for several, ``own`` (any integer code) tells their addresses apart.
    """
    if host is None:
        host = np.zeros(len(start), np.int64)
    order, first, latest = _merged(start, end, sport, dest, host, own)
    rows = np.diff(first, append=len(start))
    begin = order.take(first)
    return Connections(
        host.take(begin),
        start.take(begin),
        latest.take(first + rows - 1),
        sport.take(begin),
        dest.take(begin),
        rows,
    )


def beginnings(
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    sport: Integers,
    dest: Integers,
    host: Integers,
    own: Integers | None = None,
) -> Beginnings:
    """As ``connection_events``, but only where connections begin."""
    order, first, _ = _merged(start, end, sport, dest, host, own)
    return Beginnings(host, start, sport, dest).take(order.take(first))


def _merged(
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    sport: Integers,
    dest: Integers,
    host: Integers,
    own: Integers | None,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]:
    """The order of rows by (host, sport, dest, own, start); the places in it where connections begin; and
    the latest end so far at each place."""
    same = (host, sport, dest) if own is None else (host, sport, dest, own)
    order = sort_order(*same, start)
    new = starts_of_runs(*(column.take(order) for column in same))
    begun = start.take(order)
    latest = np.maximum(end.take(order), begun)
    again = np.flatnonzero(~new)
    if len(again):
        latest = _running_maximum(latest, new)
        new[again] = begun.take(again) > latest.take(again - 1) + CONTINUES
    return order, np.flatnonzero(new), latest


def _running_maximum(values: NDArray[np.int64], new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The running maximum of ``values`` (int64, overwritten) inside each run that ``new`` begins."""
    run: NDArray[np.int64] = np.cumsum(new)
    low, high = int(values.min()), int(values.max())
    span = high - low + 1
    if (int(run[-1]) + 1) * span < 1 << 62:
        lift = run
        lift *= span
        lift -= low
        values += lift
        np.maximum.accumulate(values, out=values)
        values -= lift
        return values
    # damaged times span ages: ranks fit where the times themselves do not
    ordered = np.sort(values)
    rank = np.searchsorted(ordered, values)
    lift = run * len(values)
    highest: NDArray[np.int64] = np.maximum.accumulate(rank + lift) - lift
    return ordered.take(highest)
