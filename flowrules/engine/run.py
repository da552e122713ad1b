"""A run: decide the direction, plan, scan as often as the plan says, and work out the results in between."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from flowrules.engine import exact, set_algebra
from flowrules.engine.aggregate import Grouping
from flowrules.engine.answers import Answer, answer
from flowrules.engine.collect import CollectedRows, OtherSide
from flowrules.engine.collect import Collection as RowCollection
from flowrules.engine.direction import DirectionRule, decide
from flowrules.engine.errors import asked_by
from flowrules.engine.filling import filled
from flowrules.engine.grouped import Grouped
from flowrules.engine.host_measures import HostRows, host_measure
from flowrules.engine.joins import order_by
from flowrules.engine.key_codes import AddressCoder, Coder, Coders
from flowrules.engine.measures import Explain, Window
from flowrules.engine.member_tests import HostFinder
from flowrules.engine.profiles import evidence_of, for_hosts, host_keys, rows_of_hosts
from flowrules.engine.ranking import Groups, Ranking, arrange, table_result
from flowrules.engine.reread import rereadable
from flowrules.engine.results import (
    FeatureEvidence,
    FlowFacts,
    Frame,
    Results,
    Series,
    SetResult,
    SourceFacts,
    TableResult,
)
from flowrules.engine.scan import Facts, Progress, Scanned, Task, Where, scan
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.table_rows import group_table
from flowrules.engine.verdicts import derive, judge, unknown_feature
from flowrules.engine.world import Earlier, Found, members_name
from flowrules.flows.table import FlowSource
from flowrules.model import expression as ex
from flowrules.model.program import EntryDeclaration, FeatureDeclaration, ProfileDeclaration, Program
from flowrules.model.source_text import Span
from flowrules.plan import demands as dm
from flowrules.plan.aggregates import measured_later, parts_of
from flowrules.plan.missing import Fields
from flowrules.plan.plan import Plan, Query
from flowrules.plan.planner import make_plan
from flowrules.plan.rewriting import depends

if TYPE_CHECKING:
    from flowrules.flows.silk_conf import SilkConf


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
) -> Results:
    """Evaluate the rulesets ``wanted`` (``None``: those that the program shows) over all sources.

    ``threads`` (``None``: one for each core) and ``rows`` (records a chunk) change nothing but the time
    that it takes.  ``progress`` is called with the number of records done in the scan at hand.
    Raises ``MissingField`` before anything is read where a source lacks what a declaration needs,
    ``SumOverflow``, ``LimitExceeded`` where a rule asks for more than memory holds, and what the sources raise.
    """
    if conf is None:
        from flowrules.flows.silk_conf import BUILT_IN

        conf = BUILT_IN
    sources = rereadable(program, sources, wanted)
    by = decide(program.direction, sources, program.internal is not None, program.assume)
    fields = Fields([(s.path, s.fields) for s in sources], program.assume)
    plan = make_plan(program, wanted, fields, by)
    return _Run(program, plan, sources, DirectionRule(by, conf, program.internal), conf, previous).go(
        threads or os.cpu_count() or 1, rows, progress
    )


class _Run:
    """The state of one run: what the scans counted, and what was worked out of it so far."""

    def __init__(
        self,
        program: Program,
        plan: Plan,
        sources: Sequence[FlowSource],
        rule: DirectionRule,
        conf: SilkConf,
        previous: Earlier | None,
    ) -> None:
        self.program = program
        self.plan = plan
        self.sources = sources
        self.rule = rule
        self.world = Found(program, earlier=previous)
        self.around = Surroundings(rule, conf, self.world, program.assume)
        self.coders = Coders(self.around)
        self.facts = Facts()
        self.records: Sequence[int] = [0] * len(sources)
        self.grouped: dict[int, Grouped] = {}
        self.collected: dict[int, HostRows] = {}
        self.answers: dict[tuple[str, object], Answer] = {}
        self.entries: dict[tuple[str, int], Frame] = {}
        self.directions: dict[str, int] = {}
        self.passes = 0
        self.hosts: dict[str, dict[str, Series]] = {}
        self._other_places: list[tuple[tuple[ex.Expression, ...], str]] = []

    def go(self, threads: int, rows: int | None, progress: Progress | None) -> Results:
        for planned in self.plan.scans:
            self._scan(planned.number, planned.fields, threads, rows, progress)
            self._work_out(planned.number)
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
        task, groupings, collections = self._task(number, fields)
        idle = not groupings and all(c.hosts is not None and not len(c.hosts[0]) for _, c in task.collections)
        if number > 1 and idle:
            for place, (_, collection) in zip(collections, task.collections, strict=True):
                self.collected[place] = HostRows(CollectedRows(collection), {}, ())
            return
        with asked_by(*self._spreading(groupings)):
            found = scan(task, self.sources, self.around, threads=threads, rows=rows, progress=progress)
        self._keep(found, number, groupings, collections)

    def _task(self, number: int, fields: frozenset[str]) -> tuple[Task, list[int], list[int]]:
        """What a scan counts, and which groupings and collections of the plan those are."""
        groupings = [i for i, g in enumerate(self.plan.groupings) if g.scan == number and g.finer is None]
        collections = [i for i, c in enumerate(self.plan.collections) if c.scan == number]
        counted = []
        self._need(self.plan.predicates(number))
        for place in groupings:
            planned = self.plan.groupings[place]
            self._need((*planned.keys, *(a.of for a in planned.aggregates)))
            grouping = Grouping(planned.keys, planned.inside, planned.aggregates, self.coders)
            counted.append((Where.of(planned.where), grouping))
        kept = []
        finders: dict[str, HostFinder | None] = {"": None}
        others: dict[tuple[tuple[ex.Expression, ...], str], OtherSide] = {}
        for place in collections:
            rows = self.plan.collections[place]
            hosts = list(self._hosts(rows.profile).values()) if rows.profile else None
            if hosts is not None and rows.profile not in finders:
                finders[rows.profile] = HostFinder(hosts, self.around.label_codes)
            collection = RowCollection(rows.keys, hosts, finders[rows.profile])
            kept.append((Where.of(rows.where), collection))
            others.setdefault((rows.keys, rows.profile), collection.other_side())
        self._other_places = list(others)
        shared = _shared_coders([grouping for _, grouping in counted])
        task = Task(counted, kept, list(others.values()), fields, number == 1, shared)
        return task, groupings, collections

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
            self.facts = found.facts
            self.records = found.records
            self.directions = found.facts.by_direction(self.rule)
        self.grouped.update(zip(groupings, found.groups, strict=True))
        for place, coarse in enumerate(self.plan.groupings):
            if coarse.scan == number and coarse.finer is not None:
                fine = self.grouped[coarse.finer]
                self.grouped[place] = fine.coarser(coarse.keys, coarse.aggregates)
        others = {key: rows.take_out() for key, rows in zip(self._other_places, found.others, strict=True)}
        for place, collected in zip(collections, found.rows, strict=True):
            planned = self.plan.collections[place]
            other = others[planned.keys, planned.profile]
            self.collected[place] = HostRows(collected, other, [m.name for m in planned.measures])

    def _work_out(self, number: int) -> None:
        """Everything that is ready after a scan."""
        last = number == len(self.plan.scans)
        for (what, subject), query in self.plan.queries.items():
            if what == dm.TOTAL and (query.ready <= number or last):
                assert isinstance(subject, ex.Measure)
                self._total(subject)
        for name, ready in self.plan.sets.items():
            if ready <= number or last:
                self._set(name)
        for name, ready in self.plan.tables.items():
            if ready <= number or last:
                self._table(name)
        for name, ready in self.plan.profiles.items():
            if ready <= number or last:
                self._profile(name)

    # ---- what was asked

    def _window(self) -> Window:
        timed = self.facts.timed and self.facts.records > 0
        return Window(
            self.facts.first_start if timed else None, self.facts.last_end if timed else None, self.world
        )

    def _absent(self, source: ex.Source) -> bool:
        """Whether no flow has the direction that a source requires."""
        return source.direction is not None and self.directions.get(source.direction, 0) == 0

    def _answer(self, query: Query) -> Answer:
        key = (query.demand.what, query.demand.subject)
        held = self.answers.get(key)
        if held is None:
            held = self.answers[key] = self._make_answer(query)
        return held

    def _make_answer(self, query: Query) -> Answer:
        source = query.demand.source
        self._need(e for e in (*query.deferred, *query.keys, *(m for _, m in query.measures)))
        if source.table is not None:
            self._rows(source.table)
            frame = self.world.rows_of(source.table, False)
            parts = tuple(dict.fromkeys(p for _, m in query.measures for p in parts_of(m)))
            assert frame is not None
            grouped = group_table(frame, query.deferred[0], query.keys, parts, self.around)
            return answer(query, grouped, self._window(), False)
        if query.grouping is None:
            return self._host_answer(query)
        together = answer(query, self.grouped[query.grouping], self._window(), self._absent(source))
        return together if query.collection is None else self._with_rows(together, query)

    def _host_answer(self, query: Query) -> Answer:
        """Measures that look at rows together, for the hosts of a profile."""
        assert query.collection is not None
        rows = self.collected[query.collection]
        keys = {k.name: s for k, s in zip(query.demand.keys, rows.hosts, strict=True)}
        series: dict[ex.Measure, Series] = {}
        explain: dict[ex.Measure, Explain] = {}
        for asked, written in query.measures:
            found = host_measure(written, rows)
            series[asked] = found.series
            if found.explain is not None:
                explain[asked] = found.explain
        return Answer(Groups(keys, series, rows.count, 0, None), explain)

    def _with_rows(self, together: Answer, query: Query) -> Answer:
        """The answer for all groups, with the measures that look at rows together put beside."""
        assert query.collection is not None
        rows = self.collected[query.collection]
        groups = together.groups
        keys = dict(zip(groups.keys, rows.hosts, strict=True)) if rows.hosts else {}
        measures = dict(groups.measures)
        for asked, written in query.measures:
            if measured_later(written):
                found = host_measure(written, rows)
                own = Groups(keys, {asked: found.series}, rows.count, 0, None)
                if rows.hosts:
                    measures[asked] = for_hosts(asked, own, groups.keys, self._absent(query.demand.source))
                else:
                    measures[asked] = exact.unknown(asked.type, groups.rows)
        return Answer(
            Groups(groups.keys, measures, groups.rows, groups.flows, groups.total), together.explain
        )

    def _need(self, conditions: Iterable[ex.Expression]) -> None:
        """See that everything that conditions ask of other declarations is there."""
        for condition in conditions:
            for asked in depends(condition):
                match asked:
                    case ex.SetExpression():
                        self._need_set(asked)
                    case ex.Lookup(owner=owner, previous=previous):
                        if not previous:
                            self._rows(owner)
                    case ex.CountOf(set=of_set, table=table):
                        if of_set is not None:
                            self._need_set(of_set)
                        elif table is not None:
                            self._rows(table)
                    case ex.Measure() if not asked.per:
                        self._total(asked)

    def _rows(self, name: str) -> None:
        if name in self.program.profiles:
            self._profile(name)
        elif name in self.program.tables:
            self._table(name)

    def _total(self, measure: ex.Measure) -> None:
        if measure in self.world.totals:
            return
        query = self.plan.queries[dm.TOTAL, measure]
        if query.missing is not None:
            self.world.totals[measure] = None
            return
        found = self._answer(query).groups
        self.world.totals[measure] = found.measures[query.measures[0][0]].scalar(0)

    # ---- sets and tables

    def _set(self, name: str) -> None:
        if name not in self.world.sets:
            declared = self.program.sets[name]
            with asked_by(declared.name, declared.span):
                self._need_set(declared.set)
                found = self.world.set_of(declared.set)
            if found is None:  # nothing is known without earlier results: no member is
                found = _empty(declared.parts, declared.names)
            if found.frame is not None and len(found.frame.columns) == len(declared.names):
                columns = dict(zip(declared.names, found.frame.columns.values(), strict=True))
                found = SetResult(found.parts, frame=Frame(columns, found.frame.rows, declared.names))
            self.world.sets[name] = found

    def _need_set(self, expression: ex.SetExpression) -> None:
        match expression:
            case ex.SetNamed(name=name, previous=previous):
                if not previous:
                    self._set(name)
            case ex.KeyColumn(owner=owner, of_table=of_table, previous=previous):
                if not previous:
                    self._rows(owner) if of_table else self._set(owner)
            case ex.HostsOf(profile=profile, previous=previous):
                if not previous:
                    self._profile(profile)
            case ex.SetBlocks(of=of):
                self._need_set(of)
            case ex.SetAlgebra(left=left, right=right):
                self._need_set(left)
                self._need_set(right)
            case ex.Members():
                name = members_name(expression)
                if name not in self.world.sets:
                    self.world.sets[name] = self._members(expression)
            case _:
                pass

    def _members(self, expression: ex.Members) -> SetResult:
        query = self.plan.queries[dm.SET, expression]
        names = tuple(k.name for k in expression.keys)
        if query.missing is not None:
            return _empty(expression.parts, names)
        self._need(dm.keep_conditions(expression.keeps))
        groups = self._answer(query).groups
        if expression.keeps:
            first = query.demand.measures[0] if query.demand.measures else None
            groups = arrange(groups, Ranking(first, expression.keeps), self.world)[0]
        return set_algebra.set_from_keys(expression.parts, names, list(groups.keys.values()))

    def _table(self, name: str) -> None:
        if name in self.world.tables:
            return
        table = self.program.tables[name]
        query = self.plan.queries[dm.TABLE, name]
        if query.missing is not None:
            columns = {k.name: exact.unknown(k.of.type, 0) for k in table.keys}
            columns |= {c.name: exact.unknown(c.measure.type, 0) for c in table.columns}
            frame = Frame(columns, 0, tuple(k.name for k in table.keys))
            measures = tuple(c.name for c in table.columns)
            self.world.tables[name] = TableResult(frame, measures, 0, 0, None, missing=query.missing)
            return
        self._need(dm.keep_conditions(table.keeps))
        self._need(o.by for o in table.order)
        with asked_by(table.name, table.span):
            groups = self._answer(query).groups
            if table.fill is not None and groups.rows:
                groups = filled(groups, table, self.facts)
            self.world.tables[name] = table_result(groups, table, self.world)

    # ---- profiles

    def _hosts(self, name: str) -> dict[str, Series]:
        if name not in self.hosts:
            profile = self.program.profiles[name]
            with asked_by(profile.name, profile.span):
                self._need_set(profile.hosts)
                found = self.world.set_of(profile.hosts)
                self.hosts[name] = host_keys(profile, found or SetResult(profile.parts))
        return self.hosts[name]

    def _profile(self, name: str) -> None:
        if name in self.world.profiles:
            return
        profile = self.program.profiles[name]
        hosts = self._hosts(name)
        measured: dict[str, Series] = {}
        evidence: dict[str, dict[int, FeatureEvidence]] = {}
        missing: dict[str, str] = {}
        for feature in profile.features:
            if feature.measure is not None:
                self._feature(profile, feature, hosts, measured, evidence, missing)
        self._need(dm.profile_conditions(profile))
        keys = tuple(hosts.values())
        features = derive(profile, keys, measured, self.world)
        self.world.profiles[name] = judge(profile, hosts, features, self.world, evidence, missing)

    def _feature(
        self,
        profile: ProfileDeclaration,
        feature: FeatureDeclaration,
        hosts: dict[str, Series],
        measured: dict[str, Series],
        evidence: dict[str, dict[int, FeatureEvidence]],
        missing: dict[str, str],
    ) -> None:
        query = self.plan.queries[dm.FEATURE, (profile.name, feature.short)]
        count = len(next(iter(hosts.values())))
        if query.missing is not None:
            measured[feature.short] = unknown_feature(feature, count)
            missing[feature.short] = query.missing
            return
        source = query.demand.source
        absent = self._absent(source)
        found = self._answer(query)
        asked = query.measures[0][0]
        series = for_hosts(asked, found.groups, hosts, absent)
        measured[feature.short] = series
        rows = rows_of_hosts(found.groups, hosts) if found.groups.rows else np.full(count, -1, np.intp)
        why = f"no {source.direction} flows were read" if absent else ""
        behind = evidence_of(series, found.explain.get(asked), rows, why)
        if behind:
            evidence[feature.short] = behind

    def _entry(self, profile: ProfileDeclaration, number: int) -> None:
        entry = profile.entries[number]
        hosts = self._hosts(profile.name)
        columns: dict[str, Series]
        if entry.source is None:
            columns = dict(hosts)
            keys = tuple(hosts)
        else:
            query = self.plan.queries[dm.ENTRY, (profile.name, number, "")]
            if query.missing is not None:
                return
            groups = _of_hosts(self._answer(query).groups, hosts)
            columns = dict(groups.keys)
            keys = tuple(groups.keys)
            for name, measure in dm.entry_measures(entry):
                if measure.source is None:
                    columns[name] = groups.measures[measure]
        self._cells(profile, entry, number, columns, len(hosts))
        rows = len(next(iter(columns.values())))
        order = order_by([(columns[k], False) for k in keys], rows)
        frame = Frame(columns, rows, keys).take(order)
        self.entries[profile.name, number] = frame

    def _cells(
        self,
        profile: ProfileDeclaration,
        entry: EntryDeclaration,
        number: int,
        columns: dict[str, Series],
        width: int,
    ) -> None:
        """The cells that say their own ``of … per …``, for the host of each row."""
        own = {k: columns[k] for k in tuple(columns)[:width]}
        for name, measure in dm.entry_measures(entry):
            if measure.source is None:
                continue
            query = self.plan.queries[dm.ENTRY, (profile.name, number, name)]
            if query.missing is not None:
                columns[name] = exact.unknown(measure.type, len(next(iter(own.values()))))
                continue
            groups = self._answer(query).groups
            columns[name] = for_hosts(query.measures[0][0], groups, own, self._absent(query.demand.source))

    # ---- the whole

    def _results(self) -> Results:
        program, plan = self.program, self.plan
        for name in plan.profiles:
            for number in range(len(program.profiles[name].entries)):
                if any(k[0] == dm.ENTRY and k[1][:2] == (name, number) for k in plan.queries):  # type: ignore[index]
                    self._entry(program.profiles[name], number)
        timed = self.facts.timed and self.facts.records > 0
        facts = FlowFacts(
            self.facts.records,
            self.facts.first_start if timed else None,
            self.facts.last_end if timed else None,
            [SourceFacts(s.path, s.format, n) for s, n in zip(self.sources, self.records, strict=True)],
            self.directions,
            self.rule.by,
        )
        world = self.world
        return Results(
            facts,
            self.passes,
            {n: world.sets[n] for n in program.sets if n in plan.sets},
            {n: world.tables[n] for n in program.tables if n in plan.tables},
            {n: world.profiles[n] for n in program.profiles if n in plan.profiles},
            dict(world.totals),
            self.entries,
        )


def _shared_coders(groupings: Sequence[Grouping]) -> list[tuple[Coder, list[int]]]:
    """The coders of addresses among keys that more than one grouping uses, with the groupings' places."""
    users: dict[int, tuple[Coder, list[int]]] = {}
    for place, grouping in enumerate(groupings):
        for coder in grouping.coders:
            if isinstance(coder, AddressCoder) and coder.of_field:
                users.setdefault(id(coder), (coder, []))[1].append(place)
    return [(coder, places) for coder, places in users.values() if len(places) > 1]


def _empty(parts: tuple[object, ...], names: Sequence[str]) -> SetResult:
    from flowrules.model.address_set import AddressSet
    from flowrules.model.types import ADDRESS, Type

    types = tuple(p for p in parts if isinstance(p, Type))
    if types == (ADDRESS,):
        return SetResult(types, AddressSet())
    columns = {n: exact.unknown(t, 0) for n, t in zip(names, types, strict=True)}
    return SetResult(types, frame=Frame(columns, 0, tuple(names)))


def _of_hosts(groups: Groups, hosts: dict[str, Series]) -> Groups:
    """The groups whose leading keys are a host."""
    from flowrules.engine.joins import match_rows

    leading = list(groups.keys.values())[: len(hosts)]
    if not groups.rows or not len(next(iter(hosts.values()))):
        return groups.take(np.zeros(0, np.intp))
    return groups.take(np.flatnonzero(match_rows(leading, list(hosts.values())) >= 0))
