"""Every predicate and condition of a program, with the place where it stands and the declaration that it is part of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from attrs import field, frozen

from flowrules.lint.premises import FLOWS, Place
from flowrules.model import expression as ex
from flowrules.model import program as pr


@frozen(eq=False, slots=False)
class Statement:
    """One predicate or condition.

    ``kind``: ``filter`` and ``source`` speak about flows, ``rows`` about rows of a table, ``fraction`` about the
    flows (or rows) of a group, ``keep`` about a group, ``feature``, ``when`` about a host or row, ``total`` about
    the network.
    """

    node: ex.Expression
    place: Place = field(repr=False)
    kind: str
    declaration: str
    source: ex.Source | None = field(default=None, repr=False)
    keys: tuple[ex.Key, ...] = ()
    measured: tuple[ex.Expression, ...] = ()
    """The measures taken of the source."""
    given: tuple[ex.Expression, ...] = field(default=(), repr=False)
    """What holds already of every row: the thresholds of its table."""

    @cached_property
    def whole(self) -> ex.Expression:
        """The statement with what is given."""
        if not self.given:
            return self.node
        return ex.And(type=self.node.type, span=self.node.span, items=(self.node, *self.given))

    @cached_property
    def nodes(self) -> tuple[ex.Expression, ...]:
        """The expressions that it consists of, parents first."""
        return tuple(self.node.walk())

    @property
    def about_flows(self) -> bool:
        """Whether a flow passes it or not."""
        return self.place is FLOWS and self.kind in ("filter", "source", "fraction")


def statements(program: pr.Program, rulesets: frozenset[str]) -> tuple[Statement, ...]:
    """The statements of some rulesets, in the order of the program."""
    found: list[Statement] = []
    maker = _Maker(program)
    for f in program.filters.values():
        if f.ruleset in rulesets:
            found.append(Statement(f.predicate, FLOWS, "filter", f.name))
    for s in program.sets.values():
        if s.ruleset in rulesets:
            found.extend(maker.set(s.set, s.name))
    for t in program.tables.values():
        if t.ruleset in rulesets:
            found.extend(maker.table(t))
    for p in program.profiles.values():
        if p.ruleset in rulesets:
            found.extend(maker.profile(p))
    for a in program.anomalies.values():
        if a.ruleset in rulesets and a.condition is not None:
            table = program.tables.get(a.within_table) if a.within_table else None
            place = Place(table=table)
            kind = "when" if table or a.within_set else "total"
            found.append(Statement(a.condition, place, kind, a.name, given=kept(table)))
            found.extend(maker.measures(a.condition, a.name))
    for c in program.checks.values():
        if c.ruleset in rulesets:
            found.append(Statement(c.condition, Place(), "total", c.name))
            found.extend(maker.measures(c.condition, c.name))
    return tuple(found)


class _Maker:
    def __init__(self, program: pr.Program) -> None:
        self.program = program

    def source(
        self,
        source: ex.Source,
        owner: str,
        keys: tuple[ex.Key, ...] = (),
        measured: tuple[ex.Expression, ...] = (),
    ) -> Iterator[Statement]:
        if source.table is None:
            yield Statement(source.predicate, FLOWS, "source", owner, source, keys, measured)
        else:
            table = self.program.tables.get(source.table)
            yield Statement(
                source.predicate, Place(table=table), "rows", owner, source, keys, given=kept(table)
            )

    def measures(
        self, node: ex.Expression, owner: str, source: ex.Source | None = None
    ) -> Iterator[Statement]:
        """Sources of totals, and the predicates of fractions."""
        for inner in node.walk():
            if not isinstance(inner, ex.Measure):
                continue
            of = inner.source or source
            if inner.source is not None:
                yield from self.source(inner.source, owner, inner.per, (inner,))
            if inner.name == "fraction" and of is not None:
                table = self.program.tables.get(of.table) if of.table else None
                place = FLOWS if of.table is None else Place(table=table)
                yield Statement(inner.args[0], place, "fraction", owner, of)

    def set(self, node: ex.SetExpression, owner: str) -> Iterator[Statement]:
        for members in members_of(node):
            yield from self.source(members.source, owner, members.keys)
            place = Place(source=members.source, grouped=True)
            yield from self.keeps(members.keeps, place, owner)

    def keeps(self, steps: tuple[ex.KeepStep, ...], place: Place, owner: str) -> Iterator[Statement]:
        for step in steps:
            if isinstance(step, ex.Keep):
                yield Statement(step.condition, place, "keep", owner, place.source)
                yield from self.measures(step.condition, owner, place.source)

    def table(self, table: pr.TableDeclaration) -> Iterator[Statement]:
        measured = tuple(c.measure for c in table.columns)
        yield from self.source(table.source, table.name, table.keys, measured)
        for column in table.columns:
            yield from self.measures(column.measure, table.name, table.source)
        grouped = bool(table.keys) and table.fill is None
        place = Place(table=table, source=table.source, grouped=grouped)
        yield from self.keeps(table.keeps, place, table.name)

    def profile(self, profile: pr.ProfileDeclaration) -> Iterator[Statement]:
        name = profile.name
        features = {f.short.rpartition(".")[2]: f for f in profile.features}
        place = Place(features=features, verdicts=profile.verdicts)
        before = Place(features=features)
        yield from self.set(profile.hosts, name)
        for feature in profile.features:
            if feature.source is not None:
                measured = (feature.measure,) if feature.measure is not None else ()
                yield from self.source(feature.source, feature.name, feature.keys, measured)
                if feature.measure is not None:
                    yield from self.measures(feature.measure, feature.name, feature.source)
            if feature.condition is not None:
                if feature.condition.type.name == "truth":
                    yield Statement(feature.condition, before, "feature", feature.name)
                yield from self.measures(feature.condition, feature.name)
        for verdict in profile.verdicts:
            if verdict.condition is not None:
                yield Statement(verdict.condition, before, "when", verdict.name)
                yield from self.measures(verdict.condition, verdict.name)
        for anomaly in profile.anomalies:
            if anomaly.condition is not None:
                yield Statement(anomaly.condition, place, "when", anomaly.name)
                yield from self.measures(anomaly.condition, anomaly.name)
        for entry in profile.entries:
            if entry.source is not None:
                yield from self.source(entry.source, name, entry.keys)
            if entry.condition is not None:
                yield Statement(entry.condition, place, "when", name)


def members_of(node: ex.SetExpression) -> Iterator[ex.Members]:
    """Every ``key of source`` in a set expression."""
    match node:
        case ex.Members():
            yield node
        case ex.SetAlgebra(left=left, right=right):
            yield from members_of(left)
            yield from members_of(right)
        case ex.SetBlocks(of=of):
            yield from members_of(of)


def kept(table: pr.TableDeclaration | None) -> tuple[ex.Expression, ...]:
    """The thresholds that every row of a table has passed."""
    if table is None:
        return ()
    return tuple(step.condition for step in table.keeps if isinstance(step, ex.Keep))


def own_conjuncts(node: ex.Expression) -> Iterator[ex.Expression]:
    """The conjuncts of a predicate that are written in it, not through a named filter."""
    if isinstance(node, ex.And):
        for item in node.items:
            yield from own_conjuncts(item)
    else:
        yield node
