"""Ranges of addresses as the fewest aligned blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def range_blocks(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The blocks of one range of 128-bit addresses (both ends in): first address and prefix length."""
    while first <= last:
        aligned = (first & -first).bit_length() - 1 if first else 128
        bits = min(aligned, (last - first + 1).bit_length() - 1)
        yield first, 128 - bits
        first += 1 << bits


def ipv4_blocks(
    first: NDArray[np.uint32], last: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """The blocks of sorted, disjoint IPv4 ranges: first addresses (uint32) and lengths (uint8, 0 to 32)."""
    begin, stop = first.astype(np.int64), last.astype(np.int64) + 1
    starts, lengths = [], []
    while len(begin):
        # the largest block that is aligned at `begin` and ends by `stop`
        aligned = np.where(begin == 0, np.int64(1) << 32, begin & -begin)
        size = np.minimum(aligned, _power_within(stop - begin))
        starts.append(begin)
        lengths.append(33 - np.frexp(size)[1])
        begin = begin + size
        more = begin < stop
        begin, stop = begin[more], stop[more]
    if not starts:
        return np.empty(0, np.uint32), np.empty(0, np.uint8)
    every = np.concatenate(starts)
    in_order = np.argsort(every, kind="stable")
    return every[in_order].astype(np.uint32), np.concatenate(lengths)[in_order].astype(np.uint8)


def _power_within(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The largest power of two in each size (sizes from 1 to 2**32)."""
    powers: NDArray[np.int64] = np.int64(1) << (np.frexp(sizes)[1] - 1).astype(np.int64)
    return powers
