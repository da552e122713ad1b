"""Working results out of what the scans counted: totals, sets, tables, profiles, entries, in the order in
which they ask for one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from flowrules.engine import exact, set_algebra
from flowrules.engine.answers import Answer, answer
from flowrules.engine.errors import asked_by
from flowrules.engine.facts import Facts
from flowrules.engine.filling import filled
from flowrules.engine.grouped import Grouped
from flowrules.engine.joins import order_by
from flowrules.engine.kept_groups import kept_groups
from flowrules.engine.measures import Explain, Window
from flowrules.engine.profiles import evidence_of, for_groups, for_hosts, host_keys, rows_of_hosts
from flowrules.engine.ranking import Groups, Ranking, arrange, ranking_of, table_result
from flowrules.engine.results import FeatureEvidence, Frame, Series, SetResult, TableResult
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.table_rows import group_table
from flowrules.engine.verdicts import derive, judge, unknown_feature
from flowrules.engine.world import Found, members_name
from flowrules.model import expression as ex
from flowrules.model.program import EntryDeclaration, FeatureDeclaration, ProfileDeclaration, Program
from flowrules.plan import demands as dm
from flowrules.plan.aggregates import measured_later, parts_of
from flowrules.plan.plan import Plan, Query
from flowrules.plan.rewriting import Asked, depends

if TYPE_CHECKING:
    from flowrules.engine.host_rows import HostRows


class WorkingOut:
    """What was worked out so far, and what it is made from.

    ``grouped`` and ``collected`` (by their places in the plan), ``facts`` and ``directions`` are filled by
    the scans.  Each result is made once, when something first asks for it.
    """

    def __init__(self, program: Program, plan: Plan, world: Found, around: Surroundings) -> None:
        self.program = program
        self.plan = plan
        self.world = world
        self.around = around
        self.facts = Facts()
        self.directions: dict[str, int] = {}
        self.grouped: dict[int, Grouped] = {}
        self.collected: dict[int, HostRows] = {}
        self.answers: dict[tuple[str, object], Answer] = {}
        self.entries: dict[tuple[str, int], Frame] = {}
        self.hosts: dict[str, dict[str, Series]] = {}
        self._depends: dict[ex.Expression, tuple[Asked, ...]] = {}

    def work_out(self, number: int) -> None:
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
        self._need_for(query)
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

    def _need_for(self, query: Query) -> None:
        """See that everything is there that a query asks of other declarations."""
        self.need(e for e in (*query.deferred, *query.keys, *(m for _, m in query.measures)))

    def _host_answer(self, query: Query) -> Answer:
        """Measures that look at rows together, for the hosts of a profile."""
        from flowrules.engine.host_measures import host_measure

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
        from flowrules.engine.host_measures import host_measure

        assert query.collection is not None
        rows = self.collected[query.collection]
        groups = together.groups
        keys = dict(zip(groups.keys, rows.hosts, strict=True)) if rows.hosts else {}
        measures = dict(groups.measures)
        for asked, written in query.measures:
            if measured_later(written):
                found = host_measure(written, rows)
                own = Groups(keys, {asked: found.series}, rows.count, 0, None)
                if not query.keys:
                    absent = self._absent(query.demand.source)
                    measures[asked] = exact.unknown(asked.type, 1) if absent else found.series
                elif rows.hosts:
                    measures[asked] = for_groups(asked, own, groups.keys, self._absent(query.demand.source))
                else:
                    measures[asked] = exact.unknown(asked.type, groups.rows)
        return Answer(
            Groups(groups.keys, measures, groups.rows, groups.flows, groups.total), together.explain
        )

    def need(self, conditions: Iterable[ex.Expression]) -> None:
        """See that everything that conditions ask of other declarations is there."""
        for condition in conditions:
            held = self._depends.get(condition)
            if held is None:
                held = self._depends[condition] = tuple(depends(condition))
            for asked in held:
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
        self.need(dm.keep_conditions(expression.keeps))
        if expression.keeps:
            first = query.demand.measures[0] if query.demand.measures else None
            ranking = Ranking(first, expression.keeps)
            groups = arrange(self._groups(query, ranking, False), ranking, self.world)[0]
        else:
            groups = self._answer(query).groups
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
        self.need(dm.keep_conditions(table.keeps))
        self.need(o.by for o in table.order)
        with asked_by(table.name, table.span):
            if table.fill is None:
                groups = self._groups(query, ranking_of(table), True)
            else:
                groups = self._answer(query).groups
                groups = filled(groups, table, self.facts) if groups.rows else groups
            self.world.tables[name] = table_result(groups, table, self.world)

    def _groups(self, query: Query, ranking: Ranking, shares: bool) -> Groups:
        """The groups of a query that are to be arranged: all, or of very many those that keeps leave."""
        if query.grouping is not None and not self._absent(query.demand.source):
            self._need_for(query)
            kept = kept_groups(
                query, self.grouped[query.grouping], ranking, self._window(), self.world, shares
            )
            if kept is not None:
                return kept
        return self._answer(query).groups

    # ---- profiles

    def hosts_of(self, name: str) -> dict[str, Series]:
        """The hosts of a profile, a column for each part of their key."""
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
        hosts = self.hosts_of(name)
        measured: dict[str, Series] = {}
        evidence: dict[str, dict[int, FeatureEvidence]] = {}
        missing: dict[str, str] = {}
        for feature in profile.features:
            if feature.measure is not None:
                self._feature(profile, feature, hosts, measured, evidence, missing)
        self.need(dm.profile_conditions(profile))
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

    def entry(self, profile: ProfileDeclaration, number: int) -> None:
        """The groups of an entry, with its measures by the names of their cells."""
        entry = profile.entries[number]
        hosts = self.hosts_of(profile.name)
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
