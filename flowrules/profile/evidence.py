"""Why a verdict holds or does not: each condition with the numbers that it saw and its margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.conditions import TRUE, UNKNOWN, Scope, truth, value
from flowrules.engine.results import Series
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.source_text import Span
from flowrules.model.types import COUNT, DURATION, ORDERED, Type
from flowrules.profile.findings import Evidence, Value

_NAMED = (ex.Feature, ex.Lookup, ex.MapLookup, ex.CountOf, ex.Host, ex.Verdict, ex.Column)


@frozen(eq=False)
class ConditionColumns:
    """One condition evaluated for every row: what it saw, whether it holds, by how much."""

    text: str
    values: Mapping[str, Series]
    codes: NDArray[np.int8]
    margin: Series | None
    file: str
    line: int
    parts: tuple[ConditionColumns, ...]

    def row(self, verdict: str, row: int) -> Evidence:
        """The evidence for one row."""
        code = self.codes[row]
        margin = None if self.margin is None else self.margin.scalar(row)
        return Evidence(
            verdict,
            self.text,
            {n: Value(s.type, s.scalar(row)) for n, s in self.values.items()},
            None if code == UNKNOWN else bool(code == TRUE),
            None if margin is None or self.margin is None else Value(self.margin.type, margin),
            self.file,
            self.line,
            tuple(p.row(verdict, row) for p in self.parts),
        )


def conjuncts(condition: ex.Expression) -> list[ex.Expression]:
    """The parts of a condition that must all hold."""
    if isinstance(condition, ex.And):
        return [c for item in condition.items for c in conjuncts(item)]
    return [condition]


def condition_columns(condition: ex.Expression, scope: Scope, place: Span | None) -> list[ConditionColumns]:
    """The conjuncts of a condition, each evaluated over the rows of the scope."""
    return [_columns(c, scope, place) for c in conjuncts(condition)]


def _columns(condition: ex.Expression, scope: Scope, place: Span | None) -> ConditionColumns:
    span = condition.span or place
    inner: Sequence[ex.Expression] = ()
    if isinstance(condition, ex.And | ex.Or | ex.NOf):
        inner = condition.items
    elif isinstance(condition, ex.Not) and not isinstance(condition.of, ex.In):
        inner = (condition.of,)
    return ConditionColumns(
        expression_text(condition),
        {expression_text(n): value(n, scope) for n in _named(condition)},
        truth(condition, scope),
        _margin(condition, scope),
        span.path if span else "",
        span.line if span else 0,
        tuple(_columns(c, scope, place) for c in inner),
    )


def _named(condition: ex.Expression) -> list[ex.Expression]:
    """What a condition names that has a value of its own, each once, in order."""
    found: dict[str, ex.Expression] = {}

    def visit(node: ex.Expression) -> None:
        if isinstance(node, _NAMED) or (isinstance(node, ex.Measure) and node.source is not None):
            if not (isinstance(node, ex.Host) and len(node.type.parts) > 1):
                found.setdefault(expression_text(node), node)
            return
        for child in node.children():
            visit(child)

    visit(condition)
    return list(found.values())


def _margin(condition: ex.Expression, scope: Scope) -> Series | None:
    if isinstance(condition, ex.NOf):
        held = np.zeros(scope.rows, np.int64)
        for item in condition.items:
            held += truth(item, scope) == TRUE
        return Series(COUNT, held - condition.n)
    if not isinstance(condition, ex.Compare) or condition.op in ("=", "!="):
        return None
    left, right = value(condition.left, scope), value(condition.right, scope)
    if left.type.name not in ORDERED or (left.values.dtype == object and not len(left)):
        return None
    if condition.op in (">=", ">"):
        return exact.arithmetic("-", _difference(left), left, right)
    return exact.arithmetic("-", _difference(left), right, left)


def _difference(series: Series) -> Type:
    return DURATION if series.type.name == "time" else series.type
