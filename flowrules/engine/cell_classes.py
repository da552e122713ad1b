"""Classes of values that no test tells apart, and the cells that they make together.

Of each field only the values at which some test may change its mind are tried, by the same evaluation that rows
get; so a class is right for whatever the tests mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.kernels import kernels
from flowrules.engine.predicates import SMALL, truth
from flowrules.engine.row_values import Known, Rows
from flowrules.engine.turning_points import turning_points
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.model.fields import STORED
from flowrules.plan.cell_tests import atoms
from flowrules.plan.field_use import TYPES, fields_of

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings

Cells = NDArray[np.uint32]


class CellClasses:
    """The classes of each field by some predicates, and a number for each combination of them."""

    def __init__(self, fields: Sequence[str], tests: Sequence[ex.Expression], around: Surroundings) -> None:
        parts = tuple(dict.fromkeys(a for t in tests for a in atoms(t)))
        by_field: dict[str, list[ex.Expression]] = {}
        for atom in parts:
            (name,) = fields_of((atom,), TYPES)
            by_field.setdefault(name, []).append(atom)
        self.fields = tuple(f for f in fields if f in by_field)
        self.around = around
        self._tables: list[Cells] = []
        self._values: list[NDArray[Any]] = []
        self._strides: list[int] = []
        self.size = 1
        """How many combinations there are."""
        self._told: list[list[tuple[ex.Expression, Known, Known]]] = []
        for name in self.fields:
            table, values, told = _classes(name, by_field[name], around)
            self._strides.append(self.size)
            self._values.append(values)
            self._told.append(told)
            # past 32 bits the table is of no use, and nobody asks for it
            self._tables.append(table * np.uint32(self.size & 0xFFFFFFFF))
            self.size *= len(values)

    def counts(self) -> dict[str, int]:
        """How many classes each field has."""
        return {name: len(v) for name, v in zip(self.fields, self._values, strict=True)}

    def of(self, rows: Rows) -> Cells:
        """The number of each row's combination."""
        tables: list[Cells] = []
        columns: list[NDArray[Any]] = []
        fixed = 0
        for name, table in zip(self.fields, self._tables, strict=True):
            value = rows.chunk.constants.get(name)
            if value is None:
                tables.append(table)
                columns.append(rows.column(name))
            else:
                fixed += int(table[value])
        if not tables:
            return np.full(rows.rows, fixed, np.uint32)
        out = kernels().cells(tables, columns)
        if fixed:
            out += np.uint32(fixed)
        return out

    def class_of(self, numbers: Cells, place: int) -> Cells:
        """The class of a field in each combination."""
        out: Cells = numbers // np.uint32(self._strides[place]) % np.uint32(len(self._values[place]))
        return out

    def class_rows(self, place: int) -> Rows:
        """Rows that stand for the classes of a field, with nothing but its values."""
        values = self._values[place]
        rows = Rows(Chunk({self.fields[place]: values}, len(values)), self.around)
        rows.truths.update((id(atom), (held, possible)) for atom, held, possible in self._told[place])
        return rows

    def samples(self, numbers: Cells) -> Rows:
        """Rows that stand for combinations: one each, with the first value of each class."""
        columns: dict[str, NDArray[Any]] = {}
        truths: dict[int, tuple[Known, Known]] = {}
        for place, name in enumerate(self.fields):
            values = self._values[place]
            one = self.class_of(numbers, place)
            columns[name] = values.take(one)
            # what each test says of a class was told when the classes were made
            for atom, held, possible in self._told[place]:
                sure = held.take(one)
                truths[id(atom)] = sure, sure if held is possible else possible.take(one)
        rows = Rows(Chunk(columns, len(numbers)), self.around)
        rows.truths.update(truths)
        return rows


def _classes(
    name: str, tests: Sequence[ex.Expression], around: Surroundings
) -> tuple[Cells, NDArray[np.integer[Any]], list[tuple[ex.Expression, Known, Known]]]:
    """The class of each value of a field, a value of each class, and what each test says of each class."""
    tried = turning_points(0, SMALL[name] - 1, tests)
    rows = Rows(Chunk({name: tried.astype(STORED[name].dtype)}, len(tried)), around)
    told = [truth(test, rows) for test in tests]
    words = np.packbits(np.stack([part for pair in told for part in pair], axis=1), axis=1)
    _, first, classes = np.unique(words, axis=0, return_index=True, return_inverse=True)
    lengths = np.diff(tried, append=SMALL[name])
    table = np.repeat(classes.reshape(-1).astype(np.uint32), lengths)
    by_class = []
    for test, (held, possible) in zip(tests, told, strict=True):
        sure = held.take(first)
        by_class.append((test, sure, sure if held is possible else possible.take(first)))
    return table, rows.column(name).take(first), by_class
