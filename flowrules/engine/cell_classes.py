"""Classes of values that no test tells apart, and the cells that they make together.

Of each field only the values at which some test may change its mind are tried, by the same evaluation that rows
get; so a class is right for whatever the tests mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import frozen
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

_MOST_TURNS: Final = 3
"""So many comparisons cost less than a look-up in a table."""

_MOST_HELD: Final = 256
"""The combinations of so many kinds of pieces are kept."""

_ROOMY: Final = 1 << 14
"""Up to so many places a byte stands for itself, which spares the look-up of its class."""


@frozen(eq=False)
class PieceCells:
    """The cells of a piece's rows: each row has a place (intp), and each place a cell.

    ``raw`` are the combinations of classes of the places, ``ids`` the numbers of their cells (uint32 both); ``None``:
    places are numbers of cells.
    """

    places: NDArray[np.intp]
    raw: Cells | None = None
    ids: Cells | None = None

    def of(self, table: NDArray[Any]) -> NDArray[Any]:
        """By place what a table has by cell."""
        return table if self.ids is None else table.take(self.ids)


@frozen(eq=False)
class _Part:
    """What a field that varies in a piece adds to the places of rows.

    It is 1 for each of ``turns`` that a value has reached, else the entry in ``table``, else the value; times ``stride``.
    """

    raw: Cells
    """What each of these numbers stands for."""
    turns: tuple[Any, ...] = ()
    table: NDArray[Any] | None = None

    def of(self, column: NDArray[Any]) -> NDArray[Any]:
        """The number of each value."""
        if self.table is not None:
            return self.table.take(column)
        if not self.turns:
            return column
        out: NDArray[Any] = (column >= self.turns[0]).view(np.uint8)
        for turn in self.turns[1:]:
            out += (column >= turn).view(np.uint8)
        return out


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
        self._numbers: list[NDArray[np.uint16]] = []
        """The class of each value."""
        self._turns: list[NDArray[np.intp]] = []
        """Where each run of values of one class begins."""
        self._parts: dict[tuple[int, int, int], tuple[_Part, ...]] = {}
        self._raw: dict[tuple[int, ...], Cells] = {}
        for name in self.fields:
            table, values, told = _classes(name, by_field[name], around)
            self._numbers.append(table.astype(np.uint16))
            self._turns.append(np.append(0, np.flatnonzero(table[1:] != table[:-1]) + 1))
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

    def in_piece(self, rows: Rows) -> PieceCells | None:
        """The cells of a piece by what varies in it; ``None`` where that makes more combinations than rows."""
        fixed = 0
        columns: list[NDArray[Any]] = []
        choices: list[tuple[_Part, ...]] = []
        for place, (name, table) in enumerate(zip(self.fields, self._tables, strict=True)):
            value = rows.chunk.constants.get(name)
            if value is not None:
                fixed += int(table[value])
                continue
            column = rows.column(name)
            low, high = int(column.min()), int(column.max())
            first, last = (self._turns[place].searchsorted((low, high), "right") - 1).tolist()
            if first == last:
                fixed += int(table[low])
            else:
                columns.append(column)
                choices.append(self._choices(place, first, last))
        # the one that is quickest; where that makes many places, the one that makes fewest
        parts = [own[0] for own in choices]
        if _product(parts) > min(_ROOMY, rows.rows):
            parts = [min(own, key=lambda part: len(part.raw)) for own in choices]
        size = _product(parts)
        if size > rows.rows:
            return None
        key = (fixed, *map(id, parts))
        raw = self._raw.get(key)
        if raw is None:
            raw = np.full(1, fixed, np.uint32)
            for part in parts:
                raw = np.add.outer(part.raw, raw).reshape(-1)
            if len(self._raw) >= _MOST_HELD:
                self._raw.clear()
            self._raw[key] = raw
        narrow: Any = np.uint16 if size <= 1 << 16 else np.uint32
        places: NDArray[Any] | None = None
        stride = 1
        for part, column in zip(parts, columns, strict=True):
            own = part.of(column)
            if stride > 1:
                own = np.multiply(own, narrow(stride), dtype=narrow)
            places = own if places is None else np.add(places, own, dtype=narrow)
            stride *= len(part.raw)
        whole = np.zeros(rows.rows, np.intp) if places is None else places.astype(np.intp)
        return PieceCells(whole, raw)

    def _choices(self, place: int, first: int, last: int) -> tuple[_Part, ...]:
        """Ways to number the values of a field from one run of values to another, the quickest first."""
        key = place, first, last
        held = self._parts.get(key)
        if held is None:
            dtype = self._values[place].dtype.type
            turns = self._turns[place][first : last + 1]
            classes = self._tables[place]
            ways = []
            if len(turns) - 1 <= _MOST_TURNS:
                ways.append(_Part(classes.take(turns), tuple(dtype(turn) for turn in turns[1:])))
            elif len(classes) <= 1 << 8:
                ways.append(_Part(classes))
            if len(turns) - 1 > _MOST_TURNS:
                stride = np.uint32(self._strides[place])
                own = np.arange(len(self._values[place]), dtype=np.uint32) * stride
                ways.append(_Part(own, (), self._numbers[place]))
            held = self._parts[key] = tuple(ways)
        return held

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


def _product(parts: Sequence[_Part]) -> int:
    out = 1
    for part in parts:
        out *= len(part.raw)
    return out
