"""Pairs of a group and a value with how often each occurs, kept as a few sorted runs.

A pair is one 64-bit word, the group's number in its high half.  Words wait until there are many, are sorted and
counted, and runs of like length are merged: sorting takes a third of what looking up hashes does, and
nearly nothing where runs are merged.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

Words = NDArray[np.uint64]

WAITING: Final = 1 << 19
"""How many pairs wait before they are sorted together."""

HALF: Final = np.uint64(32)
LOW: Final = np.uint64(0xFFFF_FFFF)


@frozen(eq=False)
class Run:
    """Different words, ascending, and how often each occurs (uint32, or int64 where that is too narrow)."""

    words: Words
    counts: NDArray[Any]

    def __len__(self) -> int:
        return len(self.words)


_NOTHING: Final = Run(np.zeros(0, np.uint64), np.zeros(0, np.uint32))


@define
class ValueRuns:
    """The pairs that one thread has met."""

    _waiting: list[Words] = field(factory=list)
    _rows: int = 0
    _runs: list[Run] = field(factory=list)

    def add(self, groups: NDArray[Any] | None, values: NDArray[Any]) -> None:
        """Count pairs of ``groups`` (whole numbers below 2**32; ``None``: 1) and values (uint32)."""
        words = values.astype(np.uint64)
        words |= np.uint64(1) << HALF if groups is None else groups.astype(np.uint64) << HALF
        self._waiting.append(words)
        self._rows += len(words)
        if self._rows >= WAITING:
            self._settle()

    def merge(self, other: ValueRuns) -> None:
        """Add what another thread has met."""
        self._settle()
        other._settle()
        for run in other._runs:
            self._push(run)

    def whole(self) -> Run:
        """All pairs as one run; nothing else is held afterwards."""
        self._settle()
        while len(self._runs) > 1:
            self._runs.sort(key=len, reverse=True)
            self._runs.append(_merged(self._runs.pop(), self._runs.pop()))
        return self._runs[0] if self._runs else _NOTHING

    def replace(self, run: Run) -> None:
        """Hold these pairs instead; their words come in any order, each once."""
        order = np.argsort(run.words)
        self._waiting, self._rows = [], 0
        self._runs = [Run(run.words.take(order), run.counts.take(order))]

    def _settle(self) -> None:
        if not self._rows:
            return
        words = np.concatenate(self._waiting)
        self._waiting, self._rows = [], 0
        words.sort(kind="stable")
        first = _firsts(words)
        self._push(Run(words.take(first), np.diff(first, append=len(words)).astype(np.uint32)))

    def _push(self, run: Run) -> None:
        self._runs.append(run)
        # like a number in binary: every pair is merged as often as there are lengths
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            self._runs.append(_merged(self._runs.pop(), self._runs.pop()))


def _merged(one: Run, other: Run) -> Run:
    words = np.concatenate([one.words, other.words])
    order = np.argsort(words, kind="stable")
    words = words.take(order)
    first = _firsts(words)
    counts = np.concatenate([one.counts, other.counts]).take(order)
    if len(first) < len(words):
        counts = np.add.reduceat(counts, first, dtype=np.int64)
        words = words.take(first)
        if int(counts.max()) <= 0xFFFF_FFFF:
            counts = counts.astype(np.uint32)
    return Run(words, counts)


def _firsts(words: Words) -> NDArray[np.intp]:
    """Where each different word of sorted ones begins."""
    new = np.empty(len(words), np.bool_)
    new[:1] = True
    np.not_equal(words[1:], words[:-1], out=new[1:])
    return np.flatnonzero(new)
