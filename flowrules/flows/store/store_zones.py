"""The segments of a store as zones: what its index says of them, and their columns when they are asked for."""

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

_HOME_OF: Final = {field: column for column, field in HOMES.items()}


class StoreZones:
    """The segments of parts with the same fields.

    ``starts`` are the numbers of the parts' first records, ``hosts`` the home hosts by code, ``source`` the name that
    chunks bear.
    """

    def __init__(self, parts: Sequence[Part], starts: Sequence[int], hosts: Array, source: str) -> None:
        self._parts = parts
        self._hosts = hosts
        self._source = source
        self._places: list[tuple[int, int]] = []
        """Of each zone the part and the segment."""
        self._about: list[tuple[int, int, int, int, int]] = []
        self._firsts: list[int] = []
        for place, (part, start) in enumerate(zip(parts, starts, strict=True)):
            about = part.index.segments.tolist()
            self._places += ((place, number) for number in range(len(about)))
            self._about += about
            self._firsts += (start + first for first, *_ in about)
        self._fields = parts[0].index.fields if parts else ()
        self._bounds = {
            name: np.concatenate([_bounds(part, name) for part in parts]) for name in self._fields
        }
        self._constants: dict[str, list[int | None]] = {
            name: [low if low == high else None for low, high in bounds.tolist()]
            for name, bounds in self._bounds.items()
        }

    def zones(self) -> Zones:
        """What is known of the segments, in the order of the records."""
        rows = np.array([rows for _, rows, *_ in self._about], np.int64)
        return Zones(rows, self._bounds, self._read)

    def _read(self, number: int, wanted: frozenset[str] | None) -> Chunk:
        place, segment = self._places[number]
        part = self._parts[place]
        first, rows, block, wide, _ = self._about[number]
        begin = first - part.block(block)[0]
        constants = {n: v for n, values in self._constants.items() if (v := values[number]) is not None}

        def column(name: str) -> Array:
            if name == "record_number":
                start = self._firsts[number]
                return np.arange(start, start + rows, dtype=np.uint64)
            if name in constants:
                return repeated(constants[name], STORED[name].dtype or np.uint32, rows)
            return part.column(name, block, begin, begin + rows)

        def codes(field: str) -> Array:
            return part.stored(_HOME_OF[field], block)[begin : begin + rows]

        def places(field: str) -> Array:
            return part.stored(field, block)[begin : begin + rows]

        names = [n for n in self._fields if wanted is None or n in wanted]
        if wanted is None or "record_number" in wanted:
            names.append("record_number")
        coded = [
            f for f, c in _HOME_OF.items() if c in part.index.columns and part.index.bounds[c][segment, 1]
        ]
        return Chunk(
            LazyColumns(tuple(names), column),
            rows,
            self._firsts[number],
            self._source,
            constants,
            LazyColumns(tuple(coded), codes),
            self._hosts,
            LazyColumns(tuple(n for n in names if n in ADDRESSES) if wide else (), places),
            part.addresses if wide else None,
        )


def _bounds(part: Part, name: str) -> Array:
    out = part.index.bounds[name]
    if name in ADDRESSES and part.index.segments["wide"].any():
        out = out.copy()
        out[part.index.segments["wide"] != 0] = 0, ANY_ADDRESS
    return out
