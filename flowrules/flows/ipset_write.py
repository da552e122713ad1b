"""Writing sets as SiLK IPset files."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, BinaryIO, Final, Literal

from flowrules.flows import ipset_encode as encode
from flowrules.flows.atomic import whole_file
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_header import COMPRESSIONS, ENTRY_IPSET, IPSET, HeaderEntry, write_header
from flowrules.model.address_set import AddressSet

Compression = Literal["none", "zlib", "lzo1x", "snappy"]

_BLOCK: Final = 1 << 16
"""Bytes in a compressed block, before compression."""


def write_ipset(
    target: str | os.PathLike[str] | BinaryIO,
    members: AddressSet,
    record_version: int | None = None,
    compression: Compression = "none",
    byte_order: Literal["<", ">"] = "<",
) -> None:
    """Write a set as an IPset that SiLK's tools read.

    ``record_version`` is 2 to 5; without one it is what SiLK takes: 2 for sets of IPv4 addresses, 3 for
    others.  Asking for 5 with an IPv4 set gives 4, as SiLK does.  A path appears whole or not at all.
    Raises ``FlowFileError`` where the version cannot hold the set, where the library of ``compression``
    is not installed, and where the system refuses to write; ``ValueError`` for unknown arguments.
    """
    name = os.fspath(target) if isinstance(target, str | os.PathLike) else str(getattr(target, "name", "-"))
    version = _version(name, members, record_version)
    compress = _compressor(name, compression)
    entries, body = _content(members, version, byte_order)
    method = next(id for id, word in COMPRESSIONS.items() if word == compression)
    pieces = _blocks(body, compress) if compress else body
    header = write_header(IPSET, version, 1, method, byte_order, entries)
    if not isinstance(target, str | os.PathLike):
        _write(target, header, pieces)
        return
    with whole_file(target) as file:
        _write(file, header, pieces)


def _write(file: IO[bytes], header: bytes, pieces: Iterable[bytes]) -> None:
    file.write(header)
    for piece in pieces:
        file.write(piece)


def _version(name: str, members: AddressSet, wanted: int | None) -> int:
    if wanted is None:
        return 3 if members.has_ipv6 else 2
    if wanted not in (2, 3, 4, 5):
        raise ValueError(f"IPsets are written with record version 2, 3, 4 or 5, not {wanted}")
    if wanted == 2 and members.has_ipv6:
        raise FlowFileError(
            name,
            "IPset record version 2 cannot hold IPv6 addresses",
            hint="write version 3, 4 or 5",
        )
    return 4 if wanted == 5 and not members.has_ipv6 else wanted


def _content(members: AddressSet, version: int, order: str) -> tuple[list[HeaderEntry], Iterator[bytes]]:
    """The header entries and the body."""
    if version == 2:
        return [], encode.slash24_items(members, order)
    if version == 3:
        leaves = encode.tree_leaves(members)
        numbers, body = encode.tree(leaves, members.has_ipv6, order)
    else:
        numbers = (0, 0, 16 if members.has_ipv6 else 4, 0, 0, 0)
        if members.has_ipv6:
            body = encode.ipv6_items(members, order, halves=version == 5)
        else:
            body = encode.ipv4_items(members, order)
    return [HeaderEntry(ENTRY_IPSET, struct.pack(">6I", *numbers))], body


def _blocks(pieces: Iterable[bytes], compress: Callable[[bytes], bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= _BLOCK:
            yield _block(bytes(held[:_BLOCK]), compress)
            del held[:_BLOCK]
    if held:
        yield _block(bytes(held), compress)


def _block(data: bytes, compress: Callable[[bytes], bytes]) -> bytes:
    packed = compress(data)
    return struct.pack(">II", len(packed), len(data)) + packed


def _compressor(name: str, compression: str) -> Callable[[bytes], bytes] | None:
    try:
        if compression == "none":
            return None
        if compression == "zlib":
            return zlib.compress
        if compression == "snappy":
            from cramjam import snappy

            return lambda data: bytes(snappy.compress_raw(data))
        if compression == "lzo1x":
            from lzallright import LZOCompressor

            return lambda data: bytes(LZOCompressor().compress(data))
    except ImportError as error:
        raise FlowFileError(
            name,
            f"the library for {compression} compression is not installed",
            hint="pip install 'flowrules[codecs]'",
        ) from error
    raise ValueError(f"no compression method is called {compression}: none, zlib, lzo1x, snappy")
