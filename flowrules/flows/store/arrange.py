"""The order of rows inside a block: one segment for each type and protocol, and for each of their busy services."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows.store.columns import ADDRESSES
from flowrules.flows.table import Chunk
from flowrules.model.fields import ADDRESS

Array = NDArray[Any]
Ports = tuple[NDArray[np.uint16], NDArray[np.uint16]]
"""Source and destination ports of a chunk."""

LEAST_SEGMENT: Final = 2048
"""Fewer rows of one type and protocol go into the block's last segment, which is of several: below this,
what it costs to begin a segment is more than what its constants save."""

LEAST_SERVICE: Final = 4096
"""Services with fewer rows of one type and protocol have no segment of their own."""

_PORTS: Final = 1 << 16


@frozen(eq=False)
class Arrangement:
    """How the rows of a block are to lie.

    ``order`` (intp) has the rows in their new order, ``None`` where they stay; ``starts`` the first row of
    each segment in that order, ``rows`` the number of all; ``wide`` how many rows at the end are IPv6.
    """

    order: NDArray[np.intp] | None
    starts: tuple[int, ...]
    rows: int
    wide: int


def arrange(chunk: Chunk, wide: NDArray[np.bool_] | None) -> Arrangement:
    """Order the rows of a chunk by type, protocol and service, those that ``wide`` marks after the others.

    Rows of a segment keep their order.  Small groups come last, together, ordered by type and protocol too.
    """
    keys, ports = _keys(chunk), _ports(chunk)
    if wide is None:
        order, starts = _groups(keys, ports, None, chunk.rows)
        return Arrangement(order, tuple(starts), chunk.rows, 0)
    six = np.flatnonzero(wide)
    if len(six) == chunk.rows:
        order, starts = _groups(keys, ports, None, chunk.rows)
        return Arrangement(order, tuple(starts), chunk.rows, chunk.rows)
    four = np.flatnonzero(~wide)
    first, starts = _groups(keys, ports, four, len(four))
    second, more = _groups(keys, ports, six, len(six))
    assert first is not None and second is not None
    starts += [start + len(four) for start in more]
    return Arrangement(np.concatenate((first, second)), tuple(starts), chunk.rows, len(six))


def wide_rows(chunk: Chunk) -> NDArray[np.bool_] | None:
    """Which rows have an address that is no IPv4 one; ``None`` where none has."""
    out: NDArray[np.bool_] | None = None
    for name in ADDRESSES:
        column = chunk.columns.get(name)
        if column is None or column.dtype != ADDRESS:
            continue
        beyond: NDArray[np.bool_] = column["low"] >> np.uint64(32) != 0xFFFF
        beyond |= column["high"] != 0
        if beyond.any():
            out = beyond if out is None else out | beyond
    return out


def _keys(chunk: Chunk) -> NDArray[np.uint16] | None:
    type_, protocol = chunk.columns.get("type"), chunk.columns.get("protocol")
    if type_ is None and protocol is None:
        return None
    keys: NDArray[np.uint16] = np.zeros(chunk.rows, np.uint16)
    if type_ is not None:
        keys += type_
        keys <<= np.uint16(8)
    if protocol is not None:
        keys |= protocol
    return keys


def _ports(chunk: Chunk) -> Ports | None:
    sports, dports = chunk.columns.get("sport"), chunk.columns.get("dport")
    return None if sports is None or dports is None else (sports, dports)


def _groups(
    keys: NDArray[np.uint16] | None, ports: Ports | None, rows: NDArray[np.intp] | None, count: int
) -> tuple[NDArray[np.intp] | None, list[int]]:
    """The order of ``rows`` (all when ``None``) by key and service, and where segments start in it."""
    some = keys if keys is None or rows is None else keys.take(rows)
    if some is None or int(some.min()) == int(some.max()):
        if ports is None or count < LEAST_SERVICE:
            return rows, [0]
        order = np.arange(count) if rows is None else rows
        starts = [0]
    else:
        order = np.argsort(some, kind="stable")
        ordered = some.take(order)
        starts = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()]
        if rows is not None:
            order = rows.take(order)
    groups: list[tuple[int, int]] = []
    for start, stop in zip(starts, [*starts[1:], count], strict=True):
        cuts = [start, stop]
        if ports is not None and stop - start >= LEAST_SERVICE:
            order[start:stop], within = _by_service(order[start:stop], ports)
            cuts = [start, *(start + cut for cut in within)]
        groups += pairwise(cuts)
    large = [group for group in groups if group[1] - group[0] >= LEAST_SEGMENT]
    small = [group for group in groups if group[1] - group[0] < LEAST_SEGMENT]
    if len(small) < 2:
        return order, [start for start, _ in groups]
    begins, at = [], 0
    for start, stop in large:
        begins.append(at)
        at += stop - start
    begins.append(at)
    return np.concatenate([order[start:stop] for start, stop in (*large, *small)]), begins


def _by_service(rows: NDArray[np.intp], ports: Ports) -> tuple[NDArray[np.intp], list[int]]:
    """Rows by their service, first those of busy ones, one after the other; and where each, and the rest, ends.

    The service of a row is the port that more of these rows have at either end; a service that is asked and one that
    answers are two.
    """
    sports, dports = ports[0].take(rows), ports[1].take(rows)
    met = np.bincount(sports, minlength=_PORTS) + np.bincount(dports, minlength=_PORTS)
    often = met.astype(np.uint32)
    answered = often.take(sports) > often.take(dports)
    services = np.where(answered, sports, dports).astype(np.uint32)
    services += answered * np.uint32(_PORTS)
    counts = np.bincount(services, minlength=2 * _PORTS)
    busy = np.flatnonzero(counts >= LEAST_SERVICE)
    places = np.full(2 * _PORTS, len(busy), np.uint16)
    places[busy] = np.arange(len(busy))
    ends = np.cumsum(counts.take(busy)).tolist()
    if not ends or ends[-1] < len(rows):
        ends.append(len(rows))
    if len(ends) == 1:
        return rows, ends
    return rows.take(np.argsort(places.take(services), kind="stable")), ends
