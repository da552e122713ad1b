"""rwcut and rwfilter: records as text, field by field and within limits on their numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from attrs import frozen

from flowrules.flows.pmap import lookup
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.table import Chunk
from flowrules.flows.text import record_lines
from flowrules.flows.text_fields import TEXT_FIELDS, TextField, parse_fields
from flowrules.model.map_table import MapTable
from flowrules.translate.errors import TranslationError
from flowrules.translate.fields import Maps, field_names
from flowrules.translate.switches import Switches

_DEFAULT: Final = "1-12"


@frozen
class MapCell:
    """A column of labels: its title, the declared prefix map, and the field that it is asked with."""

    title: str
    map: str
    field: str


Cell = TextField | MapCell
ALL_FIELDS: Final[tuple[Cell, ...]] = tuple(TEXT_FIELDS.values())


def record_fields(switches: Switches, maps: Maps) -> tuple[Cell, ...]:
    """The columns of rwcut."""
    if switches.has("all-fields"):
        if switches.has("fields"):
            raise switches.refuse("all-fields", "it cannot stand beside --fields")
        return ALL_FIELDS
    found: list[Cell] = []
    for name in field_names("rwcut", switches.get("fields") or _DEFAULT):
        if name[:4] in ("src-", "dst-"):
            if name[4:] not in maps:
                raise TranslationError("rwcut", "--fields", f"no --pmap-file names a map {name[4:]}")
            declared, kind = maps[name[4:]]
            field = name[0] + ("ip" if kind == "address" else "port")
            found.append(MapCell(name, declared, field))
        else:
            found += parse_fields(name)
    record_range(switches)
    return tuple(found)


@frozen
class RecordRange:
    """Which records are printed: from ``first`` (0 is the first) up to ``end``, or the last ``tail``."""

    first: int = 0
    end: int | None = None
    tail: int | None = None


def record_range(switches: Switches, most: int | None = None) -> RecordRange:
    """What ``--num-recs``, ``--start-rec-num``, ``--end-rec-num`` and ``--tail-recs`` ask for."""
    start, end, tail = (_number(switches, n) for n in ("start-rec-num", "end-rec-num", "tail-recs"))
    number = _number(switches, "num-recs") or None
    if tail is not None:
        if start is not None or end is not None:
            raise switches.refuse("tail-recs", "it cannot stand beside --start-rec-num and --end-rec-num")
        if most is not None:
            raise switches.refuse("tail-recs", "it would count among the first records only")
        return RecordRange(0, number, tail) if tail else RecordRange(0, number)
    if start == 0 or end == 0:
        raise switches.refuse("start-rec-num" if start == 0 else "end-rec-num", "the first record is 1")
    if start is not None and end is not None:
        if end < start:
            raise switches.refuse("end-rec-num", "it is before --start-rec-num")
        number = end - start + 1
    first = (start or 1) - 1
    if end is not None and start is None:
        if number is not None and number < end:
            first = end - number
        number = end - first
    stop = None if number is None else first + number
    if most is not None:
        stop = most if stop is None else min(stop, most)
    return RecordRange(first, stop)


def _number(switches: Switches, name: str) -> int | None:
    value = switches.get(name)
    if value is None:
        return None
    if not value.isdigit():
        raise switches.refuse(name, f"found {value!r}, expected a whole number")
    return int(value)


def within(chunks: Iterable[Chunk], wanted: RecordRange) -> Iterator[Chunk]:
    """The chunks of records, cut to a range of their numbers."""
    if wanted.tail is not None:
        yield from _last(chunks, wanted.tail, wanted.end)
        return
    seen = 0
    for chunk in chunks:
        start = max(wanted.first - seen, 0)
        stop = chunk.rows if wanted.end is None else min(wanted.end - seen, chunk.rows)
        if start < stop:
            yield chunk.slice(start, stop)
        seen += chunk.rows
        if wanted.end is not None and seen >= wanted.end:
            return


def _last(chunks: Iterable[Chunk], tail: int, number: int | None) -> Iterator[Chunk]:
    """The last ``tail`` records, and ``number`` of these at most."""
    kept: deque[Chunk] = deque()
    rows = 0
    for chunk in chunks:
        kept.append(chunk)
        rows += chunk.rows
        while rows - kept[0].rows >= tail:
            rows -= kept.popleft().rows
    skip = max(rows - tail, 0)
    yield from within(kept, RecordRange(skip, None if number is None else skip + number))


def cell_lines(
    chunk: Chunk,
    cells: tuple[Cell, ...],
    maps: dict[str, MapTable],
    conf: SilkConf,
    style: str,
    delimiter: str,
) -> Iterator[str]:
    """The records of a chunk as lines; ``maps`` are the tables by declared name."""
    if not any(isinstance(c, MapCell) for c in cells):
        yield from record_lines(chunk, [c for c in cells if isinstance(c, TextField)], conf, style, delimiter)
        return
    columns = [
        _labels(chunk, cell, maps[cell.map])
        if isinstance(cell, MapCell)
        else list(record_lines(chunk, [cell], conf, style, delimiter))
        for cell in cells
    ]
    yield from map(delimiter.join, zip(*columns, strict=True))


def _labels(chunk: Chunk, cell: MapCell, table: MapTable) -> list[str]:
    keys = chunk.columns[cell.field]
    if table.kind != "address":
        protocol = chunk.columns["protocol"].astype(np.uint32) << np.uint32(16)
        keys = protocol | keys.astype(np.uint32)
    return [str(table.labels[i]) if i >= 0 else "UNKNOWN" for i in lookup(table, keys).tolist()]
