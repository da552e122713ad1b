"""The work of a scan, cut into units that threads take one by one, and what of it need not be done.

Zones of sources are looked at all at once: predicates are folded over their bounds, and a zone that nothing can
match is not read.  Other sources are read chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray

from flowrules.engine.facts import Facts
from flowrules.engine.folding import NOTHING_DECIDED, Decided, Folds
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.task import Task
from flowrules.flows.table import Chunk, FlowSource
from flowrules.flows.time_span import SPAN
from flowrules.flows.zones import ANY_ADDRESS, Zones

EVERY: Final = 1 << 62
"""No bound on the rows that are counted at a time."""


READ_ROWS: Final = 1 << 17
"""So many rows are read at a time where nothing is known of them: what one step is taken over."""

LEAST_ROWS: Final = 1 << 15
"""Zones with fewer rows are counted together with others."""

ENOUGH_ROWS: Final = 1 << 16
"""So many rows of small zones are counted together."""


@define
class Skips:
    """Zones of the sources, those of them that were not read, and their records."""

    zones: int = 0
    skipped: int = 0
    records: int = 0


@frozen(eq=False)
class Unit:
    """A piece of work for one thread: a chunk of a source (by its place), what is known of predicates in it,
    whether it is counted among the facts, and how many of its rows may be taken at a time."""

    source: int
    chunk: Chunk
    decided: Decided
    facts: bool
    most: int = EVERY


class Foreknown:
    """What is known of a task's predicates before a row is read, kept from one scan with the task to the next."""

    def __init__(self, task: Task, around: Surroundings) -> None:
        self._task = task
        self._around = around
        self._by_constants: dict[tuple[tuple[str, int], ...], Decided] = {}

    @cached_property
    def folds(self) -> Folds:
        """The predicates, to be folded over bounds."""
        wheres = [where for where, _ in (*self._task.groupings, *self._task.collections)]
        return Folds((p for where in wheres for p in where.predicates), self._around)

    def of_chunk(self, chunk: Chunk) -> Decided:
        """What the constants of a chunk say: mostly those of the chunk before."""
        if not chunk.constants:
            return NOTHING_DECIDED
        key = tuple(sorted(chunk.constants.items()))
        held = self._by_constants.get(key)
        if held is None:
            bounds = {name: np.array([[value, value]]) for name, value in key}
            held = self._by_constants[key] = self.folds.decided(self.folds.fold(bounds, 1)[0])
        return held


class Work:
    """What is to be done for a task; ``records`` and ``facts`` are what came out without reading."""

    def __init__(
        self,
        task: Task,
        sources: Sequence[FlowSource],
        around: Surroundings,
        rows: int | None,
        foreknown: Foreknown,
    ) -> None:
        self._task = task
        self._sources = sources
        self._around = around
        self._rows = rows
        self._foreknown = foreknown
        self.records = [0] * len(sources)
        self.facts = Facts()
        self.skips = Skips()

    @property
    def done(self) -> int:
        """How many records are done with."""
        return sum(self.records)

    def units(self) -> Iterator[Unit]:
        """The units, source by source; to be taken by one thread at a time."""
        for place, source in enumerate(self._sources):
            zones = source.zones()
            if zones is None:
                yield from self._by_chunks(place, source)
            else:
                yield from self._by_zones(place, source, zones)

    def _by_chunks(self, place: int, source: FlowSource) -> Iterator[Unit]:
        held = self._task.fields & source.fields
        if source.spans and held >= self._task.told:
            # the reader tells from when to when the flows are, and needs no columns for it
            held = held - self._task.told | ({SPAN} if self._task.told else set())
        for chunk in source.chunks(held, READ_ROWS if self._rows is None else self._rows):
            unit = Unit(place, chunk, self._foreknown.of_chunk(chunk), self._task.facts)
            # what a chunk held is there for the next one
            del chunk
            yield unit
            del unit

    def _by_zones(self, place: int, source: FlowSource, zones: Zones) -> Iterator[Unit]:
        task = self._task
        held = task.fields & source.fields
        folds = self._foreknown.folds
        states = folds.fold(zones.bounds, len(zones))
        unread = np.zeros(len(zones), np.bool_)
        if task.facts:
            unread = zones_to_read(self.facts, zones, held, self._around)
        most = EVERY if self._rows is None else self._rows
        wide = _wide(zones)
        counts = zones.rows.tolist()
        small: dict[tuple[Decided, bool, bool], list[int]] = {}
        waiting: dict[tuple[Decided, bool, bool], int] = {}

        def unit(numbers: Sequence[int], decided: Decided, facts: bool) -> Unit:
            return Unit(place, zones.read(numbers, held), decided, facts, most)

        for number, rows in enumerate(counts):
            self.skips.zones += 1
            decided = folds.decided(states[number])
            facts = bool(unread[number])
            if not facts and not task.others and not decided.matter(task):
                self.skips.skipped += 1
                self.skips.records += rows
                self.records[place] += rows
            elif rows >= LEAST_ROWS:
                yield unit([number], decided, facts)
            else:
                # small zones of which the same is known are one unit: what a unit costs is more than to copy them
                alike = decided, facts, wide[number]
                small.setdefault(alike, []).append(number)
                waiting[alike] = waiting.get(alike, 0) + rows
                if waiting[alike] >= ENOUGH_ROWS:
                    yield unit(small.pop(alike), decided, facts)
                    del waiting[alike]
        for (decided, facts, _), numbers in small.items():
            yield unit(numbers, decided, facts)


def zones_to_read(
    facts: Facts, zones: Zones, held: frozenset[str], around: Surroundings
) -> NDArray[np.bool_]:
    """Give facts what bounds tell of the ``held`` columns; which zones must be read for the facts of all flows."""
    if any(around.assumes(name) and name not in held for name in ("stime", "duration", "type")):
        return np.ones(len(zones), np.bool_)
    return facts.add_zones(zones, held, around.direction)


def _wide(zones: Zones) -> list[bool]:
    """Which zones may have IPv6 addresses."""
    out = np.zeros(len(zones), np.bool_)
    for name in ("sip", "dip", "nhip"):
        if name in zones.bounds:
            out |= zones.bounds[name][:, 1] == ANY_ADDRESS
    known: list[bool] = out.tolist()
    return known
