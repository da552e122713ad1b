"""The flow table: a chunk of flow records as columns, which readers make and kernels read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.model.fields import ADDRESS, IPV4_MAPPED

Array = NDArray[Any]

CHUNK_ROWS = 1 << 18
"""How many records a reader puts into a chunk unless it is asked for another number."""


@frozen(eq=False)
class Chunk:
    """Some consecutive records of one source, columns apart.

    ``columns`` maps names of ``model.fields.STORED`` to arrays of ``rows`` elements each, with the
    catalogue's dtype.  Address columns are ``uint32`` when the whole chunk is IPv4 and ``ADDRESS``
    otherwise.  A field that the source lacks has no column.  ``first`` is the record number of the
    first row in its source.
    """

    columns: Mapping[str, Array]
    rows: int
    first: int = 0
    source: str = ""

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def take(self, index: NDArray[np.intp]) -> Chunk:
        """The rows at ``index`` (intp array), in that order, as a chunk of their own."""
        return Chunk({n: c.take(index) for n, c in self.columns.items()}, len(index), self.first, self.source)

    def slice(self, start: int, stop: int) -> Chunk:
        """Rows ``start`` to ``stop`` (views, nothing is copied)."""
        return Chunk(
            {n: c[start:stop] for n, c in self.columns.items()}, stop - start, self.first + start, self.source
        )


@frozen(eq=False)
class FlowSource:
    """One file, standard input, or array set: its name, format, fields and a way to read it.

    ``chunks(fields, rows)`` yields ``Chunk`` with only the columns asked for (all when None).
    It can be called again for another pass unless ``once`` is true.
    """

    path: str
    format: str
    fields: frozenset[str]
    _read: object = field(repr=False)
    once: bool = False

    def chunks(self, fields: frozenset[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Read the source from its start, ``rows`` records a chunk."""
        return self._read(fields, rows)  # type: ignore[operator, no-any-return]


def widen(addresses: Array) -> Array:
    """An address column as ``ADDRESS``: IPv4 (``uint32``) becomes IPv4-mapped IPv6."""
    if addresses.dtype == ADDRESS:
        return addresses
    out = np.zeros(len(addresses), ADDRESS)
    out["low"] = addresses.astype(np.uint64) + np.uint64(IPV4_MAPPED)
    return out
