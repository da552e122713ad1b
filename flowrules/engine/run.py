"""A run: decide the direction, plan, scan as often as the plan says, and work out the results in between."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from attrs import evolve

from flowrules.engine.aggregate import Grouping
from flowrules.engine.cells import CellCounted, CellTask, cell_tasks
from flowrules.engine.collect import CollectedRows, OtherSide
from flowrules.engine.collect import Collection as RowCollection
from flowrules.engine.collector import collector_held_off
from flowrules.engine.direction import DirectionRule, decide
from flowrules.engine.errors import asked_by
from flowrules.engine.host_rows import HostRows
from flowrules.engine.key_codes import AddressCoder, Coders
from flowrules.engine.member_tests import HostFinder
from flowrules.engine.reread import rereadable
from flowrules.engine.results import (
    FlowFacts,
    Results,
    SourceFacts,
)
from flowrules.engine.scan import Progress, Scanned, scan
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.task import Task
from flowrules.engine.watch import UNWATCHED, Watch
from flowrules.engine.where import Where
from flowrules.engine.working_out import WorkingOut
from flowrules.engine.world import Earlier, Found
from flowrules.flows.table import FlowSource
from flowrules.model import expression as ex
from flowrules.model.ends import INSIDE, OUTSIDE, measured_end
from flowrules.model.program import Program
from flowrules.model.source_text import Span
from flowrules.plan import demands as dm
from flowrules.plan.missing import Fields
from flowrules.plan.plan import Plan
from flowrules.plan.planner import make_plan

if TYPE_CHECKING:
    from flowrules.engine.state.folder import State
    from flowrules.engine.state.kept_scan import KeptScan
    from flowrules.flows.silk_conf import SilkConf


MOST_THREADS: Final = 4
"""How many threads a run takes by itself: numpy's short operations do not keep more of them busy."""


def run(
    program: Program,
    sources: Sequence[FlowSource],
    *,
    conf: SilkConf | None = None,
    threads: int | None = None,
    rows: int | None = None,
    progress: Progress | None = None,
    previous: Earlier | None = None,
    wanted: Collection[str] | None = None,
    state: State | None = None,
    watch: Watch = UNWATCHED,
) -> Results:
    """Evaluate the rulesets ``wanted`` (``None``: those that the program shows) over all sources.

    ``threads`` (``None``: one for each core, up to ``MOST_THREADS``) and ``rows`` (records a chunk) change nothing but the time
    that it takes.  ``progress`` is called with the number of records done in the scan at hand.
    A run that a ``watch`` records has one thread, and no ``state``.
    With a ``state``, files that it knows are not read again for what it holds of them; the results are the same.
    Raises ``MissingField`` before anything is read where a source lacks what a declaration needs,
    ``SumOverflow``, ``LimitExceeded`` where a rule asks for more than memory holds, and what the sources raise.
    """
    if conf is None:
        from flowrules.flows.silk_conf import BUILT_IN

        conf = BUILT_IN
    sources = rereadable(program, sources, wanted)
    by = decide(program.direction, sources, program.internal is not None, program.assume, state, conf)
    fields = Fields([(s.path, s.fields) for s in sources], program.assume)
    with collector_held_off():
        plan = make_plan(program, wanted, fields, by)
    results = _Run(
        program, plan, sources, DirectionRule(by, conf, program.internal), conf, previous, state, watch
    ).go(1 if watch.recording else threads or min(os.cpu_count() or 1, MOST_THREADS), rows, progress)
    if state is not None:
        state.finish()
    return results


