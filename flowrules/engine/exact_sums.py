"""Sums by group that are exact whatever their size."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.kernels import kernels

Index = NDArray[np.intp]

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)
_WORD: Final = 1 << 64


class ExactSums:
    """Sums of whole numbers by group number.

    One 64-bit word a group as long as no sum can pass it; then two words of 32-bit pieces.  Negative
    numbers are summed apart.
    """

    def __init__(self) -> None:
        self._low = np.zeros(0, np.uint64)
        self._high: NDArray[np.uint64] | None = None
        self._most = 0
        self._negative: ExactSums | None = None

    def add(self, groups: Index | None, size: int, values: NDArray[Any]) -> None:
        """Add each value to its group's sum; ``size`` groups exist, ``None`` means group 1 for all."""
        if not len(values):
            return
        if values.dtype.kind == "i" and int(values.min()) < 0:
            self._add_signed(groups, size, values)
            return
        self._reserve(size)
        self._most += int(values.max()) * len(values)
        if groups is None and self._most < _WORD and self._high is None:
            # no copy of the values is made to add them up
            self._low[1] += values.sum(dtype=np.uint64)
            return
        words = values.astype(np.uint64, copy=False)
        if self._most >= _WORD and self._high is None:
            self._high = self._low >> _HALF
            self._low = self._low & _LOW
        if self._high is None:
            _add(self._low, groups, words)
        else:
            _add(self._low, groups, words & _LOW)
            _add(self._high, groups, words >> _HALF)

    def _add_signed(self, groups: Index | None, size: int, values: NDArray[Any]) -> None:
        below = values < 0
        if self._negative is None:
            self._negative = ExactSums()
        for part, where, sums in ((values, ~below, self), (-values, below, self._negative)):
            rows = np.flatnonzero(where)
            sums.add(None if groups is None else groups.take(rows), size, part.take(rows))

    def _reserve(self, size: int) -> None:
        if len(self._low) < size:
            self._low = grown(self._low, size)
        if self._high is not None and len(self._high) < size:
            self._high = grown(self._high, size)

    def totals(self, size: int) -> NDArray[Any]:
        """The sums of groups 0 .. ``size`` - 1: int64 where all fit, else uint64, else objects of ``int``."""
        self._reserve(size)
        low = self._low[:size]
        out: NDArray[Any]
        if self._high is not None:
            out = low.astype(object) + self._high[:size].astype(object) * (1 << 32)
        else:
            out = low
        if self._negative is not None:
            out = out.astype(object) - self._negative.totals(size).astype(object)
        return smallest(out)

    def merge(self, other: ExactSums) -> None:
        """Add all sums of another."""
        size = max(len(self._low), len(other._low))
        self._reserve(size)
        if self._high is None and other._high is None and self._most + other._most < _WORD:
            self._low[: len(other._low)] += other._low
        else:
            if self._high is None:
                self._high = self._low >> _HALF
                self._low = self._low & _LOW
            self._reserve(size)
            high = other._high if other._high is not None else other._low >> _HALF
            low = other._low if other._high is not None else other._low & _LOW
            self._low[: len(low)] += low
            self._high[: len(high)] += high
        self._most += other._most
        if other._negative is not None:
            if self._negative is None:
                self._negative = ExactSums()
            self._negative.merge(other._negative)


class ExactSquares:
    """Sums of squares of whole numbers by group number."""

    def __init__(self) -> None:
        self._parts = (ExactSums(), ExactSums(), ExactSums())

    def add(self, groups: Index | None, size: int, values: NDArray[Any]) -> None:
        """Add the square of each value to its group's sum."""
        if not len(values):
            return
        words = np.abs(values).astype(np.uint64) if values.dtype.kind == "i" else values.astype(np.uint64)
        if int(words.max()) < 1 << 32:
            self._parts[0].add(groups, size, words * words)
            return
        # (a 2^32 + b)^2 = a^2 2^64 + 2ab 2^32 + b^2
        above, below = words >> _HALF, words & _LOW
        self._parts[0].add(groups, size, below * below)
        self._parts[1].add(groups, size, above * below)
        self._parts[2].add(groups, size, above * above)

    def totals(self, size: int) -> NDArray[Any]:
        """The sums of groups 0 .. ``size`` - 1, as ``ExactSums`` gives them."""
        low, middle, high = (p.totals(size) for p in self._parts)
        if not middle.any() and not high.any():
            return low
        return smallest(
            low.astype(object) + middle.astype(object) * (1 << 33) + high.astype(object) * (1 << 64)
        )

    def merge(self, other: ExactSquares) -> None:
        """Add all sums of another."""
        for mine, theirs in zip(self._parts, other._parts, strict=True):
            mine.merge(theirs)


def _add(sums: NDArray[np.uint64], groups: Index | None, words: NDArray[np.uint64]) -> None:
    if groups is None:
        sums[1] += words.sum()
    else:
        kernels().add(sums, groups, words)


def grown(array: NDArray[Any], size: int, fill: int = 0) -> NDArray[Any]:
    """The array with room for at least ``size`` entries, new ones ``fill``."""
    out = np.full(max(size, 2 * len(array), 64), fill, array.dtype)
    out[: len(array)] = array
    return out


def smallest(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as int64, as uint64 where they need it, as ``int`` objects past that."""
    if not len(values):
        return np.zeros(0, np.int64)
    low, high = int(values.min()), int(values.max())
    if low >= -(1 << 63) and high < 1 << 63:
        return values.astype(np.int64)
    if low >= 0 and high < _WORD:
        return values.astype(np.uint64)
    return values.astype(object)
