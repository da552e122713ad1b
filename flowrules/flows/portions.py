"""Portions of flow data that another process can read: a file, a range of its records, zones of a store.

A portion names its records and holds none of them, so that it is small to send.  Whoever reads it must reach the
same files under the same paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from attrs import evolve, frozen

from flowrules.flows.errors import FlowFileError
from flowrules.flows.remote import is_url, url_size
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource, joined_chunks
from flowrules.flows.zones import Zones
from flowrules.model.structural import Structural

if TYPE_CHECKING:
    from flowrules.flows.silk_conf import SilkConf
    from flowrules.flows.store.reading import StoreSource

_ALL: Final = 1 << 62
"""The end of a part, wherever that is."""

_RECORD_BYTES: Final = 40
"""About how long a record is, where a format does not say how many a file has."""


@frozen(eq=False, repr=False)
class RecordRange(Structural):
    """Records of one SiLK file: the offset of the first one (or of its block), its number, and how many there are.

    ``records`` is ``None`` for the last range: it reads on to the end of the file, and meets what is wrong there.
    """

    offset: int
    first: int
    records: int | None


@frozen(eq=False, repr=False)
class ZoneRange(Structural):
    """Zones ``start`` to ``stop`` of one part of a store, whose first record has this number in its source."""

    part: str
    first: int
    start: int
    stop: int


@frozen(eq=False, repr=False)
class Portion(Structural):
    """Some records of one source: where its bytes are, what messages call it, and which records are meant."""

    path: str
    name: str
    format: str
    """A name of ``sources.FORMATS``."""
    weight: int
    """How many records there are, about."""
    size: int | None = None
    """How many bytes the file has: another size elsewhere means another file."""
    range: RecordRange | None = None
    zones: tuple[ZoneRange, ...] | None = None
    tolerant: bool = False
    """Whether what comes after damage is left out, and the damage noted."""

    def open(self, conf: SilkConf) -> FlowSource:
        """The records as a source; raises ``FlowFileError`` where they are not there, or not the same."""
        self._check()
        if self.zones is not None:
            return _of_zones(self, self.zones)
        if self.range is not None:
            return _of_range(self, self.range, conf)
        from flowrules.flows.sources import FORMATS

        opened = next(f for f in FORMATS if f.name == self.format).open(self.path, self.name, conf)
        # several sources come from stores alone, which have zones
        assert isinstance(opened, FlowSource)
        return opened

    def cut(self, rows: int) -> list[Portion]:
        """Portions of about ``rows`` records that together are this one, where that can be.

        A tolerant portion is never cut, so that what comes after its damage is left out too.
        """
        if self.weight <= rows or self.range is not None or self.tolerant:
            return [self]
        if self.zones is not None:
            cut = _cut_zones(self, self.zones, rows)
            return [evolve(self, zones=zones, weight=weight) for zones, weight in cut]
        if self.format == "silk":
            return _cut_silk(self, rows) or [self]
        return [self]

    def with_next(self, after: Portion) -> Portion:
        """This portion and the one that was cut right after it, as one."""
        weight = self.weight + after.weight
        if self.zones is not None and after.zones is not None:
            return evolve(self, zones=self.zones + after.zones, weight=weight)
        assert self.range is not None and self.range.records is not None and after.range is not None
        more = after.range.records
        records = None if more is None else self.range.records + more
        return evolve(self, range=evolve(self.range, records=records), weight=weight)

    def _check(self) -> None:
        if self.size is None:
            return
        from flowrules.flows.byte_source import unreadable

        try:
            found = Path(self.path).stat().st_size
        except OSError as error:
            raise unreadable(self.name, error) from error
        if found != self.size:
            raise FlowFileError(
                self.name,
                "another file than where the run was started",
                found=f"{found} bytes",
                expected=f"{self.size}",
                hint="it changed meanwhile, or workers see other files under this path",
            )


def portion_of(source: FlowSource, path: str, format_name: str) -> Portion:
    """A whole source, as it was opened from a path, as a portion."""
    if is_url(path):
        records = (url_size(path) or 0) // _RECORD_BYTES if source.records is None else source.records
        return Portion(path, source.path, format_name, records)
    where = str(Path(path).absolute())
    if format_name == "store":
        from flowrules.flows.store.reading import StoreSource

        assert isinstance(source, StoreSource)
        return Portion(where, source.path, format_name, source.rows, zones=tuple(_zones_of(source)))
    size = Path(path).stat().st_size
    weight = size // _RECORD_BYTES if source.records is None else source.records
    return Portion(where, source.path, format_name, weight, size)


# ---- SiLK files


def _cut_silk(portion: Portion, rows: int) -> list[Portion]:
    """Ranges of about ``rows`` records; none where the file cannot be cut, or is damaged (reading it will tell)."""
    from flowrules.flows.silk_records import open_silk

    try:
        starts = list(open_silk(portion.path, portion.name).starts(rows))
    except FlowFileError:
        return []
    out = []
    for place, (offset, first) in enumerate(starts):
        records = starts[place + 1][1] - first if place + 1 < len(starts) else None
        weight = max(portion.weight - first, 1) if records is None else records
        out.append(evolve(portion, range=RecordRange(offset, first, records), weight=weight))
    return out


def _of_range(portion: Portion, records: RecordRange, conf: SilkConf) -> FlowSource:
    from flowrules.flows.silk_records import open_silk

    flows = open_silk(portion.path, portion.name, conf)

    def read(fields: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        return flows.chunks(fields, rows, records.offset, records.first, records.records)

    return FlowSource(portion.name, "silk", flows.fields, read, portion=portion, spans=True)


# ---- stores


def _zones_of(source: StoreSource) -> Iterator[ZoneRange]:
    """Each part whole; where it ends is not looked up before it is cut or read."""
    first = source.first
    for part in source.parts:
        yield ZoneRange(part.entry.name, first, 0, _ALL)
        first += part.rows


def _zones(portion: Portion, ranges: Sequence[ZoneRange]) -> list[tuple[FlowSource, Zones]]:
    """The part of each range as a source, and the zones of the range."""
    from flowrules.flows.store.reading import open_store

    store = open_store(portion.path, portion.name, only={r.part for r in ranges})
    parts = {part.entry.name: part for part in store.parts}
    out: list[tuple[FlowSource, Zones]] = []
    for each in ranges:
        part = parts[each.part]
        source = store.source(part.index.fields, (part,), each.first)
        zones = source.zones()
        assert zones is not None
        out.append((source, zones.between(each.start, each.stop)))
    return out


def _cut_zones(
    portion: Portion, ranges: Sequence[ZoneRange], rows: int
) -> Iterator[tuple[tuple[ZoneRange, ...], int]]:
    held: list[ZoneRange] = []
    weight = 0
    for each, (_, zones) in zip(ranges, _zones(portion, ranges), strict=True):
        start = each.start
        counts = zones.rows.tolist()
        for number, count in enumerate(counts, each.start):
            weight += count
            if weight >= rows:
                held.append(evolve(each, start=start, stop=number + 1))
                yield tuple(held), weight
                held, weight, start = [], 0, number + 1
        if start < each.start + len(counts):
            held.append(evolve(each, start=start, stop=each.start + len(counts)))
    if held:
        yield tuple(held), weight


def _of_zones(portion: Portion, ranges: Sequence[ZoneRange]) -> FlowSource:
    found = _zones(portion, ranges)
    pieces = [zones for _, zones in found]
    ends = np.cumsum([len(zones) for zones in pieces])
    fields = found[0][0].fields if found else frozenset[str]()
    names = pieces[0].bounds if pieces else ()

    def read_zones(numbers: Sequence[int], wanted: frozenset[str] | None) -> Chunk:
        held: dict[int, list[int]] = {}
        for number in numbers:
            place = int(np.searchsorted(ends, number, side="right"))
            held.setdefault(place, []).append(number - int(ends[place]) + len(pieces[place]))
        return joined_chunks([pieces[place].read(own, wanted) for place, own in held.items()])

    whole = Zones(
        np.concatenate([zones.rows for zones in pieces]) if pieces else np.zeros(0, np.int64),
        {name: np.concatenate([zones.bounds[name] for zones in pieces]) for name in names},
        read_zones,
    )

    def read(wanted: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        for (source, zones), each in zip(found, ranges, strict=True):
            if each.stop == _ALL:
                yield from source.chunks(wanted, rows)
                continue
            for number in range(len(zones)):
                chunk = zones.read((number,), wanted)
                for start in range(0, chunk.rows, rows):
                    yield chunk.slice(start, min(start + rows, chunk.rows))

    return FlowSource(
        portion.name,
        "store",
        fields,
        read,
        zones=lambda: whole,
        records=int(whole.rows.sum()),
        portion=portion,
    )
