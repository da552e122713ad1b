"""One scan as data: what is to be counted and collected, and what may be asked of the run meanwhile.

A stage can be carried out in this process or in others: pickled, it holds what its predicates, keys and values
ask of other declarations, and nothing else of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Final, Protocol

from attrs import evolve, frozen

from flowrules.engine.aggregate import Grouping
from flowrules.engine.cell_tasks import CellCounted, CellTask, cell_tasks
from flowrules.engine.collect import Collection, OtherSide
from flowrules.engine.key_codes import AddressCoder, Coders
from flowrules.engine.member_tests import HostFinder
from flowrules.engine.results import Frame, Series, SetResult
from flowrules.engine.scan import Progress, Scanned, Scanner, scan
from flowrules.engine.surroundings import RowWorld, Surroundings
from flowrules.engine.task import Task
from flowrules.engine.where import Where
from flowrules.flows.table import FlowSource
from flowrules.model import expression as ex
from flowrules.model.collector import collector_held_off
from flowrules.model.ends import INSIDE, OUTSIDE, measured_end
from flowrules.model.map_table import MapTable
from flowrules.model.structural import Shown, Structural
from flowrules.plan.field_use import TYPES, fields_of
from flowrules.plan.plan import CellPlan, CollectionPlan, GroupingPlan
from flowrules.plan.rewriting import depends

TIMES: Final = frozenset({"stime", "duration"})


@frozen(eq=False, repr=False)
class Collecting(Shown):
    """A collection of the plan with the hosts whose rows are wanted (a column for each key; ``None``: all)."""

    planned: CollectionPlan
    hosts: Sequence[Series] | None

    @property
    def idle(self) -> bool:
        """Whether there is no host, so that no rows are wanted."""
        return self.hosts is not None and not len(self.hosts[0])

    @property
    def side(self) -> tuple[tuple[ex.Expression, ...], str]:
        """What decides which rows are those of the other side."""
        return self.planned.keys, self.planned.profile

    def collection(self, finder: HostFinder | None = None) -> Collection:
        """What the scan's rows are kept for."""
        ends = (measured_end(m, self.planned.keys) for m in self.planned.measures)
        sided = any(end in (INSIDE, OUTSIDE) for end in ends)
        return Collection(self.planned.keys, self.hosts, finder, sided)


@frozen(eq=False, repr=False)
class Stage(Shown):
    """What one scan counts, and what its rows are judged by beside themselves."""

    fields: frozenset[str]
    """The stored fields that are read."""
    facts: bool
    """Whether times and directions of all flows are told."""
    groupings: Sequence[GroupingPlan]
    collections: Sequence[Collecting]
    cells: CellPlan | None
    """Which of the groupings (by their places here) are counted by cells."""
    around: Surroundings

    @property
    def sides(self) -> list[tuple[tuple[ex.Expression, ...], str]]:
        """The other sides whose rows are kept, in the order in which a scan gives them."""
        return list(dict.fromkeys(c.side for c in self.collections))

    @property
    def idle(self) -> bool:
        """Whether nothing is asked but rows of hosts that there are none of."""
        return not self.groupings and not self.facts and all(c.idle for c in self.collections)

    @cached_property
    def task(self) -> Task:
        """What the scan does, with dictionaries of its own for all but addresses; made once."""
        coders = Coders(self.around)
        counted = [
            (Where.of(g.where), Grouping(g.keys, g.inside, g.aggregates, coders)) for g in self.groupings
        ]
        kept = []
        finders: dict[str, HostFinder | None] = {"": None}
        others: dict[tuple[tuple[ex.Expression, ...], str], OtherSide] = {}
        for each in self.collections:
            profile = each.planned.profile
            if each.hosts is not None and profile not in finders:
                finders[profile] = HostFinder(each.hosts, self.around.label_codes)
            collection = each.collection(finders[profile])
            kept.append((Where.of(each.planned.where), collection))
            others.setdefault(each.side, collection.other_side())
        groupings = [grouping for _, grouping in counted]
        cells = self._cell_tasks(counted)
        return Task(
            counted,
            kept,
            list(others.values()),
            self.fields,
            self.facts,
            self._told(),
            _shared_coders(groupings),
            cells,
        )

    def _told(self) -> frozenset[str]:
        """The fields of times, where nothing but the times of all flows asks for any."""
        if not self.facts or self.collections or fields_of(self._expressions(), TYPES) & TIMES:
            return frozenset()
        return TIMES

    def prepare(self) -> None:
        """Give tests their bits before several threads carry out this stage, each with a task of its own."""
        tested = (
            *(p for g in self.groupings for p in g.where),
            *(p for c in self.collections for p in c.planned.where),
        )
        self.around.prepare(tested)

    def portable(self) -> Stage:
        """The same stage with what it asks of the run answered beforehand, so that it can be pickled."""
        around = self.around
        world = Asked.of(around.world, self._expressions())
        return evolve(self, around=Surroundings(around.direction, around.conf, world, around.assume))

    def _expressions(self) -> Iterator[ex.Expression]:
        for grouping in self.groupings:
            yield from (*grouping.where, *grouping.keys, *(a.of for a in grouping.aggregates))
        for each in self.collections:
            yield from (*each.planned.where, *each.planned.keys)

    def _cell_tasks(self, counted: Sequence[tuple[Where, Grouping]]) -> list[CellTask]:
        if self.cells is None:
            return []
        members = []
        for member in self.cells.members:
            own, grouping = counted[member.grouping]
            coder = grouping.coders[0] if member.keyed else None
            where = Where(member.tests, member.cuts + member.rest)
            members.append(
                CellCounted(
                    member.grouping,
                    where,
                    member.counted,
                    coder,
                    grouping.aggregates,
                    member.cuts,
                    member.cluster,
                    own,
                    self.groupings[member.grouping],
                )
            )
        return cell_tasks(self.cells.fields, members, self.cells.clusters, self.around)


