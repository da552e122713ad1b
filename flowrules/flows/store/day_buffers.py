"""Collecting records by day until there are enough for a block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrules.flows.table import Chunk, widen
from flowrules.model.fields import ADDRESS

Array = NDArray[Any]

DAY: Final = 86_400_000
"""Milliseconds of a day."""

UNDATED: Final = "undated"
"""The day of records without a start time."""

BLOCK_ROWS: Final = 1 << 21
"""About how many rows a block has: from three quarters of this to a chunk more.

The more there are, the more services have segments of their own; and so much waits in memory for its block to fill.
"""

MOST_WAITING: Final = BLOCK_ROWS
"""The most rows that wait for their block to fill, over all days."""


@frozen
class Group:
    """What the records of a part have in common: the day (ISO 8601, UTC) and the fields."""

    day: str
    fields: frozenset[str]


@define
class _Waiting:
    pieces: list[Chunk] = field(factory=list)
    rows: int = 0


class DayBuffers:
    """Takes chunks and gives blocks, each of one group.

    Memory is bounded: when more than ``most`` rows wait, the group with the most of them gives a block that is not
    full.
    """

    def __init__(self, block_rows: int = BLOCK_ROWS, most: int = MOST_WAITING) -> None:
        self._enough = block_rows - block_rows // 4
        self._block_rows = block_rows
        self._most = most
        self._waiting: dict[Group, _Waiting] = {}
        self._rows = 0

    def add(self, chunk: Chunk) -> Iterator[tuple[Group, Chunk]]:
        """Take the rows of a chunk (``record_number`` is dropped), and give the blocks that are full by then."""
        columns = {name: column for name, column in chunk.columns.items() if name != "record_number"}
        for start in range(0, chunk.rows, self._block_rows):
            rows = min(self._block_rows, chunk.rows - start)
            part = Chunk({name: c[start : start + rows] for name, c in columns.items()}, rows)
            for day, some in _by_day(part):
                group = Group(day, frozenset(columns))
                waiting = self._waiting.setdefault(group, _Waiting())
                waiting.pieces.append(some)
                waiting.rows += some.rows
                self._rows += some.rows
                if waiting.rows >= self._enough:
                    yield group, self._take(group)
        while self._rows > self._most:
            largest = max(self._waiting, key=lambda one: self._waiting[one].rows)
            yield largest, self._take(largest)

    def rest(self) -> Iterator[tuple[Group, Chunk]]:
        """Give what is left, one block for each group."""
        for group in list(self._waiting):
            yield group, self._take(group)

    def _take(self, group: Group) -> Chunk:
        waiting = self._waiting.pop(group)
        self._rows -= waiting.rows
        return _joined(waiting.pieces)


def _by_day(chunk: Chunk) -> Iterator[tuple[str, Chunk]]:
    """The rows of a chunk by the day in which they start, in their order."""
    times = chunk.columns.get("stime")
    if times is None:
        yield UNDATED, chunk
        return
    first, last = int(times.min()) // DAY, int(times.max()) // DAY
    if first == last:
        yield day_text(first), chunk
        return
    days = times // DAY
    if bool((days[1:] >= days[:-1]).all()):
        cuts = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), chunk.rows]
        for start, stop in pairwise(cuts):
            yield day_text(int(days[start])), chunk.slice(start, stop)
        return
    order = np.argsort(days, kind="stable")
    ordered = days.take(order)
    cuts = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), chunk.rows]
    for start, stop in pairwise(cuts):
        yield day_text(int(ordered[start])), chunk.take(order[start:stop])


def day_text(day: int) -> str:
    """The date of a day, counted from 1970-01-01, in ISO 8601."""
    return str(np.datetime64(day, "D"))


def _joined(pieces: list[Chunk]) -> Chunk:
    if len(pieces) == 1:
        return pieces[0]
    columns: dict[str, Array] = {}
    for name in pieces[0].columns:
        parts = [piece.columns[name] for piece in pieces]
        if any(part.dtype == ADDRESS for part in parts):
            parts = [widen(part) for part in parts]
        columns[name] = np.concatenate(parts)
    return Chunk(columns, sum(piece.rows for piece in pieces))
