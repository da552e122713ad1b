"""Pairs of a group and a value with how often each occurs, kept as a few sorted runs.

A pair is one 64-bit word, the group's number (or its key itself) in its high half.  Words wait until there are many,
and are sorted together: that takes a fraction of what looking up hashes does, and merging runs hardly more than
copying them.  Words that mostly differ are only sorted, and counted at the end; others are counted at once.
What passes ``HELD`` pairs goes to temporary files when more come.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrules.engine.sorted_runs import Levels, stretches
from flowrules.engine.stored_arrays import stored

Words = NDArray[np.uint64]

WAITING: Final = 1 << 22
"""The most pairs that wait to be sorted together (8 bytes each), and that are put together from several threads in memory."""

HELD: Final = 1 << 21
"""The most pairs that are held in memory while others wait (at most 12 bytes each, and some times that while they are merged)."""

PIECE: Final = 1 << 18
"""How many pairs are looked at together where they are counted or merged."""

FILES: Final = 32
"""How many stored runs of like length there may be before they are merged."""

FIRST_ROOM: Final = 1 << 16
"""How many pairs there is room for at first."""

NEAR: Final = 1 << 20
"""Different values below this are counted in a table."""

HALF: Final = np.uint64(32)
LOW: Final = np.uint64(0xFFFF_FFFF)

_HIGH_PLACE, _LOW_PLACE = (1, 0) if sys.byteorder == "little" else (0, 1)
_NO_WORDS: Final = np.zeros(0, np.uint64)


@frozen(eq=False)
class Run:
    """Different words, ascending, and how often each occurs (uint32, or int64 where that is too narrow)."""

    words: Words
    counts: NDArray[Any]

    def __len__(self) -> int:
        return len(self.words)


@frozen(eq=False)
class _Sorted:
    """Ascending words: different ones with their counts, or without, each as often as it occurs."""

    words: Words
    counts: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.words)

    def part(self, some: slice) -> _Sorted:
        return _Sorted(self.words[some], None if self.counts is None else self.counts[some])


@define
class ValueRuns:
    """The pairs that one thread has met.

    Adding raises ``LimitExceeded`` when the disk is full.
    """

    _room: Words = field(default=_NO_WORDS)
    _waiting: int = 0
    """So many words at the front of the room wait."""
    rows: int = 0
    """How many rows the pairs are of."""
    _runs: list[_Sorted] = field(factory=list)
    _stored: Levels[_Sorted] = field(factory=lambda: Levels(FILES))
    """Runs in files."""

    @property
    def in_files(self) -> bool:
        """Whether some of the pairs lie in files."""
        return bool(self._stored)

    @property
    def count_dtype(self) -> np.dtype[Any]:
        """What holds how often any pair occurs."""
        return np.dtype(np.uint32 if self.rows <= LOW else np.int64)

    def add(self, groups: NDArray[Any] | None, values: NDArray[Any]) -> None:
        """Count pairs of ``groups`` (whole numbers below 2**32; ``None``: 1) and values (uint32)."""
        self.rows += len(values)
        begin = 0
        while begin < len(values):
            if self._waiting == len(self._room):
                self._make_room()
            end = min(begin + len(self._room) - self._waiting, len(values))
            halves = self._room[self._waiting : self._waiting + end - begin].view(np.uint32).reshape(-1, 2)
            halves[:, _HIGH_PLACE] = 1 if groups is None else groups[begin:end]
            halves[:, _LOW_PLACE] = values[begin:end]
            self._waiting += end - begin
            begin = end

    def merge(self, other: ValueRuns) -> None:
        """Add what another thread has met."""
        self.rows += other.rows
        self._settle()
        other._settle()
        for run in other._runs:
            self._push(run)
            self._hold(WAITING)
        self._stored.take_over(other._stored, self._in_files)

    def pieces(self) -> Iterator[Run]:
        """All pairs in ascending order, some at a time."""
        self._settle()
        return _pieces([*self._runs, *self._stored])

    def whole(self) -> Run:
        """All pairs as one run in memory."""
        found = list(self.pieces())
        if len(found) == 1:
            return found[0]
        words = [_NO_WORDS, *(p.words for p in found)]
        return Run(
            np.concatenate(words), np.concatenate([np.zeros(0, np.uint32), *(p.counts for p in found)])
        )

    def replace(self, run: Run) -> None:
        """Hold these pairs instead; their words come in any order, each once."""
        order = np.argsort(run.words)
        self._waiting, self.rows = 0, int(run.counts.sum())
        self._stored.clear()
        self._runs = [_Sorted(run.words.take(order), run.counts.take(order))]

    def _make_room(self) -> None:
        """Room for more: more of it, or what waits is sorted away."""
        if self._waiting == WAITING:
            self._settle()
        if not self._waiting:
            self._hold(HELD)
        size = len(self._room)
        if self._waiting == size:
            room = np.empty(min(max(4 * size, FIRST_ROOM), WAITING), np.uint64)
            room[:size] = self._room
            self._room = room

    def _settle(self) -> None:
        if not self._waiting:
            return
        words = self._room[: self._waiting]
        self._waiting = 0
        words.sort()
        different = 1 + int(np.count_nonzero(words[1:] != words[:-1]))
        if 3 * different <= 2 * len(words):
            self._push(_counted(words))
            return
        if 2 * len(words) < len(self._room):
            words = words.copy()
        else:
            self._room = _NO_WORDS
        self._push(_Sorted(words, None))

    def _push(self, run: _Sorted) -> None:
        self._runs.append(run)
        # like a number in binary: every pair is merged as often as there are lengths
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            if len(self._runs[-2]) + len(self._runs[-1]) > HELD:
                return
            self._runs.append(_merged([self._runs.pop(), self._runs.pop()]))

    def _hold(self, most: int) -> None:
        """Put the runs in memory into files where they are of more than so many pairs."""
        if sum(map(len, self._runs)) > most:
            runs, self._runs = self._runs, []
            self._stored.add(self._in_files(runs), self._in_files)

    def _in_files(self, runs: Sequence[_Sorted]) -> _Sorted:
        """The runs as one in a file."""
        if len(runs) == 1 and runs[0].counts is None:
            (words,) = stored((np.dtype(np.uint64),), [(runs[0].words,)])
            return _Sorted(words, None)
        dtypes = (np.dtype(np.uint64), self.count_dtype)
        words, counts = stored(dtypes, ((p.words, p.counts) for p in _pieces(runs)))
        return _Sorted(words, counts)


class MetGroups:
    """The groups that ascending pairs belong to."""

    def __init__(self) -> None:
        self._keys: list[NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
        self._counts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._sizes: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._last: int | None = None

    def add(self, run: Run) -> None:
        """Look at the next pairs."""
        if not len(run):
            return
        keys = (run.words >> HALF).astype(np.uint32)
        first = _firsts(keys)
        counts = np.add.reduceat(run.counts, first, dtype=np.int64)
        sizes = np.diff(first, append=len(keys))
        if int(keys[0]) == self._last:
            # the last group goes on
            self._counts[-1][-1] += counts[0]
            self._sizes[-1][-1] += sizes[0]
            first, counts, sizes = first[1:], counts[1:], sizes[1:]
        if len(first):
            self._keys.append(keys.take(first))
            self._counts.append(counts)
            self._sizes.append(sizes)
            self._last = int(keys[-1])

    def keys(self) -> NDArray[np.uint32]:
        """The groups' numbers or keys, ascending."""
        return np.concatenate(self._keys)

    def counts(self) -> NDArray[np.int64]:
        """How many rows each group has."""
        return np.concatenate(self._counts)

    def sizes(self) -> NDArray[np.int64]:
        """How many different values each group has."""
        return np.concatenate(self._sizes)


