"""All records of the sample network in the order of their start, as chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.background import background
from flowrules.flows.sample.draws import U32, U64
from flowrules.flows.sample.figures import Scale
from flowrules.flows.sample.mail import mail
from flowrules.flows.sample.rows import COMPACT, IN, IN_NULL, IN_WEB, TCP, Rows
from flowrules.flows.sample.web import web
from flowrules.flows.table import CHUNK_ROWS, Array, Chunk, FlowSource
from flowrules.model.fields import EXPANDED, STORED

SEED: Final = 5_253
"""The seed of the sample network that the documentation speaks of."""

NAME: Final = "sample network"

FIELDS: Final = frozenset(STORED)
"""It has every field of the catalogue."""

SENSOR: Final = 0
OUTSIDE_INTERFACE: Final = 1
INSIDE_INTERFACE: Final = 2
_NEXT_HOP_IN: Final = hosts.inside(hosts.ROUTER)
_NEXT_HOP_OUT: Final = hosts.DOCUMENTATION_1 + 1
_MOST_RECORDS: Final = 6_500_000
_ROW_BITS: Final = np.uint64(24)

_INBOUND = np.zeros(256, np.bool_)
_INBOUND[[IN, IN_WEB, IN_NULL]] = True


class Records:
    """The records of one scale and seed in the order of their start: 35 bytes each.

    Made when first asked for, then kept, so that a second pass costs nothing, until ``let_go``.
    """

    def __init__(self, scale: float = 1.0, seed: int = SEED) -> None:
        if seed < 0:
            raise ValueError(f"seed {seed} is negative")
        self.scale, self.seed = Scale.of(scale), seed

    @cached_property
    def _columns(self) -> Rows:
        # room for all from the start (pages not filled cost nothing): no second copy at the end
        room = self.scale(_MOST_RECORDS) + 20_000
        columns: Rows = {name: np.empty(room, dtype) for name, dtype in COMPACT.items()}
        used = 0
        for make in (web, mail, background):
            for piece in make(self.scale, self.seed):
                end = used + len(piece["stime"])
                for name, values in piece.items():
                    columns[name][used:end] = values
                used = end
        order = _order(columns["stime"][:used])
        sorted_ = {name: columns.pop(name)[:used].take(order) for name in COMPACT}
        for column in sorted_.values():
            column.setflags(write=False)  # chunks are views of them
        return sorted_

    def __len__(self) -> int:
        return len(self._columns["stime"])

    def let_go(self) -> None:
        """Give up the records; they are made again when they are asked for."""
        self.__dict__.pop("_columns", None)

    def chunks(self, fields: frozenset[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """The records in the order of their start, ``rows`` a chunk, with the columns asked for."""
        wanted = [name for name in STORED if fields is None or name in fields]
        held = self._columns
        for first in range(0, len(self), rows):
            view = _View(held, first, min(rows, len(self) - first))
            columns = {name: view.column(name) for name in wanted}
            yield Chunk(columns, view.rows, first, NAME)


def _order(stime: U32) -> U32:
    """Rows by their start, equal ones as they were made."""
    # the row number in the key makes the order the same whatever sort NumPy has
    key: U64 = stime.astype(np.uint64) << _ROW_BITS
    key |= np.arange(len(key), dtype=np.uint64)
    key.sort()
    key &= (np.uint64(1) << _ROW_BITS) - np.uint64(1)
    return key.astype(np.uint32)


class _View:
    """Some rows of the compact columns, in the field catalogue's form."""

    def __init__(self, columns: Rows, first: int, rows: int) -> None:
        self._columns, self._first, self.rows = columns, first, rows

    def column(self, name: str) -> Array:
        make = _MADE.get(name)
        values = make(self) if make is not None else self.stored(name)
        dtype = STORED[name].dtype
        return values if dtype is None else values.astype(dtype, copy=False)

    def stored(self, name: str) -> Array:
        return self._columns[name][self._first : self._first + self.rows]

    def constant(self, value: int) -> Array:
        return np.full(self.rows, value, np.int64)

    def by_direction(self, inbound: int, outbound: int) -> NDArray[np.uint32]:
        return np.where(
            _INBOUND.take(self.stored("type").astype(np.intp)), np.uint32(inbound), np.uint32(outbound)
        )

    def attributes(self) -> Array:
        tcp = self.stored("protocol") == TCP
        return self.stored("attributes").astype(np.uint8) | np.where(tcp, EXPANDED, 0).astype(np.uint8)

    def record_number(self) -> Array:
        return np.arange(self._first, self._first + self.rows, dtype=np.uint64)


_MADE: Final[dict[str, Callable[[_View], Array]]] = {
    "stime": lambda v: v.stored("stime").astype(np.int64) + clock.FIRST_MS,
    "flags": lambda v: (
        v.stored("initial_flags").astype(np.uint8) | v.stored("session_flags").astype(np.uint8)
    ),
    "attributes": _View.attributes,
    "sensor": lambda v: v.constant(SENSOR),
    "input": lambda v: v.by_direction(OUTSIDE_INTERFACE, INSIDE_INTERFACE),
    "output": lambda v: v.by_direction(INSIDE_INTERFACE, OUTSIDE_INTERFACE),
    "nhip": lambda v: v.by_direction(_NEXT_HOP_IN, _NEXT_HOP_OUT),
    "ip_version": lambda v: v.constant(4),
    "record_number": _View.record_number,
}
"""Fields that the compact columns do not hold as they are."""


def sample_chunks(scale: float = 1.0, seed: int = SEED, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The sample network's records, ``rows`` a chunk.  Raises ``ValueError`` for a bad scale or seed."""
    return Records(scale, seed).chunks(None, rows)


def sample_source(scale: float = 1.0, seed: int = SEED) -> FlowSource:
    """The sample network as a source that can be read again and again; nothing is written.

    Raises ``ValueError`` for a bad scale or seed.
    """
    records = Records(scale, seed)
    return FlowSource(NAME, "sample", FIELDS, records.chunks, let_go=records.let_go)
