"""The kernels in numpy: what always works, and what the others are measured by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.kernels.hashing import mixed
from flowrules.engine.kernels.interface import Codes, Index, Words
from flowrules.model.address_index import Pages

_FEW_GROUPS: Final = 16
"""Up to so many groups, looking for the rows of each is quicker than sorting."""

_LOW_HALF: Final = np.uint32(0xFFFF)
_HALF: Final = np.uint32(16)


class NumpyKernels:
    """See ``Kernels``."""

    name = "numpy"

    def cells(self, tables: Sequence[Codes], columns: Sequence[NDArray[Any]]) -> Codes:
        """The sums of the tables' entries, a gather for each column."""
        out: Codes = tables[0].take(columns[0])
        for table, column in zip(tables[1:], columns[1:], strict=True):
            out += table.take(column)
        return out

    def order(self, groups: Codes, size: int) -> tuple[Index, NDArray[np.int64]]:
        """The rows of each group: by looking for each of a few, else by a radix sort."""
        ends = np.zeros(size, np.int64)
        narrow: Any = np.uint8 if size <= 1 << 8 else np.uint16 if size <= 1 << 16 else np.uint32
        if size - 1 <= _FEW_GROUPS:
            small = groups.astype(narrow)
            found = [np.flatnonzero(small == narrow(group)) for group in range(1, size)]
            ends[1:] = np.cumsum([len(rows) for rows in found])
            return np.concatenate(found) if found else np.zeros(0, np.intp), ends
        # of numbers numpy looks for other than 0 at a third of the speed
        live = np.flatnonzero(groups != 0)
        small = groups.take(live).astype(narrow)
        ends[:] = np.cumsum(np.bincount(small, minlength=size))
        return live.take(np.argsort(small, kind="stable")), ends

    def live(self, table: Codes, places: Index) -> tuple[Index, Codes]:
        """Entries by a gather, and those of the rows by another."""
        found = table.take(places)
        # of numbers numpy looks for other than 0 at a third of the speed
        rows = np.flatnonzero(found != 0)
        return rows, found.take(rows)

    def tally(self, tallies: Words, places: Index, values: NDArray[Any], one: np.uint64) -> None:
        """Sums by ``ufunc.at`` of values to which the one is added before."""
        words = values.astype(np.uint64)
        words += one
        np.add.at(tallies, places, words)

    def count(self, counts: NDArray[np.int64], places: NDArray[Any]) -> None:
        """Counts by ``ufunc.at``, which is as quick as ``bincount`` and keeps whole numbers."""
        np.add.at(counts, places, 1)

    def add(self, sums: NDArray[Any], places: NDArray[Any], values: NDArray[Any]) -> None:
        """Sums by ``ufunc.at``."""
        # of one dtype: others are added thirty times more slowly
        np.add.at(sums, places, values.astype(sums.dtype, copy=False))

    def keep(self, held: NDArray[Any], places: Index, values: NDArray[Any], least: bool) -> None:
        """Extremes by ``ufunc.at``."""
        (np.minimum if least else np.maximum).at(held, places, values)

    def ids(self, directory: Codes, pages: Codes, addresses: NDArray[np.uint32]) -> tuple[Codes, bool]:
        """Ids by two gathers."""
        place = directory.take(addresses >> _HALF)
        place <<= _HALF
        place |= addresses & _LOW_HALF
        ids = pages.take(place)
        return ids, bool(len(ids)) and not ids.min()

    def members(self, pages: Pages, addresses: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Bits by two gathers."""
        return pages.probe(addresses)

    def find(self, slots: Codes, shift: np.uint64, held: Sequence[Words], words: Sequence[Words]) -> Codes:
        """Codes by probing once for all rows, then again for those that met another value."""
        slot = mixed(words, shift)
        codes: Codes = slots.take(slot)
        rows = np.flatnonzero(~_same(held, codes, words))
        last = len(slots) - 1
        slot, seen = slot.take(rows), codes.take(rows)
        codes[rows] = 0
        while len(rows):
            taken = np.flatnonzero(seen)
            rows, slot = rows.take(taken), (slot.take(taken) + 1) & last
            seen = slots.take(slot)
            same = _same(held, seen, [w.take(rows) for w in words])
            codes[rows[same]] = seen[same]
            rows, slot, seen = rows[~same], slot[~same], seen[~same]
        return codes

    def sum_rows(self, wanted: NDArray[np.bool_], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums row by row."""
        out = np.zeros((len(wanted), numbers.shape[1]), np.int64)
        for row, mine in zip(out, wanted, strict=True):
            for place in np.flatnonzero(mine).tolist():
                row += numbers[place]
        return out


def _same(held: Sequence[Words], codes: Codes, words: Sequence[Words]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = held[0].take(codes) == words[0]
    for kept, given in zip(held[1:], words[1:], strict=True):
        same &= kept.take(codes) == given
    same &= codes != 0
    return same
