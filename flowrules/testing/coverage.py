"""What tests reach: each filter, alternative, threshold and verdict, where it holds and where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrules.engine.conditions import TRUE, Truth, watched
from flowrules.engine.direction import DirectionRule, decide
from flowrules.engine.errors import LimitExceeded
from flowrules.engine.predicates import truth as flow_truth
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.table_rows import TableRows
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.program import Program, TestDeclaration
from flowrules.model.source_text import Span
from flowrules.plan.field_use import WELCOME, fields_of
from flowrules.plan.rewriting import Rewriter
from flowrules.profile.build import build
from flowrules.profile.findings import NetworkProfile
from flowrules.testing.declared import Condition, Predicate, conditions_of, predicates_of
from flowrules.testing.running import Run, TestProblem, results_of

KINDS: Final = ("filter", "alternative", "threshold", "verdict", "anomaly", "check")
"""What is looked at: filters, the parts of an ``or``, comparisons by size, and what hosts and data are judged by."""

Key = tuple[str, str, int, int]
"""Kind, path, start and end: the same in every test, whose parameters may differ."""


@frozen
class Item:
    """Something that can hold and can fail; ``declaration`` is the short name of what it stands in."""

    kind: str
    ruleset: str
    declaration: str
    text: str
    span: Span = field(repr=False)

    @property
    def key(self) -> Key:
        """What is the same for it in every test."""
        return _key(self.kind, self.span)


@define(eq=False)
class Coverage:
    """The items of some rulesets, and on which sides tests have reached them."""

    items: Sequence[Item]
    held: set[Key] = field(factory=set)
    failed: set[Key] = field(factory=set)

    def sides(self, item: Item) -> tuple[bool, bool]:
        """Whether some flow, row or host made it hold, and whether one did not."""
        return item.key in self.held, item.key in self.failed

    @property
    def reached(self) -> int:
        """How many sides were reached, of two an item."""
        return sum(sum(self.sides(item)) for item in self.items)

    @property
    def share(self) -> float:
        """The reached sides of all; 1 where there is nothing to reach."""
        return self.reached / (2 * len(self.items)) if self.items else 1.0

    def note(self, key: Key, held: NDArray[np.bool_]) -> None:
        """Take down what came of an item for some rows."""
        if held.any():
            self.held.add(key)
        if not held.all():
            self.failed.add(key)


def coverage_of(program: Program, tests: Iterable[TestDeclaration], rulesets: frozenset[str]) -> Coverage:
    """What tests reach of the rulesets named; tests that cannot be run reach nothing."""
    coverage = Coverage(tuple(dict.fromkeys(i for i in items_of(program) if i.ruleset in rulesets)))
    keys = frozenset(item.key for item in coverage.items)
    for test in tests:
        if test.expectations:
            _follow(test, coverage, keys)
    return coverage


def items_of(program: Program) -> Iterator[Item]:
    """Everything in a program that can hold and fail, in the order of the text of each ruleset."""
    found = [*_named(program)]
    asked: list[Predicate | Condition] = [*predicates_of(program), *conditions_of(program)]
    for one in asked:
        found += _inside(one.node, one.ruleset, one.declaration)
    order = {name: place for place, name in enumerate(program.rulesets)}
    yield from sorted(found, key=lambda item: (order[item.ruleset], item.span.start, KINDS.index(item.kind)))


def _named(program: Program) -> Iterator[Item]:
    for kind, declared in (
        *(("filter", d) for d in program.filters.values()),
        *(("anomaly", d) for d in program.anomalies.values()),
        *(("check", d) for d in program.checks.values()),
    ):
        if declared.span is not None:
            yield Item(kind, declared.ruleset, declared.short, declared.short, declared.span)
    for profile in program.profiles.values():
        for kind, inner in (
            # a single verdict is every host's
            *(("verdict", d) for d in profile.verdicts if len(profile.verdicts) > 1),
            *(("anomaly", d) for d in profile.anomalies),
        ):
            if inner.span is not None:
                yield Item(kind, profile.ruleset, profile.short, inner.short, inner.span)


def _inside(node: ex.Expression, ruleset: str, declaration: str) -> Iterator[Item]:
    for kind, part in _parts(node):
        assert part.span is not None
        yield Item(kind, ruleset, declaration, expression_text(part), part.span)


def _parts(node: ex.Expression) -> Iterator[tuple[str, ex.Expression]]:
    """The alternatives and thresholds of a predicate or condition that stand in the text."""
    for part in node.walk():
        if isinstance(part, ex.Or) and part.span is not None:
            yield from (("alternative", item) for item in part.items if item.span not in (None, part.span))
        if isinstance(part, ex.Compare) and part.op not in ("=", "!=") and part.span is not None:
            yield "threshold", part


def _key(kind: str, span: Span) -> Key:
    return kind, span.path, span.start, span.end


def _follow(test: TestDeclaration, coverage: Coverage, keys: frozenset[Key]) -> None:
    """Run a test and take down what it reaches."""

    def note(node: ex.Expression, codes: Truth) -> None:
        if node.span is None or not len(codes):
            return
        for kind in ("threshold", "alternative"):
            key = _key(kind, node.span)
            if key in keys:
                coverage.note(key, codes == TRUE)

    try:
        with watched(note):
            ran = results_of(test)
            whole = build(test.program, ran.results)
    except (TestProblem, LimitExceeded):
        return
    _judged(test.program, ran, whole, coverage)
    _flows(test.program, ran, coverage, keys)


def _judged(program: Program, ran: Run, whole: NetworkProfile, coverage: Coverage) -> None:
    """Verdicts, anomalies and checks, by what hosts got and what held."""
    for name, profile in program.profiles.items():
        result = ran.results.profiles.get(name)
        if result is None or not len(result.verdict):
            continue
        for place, verdict in enumerate(profile.verdicts):
            if verdict.span is not None:
                coverage.note(_key("verdict", verdict.span), result.verdict == place)
        for anomaly in profile.anomalies:
            if anomaly.span is not None:
                coverage.note(_key("anomaly", anomaly.span), result.truths[anomaly.short] > 0)
    found = {a.name for a in whole.anomalies}
    for declared in program.anomalies.values():
        if declared.span is not None:
            coverage.note(_key("anomaly", declared.span), np.array([declared.name in found]))
    for check in whole.checks:
        span = program.checks[check.name].span
        if span is not None:
            coverage.note(_key("check", span), np.array([check.holds is True]))


def _flows(program: Program, ran: Run, coverage: Coverage, keys: frozenset[Key]) -> None:
    """Filters and other predicates, each part of them over the test's flows, or over a table's rows."""
    conf = ran.flows.conf
    by = decide(program.direction, ran.sources, program.internal is not None, program.assume)
    around = Surroundings(DirectionRule(by, conf, program.internal), conf, ran.world, program.assume)
    rewriter = Rewriter(program.filters)
    asked: list[tuple[Key, ex.Expression, str | None]] = []
    for one in predicates_of(program):
        asked += [(key, node, one.table) for key, node in _keyed(one) if key in keys]
    written = [(key, rewriter.expand(node), table) for key, node, table in asked]
    around.prepare([node for _, node, _ in written])
    chunks = [chunk for source in ran.sources for chunk in source.chunks()]
    for key, node, table in written:
        lots: list[Rows]
        if table is not None:
            frame = ran.world.rows_of(table, False)
            lots = [] if frame is None else [TableRows(frame, around)]
        else:
            lots = [Rows(chunk, around) for chunk in chunks]
        for rows in lots:
            if rows.rows and _has_fields(node, rows, by):
                coverage.note(key, flow_truth(node, rows)[0])


def _keyed(one: Predicate) -> Iterator[tuple[Key, ex.Expression]]:
    if one.named is not None:
        yield _key("filter", one.named), one.node
    for kind, node in _parts(one.node):
        assert node.span is not None
        yield _key(kind, node.span), node


def _has_fields(node: ex.Expression, rows: Rows, direction_by: str) -> bool:
    """Whether the rows hold what a predicate looks at: a test's flows may lack what is optional."""
    if isinstance(rows, TableRows):
        return True
    return all(rows.has(name) or name in WELCOME for name in fields_of([node], direction_by))
