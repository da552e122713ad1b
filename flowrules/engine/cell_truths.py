"""Which tests cells pass: looked up by the classes that a cell is made of, for many tests at once.

A *unit* is some tests that must all be true.  A test of one field is told by the class of its value, an *or* of such tests
by the classes of several; what each class means for all units is kept as bits side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.cell_classes import CellClasses, Cells
from flowrules.engine.predicates import truth
from flowrules.model import expression as ex
from flowrules.plan.field_use import TYPES, fields_of

Unit = tuple[ex.Expression, ...]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint8]
"""A row for each class of a field, with a bit for each unit."""


class CellTruths:
    """Which of some units the cells of some classes pass."""

    def __init__(self, classes: CellClasses, units: Sequence[Unit]) -> None:
        self._classes = classes
        self._count = len(units)
        self._rows = [classes.class_rows(place) for place in range(len(classes.fields))]
        self._fields = {name: place for place, name in enumerate(classes.fields)}
        self._places: dict[int, int | None] = {}
        self._others: list[tuple[int, ex.Expression]] = []
        """Tests of several fields that are more than an *or*, with their units."""
        alone: dict[int, list[tuple[int, Bools]]] = {}
        layers: list[dict[int, list[tuple[int, Bools]]]] = []
        for number, tests in enumerate(units):
            layer = 0
            for test in tests:
                place = self._place(test)
                if place is not None:
                    alone.setdefault(place, []).append((number, truth(test, self._rows[place])[0]))
                    continue
                items = test.items if isinstance(test, ex.Or) else ()
                places = [self._place(item) for item in items]
                if not items or None in places:
                    self._others.append((number, test))
                    continue
                if layer == len(layers):
                    layers.append({})
                for item, of in zip(items, places, strict=True):
                    assert of is not None
                    layers[layer].setdefault(of, []).append((number, truth(item, self._rows[of])[0]))
                layer += 1
        self._alone = {p: _bits(_together(told, len(units), np.logical_and)) for p, told in alone.items()}
        self._layers = [self._layer(told) for told in layers]

    def _layer(self, told: dict[int, list[tuple[int, Bools]]]) -> dict[int, Bits]:
        """The bits by which one *or* of each unit is true; units that have none pass by the first field."""
        with_one = np.zeros(self._count, np.bool_)
        tables = {}
        for place, each in told.items():
            with_one[[number for number, _ in each]] = True
            tables[place] = _together(each, self._count, np.logical_or)
        next(iter(tables.values()))[~with_one] = True
        return {place: _bits(table) for place, table in tables.items()}

    def _place(self, test: ex.Expression) -> int | None:
        """The place of the one field that a test looks at."""
        if id(test) not in self._places:
            names = fields_of((test,), TYPES)
            self._places[id(test)] = self._fields.get(next(iter(names))) if len(names) == 1 else None
        return self._places[id(test)]

    def passed(self, cells: Cells) -> Bools:
        """For combinations of classes (rows) whether they pass each unit (columns)."""
        bits = np.full((len(cells), -(-self._count // 8)), 0xFF, np.uint8)
        own = {
            p: self._classes.class_of(cells, p) for p in {*self._alone, *(p for t in self._layers for p in t)}
        }
        for place, table in self._alone.items():
            bits &= table.take(own[place], axis=0)
        for layer in self._layers:
            bits &= np.bitwise_or.reduce([table.take(own[p], axis=0) for p, table in layer.items()])
        out = np.unpackbits(bits, axis=1, count=self._count).view(np.bool_)
        if self._others:
            samples = self._classes.samples(cells)
            for number, test in self._others:
                out[:, number] &= truth(test, samples)[0]
        return out


def _together(told: Sequence[tuple[int, Bools]], units: int, how: np.ufunc) -> Bools:
    """For each unit (rows; those told of come in order) and class what all or any of its tests say, true of the others
    where all must hold."""
    numbers = np.array([number for number, _ in told])
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    out = np.full((units, len(told[0][1])), how is np.logical_and)
    out[numbers.take(starts)] = how.reduceat(np.stack([held for _, held in told]), starts, axis=0)
    return out


def _bits(table: Bools) -> Bits:
    return np.packbits(np.ascontiguousarray(table.T), axis=1)
