"""Signatures: one number for all cells of which the same groupings want the rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Signatures:
    """One number for all cells that the same groupings want; 0: none wants them."""

    def __init__(self, units: Sequence[int]) -> None:
        self._units = np.array(sorted(set(units)), np.intp)
        self._numbers: dict[bytes, int] = {}
        self._wanted: list[NDArray[np.bool_]] = []
        self.of_cell = np.zeros(1, np.uint32)
        self.extend(np.zeros((0, int(self._units.max(initial=0)) + 1), np.bool_), first=True)

    def __len__(self) -> int:
        return len(self._numbers)

    def extend(self, passed: NDArray[np.bool_], first: bool = False) -> None:
        """Take new cells in, by the tests that they pass."""
        if first:
            self._numbers[np.packbits(np.zeros(len(self._units), np.bool_)).tobytes()] = 0
            self._wanted.append(np.zeros(len(self._units), np.bool_))
            return
        if not len(self._units):
            self.of_cell = np.zeros(len(self.of_cell) + len(passed), np.uint32)
            return
        own = passed[:, self._units]
        words = np.ascontiguousarray(np.packbits(own, axis=1))
        whole = words.view(np.dtype((np.void, words.shape[1]))).reshape(-1)
        different, rows, which = np.unique(whole, return_index=True, return_inverse=True)
        numbers = np.empty(len(different), np.uint32)
        for place, (word, row) in enumerate(zip(different, rows.tolist(), strict=True)):
            number = self._numbers.setdefault(word.tobytes(), len(self._numbers))
            if number == len(self._wanted):
                self._wanted.append(own[row])
            numbers[place] = number
        self.of_cell = np.concatenate((self.of_cell, numbers.take(which)))

    def wanted_by(self) -> dict[int, NDArray[np.bool_]]:
        """For each unit which signatures it wants."""
        return dict(zip(self._units.tolist(), np.stack(self._wanted, axis=1), strict=True))