def _shared_coders(groupings: Sequence[Grouping]) -> list[tuple[AddressCoder, list[int]]]:
    """The coders of addresses among keys that more than one grouping uses, with the groupings' places."""
    users: dict[int, tuple[AddressCoder, list[int]]] = {}
    for place, grouping in enumerate(groupings):
        for coder in grouping.coders:
            if isinstance(coder, AddressCoder) and coder.of_field:
                users.setdefault(id(coder), (coder, []))[1].append(place)
    return [(coder, places) for coder, places in users.values() if len(places) > 1]


@frozen(eq=False, repr=False)
class Asked(Shown):
    """The answers to all that the expressions of a stage ask of other declarations."""

    sets: Mapping[ex.SetExpression, SetResult | None]
    frames: Mapping[tuple[str, bool], Frame | None]
    maps: Mapping[str, MapTable]
    previous: Mapping[tuple[str, str | None], bool]

    @classmethod
    def of(cls, world: RowWorld, expressions: Iterator[ex.Expression]) -> Asked:
        """The answers of a world that has them."""
        sets: dict[ex.SetExpression, SetResult | None] = {}
        frames: dict[tuple[str, bool], Frame | None] = {}
        maps: dict[str, MapTable] = {}
        previous: dict[tuple[str, str | None], bool] = {}
        for expression in expressions:
            for asked in depends(expression):
                if isinstance(asked, ex.SetExpression):
                    sets[asked] = world.set_of(asked)
                elif isinstance(asked, ex.Lookup):
                    frames[asked.owner, asked.previous] = world.rows_of(asked.owner, asked.previous)
            for node in expression.walk():
                if isinstance(node, ex.MapLookup):
                    maps[node.map] = world.map_of(node.map)
                elif isinstance(node, ex.PreviousKnown):
                    previous[node.owner, node.column] = world.has_previous(node.owner, node.column)
        return cls(sets, frames, maps, previous)

    def set_of(self, expression: ex.SetExpression) -> SetResult | None:
        """The members of a set; ``None``: not known."""
        return self.sets[expression]

    def rows_of(self, owner: str, previous: bool) -> Frame | None:
        """The rows of another declaration; ``None``: there are none."""
        return self.frames[owner, previous]

    def map_of(self, name: str) -> MapTable:
        """A map by its qualified name."""
        return self.maps[name]

    def has_previous(self, owner: str, column: str | None) -> bool:
        """Whether earlier results hold a declaration."""
        return self.previous[owner, column]


class Executor(Protocol):
    """What carries out the scans of a run: the threads of this process, or other processes."""

    files_at_once: ClassVar[int]
    """How many sources ``each`` is to be given at a time."""

    def scan(self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None) -> Scanned:
        """What a stage finds in all sources; ``progress`` is told how many records are done."""

    def each(
        self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None
    ) -> Iterator[Scanned]:
        """What a stage finds in each source by itself, in their order."""


@frozen(eq=False, repr=False)
class Threads(Structural):
    """The scans of a run in this process; ``rows`` is how many records a chunk holds (``None``: as they come)."""

    files_at_once: ClassVar[int] = 8
    """Most values of one file are those of the next, but what is made for a file is as large as all that they hold."""
    threads: int = 1
    rows: int | None = None

    def scan(self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None) -> Scanned:
        """Read all sources once."""
        with collector_held_off():
            task = stage.task
        return scan(task, sources, stage.around, threads=self.threads, rows=self.rows, progress=progress)

    def each(
        self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None
    ) -> Iterator[Scanned]:
        """Read the sources one after the other, with the same dictionaries."""
        scanner = Scanner(stage.task, stage.around, self.threads)
        done = 0
        for place in range(len(sources)):
            told = None if progress is None else (lambda n, d=done, p=progress: p(d + n))
            found = scanner.scan(sources[place : place + 1], self.rows, told)
            done += found.facts.records
            yield found
