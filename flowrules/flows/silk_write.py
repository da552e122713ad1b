"""Writing flow records such that SiLK's tools read them: FT_RWGENERIC version 5 and FT_RWIPV6ROUTING version 1."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.atomic import whole_file
from flowrules.flows.defaults import with_defaults
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_encodings import ATTRIBUTE_BITS, IPV6_BIT
from flowrules.flows.silk_header import (
    COMPRESSIONS,
    ENTRY_ANNOTATION,
    ENTRY_INVOCATION,
    RWGENERIC,
    RWIPV6ROUTING,
    HeaderEntry,
    write_header,
)
from flowrules.flows.silk_layout import Layout
from flowrules.flows.silk_layouts import layout_of
from flowrules.flows.silk_records import open_silk
from flowrules.flows.table import Chunk, widen
from flowrules.model.fields import ADDRESS, STORED

Array = NDArray[Any]

_BLOCK_BYTES: Final = 1 << 16
"""Uncompressed bytes that a compressed block holds at most, as SiLK's writers have it."""

_PART: Final = 1 << 14
"""Records packed at a time: they stay in the cache while field after field is filled in."""

_WRITTEN: Final = frozenset(STORED) - {"record_number"}

_RANGES: Final = {
    "packets": (0xFFFFFFFF, "packets"),
    "bytes": (0xFFFFFFFF, "bytes"),
    "duration": (0xFFFFFFFF, "milliseconds of duration"),
    "input": (0xFFFF, "as an input interface"),
    "output": (0xFFFF, "as an output interface"),
}
"""Fields whose column can hold more than the record: the record's most, and what to call the value."""

_PLAIN: Final = {
    "sport": "sport",
    "dport": "dport",
    "protocol": "protocol",
    "type": "type",
    "sensor": "sensor",
    "flags": "flags",
    "initial_flags": "initial_flags",
    "session_flags": "session_flags",
    "application": "application",
    "input": "input",
    "output": "output",
    "packets": "packets",
    "bytes": "bytes",
    "start": "stime",
    "elapsed": "duration",
}
"""Stored fields, and the catalogue's fields that fill them."""


def write_silk(
    target: str | os.PathLike[str] | IO[bytes],
    chunks: Iterable[Chunk],
    ipv6: bool | None = None,
    compression: Literal["none", "zlib"] = "none",
    invocation: str | None = None,
    annotation: str | None = None,
) -> int:
    """Write chunks as one SiLK flow file and return the number of records.

    The file is FT_RWGENERIC version 5, little-endian, or FT_RWIPV6ROUTING version 1 when ``ipv6`` is true or,
    with ``None``, when any record is IPv6.  Fields that chunks lack are written as SiLK's defaults.
    ``invocation`` and ``annotation`` go into the header, as SiLK's tools keep them.  A path is replaced
    only when everything has been written; a file object is written to from its place on.

    Raises ``FlowFileError`` naming the record when a value does not fit SiLK's record (packets, bytes
    or milliseconds over 32 bits, interfaces over 16, an IPv6 record with ``ipv6`` false), and when the
    system refuses to write.
    """
    if compression not in ("none", "zlib"):
        raise ValueError(f"SiLK files are written with compression none or zlib, not {compression}")
    method = next(id for id, name in COMPRESSIONS.items() if name == compression)
    entries = [
        HeaderEntry(id, text.encode() + b"\0")
        for id, text in ((ENTRY_INVOCATION, invocation), (ENTRY_ANNOTATION, annotation))
        if text is not None
    ]
    with ExitStack() as stack:
        if isinstance(target, str | os.PathLike):
            name = os.fspath(target)
            file = stack.enter_context(whole_file(target))
        else:
            name = str(getattr(target, "name", "-"))
            file = target
        if ipv6 is not None:
            return _Body(file, name, ipv6, method, entries).write(chunks)
        own = file is not target and file.readable()
        return _write_either(file, name, own, chunks, method, entries)


def _write_either(
    file: IO[bytes], name: str, own: bool, chunks: Iterable[Chunk], method: int, entries: list[HeaderEntry]
) -> int:
    """Write IPv4 records until an IPv6 one comes; from then on, and for those before, the wider format.

    ``own`` says that the file may be read back and emptied.
    """
    source = iter(chunks)
    with tempfile.NamedTemporaryFile() as aside:
        narrow: IO[bytes] = file if own else aside
        body = _Body(narrow, name, False, method, entries)
        for chunk in source:
            if _has_ipv6(chunk):
                break
            body.put(chunk)
        else:
            body.end()
            if not own:
                _copy(narrow, file)
            return body.records
        body.end()
        if own:
            _copy(file, aside)
            file.seek(0)
            file.truncate()
        aside.flush()
        wide = _Body(file, name, True, method, entries)
        if body.records:
            for before in open_silk(aside.name, name).chunks():
                wide.put(before)
        wide.put(chunk)
        return wide.write(source)


