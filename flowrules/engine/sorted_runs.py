"""Sorted runs: the stretches of them that are merged together, and those that lie in files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Run = TypeVar("Run")


class Levels(Generic[Run]):
    """Runs in files: each of a level is made of ``most`` of the level before."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._levels: list[list[Run]] = []

    def __iter__(self) -> Iterator[Run]:
        return (run for level in self._levels for run in level)

    def __bool__(self) -> bool:
        return any(self._levels)

    def add(self, run: Run, joined: Callable[[Sequence[Run]], Run], level: int = 0) -> None:
        """Keep a run, and let ``joined`` make one of those of its level when they are many."""
        while len(self._levels) <= level:
            self._levels.append([])
        self._levels[level].append(run)
        if len(self._levels[level]) >= self._most:
            runs, self._levels[level] = self._levels[level], []
            self.add(joined(runs), joined, level + 1)

    def take_over(self, other: Levels[Run], joined: Callable[[Sequence[Run]], Run]) -> None:
        """Keep the runs of another in its stead."""
        levels, other._levels = other._levels, []
        for level, runs in enumerate(levels):
            for run in runs:
                self.add(run, joined, level)

    def clear(self) -> None:
        """Keep none."""
        self._levels = []


def stretches(runs: Sequence[Words], rows: int) -> Iterator[list[tuple[int, slice]]]:
    """Some of each run (by its place) at a time, about ``rows`` in all: all up to the least word that ends a part of some run.

    Equal words always come together.
    """
    begin = [0] * len(runs)
    step = max(rows // max(len(runs), 1), 1)
    while True:
        live = [n for n, run in enumerate(runs) if begin[n] < len(run)]
        if not live:
            return
        ends = {n: min(begin[n] + step, len(runs[n])) for n in live}
        last = min(runs[n][end - 1] for n, end in ends.items())
        parts = []
        for n, end in ends.items():
            stop = begin[n] + int(runs[n][begin[n] : end].searchsorted(last, "right"))
            # equal words may go on behind the part that was looked at
            while stop == end and end < len(runs[n]) and runs[n][end] == last:
                end = min(end + step, len(runs[n]))
                stop += int(runs[n][stop:end].searchsorted(last, "right"))
            if stop > begin[n]:
                parts.append((n, slice(begin[n], stop)))
            begin[n] = stop
        yield parts
