"""Sorted, disjoint ranges of numbers as numpy arrays, and the algebra on them.

A *run list* is two arrays of one length: where each run starts and where it stops (the first number
after it), sorted, with a gap between any two runs.  IPv4 run lists are ``int64``; IPv6 ones have dtype
``POINT``, whose carry holds the 129th bit of a stop after the highest address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

POINT: Final = np.dtype([("carry", "u1"), ("high", "<u8"), ("low", "<u8")])
"""A number of up to 129 bits."""

Runs = tuple[NDArray[Any], NDArray[Any]]
Flags = NDArray[np.bool_]


def order(points: NDArray[Any]) -> NDArray[np.intp]:
    """The order that sorts ``points`` (int64 or ``POINT``)."""
    if points.dtype == POINT:
        return np.lexsort((points["low"], points["high"], points["carry"]))
    return np.argsort(points, kind="stable")


def merge(starts: NDArray[Any], stops: NDArray[Any]) -> Runs:
    """The run list of ranges in any order that may touch and overlap (none of them empty)."""
    return _sweep(starts, stops, starts[:0], stops[:0], lambda one, _: one)


def combine(one: Runs, other: Runs, member: Callable[[Flags, Flags], Flags]) -> Runs:
    """The run list of the numbers for which ``member(in one, in other)`` holds.

    ``member`` gets bool arrays and must be false where both are.
    """
    return _sweep(*one, *other, member)


def _sweep(
    starts: NDArray[Any],
    stops: NDArray[Any],
    other_starts: NDArray[Any],
    other_stops: NDArray[Any],
    member: Callable[[Flags, Flags], Flags],
) -> Runs:
    points = np.concatenate((starts, stops, other_starts, other_stops))
    if not len(points):
        return points, points
    steps = np.zeros(len(points), np.int64)
    other_steps = np.zeros(len(points), np.int64)
    steps[: len(starts)] = 1
    steps[len(starts) : 2 * len(starts)] = -1
    other_steps[2 * len(starts) : 2 * len(starts) + len(other_starts)] = 1
    other_steps[2 * len(starts) + len(other_starts) :] = -1
    by_place = order(points)
    points = points[by_place]
    last_here = np.empty(len(points), np.bool_)
    last_here[-1] = True
    last_here[:-1] = points[1:] != points[:-1]
    # only the depth after the last step at a place is true of the numbers from there on
    inside = np.cumsum(steps[by_place])[last_here] > 0
    other_inside = np.cumsum(other_steps[by_place])[last_here] > 0
    points = points[last_here]
    taken = np.zeros(len(points) + 1, np.bool_)
    taken[1:] = member(inside, other_inside)
    changed = points[taken[1:] != taken[:-1]]
    return changed[::2], changed[1::2]


def points_of(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[Any]:
    """Addresses, given by halves, as ``POINT``."""
    out = np.zeros(len(high), POINT)
    out["high"], out["low"] = high, low
    return out


def after(points: NDArray[Any]) -> NDArray[Any]:
    """Each ``POINT`` plus one."""
    out = points.copy()
    out["low"] += np.uint64(1)
    wrapped = out["low"] == 0
    out["high"] += wrapped
    out["carry"] += wrapped & (out["high"] == 0)
    return out


def before(points: NDArray[Any]) -> NDArray[Any]:
    """Each ``POINT`` (none of them 0) minus one."""
    out = points.copy()
    borrow = out["low"] == 0
    out["low"] -= np.uint64(1)
    out["carry"] -= borrow & (out["high"] == 0)
    out["high"] -= borrow
    return out


def shift_down(points: NDArray[Any], bits: int) -> NDArray[Any]:
    """Each ``POINT`` (below the 129th bit) divided by 2**bits, ``bits`` from 0 to 128."""
    high, low = points["high"], points["low"]
    if bits >= 64:
        return points_of(np.zeros_like(high), _right(high, bits - 64))
    if bits == 0:
        return points
    return points_of(high >> np.uint64(bits), low >> np.uint64(bits) | high << np.uint64(64 - bits))


def shift_up(points: NDArray[Any], bits: int) -> NDArray[Any]:
    """Each ``POINT`` times 2**bits, without what leaves the 128 bits."""
    high, low = points["high"], points["low"]
    if bits >= 64:
        return points_of(_left(low, bits - 64), np.zeros_like(low))
    if bits == 0:
        return points
    return points_of(high << np.uint64(bits) | low >> np.uint64(64 - bits), low << np.uint64(bits))


def fill_below(points: NDArray[Any], bits: int) -> NDArray[Any]:
    """Each ``POINT`` with its lowest ``bits`` bits set."""
    ones = (1 << bits) - 1
    return points_of(
        points["high"] | np.uint64(ones >> 64), points["low"] | np.uint64(ones & 0xFFFFFFFFFFFFFFFF)
    )


def _right(words: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    return words >> np.uint64(bits) if bits < 64 else np.zeros_like(words)


def _left(words: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    return words << np.uint64(bits) if bits < 64 else np.zeros_like(words)


def total(points: NDArray[Any]) -> int:
    """The exact sum of ``POINT`` numbers or of ``int64`` ones."""
    if points.dtype != POINT:
        return int(points.sum())
    carry = int(points["carry"].sum(dtype=np.int64))
    return (carry << 128) + (_sum_words(points["high"]) << 64) + _sum_words(points["low"])


def _sum_words(words: NDArray[np.uint64]) -> int:
    halves = int((words >> np.uint64(32)).sum()), int((words & np.uint64(0xFFFFFFFF)).sum())
    return (halves[0] << 32) + halves[1]


def expand(starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every number of an int64 run list, ascending."""
    sizes = stops - starts
    offsets = np.cumsum(sizes) - sizes
    out = np.repeat(starts - offsets, sizes)
    out += np.arange(len(out), dtype=np.int64)
    return out
