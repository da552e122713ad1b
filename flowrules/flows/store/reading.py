"""Opening a store, and what it gives: sources of flows, segments, whole columns."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrules.flows.byte_source import unreadable
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.store.checksum import digest
from flowrules.flows.store.columns import ADDRESSES, CODES, WIDTHS
from flowrules.flows.store.manifest import MANIFEST, Manifest, damaged, is_store, read_manifest
from flowrules.flows.store.mapped_files import MappedFiles, check_size, file_size
from flowrules.flows.store.part import Part
from flowrules.flows.store.segment import Segment
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource, widen
from flowrules.flows.zones import Zones
from flowrules.model.fields import ADDRESS, STORED

Array = NDArray[Any]


@frozen(eq=False)
class StoreSource(FlowSource):
    """The records of a store that have the same fields, as a source of flows.

    ``chunks`` gives views of the files wherever the stored width is that of the catalogue.
    """

    store: Store = field(kw_only=True, repr=False)
    parts: tuple[Part, ...] = field(kw_only=True, repr=False)
    """Its parts, by day."""
    first: int = field(default=0, kw_only=True)
    """The number (``record_number``) of its first record."""

    def by_part(self) -> tuple[StoreSource, ...]:
        """The same records as sources of one part each."""
        starts = [self.first]
        for part in self.parts:
            starts.append(starts[-1] + part.rows)
        fields = tuple(self.fields - {"record_number"})
        return tuple(
            self.store.source(fields, (part,), start) for part, start in zip(self.parts, starts, strict=False)
        )

    @property
    def rows(self) -> int:
        """How many records it has."""
        assert self.records is not None
        return self.records

    def segments(self) -> Iterator[Segment]:
        """All segments, in the order in which ``chunks`` gives their rows."""
        for part in self.parts:
            for number in range(len(part.index.segments)):
                yield Segment(part, number)


@define(eq=False)
class Store:
    """An open store: what its manifest said when it was opened.

    Later conversions do not change what this object reads.
    """

    path: str
    manifest: Manifest
    parts: tuple[Part, ...]
    """By day, and of one day by the conversion that added them."""
    home_hosts: Array
    """The addresses (``ADDRESS``) behind the home-host codes: that of code ``c`` is ``home_hosts[c - 1]``."""

    @property
    def rows(self) -> int:
        """How many records there are."""
        return self.manifest.rows

    @property
    def days(self) -> tuple[str, ...]:
        """The days (UTC, ISO 8601) that there are records of."""
        return tuple(sorted({part.day for part in self.parts}))

    @property
    def conf(self) -> SilkConf:
        """The names of sensors, classes and types."""
        return self.manifest.conf

    @property
    def internal(self) -> tuple[str, ...] | None:
        """The nets (CIDR blocks) whose hosts have codes, ``None`` without."""
        home = self.manifest.home
        return None if home is None else home.nets

    def sources(self) -> tuple[StoreSource, ...]:
        """The records as sources of flows: one for each set of fields that records have, at least one."""
        groups: dict[tuple[str, ...], list[Part]] = {}
        for part in self.parts:
            groups.setdefault(part.index.fields, []).append(part)
        if not groups:
            groups[self.manifest.fields or tuple(n for n in WIDTHS if n in STORED)] = []
        return tuple(self.source(fields, tuple(parts)) for fields, parts in groups.items())

    def segments(self) -> Iterator[Segment]:
        """All segments, by day."""
        for part in self.parts:
            for number in range(len(part.index.segments)):
                yield Segment(part, number)

    def arrays(self, *names: str, days: Iterable[str] | None = None) -> dict[str, Array]:
        """Whole columns as numpy arrays: of all fields without ``names``, of all days without ``days``.

        Rows of all arrays belong together.  The dtypes are those of the field catalogue; addresses are
        ``uint32`` where all are IPv4, else ``ADDRESS``.  A column that lies in one file is a read-only view
        of it, others are copied together.  Besides fields there are ``sip_home`` and ``dip_home``.  Raises ``KeyError``
        for a column that not every record has.
        """
        if set(names) & set(CODES):
            raise KeyError("numbers of addresses mean something in one part only: see its segments")
        chosen = None if days is None else frozenset(days)
        parts = [part for part in self.parts if chosen is None or part.day in chosen]
        if not names:
            names = tuple(name for name in STORED if all(name in part.index.fields for part in parts))
        return {name: _column(parts, name) for name in names}

    def verify(self) -> None:
        """Compare every byte with its checksum; raises ``FlowFileError`` naming the first file that differs."""
        for part in self.parts:
            part.verify()

    def source(self, fields: tuple[str, ...], parts: tuple[Part, ...], first: int = 0) -> StoreSource:
        """Some parts, which have these fields, as a source; ``first`` is the number of its first record."""
        starts: list[int] = []
        rows = first
        for part in parts:
            starts.append(rows)
            rows += part.rows

        def read(wanted: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
            for part, start in zip(parts, starts, strict=True):
                yield from part.chunks(wanted, rows, start, self.path)

        zones: list[Zones] = []

        def zoned() -> Zones:
            if not zones:
                from flowrules.flows.store.store_zones import StoreZones

                zones.append(StoreZones(parts, starts, self.home_hosts, self.path).zones())
            return zones[0]

        held = frozenset(fields) | {"record_number"}
        count = rows - first
        return StoreSource(
            self.path, "store", held, read, records=count, zones=zoned, store=self, parts=parts, first=first
        )


def open_store(
    path: str | os.PathLike[str],
    name: str | None = None,
    verify: bool = False,
    only: Collection[str] | None = None,
) -> Store:
    """Open the column store in a folder; ``name`` is what messages call it (its path when ``None``).

    With ``only``, nothing but the parts of these names is opened; one that is not there is an error.

    The manifest and the indexes of all parts are read and compared with their checksums, and files must be there
    with their sizes; their contents are compared when they are first used, or now with ``verify``.

    Raises ``FlowFileError`` naming the file that is missing, cut off, damaged or of another version, and for a
    folder that is no store.
    """
    name = os.fspath(path) if name is None else name
    folder = Path(path)
    if not is_store(folder):
        there = folder.is_dir() or folder.exists()
        raise FlowFileError(
            name,
            "no column store" if there else "no such file or folder",
            expected=f"a folder with {MANIFEST}",
        )
    manifest = read_manifest(folder, name)
    try:
        home_hosts = _home_hosts(folder, name, manifest)
    except FlowFileError:
        # a conversion that ended in between has put another table in its place
        newer = read_manifest(folder, name)
        if newer.generation == manifest.generation:
            raise
        manifest = newer
        home_hosts = _home_hosts(folder, name, manifest)
    if manifest.generation == 0:
        raise FlowFileError(
            name,
            "a store without flows yet",
            hint="its first conversion is running, or was cut off: convert again",
        )
    files = MappedFiles()
    entries = sorted(manifest.parts, key=lambda part: (part.span is None, part.span or (0, 0), part.name))
    parts: list[Part] = []
    first = 0
    gone = set() if only is None else set(only) - {entry.name for entry in entries}
    if gone:
        raise FlowFileError(
            f"{name}/{min(gone)}", "the part is gone", hint="the store was made anew meanwhile"
        )
    for entry in entries:
        if only is not None and entry.name not in only:
            first += entry.rows
            continue
        part = Part.open(folder / entry.name, entry, f"{name}/{entry.name}", first, files)
        parts.append(part)
        first += entry.rows
    store = Store(name, manifest, tuple(parts), home_hosts)
    if verify:
        store.verify()
    return store


def _home_hosts(folder: Path, name: str, manifest: Manifest) -> Array:
    home = manifest.home
    if home is None:
        return np.empty(0, ADDRESS)
    place = f"{name}/{home.file}"
    check_size(file_size(folder / home.file, place), place, home.hosts * ADDRESS.itemsize)
    try:
        data = (folder / home.file).read_bytes()
    except OSError as error:
        raise unreadable(place, error) from error
    if digest(data) != home.digest:
        raise damaged(place, "bytes that do not match the manifest's checksum")
    return np.frombuffer(data, ADDRESS)


def _column(parts: list[Part], name: str) -> Array:
    """One column of some parts, as one array."""
    pieces: list[Array] = []
    for part in parts:
        if name == "record_number":
            pieces.append(np.arange(part.first, part.first + part.rows, dtype=np.uint64))
            continue
        whole = part.whole(name)
        if whole is not None:
            pieces.append(whole)
            continue
        for block, (rows, wide) in enumerate(part.index.blocks[["rows", "wide"]].tolist()):
            for start, stop in ((0, rows - wide), (rows - wide, rows)):
                if start < stop:
                    pieces.append(part.column(name, block, start, stop))
    if not pieces:
        dtype = STORED[name].dtype if name in STORED else None
        return np.empty(0, np.uint32 if dtype is None else dtype)
    if name in ADDRESSES and any(piece.dtype == ADDRESS for piece in pieces):
        pieces = [widen(piece) for piece in pieces]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
