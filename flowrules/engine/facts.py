"""What is true of all flows read: their number, first and last times, and how many have each direction."""

from __future__ import annotations

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flowrules.engine.direction import NONE, DirectionRule
from flowrules.engine.row_values import DIRECTION_CODES, Rows
from flowrules.flows.time_span import TimeSpan
from flowrules.flows.zones import Zones

_NO_TIME = np.iinfo(np.int64)


@define(eq=False)
class Facts:
    """What is true of all flows read: first and last start and end (ms), and how many have each direction."""

    records: int = 0
    first_start: int = int(_NO_TIME.max)
    last_start: int = int(_NO_TIME.min)
    first_end: int = int(_NO_TIME.max)
    last_end: int = int(_NO_TIME.min)
    directions: NDArray[np.int64] = field(factory=lambda: np.zeros(256, np.int64))
    timed: bool = False

    def add(self, rows: Rows, times: bool = True) -> None:
        """Count the rows of a chunk; without ``times``, these are told otherwise."""
        self.records += rows.rows
        if not rows.rows:
            return
        if times and rows.has("stime"):
            duration = rows.column("duration") if rows.has("duration") else None
            self.add_span(TimeSpan.of(rows.column("stime"), duration))
        rule = rows.around.direction
        if rule.by_types and rows.has("type"):
            self._count(rows.column("type"))
        elif not rule.by_types:
            self._count(rows.direction())

    def add_zones(self, zones: Zones, held: frozenset[str], rule: DirectionRule) -> NDArray[np.bool_]:
        """Take what the bounds of zones tell of their ``held`` columns; which zones must be added by their rows."""
        bounds = zones.bounds
        unread = np.zeros(len(zones), np.bool_)
        starts = ends = None
        if "stime" in held:
            starts = bounds.get("stime")
            ends = bounds.get("etime") if "duration" in held else starts
            if starts is None or ends is None:
                return np.ones(len(zones), np.bool_)
        by_type = None
        if rule.by_types and "type" in held:
            by_type = bounds.get("type")
            if by_type is None:
                return np.ones(len(zones), np.bool_)
            unread |= by_type[:, 0] != by_type[:, 1]
        elif not rule.by_types and rule.by != NONE and rule.internal is not None:
            return np.ones(len(zones), np.bool_)
        told = np.flatnonzero(~unread)
        if not len(told):
            return unread
        counts = zones.rows.take(told)
        self.records += int(counts.sum())
        if starts is not None and ends is not None:
            start, end = starts[told], ends[told]
            self._span(int(start.min()), int(start.max()), int(end.min()), int(end.max()))
        if by_type is not None:
            np.add.at(self.directions, by_type[told, 0].astype(np.intp), counts)
        elif not rule.by_types:
            self.directions[0] += int(counts.sum())
        return unread

    def add_span(self, span: TimeSpan) -> None:
        """Count from when to when some flows are."""
        self._span(span.first_start, span.last_start, span.first_end, span.last_end)

    def _span(self, first_start: int, last_start: int, first_end: int, last_end: int) -> None:
        self.timed = True
        self.first_start = min(self.first_start, first_start)
        self.last_start = max(self.last_start, last_start)
        self.first_end = min(self.first_end, first_end)
        self.last_end = max(self.last_end, last_end)

    def _count(self, numbers: NDArray[np.uint8]) -> None:
        """Count bytes: flows bear few different types, so comparing with those met is quickest."""
        met = np.flatnonzero(self.directions)[:8].tolist()
        found = [int(np.count_nonzero(numbers == number)) for number in met]
        if sum(found) == len(numbers):
            self.directions[met] += found
        else:
            self.directions += np.bincount(numbers, minlength=256)

    def merge(self, other: Facts) -> None:
        """Add what another thread has seen."""
        self.records += other.records
        self.first_start = min(self.first_start, other.first_start)
        self.last_start = max(self.last_start, other.last_start)
        self.first_end = min(self.first_end, other.first_end)
        self.last_end = max(self.last_end, other.last_end)
        self.directions += other.directions
        self.timed |= other.timed

    def by_direction(self, rule: DirectionRule) -> dict[str, int]:
        """How many flows have each direction; ``other`` have none."""
        counts = self.directions
        if rule.by_types:
            counts = np.zeros(256, np.int64)
            np.add.at(counts, rule.codes_of_types(), self.directions)
        named = {name: int(counts[code]) for name, code in DIRECTION_CODES.items()}
        return {**named, "other": int(counts[0])}
