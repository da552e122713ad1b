"""What a run really did, for ``flowrules explain plan --profile``: rows and CPU time of every step of each scan.

A run that is watched has one thread, and the same results.  A run that is not watched pays for a test of ``None``
where a step begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import thread_time_ns
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flowrules.engine.predicates import truth
from flowrules.model import expression as ex

if TYPE_CHECKING:
    from flowrules.engine.folding import Decided
    from flowrules.engine.row_values import Rows
    from flowrules.engine.scan import Scanned
    from flowrules.engine.task import Task
    from flowrules.engine.work import Skips

During: TypeAlias = AbstractContextManager[None]

_NOTHING: Final = nullcontext()


@define(eq=False)
class Step:
    """One thing that a scan does again and again: how often, with how many rows, in how many nanoseconds of CPU.

    The time of steps within it (columns that a predicate fetches) is theirs alone.
    """

    times: int = 0
    rows: int = 0
    nanoseconds: int = 0


@define(eq=False)
class PredicateStep(Step):
    """A predicate: of the rows that it was tested on, how many passed; pieces of flows in which their bounds
    told that all (``always``) or none (``never``) pass."""

    passed: int = 0
    always: int = 0
    never: int = 0


@define(eq=False)
class ColumnStep(Step):
    """A column: the bytes that were fetched from it."""

    bytes: int = 0


@define(eq=False)
class GroupStep(Step):
    """Groups, cells or collected rows: how many there are in the end."""

    found: int = 0


@define(eq=False)
class ScanWatch:
    """One scan; ``groups`` and ``collections`` are keyed by their places in the plan, ``records`` by path."""

    number: int
    rest: Step = field(factory=Step)
    """What the scan does beside the steps below."""
    records: Sequence[tuple[str, int]] = ()
    reading: Step = field(factory=Step)
    facts: Step = field(factory=Step)
    columns: dict[str, ColumnStep] = field(factory=lambda: defaultdict(ColumnStep))
    predicates: dict[ex.Expression, PredicateStep] = field(factory=lambda: defaultdict(PredicateStep))
    groups: dict[int, GroupStep] = field(factory=lambda: defaultdict(GroupStep))
    cells: dict[int, GroupStep] = field(factory=lambda: defaultdict(GroupStep))
    collections: dict[int, GroupStep] = field(factory=lambda: defaultdict(GroupStep))
    finishing: Step = field(factory=Step)
    """Adding up what was counted, and telling the groups."""
    working_out: Step = field(factory=Step)
    """Sets, tables and verdicts, after the scan."""
    pieces: int = 0
    skips: Skips | None = None


class Watch:
    """What a scan tells of its steps; this one does not listen.

    Each method gives a context for a step; groups, cells and collections are named by their places in the scan's task.
    """

    recording: ClassVar[bool] = False

    def begin(self, number: int) -> None:
        """A scan is made ready."""

    def counting(self, groupings: Sequence[int], collections: Sequence[int]) -> None:
        """It begins, and counts these groupings and collections of the plan."""

    def scanning(self) -> During:
        """The whole of a scan."""
        return _NOTHING

    def reading(self) -> During:
        """The next piece of the sources is read."""
        return _NOTHING

    def piece(self, task: Task, decided: Decided) -> None:
        """A piece came, in which the bounds of columns told some predicates."""

    def facts(self, rows: int) -> During:
        """Times and directions of all flows are told."""
        return _NOTHING

    def tested(self, node: ex.Expression, rows: Rows) -> NDArray[np.bool_]:
        """Which rows pass a predicate."""
        return truth(node, rows)[0]

    def column(self, name: str, rows: Rows) -> NDArray[Any]:
        """A column of rows that was not asked for before."""
        return rows.fetched(name)

    def group(self, place: int, rows: int) -> During:
        """Rows are counted in a grouping."""
        return _NOTHING

    def cells(self, place: int, rows: int) -> During:
        """Rows are counted by cells."""
        return _NOTHING

    def collection(self, place: int, rows: int) -> During:
        """Rows are collected."""
        return _NOTHING

    def finishing(self) -> During:
        """What was counted is put together."""
        return _NOTHING

    def found(self, scanned: Scanned, cells: Sequence[int], paths: Sequence[str]) -> None:
        """What came out, the numbers of cells, and the sources."""

    def working_out(self) -> During:
        """Sets, tables and verdicts are worked out."""
        return _NOTHING


UNWATCHED: Final = Watch()


class Recording(Watch):
    """Keeps what one run on one thread tells."""

    recording = True

    def __init__(self) -> None:
        self.scans: list[ScanWatch] = []
        self._within = [0]
        self._groupings: Sequence[int] = ()
        self._collections: Sequence[int] = ()

    @property
    def scan(self) -> ScanWatch:
        """The scan that is under way."""
        return self.scans[-1]

    def begin(self, number: int) -> None:
        """Begin the tables of a scan."""
        self.scans.append(ScanWatch(number))

    def counting(self, groupings: Sequence[int], collections: Sequence[int]) -> None:
        """Keep which they are."""
        self._groupings, self._collections = groupings, collections

    @contextmanager
    def _taking(self, step: Step, rows: int = 0) -> Iterator[None]:
        self._within.append(0)
        start = thread_time_ns()
        try:
            yield
        finally:
            took = thread_time_ns() - start
            inner = self._within.pop()
            self._within[-1] += took
            step.nanoseconds += took - inner
            step.rows += rows
            step.times += 1

    def scanning(self) -> During:
        """Time what no other step accounts for."""
        return self._taking(self.scan.rest)

    def reading(self) -> During:
        """Time the reading and decoding of a piece."""
        return self._taking(self.scan.reading)

    def piece(self, task: Task, decided: Decided) -> None:
        """Count the pieces, and the predicates that bounds told."""
        self.scan.pieces += 1
        if decided.truths:
            wheres = (where for where, _ in (*task.groupings, *task.collections))
            for predicate in {id(p): p for where in wheres for p in where.predicates}.values():
                told = decided.truths.get(id(predicate))
                if told is not None:
                    step = self.scan.predicates[predicate]
                    step.always += told
                    step.never += not told

    def facts(self, rows: int) -> During:
        """Time it."""
        return self._taking(self.scan.facts, rows)

    def tested(self, node: ex.Expression, rows: Rows) -> NDArray[np.bool_]:
        """Time the test where its outcome is not known yet, and count the rows that pass."""
        if id(node) in rows.truths:
            return truth(node, rows)[0]
        step = self.scan.predicates[node]
        with self._taking(step, rows.rows):
            held = truth(node, rows)[0]
        step.passed += int(np.count_nonzero(held))
        return held

    def column(self, name: str, rows: Rows) -> NDArray[Any]:
        """Time the fetching, and count its bytes (not of the examples that a scan is made ready with)."""
        if len(self._within) == 1:
            return rows.fetched(name)
        step = self.scan.columns[name]
        with self._taking(step, rows.rows):
            values = rows.fetched(name)
        step.bytes += values.dtype.itemsize * rows.rows
        return values

    def group(self, place: int, rows: int) -> During:
        """Time the counting, by the grouping's place in the plan."""
        return self._taking(self.scan.groups[self._groupings[place]], rows)

    def cells(self, place: int, rows: int) -> During:
        """Time the counting."""
        return self._taking(self.scan.cells[place], rows)

    def collection(self, place: int, rows: int) -> During:
        """Time the collecting, by the collection's place in the plan."""
        return self._taking(self.scan.collections[self._collections[place]], rows)

    def finishing(self) -> During:
        """Time it."""
        return self._taking(self.scan.finishing)

    def found(self, scanned: Scanned, cells: Sequence[int], paths: Sequence[str]) -> None:
        """Keep the numbers."""
        for place, grouped in zip(self._groupings, scanned.groups, strict=True):
            self.scan.groups[place].found = grouped.rows
        for number, count in enumerate(cells):
            self.scan.cells[number].found = count
        for place, collected in zip(self._collections, scanned.rows, strict=True):
            self.scan.collections[place].found = collected.rows
        self.scan.records = list(zip(paths, scanned.records, strict=True))
        self.scan.skips = scanned.skips

    def working_out(self) -> During:
        """Time it."""
        return self._taking(self.scan.working_out)
