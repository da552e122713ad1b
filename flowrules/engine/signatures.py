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
        own = passed[:, self._units]
        more = np.empty(len(own), np.uint32)
        for row, word in enumerate(np.packbits(own, axis=1)):
            number = self._numbers.setdefault(word.tobytes(), len(self._numbers))
            if number == len(self._wanted):
                self._wanted.append(own[row])
            more[row] = number
        self.of_cell = np.concatenate((self.of_cell, more))

    def wanted_by(self) -> dict[int, NDArray[np.bool_]]:
        """For each unit which signatures it wants."""
        return dict(zip(self._units.tolist(), np.stack(self._wanted, axis=1), strict=True))
