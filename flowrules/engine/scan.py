"""One pass over all flows: every grouping and collection of the scan, chunk by chunk, on one or more threads.

Each thread counts for itself; what it counted is added up at the end.  Nothing that comes out depends on
the size of chunks, on the number of threads or on the order of sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrules.engine.aggregate import Grouping, Partial
from flowrules.engine.cells import CellCounter, CellTask
from flowrules.engine.collect import CollectedRows, Collection, OtherRows, OtherSide
from flowrules.engine.direction import DirectionRule
from flowrules.engine.freed_memory import keep_freed_memory
from flowrules.engine.grouped import Grouped
from flowrules.engine.key_codes import Coder
from flowrules.engine.row_values import DIRECTION_CODES, Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.where import Selected, Where, select_rows
from flowrules.flows.table import Chunk, FlowSource

PIECE_ROWS = 1 << 17
"""How many rows are evaluated at a time, so that what lies between two steps stays in the cache."""

CELL_PIECE_ROWS = 1 << 17
"""The same where groupings are counted by cells: what is done once for a piece is worth more than the cache."""

Progress = Callable[[int], None]
"""Called with the number of records done so far."""

_NO_TIME = np.iinfo(np.int64)


@frozen(eq=False)
class Task:
    """What one scan counts: groupings with the predicates of their rows, and collections with theirs."""

    groupings: Sequence[tuple[Where, Grouping]]
    collections: Sequence[tuple[Where, Collection]]
    others: Sequence[OtherSide]
    fields: frozenset[str]
    facts: bool
    """Whether times and directions of all flows are told."""
    shared_coders: Sequence[tuple[Coder, Sequence[int]]] = ()
    """Coders of addresses that several groupings use, with the places of these."""
    cells: Sequence[CellTask] = ()
    """Groupings that are counted by cells, not each by its own predicates."""


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

    def add(self, rows: Rows) -> None:
        """Count the rows of a chunk."""
        self.records += rows.rows
        if not rows.rows:
            return
        if rows.has("stime"):
            start = rows.column("stime")
            self.timed = True
            self.first_start = min(self.first_start, int(start.min()))
            self.last_start = max(self.last_start, int(start.max()))
            end = start + rows.column("duration") if rows.has("duration") else start
            self.first_end = min(self.first_end, int(end.min()))
            self.last_end = max(self.last_end, int(end.max()))
        rule = rows.around.direction
        if rule.by_types and rows.has("type"):
            self._count(rows.column("type"))
        elif not rule.by_types:
            self._count(rows.direction())

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


class _State:
    """What one thread has counted."""

    def __init__(self, task: Task) -> None:
        self.facts = Facts()
        self.partials = [Partial(grouping) for _, grouping in task.groupings]
        self.cells = [CellCounter(cells, self.partials) for cells in task.cells]
        by_cells = {m.place for cells in task.cells for m in cells.members}
        self.single = [place for place in range(len(task.groupings)) if place not in by_cells]
        """The places of groupings that test their own predicates."""
        self.rows = [CollectedRows(collection) for _, collection in task.collections]
        self.others = [OtherRows(side) for side in task.others]

    def add(self, chunk: Chunk, task: Task, around: Surroundings) -> int:
        rows = CELL_PIECE_ROWS if self.cells else PIECE_ROWS
        for start in range(0, chunk.rows, rows):
            stop = min(start + rows, chunk.rows)
            piece = chunk if stop - start == chunk.rows else chunk.slice(start, stop)
            self._add_piece(Rows(piece, around), task)
        return chunk.rows

    def _add_piece(self, rows: Rows, task: Task) -> None:
        if task.facts:
            self.facts.add(rows)
        else:
            self.facts.records += rows.rows
        selected: Selected = {(): rows}
        chosen = {place: select_rows(task.groupings[place][0], selected) for place in self.single}
        for coder, places in task.shared_coders:
            _share_codes(coder, rows, {id(chosen[p]): chosen[p] for p in places if p in chosen})
        for place, passed in chosen.items():
            self.partials[place].add(passed)
        for counter in self.cells:
            counter.add(rows, selected)
        for (where, _), collected in zip(task.collections, self.rows, strict=True):
            collected.add(select_rows(where, selected))
        for other in self.others:
            other.add(rows)

    def settle(self) -> None:
        for counter in self.cells:
            counter.settle()

    def merge(self, other: _State) -> None:
        self.facts.merge(other.facts)
        for mine, theirs in zip(self.partials, other.partials, strict=True):
            mine.merge(theirs)
        for held, more in zip(self.rows, other.rows, strict=True):
            held.merge(more)
        for own, far in zip(self.others, other.others, strict=True):
            own.merge(far)


def _share_codes(coder: Coder, rows: Rows, users: Mapping[int, Rows]) -> None:
    """Look addresses up once for all selections that need them: for the rows that any of them holds."""
    masks = [u.passed for u in users.values() if u.passed is not None and u.rows]
    if len(masks) < 2:
        return
    union = masks[0]
    for mask in masks[1:]:
        union = union | mask
    index = np.flatnonzero(union)
    codes = coder.encode(rows.take(index))
    whole = np.empty(rows.rows, np.uint32)
    whole[index] = codes
    for user in users.values():
        if user.passed is None or user.index is None:
            continue
        user.held["codes", id(coder)] = codes if user.rows == len(index) else whole.take(user.index)


@frozen(eq=False)
class Scanned:
    """What a scan found: the groups of each grouping, the rows of each collection and of each other side,
    facts, records by source."""

    groups: Sequence[Grouped]
    rows: Sequence[CollectedRows]
    others: Sequence[OtherRows]
    facts: Facts
    records: Sequence[int]


def scan(
    task: Task,
    sources: Sequence[FlowSource],
    around: Surroundings,
    *,
    threads: int = 1,
    rows: int | None = None,
    progress: Progress | None = None,
) -> Scanned:
    """Read all sources once; ``rows`` is how many records a chunk holds."""
    keep_freed_memory()
    states = [_State(task) for _ in range(max(threads, 1))]
    records = [0] * len(sources)
    around.prepare(
        [p for where, _ in (*task.groupings, *task.collections) for p in (*where.cheap, *where.dear)]
    )
    chunks = _chunks(task, sources, rows)
    done = 0
    if threads <= 1:
        for place, chunk in chunks:
            count = states[0].add(chunk, task, around)
            records[place] += count
            done += count
            if progress is not None:
                progress(done)
    else:
        _run_threads(task, chunks, around, states, records, progress)
    for state in states:
        state.settle()
    first = states[0]
    for other in states[1:]:
        first.merge(other)
    return Scanned([p.finish() for p in first.partials], first.rows, first.others, first.facts, records)


def _chunks(task: Task, sources: Sequence[FlowSource], rows: int | None) -> Iterator[tuple[int, Chunk]]:
    for place, source in enumerate(sources):
        held = task.fields & source.fields
        chunks = source.chunks(held) if rows is None else source.chunks(held, rows)
        for chunk in chunks:
            yield place, chunk


def _run_threads(
    task: Task,
    chunks: Iterator[tuple[int, Chunk]],
    around: Surroundings,
    states: list[_State],
    records: list[int],
    progress: Progress | None,
) -> None:
    free: SimpleQueue[_State] = SimpleQueue()
    for state in states:
        free.put(state)

    def work(chunk: Chunk) -> int:
        state = free.get()
        try:
            return state.add(chunk, task, around)
        finally:
            free.put(state)

    waiting: list[tuple[int, Future[int]]] = []
    done = 0
    with ThreadPoolExecutor(len(states), "flowrules-scan") as pool:
        try:
            for place, chunk in chunks:
                waiting.append((place, pool.submit(work, chunk)))
                # so many chunks at most are held in memory
                while len(waiting) > 2 * len(states):
                    done = _finish(waiting.pop(0), records, done, progress)
            while waiting:
                done = _finish(waiting.pop(0), records, done, progress)
        except BaseException:
            for _, future in waiting:
                future.cancel()
            raise


def _finish(
    waiting: tuple[int, Future[int]], records: list[int], done: int, progress: Progress | None
) -> int:
    place, future = waiting
    count = future.result()
    records[place] += count
    if progress is not None:
        progress(done + count)
    return done + count
