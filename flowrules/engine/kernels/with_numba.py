"""The kernels compiled by numba: loops without temporary arrays, and without Python's lock.

Compiled code is kept on disk, so that only the first run on a machine compiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from flowrules.engine.kernels import loops
from flowrules.engine.kernels.interface import Codes, Index, Words
from flowrules.engine.kernels.with_numpy import NumpyKernels
from flowrules.model.address_index import Pages

_I8, _U1, _U2, _U4, _U8 = types.int64, types.uint8, types.uint16, types.uint32, types.uint64


def _read(kind: Any, dimensions: int = 1) -> Any:
    """An array that is only read: those of mapped files cannot be written to."""
    return types.Array(kind, dimensions, "C", readonly=True)


def _written(kind: Any, dimensions: int = 1) -> Any:
    return types.Array(kind, dimensions, "C")


_VOID: Final = types.void
_CELLS: Final = [_VOID(_written(_U4), _read(_U4), _read(column)) for column in (_U1, _U2)]
_KEEP: Final = [_VOID(_written(kind), _read(_U8), _read(kind)) for kind in (_I8, _U8)]
_SIGNATURES: Final = {
    loops.first_cells: _CELLS,
    loops.more_cells: _CELLS,
    loops.order: [_VOID(_read(_U4), _written(_I8, 2), _written(_I8))],
    loops.live: [_I8(_written(_I8), _written(_U4), _read(_U4), _read(_U8))],
    loops.tally: [_VOID(_written(_U8), _read(_U8), _read(values), _U8) for values in (_U4, _U8)],
    loops.count: [_VOID(_written(_I8), _read(_U8))],
    loops.add: [_VOID(_written(_U8), _read(_U8), _read(values)) for values in (_U4, _U8)],
    loops.keep_least: _KEEP,
    loops.keep_greatest: _KEEP,
    loops.ids: [types.boolean(_written(_U4), _read(_U4), _read(_U4), _read(_U4))],
    loops.members: [_VOID(_written(_U1), _read(_U4), _read(_U1), _read(_U4))],
    loops.find_one: [_VOID(_written(_U4), _read(_U4), _U8, _read(_U8), _read(_U8))],
    loops.find_two: [_VOID(_written(_U4), _read(_U4), _U8, *[_read(_U8)] * 4)],
    loops.sum_rows: [_VOID(_written(_I8, 2), _read(_I8), _read(_I8), _read(_I8, 2))],
}


class CompiledKernels(NumpyKernels):
    """See ``Kernels``.  ``cache`` is where compiled code is kept, ``None``: nowhere.

    Raises what numba raises where it cannot compile, and ``OSError`` where the cache cannot be used.
    """

    name = "compiled"

    def __init__(self, cache: Path | None) -> None:
        with _caching_in(cache):
            made = {
                loop.__name__: numba.njit(signatures, nogil=True, cache=cache is not None)(loop)
                for loop, signatures in _SIGNATURES.items()
            }
        self._first_cells, self._more_cells = made["first_cells"], made["more_cells"]
        self._live, self._tally = made["live"], made["tally"]
        self._order, self._count, self._add = made["order"], made["count"], made["add"]
        self._keep_least, self._keep_greatest = made["keep_least"], made["keep_greatest"]
        self._ids, self._sum_rows = made["ids"], made["sum_rows"]
        self._members = made["members"]
        self._find_one, self._find_two = made["find_one"], made["find_two"]

    def cells(self, tables: Sequence[Codes], columns: Sequence[NDArray[Any]]) -> Codes:
        """A loop for each column."""
        out = np.empty(len(columns[0]), np.uint32)
        loop = self._first_cells
        for table, column in zip(tables, columns, strict=True):
            loop(out, table, np.ascontiguousarray(column))
            loop = self._more_cells
        return out

    def order(self, groups: Codes, size: int) -> tuple[Index, NDArray[np.int64]]:
        """By counting."""
        places = np.zeros((4, size), np.int64)
        out = np.empty(len(groups), np.intp)
        self._order(groups, places, out)
        dead = places[3, 0]
        return out[dead:], places[3] - dead

    def live(self, table: Codes, places: Index) -> tuple[Index, Codes]:
        """One loop."""
        rows, found = np.empty(len(places), np.intp), np.empty(len(places), np.uint32)
        number = self._live(rows, found, table, _places(places))
        return rows[:number], found[:number]

    def tally(self, tallies: Words, places: Index, values: NDArray[Any], one: np.uint64) -> None:
        """One loop."""
        self._tally(tallies, _places(places), _words(values), one)

    def count(self, counts: NDArray[np.int64], places: NDArray[Any]) -> None:
        """One loop."""
        self._count(counts, _places(places))

    def add(self, sums: NDArray[Any], places: NDArray[Any], values: NDArray[Any]) -> None:
        """One loop."""
        self._add(sums.view(np.uint64), _places(places), _words(values))

    def keep(self, held: NDArray[Any], places: Index, values: NDArray[Any], least: bool) -> None:
        """One loop."""
        (self._keep_least if least else self._keep_greatest)(
            held, _places(places), np.ascontiguousarray(values)
        )

    def ids(self, directory: Codes, pages: Codes, addresses: NDArray[np.uint32]) -> tuple[Codes, bool]:
        """One loop."""
        out = np.empty(len(addresses), np.uint32)
        return out, self._ids(out, directory, pages, np.ascontiguousarray(addresses))

    def members(self, pages: Pages, addresses: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """One loop."""
        out = np.empty(len(addresses), np.bool_)
        self._members(out.view(np.uint8), pages.directory, pages.bitmaps, np.ascontiguousarray(addresses))
        return out

    def find(self, slots: Codes, shift: np.uint64, held: Sequence[Words], words: Sequence[Words]) -> Codes:
        """One loop that probes until it knows."""
        out = np.empty(len(words[0]), np.uint32)
        loop = self._find_one if len(words) == 1 else self._find_two
        loop(out, slots, shift, *held, *(np.ascontiguousarray(w) for w in words))
        return out

    def sum_rows(self, wanted: NDArray[np.bool_], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number by number, leaving out those that are 0."""
        out = np.zeros((len(wanted), numbers.shape[1]), np.int64)
        ends = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(np.count_nonzero(wanted, axis=0), out=ends[1:])
        to = np.ascontiguousarray(np.nonzero(wanted.T)[1])
        self._sum_rows(out, ends, to, np.ascontiguousarray(numbers))
        return out


def _words(values: NDArray[Any]) -> NDArray[Any]:
    """Values as numbers without a sign, of 32 or 64 bits."""
    values = np.ascontiguousarray(values)
    if values.dtype == np.int64:
        return values.view(np.uint64)
    return values if values.dtype in (np.uint32, np.uint64) else values.astype(np.uint32)


def _places(places: NDArray[Any]) -> NDArray[np.uint64]:
    """Places as numbers without a sign, which need no look at whether they count from the end."""
    return np.ascontiguousarray(places, np.intp).view(np.uint64)


@contextmanager
def _caching_in(folder: Path | None) -> Iterator[None]:
    """Let numba keep what is compiled here in a folder, and other code where it is told to."""
    before = numba.config.CACHE_DIR
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
