"""A run: decide the direction, plan, scan as often as the plan says, and work out the results in between."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from flowrules.engine.collect import CollectedRows
from flowrules.engine.direction import DirectionRule, decide
from flowrules.engine.errors import asked_by
from flowrules.engine.reread import rereadable
from flowrules.engine.results import (
    FlowFacts,
    Results,
    SourceFacts,
)
from flowrules.engine.scan import Progress, Scanned
from flowrules.engine.stage import Collecting, Executor, Stage, Threads
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.watch import UNWATCHED, Watch
from flowrules.engine.working_out import WorkingOut
from flowrules.engine.world import Earlier, Found
from flowrules.flows.table import FlowSource
from flowrules.model import expression as ex
from flowrules.model.collector import collector_held_off
from flowrules.model.program import Program
from flowrules.model.source_text import Span
from flowrules.plan import demands as dm
from flowrules.plan.missing import Fields
from flowrules.plan.plan import Plan
from flowrules.plan.planner import make_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    executor: Executor | None = None,
) -> Results:
    """Evaluate the rulesets ``wanted`` (``None``: those that the program shows) over all sources.

    ``threads`` (``None``: one for each core, up to ``MOST_THREADS``) and ``rows`` (records a chunk) change nothing but the time
    that it takes; neither does an ``executor``, which then carries out the scans.  ``progress`` is called with the
    number of records done in the scan at hand.  A run that a ``watch`` records has one thread, and no ``state``.
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
    rule = DirectionRule(by, conf, program.internal)
    if executor is None:
        most = threads or min(os.cpu_count() or 1, MOST_THREADS)
        executor = Threads(1 if watch.recording else most, rows)
    results = _Run(program, plan, sources, rule, conf, executor, previous, state, watch).go(progress)
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
        executor: Executor,
        previous: Earlier | None,
        state: State | None = None,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.program = program
        self.plan = plan
        self.sources = sources
        self.rule = rule
        self.executor = executor
        world = Found(program, earlier=previous)
        self.around = Surroundings(rule, conf, world, program.assume, watch)
        self.work = WorkingOut(program, plan, world, self.around)
        self.records: Sequence[int] = [0] * len(sources)
        self.passes = 0
        self._kept: KeptScan | None = None
        if state is not None:
            from flowrules.engine.state.kept_scan import KeptScan

            self._kept = KeptScan.of(state, program, sources, self.around, rule)

    def go(self, progress: Progress | None) -> Results:
        for planned in self.plan.scans:
            self.around.watch.begin(planned.number)
            self._scan(planned.number, planned.fields, progress)
            with self.around.watch.working_out(), collector_held_off():
                self.work.work_out(planned.number)
        return self._results()

    # ---- scans

    def _scan(self, number: int, fields: frozenset[str], progress: Progress | None) -> None:
        """Read all flows once and keep what was found (its own dictionaries are given up on return)."""
        kept, digests = self._keepable(number)
        told = self._kept is not None and number == 1
        groupings = [place for place in self._groupings(number) if place not in kept]
        with collector_held_off():
            stage = self._stage(number, fields, groupings, self._collecting(number), number == 1)
        if stage.idle and not kept:
            for place, each in zip(self._collections(number), stage.collections, strict=True):
                self._collected(place, CollectedRows(each.collection()), {})
            return
        with asked_by(*self._spreading([*groupings, *kept])):
            parts = None
            if self._kept is not None and (kept or told):
                planned = [self.plan.groupings[place] for place in kept]

                def counting(wanted: Sequence[int], facts: bool) -> Stage:
                    return self._stage(number, fields, [kept[place] for place in wanted], [], facts)

                parts = self._kept.scan(planned, digests, fields, told, counting, self.executor, progress)
            if parts is not None and not groupings and not stage.collections:
                found = parts
            else:
                stage = evolve(stage, facts=stage.facts and not told)
                self.around.watch.counting(groupings, self._collections(number))
                found = self.executor.scan(stage, self.sources, progress)
                if parts is not None:
                    found = evolve(
                        found,
                        groups=[*found.groups, *parts.groups],
                        facts=parts.facts if told else found.facts,
                        records=parts.records if told else found.records,
                    )
        if number == len(self.plan.scans):
            for source in self.sources:
                source.let_go()
        self._keep(found, number, [*groupings, *kept], stage)

    def _keepable(self, number: int) -> tuple[list[int], list[str]]:
        """The groupings of a scan that a state can hold, with their digests."""
        if self._kept is None:
            return [], []
        places = self._groupings(number)
        digests = self._kept.digests([self.plan.groupings[i] for i in places])
        pairs = [(i, d) for i, d in zip(places, digests, strict=True) if d is not None]
        return [i for i, _ in pairs], [d for _, d in pairs]

    def _stage(
        self,
        number: int,
        fields: frozenset[str],
        places: Sequence[int],
        collections: Sequence[Collecting],
        facts: bool,
    ) -> Stage:
        """What a scan does for some of its groupings (by their places in the plan) and collections."""
        groupings = [self.plan.groupings[place] for place in places]
        self.work.need(self.plan.predicates(number))
        for planned in groupings:
            self.work.need((*planned.where, *planned.keys, *(a.of for a in planned.aggregates)))
        own = {place: here for here, place in enumerate(places)}
        cells = self.plan.cells.get(number)
        if cells is not None:
            # a state holds the others
            members = [evolve(m, grouping=own[m.grouping]) for m in cells.members if m.grouping in own]
            cells = evolve(cells, members=tuple(members)) if members else None
        return Stage(fields, facts, groupings, collections, cells, self.around)

    def _groupings(self, number: int) -> list[int]:
        """The groupings that a scan counts, by their places in the plan."""
        return [i for i, g in enumerate(self.plan.groupings) if g.scan == number and g.finer is None]

    def _collections(self, number: int) -> list[int]:
        """The collections of a scan, by their places in the plan."""
        return [i for i, c in enumerate(self.plan.collections) if c.scan == number]

    def _collecting(self, number: int) -> list[Collecting]:
        """The collections of a scan with the hosts whose rows are wanted."""
        hosts = self.work.hosts_of
        planned = [self.plan.collections[place] for place in self._collections(number)]
        return [Collecting(c, list(hosts(c.profile).values()) if c.profile else None) for c in planned]

    def _spreading(self, groupings: Sequence[int]) -> tuple[str, Span | None]:
        """The name and place of what makes many rows of one flow in a scan, if anything does."""
        for query in self.plan.queries.values():
            spread = any(isinstance(k, ex.Spread) for k in query.keys)
            if spread and query.grouping in groupings:
                return query.demand.owner, query.demand.place
        return "", None

    def _keep(self, found: Scanned, number: int, groupings: Sequence[int], stage: Stage) -> None:
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
        others = {side: rows.take_out() for side, rows in zip(stage.sides, found.others, strict=True)}
        places = self._collections(number)
        for place, each, collected in zip(places, stage.collections, found.rows, strict=True):
            self._collected(place, collected, others[each.side], each.planned.measures)

    def _collected(
        self,
        place: int,
        rows: CollectedRows,
        other_side: Mapping[str, NDArray[Any]],
        measures: Sequence[ex.Measure] = (),
    ) -> None:
        # few rulesets have measures of a host's rows, which many modules work out
        from flowrules.engine.host_rows import HostRows

        self.work.collected[place] = HostRows(rows, other_side, measures)

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
