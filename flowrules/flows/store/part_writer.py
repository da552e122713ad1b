"""Writing one part: the records of a day, block after block, into a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.store.address_table import AddressTable
from flowrules.flows.store.arrange import Arrangement, arrange, wide_rows
from flowrules.flows.store.checksum import checksum, digest
from flowrules.flows.store.column_file import ColumnFile
from flowrules.flows.store.columns import ADDRESS_FILE, ADDRESSES, CODES, HOMES, WIDTHS
from flowrules.flows.store.home_codes import HomeCodes
from flowrules.flows.store.ipv4_table import Ipv4Table
from flowrules.flows.store.manifest import PartEntry
from flowrules.flows.store.part_index import (
    BLOCK,
    INDEX,
    SEGMENT,
    PartIndex,
    bounds_dtype,
    ends_known,
    index_bytes,
)
from flowrules.flows.table import Chunk, widen
from flowrules.model.fields import ADDRESS

Array = NDArray[Any]

_SYNCING: Final = 8
"""Files that are told to reach the disk at one time: the system then takes them in one go."""


class PartWriter:
    """Writes the blocks of one part into ``folder``, which it makes.

    ``day`` and ``fields`` are those of every record; ``homes`` gives the codes of home hosts, where there are
    to be any; with ``dictionary`` all addresses are numbered, not only IPv6.  ``rooms`` are arrays that
    writers share, to work in: memory that is fresh from the system costs more than what is done in it.
    ``finish`` must be called before the part can be read.  Errors of the system pass through as ``OSError``.
    """

    def __init__(
        self,
        folder: Path,
        day: str,
        fields: Iterable[str],
        homes: HomeCodes | None,
        dictionary: bool = False,
        rooms: dict[np.dtype[Any], Array] | None = None,
    ) -> None:
        folder.mkdir()
        self.folder = folder
        self.day = day
        self.fields = tuple(name for name in WIDTHS if name in frozenset(fields))
        self.rows = 0
        self.table = AddressTable()
        self._homes = homes
        self._rooms = {} if rooms is None else rooms
        self._entry_homes: NDArray[np.uint32] = np.empty(0, np.uint32)
        homed = [] if homes is None else [home for home, name in HOMES.items() if name in self.fields]
        coded = [code for code, name in CODES.items() if dictionary and name in self.fields]
        self._ipv4 = Ipv4Table()
        self._columns = {name: ColumnFile(folder, name) for name in (*self.fields, *homed, *coded)}
        for name in coded:
            # a number is not known before the table is sorted
            self._columns[name].materialise()
        self._bounds: dict[str, list[Array]] = {name: [] for name in self._columns}
        self._ends: list[Array] | None = [] if ends_known(self.fields) else None
        self._blocks: list[tuple[int, int, int, int, int]] = []
        self._segments: list[tuple[int, int, int, int, int]] = []

    @property
    def addresses(self) -> int:
        """How many addresses have been numbered, which stay in memory until the part is finished."""
        return self.table.count + self._ipv4.count

    @property
    def blocks(self) -> int:
        """How many blocks have been written."""
        return len(self._blocks)

    def add(self, chunk: Chunk) -> None:
        """Write the rows of a chunk as one block."""
        wide = wide_rows(chunk)
        if wide is not None:
            for name in ADDRESSES:
                if name in self._columns:
                    # a number of the table is not known before the table is sorted
                    self._columns[name].materialise()
        arrangement = arrange(chunk, wide)
        values = {name: chunk.columns[name] for name in self.fields}
        for name in ADDRESSES:
            if name in values:
                values[name] = self._narrowed(values[name], wide)
        self._add_codes(values, wide)
        self._add_homes(values, wide)
        for name, column in self._columns.items():
            if name in values:
                self._put(column, values[name], arrangement)
        if self._ends is not None:
            ends = np.empty((len(arrangement.starts), 2), "<i8")
            self._find_bounds(ends, values["stime"] + values["duration"].astype(np.int64), arrangement)
            self._ends.append(ends)
        starts = arrangement.starts
        stops = (*starts[1:], arrangement.rows)
        narrow = arrangement.rows - arrangement.wide
        block = len(self._blocks)
        self._blocks.append((self.rows, arrangement.rows, arrangement.wide, len(self._segments), len(starts)))
        self._segments += [
            (self.rows + start, stop - start, block, int(start >= narrow), 0)
            for start, stop in zip(starts, stops, strict=True)
        ]
        self.rows += arrangement.rows

    def finish(self, name: str) -> PartEntry:
        """Write what is missing, make sure that all of it has reached the disk, and say what there is.

        ``name`` is what the manifest is to call the part.
        """
        table_sum = (0, 0, 0)
        table = self._renumber()
        if len(table):
            table_sum = checksum(table)
            with (self.folder / ADDRESS_FILE).open("wb") as file:
                file.write(table.view(np.uint8).data)
        index = PartIndex(
            rows=self.rows,
            fields=self.fields,
            columns={name: column.entry for name, column in self._columns.items()},
            blocks=np.array(self._blocks, BLOCK),
            segments=np.array(self._segments, SEGMENT),
            bounds={name: np.concatenate(pieces) for name, pieces in self._bounds.items()},
            ends=None if self._ends is None else np.concatenate(self._ends),
            checksums={
                name: column.checksums for name, column in self._columns.items() if column.path is not None
            },
            addresses=len(table),
            addresses_checksum=table_sum,
        )
        data = index_bytes(index)
        (self.folder / INDEX).write_bytes(data)
        _sync(self.folder)
        span = None
        if "stime" in index.bounds:
            times = index.bounds["stime"]
            span = int(times[:, 0].min()), int(times[:, 1].max())
        return PartEntry(name, self.day, self.rows, self.fields, span, digest(data))

    def _narrowed(self, addresses: Array, wide: NDArray[np.bool_] | None) -> NDArray[np.uint32]:
        """Addresses as u32: IPv4 themselves, in IPv6 rows their numbers in the table."""
        if addresses.dtype != ADDRESS:
            if wide is None:
                return addresses
            # an IPv6 record whose other addresses are IPv4 throughout the chunk
            mapped = np.zeros(len(addresses), ADDRESS)
            mapped["low"] = addresses.astype(np.uint64) | np.uint64(0xFFFF << 32)
            addresses = mapped
        out: NDArray[np.uint32] = addresses["low"].astype(np.uint32)
        if wide is not None:
            six = np.flatnonzero(wide)
            out[six] = self.table.codes(addresses.take(six))
        return out

    def _add_codes(self, values: dict[str, Array], wide: NDArray[np.bool_] | None) -> None:
        """Add the numbers of all addresses, where the part is to have them."""
        for code, name in CODES.items():
            if code not in self._columns:
                continue
            if wide is None:
                values[code] = self._ipv4.codes(values[name])
                continue
            # IPv6 rows have their numbers already
            numbers = values[code] = values[name].copy()
            four = np.flatnonzero(~wide)
            numbers[four] = self._ipv4.codes(values[name].take(four))

    def _add_homes(self, values: dict[str, Array], wide: NDArray[np.bool_] | None) -> None:
        """Add the codes of home hosts, or drop them for this part where there are too many hosts."""
        if self._homes is None:
            return
        if self.table.count > len(self._entry_homes):
            fresh = self._homes.wide(self.table.addresses[len(self._entry_homes) :])
            if fresh is None:
                self._drop_homes(values)
                return
            self._entry_homes = np.concatenate((self._entry_homes, fresh))
        for home, name in HOMES.items():
            if home not in self._columns:
                continue
            if wide is None:
                codes = self._homes.narrow(values[name])
            else:
                codes = np.empty(len(wide), np.uint32)
                four, six = np.flatnonzero(~wide), np.flatnonzero(wide)
                codes[six] = self._entry_homes.take(values[name].take(six))
                narrow = self._homes.narrow(values[name].take(four))
                if narrow is None:
                    codes = None
                else:
                    codes[four] = narrow
            if codes is None:
                self._drop_homes(values)
                return
            values[home] = codes

    def _drop_homes(self, values: dict[str, Array]) -> None:
        self._homes = None
        for home in HOMES:
            if home in self._columns:
                self._columns.pop(home).remove()
                del self._bounds[home]
                values.pop(home, None)

    def _put(self, column: ColumnFile, values: Array, arrangement: Arrangement) -> None:
        bounds = np.empty((len(arrangement.starts), 2), bounds_dtype(column.name))
        values, low, high = self._find_bounds(bounds, values, arrangement)
        self._bounds[column.name].append(bounds)
        column.put(values, low, high)

    def _find_bounds(self, bounds: Array, values: Array, arrangement: Arrangement) -> tuple[Array, int, int]:
        """Fill the bounds of segments; the values in their order until the next call, and the least and greatest of all."""
        low, high = int(values.min()), int(values.max())
        bounds[:, 0], bounds[:, 1] = low, high
        if low != high:
            if arrangement.order is not None:
                values = self._ordered(values, arrangement.order)
            if len(bounds) > 1:
                _find_bounds(bounds, values, arrangement.starts)
        return values, low, high

    def _ordered(self, values: Array, order: NDArray[np.intp]) -> Array:
        """The values in another order, until the next call."""
        room = self._rooms.get(values.dtype)
        if room is None or len(room) < len(order):
            room = self._rooms[values.dtype] = np.empty(len(order), values.dtype)
        # any other mode than this would make numpy go through memory of its own
        return values.take(order, out=room[: len(order)], mode="clip")

    def _renumber(self) -> Array:
        """Sort the address table, and put the new numbers into the columns and bounds; the table."""
        addresses = np.concatenate((widen(self._ipv4.addresses), self.table.addresses))
        table, new = _ranks(addresses)
        narrow, wide = new[: self._ipv4.count], new[self._ipv4.count :]
        for name in CODES:
            if name in self._columns:
                self._replace(name, narrow, wide)
        if len(wide):
            for name in ADDRESSES:
                if name in self._columns:
                    self._replace(name, None, wide)
        return table

    def _replace(self, name: str, narrow: Array | None, wide: Array) -> None:
        """Put new numbers in the place of old ones: those of IPv4 rows too where ``narrow`` has them."""
        for number, (first, rows, six, segment, segments) in enumerate(self._blocks):
            if not six and narrow is None:
                continue
            bounds = self._bounds[name][number]
            starts = [start - first for start, *_ in self._segments[segment : segment + segments]]

            def change(
                data: Array, four: int = rows - six, bounds: Array = bounds, starts: list[int] = starts
            ) -> Array:
                if narrow is not None:
                    data[:four] = narrow.take(data[:four])
                data[four:] = wide.take(data[four:])
                _find_bounds(bounds, data, starts)
                return data

            self._columns[name].rewrite(number, first, change)


def _ranks(addresses: Array) -> tuple[Array, NDArray[np.uint32]]:
    """Addresses (``ADDRESS``) ascending, each once, and the place of each one given among them."""
    order = np.lexsort((addresses["low"], addresses["high"]))
    ordered = addresses.take(order)
    first = np.ones(len(order), np.bool_)
    first[1:] = ordered["low"][1:] != ordered["low"][:-1]
    first[1:] |= ordered["high"][1:] != ordered["high"][:-1]
    ranks = np.empty(len(order), np.uint32)
    ranks[order] = (np.cumsum(first) - 1).astype(np.uint32)
    return ordered[first], ranks


def _find_bounds(bounds: Array, values: Array, starts: Iterable[int]) -> None:
    """Fill ``bounds`` with the least and greatest value of each segment."""
    starts = list(starts)
    least, most = np.minimum.reduce, np.maximum.reduce
    for at, (start, stop) in enumerate(zip(starts, [*starts[1:], len(values)], strict=True)):
        piece = values[start:stop]
        bounds[at, 0] = least(piece)
        bounds[at, 1] = most(piece)


def _sync(folder: Path) -> None:
    """Return when the files of a folder, and the folder, are on the disk."""
    with ThreadPoolExecutor(_SYNCING) as pool:
        list(pool.map(sync, folder.iterdir()))
    sync(folder)


def sync(path: Path) -> None:
    """Return when a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
