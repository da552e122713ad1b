"""Texts with ``{…}`` filled in for each row, and values in them as people read them."""

from __future__ import annotations

from flowrules.engine.conditions import Scope, value
from flowrules.engine.joins import Index
from flowrules.engine.results import Series
from flowrules.model import expression as ex
from flowrules.model.program import TextTemplate
from flowrules.model.value_text import format_value


def fill(template: TextTemplate | None, scope: Scope) -> list[str]:
    """The text for each row of the scope; empty where there is no template."""
    if template is None:
        return [""] * scope.rows
    pieces: list[list[str]] = []
    for part in template.parts:
        pieces.append([part] * scope.rows if isinstance(part, str) else words(part, scope))
    return ["".join(row) for row in zip(*pieces, strict=True)] if pieces else [""] * scope.rows


def words(expression: ex.Expression, scope: Scope) -> list[str]:
    """An expression's value as text for each row."""
    if isinstance(expression, ex.Host) and len(scope.host) > 1:
        columns = [[format_value(s.type, s.scalar(r)) for r in range(scope.rows)] for s in scope.host]
        return [", ".join(row) for row in zip(*columns, strict=True)]
    series = value(expression, scope)
    return [format_value(series.type, series.scalar(r)) for r in range(scope.rows)]


def narrowed(scope: Scope, index: Index) -> Scope:
    """The scope for some of its rows only."""

    def taken(series: Series) -> Series:
        return series.take(index)

    return Scope(
        len(index),
        scope.world,
        {n: taken(s) for n, s in scope.columns.items()},
        {m: taken(s) for m, s in scope.measures.items()},
        {n: taken(s) for n, s in scope.features.items()},
        tuple(taken(s) for s in scope.host),
        None if scope.verdict is None else taken(scope.verdict),
        scope.total,
    )
