"""The bodies of IPset files, from a set: what SiLK's writers put into each record version."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.ipset_body import BITMAP_FOLLOWS, UPPER_HALF
from flowrules.flows.ipset_tree import CHILDREN, Node, build_tree
from flowrules.model import address_ranges as runs
from flowrules.model.address_blocks import ipv4_blocks, range_blocks
from flowrules.model.address_set import AddressSet

_WINDOW = 1 << 12
"""How many /24 bitmaps are made at a time."""


def slash24_items(members: AddressSet, order: str) -> Iterator[bytes]:
    """Version 2: the first address and the bitmap of every /24 that has a member."""
    first, last = members.v4_first, members.v4_last
    begin, end = runs.merge(first.astype(np.int64) >> 8, (last.astype(np.int64) >> 8) + 1)
    for blocks in _windows(begin, end):
        low, high = int(blocks[0]) << 8, int(blocks[-1]) << 8 | 255
        some = slice(int(np.searchsorted(last, low)), int(np.searchsorted(first, high, "right")))
        firsts = np.maximum(first[some].astype(np.int64), low)
        lasts = np.minimum(last[some].astype(np.int64), high)
        items = np.empty(len(blocks), [("base", order + "u4"), ("bitmap", order + "u4", (8,))])
        items["base"] = blocks << 8
        items["bitmap"] = _bitmaps(blocks, firsts, lasts)
        yield items.tobytes()


def _windows(begin: NDArray[np.int64], end: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The numbers of a run list, ascending, some thousands at a time."""
    while len(begin):
        taken = int(np.searchsorted(np.cumsum(end - begin), _WINDOW, "right"))
        if taken:
            yield runs.expand(begin[:taken], end[:taken])
            begin, end = begin[taken:], end[taken:]
            continue
        yield np.arange(begin[0], begin[0] + _WINDOW)
        begin, end = begin.copy(), end
        begin[0] += _WINDOW


def _bitmaps(
    blocks: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Eight words for each of the /24 ``blocks``: the bits of the ranges, which lie within them."""
    steps = np.zeros(len(blocks) * 256 + 1, np.int8)
    steps[np.searchsorted(blocks, first >> 8) * 256 + (first & 255)] += 1
    steps[np.searchsorted(blocks, last >> 8) * 256 + (last & 255) + 1] -= 1
    bits = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
    return np.packbits(bits, bitorder="little").view("<u4").reshape(-1, 8).astype(np.uint32)


def ipv4_items(members: AddressSet, order: str) -> Iterator[bytes]:
    """Version 4, IPv4: blocks of a /24 and more, and bitmaps of the other /24 blocks."""
    starts, lengths = ipv4_blocks(members.v4_first, members.v4_last)
    long = lengths > 24
    block_of_long = starts[long].astype(np.int64) >> 8
    keep = np.ones(len(block_of_long), np.bool_)
    np.not_equal(block_of_long[1:], block_of_long[:-1], out=keep[1:])
    partial = block_of_long[keep]
    words = np.empty((0, 8), np.uint32)
    if len(partial):
        low = starts[long].astype(np.int64)
        words = _bitmaps(partial, low, low + (np.int64(1) << (32 - lengths[long].astype(np.int64))) - 1)
    bases = np.concatenate((starts[~long].astype(np.int64), partial << 8))
    codes = np.concatenate((lengths[~long], np.full(len(partial), BITMAP_FOLLOWS, np.uint8)))
    rows = np.concatenate((np.full(int((~long).sum()), -1), np.arange(len(partial))))
    in_order = np.argsort(bases, kind="stable")
    bitmaps = words.astype(order + "u4")
    for begin in range(0, len(in_order), _WINDOW):
        some = in_order[begin : begin + _WINDOW]
        pack = struct.Struct(order + "IB").pack
        out = []
        for base, code, row in zip(
            bases[some].tolist(), codes[some].tolist(), rows[some].tolist(), strict=True
        ):
            out.append(pack(base, code))
            if row >= 0:
                out.append(bitmaps[row].tobytes())
        yield b"".join(out)


def ipv6_items(members: AddressSet, order: str, halves: bool) -> Iterator[bytes]:
    """Version 4 for sets with IPv6 members, or version 5 with ``halves``."""
    blocks = itertools.chain.from_iterable(range_blocks(*ends) for ends in members.ranges())
    upper: int | None = None
    for base, group in itertools.groupby(blocks, _group):
        parts = list(group)
        # within a /120, one block stands for itself and several are a bitmap
        first, code = (base << 8, BITMAP_FOLLOWS) if len(parts) > 1 else parts[0]
        bitmap = b""
        if len(parts) > 1:
            bits = sum((1 << (1 << 128 - length)) - 1 << (start & 255) for start, length in parts)
            words = np.frombuffer(bits.to_bytes(32, "little"), "<u4")
            bitmap = words.astype(order + "u4").tobytes()
        if not halves:
            yield first.to_bytes(16, "big") + bytes([code]) + bitmap
            continue
        value, high = first & 0xFFFFFFFFFFFFFFFF, first >> 64
        if code <= 64:
            yield struct.pack(order + "QB", high, code)
            continue
        if high != upper:
            yield struct.pack(order + "QB", high, UPPER_HALF)
            upper = high
        yield struct.pack(order + "QB", value, code) + bitmap


def _group(block: tuple[int, int]) -> int:
    """What puts the blocks of one /120 together, and every longer block apart."""
    first, length = block
    return first >> 8 if length > 120 else -1 - first


def tree_leaves(members: AddressSet) -> list[tuple[int, int]]:
    """The leaves of version 3: first address and length, in 32 bits for IPv4 sets and 128 for others."""
    if members.has_ipv6:
        return [block for ends in members.ranges() for block in range_blocks(*ends)]
    starts, lengths = ipv4_blocks(members.v4_first, members.v4_last)
    return list(zip(starts.tolist(), lengths.tolist(), strict=True))


def tree(leaves: list[tuple[int, int]], ipv6: bool, order: str) -> tuple[tuple[int, ...], Iterator[bytes]]:
    """Version 3: the six numbers of the header entry, and the body."""
    if not leaves:
        return (CHILDREN, 0, 24 if ipv6 else 8, 0, 96 if ipv6 else 80, 0), iter(())
    nodes = build_tree(leaves, 128 if ipv6 else 32)
    numbers = (CHILDREN, len(leaves) + 1, 24 if ipv6 else 8, len(nodes) + 1, 96 if ipv6 else 80, 1)
    return numbers, _tree_body(nodes, leaves, ipv6, order)


def _tree_body(nodes: list[Node], leaves: list[tuple[int, int]], ipv6: bool, order: str) -> Iterator[bytes]:
    node = struct.Struct(order + ("16I I I B7x QQ" if ipv6 else "16I I I B3x I"))
    leaf = struct.Struct(order + ("B7x QQ" if ipv6 else "B3x I"))
    yield bytes(node.size)
    for one in nodes:
        yield node.pack(*one.children, one.leaves, one.repeated, one.length, *_words(one.first, ipv6))
    yield bytes(leaf.size)
    for first, length in leaves:
        yield leaf.pack(length, *_words(first, ipv6))


def _words(address: int, ipv6: bool) -> tuple[int, ...]:
    return (address >> 64, address & 0xFFFFFFFFFFFFFFFF) if ipv6 else (address,)
