"""The bodies of SiLK IPset files: ranges of addresses from each record version's bytes.

Each reader yields pairs of address arrays, the first and the last addresses of ranges, and checks what
it reads; order and overlap are left to whoever makes a set of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.silk_body import Body
from flowrules.model.address_text import format_address
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

CIDR_LIMIT: Final = 0x80
"""Codes up to this, in versions 4 and 5, are prefix lengths."""

BITMAP_FOLLOWS: Final = 0x81
"""The code of a bitmap of 256 addresses, in versions 4 and 5."""

UPPER_HALF: Final = 0x82
"""The code of the upper half of the addresses that follow, in version 5."""

Ends = tuple[NDArray[Any], NDArray[Any]]
"""First and last addresses of ranges, as two address arrays."""

_BITMAP_ROWS: Final = 1 << 12


# ---------------------------------------------------------------- bitmaps


def _bitmap_runs(bits: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The runs of ones in rows of 256 bits: row, first and last place of each."""
    padded = np.zeros((len(bits), 258), np.int8)
    padded[:, 1:257] = bits
    steps = np.diff(padded, axis=1)
    row, first = np.nonzero(steps == 1)
    _, after = np.nonzero(steps == -1)
    return row, first, after - 1


def _bits_of(words: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Rows of eight words as rows of 256 bits, the lowest bit of the first word first."""
    little = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    return np.unpackbits(little, axis=1, bitorder="little").astype(np.bool_)


def slash24_runs(body: Body) -> Iterator[Ends]:
    """Versions 0 to 2: items of a /24's first address and its bitmap."""
    layout = np.dtype([("base", body.order + "u4"), ("bitmap", body.order + "u4", (8,))])
    for at, data in body.items(36, "a /24 of the set"):
        items = np.frombuffer(data, layout)
        bad = np.flatnonzero(items["base"] & 0xFF)
        if len(bad):
            raise body.error(
                "a block of the set is no /24",
                at + 36 * int(bad[0]),
                f"address {format_address(IPV4_MAPPED + int(items['base'][bad[0]]))}",
                "one that ends in .0",
            )
        for start in range(0, len(items), _BITMAP_ROWS):
            some = items[start : start + _BITMAP_ROWS]
            yield _ipv4_runs(some["base"].astype(np.uint32), some["bitmap"])


def _ipv4_runs(base: NDArray[np.uint32], words: NDArray[np.uint32]) -> Ends:
    row, first, last = _bitmap_runs(_bits_of(words))
    lead = base[row]
    return lead | first.astype(np.uint32), lead | last.astype(np.uint32)


# ---------------------------------------------------------------- version 3


def leaves(body: Body, leaf_count: int, leaf_size: int, node_count: int, node_size: int) -> Iterator[Ends]:
    """Version 3: the leaves of a tree, after its nodes, which say nothing more."""
    if leaf_count == node_count == 0:
        for piece in body.pieces():
            raise body.error("bytes after an empty set", 0, f"{len(piece)} bytes", "none")
        return
    nodes = node_count * node_size
    body.skip(nodes, "the nodes of the set's tree")
    fields = [("length", "u1"), ("pad", f"V{3 if leaf_size == 8 else 7}")]
    fields += (
        [("ip", body.order + "u4")]
        if leaf_size == 8
        else [("high", body.order + "u8"), ("low", body.order + "u8")]
    )
    layout = np.dtype(fields)
    seen = 0
    for at, data in body.items(leaf_size, "a leaf of the set's tree"):
        leaves = np.frombuffer(data, layout)
        if seen == 0:
            leaves, at = leaves[1:], at + leaf_size  # leaf 0 is never used
        seen += len(data) // leaf_size
        if seen > leaf_count:
            raise body.error("more leaves than the header says", at, f"at least {seen}", str(leaf_count))
        if leaf_size == 8:
            yield _ipv4_blocks(body, leaves["ip"], leaves["length"], at, leaf_size)
        else:
            yield _ipv6_blocks(body, leaves["high"], leaves["low"], leaves["length"], at, leaf_size)
    if seen < leaf_count:
        raise body.error(
            "the file ends before the last leaf of the set's tree",
            nodes + seen * leaf_size,
            f"{seen} leaves",
            f"{leaf_count}",
        )


def _ipv4_blocks(
    body: Body, address: NDArray[Any], length: NDArray[Any], at: int | NDArray[Any], size: int
) -> Ends:
    """The ranges of IPv4 blocks; ``at`` and ``size`` place the items for messages."""
    _check_lengths(body, length, 32, at, size)
    host = np.uint64(0xFFFFFFFF) >> length.astype(np.uint64)
    first = address.astype(np.uint64)
    _check_hosts(body, (first & host) != 0, at, size)
    return first.astype(np.uint32), (first | host).astype(np.uint32)


def _ipv6_blocks(
    body: Body,
    high: NDArray[Any],
    low: NDArray[Any],
    length: NDArray[Any],
    at: int | NDArray[Any],
    size: int,
) -> Ends:
    _check_lengths(body, length, 128, at, size)
    every = np.uint64(0xFFFFFFFFFFFFFFFF)
    wide = length.astype(np.int64)
    # a shift by 64 is undefined: such halves have no host bits
    high_host = np.where(wide < 64, every >> np.minimum(wide, 63).astype(np.uint64), np.uint64(0))
    low_host = np.where(wide < 128, every >> np.clip(wide - 64, 0, 63).astype(np.uint64), np.uint64(0))
    first = np.empty(len(wide), ADDRESS)
    first["high"], first["low"] = high, low
    last = np.empty(len(wide), ADDRESS)
    last["high"], last["low"] = first["high"] | high_host, first["low"] | low_host
    _check_hosts(body, (first["high"] & high_host | first["low"] & low_host) != 0, at, size)
    return first, last


def _check_lengths(body: Body, length: NDArray[Any], most: int, at: int | NDArray[Any], size: int) -> None:
    bad = np.flatnonzero(length > most)
    if len(bad):
        raise body.error(
            "a block of the set has an impossible prefix length",
            _place(at, int(bad[0]), size),
            str(int(length[bad[0]])),
            f"at most {most}",
        )


def _check_hosts(body: Body, wrong: NDArray[np.bool_], at: int | NDArray[Any], size: int) -> None:
    if wrong.any():
        raise body.error(
            "a block of the set has bits beyond its prefix",
            _place(at, int(np.flatnonzero(wrong)[0]), size),
            "bits of a host",
            "zeros",
        )


def _place(at: int | NDArray[Any], item: int, size: int) -> int:
    return at + item * size if isinstance(at, int) else int(at[item])


# ---------------------------------------------------------------- versions 4 and 5


def _coded_items(body: Body, width: int) -> Iterator[tuple[bytes, list[int]]]:
    """Bytes of whole items, and where each begins in them: ``width`` bytes, a code, maybe a bitmap."""
    held = b""
    at = 0
    for piece in body.pieces():
        held += piece
        places = []
        place, size = 0, len(held)
        while place + width < size:
            end = place + width + (33 if held[place + width] == BITMAP_FOLLOWS else 1)
            if end > size:
                break
            places.append(place)
            place = end
        if places:
            yield held[:place], places
            at += place
            held = held[place:]
    if held:
        raise body.error(
            "the file ends inside an item of the set",
            at,
            f"{len(held)} bytes",
            f"{width + (33 if held[width : width + 1] == bytes([BITMAP_FOLLOWS]) else 1)} bytes",
        )


def _check_codes(
    body: Body, codes: NDArray[np.uint8], highest: int, places: NDArray[np.int64], width: int
) -> None:
    bad = np.flatnonzero(codes > highest)
    if len(bad):
        raise body.error(
            "unknown code in the set",
            int(places[bad[0]]) + width,
            f"0x{int(codes[bad[0]]):02x}",
            f"a prefix length or 0x{BITMAP_FOLLOWS:02x}"
            + (f" or 0x{UPPER_HALF:02x}" if highest == UPPER_HALF else ""),
        )


def _gather(data: bytes, places: NDArray[np.int64], dtype: str, count: int = 1) -> NDArray[Any]:
    """``count`` numbers of ``dtype`` from each place: shape (places, count)."""
    kind = np.dtype(dtype)
    span = np.arange(kind.itemsize * count)
    taken = np.frombuffer(data, np.uint8)[places[:, None] + span]
    return np.ascontiguousarray(taken).view(kind)


def ipv4_items(body: Body) -> Iterator[Ends]:
    """Version 4, IPv4."""
    start = 0
    for data, begins in _coded_items(body, 4):
        places = np.array(begins, np.int64)
        codes = np.frombuffer(data, np.uint8)[places + 4]
        _check_codes(body, codes, BITMAP_FOLLOWS, places + start, 4)
        address = _gather(data, places, body.order + "u4")[:, 0].astype(np.uint32)
        mapped = codes == BITMAP_FOLLOWS
        yield _ipv4_blocks(body, address[~mapped], codes[~mapped], places[~mapped] + start, 5)
        base, places_of_maps = address[mapped], places[mapped]
        _check_hosts(body, (base & np.uint32(0xFF)) != 0, places_of_maps + start, 37)
        for row in range(0, len(base), _BITMAP_ROWS):
            some = slice(row, row + _BITMAP_ROWS)
            words = _gather(data, places_of_maps[some] + 5, body.order + "u4", 8)
            yield _ipv4_runs(base[some], words)
        start += len(data)


def ipv6_items(body: Body, halves: bool) -> Iterator[Ends]:
    """Versions 4 and 5, IPv6; ``halves`` (5): items have one half, and the upper one comes in its own."""
    width = 8 if halves else 16
    start = 0
    upper = np.uint64(0)
    known = not halves
    for data, begins in _coded_items(body, width):
        places = np.array(begins, np.int64)
        codes = np.frombuffer(data, np.uint8)[places + width]
        _check_codes(body, codes, UPPER_HALF if halves else BITMAP_FOLLOWS, places + start, width)
        if halves:
            value = _gather(data, places, body.order + "u8")[:, 0].astype(np.uint64)
            high, low = _with_upper_halves(value, codes, upper)
            uppers = np.flatnonzero(codes == UPPER_HALF)
            known_from = 0 if known else int(uppers[0]) if len(uppers) else len(codes)
            orphans = np.flatnonzero((codes > 64) & (codes != UPPER_HALF))
            if len(orphans) and orphans[0] < known_from:
                raise body.error(
                    "a lower half of an address comes before any upper half",
                    int(places[orphans[0]]) + start,
                    f"code 0x{int(codes[orphans[0]]):02x}",
                    f"code 0x{UPPER_HALF:02x} first",
                )
            if len(uppers):
                upper, known = value[uppers[-1]], True
        else:
            pair = _gather(data, places, ">u8", 2).astype(np.uint64)
            high, low = pair[:, 0], pair[:, 1]
        blocks = codes <= CIDR_LIMIT
        yield _ipv6_blocks(body, high[blocks], low[blocks], codes[blocks], places[blocks] + start, width + 1)
        mapped = codes == BITMAP_FOLLOWS
        high, low, places = high[mapped], low[mapped], places[mapped]
        _check_hosts(body, (low & np.uint64(0xFF)) != 0, places + start, width + 33)
        for begin in range(0, len(low), _BITMAP_ROWS):
            some = slice(begin, begin + _BITMAP_ROWS)
            words = _gather(data, places[some] + width + 1, body.order + "u4", 8)
            row, first, last = _bitmap_runs(_bits_of(words))
            ends = []
            for place in (first, last):
                end = np.empty(len(row), ADDRESS)
                end["high"], end["low"] = high[some][row], low[some][row] | place.astype(np.uint64)
                ends.append(end)
            yield ends[0], ends[1]
        start += len(data)


def _with_upper_halves(
    value: NDArray[np.uint64], codes: NDArray[np.uint8], upper: np.uint64
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The addresses, by halves, of version 5 items; ``upper`` is the upper half in force before them."""
    changes = codes == UPPER_HALF
    in_force = np.concatenate(([upper], value[changes]))[np.cumsum(changes)]
    short = codes <= 64
    return np.where(short, value, in_force), np.where(short, np.uint64(0), value)
