"""Prefix maps: SiLK's binary ones and those written as text, as tables of ranges and labels.

Source: the SiLK prefix map format, record versions 1 to 5, and rwpmapbuild(1) for text.  A binary map is
a binary tree over the bits of its key; a leaf holds the index of a label, or, in country maps, the two
letters of the country's code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError
from flowrules.flows.pmap_text import read_map_text
from flowrules.flows.silk_body import Body
from flowrules.flows.silk_header import ENTRY_PREFIX_MAP, MAGIC, SilkHeader, read_header
from flowrules.flows.stream_source import PeekedSource, Readable, open_bytes
from flowrules.model import address_ranges as runs
from flowrules.model.address_index import find_last
from flowrules.model.fields import ADDRESS, IPV4_MAPPED
from flowrules.model.map_table import MapTable

PREFIX_MAP: Final = 0x25
"""SiLK's number of the format."""

_LEAF: Final = 0x80000000
_NO_LABEL: Final = 0x7FFFFFFF
_MOST_NODES: Final = 1 << 26
_MOST_LABEL_BYTES: Final = 1 << 28
_SERVICE_BITS: Final = 24
"""Bits of a protocol and port as one key."""


def read_prefix_map(
    path: Readable,
    name: str | None = None,
    keys: tuple[str, ...] | None = None,
) -> MapTable:
    """The map in a file: a SiLK prefix map, rwpmapbuild's text, or CSV of keys and labels.

    ``name`` is the map's name where the file has none (its path otherwise).  ``keys`` (``("address",)``,
    ``("port",)``, ``("port", "protocol")``) is the kind of map wanted, and how to read CSV without a
    title line; a file of another kind is an error.  Raises ``FlowFileError``.
    """
    with open_bytes(path) as source:
        head = PeekedSource(source)
        if head.first[: len(MAGIC)] == MAGIC:
            table = _read_binary(head, name)
        else:
            table = read_map_text(head, source.name, name, keys)
        wanted = ", ".join(keys) if keys else table.kind
        if table.kind != wanted and {table.kind, wanted} != {"port, protocol", "protocol, port"}:
            raise FlowFileError(
                source.name,
                "a map of the wrong kind",
                found=f"keys: {table.kind}",
                expected=f"keys: {wanted}",
            )
        return table


def _read_binary(source: ByteSource, name: str | None) -> MapTable:
    header = read_header(source, source.name)
    if header.format != PREFIX_MAP:
        raise FlowFileError(
            source.name,
            "not a prefix map",
            offset=5,
            found=f"a file of {header.format_name}",
            expected="FT_PREFIXMAP",
        )
    version = header.record_version
    if not 1 <= version <= 5:
        raise FlowFileError(
            source.name, f"unknown version {version} of prefix map records", offset=14, expected="1 to 5"
        )
    body = Body(source, header, "map")
    left, right = _nodes(body)
    bits = 128 if version in (4, 5) else 32
    high, low, length, value = _walk(body, left, right, bits)
    index, labels = _countries(value) if version in (1, 5) else _dictionary(body, value)
    map_name = name or _map_name(header) or Path(source.name).name
    if version == 3:
        return _service_table(map_name, low, length, index, labels)
    first = runs.points_of(high, low)
    if bits == 32:
        first["low"] += np.uint64(IPV4_MAPPED)
        length = length + 96
    return _address_table(map_name, first, length, index, labels)


def _map_name(header: SilkHeader) -> str | None:
    entry = header.entry(ENTRY_PREFIX_MAP)
    return entry[4:].split(b"\0", 1)[0].decode("utf-8", "replace") if entry and len(entry) > 4 else None


def _number(body: Body, what: str) -> int:
    return int.from_bytes(body.take(4, what), "big" if body.order == ">" else "little")


def _nodes(body: Body) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The children of every node, for a 0 and for a 1."""
    count = _number(body, "the number of nodes")
    if not 0 < count <= _MOST_NODES:
        raise body.error("impossible number of nodes in the map", 0, str(count), f"1 to {_MOST_NODES}")
    data = np.frombuffer(body.take(8 * count, "the nodes of the map"), body.order + "u4")
    return data[::2].astype(np.uint32), data[1::2].astype(np.uint32)


def _walk(
    body: Body, left: NDArray[np.uint32], right: NDArray[np.uint32], bits: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint32]]:
    """Every leaf of the tree, in the order of its keys: key by halves, prefix length, value.

    All nodes of one depth are walked at once; a node that two parents have, or one that is not there,
    is damage.
    """
    visited = np.zeros(len(left), np.bool_)
    node = np.zeros(1, np.uint32)
    high, low = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    found: list[tuple[NDArray[Any], ...]] = []
    for depth in range(bits):
        if not len(node):
            break
        outside = np.flatnonzero(node >= len(left))
        if len(outside):
            raise body.error(
                "the map's tree leads to a node that is not there",
                4,
                f"node {int(node[outside[0]])}",
                f"below {len(left)}",
            )
        if visited[node].any() or len(np.unique(node)) < len(node):
            raise body.error("the map's tree comes to a node twice", 4, "a loop or a shared branch", "a tree")
        visited[node] = True
        place = bits - 1 - depth
        one_high = np.uint64(1 << place - 64 if place >= 64 else 0)
        one_low = np.uint64(1 << place if place < 64 else 0)
        child = np.concatenate((left[node], right[node]))
        high, low = np.concatenate((high, high | one_high)), np.concatenate((low, low | one_low))
        leaf = child >= _LEAF
        found.append(
            (high[leaf], low[leaf], np.full(int(leaf.sum()), depth + 1), child[leaf] & np.uint32(_NO_LABEL))
        )
        node, high, low = child[~leaf], high[~leaf], low[~leaf]
    if len(node):
        raise body.error("the map's tree is too deep", 4, f"branches below {bits} bits", "leaves")
    joined = [np.concatenate([part[column] for part in found]) for column in range(4)]
    in_order = np.lexsort((joined[1], joined[0]))
    return tuple(column[in_order] for column in joined)  # type: ignore[return-value]


def _dictionary(body: Body, value: NDArray[np.uint32]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Label indices (-1: none) and the labels that follow the tree."""
    start = body.at
    size = _number(body, "the length of the labels")
    if size > _MOST_LABEL_BYTES:
        raise body.error(
            "impossible length of the labels", start, f"{size} bytes", f"at most {_MOST_LABEL_BYTES}"
        )
    text = body.take(size, "the labels")
    labels = tuple(word.decode("utf-8", "replace") for word in text.split(b"\0")[:-1]) if text else ()
    beyond = np.flatnonzero((value >= len(labels)) & (value != _NO_LABEL))
    if len(beyond):
        raise body.error(
            "the map has a label that is not there",
            start,
            f"label {int(value[beyond[0]])}",
            f"below {len(labels)}",
        )
    return np.where(value == _NO_LABEL, -1, value.astype(np.int64)).astype(np.int32), labels