def _has_ipv6(chunk: Chunk) -> bool:
    return bool((_versions(chunk) == 6).any())


def _versions(chunk: Chunk) -> Array:
    """4 or 6 for each record: the column, else 6 where any address is beyond IPv4."""
    version = chunk.columns.get("ip_version")
    if version is not None:
        return version
    out = np.full(chunk.rows, 4, np.uint8)
    for name in ("sip", "dip", "nhip"):
        column = chunk.columns.get(name)
        if column is not None and column.dtype == ADDRESS:
            out[~_is_mapped(column)] = 6
    return out


def _is_mapped(addresses: Array) -> Array:
    mapped: Array = (addresses["high"] == 0) & (addresses["low"] >> np.uint64(32) == 0xFFFF)
    return mapped


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    source.seek(0)
    while piece := source.read(1 << 20):
        target.write(piece)


class _Body:
    """One SiLK file being written: its header at once, records as they come."""

    def __init__(
        self, file: IO[bytes], name: str, ipv6: bool, compression: int, entries: list[HeaderEntry]
    ) -> None:
        format, version = (RWIPV6ROUTING, 1) if ipv6 else (RWGENERIC, 5)
        layout = layout_of(format, version, "<")
        assert layout is not None
        self.file = file
        self.name = name
        self.ipv6 = ipv6
        self.layout: Layout = layout
        self.compressed = compression != 0
        self.records = 0
        self.rest = b""
        self.block = _BLOCK_BYTES // layout.length * layout.length
        file.write(write_header(format, version, layout.length, compression, "<", entries))

    def write(self, chunks: Iterable[Chunk]) -> int:
        for chunk in chunks:
            self.put(chunk)
        self.end()
        return self.records

    def put(self, chunk: Chunk) -> None:
        for start in range(0, chunk.rows, _PART):
            part = chunk.slice(start, min(start + _PART, chunk.rows))
            data = self.packed(part).tobytes()
            self.records += part.rows
            if not self.compressed:
                self.file.write(data)
                continue
            data = self.rest + data
            whole = len(data) // self.block * self.block
            for at in range(0, whole, self.block):
                self.put_block(data[at : at + self.block])
            self.rest = data[whole:]

    def put_block(self, data: bytes) -> None:
        packed = zlib.compress(data)
        self.file.write(len(packed).to_bytes(4, "big") + len(data).to_bytes(4, "big") + packed)

    def end(self) -> None:
        if self.rest:
            self.put_block(self.rest)
            self.rest = b""

    def packed(self, chunk: Chunk) -> Array:
        """The records of a chunk in the file's layout."""
        version = _versions(chunk)
        chunk = with_defaults(
            Chunk({**chunk.columns, "ip_version": version}, chunk.rows, chunk.first, chunk.source), _WRITTEN
        )
        self.check(chunk, version)
        out: Array = np.zeros(chunk.rows, self.layout.dtype("<"))
        for place, name in _PLAIN.items():
            out[place] = chunk.columns[name]
        state = chunk.columns["attributes"] & np.uint8(ATTRIBUTE_BITS)
        if self.ipv6:
            state = state | np.where(version == 6, np.uint8(IPV6_BIT), np.uint8(0))
        out["state"] = state
        for name in ("sip", "dip", "nhip"):
            column = chunk.columns[name]
            if self.ipv6:
                wide = widen(column)
                out[name + "_high"] = wide["high"]
                out[name + "_low"] = wide["low"]
            else:
                out[name] = column["low"].astype(np.uint32) if column.dtype == ADDRESS else column
        return out

    def check(self, chunk: Chunk, version: Array) -> None:
        """Raise for the first record that the layout cannot hold."""
        for name, (most, what) in _RANGES.items():
            column = chunk.columns[name]
            if column.dtype.itemsize <= (2 if most == 0xFFFF else 4) and column.dtype.kind == "u":
                continue
            wrong = column > most if column.dtype.kind == "u" else (column < 0) | (column > most)
            if wrong.any():
                at = int(np.argmax(wrong))
                self.refuse(at, f"{int(column[at])} {what}", f"at most {most}")
        if not self.ipv6 and (version == 6).any():
            self.refuse(int(np.argmax(version == 6)), "an IPv6 record", "IPv4 only in FT_RWGENERIC")
        for name in ("sip", "dip", "nhip"):
            column = chunk.columns[name]
            if column.dtype == ADDRESS:
                wrong = (version == 4) & ~_is_mapped(column)
                if wrong.any():
                    self.refuse(int(np.argmax(wrong)), f"an IPv6 {name} in an IPv4 record", "an IPv4 address")

    def refuse(self, row: int, found: str, expected: str) -> None:
        raise FlowFileError(
            self.name,
            f"record {self.records + row} does not fit SiLK's record",
            found=found,
            expected=expected,
        )
