"""The index of a part: its columns, blocks and segments, the bounds of every column in every segment.

The file ``index`` is: ``MAGIC``, the version and the length of the header (u32 each), the header (JSON),
then arrays one after another, all little-endian: blocks (``BLOCK``), segments (``SEGMENT``), for each column the
bounds (64-bit, least and greatest of each segment), where records have a start and a duration the same of their
ends, for each column that has a file the checksums of its blocks (``CHECKSUM``).
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.flows.errors import FlowFileError
from flowrules.flows.store.checksum import CHECKSUM
from flowrules.flows.store.columns import WIDTHS
from flowrules.flows.store.manifest import VERSION, damaged

Array = NDArray[Any]

INDEX: Final = "index"
"""The file's name in the folder of its part."""

MAGIC: Final = b"FRPART\r\n"

BLOCK: Final = np.dtype(
    [("first", "<u8"), ("rows", "<u4"), ("wide", "<u4"), ("segment", "<u4"), ("segments", "<u4")]
)
"""A block: its first row in the part, its rows, how many of them at its end are IPv6, its first
segment and how many there are."""

SEGMENT: Final = np.dtype(
    [("first", "<u8"), ("rows", "<u4"), ("block", "<u4"), ("wide", "<u4"), ("spare", "<u4")]
)
"""A segment: its first row in the part, its rows, its block, and 1 where its addresses are IPv6."""


@frozen
class ColumnEntry:
    """One column of a part: its dtype, and the value where it is the same in every row (no file then)."""

    name: str
    dtype: np.dtype[Any]
    constant: int | None = None


@frozen(eq=False)
class PartIndex:
    """What the index of a part says.

    ``bounds`` maps each column to an int64 or uint64 array of shape (segments, 2): the least and the greatest
    stored value.  For the address columns of an IPv6 segment these are numbers of the address table.
    ``ends`` are the same of start and duration together (int64, ms), ``None`` where records have not both.
    ``checksums`` maps the columns that have a file to one ``CHECKSUM`` for each block.
    """

    rows: int
    fields: tuple[str, ...]
    columns: Mapping[str, ColumnEntry]
    blocks: Array
    segments: Array
    bounds: Mapping[str, Array]
    ends: Array | None
    checksums: Mapping[str, Array]
    addresses: int = 0
    """How many addresses the address table has."""
    addresses_checksum: tuple[int, int, int] = field(default=(0, 0, 0))


def index_bytes(index: PartIndex) -> bytes:
    """The content of the index file."""
    header = json.dumps(
        {
            "records": index.rows,
            "fields": list(index.fields),
            "columns": [[c.name, c.dtype.str, c.constant] for c in index.columns.values()],
            "blocks": len(index.blocks),
            "segments": len(index.segments),
            "addresses": index.addresses,
            "addresses_checksum": list(index.addresses_checksum),
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    pieces = [
        MAGIC,
        VERSION.to_bytes(4, "little"),
        len(header).to_bytes(4, "little"),
        header,
        index.blocks.tobytes(),
        index.segments.tobytes(),
    ]
    pieces += [index.bounds[name].tobytes() for name in index.columns]
    if index.ends is not None:
        pieces.append(index.ends.tobytes())
    pieces += [index.checksums[c.name].tobytes() for c in index.columns.values() if c.constant is None]
    return b"".join(pieces)


def parse_index(data: bytes, path: str) -> PartIndex:
    """Read the content of an index file, whose checksum the caller has compared.

    Raises ``FlowFileError`` naming ``path`` where it is of another version or not consistent.
    """
    check_version(data, path)
    try:
        return _parse(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f"an index that is not consistent ({error})") from error


def check_version(data: bytes, path: str) -> None:
    """Raise ``FlowFileError`` unless these bytes begin as an index of the version that is read here."""
    if data[:8] != MAGIC:
        raise damaged(path, "something else than the index of a part")
    version = int.from_bytes(data[8:12], "little")
    if version != VERSION:
        raise FlowFileError(
            path,
            "a part of another version than its store",
            found=f"version {version}",
            expected=f"version {VERSION}",
            hint="restore it from a copy, or convert the flows again",
        )


def bounds_dtype(name: str) -> np.dtype[Any]:
    """The dtype of the bounds of a column: 64 bits, signed where the column is."""
    return np.dtype("<i8" if WIDTHS[name][-1].kind == "i" else "<u8")


def ends_known(names: Container[str]) -> bool:
    """Whether records with these fields have an end."""
    return "stime" in names and "duration" in names


def _parse(data: bytes) -> PartIndex:
    length = int.from_bytes(data[12:16], "little")
    header = json.loads(data[16 : 16 + length])
    columns: dict[str, ColumnEntry] = {}
    for name, text, constant in header["columns"]:
        dtype = next(d for d in WIDTHS[name] if d.str == text)
        if constant is not None and not isinstance(constant, int):
            raise ValueError(f"bad constant of {name}")
        columns[name] = ColumnEntry(name, dtype, constant)
    at = 16 + length

    def take(dtype: np.dtype[Any], count: int) -> Array:
        nonlocal at
        out = np.frombuffer(data, dtype, count, at)
        at += out.nbytes
        return out

    blocks = take(BLOCK, int(header["blocks"]))
    segments = take(SEGMENT, int(header["segments"]))
    bounds = {name: take(bounds_dtype(name), 2 * len(segments)).reshape(-1, 2) for name in columns}
    ends = None
    if ends_known(columns):
        ends = take(np.dtype("<i8"), 2 * len(segments)).reshape(-1, 2)
    checksums = {c.name: take(CHECKSUM, len(blocks)) for c in columns.values() if c.constant is None}
    if at != len(data):
        raise ValueError(f"{len(data)} bytes instead of {at}")
    index = PartIndex(
        rows=int(header["records"]),
        fields=tuple(header["fields"]),
        columns=columns,
        blocks=blocks,
        segments=segments,
        bounds=bounds,
        ends=ends,
        checksums=checksums,
        addresses=int(header["addresses"]),
        addresses_checksum=tuple(header["addresses_checksum"]),
    )
    _check(index)
    return index


def _check(index: PartIndex) -> None:
    """Blocks and segments must lie one after another and cover the part; else ``ValueError``."""
    blocks, segments = index.blocks, index.segments
    if int(blocks["rows"].sum(dtype=np.uint64)) != index.rows or not _consecutive(blocks):
        raise ValueError("the blocks do not cover the part")
    if int(segments["rows"].sum(dtype=np.uint64)) != index.rows or not _consecutive(segments):
        raise ValueError("the segments do not cover the part")
    stops = blocks["segment"].astype(np.int64) + blocks["segments"]
    starts = np.concatenate((np.zeros(1, np.int64), stops[:-1]))
    if (
        (blocks["segment"] != starts).any()
        or int(stops[-1]) != len(segments)
        or (blocks["segments"] == 0).any()
    ):
        raise ValueError("the segments do not belong to the blocks in order")
    if (segments["first"].take(starts) != blocks["first"]).any() or (blocks["wide"] > blocks["rows"]).any():
        raise ValueError("the segments do not begin where their blocks do")
    if any(name not in index.columns for name in index.fields):
        raise ValueError("a field has no column")


def _consecutive(runs: Array) -> bool:
    if not len(runs):
        return False
    ends = runs["first"].astype(np.int64) + runs["rows"]
    return (
        int(runs["first"][0]) == 0
        and bool((runs["first"][1:] == ends[:-1]).all())
        and bool((runs["rows"] > 0).all())
    )
