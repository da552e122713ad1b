"""Which rows of a grouping go into sorted runs and not into its table, and the groups of both in the end.

A table gives every group a number and counts by it: that is quick while it stays in the cache.  Where many rows of
a piece are groups of their own, sorting them is quicker, and what is sorted need not stay in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.group_columns import (
    KINDS,
    Columns,
    columns_of_groups,
    columns_of_rows,
    parts_of_columns,
)
from flowrules.engine.group_runs import ROWS, GroupRuns, Run, column_of, one_after_the_other, words_of
from flowrules.engine.grouped import Grouped, ValueCounts
from flowrules.engine.key_codes import AddressCoder, Coder, NumberCoder, PlainCoder
from flowrules.engine.key_layout import Layout, Raw
from flowrules.engine.key_values import key_values
from flowrules.engine.merging import merged
from flowrules.engine.predicates import SMALL
from flowrules.engine.row_values import Rows
from flowrules.engine.sorted_values import SortedValues
from flowrules.engine.stored_arrays import stored_together
from flowrules.model import expression as ex
from flowrules.plan.aggregates import VALUES

if TYPE_CHECKING:
    from flowrules.engine.aggregate import Grouping

SAMPLE: Final = 1 << 15
"""How many rows of a piece are looked at."""

FEW: Final = 1 << 15
"""Tables of so many groups are quicker than sorting, whatever the rows."""

SHARE: Final = 4
"""Rows are sorted where at least every so-manieth that came lately, and of the sample, is a group of its own."""

_TIMES: Final = (ex.Bin, ex.Clock)
"""Keys of times, whose codes are near one another."""


class ManyGroups:
    """The rows of one thread that are sorted."""

    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self._keys = [key_values(c) for c in grouping.coders]
        self._runs = GroupRuns()
        self._values = {
            a: SortedValues(key_values(grouping.value_coders[a]), len(self._keys))
            for a in grouping.aggregates
            if a.kind == VALUES
        }
        self._chosen = False
        self._looked = 0
        """How many groups the table had when its growth was last looked at."""
        self._since = 0
        """How many rows have come since."""

    @staticmethod
    def suits(grouping: Grouping) -> bool:
        """Whether rows of a grouping can be sorted."""
        return (
            bool(grouping.coders)
            and grouping.spread is None
            and all(
                a.kind in KINDS or (a.kind == VALUES and isinstance(grouping.value_coders[a], PlainCoder))
                for a in grouping.aggregates
            )
        )

    @property
    def chosen(self) -> bool:
        """Whether rows whose keys are not cheap are sorted from now on."""
        return self._chosen

    def add(self, rows: Rows) -> bool:
        """Count rows, unless they had better go into the table."""
        if self._near(rows) or not (self._chosen or self._choose(rows)):
            return False
        keys = self._raws(rows)
        columns = self._columns(rows)
        values = {a: held.key.of_rows(rows) for a, held in self._values.items()}
        if keys is None or columns is None or any(v is None for v in values.values()):
            return False
        self._runs.add(keys, columns)
        for aggregate, raw in values.items():
            assert raw is not None
            self._values[aggregate].add(keys, raw)
        return True

    def _near(self, rows: Rows) -> bool:
        """Whether the rows' codes cost little, and lead to their groups without hashing."""
        coders, numbers = self._grouping.coders, self._grouping.numbers
        if not all(c.mostly_numbered(rows) for c in coders if isinstance(c, AddressCoder)):
            return False
        if numbers is not None and numbers.direct:
            return all(cheap(c, rows) or isinstance(c.of, _TIMES) for c in coders)
        return all(cheap(c, rows) for c in coders)

    def _choose(self, rows: Rows) -> bool:
        """Look at the first piece, where it is large, and then whenever the table has twice as many groups."""
        size, since = self._grouping.size(), self._since
        first = not since and rows.rows >= SAMPLE
        self._since += rows.rows
        if not first:
            if size < FEW or size < 2 * self._looked:
                return False
            grown, self._looked, self._since = size - self._looked, size, rows.rows
            if SHARE * grown < since:
                return False
        sample = rows
        if rows.rows > SAMPLE:
            sample = rows.take(np.arange(0, rows.rows, rows.rows // SAMPLE))
        keys = self._raws(sample)
        if keys is None:
            return False
        met = _count_different(keys)
        # most groups are new at first: whether they stay so tell the table's growth, or a first piece of hardly anything else
        self._chosen = (3 * met >= 2 * sample.rows) if first else (SHARE * met >= sample.rows)
        return self._chosen

    def _raws(self, rows: Rows) -> list[Raw] | None:
        out = []
        for key in self._keys:
            raw = key.of_rows(rows)
            if raw is None:
                return None
            out.append(raw)
        return out

    def _columns(self, rows: Rows) -> Columns | None:
        out: Columns = {}
        for aggregate in self._grouping.aggregates:
            if aggregate.kind == VALUES:
                continue
            columns = columns_of_rows(aggregate, rows)
            if columns is None:
                return None
            out.update(columns)
        return out

    def merge(self, other: ManyGroups) -> None:
        """Add what another thread has sorted."""
        self._runs.merge(other._runs)
        for aggregate, held in self._values.items():
            held.runs.merge(other._values[aggregate].runs)
        self._chosen |= other._chosen

    def with_table(self, table: Grouped, codes: Sequence[NDArray[np.uint32]]) -> Grouped:
        """All groups: those of the table, whose keys have these codes, and those of the runs."""
        if not len(self._runs):
            return table
        if not table.rows:
            return self._whole()
        columns = columns_of_groups(table)
        if columns is None:
            return merged([table, self._whole()])
        keys = [
            key.of_groups(series, own)
            for key, series, own in zip(self._keys, table.keys.values(), codes, strict=True)
        ]
        self._runs.add(keys, columns)
        for aggregate, held in self._values.items():
            part = table.parts[aggregate]
            assert isinstance(part, ValueCounts)
            held.add_counted([key.take(part.rows) for key in keys], part)
        return self._whole()

    def _whole(self) -> Grouped:
        """The groups of the runs."""
        layout = self._runs.settle()
        assert layout is not None
        names = self._runs.names
        most = len(self._runs)
        in_files = self._runs.in_files
        pieces = self._runs.pieces()
        widths: list[int] = []

        def arrays_of(run: Run) -> list[NDArray[Any]]:
            raws = layout.unpack(words_of(run, layout))
            by_key = [key.arrays(raw) for key, raw in zip(self._keys, raws, strict=True)]
            widths[:] = map(len, by_key)
            arrays = [a for arrays in by_key for a in arrays] + [column_of(run, name) for name in names]
            # different values are told by the numbers of keys whose groups they are
            return [*arrays, run.order, *run.words] if self._values else arrays

        if in_files:
            first = arrays_of(next(pieces))
            dtypes = [a.dtype for a in first]
            arrays = list(stored_together(dtypes, chain([first], map(arrays_of, pieces)), most))
        else:
            arrays = arrays_of(one_after_the_other(list(pieces)))
        keys = {}
        for of, key, width in zip(self._grouping.keys, self._keys, widths, strict=True):
            keys[of] = key.series(arrays[:width])
            arrays = arrays[width:]
        columns = dict(zip(names, arrays, strict=False))
        aggregates = self._grouping.aggregates
        parts = parts_of_columns([a for a in aggregates if a.kind != VALUES], columns)
        if self._values:
            order, *words = arrays[len(names) :]
            for aggregate, held in self._values.items():
                parts[aggregate] = held.finish(layout, order, words)
        return Grouped(keys, columns[ROWS], {a: parts[a] for a in aggregates}, len(columns[ROWS]))


def _count_different(keys: Sequence[Raw]) -> int:
    layout = Layout(tuple(k.shape for k in keys))
    order = np.sort(layout.order(layout.pack(keys)))
    return int(np.count_nonzero(order[1:] != order[:-1])) + 1


def cheap(coder: Coder, rows: Rows) -> bool:
    """Whether codes of all rows cost little, and are few: numbered addresses, and fields with few values."""
    if isinstance(coder, AddressCoder):
        return coder.numbered(rows)
    return isinstance(coder.of, ex.Field) and coder.of.name in SMALL and isinstance(coder, NumberCoder)
