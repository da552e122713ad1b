"""What every implementation of the kernels does.

Arrays are one-dimensional and contiguous but where it says otherwise; ``rows`` below is the length that all columns of
a call have.  Places and codes are below the length of what they point into: no kernel checks that.
Sums are whole numbers modulo 2**64, which is exact because callers make room before a sum can pass it
(``ExactSums``, ``Tallies``); floats occur nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flowrules.model.address_index import Pages

Codes = NDArray[np.uint32]
Words = NDArray[np.uint64]
Index = NDArray[np.intp]


class Kernels(Protocol):
    """The row-wise work of the engine."""

    name: str
    """``numpy`` or ``compiled``."""

    def cells(self, tables: Sequence[Codes], columns: Sequence[NDArray[Any]]) -> Codes:
        """For each row the sum over all columns of ``tables[i][columns[i][row]]``: a new uint32 array.

        Columns are uint8 or uint16; a table has an entry for every value of its column's dtype.
        """

    def order(self, groups: Codes, size: int) -> tuple[Index, NDArray[np.int64]]:
        """The rows of all groups but 0 (uint32, below ``size``), group by group, ascending within each.

        With them the end of each group: those of group ``g`` are ``order[ends[g - 1] : ends[g]]``.
        """

    def live(self, table: Codes, places: Index) -> tuple[Index, Codes]:
        """The rows whose entry in ``table`` at their place is not 0, ascending, with these entries."""

    def tally(self, tallies: Words, places: Index, values: NDArray[Any], one: np.uint64) -> None:
        """Add each value (uint32 or uint64) and ``one`` to ``tallies`` at its place."""

    def count(self, counts: NDArray[np.int64], places: NDArray[Any]) -> None:
        """Add 1 to ``counts`` for each of ``places`` (intp or uint32)."""

    def add(self, sums: NDArray[Any], places: NDArray[Any], values: NDArray[Any]) -> None:
        """Add each value (unsigned, or not negative) to ``sums`` (int64 or uint64) at its place (intp or uint32)."""

    def keep(self, held: NDArray[Any], places: Index, values: NDArray[Any], least: bool) -> None:
        """Let ``held`` have the least (else the greatest) of itself and the values at each place; one dtype for
        both, int64 or uint64."""

    def ids(self, directory: Codes, pages: Codes, addresses: NDArray[np.uint32]) -> tuple[Codes, bool]:
        """The id of each IPv4 address, and whether some id is 0.

        ``directory`` (65,536) has the page of each /16 block, ``pages`` 65,536 ids for each page.
        """

    def members(self, pages: Pages, addresses: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which IPv4 addresses have their bit set in the bitmaps of a set's pages (/16 blocks)."""

    def find(self, slots: Codes, shift: np.uint64, held: Sequence[Words], words: Sequence[Words]) -> Codes:
        """The code of each value in a hash table, 0 where it has none.

        A value is one or two words.  ``held`` has the words of each code, ``slots`` the codes by the
        ``mixed`` words, with linear probing; a table is never full.
        """

    def sum_rows(self, wanted: NDArray[np.bool_], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each row of ``wanted`` (two dimensions) the sum of those rows of ``numbers`` (two dimensions)."""
