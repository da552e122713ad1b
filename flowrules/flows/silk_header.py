"""The header of a SiLK file: which records follow, from where, in which byte order.

Source: SiLK's file header as SiLK 3.19 writes it (file version 16), and the old-style headers of
file versions 0 to 15 that it still reads.  Numbers in a new-style header are big-endian, whatever the
byte order of the records.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from attrs import frozen

from flowrules.flows.errors import FlowFileError
from flowrules.model.structural import Structural

MAGIC: Final = b"\xde\xad\xbe\xef"

FORMATS: Final = {
    0x09: "FT_AGGREGATEBAG",
    0x0B: "FT_RWIPV6",
    0x0C: "FT_RWIPV6ROUTING",
    0x0D: "FT_RWAUGSNMPOUT",
    0x0E: "FT_RWAUGROUTING",
    0x10: "FT_RWROUTED",
    0x11: "FT_RWNOTROUTED",
    0x12: "FT_RWSPLIT",
    0x13: "FT_RWFILTER",
    0x14: "FT_RWAUGMENTED",
    0x15: "FT_RWAUGWEB",
    0x16: "FT_RWGENERIC",
    0x1C: "FT_FLOWCAP",
    0x1D: "FT_IPSET",
    0x1F: "FT_RWWWW",
    0x21: "FT_RWBAG",
    0x25: "FT_PREFIXMAP",
}
"""SiLK's file formats by id."""

RWGENERIC: Final = 0x16
RWIPV6ROUTING: Final = 0x0C
IPSET: Final = 0x1D
FLOWCAP: Final = 0x1C
RWFILTER: Final = 0x13

COMPRESSIONS: Final = {0: "none", 1: "zlib", 2: "lzo1x", 3: "snappy"}
"""Compression methods by id."""

ENTRY_END: Final = 0
ENTRY_PACKED_FILE: Final = 1
ENTRY_INVOCATION: Final = 2
ENTRY_ANNOTATION: Final = 3
ENTRY_PROBE: Final = 4
ENTRY_PREFIX_MAP: Final = 5
ENTRY_IPSET: Final = 7

SILK_VERSION: Final = 3_019_001
"""The SiLK version that files of ours carry: 3.19.1, whose formats they follow."""

UNKNOWN_SENSOR: Final = 65535
UNKNOWN_FLOWTYPE: Final = 255

_MAX_HEADER = 16 << 20
_PIECE = 1 << 16

_HOURLY = frozenset({0x12, 0x10, 0x11, 0x1F, 0x14, 0x0E, 0x0D, 0x15})
"""Old-style formats whose header holds the start of an hour."""

_OLD_COMPRESSION_FROM = {
    0x14: 2, 0x0E: 2, 0x0D: 2, 0x15: 2, 0x12: 3, 0x10: 3, 0x11: 3, 0x1F: 3, 0x16: 3, 0x13: 4, 0x1C: 1, 0x1D: 1,
}  # fmt: skip
"""The first version of each old-style format that may be compressed; also the formats there are."""

_HOUR_FILE_NAME = re.compile(r"^(?P<flowtype>[^-]+)-(?P<sensor>.+?)_(?P<hour>\d{8}\.\d{2})(?:\.|$)")


class Stream(Protocol):
    """What bytes are read from: ``read(n)`` gives at most ``n`` of them, none at the end."""

    def read(self, size: int, /) -> bytes | memoryview:
        """The next bytes."""


@frozen(eq=False, repr=False)
class HeaderEntry(Structural):
    """One entry of a new-style header: its id and its payload, without the eight bytes before it."""

    id: int
    payload: bytes


@frozen(eq=False, repr=False)
class SilkHeader(Structural):
    """A SiLK file's header, new style or old.

    ``format`` and ``compression`` are SiLK's numbers, ``byte_order`` is ``<`` or ``>`` (that of the
    records), ``length`` the offset where the body starts.  ``hour`` is the start of the file's hour in
    ms since 1970 UTC, ``sensor`` and ``flowtype`` the ids in the packed-file entry; ``None`` where the
    header has none.  An old-style hourly file names sensor and flowtype in its file name: they are in
    ``sensor_name`` and ``flowtype_name``, silk.conf has their ids.  ``record_length`` is 0 in an
    old-style header (the layout knows it).
    """

    format: int
    file_version: int
    record_version: int
    record_length: int
    compression: int
    byte_order: str
    length: int
    silk_version: int = 0
    entries: tuple[HeaderEntry, ...] = ()
    hour: int | None = None
    sensor: int | None = None
    flowtype: int | None = None
    sensor_name: str | None = None
    flowtype_name: str | None = None
    invocations: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    probe: str | None = None

    @property
    def format_name(self) -> str:
        """SiLK's name of the format, such as ``FT_RWGENERIC``."""
        return FORMATS[self.format]

    def entry(self, id: int) -> bytes | None:
        """The payload of the first entry of this id, ``None`` without one."""
        return next((entry.payload for entry in self.entries if entry.id == id), None)


