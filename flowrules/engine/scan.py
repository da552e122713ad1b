"""One pass over all flows: every grouping and collection of the scan, chunk by chunk, on one or more threads.

Each thread counts for itself; what it counted is added up at the end.  Nothing that comes out depends on
the size of chunks, on the number of threads or on the order of sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock, Thread

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.engine.aggregate import Partial
from flowrules.engine.cells import CellCounter
from flowrules.engine.collect import CollectedRows, OtherRows
from flowrules.engine.facts import Facts
from flowrules.engine.folding import Decided
from flowrules.engine.freed_memory import keep_freed_memory
from flowrules.engine.grouped import Grouped
from flowrules.engine.key_codes import AddressCoder, codes_of
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.task import Task
from flowrules.engine.where import Selected, select_rows
from flowrules.engine.work import Foreknown, Skips, Unit, Work
from flowrules.flows.table import FlowSource

PIECE_ROWS = 1 << 17
"""How many rows are evaluated at a time, so that what lies between two steps stays in the cache."""

CELL_PIECE_ROWS = 1 << 18
"""The same where groupings are counted by cells: what is done once for a piece is worth more than the cache."""

Progress = Callable[[int], None]
"""Called with the number of records done so far."""


class _State:
    """What one thread has counted."""

    def __init__(self, task: Task) -> None:
        self.cells: list[CellCounter] = []
        self.begin(task)
        self.cells = [CellCounter(cells, self.partials) for cells in task.cells]
        by_cells = {m.place for cells in task.cells for m in cells.members}
        self.single = [place for place in range(len(task.groupings)) if place not in by_cells]
        """The places of groupings that test their own predicates."""

    def begin(self, task: Task) -> None:
        """Count from nothing; what cells were met stays known."""
        self.facts = Facts()
        self.partials = [Partial(grouping) for _, grouping in task.groupings]
        for counter in self.cells:
            counter.begin(self.partials)
        self.rows = [CollectedRows(collection) for _, collection in task.collections]
        self.others = [OtherRows(side) for side in task.others]

    def add(self, unit: Unit, task: Task, around: Surroundings) -> int:
        chunk, decided = unit.chunk, unit.decided
        around.watch.piece(task, decided)
        rows = min(CELL_PIECE_ROWS if self.cells else PIECE_ROWS, unit.most)
        if unit.facts and chunk.span is not None:
            self.facts.add_span(chunk.span)
        for start in range(0, chunk.rows, rows):
            stop = min(start + rows, chunk.rows)
            piece = chunk if stop - start == chunk.rows else chunk.slice(start, stop)
            self._add_piece(
                Rows(piece, around, None, decided.truths), task, decided, unit.facts, chunk.span is None
            )
        return chunk.rows

    def _add_piece(self, rows: Rows, task: Task, decided: Decided, facts: bool, times: bool) -> None:
        if facts:
            with rows.around.watch.facts(rows.rows):
                self.facts.add(rows, times)
        selected: Selected = {(): rows}
        chosen: dict[int, Rows] = {}
        for place in self.single:
            where = decided.where(task.groupings[place][0])
            if where is not None:
                chosen[place] = select_rows(where, selected)
        watch = rows.around.watch
        for place, passed in list(chosen.items()):
            partial = self.partials[place]
            if partial.masks(passed, rows):
                with watch.group(place, passed.rows):
                    partial.add_passed(passed, rows)
                del chosen[place]
        for coder, places in task.shared_coders:
            users = [chosen[p] for p in places if p in chosen and self.partials[p].numbered]
            _share_codes(coder, rows, {id(user): user for user in users})
        for place, passed in chosen.items():
            with watch.group(place, passed.rows):
                self.partials[place].add(passed)
        for place, counter in enumerate(self.cells):
            with watch.cells(place, rows.rows):
                counter.add(rows, selected, decided)
        for place, (predicates, _) in enumerate(task.collections):
            where = decided.where(predicates)
            if where is not None:
                passed = select_rows(where, selected)
                with watch.collection(place, passed.rows):
                    self.rows[place].add(passed)
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


def _share_codes(coder: AddressCoder, rows: Rows, users: Mapping[int, Rows]) -> None:
    """Look addresses up once for all selections that need them: for the rows that any of them holds."""
    whole: NDArray[np.uint32]
    if any(user is rows for user in users.values()) or ("codes", id(coder)) in rows.held:
        whole = codes_of(coder, rows)
        index = None
    elif coder.numbered(rows):
        # to look numbers up again costs less than to find out which rows are shared
        return
    else:
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
        if user.index is None or (index is not None and user.passed is None):
            continue
        same = index is not None and user.rows == len(index)
        user.held["codes", id(coder)] = codes if same else whole.take(user.index)


@frozen(eq=False)
class Scanned:
    """What a scan found: the groups of each grouping, the rows of each collection and of each other side,
    facts, records by source."""

    groups: Sequence[Grouped]
    rows: Sequence[CollectedRows]
    others: Sequence[OtherRows]
    facts: Facts
    records: Sequence[int]
    skips: Skips = field(factory=Skips)


def scan(
    task: Task,
    sources: Sequence[FlowSource],
    around: Surroundings,
    *,
    threads: int = 1,
    rows: int | None = None,
    progress: Progress | None = None,
) -> Scanned:
    """Read all sources once; ``rows`` is how many records are counted at a time."""
    return Scanner(task, around, threads).scan(sources, rows, progress)


class Scanner:
    """A task with what its threads learn of its cells and keys, to scan several times what is to be told apart."""

    def __init__(self, task: Task, around: Surroundings, threads: int = 1) -> None:
        keep_freed_memory()
        around.prepare(
            [p for where, _ in (*task.groupings, *task.collections) for p in (*where.cheap, *where.dear)]
        )
        self._task = task
        self._around = around
        self._states = [_State(task) for _ in range(max(threads, 1))]
        self._foreknown = Foreknown(task, around)
        self._used = False

    def scan(
        self, sources: Sequence[FlowSource], rows: int | None = None, progress: Progress | None = None
    ) -> Scanned:
        """Read all sources once."""
        if self._used:
            self.let_go()
        self._used = True
        work = Work(self._task, sources, self._around, rows, self._foreknown)
        return _scan(self._task, sources, self._around, self._states, work, progress)

    @property
    def met(self) -> int:
        """How many groups all groupings have met so far."""
        return sum(grouping.size() for _, grouping in self._task.groupings)

    def let_go(self) -> None:
        """Hold nothing of what the last scan found but what was learned."""
        for state in self._states:
            state.begin(self._task)
        self._used = False


def _scan(
    task: Task,
    sources: Sequence[FlowSource],
    around: Surroundings,
    states: Sequence[_State],
    work: Work,
    progress: Progress | None,
) -> Scanned:
    units = work.units()
    lock = Lock()
    failed: list[BaseException] = []

    def count(state: _State, told: Progress | None) -> None:
        # each thread takes the next piece of work when it is ready for it, and counts it for itself
        while not failed:
            with lock, around.watch.reading():
                unit = next(units, None)
            if unit is None:
                return
            done = state.add(unit, task, around)
            with lock:
                work.records[unit.source] += done
            if told is not None:
                told(work.done)
            # its memory is there for the next one
            del unit

    def beside(state: _State) -> None:
        try:
            count(state, None)
        except BaseException as error:
            failed.append(error)

    others = [Thread(target=beside, args=(state,), name="flowrules-scan") for state in states[1:]]
    for thread in others:
        thread.start()
    try:
        with around.watch.scanning():
            count(states[0], progress)
    except BaseException as error:
        failed.insert(0, error)
    for thread in others:
        thread.join()
    if failed:
        raise failed[0]
    if progress is not None:
        progress(work.done)
    first = states[0]
    with around.watch.finishing():
        for state in states:
            state.settle()
        for other in states[1:]:
            first.merge(other)
        first.facts.merge(work.facts)
        first.facts.records = work.done
        groups = [p.finish() for p in first.partials]
    found = Scanned(groups, first.rows, first.others, first.facts, work.records, work.skips)
    around.watch.found(found, [c.cells for c in first.cells], [s.path for s in sources])
    return found
