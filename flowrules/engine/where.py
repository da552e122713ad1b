"""Which rows of a piece pass the predicates of a grouping; what several groupings test is tested once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.row_values import Rows
from flowrules.model import expression as ex
from flowrules.plan.cost import CHEAP, cost


@frozen(eq=False)
class Where:
    """Predicates that must all be true: cheap ones, tested on all rows, and dear ones, on those left."""

    cheap: tuple[ex.Expression, ...]
    dear: tuple[ex.Expression, ...]

    @classmethod
    def of(cls, predicates: Sequence[ex.Expression]) -> Where:
        """The predicates in the order in which they are tested."""
        ordered = sorted(predicates, key=cost)
        cheap = tuple(p for p in ordered if cost(p)[0] <= CHEAP)
        return cls(cheap, tuple(ordered[len(cheap) :]))

    @property
    def predicates(self) -> tuple[ex.Expression, ...]:
        """All of them."""
        return self.cheap + self.dear

    @cached_property
    def identities(self) -> frozenset[int]:
        """The identities of all of them."""
        return frozenset(map(id, self.predicates))


Selected = dict[tuple[int, ...], Rows]
"""Rows of a piece by the identities of the predicates that they passed; ``()``: all of them."""


def select_rows(where: Where, selected: Selected) -> Rows:
    """The rows for which all of ``where`` is true; what is found on the way is kept in ``selected``."""
    key = tuple(id(p) for p in where.cheap)
    rows = selected.get(key)
    if rows is None:
        rows = selected[()]
        passed: NDArray[np.bool_] | None = None
        for predicate in where.cheap:
            held = rows.around.watch.tested(predicate, rows)
            passed = held if passed is None else passed & held
        assert passed is not None
        if not passed.all():
            rows = rows.where(passed)
        selected[key] = rows
    for predicate in where.dear:
        if not rows.rows:
            return rows
        key = (*key, id(predicate))
        fewer = selected.get(key)
        if fewer is None:
            held = rows.around.watch.tested(predicate, rows)
            fewer = selected[key] = rows if held.all() else rows.take(np.flatnonzero(held))
        rows = fewer
    return rows
