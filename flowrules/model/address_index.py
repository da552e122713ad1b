"""Which addresses of a column are in a set: look-ups whose cost does not grow with the set.

IPv4: a table of the 65,536 /16 blocks leads to bitmaps, one for each block that is partly in the set.
Sets that lie scattered over very many /16 blocks get bitmaps of /24 blocks below that table instead, so
that the memory grows with the set and not with its spread; sets of a few ranges are compared directly.
IPv6: binary search in the sorted ranges.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.model.structural import Shown

Flags = NDArray[np.bool_]
U32 = NDArray[np.uint32]

FEW_RANGES: Final = 6
"""Up to so many ranges, comparing with each is faster than the tables."""

MOST_PAGES: Final = 2048
"""The most /16 bitmaps (8 KiB each) before /24 bitmaps are used."""

_BLOCK: Final = 1 << 15
"""Rows treated at a time, so that what lies between two steps stays in the cache."""


@frozen(eq=False, repr=False)
class FewRanges(Shown):
    """IPv4 membership by comparison with each of a few ranges."""

    firsts: tuple[int, ...]
    sizes: tuple[int, ...]

    def probe(self, addresses: U32) -> Flags:
        """Which ``addresses`` are in one of the ranges."""
        out = np.zeros(len(addresses), np.bool_)
        for first, size in zip(self.firsts, self.sizes, strict=True):
            # unsigned subtraction wraps: addresses below the first become very large
            out |= addresses - np.uint32(first) < size if size < 1 << 32 else np.True_
        return out


@frozen(eq=False, repr=False)
class Pages(Shown):
    """IPv4 membership by bitmap pages.

    ``directory`` (uint32, one entry for each leading part of an address) holds the number of a page;
    page 0 is empty and page 1 is full.  ``bitmaps`` (uint8) holds the pages one after another, the bit
    of an address being bit ``address & 7`` of byte ``address >> 3``.  ``bits`` is how many low bits of
    an address its page answers for.
    """

    directory: U32
    bitmaps: NDArray[np.uint8]
    bits: int

    def probe(self, addresses: U32) -> Flags:
        """Which ``addresses`` have their bit set."""
        out = np.empty(len(addresses), np.bool_)
        page_shift = np.uint32(self.bits)
        byte_shift = np.uint32(self.bits - 3)
        within = np.uint32((1 << self.bits - 3) - 1)
        three, seven, one = np.uint32(3), np.uint8(7), np.uint8(1)
        for at in range(0, len(addresses), _BLOCK):
            some = addresses[at : at + _BLOCK]
            place = self.page_of(some >> page_shift)
            place <<= byte_shift
            place |= some >> three & within
            byte = self.bitmaps.take(place)
            byte >>= some.astype(np.uint8) & seven
            byte &= one
            out[at : at + _BLOCK] = byte.view(np.bool_)
        return out

    def page_of(self, leading: U32) -> U32:
        """The page of each leading part."""
        return self.directory.take(leading)


@frozen(eq=False, repr=False)
class TwoLevelPages(Pages):
    """As ``Pages`` for the 24 leading bits, with the directory itself in pages of 256 entries.

    ``tops`` (uint32, 65,536) holds the number of a directory page for each /16 block.
    """

    tops: U32

    def page_of(self, leading: U32) -> U32:
        """The page of each leading part."""
        place = self.tops.take(leading >> np.uint32(8))
        place <<= np.uint32(8)
        place |= leading & np.uint32(0xFF)
        return self.directory.take(place)


def index_ipv4(first: U32, last: U32) -> FewRanges | Pages:
    """A membership index of sorted, disjoint IPv4 ranges (both ends in)."""
    if len(first) <= FEW_RANGES:
        sizes = (last.astype(np.int64) - first + 1).tolist()
        return FewRanges(tuple(first.tolist()), tuple(sizes))
    keys, numbers, bitmaps = _draw(first, last, 16, MOST_PAGES)
    if bitmaps is not None:
        directory = np.zeros(1 << 16, np.uint32)
        directory[keys] = numbers
        _mark_full(directory, first, last, 16)
        return Pages(directory, bitmaps, 16)
    keys, numbers, bitmaps = _draw(first, last, 8, 1 << 24)
    assert bitmaps is not None
    partial = _distinct(np.sort(np.concatenate((first, last)) >> np.uint32(16)))
    tops = np.zeros(1 << 16, np.uint32)
    tops[partial] = np.arange(2, len(partial) + 2, dtype=np.uint32)
    _mark_full(tops, first, last, 16)
    directory = np.zeros((len(partial) + 2, 256), np.uint32)
    directory[1] = 1
    _mark_full_below(directory, tops, first, last)
    directory[tops[keys >> 8], keys & 0xFF] = numbers
    return TwoLevelPages(directory.reshape(-1), bitmaps, 8, tops)


def _draw(
    first: U32, last: U32, bits: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8] | None]:
    """Bitmaps of the blocks of ``bits`` low bits in which some range begins or ends within.

    Returns the leading parts of those blocks, their page numbers, and the pages after the empty and
    the full one; no pages where there would be more than ``most``.
    """
    size, mask = 1 << bits, np.uint32((1 << bits) - 1)
    begins_within = (first & mask) != 0
    ends_within = (last & mask) != mask
    edges = np.concatenate((first[begins_within], last[ends_within])) >> np.uint32(bits)
    keys = _distinct(np.sort(edges)).astype(np.int64)
    numbers = np.arange(2, len(keys) + 2, dtype=np.uint32)
    if len(keys) > most:
        return keys, numbers, None
    pages = np.zeros((len(keys) + 2, size // 8), np.uint8)
    pages[1] = 0xFF
    # clip every range to the two blocks at its ends; what lies between them is full
    low, high = first.astype(np.int64), last.astype(np.int64)
    first_end = np.minimum(high, low | size - 1)
    last_begin = np.maximum(low, high & ~(size - 1))
    apart = low >> bits != high >> bits
    starts = np.concatenate((low[begins_within | ~apart], last_begin[ends_within & apart]))
    ends = np.concatenate((first_end[begins_within | ~apart], high[ends_within & apart]))
    whole = (starts & (size - 1) == 0) & (ends & (size - 1) == size - 1)
    starts, ends = starts[~whole], ends[~whole]
    page = np.searchsorted(keys, starts >> bits) + 2
    _set_bits(pages.reshape(-1), page * size + (starts & size - 1), page * size + (ends & size - 1))
    return keys, numbers, pages.reshape(-1)


def _set_bits(bitmap: NDArray[np.uint8], first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
    """Set the bits from ``first`` to ``last`` of each pair (disjoint ranges)."""
    first_byte, last_byte = first >> 3, last >> 3
    head = 0xFF << (first & 7) & 0xFF
    tail = 0xFF >> (7 - (last & 7))
    same = first_byte == last_byte
    np.bitwise_or.at(bitmap, first_byte, np.where(same, head & tail, head).astype(np.uint8))
    np.bitwise_or.at(bitmap, last_byte[~same], tail[~same].astype(np.uint8))
    for begin, end in zip((first_byte[~same] + 1).tolist(), last_byte[~same].tolist(), strict=True):
        bitmap[begin:end] = 0xFF


def _mark_full(directory: U32, first: U32, last: U32, bits: int) -> None:
    """Enter the full page for the blocks that lie wholly in one range."""
    size = 1 << bits
    begin = (first.astype(np.int64) + size - 1) >> bits
    end = (last.astype(np.int64) + 1) >> bits
    for low, high in zip(begin[begin < end].tolist(), end[begin < end].tolist(), strict=True):
        directory[low:high] = 1


def _mark_full_below(directory: NDArray[np.uint32], tops: U32, first: U32, last: U32) -> None:
    """Enter the full page for whole /24 blocks, in the directory pages of partly filled /16 blocks."""
    begin = (first.astype(np.int64) + 255) >> 8
    end = (last.astype(np.int64) + 1) >> 8
    longer = begin < end
    for low, high in zip(begin[longer].tolist(), end[longer].tolist(), strict=True):
        for top, start, stop in (
            (low >> 8, low, min(high, (low >> 8) + 1 << 8)),
            (high >> 8, max(low, high >> 8 << 8), high),
        ):
            if start < stop and tops[top] > 1:
                directory[tops[top], start & 0xFF : (stop - 1 & 0xFF) + 1] = 1


def _distinct(ordered: NDArray[Any]) -> NDArray[Any]:
    """The different values of a sorted array."""
    keep = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=keep[1:])
    return ordered[keep]


@frozen(eq=False, repr=False)
class WideRanges(Shown):
    """IPv6 membership: sorted, disjoint ranges, given by the halves of their ends (uint64)."""

    first_high: NDArray[np.uint64]
    first_low: NDArray[np.uint64]
    last_high: NDArray[np.uint64]
    last_low: NDArray[np.uint64]

    def probe(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Flags:
        """Which addresses, given by halves, are in one of the ranges."""
        out = np.zeros(len(high), np.bool_)
        if not len(self.first_high):
            return out
        near = np.flatnonzero((high >= self.first_high[0]) & (high <= self.last_high[-1]))
        high, low = high.take(near), low.take(near)
        at = find_last(self.first_high, self.first_low, high, low)
        found = at >= 0
        at[~found] = 0
        end = self.last_high.take(at)
        found &= (high < end) | (high == end) & (low <= self.last_low.take(at))
        out[near] = found
        return out


def find_last(
    keys_high: NDArray[np.uint64],
    keys_low: NDArray[np.uint64],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
) -> NDArray[np.intp]:
    """For each address the index of the last of the sorted keys that is not above it; -1: none.

    Keys and addresses are 128-bit numbers given by halves.
    """
    left = np.searchsorted(keys_high, high, "left")
    right = np.searchsorted(keys_high, high, "right")
    # among the keys of one upper half, halve the part that may hold the answer until it is empty
    while True:
        open_ = np.flatnonzero(left < right)
        if not len(open_):
            return left - 1
        begin, end = left.take(open_), right.take(open_)
        middle = (begin + end) >> 1
        below = keys_low.take(middle) <= low.take(open_)
        left[open_] = np.where(below, middle + 1, begin)
        right[open_] = np.where(below, end, middle)
