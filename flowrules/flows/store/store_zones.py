"""The segments of a store as zones: what its index says of them, and the columns only when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.lazy_columns import LazyColumns, repeated
from flowrules.flows.store.columns import ADDRESSES, HOMES
from flowrules.flows.store.part import Part
from flowrules.flows.table import Chunk
from flowrules.flows.zones import ANY_ADDRESS, Zones
from flowrules.model.fields import STORED

Array = NDArray[Any]

LEAST_ROWS: Final = 1 << 14
"""Neighbours in a block with fewer rows than this are one zone: to begin a zone costs more than their constants save."""

_HOME_OF: Final = {field: column for column, field in HOMES.items()}


def zones_of(parts: Sequence[Part], starts: Sequence[int], hosts: Array, source: str) -> Zones:
    """The zones of parts with the same fields; ``starts`` are the numbers of the parts' first records.

    ``hosts`` are the home hosts by code, ``source`` is the name that chunks bear.
    """
    firsts = [_first_segments(part) for part in parts]
    ends = np.cumsum([0, *(len(first) for first in firsts)])
    rows = [
        np.add.reduceat(part.index.segments["rows"].astype(np.int64), first)
        for part, first in zip(parts, firsts, strict=True)
    ]
    fields = parts[0].index.fields if parts else ()
    bounds = {
        name: np.concatenate([_bounds(part, name, first) for part, first in zip(parts, firsts, strict=True)])
        for name in fields
    }
    homes = {
        (place, field): _reduced(part.index.bounds[column], first)
        for place, (part, first) in enumerate(zip(parts, firsts, strict=True))
        for field, column in _HOME_OF.items()
        if column in part.index.columns
    }

    def read(number: int, wanted: frozenset[str] | None) -> Chunk:
        place = int(np.searchsorted(ends, number, side="right")) - 1
        within = number - int(ends[place])
        part = parts[place]
        segment = part.index.segments[int(firsts[place][within])]
        first, block, count = int(segment["first"]), int(segment["block"]), int(rows[place][within])
        begin = first - int(part.index.blocks["first"][block])
        constants = {n: int(b[number, 0]) for n, b in bounds.items() if b[number, 0] == b[number, 1]}

        def column(name: str) -> Array:
            if name == "record_number":
                return np.arange(starts[place] + first, starts[place] + first + count, dtype=np.uint64)
            if name in constants:
                return repeated(constants[name], STORED[name].dtype or np.uint32, count)
            return part.column(name, block, begin, begin + count)

        names = [n for n in part.index.fields if wanted is None or n in wanted]
        if wanted is None or "record_number" in wanted:
            names.append("record_number")
        coded = [f for f in _HOME_OF if (place, f) in homes and int(homes[place, f][within, 1]) > 0]

        def codes(field: str) -> Array:
            return part.stored(_HOME_OF[field], block)[begin : begin + count]

        return Chunk(
            LazyColumns(tuple(names), column),
            count,
            starts[place] + first,
            source,
            constants,
            LazyColumns(tuple(coded), codes),
            hosts,
        )

    return Zones(np.concatenate(rows) if rows else np.zeros(0, np.int64), bounds, read)


def _first_segments(part: Part) -> NDArray[np.intp]:
    """The first segment of each zone: all segments but those that join a small neighbour of their block."""
    segments = part.index.segments
    out: list[int] = []
    held = 0
    last: tuple[int, int] | None = None
    for number, (rows, block, wide) in enumerate(segments[["rows", "block", "wide"]].tolist()):
        if last != (block, wide) or held >= LEAST_ROWS or rows >= LEAST_ROWS:
            out.append(number)
            held = 0
        held += rows
        last = block, wide
    return np.array(out, np.intp)


def _reduced(bounds: Array, first: NDArray[np.intp]) -> Array:
    low, high = np.minimum.reduceat(bounds[:, 0], first), np.maximum.reduceat(bounds[:, 1], first)
    return np.stack((low, high), axis=1)


def _bounds(part: Part, name: str, first: NDArray[np.intp]) -> Array:
    out = _reduced(part.index.bounds[name], first)
    if name in ADDRESSES:
        wide = part.index.segments["wide"].take(first) != 0
        out[wide] = 0, ANY_ADDRESS
    return out
