"""The predicates and conditions of a program, each with the declaration that it stands in."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field, frozen

from flowrules.model import expression as ex
from flowrules.model.program import Program
from flowrules.model.source_text import Span


@frozen
class Predicate:
    """What is asked of a flow, or of a row of ``table``; ``named`` is the place of the filter that it is."""

    node: ex.Expression
    ruleset: str
    declaration: str
    table: str | None = None
    named: Span | None = field(default=None, repr=False)


@frozen
class Condition:
    """What is asked of a group, a host or a total."""

    node: ex.Expression
    ruleset: str
    declaration: str


def predicates_of(program: Program) -> Iterator[Predicate]:
    """Filters, the sources of sets, tables, features and entries, and what fractions count."""
    for declared in program.filters.values():
        yield Predicate(declared.predicate, declared.ruleset, declared.short, None, declared.span)
    for set_ in program.sets.values():
        for members in _members(set_.set):
            yield from _source(members.source, set_.ruleset, set_.short)
    for table in program.tables.values():
        yield from _source(table.source, table.ruleset, table.short)
        for column in table.columns:
            yield from _counted(column.measure, table.source, table.ruleset, table.short)
    for profile in program.profiles.values():
        for members in _members(profile.hosts):
            yield from _source(members.source, profile.ruleset, profile.short)
        for feature in profile.features:
            if feature.source is not None and feature.measure is not None:
                yield from _source(feature.source, profile.ruleset, profile.short)
                yield from _counted(feature.measure, feature.source, profile.ruleset, profile.short)
        for entry in profile.entries:
            if entry.source is not None:
                yield from _source(entry.source, profile.ruleset, profile.short)
    for condition in conditions_of(program):
        for node in condition.node.walk():
            if isinstance(node, ex.Measure) and node.source is not None:
                yield from _source(node.source, condition.ruleset, condition.declaration)
                yield from _counted(node, node.source, condition.ruleset, condition.declaration)


def conditions_of(program: Program) -> Iterator[Condition]:
    """What keeps rows, makes features of others, and judges hosts, rows and the data."""
    for set_ in program.sets.values():
        for members in _members(set_.set):
            yield from _keeps(members.keeps, set_.ruleset, set_.short)
    for table in program.tables.values():
        yield from _keeps(table.keeps, table.ruleset, table.short)
    for profile in program.profiles.values():
        for members in _members(profile.hosts):
            yield from _keeps(members.keeps, profile.ruleset, profile.short)
        conditions = [f.condition for f in profile.features]
        conditions += [v.condition for v in profile.verdicts]
        conditions += [a.condition for a in profile.anomalies]
        conditions += [e.condition for e in profile.entries]
        yield from (Condition(c, profile.ruleset, profile.short) for c in conditions if c is not None)
    for anomaly in program.anomalies.values():
        if anomaly.condition is not None:
            yield Condition(anomaly.condition, anomaly.ruleset, anomaly.short)
    for check in program.checks.values():
        yield Condition(check.condition, check.ruleset, check.short)


def _members(expression: ex.SetExpression) -> Iterator[ex.Members]:
    match expression:
        case ex.Members():
            yield expression
        case ex.SetAlgebra(left=left, right=right):
            yield from _members(left)
            yield from _members(right)
        case ex.SetBlocks(of=of):
            yield from _members(of)


def _source(source: ex.Source, ruleset: str, declaration: str) -> Iterator[Predicate]:
    yield Predicate(source.predicate, ruleset, declaration, source.table)


def _counted(measure: ex.Measure, source: ex.Source, ruleset: str, declaration: str) -> Iterator[Predicate]:
    """What ``fraction(…)`` counts."""
    if measure.name == "fraction":
        yield Predicate(measure.args[0], ruleset, declaration, source.table)


def _keeps(steps: tuple[ex.KeepStep, ...], ruleset: str, declaration: str) -> Iterator[Condition]:
    for step in steps:
        if isinstance(step, ex.Keep):
            yield Condition(step.condition, ruleset, declaration)
