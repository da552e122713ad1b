"""SiLK IPset files: the sets that rwset and rwsetbuild write, in all their record versions.

Source: the SiLK IPset format, record versions 2 to 5, and 0 and 1 of old files, whose body is that of
version 2.  Versions 0 to 2 hold a bitmap for each /24; 3 the leaves of a radix tree; 4 blocks and
bitmaps; 5 the same for IPv6 with the upper halves apart.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np

from flowrules.flows.errors import FlowFileError
from flowrules.flows.ipset_body import Ends, ipv4_items, ipv6_items, leaves, slash24_runs
from flowrules.flows.ipset_write import write_ipset
from flowrules.flows.silk_body import Body
from flowrules.flows.silk_header import ENTRY_IPSET, IPSET, SilkHeader, read_header
from flowrules.flows.stream_source import Readable, open_bytes
from flowrules.model.address_set import AddressSet

__all__ = ["read_ipset", "write_ipset"]

_MERGE_AT: Final = 1 << 20
"""So many ranges are held before they are merged, so that repetition in a file takes no memory."""


def read_ipset(path: Readable, name: str | None = None) -> AddressSet:
    """The set in a SiLK IPset file, or in an open binary file.

    ``name`` stands for the file in messages.  Raises ``FlowFileError`` where the file is no IPset, is of
    an unknown version, ends early or is damaged; no length in it is believed before the bytes are there.
    """
    with open_bytes(path, name) as source:
        header = read_header(source, source.name)
        return _read_body(Body(source, header, "set"), header)


def _read_body(body: Body, header: SilkHeader) -> AddressSet:
    if header.format != IPSET:
        raise FlowFileError(
            body.name, "not an IPset", offset=5, found=f"a file of {header.format_name}", expected="FT_IPSET"
        )
    if header.record_length not in (0, 1):
        raise FlowFileError(
            body.name,
            "wrong record length of an IPset",
            offset=12,
            found=str(header.record_length),
            expected="1",
        )
    if header.record_version > 5:
        raise FlowFileError(
            body.name,
            f"unknown version {header.record_version} of IPset records",
            offset=14,
            expected="0 to 5",
        )
    if header.record_version <= 2:
        return _collect(slash24_runs(body))
    leaf_count, leaf_size, node_count, node_size = _tree_shape(body, header)
    if header.record_version == 3:
        return _collect(leaves(body, leaf_count, leaf_size, node_count, node_size))
    if header.record_version == 4 and leaf_size == 4:
        return _collect(ipv4_items(body))
    return _collect(ipv6_items(body, halves=header.record_version == 5))


def _tree_shape(body: Body, header: SilkHeader) -> tuple[int, int, int, int]:
    """Leaf count, leaf size, node count and node size from the header's IPset entry."""
    entry = header.entry(ENTRY_IPSET)
    if entry is None or len(entry) < 24:
        raise FlowFileError(
            body.name,
            "the header has no whole IPset entry",
            offset=16,
            found="none" if entry is None else f"{len(entry)} bytes",
            expected="an entry of 24 bytes",
        )
    _, leaf_count, leaf_size, node_count, node_size, _ = struct.unpack(">6I", entry[:24])
    allowed = {3: (8, 24), 4: (4, 16), 5: (16,)}[header.record_version]
    if leaf_size not in allowed and (leaf_count or node_count or header.record_version > 3):
        raise FlowFileError(
            body.name,
            f"impossible leaf size in the IPset entry of record version {header.record_version}",
            offset=16,
            found=str(leaf_size),
            expected=" or ".join(map(str, allowed)),
        )
    return leaf_count, leaf_size, node_count, node_size


def _collect(parts: Iterator[Ends]) -> AddressSet:
    """The set of all ranges, merged as they come."""
    merged = AddressSet()
    held: list[Ends] = []
    have = 0
    for part in parts:
        held.append(part)
        have += len(part[0])
        if have >= _MERGE_AT:
            merged |= _joined(held)
            held, have = [], 0
    return merged | _joined(held) if held else merged


def _joined(parts: list[Ends]) -> AddressSet:
    first, last = (np.concatenate([part[end] for part in parts]) for end in (0, 1))
    return AddressSet.from_range_arrays(first, last)
