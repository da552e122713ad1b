"""What a program asks of its flows: every grouping, with the measures that somebody wants of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import field, frozen

from flowrules.model import expression as ex
from flowrules.model.program import (
    AnomalyDeclaration,
    Cell,
    CheckDeclaration,
    EntryDeclaration,
    FeatureDeclaration,
    ProfileDeclaration,
    TableDeclaration,
    TextTemplate,
    VerdictDeclaration,
)
from flowrules.model.source_text import Span

SET = "set"
TABLE = "table"
FEATURE = "feature"
TOTAL = "total"
ENTRY = "entry"


@frozen
class Demand:
    """Groups that somebody asks for.

    ``what`` and ``subject`` identify it: a set's ``Members``, a table's name, ``(profile, feature)``, a
    total's ``Measure``, ``(profile, entry, column)`` (column -1: the entry's own source).  ``owner`` is the
    qualified name of the declaration, for messages.
    """

    what: str
    subject: object
    owner: str = field(eq=False)
    source: ex.Source = field(eq=False)
    keys: tuple[ex.Key, ...] = field(eq=False)
    measures: tuple[ex.Measure, ...] = field(eq=False)
    place: Span | None = field(default=None, eq=False, repr=False)
    optional: bool = field(default=False, eq=False)


def of_set(members: ex.Members, owner: str) -> Demand:
    """The groups behind ``key of source … keep …``."""
    measures = tuple(dict.fromkeys(m for step in members.keeps for m in _of_step(step)))
    return Demand(SET, members, owner, members.source, members.keys, measures, members.span)


def of_table(table: TableDeclaration) -> Demand:
    """The groups of a table, with the measures of its columns, keeps and order."""
    wanted = [c.measure for c in table.columns]
    wanted += [m for step in table.keeps for m in _of_step(step)]
    wanted += [m for o in table.order for m in own_measures(o.by)]
    measures = tuple(dict.fromkeys(m for m in wanted if m.name != "cumulative"))
    return Demand(
        TABLE, table.name, table.name, table.source, table.keys, measures, table.span, table.optional
    )


def of_feature(profile: ProfileDeclaration, feature: FeatureDeclaration) -> Demand:
    """The groups of a feature that is a measure of flows."""
    assert feature.measure is not None and feature.source is not None
    return Demand(
        FEATURE,
        (profile.name, feature.short),
        f"{profile.name}.{feature.short}",
        feature.source,
        feature.keys,
        (feature.measure,),
        feature.span,
        feature.optional,
    )


def of_total(measure: ex.Measure, owner: str, place: Span | None) -> Demand:
    """One group: a measure that stands with a source of its own."""
    assert measure.source is not None
    return Demand(TOTAL, measure, owner, measure.source, (), (sourceless(measure),), place)


def of_entry(profile: ProfileDeclaration, number: int) -> Iterator[Demand]:
    """The groups of an entry, and those of its cells that say their own ``of … per …``."""
    entry = profile.entries[number]
    owner = f"{profile.name}.entry"
    if entry.source is not None:
        measures = tuple(dict.fromkeys(m for _, m in entry_measures(entry) if m.source is None))
        yield Demand(ENTRY, (profile.name, number, ""), owner, entry.source, entry.keys, measures, entry.span)
    for name, measure in entry_measures(entry):
        if measure.source is not None:
            yield Demand(
                ENTRY,
                (profile.name, number, name),
                owner,
                measure.source,
                measure.per,
                (sourceless(measure),),
                entry.span,
            )


def entry_measures(entry: EntryDeclaration) -> Iterator[tuple[str, ex.Measure]]:
    """The measures that stand in the cells of an entry, with the names of their result columns."""
    for place, column in enumerate(entry.columns):
        for name, cell in ((str(place), column.cell), (f"{place}:", column.ports)):
            if cell is not None and isinstance(cell.expression, ex.Measure):
                yield name, cell.expression


def sourceless(measure: ex.Measure) -> ex.Measure:
    """A measure without its own source, as it stands among the measures of that source's groups."""
    return ex.Measure(type=measure.type, name=measure.name, args=measure.args)


def own_measures(condition: ex.Expression) -> Iterator[ex.Measure]:
    """The measures in a condition that are of the groups it speaks of."""
    if isinstance(condition, ex.Measure):
        if condition.source is None and condition.name != "cumulative":
            yield condition
        return
    for child in condition.children():
        yield from own_measures(child)


def totals_in(expressions: Iterable[ex.Expression]) -> Iterator[ex.Measure]:
    """The measures with a source of their own that stand in conditions."""
    for expression in expressions:
        for node in expression.walk():
            if isinstance(node, ex.Measure) and node.source is not None and not node.per:
                yield node


def _of_step(step: ex.KeepStep) -> Iterator[ex.Measure]:
    if isinstance(step, ex.Keep):
        yield from own_measures(step.condition)
    elif isinstance(step, ex.KeepRank) and step.by is not None:
        yield from own_measures(step.by)


def keep_conditions(steps: tuple[ex.KeepStep, ...]) -> Iterator[ex.Expression]:
    """The conditions of keep steps."""
    for step in steps:
        if isinstance(step, ex.Keep):
            yield step.condition
        elif isinstance(step, ex.KeepRank) and step.by is not None:
            yield step.by


def texts(*templates: TextTemplate | None) -> Iterator[ex.Expression]:
    """The expressions in texts."""
    for template in templates:
        if template is not None:
            yield from (p for p in template.parts if isinstance(p, ex.Expression))


def profile_conditions(profile: ProfileDeclaration) -> Iterator[ex.Expression]:
    """Everything that a profile evaluates once its measured features are there."""
    for feature in profile.features:
        if feature.condition is not None:
            yield feature.condition
    judgements: list[VerdictDeclaration | AnomalyDeclaration] = [*profile.verdicts, *profile.anomalies]
    for judged in judgements:
        if judged.condition is not None:
            yield judged.condition
        yield from texts(judged.because)
    for entry in profile.entries:
        if entry.condition is not None:
            yield entry.condition
        for column in entry.columns:
            yield from _cell(column.cell)
            if column.ports is not None:
                yield from _cell(column.ports)


def _cell(cell: Cell) -> Iterator[ex.Expression]:
    yield from texts(cell.text)
    if cell.expression is not None and not isinstance(cell.expression, ex.Measure):
        yield cell.expression


def finding_conditions(finding: CheckDeclaration | AnomalyDeclaration) -> Iterator[ex.Expression]:
    """What a check or a file-level anomaly evaluates."""
    if finding.condition is not None:
        yield finding.condition
    yield from texts(finding.because)
