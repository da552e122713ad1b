"""Signatures: one number for all cells of which the same groupings want the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_FEW: Final = 1 << 12
"""Up to so many cells are looked up one by one; more are sorted first."""


class Signatures:
    """One number for all cells that the same groupings want; 0: none wants them."""

    def __init__(self, units: Sequence[int]) -> None:
        self._units = np.array(sorted(set(units)), np.intp)
        none = np.zeros((1, len(self._units)), np.bool_)
        self._numbers = {np.packbits(none).tobytes(): 0}
        self._wanted = none.T
        self.of_cell = np.zeros(1, np.uint32)

    def __len__(self) -> int:
        return len(self._numbers)

    def extend(self, passed: NDArray[np.bool_]) -> None:
        """Take new cells in, by the tests that they pass."""
        if not len(self._units):
            self.of_cell = np.zeros(len(self.of_cell) + len(passed), np.uint32)
            return
        own = passed.take(self._units, axis=1)
        words = np.packbits(own, axis=1)
        which: NDArray[np.intp] | None = None
        rows: NDArray[np.intp] | None = None
        if len(words) > _FEW:
            whole = words.view(np.dtype((np.void, words.shape[1]))).reshape(-1)
            _, rows, which = np.unique(whole, return_index=True, return_inverse=True)
            words = words.take(rows, axis=0)
        numbers = np.empty(len(words), np.uint32)
        fresh: list[int] = []
        packed, width, known = words.tobytes(), words.shape[1], self._numbers
        for place in range(len(words)):
            number = known.setdefault(packed[place * width : (place + 1) * width], len(known))
            if number == self._wanted.shape[1] + len(fresh):
                fresh.append(place if rows is None else int(rows[place]))
            numbers[place] = number
        if fresh:
            self._wanted = np.concatenate((self._wanted, own.take(fresh, axis=0).T), axis=1)
        self.of_cell = np.concatenate((self.of_cell, numbers if which is None else numbers.take(which)))

    def wanted_by(self) -> dict[int, NDArray[np.bool_]]:
        """For each unit which signatures it wants."""
        return dict(zip(self._units.tolist(), self._wanted, strict=True))

    def wanted(self, units: NDArray[np.intp], first: int = 0) -> NDArray[np.bool_]:
        """For signatures from ``first`` on (rows) which of ``units`` (columns) want them."""
        return self._wanted[:, first:].take(self._units.searchsorted(units), axis=0).T
