"""Rows and sums by place, the first sums in the same words as the counts: one histogram where there would be two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.exact_sums import grown
from flowrules.engine.kernels import kernels

Counts = NDArray[np.int64]
Index = NDArray[np.intp]

SUM_BITS: Final = 40
"""The low bits of a word, which hold a sum; those above it count rows."""

MOST_ROWS: Final = (1 << 64 - SUM_BITS) - 1
"""The most rows that words count."""

MOST_SUM: Final = (1 << SUM_BITS) - 1
"""The largest sum of all rows that words hold."""

_ONE: Final = np.uint64(1 << SUM_BITS)
_LOW: Final = np.uint64(MOST_SUM)
_SHIFT: Final = np.uint64(SUM_BITS)


class Tallies:
    """How many rows each place has, and the sums of the columns ``names`` there (uint32 or uint64).

    Whoever adds makes sure that no sum passes 2**63.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._clear()

    def _clear(self) -> None:
        self._words = np.zeros(0, np.uint64)
        self._others: dict[str, Counts] = {n: np.zeros(0, np.int64) for n in self._names[1:]}
        self._wide: tuple[Counts, Counts] | None = None
        """Counts and sums that words had no room for."""
        self._rows = self._total = 0

    def __len__(self) -> int:
        """How many places there are."""
        return len(self._words)

    def grow(self, size: int) -> None:
        """Have at least so many places."""
        if len(self._words) >= size:
            return
        self._words = grown(self._words, size)
        self._others = {n: grown(held, size) for n, held in self._others.items()}
        if self._wide is not None:
            self._wide = grown(self._wide[0], size), grown(self._wide[1], size)

    def widen(self, before: tuple[int, int], after: tuple[int, int]) -> None:
        """Move rows of ``before[1]`` places into rows of ``after[1]`` places."""
        self._words = _widened(self._words, before, after)
        self._others = {n: _widened(held, before, after) for n, held in self._others.items()}
        if self._wide is not None:
            self._wide = _widened(self._wide[0], before, after), _widened(self._wide[1], before, after)

    def add(self, places: Index, columns: Sequence[NDArray[Any]]) -> None:
        """Count rows at their places, and add up their values of each column."""
        if not columns:
            kernels().count(self._words.view(np.int64), places)
            return
        first = columns[0]
        total = int(first.sum(dtype=np.uint64))
        if self._rows + len(places) > MOST_ROWS or self._total + total > MOST_SUM:
            self._unpack()
        if total > MOST_SUM or len(places) > MOST_ROWS:
            assert self._wide is not None
            kernels().count(self._wide[0], places)
            kernels().add(self._wide[1], places, first)
        else:
            self._rows += len(places)
            self._total += total
            kernels().tally(self._words, places, first, _ONE)
        for held, column in zip(self._others.values(), columns[1:], strict=True):
            kernels().add(held, places, column)

    def take(self) -> tuple[Counts, Mapping[str, Counts]]:
        """The counts, and the sums by name; begins anew without places."""
        if not self._names:
            counts, sums = self._words.view(np.int64), {}
        else:
            self._unpack()
            assert self._wide is not None
            counts, sums = self._wide[0], {self._names[0]: self._wide[1], **self._others}
        self._clear()
        return counts, sums

    def take_rows(
        self, wanted: NDArray[np.bool_], width: int, used: int
    ) -> tuple[Counts, Mapping[str, Counts]]:
        """Counts and sums by name, each of shape (rows of ``wanted``, ``width``); begins anew.

        Places are ``used`` rows of ``width``, and each row of ``wanted`` tells which of them are added up.
        """

        def summed(held: Counts) -> Counts:
            return kernels().sum_rows(wanted, held[: used * width].reshape(used, width))

        # no sum of words passes what one word holds: all rows and all values together do not
        words = summed(self._words.view(np.int64)).view(np.uint64)
        sums = {n: summed(held) for n, held in self._others.items()}
        if not self._names:
            counts = words.view(np.int64)
        else:
            counts, first = _unpacked(words)
            if self._wide is not None:
                counts += summed(self._wide[0])
                first += summed(self._wide[1])
            sums = {self._names[0]: first, **sums}
        self._clear()
        return counts, sums

    def _unpack(self) -> None:
        """Let words begin anew."""
        counts, sums = _unpacked(self._words)
        if self._wide is not None:
            counts += self._wide[0]
            sums += self._wide[1]
        self._wide = counts, sums
        self._words[:] = 0
        self._rows = self._total = 0


def _unpacked(words: NDArray[np.uint64]) -> tuple[Counts, Counts]:
    return (words >> _SHIFT).view(np.int64), (words & _LOW).view(np.int64)


def _widened(array: NDArray[Any], before: tuple[int, int], after: tuple[int, int]) -> NDArray[Any]:
    out = np.zeros(after, array.dtype)
    out[: before[0], : before[1]] = array.reshape(before)
    return out.reshape(-1)
