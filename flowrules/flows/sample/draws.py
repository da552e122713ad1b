"""Where the sample network's chance comes from: whole numbers out of PCG64's raw output.

NumPy promises that a bit generator's stream stays what it is; it does not promise that for its
distributions.  So everything here is integer arithmetic on the raw 64-bit words, and the same seed
gives the same flows on every platform and with every version of NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]

SLOTS = 1 << 16
"""Entries of a table that ``Draws.pick`` draws from."""


class Draws:
    """A stream of random integers that ``seed`` and the names of ``path`` fix.

    Each part of the network has a path of its own, so a change of one part leaves the others as
    they were.
    """

    def __init__(self, seed: int, *path: str) -> None:
        names = (int.from_bytes(part.encode("ascii"), "big") for part in path)
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *names]))

    def _raw(self, words: int) -> U64:
        return np.asarray(self._bits.random_raw(words), np.dtype("<u8"))

    def words(self, count: int) -> U32:
        """``count`` uniform 32-bit integers."""
        return self._raw((count + 1) // 2).view("<u4")[:count].astype(np.uint32, copy=False)

    def halves(self, count: int) -> U16:
        """``count`` uniform 16-bit integers."""
        return self._raw((count + 3) // 4).view("<u2")[:count].astype(np.uint16, copy=False)

    def below(self, count: int, bound: int) -> U32:
        """``count`` integers of 0 to ``bound - 1`` (``bound`` up to 2^32; bias under 2^-32 * bound)."""
        wide = self.words(count).astype(np.uint64)
        wide *= np.uint64(bound)
        wide >>= np.uint64(32)
        return wide.astype(np.uint32)

    def between(self, count: int, low: int, high: int) -> U32:
        """``count`` integers of ``low`` to ``high``, both in."""
        values: U32 = self.below(count, high - low + 1)
        values += np.uint32(low)
        return values

    def pick(self, count: int, table: U32) -> U32:
        """``count`` entries of a table of ``SLOTS`` entries, each as likely as the others."""
        chosen: U32 = table.take(self.halves(count))
        return chosen


def weighted(weights: Sequence[int] | NDArray[np.int64]) -> U32:
    """A table for ``Draws.pick`` that gives position ``i`` in proportion to ``weights[i]``."""
    reached = np.cumsum(np.asarray(weights, np.int64))
    slots = np.arange(SLOTS, dtype=np.int64)
    table: U32 = np.searchsorted(reached * SLOTS, slots * reached[-1], "right").astype(np.uint32)
    return table


def one_of(values: Sequence[int], weights: Sequence[int]) -> U32:
    """A table for ``Draws.pick`` that gives ``values[i]`` in proportion to ``weights[i]``."""
    table: U32 = np.asarray(values, np.uint32).take(weighted(weights))
    return table


def quantiles(knots: Sequence[tuple[int, int]]) -> U32:
    """A table for ``Draws.pick`` whose quantiles run through ``knots``.

    A knot is (position of 0 to 65536, value); values between two knots lie on a line.
    """
    table = np.empty(SLOTS, np.int64)
    for (start, low), (end, high) in pairwise(knots):
        step = np.arange(end - start, dtype=np.int64)
        table[start:end] = low + (high - low) * step // (end - start)
    return table.astype(np.uint32)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in whole parts proportional to ``weights``, exactly (largest remainders first)."""
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def evenly(count: int, among: int) -> NDArray[np.int64]:
    """``count`` positions of ``range(among)``, evenly spaced; some repeat where ``count > among``."""
    return np.arange(count, dtype=np.int64) * among // max(count, 1)


def apportion(total: int, weights: U32, least: int) -> U32:
    """``total`` in integers of at least ``least``, roughly proportional to ``weights``, exactly.

    ``total`` must reach ``least * len(weights)``.  float64 multiplication and truncation are exact
    in the sense of IEEE 754, so the result is the same everywhere; what truncation leaves over goes
    out in ones, evenly.
    """
    rest = total - least * len(weights)
    if rest < 0:
        raise ValueError(f"{total} is less than {len(weights)} parts of {least}")
    parts = (weights * (rest / float(weights.sum(dtype=np.uint64)))).astype(np.int64)
    parts += least
    over = total - int(parts.sum())
    while over > 0:
        parts[evenly(min(over, len(parts)), len(parts))] += 1
        over -= min(over, len(parts))
    if over < 0:
        parts[int(parts.argmax())] += over  # rounding of the ratio can overshoot by a few bytes
    return parts.astype(np.uint32)


def pour(total: int, room: U32) -> U32:
    """``total`` in integers of at most ``room`` each, as even as ``room`` lets it, exactly."""
    given = np.zeros(len(room), np.int64)
    free = room.astype(np.int64)
    if total > int(free.sum()):
        raise ValueError(f"{total} does not fit into {int(free.sum())}")
    left = total
    while left:
        open_rows = np.flatnonzero(free)
        each = left // len(open_rows)
        rows = open_rows if each else open_rows[evenly(left, len(open_rows))]
        step = np.minimum(free[rows], max(each, 1))
        given[rows] += step
        free[rows] -= step
        left -= int(step.sum())
    return given.astype(np.uint32)
