"""The order of rows inside a block: one segment for each type and protocol."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows.store.columns import ADDRESSES
from flowrules.flows.table import Chunk
from flowrules.model.fields import ADDRESS

Array = NDArray[Any]

LEAST_SEGMENT: Final = 2048
"""Fewer rows of one type and protocol go into the block's last segment, which is of several: below this,
what it costs to begin a segment is more than what its constants save."""


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
    """Order the rows of a chunk by type and protocol, those that ``wide`` marks after the others.

    Rows of a segment keep their order.  Small groups come last, together, ordered by type and protocol too.
    """
    keys = _keys(chunk)
    if wide is None:
        order, starts = _groups(keys, None, chunk.rows)
        return Arrangement(order, tuple(starts), chunk.rows, 0)
    six = np.flatnonzero(wide)
    if len(six) == chunk.rows:
        order, starts = _groups(keys, None, chunk.rows)
        return Arrangement(order, tuple(starts), chunk.rows, chunk.rows)
    four = np.flatnonzero(~wide)
    first, starts = _groups(keys, four, len(four))
    second, more = _groups(keys, six, len(six))
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


def _groups(
    keys: NDArray[np.uint16] | None, rows: NDArray[np.intp] | None, count: int
) -> tuple[NDArray[np.intp] | None, list[int]]:
    """The order of ``rows`` (all when ``None``) by key, and where segments start in it."""
    if keys is None:
        return rows, [0]
    some = keys if rows is None else keys.take(rows)
    if int(some.min()) == int(some.max()):
        return rows, [0]
    order = np.argsort(some, kind="stable")
    ordered = some.take(order)
    starts = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()]
    stops = [*starts[1:], count]
    if rows is not None:
        order = rows.take(order)
    groups = list(zip(starts, stops, strict=True))
    large = [group for group in groups if group[1] - group[0] >= LEAST_SEGMENT]
    small = [group for group in groups if group[1] - group[0] < LEAST_SEGMENT]
    if len(small) < 2:
        return order, starts
    begins, at = [], 0
    for start, stop in large:
        begins.append(at)
        at += stop - start
    begins.append(at)
    return np.concatenate([order[start:stop] for start, stop in (*large, *small)]), begins
