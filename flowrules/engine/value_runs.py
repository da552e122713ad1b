"""Pairs of a group and a value with how often each occurs, kept as a few sorted runs.

A pair is one 64-bit word, the group's number in its high half.  Words wait until there are many, are sorted and
counted, and runs of like length are merged: sorting takes a third of what looking up hashes does, and
nearly nothing where runs are merged.  What passes ``HELD`` pairs goes to temporary files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrules.engine.stored_arrays import stored

Words = NDArray[np.uint64]

WAITING: Final = 1 << 19
"""How many pairs wait before they are sorted together."""

HELD: Final = 1 << 21
"""The most pairs that are held in memory (12 bytes each, and some times that while they are merged)."""

PIECE: Final = 1 << 19
"""How many pairs are looked at together where runs lie in files."""

FILES: Final = 8
"""How many stored runs of like length there may be before they are merged."""

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
    """The pairs that one thread has met.

    Adding raises ``LimitExceeded`` when the disk is full.
    """

    _waiting: list[Words] = field(factory=list)
    _rows: int = 0
    _runs: list[Run] = field(factory=list)
    _stored: list[list[Run]] = field(factory=list)
    """Runs in files, by level: each of a level is made of ``FILES`` of the level before."""

    @property
    def in_files(self) -> bool:
        """Whether some of the pairs lie in files."""
        return any(self._stored)

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
        for level, runs in enumerate(other._stored):
            for run in runs:
                self._keep(run, level)

    def pieces(self) -> Iterator[Run]:
        """All pairs in ascending order, some at a time."""
        self._settle()
        runs = [*self._runs, *(run for level in self._stored for run in level)]
        return _pieces(runs) if len(runs) != 1 or self.in_files else iter(runs)

    def whole(self) -> Run:
        """All pairs as one run in memory."""
        found = list(self.pieces())
        if len(found) < 2:
            return found[0] if found else _NOTHING
        return Run(np.concatenate([p.words for p in found]), np.concatenate([p.counts for p in found]))

    def replace(self, run: Run) -> None:
        """Hold these pairs instead; their words come in any order, each once."""
        order = np.argsort(run.words)
        self._waiting, self._rows, self._stored = [], 0, []
        self._runs = []
        self._push(Run(run.words.take(order), run.counts.take(order)))

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
        if sum(map(len, self._runs)) > HELD:
            runs, self._runs = self._runs, []
            self._keep(_in_files(_pieces(runs)), 0)
            return
        # like a number in binary: every pair is merged as often as there are lengths
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            self._runs.append(_merged([self._runs.pop(), self._runs.pop()]))

    def _keep(self, run: Run, level: int) -> None:
        while len(self._stored) <= level:
            self._stored.append([])
        self._stored[level].append(run)
        if len(self._stored[level]) >= FILES:
            runs, self._stored[level] = self._stored[level], []
            self._keep(_in_files(_pieces(runs)), level + 1)


def count_different(values: NDArray[np.uint32]) -> int:
    """How many different values there are, of any number of them."""
    runs = ValueRuns()
    for begin in range(0, len(values), PIECE):
        runs.add(None, values[begin : begin + PIECE])
    return sum(map(len, runs.pieces()))


def _in_files(pieces: Iterable[Run]) -> Run:
    words, counts = stored((np.dtype(np.uint64), np.dtype(np.int64)), ((p.words, p.counts) for p in pieces))
    return Run(words, counts)


def _pieces(runs: Sequence[Run]) -> Iterator[Run]:
    """Runs merged into one, some pairs at a time: all up to the least word that ends a stretch of some run."""
    begin = [0] * len(runs)
    step = max(PIECE // max(len(runs), 1), 1)
    while True:
        live = [n for n, run in enumerate(runs) if begin[n] < len(run)]
        if not live:
            return
        ends = {n: min(begin[n] + step, len(runs[n])) for n in live}
        last = min(runs[n].words[end - 1] for n, end in ends.items())
        parts = []
        for n, end in ends.items():
            stop = begin[n] + int(runs[n].words[begin[n] : end].searchsorted(last, "right"))
            parts.append(Run(runs[n].words[begin[n] : stop], runs[n].counts[begin[n] : stop]))
            begin[n] = stop
        yield _merged(parts)


def _merged(runs: Sequence[Run]) -> Run:
    if len(runs) == 1:
        return runs[0]
    words = np.concatenate([run.words for run in runs])
    order = np.argsort(words, kind="stable")
    words = words.take(order)
    first = _firsts(words)
    counts = np.concatenate([run.counts for run in runs]).take(order)
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
