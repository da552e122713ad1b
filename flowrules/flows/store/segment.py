"""A segment: the rows of a block that have one type, one protocol and perhaps one service, with the bounds of every column."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from attrs import define
from numpy.typing import NDArray

from flowrules.flows.store.columns import ADDRESSES, CODES, HOMES
from flowrules.flows.store.part import Part
from flowrules.flows.table import Chunk
from flowrules.model.fields import IPV4_MAPPED

Array = NDArray[Any]


@define(eq=False, slots=False)
class Segment:
    """Some rows of one part, next to each other.

    The last segment of a block may be of several types and protocols: those that are rare in the block.  All addresses
    of a segment are IPv4, or (``wide``) its rows are those that have an IPv6 address.
    """

    part: Part
    number: int
    """The segment's place in the part's index."""

    @cached_property
    def _about(self) -> tuple[int, int, int, int, int]:
        about: tuple[int, int, int, int, int] = self.part.index.segments[self.number].item()
        return about

    @property
    def rows(self) -> int:
        """How many records the segment has."""
        return self._about[1]

    @property
    def first(self) -> int:
        """The number of its first record in the store."""
        return self.part.first + self._about[0]

    @property
    def wide(self) -> bool:
        """Whether its rows have IPv6 addresses, stored as numbers of the part's address table."""
        return bool(self._about[3])

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its records."""
        return self.part.index.fields

    def bounds(self, name: str) -> tuple[int, int]:
        """The least and the greatest value of a field; for an address field 128-bit numbers.

        Raises ``KeyError`` for a field that the records lack.
        """
        low, high = self._stored_bounds(name)
        if name not in ADDRESSES:
            return low, high
        if self.wide:
            table = self.part.addresses
            return _integer(table[low]), _integer(table[high])
        return IPV4_MAPPED + low, IPV4_MAPPED + high

    @cached_property
    def constants(self) -> Mapping[str, int]:
        """The fields that have one value in all rows, and that value (addresses as 128-bit numbers)."""
        bounds = {name: self.bounds(name) for name in self.fields}
        return {name: low for name, (low, high) in bounds.items() if low == high}

    @property
    def type(self) -> int | None:
        """The type of all rows, ``None`` where they have several or none is known."""
        return self._constant("type")

    @property
    def protocol(self) -> int | None:
        """The protocol of all rows, ``None`` where they have several or none is known."""
        return self._constant("protocol")

    def column(self, name: str) -> Array:
        """A field as chunks have it: a view of the file, but for what is stored in another width.

        Addresses of a ``wide`` segment come as ``ADDRESS``, looked up.  Raises ``KeyError`` for a field that the
        records lack, ``FlowFileError`` where the file is damaged.
        """
        block, start, stop = self._place
        return self.part.column(name, block, start, stop)

    def codes(self, name: str) -> Array | None:
        """An address field as uint32 numbers of ``part.addresses``.

        ``None`` where the addresses are not numbered: in segments that are not ``wide``, unless the store was
        made with a dictionary, and then for ``nhip``.
        """
        column = self._code_column(name)
        if column is None:
            return None
        block, start, stop = self._place
        return self.part.stored(column, block)[start:stop]

    def code_bounds(self, name: str) -> tuple[int, int] | None:
        """The least and the greatest number of an address field, ``None`` where it has none."""
        column = self._code_column(name)
        return None if column is None else self._stored_bounds(column)

    def home_codes(self, name: str) -> Array | None:
        """The home-host codes (uint16 or uint32) of field ``sip`` or ``dip``: 0 outside the internal nets.

        The host of code ``c`` is ``home_hosts[c - 1]`` of the store.  ``None`` where the part has no codes.
        """
        column = next(home for home, field in HOMES.items() if field == name)
        if column not in self.part.index.columns:
            return None
        block, start, stop = self._place
        return self.part.stored(column, block)[start:stop]

    def home_bounds(self, name: str) -> tuple[int, int] | None:
        """The least and the greatest home-host code of field ``sip`` or ``dip``, ``None`` without codes."""
        column = next(home for home, field in HOMES.items() if field == name)
        return self._stored_bounds(column) if column in self.part.index.columns else None

    def chunk(self, fields: frozenset[str] | None = None, source: str = "") -> Chunk:
        """The segment as a chunk, with the fields asked for that it has."""
        names = [name for name in self.fields if fields is None or name in fields]
        return Chunk({name: self.column(name) for name in names}, self.rows, self.first, source)

    def _code_column(self, name: str) -> str | None:
        if self.wide:
            return name
        return next((c for c, field in CODES.items() if field == name and c in self.part.index.columns), None)

    def _stored_bounds(self, column: str) -> tuple[int, int]:
        low, high = self.part.index.bounds[column][self.number].tolist()
        return low, high

    @cached_property
    def _place(self) -> tuple[int, int, int]:
        """The block, and the rows in it."""
        first, rows, block, _, _ = self._about
        start = first - int(self.part.index.blocks["first"][block])
        return block, start, start + rows

    def _constant(self, name: str) -> int | None:
        if name not in self.part.index.columns:
            return None
        low, high = self._stored_bounds(name)
        return low if low == high else None


def _integer(address: Any) -> int:
    return int(address["high"]) << 64 | int(address["low"])