def read_header(stream: Stream, path: str | os.PathLike[str]) -> SilkHeader:
    """Read a SiLK header, of either style, from the start of ``stream``; the body follows.

    After an old-style header come ``old_padding`` bytes more.  ``path`` is for messages and, with
    old-style hourly files, for the sensor and flowtype that its last part names.  Raises
    ``FlowFileError`` when this is not a SiLK file, when it ends early, and on unknown formats, versions
    and compressions; no length in the file is believed before the bytes are there.
    """
    reader = _Reader(stream, os.fspath(path))
    start = reader.take(8, "the header")
    if start[:4] != MAGIC:
        raise FlowFileError(
            path,
            "not a SiLK file",
            offset=0,
            found=f"the bytes {start[:4].hex(' ')}",
            expected="the magic number de ad be ef",
        )
    flags, format_id, file_version, compression = start[4:8]
    byte_order = ">" if flags & 1 else "<"
    if format_id not in FORMATS:
        raise FlowFileError(
            path, f"unknown SiLK file format 0x{format_id:02x}", offset=5, expected="one that SiLK 3.19 reads"
        )
    if file_version > 16:
        raise FlowFileError(
            path, f"unknown version {file_version} of the SiLK file header", offset=6, expected="at most 16"
        )
    if file_version < 16:
        return _old_header(reader, format_id, file_version, compression, byte_order)
    if compression not in COMPRESSIONS:
        raise FlowFileError(
            path,
            f"unknown compression method {compression}",
            offset=7,
            expected="0 (none), 1 (zlib), 2 (lzo1x) or 3 (snappy)",
        )
    silk_version, record_length, record_version = struct.unpack(">IHH", reader.take(8, "the header"))
    entries = _entries(reader)
    hour = sensor = flowtype = None
    packed = next((e.payload for e in entries if e.id == ENTRY_PACKED_FILE), None)
    if packed is not None:
        if len(packed) < 16:
            raise FlowFileError(
                path,
                "the packed-file header entry is too short",
                offset=16,
                found=f"{len(packed)} bytes",
                expected="16",
            )
        hour, flowtype, sensor = struct.unpack(">qII", packed[:16])
    return SilkHeader(
        format=format_id,
        file_version=file_version,
        record_version=record_version,
        record_length=record_length,
        compression=compression,
        byte_order=byte_order,
        length=reader.offset,
        silk_version=silk_version,
        entries=tuple(entries),
        hour=hour,
        sensor=None if sensor is None else min(sensor, UNKNOWN_SENSOR),
        flowtype=None if flowtype is None else min(flowtype, UNKNOWN_FLOWTYPE),
        invocations=tuple(_text(e.payload) for e in entries if e.id == ENTRY_INVOCATION),
        annotations=tuple(_text(e.payload) for e in entries if e.id == ENTRY_ANNOTATION),
        probe=next((_text(e.payload) for e in entries if e.id == ENTRY_PROBE), None),
    )


def old_padding(header: SilkHeader, record_length: int) -> int:
    """How many zero bytes stand between an old-style header and its first record."""
    if header.file_version >= 16 or header.file_version < 2 or header.format in (FLOWCAP, IPSET):
        return 0
    return -header.length % record_length


def write_header(
    format: int,
    record_version: int,
    record_length: int,
    compression: int = 0,
    byte_order: str = "<",
    entries: Iterable[HeaderEntry] = (),
) -> bytes:
    """A new-style header (file version 16), padded to a multiple of ``record_length``."""
    out = bytearray(MAGIC)
    out += struct.pack(
        ">BBBBIHH",
        1 if byte_order == ">" else 0,
        format,
        16,
        compression,
        SILK_VERSION,
        record_length,
        record_version,
    )
    for entry in entries:
        out += struct.pack(">II", entry.id, 8 + len(entry.payload)) + entry.payload
    padding = -(len(out) + 8) % record_length
    out += struct.pack(">II", ENTRY_END, 8 + padding) + bytes(padding)
    return bytes(out)


