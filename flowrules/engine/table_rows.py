"""The rows of a table as the source of another: grouped by the same code as flows are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.aggregate import Grouping, Partial
from flowrules.engine.grouped import Grouped
from flowrules.engine.key_codes import Coders
from flowrules.engine.predicates import truth
from flowrules.engine.results import Frame, Series
from flowrules.engine.row_values import Index, Rows, Values
from flowrules.engine.surroundings import Surroundings
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.plan.aggregates import Aggregate


class TableRows(Rows):
    """Rows of a table's frame, with columns in the place of fields."""

    def __init__(self, frame: Frame, around: Surroundings) -> None:
        super().__init__(Chunk({}, frame.rows), around)
        self._frame = frame

    def take(self, index: Index) -> TableRows:
        """The rows at ``index`` of these."""
        return TableRows(self._frame.take(index), self.around)

    def column(self, name: str) -> NDArray[Any]:
        """A column of the table by the name of a field (``stime`` of a table that has such a key)."""
        return self._frame[name].values

    def _values(self, node: ex.Expression) -> Values:
        if isinstance(node, ex.Column | ex.Field):
            return self.around.values_of(self._frame[node.name])
        return super()._values(node)

    def series(self, expression: ex.Expression) -> Series:
        """The values of an expression; a column as it stands in the table."""
        if isinstance(expression, ex.Column | ex.Field):
            return self._frame[expression.name]
        return super().series(expression)


def group_table(
    frame: Frame,
    predicate: ex.Expression,
    keys: tuple[ex.Expression, ...],
    parts: tuple[Aggregate, ...],
    around: Surroundings,
) -> Grouped:
    """The groups of the rows of a table for which the predicate is true."""
    rows = TableRows(frame, around)
    passed = rows.take(np.flatnonzero(truth(predicate, rows)[0]))
    partial = Partial(Grouping(keys, (False,) * len(keys), parts, Coders(around)))
    partial.add(passed)
    return partial.finish()
