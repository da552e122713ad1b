"""Flow records, sets and prefix maps of files as Python's own values, and the site's names."""

from __future__ import annotations

import socket
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from flowrules.flows.ipset import read_ipset
from flowrules.flows.pmap import read_prefix_map
from flowrules.flows.sources import open_sources

MAPPED = 0xFFFF << 32
CONF = {
    "types": [
        "in",
        "out",
        "inweb",
        "outweb",
        "innull",
        "outnull",
        "int2int",
        "ext2ext",
        "inicmp",
        "outicmp",
        "other",
    ],
    "defaults": ("in", "inweb", "inicmp"),
    "sensors": {i: f"S{i}" for i in range(15)},
}


class Row(NamedTuple):
    """A record; addresses are 128-bit numbers, IPv4 mapped; times ms."""

    sip: int
    dip: int
    sport: int
    dport: int
    protocol: int
    packets: int
    bytes: int
    flags: int
    stime: int
    duration: int
    sensor: int
    input: int
    output: int
    nhip: int
    initial_flags: int
    session_flags: int
    attributes: int
    application: int
    type: int
    ip_version: int

    @property
    def etime(self) -> int:
        return self.stime + self.duration

    @property
    def icmp(self) -> bool:
        return self.protocol == 1 or (self.protocol == 58 and self.ip_version == 6)


@cache
def rows_of(path: str) -> tuple[Row, ...]:
    """The records of a file, in order."""
    found: list[Row] = []
    for source in open_sources([path]):
        for chunk in source.chunks():
            columns: list[list[Any]] = []
            for name in Row._fields:
                values = chunk.columns[name]
                if name in ("sip", "dip", "nhip"):
                    if values.dtype.names:
                        columns.append([int(h) << 64 | int(n) for h, n in values.tolist()])
                    else:
                        columns.append([MAPPED + v for v in values.tolist()])
                else:
                    columns.append(values.tolist())
            found += [Row(*row) for row in zip(*columns, strict=True)]
    return tuple(found)


Ranges = list[tuple[int, int]]


@cache
def set_of(path: str) -> tuple[tuple[int, int], ...]:
    """The ranges of a set file."""
    return tuple(read_ipset(Path(path)).ranges())


def holds(ranges: Ranges | tuple[tuple[int, int], ...], value: int) -> bool:
    """Whether a number is in sorted, disjoint ranges."""
    at = bisect_right(ranges, (value, 1 << 129)) - 1
    return at >= 0 and value <= ranges[at][1]


def joined(ranges: Ranges) -> Ranges:
    """Sorted and disjoint ranges that do not touch."""
    out: Ranges = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return out


class Map(NamedTuple):
    """A prefix map: sorted ranges with the place of their label."""

    kind: str
    starts: list[int]
    ends: list[int]
    places: list[int]
    labels: tuple[str, ...]

    def place(self, row: Row, side: str) -> int:
        """The label's place for one side (``s`` or ``d``) of a record; past the end where there is none."""
        if self.kind == "address":
            key = row.sip if side == "s" else row.dip
        else:
            key = row.protocol << 16 | (row.sport if side == "s" else row.dport)
        at = bisect_right(self.starts, key) - 1
        if at < 0 or key > self.ends[at] or self.places[at] < 0:
            return len(self.labels)
        return self.places[at]

    def label(self, place: int) -> str:
        return self.labels[place] if place < len(self.labels) else "UNKNOWN"


@cache
def map_of(path: str) -> Map:
    """The prefix map in a file."""
    table = read_prefix_map(path)

    def numbers(values: Any) -> list[int]:
        if values.dtype.names:
            return [int(h) << 64 | int(n) for h, n in values.tolist()]
        return [int(v) for v in values.tolist()]

    labels = tuple(str(label) for label in table.labels)
    return Map(table.kind, numbers(table.starts), numbers(table.ends), table.index.tolist(), labels)


def address_text(value: int, six: bool = False) -> str:
    """An address by inet_ntop; IPv4 as four numbers unless ``six``."""
    if value >> 32 == 0xFFFF and not six:
        return socket.inet_ntop(socket.AF_INET, (value & 0xFFFFFFFF).to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


def letters(value: int, alphabet: str) -> str:
    """The set bits as letters, of ``(letter, bit)`` by alphabet: F S R P A U E C from the lowest."""
    return "".join(c for i, c in enumerate(alphabet) if value >> i & 1)


def flags_text(value: int) -> str:
    return letters(value, "FSRPAUEC")


def attributes_text(value: int) -> str:
    """T C F S where set."""
    return "".join(c for c, bit in (("T", 0x20), ("C", 0x40), ("F", 0x08), ("S", 0x10)) if value & bit)