def count_different(values: NDArray[Any]) -> int:
    """How many different ones there are of any number of values (whole numbers below 2**32)."""
    size = int(values.max(initial=0)) + 1
    parts = (values[begin : begin + WAITING] for begin in range(0, len(values), WAITING))
    if size <= NEAR:
        seen = np.zeros(size, np.bool_)
        for part in parts:
            seen[part] = True
        return int(np.count_nonzero(seen))
    if len(values) <= WAITING:
        return len(_different(values))
    runs = ValueRuns()
    for part in parts:
        runs.add(None, _different(part))
    return sum(map(len, runs.pieces()))


def _different(values: NDArray[Any]) -> NDArray[np.uint32]:
    ordered = values.astype(np.uint32)
    ordered.sort()
    return ordered.take(_firsts(ordered))


def _pieces(runs: Sequence[_Sorted]) -> Iterator[Run]:
    """Runs merged into one, some pairs at a time."""
    for parts in stretches([run.words for run in runs], PIECE):
        yield _counts(_merged([runs[n].part(where) for n, where in parts]))


def _merged(runs: Sequence[_Sorted]) -> _Sorted:
    """Runs in one: counted where one of them is."""
    if len(runs) == 1:
        return runs[0]
    words = np.concatenate([run.words for run in runs])
    if all(run.counts is None for run in runs):
        # stable sorts look for runs, and merge them
        words.sort(kind="stable")
        return _Sorted(words, None)
    order = np.argsort(words, kind="stable")
    words = words.take(order)
    parts = [np.ones(len(run), np.uint32) if run.counts is None else run.counts for run in runs]
    counts = np.concatenate(parts).take(order)
    first = _firsts(words)
    if len(first) < len(words):
        counts = np.add.reduceat(counts, first, dtype=np.int64)
        words = words.take(first)
        if int(counts.max()) <= 0xFFFF_FFFF:
            counts = counts.astype(np.uint32)
    return _Sorted(words, counts)


def _counts(run: _Sorted) -> Run:
    """The run counted."""
    if run.counts is None:
        run = _counted(run.words)
    assert run.counts is not None
    return Run(run.words, run.counts)


def _counted(words: Words) -> _Sorted:
    """Sorted words, fewer than 2**32, each once, with how often it occurs."""
    ends = []
    for begin in range(0, len(words), PIECE):
        piece = words[begin : begin + PIECE + 1]
        end = np.flatnonzero(piece[1:] != piece[:-1])
        end += begin + 1
        ends.append(end.astype(np.uint32))
    ends.append(np.array([len(words)], np.uint32))
    end = np.concatenate(ends)
    counts = end.copy()
    counts[1:] -= end[:-1]
    return _Sorted(words.take(end - np.uint32(1)), counts)


def _firsts(words: NDArray[Any]) -> NDArray[np.intp]:
    """Where each different word of sorted ones begins."""
    new = np.empty(len(words), np.bool_)
    new[:1] = True
    np.not_equal(words[1:], words[:-1], out=new[1:])
    return np.flatnonzero(new)