def _countries(value: NDArray[np.uint32]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Label indices (-1: none) and country codes; a value is the code's two characters."""
    different, index = np.unique(value, return_inverse=True)
    first, second = different >> np.uint32(8), different & np.uint32(0xFF)
    code = [chr(a) + chr(b) if a < 128 else "" for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    known = [word.isalnum() and word.isascii() and word[:1].isalpha() for word in code]
    numbers = np.cumsum(known) - 1
    numbers[~np.array(known, np.bool_)] = -1
    labels = tuple(word for word, keep in zip(code, known, strict=True) if keep)
    return numbers[index].astype(np.int32), labels


def _address_table(
    name: str,
    first: NDArray[Any],
    length: NDArray[np.int64],
    index: NDArray[np.int32],
    labels: tuple[str, ...],
) -> MapTable:
    """A table of addresses from blocks in order, neighbours of one label joined."""
    begins, ends = _joined_runs(index)
    last = first.copy()
    for bits in np.unique(128 - length[ends]).tolist():
        some = ends[128 - length[ends] == bits]
        last[some] = runs.fill_below(first[some], bits)
    starts, stops = _addresses(first[begins]), _addresses(last[ends])
    return MapTable(name, "address", starts, stops, index[begins], labels)


def _service_table(
    name: str,
    key: NDArray[np.uint64],
    length: NDArray[np.int64],
    index: NDArray[np.int32],
    labels: tuple[str, ...],
) -> MapTable:
    """A table of protocols and ports; what lies above protocol 255 is nothing."""
    begins, ends = _joined_runs(index)
    most = np.int64((1 << _SERVICE_BITS) - 1)
    starts = key.astype(np.int64)[begins]
    stops = np.minimum(key.astype(np.int64)[ends] + (np.int64(1) << 32 - length[ends]) - 1, most)
    keep = starts <= most
    return MapTable(
        name,
        "port, protocol",
        starts[keep].astype(np.uint32),
        stops[keep].astype(np.uint32),
        index[begins][keep],
        labels,
    )


def _joined_runs(index: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where runs of one label begin and end in leaves that follow each other; not those without one."""
    changes = np.flatnonzero(index[1:] != index[:-1])
    begins = np.concatenate(([0], changes + 1))
    ends = np.concatenate((changes, [len(index) - 1]))
    labelled = index[begins] >= 0
    return begins[labelled], ends[labelled]


def _addresses(points: NDArray[Any]) -> NDArray[Any]:
    out = np.empty(len(points), ADDRESS)
    out["high"], out["low"] = points["high"], points["low"]
    return out


def lookup(table: MapTable, keys: NDArray[Any]) -> NDArray[np.int32]:
    """The index of the label of each key, -1 where the map has none.

    Keys of an address map are an address array; of a port map ports; of a port and protocol map
    ``protocol << 16 | port`` (any unsigned dtype).
    """
    if not len(table.index):
        return np.full(len(keys), -1, np.int32)
    if table.kind != "address":
        wanted = keys.astype(np.int64)
        at = np.searchsorted(table.starts.astype(np.int64), wanted, "right") - 1
        found = (at >= 0) & (wanted <= table.ends.astype(np.int64)[np.maximum(at, 0)])
        return np.where(found, table.index[np.maximum(at, 0)], -1).astype(np.int32)
    if keys.dtype == ADDRESS:
        high, low = keys["high"], keys["low"]
    else:
        high, low = np.zeros(len(keys), np.uint64), keys.astype(np.uint64) + np.uint64(IPV4_MAPPED)
    starts: Any = table.starts
    ends: Any = table.ends
    at = find_last(np.ascontiguousarray(starts["high"]), np.ascontiguousarray(starts["low"]), high, low)
    found = at >= 0
    at[~found] = 0
    end = ends[at]
    found &= (high < end["high"]) | (high == end["high"]) & (low <= end["low"])
    return np.where(found, table.index[at], -1).astype(np.int32)
