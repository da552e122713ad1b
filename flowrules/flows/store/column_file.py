"""Writing one column of a part: no file while it is constant, and the narrowest width that holds it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.store.checksum import CHECKSUM, checksum
from flowrules.flows.store.columns import WIDTHS, file_name, fits
from flowrules.flows.store.part_index import ColumnEntry

Array = NDArray[Any]


class ColumnFile:
    """A column being written, block by block, into the folder of its part.

    The file is opened for each block alone, so that any number of parts may be under way.  Errors of the system
    pass through as ``OSError``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.dtype = WIDTHS[name][0]
        self.constant: int | None = None
        self.path: Path | None = None
        self._blocks: list[int] = []
        self._checksums: list[tuple[int, int, int]] = []

    @property
    def entry(self) -> ColumnEntry:
        """The column as the index has it."""
        return ColumnEntry(self.name, self.dtype, self.constant if self.path is None else None)

    @property
    def checksums(self) -> Array:
        """One ``CHECKSUM`` for each block."""
        return np.array(self._checksums, CHECKSUM)

    def put(self, values: Array, low: int, high: int) -> None:
        """Append the values of a block, which lie between ``low`` and ``high``."""
        if self.path is None:
            if low == high and (not self._blocks or low == self.constant):
                self.constant = low
                self._fit(low, high)
                self._blocks.append(len(values))
                return
            self._fit(low, high)
            self.materialise()
        else:
            self._fit(low, high)
        data = np.ascontiguousarray(values, self.dtype)
        self._checksums.append(checksum(data))
        self._blocks.append(len(values))
        assert self.path is not None
        with self.path.open("ab", buffering=0) as file:
            _write(file, data)

    def materialise(self) -> None:
        """Give the column a file even where it is constant so far."""
        if self.path is not None:
            return
        path = self.folder / file_name(self.name, self.dtype)
        with path.open("wb", buffering=0) as file:
            for rows in self._blocks:
                data = np.full(rows, self.constant, self.dtype)
                self._checksums.append(checksum(data))
                _write(file, data)
        self.path = path

    def rewrite(self, block: int, first: int, change: Callable[[Array], Array]) -> None:
        """Replace the values of a block, which begins at row ``first``, by ``change`` of them."""
        assert self.path is not None
        rows = self._blocks[block]
        with self.path.open("r+b", buffering=0) as file:
            file.seek(first * self.dtype.itemsize)
            data = np.empty(rows, self.dtype)
            _fill(file, data)
            data = np.ascontiguousarray(change(data), self.dtype)
            file.seek(first * self.dtype.itemsize)
            _write(file, data)
        self._checksums[block] = checksum(data)

    def remove(self) -> None:
        """Forget the column, and remove its file."""
        if self.path is not None:
            self.path.unlink()
            self.path = None

    def _fit(self, low: int, high: int) -> None:
        if fits(self.dtype, low, high):
            return
        wider = next(dtype for dtype in WIDTHS[self.name] if fits(dtype, low, high))
        old, self.dtype = self.dtype, wider
        if self.path is None:
            return
        path = self.folder / file_name(self.name, wider)
        self._checksums = []
        with self.path.open("rb", buffering=0) as source, path.open("wb", buffering=0) as target:
            for rows in self._blocks:
                data = np.empty(rows, old)
                _fill(source, data)
                wide = data.astype(wider)
                self._checksums.append(checksum(wide))
                _write(target, wide)
        self.path.unlink()
        self.path = path


def _write(file: Any, data: Array) -> None:
    view = data.view(np.uint8).data
    while len(view):
        view = view[file.write(view) :]


def _fill(file: Any, data: Array) -> None:
    view = data.view(np.uint8).data
    while len(view):
        count = file.readinto(view)
        if not count:
            raise OSError(errno.EIO, "a file of the store has become shorter while it was written")
        view = view[count:]
