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
        bounds = dict(self._bounds)
        ends = [part.index.ends for part in self._parts if part.index.ends is not None]
        if ends:
            bounds["etime"] = np.concatenate(ends)
        return Zones(rows, bounds, self._read)

    def _read(self, numbers: Sequence[int], wanted: frozenset[str] | None) -> Chunk:
        first = numbers[0]
        rows = sum(self._about[number][1] for number in numbers)
        stretches = self._stretches(numbers)
        constants = {
            name: value
            for name, values in self._constants.items()
            if (value := values[first]) is not None and all(values[number] == value for number in numbers)
        }

        def column(name: str) -> Array:
            if name == "record_number":
                counted = ((self._firsts[n], self._about[n][1]) for n in numbers)
                return np.concatenate([np.arange(at, at + rows, dtype=np.uint64) for at, rows in counted])
            if name in constants:
                return repeated(constants[name], STORED[name].dtype or np.uint32, rows)
            return _joined([part.column(name, block, start, stop) for part, block, start, stop in stretches])

        def codes(field: str) -> Array:
            return stored(_HOME_OF[field])

        def stored(name: str) -> Array:
            return _joined([part.stored(name, block)[start:stop] for part, block, start, stop in stretches])

        names = [n for n in self._fields if wanted is None or n in wanted]
        if wanted is None or "record_number" in wanted:
            names.append("record_number")
        parts = {id(part): part for part, *_ in stretches}
        coded = [
            f
            for f, column in _HOME_OF.items()
            if all(column in part.index.columns for part in parts.values())
            and any(self._has_homes(number, column) for number in numbers)
        ]
        # numbers of addresses are those of one part alone
        part = stretches[0][0]
        listed = len(parts) == 1 and self._about[first][3]
        return Chunk(
            LazyColumns(tuple(names), column),
            rows,
            self._firsts[first],
            self._source,
            constants,
            LazyColumns(tuple(coded), codes),
            self._hosts,
            LazyColumns(tuple(n for n in names if n in ADDRESSES) if listed else (), stored),
            part.addresses if listed else None,
        )

    def _stretches(self, numbers: Sequence[int]) -> list[tuple[Part, int, int, int]]:
        """Rows of blocks (part, block, first, end) that zones are, those next to each other together."""
        out: list[tuple[Part, int, int, int]] = []
        for number in numbers:
            part = self._parts[self._places[number][0]]
            first, rows, block, _, _ = self._about[number]
            start = first - part.block(block)[0]
            if out and out[-1][0] is part and out[-1][1] == block and out[-1][3] == start:
                out[-1] = part, block, out[-1][2], start + rows
            else:
                out.append((part, block, start, start + rows))
        return out

    def _has_homes(self, number: int, column: str) -> bool:
        """Whether a zone has home hosts at one end."""
        place, segment = self._places[number]
        return bool(self._parts[place].index.bounds[column][segment, 1])


def _joined(pieces: list[Array]) -> Array:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _bounds(part: Part, name: str) -> Array:
    out = part.index.bounds[name]
    if name in ADDRESSES and part.index.segments["wide"].any():
        out = out.copy()
        out[part.index.segments["wide"] != 0] = 0, ANY_ADDRESS
    return out