class _Run:
    """The scans of one run, with what is worked out between them."""

    def __init__(
        self,
        program: Program,
        plan: Plan,
        sources: Sequence[FlowSource],
        rule: DirectionRule,
        conf: SilkConf,
        previous: Earlier | None,
        state: State | None = None,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.program = program
        self.plan = plan
        self.sources = sources
        self.rule = rule
        world = Found(program, earlier=previous)
        self.around = Surroundings(rule, conf, world, program.assume, watch)
        self.coders = Coders(self.around)
        self.work = WorkingOut(program, plan, world, self.around)
        self.records: Sequence[int] = [0] * len(sources)
        self.passes = 0
        self._other_places: list[tuple[tuple[ex.Expression, ...], str]] = []
        self._kept: KeptScan | None = None
        if state is not None:
            from flowrules.engine.state.kept_scan import KeptScan

            self._kept = KeptScan.of(state, program, sources, self.around, rule)

    def go(self, threads: int, rows: int | None, progress: Progress | None) -> Results:
        for planned in self.plan.scans:
            self.around.watch.begin(planned.number)
            self._scan(planned.number, planned.fields, threads, rows, progress)
            with self.around.watch.working_out(), collector_held_off():
                self.work.work_out(planned.number)
        return self._results()

    # ---- scans

    def _scan(
        self,
        number: int,
        fields: frozenset[str],
        threads: int,
        rows: int | None,
        progress: Progress | None,
    ) -> None:
        """Read all flows once and keep what was found (its own dictionaries are given up on return)."""
        kept, digests = self._keepable(number)
        with collector_held_off():
            task, groupings, collections = self._task(number, fields, kept)
        told = self._kept is not None and number == 1
        idle = not groupings and all(c.hosts is not None and not len(c.hosts[0]) for _, c in task.collections)
        if number > 1 and idle and not kept:
            for place, (_, collection) in zip(collections, task.collections, strict=True):
                self.work.collected[place] = HostRows(CollectedRows(collection), {})
            return
        with asked_by(*self._spreading([*groupings, *kept])):
            parts = None
            if self._kept is not None and (kept or told):
                planned = [self.plan.groupings[place] for place in kept]

                def counting(wanted: Sequence[int], facts: bool) -> Task:
                    return self._counting(number, [kept[place] for place in wanted], fields, facts)

                parts = self._kept.scan(planned, digests, fields, told, counting, threads, rows, progress)
            if parts is not None and not groupings and not collections:
                found = parts
            else:
                task = evolve(task, facts=task.facts and not told)
                self.around.watch.counting(groupings, collections)
                found = scan(task, self.sources, self.around, threads=threads, rows=rows, progress=progress)
                if parts is not None:
                    found = evolve(
                        found,
                        groups=[*found.groups, *parts.groups],
                        facts=parts.facts if told else found.facts,
                        records=parts.records if told else found.records,
                    )
        self._keep(found, number, [*groupings, *kept], collections)

    def _keepable(self, number: int) -> tuple[list[int], list[str]]:
        """The groupings of a scan that a state can hold, with their digests."""
        if self._kept is None:
            return [], []
        places = [i for i, g in enumerate(self.plan.groupings) if g.scan == number and g.finer is None]
        digests = self._kept.digests([self.plan.groupings[i] for i in places])
        pairs = [(i, d) for i, d in zip(places, digests, strict=True) if d is not None]
        return [i for i, _ in pairs], [d for _, d in pairs]

    def _counting(self, number: int, places: Sequence[int], fields: frozenset[str], facts: bool) -> Task:
        """A task of nothing but these groupings of a scan, with dictionaries of its own."""
        coders = Coders(self.around)
        planned = [self.plan.groupings[place] for place in places]
        for each in planned:
            self.work.need((*each.where, *each.keys, *(a.of for a in each.aggregates)))
        counted = [(Where.of(g.where), Grouping(g.keys, g.inside, g.aggregates, coders)) for g in planned]
        groupings = [grouping for _, grouping in counted]
        cells = self._cell_tasks(number, places, groupings)
        return Task(counted, [], [], fields, facts, _shared_coders(groupings), cells)

    def _task(
        self, number: int, fields: frozenset[str], beside: Sequence[int] = ()
    ) -> tuple[Task, list[int], list[int]]:
        """What a scan counts except ``beside``, and which groupings and collections of the plan those are."""
        groupings = [
            i
            for i, g in enumerate(self.plan.groupings)
            if g.scan == number and g.finer is None and i not in beside
        ]
        collections = [i for i, c in enumerate(self.plan.collections) if c.scan == number]
        counted = []
        self.work.need(self.plan.predicates(number))
        for place in groupings:
            planned = self.plan.groupings[place]
            self.work.need((*planned.keys, *(a.of for a in planned.aggregates)))
            grouping = Grouping(planned.keys, planned.inside, planned.aggregates, self.coders)
            counted.append((Where.of(planned.where), grouping))
        kept = []
        finders: dict[str, HostFinder | None] = {"": None}
        others: dict[tuple[tuple[ex.Expression, ...], str], OtherSide] = {}
        for place in collections:
            rows = self.plan.collections[place]
            hosts = list(self.work.hosts_of(rows.profile).values()) if rows.profile else None
            if hosts is not None and rows.profile not in finders:
                finders[rows.profile] = HostFinder(hosts, self.around.label_codes)
            sided = any(measured_end(m, rows.keys) in (INSIDE, OUTSIDE) for m in rows.measures)
            collection = RowCollection(rows.keys, hosts, finders[rows.profile], sided)
            kept.append((Where.of(rows.where), collection))
            others.setdefault((rows.keys, rows.profile), collection.other_side())
        self._other_places = list(others)
        shared = _shared_coders([grouping for _, grouping in counted])
        cells = self._cell_tasks(number, groupings, [grouping for _, grouping in counted])
        task = Task(counted, kept, list(others.values()), fields, number == 1, shared, cells)
        return task, groupings, collections

    def _cell_tasks(
        self, number: int, places: Sequence[int], groupings: Sequence[Grouping]
    ) -> list[CellTask]:
        """The groupings of a scan that the plan counts by cells, with these."""
        planned = self.plan.cells.get(number)
        if planned is None:
            return []
        own = {place: here for here, place in enumerate(places)}
        members = []
        for member in planned.members:
            here = own.get(member.grouping)
            if here is None:
                # a state holds it
                continue
            grouping = groupings[here]
            coder = grouping.coders[0] if member.keyed else None
            where = Where(member.tests, member.cuts + member.rest)
            members.append(
                CellCounted(
                    here, where, member.counted, coder, grouping.aggregates, member.cuts, member.cluster
                )
            )
        return cell_tasks(planned.fields, members, self.around)

    def _spreading(self, groupings: Sequence[int]) -> tuple[str, Span | None]:
        """The name and place of what makes many rows of one flow in a scan, if anything does."""
        for query in self.plan.queries.values():
            spread = any(isinstance(k, ex.Spread) for k in query.keys)
            if spread and query.grouping in groupings:
                return query.demand.owner, query.demand.place
        return "", None

    def _keep(
        self, found: Scanned, number: int, groupings: Sequence[int], collections: Sequence[int]
    ) -> None:
        self.passes += 1
        if number == 1:
            self.work.facts = found.facts
            self.records = found.records
            self.work.directions = found.facts.by_direction(self.rule)
        self.work.grouped.update(zip(groupings, found.groups, strict=True))
        for place, coarse in enumerate(self.plan.groupings):
            if coarse.scan == number and coarse.finer is not None:
                fine = self.work.grouped[coarse.finer]
                self.work.grouped[place] = fine.coarser(coarse.keys, coarse.aggregates)
        others = {key: rows.take_out() for key, rows in zip(self._other_places, found.others, strict=True)}
        for place, collected in zip(collections, found.rows, strict=True):
            planned = self.plan.collections[place]
            other = others[planned.keys, planned.profile]
            self.work.collected[place] = HostRows(collected, other, planned.measures)

    # ---- the whole

    def _results(self) -> Results:
        program, plan = self.program, self.plan
        for name in plan.profiles:
            for number in range(len(program.profiles[name].entries)):
                if any(k[0] == dm.ENTRY and k[1][:2] == (name, number) for k in plan.queries):  # type: ignore[index]
                    self.work.entry(program.profiles[name], number)
        timed = self.work.facts.timed and self.work.facts.records > 0
        facts = FlowFacts(
            self.work.facts.records,
            self.work.facts.first_start if timed else None,
            self.work.facts.last_end if timed else None,
            [SourceFacts(s.path, s.format, n) for s, n in zip(self.sources, self.records, strict=True)],
            self.work.directions,
            self.rule.by,
        )
        world = self.work.world
        return Results(
            facts,
            self.passes,
            {n: world.sets[n] for n in program.sets if n in plan.sets},
            {n: world.tables[n] for n in program.tables if n in plan.tables},
            {n: world.profiles[n] for n in program.profiles if n in plan.profiles},
            dict(world.totals),
            self.work.entries,
        )


def _shared_coders(groupings: Sequence[Grouping]) -> list[tuple[AddressCoder, list[int]]]:
    """The coders of addresses among keys that more than one grouping uses, with the groupings' places."""
    users: dict[int, tuple[AddressCoder, list[int]]] = {}
    for place, grouping in enumerate(groupings):
        for coder in grouping.coders:
            if isinstance(coder, AddressCoder) and coder.of_field:
                users.setdefault(id(coder), (coder, []))[1].append(place)
    return [(coder, places) for coder, places in users.values() if len(places) > 1]