class _Reader:
    """Takes exact numbers of bytes from a stream, piece by piece, and counts them."""

    def __init__(self, stream: Stream, path: str) -> None:
        self.stream = stream
        self.path = path
        self.offset = 0

    def take(self, size: int, what: str) -> bytes:
        start = self.offset
        if start + size > _MAX_HEADER:
            # a length that no header has: do not believe it, however long the file is
            have = self.skip_to_end(_MAX_HEADER - start)
            if start + have < _MAX_HEADER:
                raise self.short(start, size, have, what)
            raise FlowFileError(
                self.path,
                f"{what} claims {size} bytes",
                offset=start,
                expected=f"a header of at most {_MAX_HEADER} bytes",
            )
        pieces = []
        left = size
        while left:
            piece = self.stream.read(min(left, _PIECE))
            if not piece:
                raise self.short(start, size, size - left, what)
            pieces.append(bytes(piece))
            left -= len(piece)
            self.offset += len(piece)
        return b"".join(pieces)

    def skip_to_end(self, most: int) -> int:
        have = 0
        while have < most:
            piece = self.stream.read(min(most - have, _PIECE))
            if not piece:
                break
            have += len(piece)
        return have

    def short(self, start: int, size: int, have: int, what: str) -> FlowFileError:
        if self.offset == 0 and have == 0:
            return FlowFileError(self.path, "the file is empty", expected="a SiLK header")
        return FlowFileError(
            self.path,
            f"the file ends inside {what}",
            offset=start,
            found=f"{have} bytes",
            expected=f"{size} bytes",
            hint="the file is truncated or damaged",
            records_read=0,
        )


def _entries(reader: _Reader) -> list[HeaderEntry]:
    entries: list[HeaderEntry] = []
    while True:
        start = reader.offset
        id, length = struct.unpack(">II", reader.take(8, "a header entry"))
        if length < 8:
            raise FlowFileError(
                reader.path,
                f"header entry {id} claims a length of {length}",
                offset=start,
                expected="at least 8 bytes",
            )
        payload = reader.take(length - 8, f"header entry {id}")
        if id == ENTRY_END:
            return entries
        entries.append(HeaderEntry(id, payload))


def _old_header(
    reader: _Reader, format_id: int, version: int, compression: int, byte_order: str
) -> SilkHeader:
    path = reader.path
    first = _OLD_COMPRESSION_FROM.get(format_id)
    if first is None:
        raise FlowFileError(
            path,
            f"{FORMATS[format_id]} has no version {version} with an old-style header",
            offset=6,
            expected="header version 16",
        )
    if format_id == FLOWCAP and compression == 6:
        compression = 2
    if compression and (version < first or compression not in COMPRESSIONS):
        raise FlowFileError(
            path,
            f"compression method {compression} in {FORMATS[format_id]} version {version}",
            offset=7,
            expected="0 (none)" if version < first else "0 to 3",
        )
    hour = None
    sensor_name = flowtype_name = probe = None
    invocations: list[str] = []
    if format_id in _HOURLY:
        (seconds,) = struct.unpack(byte_order + "I", reader.take(4, "the header"))
        hour = seconds * 1000
        name = _HOUR_FILE_NAME.match(Path(path).name)
        if name:
            sensor_name, flowtype_name = name["sensor"], name["flowtype"]
    elif format_id == RWFILTER:
        (lines,) = struct.unpack(byte_order + "I", reader.take(4, "the header"))
        for _ in range(lines):
            (size,) = struct.unpack(byte_order + "H", reader.take(2, "a command line of the header"))
            line = reader.take(size, "a command line of the header")
            invocations.append(line.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace"))
    elif format_id == FLOWCAP:
        names = reader.take(50, "the header")
        probe = _text(names[25:])
    return SilkHeader(
        format=format_id,
        file_version=version,
        record_version=version,
        record_length=0,
        compression=compression,
        byte_order=byte_order,
        length=reader.offset,
        hour=hour,
        sensor_name=sensor_name,
        flowtype_name=flowtype_name,
        invocations=tuple(invocations),
        probe=probe,
    )


def _text(payload: bytes) -> str:
    return payload.split(b"\0", 1)[0].decode("utf-8", "replace")
