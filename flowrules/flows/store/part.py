"""Reading one part of a store: columns of blocks, each compared with its checksum before it is first used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flowrules.flows.byte_source import unreadable
from flowrules.flows.store.checksum import CHECKSUM, checksum, digest
from flowrules.flows.store.columns import ADDRESS_FILE, ADDRESSES, file_name
from flowrules.flows.store.manifest import PartEntry, damaged
from flowrules.flows.store.mapped_files import MappedFiles, check_size, file_size
from flowrules.flows.store.part_index import INDEX, PartIndex, check_version, parse_index
from flowrules.flows.table import CHUNK_ROWS, Chunk
from flowrules.model.fields import ADDRESS, STORED

Array = NDArray[Any]


@define(eq=False)
class Part:
    """The records of one day that one conversion added.

    ``first`` is the number of its first record in the store.  ``index`` has its columns, blocks and segments,
    with the bounds of all columns in all segments as arrays, to choose segments by.
    """

    folder: Path
    name: str
    """What messages call the folder."""
    entry: PartEntry
    index: PartIndex
    first: int = 0
    _files: MappedFiles = field(factory=MappedFiles, repr=False)
    _sound: dict[str, NDArray[np.bool_]] = field(factory=dict, repr=False)
    """Which blocks of each column have been compared with their checksums."""
    _constants: dict[tuple[str, str], Array] = field(factory=dict, repr=False)
    _addresses: Array | None = field(default=None, repr=False)
    _blocks: list[tuple[int, int, int]] = field(factory=list, repr=False)
    _places: dict[str, tuple[Path, str]] = field(factory=dict, repr=False)

    @classmethod
    def open(
        cls, folder: Path, entry: PartEntry, name: str, first: int = 0, files: MappedFiles | None = None
    ) -> Part:
        """Read the index of a part, and see that its files are there and have their sizes.

        Raises ``FlowFileError`` naming the file that is missing, cut off, damaged or of another version.
        """
        place = f"{name}/{INDEX}"
        file_size(folder / INDEX, place)
        try:
            data = (folder / INDEX).read_bytes()
        except OSError as error:
            raise unreadable(place, error) from error
        if digest(data) != entry.index_digest:
            check_version(data, place)
            raise damaged(place, "bytes that do not match the manifest's checksum")
        index = parse_index(data, place)
        if index.rows != entry.rows or index.fields != entry.fields:
            raise damaged(place, "other records or fields than the manifest says")
        for column in index.columns.values():
            if column.constant is None:
                file = file_name(column.name, column.dtype)
                size = file_size(folder / file, f"{name}/{file}")
                check_size(size, f"{name}/{file}", index.rows * column.dtype.itemsize)
        if index.addresses:
            size = file_size(folder / ADDRESS_FILE, f"{name}/{ADDRESS_FILE}")
            check_size(size, f"{name}/{ADDRESS_FILE}", index.addresses * ADDRESS.itemsize)
        return cls(folder, name, entry, index, first, MappedFiles() if files is None else files)

    @property
    def day(self) -> str:
        """The day (UTC) of the records in ISO 8601, or ``undated``."""
        return self.entry.day

    @property
    def rows(self) -> int:
        """How many records the part has."""
        return self.index.rows

    @property
    def addresses(self) -> Array:
        """The address table (``ADDRESS``, ascending): what the numbers of addresses stand for."""
        if self._addresses is None:
            name = f"{self.name}/{ADDRESS_FILE}"
            rows = self.index.addresses
            if not rows:
                return np.empty(0, ADDRESS)
            table = self._files.get(self.folder / ADDRESS_FILE, name, ADDRESS, rows)
            if checksum(table) != self.index.addresses_checksum:
                raise damaged(name, "bytes that do not match its checksum")
            self._addresses = table
        return self._addresses

    def block(self, number: int) -> tuple[int, int, int]:
        """The first row of a block, its rows, and how many of these, at its end, are IPv6."""
        if not self._blocks:
            self._blocks.extend(self.index.blocks[["first", "rows", "wide"]].tolist())
        return self._blocks[number]

    def stored(self, column: str, block: int) -> Array:
        """A column of a block as it is stored, a view of the file (or of one array of a constant).

        Raises ``KeyError`` for a column that the part has not, ``FlowFileError`` where the file is damaged.
        """
        entry = self.index.columns[column]
        first, rows, _ = self.block(block)
        if entry.constant is not None:
            return self._constant(column, entry.dtype, rows)
        path, name = self._place(column, entry.dtype)
        values = self._files.get(path, name, entry.dtype, self.index.rows)[first : first + rows]
        sound = self._sound.get(column)
        if sound is None:
            sound = self._sound[column] = np.zeros(len(self.index.blocks), np.bool_)
        if not sound[block]:
            expected = self.index.checksums[column][block]
            if np.array(checksum(values), CHECKSUM) != expected:
                raise damaged(
                    name,
                    f"bytes {first * entry.dtype.itemsize} to {(first + rows) * entry.dtype.itemsize - 1} "
                    "do not match their checksum",
                )
            sound[block] = True
        return values

    def column(self, name: str, block: int, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop`` of a block, as a chunk has them (a view wherever that can be).

        The rows must not lie on both sides of the line between IPv4 and IPv6 rows.
        """
        entry = self.index.columns[name]
        if name in ADDRESSES:
            values = self.stored(name, block)[start:stop]
            _, rows, wide = self.block(block)
            return self.addresses.take(values) if stop > rows - wide else values
        dtype = STORED[name].dtype if name in STORED else None
        if dtype is None or name in ("packets", "bytes") or entry.dtype == dtype:
            return self.stored(name, block)[start:stop]
        if entry.constant is not None:
            return self._constant(name, dtype, stop - start)
        return self.stored(name, block)[start:stop].astype(dtype)

    def whole(self, name: str) -> Array | None:
        """A column of all rows as one view of its file; ``None`` where it is stored otherwise than in chunks."""
        entry = self.index.columns[name]
        dtype = STORED[name].dtype if name in STORED else entry.dtype
        if entry.constant is not None or (
            name not in ADDRESSES and name not in ("packets", "bytes") and entry.dtype != dtype
        ):
            return None
        if name in ADDRESSES and self.index.addresses:
            return None
        for block in range(len(self.index.blocks)):
            self.stored(name, block)
        path, place = self._place(name, entry.dtype)
        return self._files.get(path, place, entry.dtype, self.index.rows)

    def chunks(
        self, fields: frozenset[str] | None, rows: int = CHUNK_ROWS, first: int = 0, source: str = ""
    ) -> Iterator[Chunk]:
        """The records, block by block and at most ``rows`` a chunk; IPv4 and IPv6 never in one chunk.

        ``first`` is the number of the part's first record, ``source`` the name, for the chunks.
        """
        held = [name for name in self.index.fields if fields is None or name in fields]
        numbered = fields is None or "record_number" in fields
        for block, (start, count, wide) in enumerate(self.index.blocks[["first", "rows", "wide"]].tolist()):
            for begin, end in ((0, count - wide), (count - wide, count)):
                for at in range(begin, end, rows):
                    stop = min(at + rows, end)
                    columns = {name: self.column(name, block, at, stop) for name in held}
                    number = first + start + at
                    if numbered:
                        columns["record_number"] = np.arange(number, number + stop - at, dtype=np.uint64)
                    yield Chunk(columns, stop - at, number, source)

    def verify(self) -> None:
        """Compare every file with its checksums; raises ``FlowFileError`` naming the first that differs."""
        _ = self.addresses
        for column in self.index.columns:
            for block in range(len(self.index.blocks)):
                self.stored(column, block)

    def equals(self, other: Part) -> bool:
        """Whether both hold the same records in the same order, by their checksums."""
        mine, theirs = self.index, other.index
        return (
            mine.fields == theirs.fields
            and all(mine.columns[name] == theirs.columns[name] for name in mine.fields)
            and _same(mine.segments, theirs.segments)
            and _same(mine.blocks, theirs.blocks)
            and mine.addresses_checksum == theirs.addresses_checksum
            and all(
                _same(mine.checksums[name], theirs.checksums[name])
                for name in mine.fields
                if name in mine.checksums
            )
        )

    def _place(self, column: str, dtype: np.dtype[Any]) -> tuple[Path, str]:
        """The path of a column's file, and what messages call it."""
        held = self._places.get(column)
        if held is None:
            file = file_name(column, dtype)
            held = self._places[column] = self.folder / file, f"{self.name}/{file}"
        return held

    def _constant(self, name: str, dtype: np.dtype[Any], rows: int) -> Array:
        key = name, dtype.str
        values = self._constants.get(key)
        if values is None or len(values) < rows:
            value = self.index.columns[name].constant
            most = int(self.index.blocks["rows"].max())
            values = np.full(most, value, dtype)
            values.flags.writeable = False
            self._constants[key] = values
        return values[:rows]


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()
