"""From a program to its plan: what can be counted in one scan, what has to wait for another.

A set that is tested on a key that the groups have anyway costs no scan: all groups are counted, and the
test thins them out afterwards.  That is done where the test is one of the parts that must all be true, where
the keys decide it, and where the groups beside it cannot become very many; where not, the grouping waits
for the scan after the one that finds the set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from attrs import evolve, frozen

from flowrules.model import expression as ex
from flowrules.model.program import AnomalyDeclaration, CheckDeclaration, Declaration, Program
from flowrules.model.source_text import Span
from flowrules.plan import demands as dm
from flowrules.plan.aggregates import MATCHING, Aggregate, measured_later, parts_of
from flowrules.plan.cells import plan_cells
from flowrules.plan.contradictions import contradict
from flowrules.plan.deriving import derived
from flowrules.plan.facets import Facets
from flowrules.plan.field_use import (
    COLLECTED,
    COLLECTED_WHERE_THERE,
    NETS,
    fields_of,
)
from flowrules.plan.key_tests import explodes, is_inside, keys_beside
from flowrules.plan.missing import Fields, Lack, MissingField
from flowrules.plan.plan import CollectionPlan, GroupingPlan, Plan, Query, ScanPlan
from flowrules.plan.rewriting import NEVER, Asked, Rewriter, depends

_ALWAYS_READ = ("stime", "duration")
"""Every scan tells from when to when the flows are, where the sources say so."""


def make_plan(
    program: Program,
    wanted: Collection[str] | None = None,
    fields: Fields | None = None,
    direction_by: str = "types",
    only: Collection[str] | None = None,
) -> Plan:
    """The plan for the rulesets named (``None``: those asked for).

    ``only`` names their sets, tables, profiles, checks and anomalies to plan (``None``: all).
    ``fields`` says what the sources hold (``None``: everything); ``direction_by`` how the direction of
    flows is told.  Raises ``MissingField`` where a source lacks what a declaration needs.
    """
    names = {r.name for r in program.rulesets.values() if r.shown} if wanted is None else set(wanted)
    planner = _Planner(program, fields, direction_by)
    planner.want(names, only)
    return planner.plan()


@frozen(eq=False)
class _Wanted:
    """Measures that are asked for together: each with what it is written out, those that look at rows together, the parts
    to be kept for the others, and the stored fields that all of them need."""

    measures: tuple[tuple[ex.Measure, ex.Measure], ...]
    later: tuple[tuple[ex.Measure, ex.Measure], ...]
    parts: tuple[Aggregate, ...]
    fields: frozenset[str]


class _Planner:
    def __init__(self, program: Program, fields: Fields | None, direction_by: str) -> None:
        self.program = program
        self.fields = fields
        self.direction_by = direction_by
        self.rewriter = Rewriter(program.filters)
        self.groupings: dict[tuple[int, frozenset[ex.Expression], frozenset[ex.Expression]], int] = {}
        self.grouping_plans: list[GroupingPlan] = []
        self.collections: dict[tuple[int, frozenset[ex.Expression], tuple[ex.Expression, ...], str], int] = {}
        self.collection_plans: list[CollectionPlan] = []
        self.queries: dict[tuple[str, object], Query] = {}
        self.ready_sets: dict[str, int] = {}
        self.ready_tables: dict[str, int] = {}
        self.ready_profiles: dict[str, int] = {}
        self.reasons: dict[int, str] = {1: "the flows are read"}
        self._open: list[str] = []
        # equal expressions stand in many rules, and are one object once they are written out: each is looked at once
        self._facets: dict[int, Facets] = {}
        self._asked: dict[ex.Expression, tuple[Asked, ...]] = {}
        self._wanted: dict[tuple[ex.Measure, ...], _Wanted] = {}
        self._lacks: dict[frozenset[str], Lack | None] = {}

    # ---- what is wanted

    def want(self, names: Collection[str], only: Collection[str] | None = None) -> None:
        """Plan everything that the rulesets named show; of them ``only`` some declarations."""
        program = self.program

        def wanted(declaration: Declaration) -> bool:
            return declaration.ruleset in names and (only is None or declaration.name in only)

        for set_ in filter(wanted, program.sets.values()):
            self.set_named(set_.name)
        for table in filter(wanted, program.tables.values()):
            self.table(table.name)
        for profile in filter(wanted, program.profiles.values()):
            self.profile(profile.name)
            self.entries(profile.name)
        findings: list[CheckDeclaration | AnomalyDeclaration] = [*program.checks.values()]
        findings += program.anomalies.values()
        for finding in filter(wanted, findings):
            self.conditions(dm.finding_conditions(finding), finding.name, finding.span)
        for anomaly in filter(wanted, program.anomalies.values()):
            if anomaly.within_table is not None:
                self.table(anomaly.within_table)
            if anomaly.within_set is not None:
                self.set_named(anomaly.within_set)

    def _enter(self, name: str) -> None:
        if name in self._open:
            raise ValueError(f"{name} depends on itself")
        self._open.append(name)

    # ---- when each declaration is ready

    def set_named(self, name: str) -> int:
        """The scan after which a declared set is there."""
        if name not in self.ready_sets:
            self._enter(name)
            self.ready_sets[name] = self.set(self.program.sets[name].set, name)
            self._open.pop()
        return self.ready_sets[name]

    def set(self, expression: ex.SetExpression, owner: str) -> int:
        """The scan after which a set expression can be told; 0: before any."""
        match expression:
            case ex.SetLiteral():
                return 0
            case ex.SetNamed(name=name, previous=previous):
                return 0 if previous else self.set_named(name)
            case ex.KeyColumn(owner=of, of_table=of_table, previous=previous):
                if previous:
                    return 0
                return self.table(of) if of_table else self.set_named(of)
            case ex.HostsOf(profile=profile, which=which, previous=previous):
                if previous:
                    return 0
                return self.hosts(profile) if which == "hosts" else self.profile(profile)
            case ex.SetBlocks(of=of_set):
                return self.set(of_set, owner)
            case ex.SetAlgebra(left=left, right=right):
                return max(self.set(left, owner), self.set(right, owner))
            case ex.Members():
                query = self.query(dm.of_set(expression, owner))
                return max(query.ready, self.conditions(dm.keep_conditions(expression.keeps), owner))
            case _:
                raise TypeError(f"{type(expression).__name__} is no set")

    def table(self, name: str) -> int:
        """The scan after which a table is there."""
        if name in self.program.bound_tables and name not in self.program.tables:
            return 0
        if name not in self.ready_tables:
            self._enter(name)
            table = self.program.tables[name]
            ready = self.query(dm.of_table(table)).ready
            asked = [*dm.keep_conditions(table.keeps), *(o.by for o in table.order)]
            self.ready_tables[name] = max(ready, self.conditions(asked, name))
            self._open.pop()
        return self.ready_tables[name]

    def hosts(self, name: str) -> int:
        """The scan after which the hosts of a profile are known."""
        return self.set(self.program.profiles[name].hosts, name)

    def profile(self, name: str) -> int:
        """The scan after which a profile's verdicts are there."""
        if name not in self.ready_profiles:
            self._enter(name)
            profile = self.program.profiles[name]
            ready = self.hosts(name)
            for feature in profile.features:
                if feature.measure is not None:
                    ready = max(ready, self.query(dm.of_feature(profile, feature), name).ready)
            ready = max(ready, self.conditions(dm.profile_conditions(profile), name))
            self.ready_profiles[name] = ready
            self._open.pop()
        return self.ready_profiles[name]

    def entries(self, name: str) -> None:
        """Plan the groups of a profile's entries."""
        profile = self.program.profiles[name]
        for number in range(len(profile.entries)):
            for demand in dm.of_entry(profile, number):
                self.query(demand)

    def conditions(self, conditions: Iterable[ex.Expression], owner: str, place: Span | None = None) -> int:
        """The scan after which all that conditions ask of other declarations is there."""
        ready = 0
        for condition in conditions:
            for asked in self._asked_by(condition):
                ready = max(ready, self.asked(asked, owner, place or condition.span))
        return ready

    def _asked_by(self, condition: ex.Expression) -> tuple[Asked, ...]:
        held = self._asked.get(condition)
        if held is None:
            held = self._asked[condition] = tuple(depends(condition))
        return held

    def asked(self, node: Asked, owner: str, place: Span | None) -> int:
        """The scan after which one thing asked of another declaration is there."""
        match node:
            case ex.SetExpression():
                return self.set(node, owner)
            case ex.Lookup(owner=of, previous=previous):
                return 0 if previous else self._rows(of)
            case ex.CountOf(set=of_set, table=of_table):
                return self.set(of_set, owner) if of_set is not None else self._rows(of_table or "")
            case ex.Measure():
                return self.query(dm.of_total(node, owner, place)).ready if not node.per else 0

    def _rows(self, name: str) -> int:
        return self.profile(name) if name in self.program.profiles else self.table(name)

    # ---- groupings

    def query(self, demand: dm.Demand, profile: str | None = None) -> Query:
        """How a demand is answered."""
        key = (demand.what, demand.subject)
        if key not in self.queries:
            self.queries[key] = self._query(demand, profile)
        return self.queries[key]

    def _query(self, demand: dm.Demand, profile: str | None) -> Query:
        wanted = self._wanted_of(demand.measures)
        measures, parts, later = wanted.measures, wanted.parts, wanted.later
        keys = tuple(self.rewriter.expand(k.of) for k in demand.keys)
        if demand.source.table is not None:
            return self._over_table(demand, keys, measures)
        conjuncts = self.rewriter.conjuncts(demand.source.predicate)
        facets = [self._facets_of(c) for c in conjuncts]
        missing = self._lacking(demand, facets, keys, wanted)
        if missing is not None:
            return Query(demand, None, keys, (), (), measures, 0, missing)
        if contradict(f.claim for f in facets):
            conjuncts = (NEVER,)
            facets = [self._facets_of(NEVER)]
        if later and profile is not None:
            return self._collection(demand, conjuncts, keys, measures, profile)
        level = 1 + max((self._ready_of(p.of, demand) for p in parts if p.kind == MATCHING), default=0)
        level = max([level, *(1 + self._ready_of(k, demand) for k in keys)])
        asking = any(f.asked for f in facets)
        where, deferred, extra, level = (
            self._split(demand, conjuncts, keys, level) if asking else (conjuncts, (), (), level)
        )
        ready = max([level, *(self._ready_of(c, demand) for c in deferred)])
        grouping = self._grouping(level, where, keys + extra, demand.source.direction, parts)
        if later:
            rows = self._collection(demand, conjuncts, keys, later, "")
            return evolve(rows, grouping=grouping, extra=extra, deferred=deferred, measures=measures)
        return Query(demand, grouping, keys, extra, deferred, measures, ready)

    def _wanted_of(self, measures: tuple[ex.Measure, ...]) -> _Wanted:
        held = self._wanted.get(measures)
        if held is None:
            written = tuple((m, self._written_out(m)) for m in measures)
            later = tuple(pair for pair in written if measured_later(pair[1]))
            parts = tuple(dict.fromkeys(p for _, m in written for p in parts_of(m)))
            fields = {name for p in parts for name in self._facets_of(p.of).fields}
            if later:
                fields.update(COLLECTED)
                fields |= fields_of([a for _, m in later for a in m.args], self.direction_by)
            held = self._wanted[measures] = _Wanted(written, later, parts, frozenset(fields))
        return held

    def _written_out(self, measure: ex.Measure) -> ex.Measure:
        out = self.rewriter.expand(measure)
        assert isinstance(out, ex.Measure)
        return out

    def _facets_of(self, expression: ex.Expression) -> Facets:
        held = self._facets.get(id(expression))
        if held is None:
            held = self._facets[id(expression)] = Facets.looked_at(expression, self.direction_by)
        return held

    def _over_table(
        self,
        demand: dm.Demand,
        keys: tuple[ex.Expression, ...],
        measures: tuple[tuple[ex.Measure, ex.Measure], ...],
    ) -> Query:
        ready = self._rows(demand.source.table or "")
        predicate = self.rewriter.expand(demand.source.predicate)
        ready = max(
            [ready, *(self._ready_of(e, demand) for e in (predicate, *keys, *(m for _, m in measures)))]
        )
        return Query(demand, None, keys, (), (predicate,), measures, ready)

    def _ready_of(self, expression: ex.Expression, demand: dm.Demand) -> int:
        return self.conditions((expression,), demand.owner, demand.place)

    def _split(
        self,
        demand: dm.Demand,
        conjuncts: Sequence[ex.Expression],
        keys: tuple[ex.Expression, ...],
        level: int,
    ) -> tuple[tuple[ex.Expression, ...], tuple[ex.Expression, ...], tuple[ex.Expression, ...], int]:
        """Which parts of a predicate are tested in the scan, which afterwards, with which keys beside."""
        later = {c: ready for c in conjuncts if (ready := self._ready_of(c, demand)) > 0}
        open_ones: list[ex.Expression] = []
        extra: tuple[ex.Expression, ...] = ()
        for conjunct, ready in later.items():
            beside = keys_beside(conjunct, keys, demand.source.direction, conjuncts)
            if beside is None:
                level = max(level, ready + 1)
                self.reasons.setdefault(
                    ready + 1,
                    f"{demand.owner} tests what the scan before finds, not on a key of its own",
                )
            else:
                open_ones.append(conjunct)
        # what an earlier scan has found anyway is tested in the scan: fewer rows, fewer groups
        deferred = [c for c in open_ones if later[c] >= level]
        for conjunct in deferred:
            beside = keys_beside(conjunct, keys, demand.source.direction, conjuncts) or ()
            extra += tuple(k for k in beside if k not in extra)
        if explodes((*keys, *extra), deferred):
            level = max(later[c] for c in deferred) + 1
            self.reasons.setdefault(
                level, f"{demand.owner} would count too many groups without the set that restricts them"
            )
            deferred, extra = [], ()
        where = tuple(c for c in conjuncts if c not in deferred)
        return where, tuple(deferred), extra, level

    def _in_order(self, where: Iterable[ex.Expression]) -> tuple[ex.Expression, ...]:
        return tuple(sorted(where, key=lambda predicate: self._facets_of(predicate).cost))

    def _grouping(
        self,
        scan: int,
        where: tuple[ex.Expression, ...],
        keys: tuple[ex.Expression, ...],
        direction: str | None,
        parts: tuple[Aggregate, ...],
    ) -> int:
        where = self._in_order(where)
        key = (scan, frozenset(where), frozenset(keys))
        inside = tuple(is_inside(k, direction) for k in keys)
        held = self.groupings.get(key)
        if held is None:
            held = self.groupings[key] = len(self.grouping_plans)
            self.grouping_plans.append(GroupingPlan(scan, where, keys, inside, parts))
        else:
            known = self.grouping_plans[held]
            merged = tuple(dict.fromkeys((*known.aggregates, *parts)))
            self.grouping_plans[held] = evolve(known, aggregates=merged)
        return held

    def _collection(
        self,
        demand: dm.Demand,
        conjuncts: tuple[ex.Expression, ...],
        keys: tuple[ex.Expression, ...],
        measures: tuple[tuple[ex.Measure, ex.Measure], ...],
        profile: str,
    ) -> Query:
        ready = max([self.hosts(profile) if profile else 0, *(self._ready_of(c, demand) for c in conjuncts)])
        scan = ready + 1
        if profile:
            self.reasons.setdefault(scan, f"{demand.owner} needs the rows of each host of {profile} together")
        where = self._in_order(conjuncts)
        key = (scan, frozenset(where), keys, profile)
        held = self.collections.get(key)
        if held is None:
            held = self.collections[key] = len(self.collection_plans)
            self.collection_plans.append(CollectionPlan(scan, where, keys, profile))
        known = self.collection_plans[held]
        merged = tuple(dict.fromkeys((*known.measures, *(m for _, m in measures))))
        self.collection_plans[held] = evolve(known, measures=merged)
        return Query(demand, None, keys, (), (), measures, scan, None, held)

    # ---- fields

    def _lacking(
        self,
        demand: dm.Demand,
        conjuncts: Sequence[Facets],
        keys: tuple[ex.Expression, ...],
        wanted: _Wanted,
    ) -> str | None:
        """Why an optional demand stays unknown; raises where one that is not optional lacks a field."""
        if self.fields is None:
            return None
        needed = wanted.fields.union(*(f.fields for f in (*conjuncts, *map(self._facets_of, keys))))
        if needed not in self._lacks:
            self._lacks[needed] = self.fields.lacking(needed, self.direction_by)
        found = self._lacks[needed]
        if found is None:
            return None
        if demand.optional:
            return str(found)
        raise MissingField(found, demand.owner, demand.place)

    # ---- the whole

    def plan(self) -> Plan:
        """What was planned."""
        self.grouping_plans = derived(self.grouping_plans)
        used = [g.scan for g in self.grouping_plans] + [c.scan for c in self.collection_plans]
        last = max(used, default=1)
        scans = tuple(ScanPlan(n, self._scan_fields(n), self.reasons.get(n, "")) for n in range(1, last + 1))
        planned = {n: plan_cells(n, self.grouping_plans, self.direction_by) for n in range(1, last + 1)}
        return Plan(
            scans,
            tuple(self.grouping_plans),
            tuple(self.collection_plans),
            self.queries,
            self.ready_sets,
            self.ready_tables,
            self.ready_profiles,
            {n: cells for n, (cells, _) in planned.items() if cells is not None},
            {n: ways for n, (_, ways) in planned.items() if ways is not None},
        )

    def _scan_fields(self, scan: int) -> frozenset[str]:
        expressions: list[ex.Expression] = []
        wanted: set[str] = set()
        for grouping in self.grouping_plans:
            if grouping.scan == scan:
                expressions += [*grouping.where, *grouping.keys, *(a.of for a in grouping.aggregates)]
        for collection in self.collection_plans:
            if collection.scan == scan:
                expressions += [*collection.where, *collection.keys]
                expressions += [a for m in collection.measures for a in m.args]
                wanted.update(COLLECTED)
                wanted.update(COLLECTED_WHERE_THERE)
        for facets in map(self._facets_of, {id(e): e for e in expressions}.values()):
            wanted |= facets.fields
            wanted |= facets.welcome
        if "ip_version" in wanted and self.fields is not None and self.fields.some_lack("ip_version"):
            wanted.add("sip")
        if scan == 1:
            wanted.update(_ALWAYS_READ)
            wanted.update(("sip", "dip") if self.direction_by == NETS else ("type",))
        return frozenset(wanted)
