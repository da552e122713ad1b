"""What is in flow data: span, volumes, counts by type, protocol and hour, top talkers, fields and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.flows.defaults import with_defaults
from flowrules.flows.silk_conf import BUILT_IN, DIRECTIONS, SilkConf
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource
from flowrules.flows.tally import Tally, exact_sums
from flowrules.flows.text import FLAGS_TEXT
from flowrules.model.address_text import format_address
from flowrules.model.fields import ADDRESS, EXPANDED, IPV4_MAPPED, STORED

Array = NDArray[Any]

HOUR = 3_600_000
"""Milliseconds of an hour."""

_TOP = 5
_HOUR_SHIFT = 1 << 44
_MOST_HASHES = 1 << 22
_COMPARED = tuple(name for name in STORED if name not in ("record_number", "sip", "dip", "nhip"))
_READ = frozenset(STORED) - {"record_number"}


@frozen
class Volume:
    """Records, packets and bytes together."""

    records: int
    packets: int
    bytes: int


@frozen
class Duplicates:
    """Rows that equal an earlier row in every field.

    ``share`` is their fraction of all rows (``None`` without rows).  ``exact`` is false when there were
    so many rows that a sample of them, chosen by content, had to stand for all.
    """

    share: float | None
    exact: bool


@frozen
class Inspection:
    """What some sources hold.

    Times are ms since 1970 UTC, ``None`` without records that have them.  ``by_hour`` counts records by the hour in which
    they start; ``gaps`` are the spans of whole hours (start, end) between the first and the last of
    these in which none does.  Top lists have five entries, ties in ascending order.  ``by_type`` has the
    type's name (with its class where several have it), ``by_direction`` what the types say.
    ``fields`` are those that every source has, ``fields_of_some`` the others; ``with_initial_flags``
    counts the records that carry the first packet's flags apart.
    """

    sources: tuple[tuple[str, str, int], ...]
    """Path, format and records of each source."""
    records: int
    packets: int
    bytes: int
    first_stime: int | None
    last_etime: int | None
    by_protocol: Mapping[int, Volume]
    by_type: Mapping[str, Volume]
    by_direction: Mapping[str, int]
    by_sensor_type: Mapping[str, int]
    by_application: Mapping[int, int]
    by_hour: Mapping[int, int]
    gaps: tuple[tuple[int, int], ...]
    distinct_sip: int
    distinct_dip: int
    top5_sip_by_bytes: tuple[tuple[int, int], ...]
    """Addresses as 128-bit numbers, and their bytes."""
    top5_dip_by_records: tuple[tuple[int, int], ...]
    top5_dport_by_records: tuple[tuple[int, int], ...]
    flags_top5: tuple[tuple[str, int], ...]
    """Letters of the flags of TCP records, and records."""
    fields: tuple[str, ...]
    fields_of_some: tuple[str, ...]
    with_initial_flags: int
    ipv6_records: int
    duplicates: Duplicates
    skipped: tuple[tuple[str, str], ...] = field(default=())
    """Files that were left out, and why."""


def inspect_sources(
    sources: Iterable[FlowSource], conf: SilkConf = BUILT_IN, rows: int = CHUNK_ROWS
) -> Inspection:
    """Read the sources once, ``rows`` records at a time, and say what is in them.

    Memory grows with the number of different addresses and busy hours, not with the records.
    Raises ``FlowFileError`` as the readers do.
    """
    counter = _Counter()
    read: list[tuple[str, str, int]] = []
    every: frozenset[str] | None = None
    some: frozenset[str] = frozenset()
    for source in sources:
        before = counter.records
        every = source.fields if every is None else every & source.fields
        some |= source.fields
        for chunk in source.chunks(_READ, rows):
            counter.add(chunk)
        read.append((source.path, source.format, counter.records - before))
    return counter.result(conf, tuple(read), every or frozenset(), some)


class _Counter:
    """The running counts."""

    def __init__(self) -> None:
        self.records = 0
        self.first: int | None = None
        self.last: int | None = None
        self.protocols = [np.zeros(256, np.uint64) for _ in range(3)]
        self.types = [np.zeros(256, np.uint64) for _ in range(3)]
        self.flags = np.zeros(256, np.int64)
        self.dports = np.zeros(65536, np.int64)
        self.applications = np.zeros(65536, np.int64)
        self.sensor_types = Tally()
        self.hours = Tally()
        self.sip = _Addresses(sums=1)
        self.dip = _Addresses(sums=0)
        self.expanded = 0
        self.ipv6 = 0
        self.rows = _RowHashes()

    def add(self, chunk: Chunk) -> None:
        if chunk.rows == 0:
            return
        timed = "stime" in chunk.columns
        chunk = with_defaults(chunk, sorted(_READ))
        get = chunk.columns
        self.records += chunk.rows
        if timed:
            first, last = int(get["stime"].min()), int((get["stime"] + get["duration"]).max())
            self.first = first if self.first is None else min(first, self.first)
            self.last = last if self.last is None else max(last, self.last)
            self.hours.add(((get["stime"] // HOUR + _HOUR_SHIFT).astype(np.uint64),))
        for ids, sums in ((get["protocol"], self.protocols), (get["type"], self.types)):
            sums[0] += np.bincount(ids, minlength=256).astype(np.uint64)
            sums[1] += exact_sums(ids, get["packets"], 256)
            sums[2] += exact_sums(ids, get["bytes"], 256)
        tcp = np.flatnonzero(get["protocol"] == 6)
        self.flags += np.bincount(get["flags"].take(tcp), minlength=256)
        self.dports += np.bincount(get["dport"], minlength=65536)
        self.applications += np.bincount(get["application"], minlength=65536)
        self.sensor_types.add(((get["sensor"].astype(np.uint32) << np.uint32(8)) | get["type"],))
        self.sip.add(get["sip"], (get["bytes"],))
        self.dip.add(get["dip"], ())
        self.expanded += int(np.count_nonzero(get["attributes"] & np.uint8(EXPANDED)))
        self.ipv6 += int(np.count_nonzero(get["ip_version"] == 6))
        self.rows.add(chunk)

    def result(
        self,
        conf: SilkConf,
        read: tuple[tuple[str, str, int], ...],
        every: frozenset[str],
        some: frozenset[str],
    ) -> Inspection:
        hours, counts = self.hours.result()
        by_hour = {
            (hour - _HOUR_SHIFT) * HOUR: count
            for hour, count in zip(hours.tolist(), counts.tolist(), strict=True)
        }
        by_type = _volumes(self.types)
        names = {id: conf.type_name(id) for id in by_type}
        for id, name in names.items():
            if len([n for n in names.values() if n == name]) > 1:
                names[id] = f"{conf.class_name(id)}/{name}"
        pairs, pair_counts = self.sensor_types.result()
        return Inspection(
            sources=read,
            records=self.records,
            packets=int(self.protocols[1].sum()),
            bytes=int(self.protocols[2].sum()),
            first_stime=self.first,
            last_etime=self.last,
            by_protocol=_volumes(self.protocols),
            by_type={names[id]: volume for id, volume in by_type.items()},
            by_direction={
                direction: sum(by_type[id].records for id in conf.direction_ids(direction) if id in by_type)
                for direction in DIRECTIONS
            },
            by_sensor_type={
                f"{conf.sensor_name(pair >> 8)}/{conf.type_name(pair & 255)}": count
                for pair, count in zip(pairs.tolist(), pair_counts.tolist(), strict=True)
            },
            by_application={int(n): int(self.applications[n]) for n in np.flatnonzero(self.applications)},
            by_hour=by_hour,
            gaps=tuple((a + HOUR, b) for a, b in pairwise(by_hour) if b > a + HOUR),
            distinct_sip=len(self.sip),
            distinct_dip=len(self.dip),
            top5_sip_by_bytes=self.sip.top(1),
            top5_dip_by_records=self.dip.top(0),
            top5_dport_by_records=tuple(_top(self.dports)),
            flags_top5=tuple((FLAGS_TEXT[value], count) for value, count in _top(self.flags)),
            fields=tuple(name for name in STORED if name in every),
            fields_of_some=tuple(name for name in STORED if name in some - every),
            with_initial_flags=self.expanded,
            ipv6_records=self.ipv6,
            duplicates=self.rows.result(),
        )


def _volumes(sums: list[Array]) -> dict[int, Volume]:
    return {int(n): Volume(*(int(column[n]) for column in sums)) for n in np.flatnonzero(sums[0])}


def _top(counts: Array) -> list[tuple[int, int]]:
    used = np.flatnonzero(counts)
    order = np.lexsort((used, -counts[used].astype(np.int64)))[:_TOP]
    return [(int(used[at]), int(counts[used[at]])) for at in order]


class _Addresses:
    """Records and sums by address, IPv4 (also mapped) and IPv6 apart."""

    def __init__(self, sums: int) -> None:
        self.narrow = Tally(1, sums)
        self.wide = Tally(2, sums)

    def add(self, column: Array, values: tuple[Array, ...]) -> None:
        if column.dtype != ADDRESS:
            self.narrow.add((column,), values)
            return
        mapped = (column["high"] == 0) & (column["low"] >> np.uint64(32) == 0xFFFF)
        ipv4, ipv6 = np.flatnonzero(mapped), np.flatnonzero(~mapped)
        self.narrow.add((column["low"][ipv4].astype(np.uint32),), tuple(v[ipv4] for v in values))
        self.wide.add((column["high"][ipv6], column["low"][ipv6]), tuple(v[ipv6] for v in values))

    def __len__(self) -> int:
        return len(self.narrow) + len(self.wide)

    def top(self, value: int) -> tuple[tuple[int, int], ...]:
        """The five addresses with the most records (0) or the largest sum (1)."""
        found: list[tuple[int, int]] = []
        keys, *sums = self.narrow.result()
        for at in _largest(sums[value]):
            found.append((IPV4_MAPPED + int(keys[at]), int(sums[value][at])))
        high, low, *sums = self.wide.result()
        for at in _largest(sums[value]):
            found.append((int(high[at]) << 64 | int(low[at]), int(sums[value][at])))
        # IPv4 before IPv6 among equals: the sort is stable
        return tuple(sorted(found, key=lambda entry: -entry[1])[:_TOP])


def _largest(values: Array) -> list[int]:
    """Positions of the five largest values, the first ones among equals, largest first."""
    if len(values) > 4 * _TOP:
        least = np.partition(values, len(values) - _TOP)[len(values) - _TOP]
        above = np.flatnonzero(values > least)
        equal = np.flatnonzero(values == least)[: _TOP - len(above)]
        rows = np.sort(np.concatenate((above, equal)))
    else:
        rows = np.arange(len(values))
    order = sorted(rows.tolist(), key=lambda at: (-int(values[at]), at))
    return order[:_TOP]


class _RowHashes:
    """Counts equal rows by 64-bit hashes of their fields; keeps a slice of the hashes when they grow many."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.limit = 1 << 64

    def add(self, chunk: Chunk) -> None:
        hashes = row_hashes(chunk)
        if self.limit < 1 << 64:
            hashes = hashes[hashes < np.uint64(self.limit)]
        self.tally.add((hashes,))
        while len(self.tally) > _MOST_HASHES:
            self.limit >>= 1
            self.tally.keep_below(self.limit)

    def result(self) -> Duplicates:
        hashes, counts = self.tally.result()
        rows = int(counts.sum())
        share = None if rows == 0 else (rows - len(hashes)) / rows
        return Duplicates(share, self.limit == 1 << 64)


def row_hashes(chunk: Chunk) -> Array:
    """A 64-bit hash of each row's fields; equal rows have equal ones, whatever the columns' widths.

    The chunk must have every field but the record number.
    """
    out = np.zeros(chunk.rows, np.uint64)
    for name in ("sip", "dip", "nhip"):
        column = chunk.columns[name]
        if column.dtype == ADDRESS:
            _mix(out, column["high"])
            _mix(out, column["low"])
        else:
            _mix(out, np.zeros(1, np.uint64))
            _mix(out, column.astype(np.uint64) + np.uint64(IPV4_MAPPED))
    for name in _COMPARED:
        _mix(out, chunk.columns[name].astype(np.uint64))
    return out


def _mix(state: Array, values: Array) -> None:
    """One round of a multiplicative hash with the shift of splitmix64."""
    state ^= values
    state *= np.uint64(0x9E3779B97F4A7C15)
    state ^= state >> np.uint64(29)


def address_text(value: int) -> str:
    """An address of an inspection as text."""
    return format_address(value)
