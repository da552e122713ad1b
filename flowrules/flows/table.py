"""The flow table: a chunk of flow records as columns, which readers make and kernels read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrules.flows.lazy_columns import LazyColumns, repeated
from flowrules.flows.time_span import TimeSpan
from flowrules.flows.zones import Zones
from flowrules.model.fields import ADDRESS, IPV4_MAPPED
from flowrules.model.structural import Shown

if TYPE_CHECKING:
    from flowrules.flows.portions import Portion

Array = NDArray[Any]

CHUNK_ROWS = 1 << 18
"""How many records a reader puts into a chunk unless it is asked for another number."""


@frozen(eq=False, repr=False)
class Chunk(Shown):
    """Some consecutive records of one source, columns apart.

    ``columns`` maps names of ``model.fields.STORED`` to arrays of ``rows`` elements each, with the
    catalogue's dtype.  Address columns are ``uint32`` when the whole chunk is IPv4 and ``ADDRESS``
    otherwise.  A field that the source lacks has no column.  ``first`` is the record number of the
    first row in its source.  ``constants`` are fields that a reader knows to have one value in all rows (IPv4
    addresses as 32-bit numbers), ``homes`` maps ``sip`` and ``dip`` to small numbers of their hosts where a reader
    has such: number ``n`` is the host ``hosts[n - 1]`` (``ADDRESS``), 0 any other.  ``listed`` maps address fields to
    places in ``table``, ascending different addresses (``ADDRESS``), where a reader has such of all rows.
    """

    columns: Mapping[str, Array]
    rows: int
    first: int = 0
    source: str = ""
    constants: Mapping[str, int] = field(factory=dict)
    homes: Mapping[str, Array] = field(factory=dict)
    hosts: Array | None = None
    listed: Mapping[str, Array] = field(factory=dict)
    table: Array | None = None
    span: TimeSpan | None = None
    """From when to when the rows are, where a reader was asked for it (``time_span.SPAN``) and tells it."""

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def take(self, index: NDArray[np.intp]) -> Chunk:
        """The rows at ``index`` (intp array), in that order, as a chunk of their own."""
        columns = {n: c.take(index) for n, c in self.columns.items()}
        return Chunk(columns, len(index), self.first, self.source, self.constants)

    def slice(self, start: int, stop: int) -> Chunk:
        """Rows ``start`` to ``stop`` (views, nothing is copied)."""
        return evolve(
            self,
            columns=_sliced(self.columns, start, stop),
            rows=stop - start,
            first=self.first + start,
            homes=_sliced(self.homes, start, stop),
            listed=_sliced(self.listed, start, stop),
            span=None,
        )


def joined_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks of one source with the same columns (dtypes too) as one; columns are copied when they are asked for."""
    first = chunks[0]
    if len(chunks) == 1:
        return first
    rows = sum(chunk.rows for chunk in chunks)
    shared = set.intersection(*({*chunk.constants.items()} for chunk in chunks))

    def column(name: str) -> Array:
        return np.concatenate([chunk.columns[name] for chunk in chunks])

    def codes(name: str) -> Array:
        return np.concatenate([chunk.homes[name] for chunk in chunks])

    def places(name: str) -> Array:
        return np.concatenate([chunk.listed[name] for chunk in chunks])

    listed = tuple(n for n in first.listed if all(n in c.listed and c.table is first.table for c in chunks))
    coded = tuple(n for n in first.homes if all(n in c.homes and c.hosts is first.hosts for c in chunks))
    constants = dict(shared)
    names = tuple(first.columns)
    return Chunk(
        LazyColumns(
            names, lambda n: repeated(constants[n], first[n].dtype, rows) if n in constants else column(n)
        ),
        rows,
        first.first,
        first.source,
        constants,
        LazyColumns(coded, codes),
        first.hosts,
        LazyColumns(listed, places),
        first.table,
    )


@frozen(eq=False, repr=False)
class FlowSource(Shown):
    """One file, standard input, or array set: its name, format, fields and a way to read it.

    ``chunks(fields, rows)`` yields ``Chunk`` with only the columns asked for (all when None).
    It can be called again for another pass unless ``once`` is true.  ``zones()`` are the same records in
    pieces that are known beforehand, ``None`` where a source has no such.
    """

    path: str
    format: str
    fields: frozenset[str]
    _read: object = field(repr=False)
    once: bool = False
    _zones: Callable[[], Zones] | None = field(default=None, repr=False)
    records: int | None = None
    """How many records it has, where that is known before they are read."""
    portion: Portion | None = field(default=None, repr=False)
    """Where other processes find the same records; ``None``: this process alone can read them."""
    spans: bool = False
    """Whether ``time_span.SPAN`` among the fields asked for gives chunks their time spans."""
    _let_go: Callable[[], None] | None = field(default=None, repr=False)

    def let_go(self) -> None:
        """Say that no further pass is planned, so that what is kept in memory for one can go."""
        if self._let_go is not None:
            self._let_go()

    def zones(self) -> Zones | None:
        """The zones of the source, which stay the same."""
        return None if self._zones is None else self._zones()

    def chunks(self, fields: frozenset[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Read the source from its start, ``rows`` records a chunk."""
        return self._read(fields, rows)  # type: ignore[operator, no-any-return]


def _sliced(columns: Mapping[str, Array], start: int, stop: int) -> Mapping[str, Array]:
    if isinstance(columns, LazyColumns):
        return columns.slice(start, stop)
    return {name: column[start:stop] for name, column in columns.items()}


def widen(addresses: Array) -> Array:
    """An address column as ``ADDRESS``: IPv4 (``uint32``) becomes IPv4-mapped IPv6."""
    if addresses.dtype == ADDRESS:
        return addresses
    out = np.zeros(len(addresses), ADDRESS)
    out["low"] = addresses.astype(np.uint64) + np.uint64(IPV4_MAPPED)
    return out
