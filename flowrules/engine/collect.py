"""The rows of each host together, for measures that look at a host's connections in the order of time.

Beside the rows that pass the feature's filter, the rows of the other side are kept (what the peers of
those hosts sent back, among all flows read): they tell who opened a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.grouped import group_rows
from flowrules.engine.member_tests import HostFinder
from flowrules.engine.results import Series
from flowrules.engine.row_values import INBOUND, Rows
from flowrules.flows.table import widen
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS
from flowrules.model.reversal import reverse

SEEN: Final = (
    "sip",
    "dip",
    "sport",
    "dport",
    "protocol",
    "packets",
    "flags",
    "initial_flags",
    "stime",
    "duration",
)
"""What is kept of a row that passed."""
OTHER_SIDE: Final = ("sip", "dip", "sport", "dport", "protocol", "stime")
"""What is kept of a row of the other side."""


@frozen(eq=False)
class Collection:
    """Whose rows are kept: those whose keys are among ``hosts`` (``None``: of all).

    ``sided``: something looks at them from the home end or the far end, so it is kept which rows are inbound.
    """

    keys: tuple[ex.Expression, ...]
    hosts: Sequence[Series] | None
    finder: HostFinder | None = None
    sided: bool = False

    def other_side(self) -> OtherSide:
        """Whose peers' rows tell who opened a connection."""
        return OtherSide(tuple(reverse(k) for k in self.keys), self.finder)


class CollectedRows:
    """The rows that one thread has kept, piece by piece."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._seen: list[dict[str, NDArray[Any]]] = []
        self._keys: list[list[Series]] = []

    @property
    def rows(self) -> int:
        """How many rows are kept."""
        return sum(len(columns["host"]) for columns in self._seen)

    def add(self, rows: Rows) -> None:
        """Keep those of ``rows`` (that passed) that belong to hosts."""
        kept, owner = _of_hosts(rows, self.collection.keys, self.collection.finder)
        if not kept.rows:
            return
        columns = {n: _narrowed(n, kept.column(n)) for n in SEEN if n in kept.chunk.columns}
        columns["host"] = owner
        if self.collection.sided:
            columns["inbound"] = kept.direction() == INBOUND
        self._seen.append(columns)
        if self.collection.hosts is None:
            self._keys.append([kept.series(k) for k in self.collection.keys])

    def merge(self, other: CollectedRows) -> None:
        """Add what another thread has kept."""
        self._seen += other._seen
        self._keys += other._keys

    def belonging_to(self, collection: Collection) -> CollectedRows:
        """The same rows for an equal collection, such as one that other processes can be sent."""
        out = CollectedRows(collection)
        out.merge(self)
        return out

    def take_out(self) -> tuple[list[Series], dict[str, NDArray[Any]]]:
        """The hosts, a column for each key, in the order of their numbers; and the rows that passed.

        Columns are the stored fields, ``host`` (number) and, where asked for, ``inbound``.  The pieces
        are given up on the way, so that the rows are not held twice.
        """
        columns = together(self._seen)
        if self.collection.hosts is not None:
            return list(self.collection.hosts), columns
        if not self._keys or not self.collection.keys:
            return [], columns
        keys = [joined([piece[k] for piece in self._keys]) for k in range(len(self.collection.keys))]
        self._keys = []
        columns["host"], first = group_rows(keys, len(keys[0]))
        return [k.take(first) for k in keys], columns


@frozen(eq=False)
class OtherSide:
    """Whose peers' rows are kept, of all flows: ``keys`` are the hosts' as such a row holds them."""

    keys: tuple[ex.Expression, ...]
    finder: HostFinder | None


class OtherRows:
    """The rows of the other side that one thread has kept."""

    def __init__(self, side: OtherSide) -> None:
        self._side = side
        self._rows: list[dict[str, NDArray[Any]]] = []

    def add(self, rows: Rows) -> None:
        """Keep those of ``rows`` (all of a chunk) that the peers of hosts sent."""
        kept, _ = _of_hosts(rows, self._side.keys, self._side.finder)
        if kept.rows:
            self._rows.append({n: kept.column(n) for n in OTHER_SIDE if n in kept.chunk.columns})

    def merge(self, other: OtherRows) -> None:
        """Add what another thread has kept."""
        self._rows += other._rows

    def belonging_to(self, side: OtherSide) -> OtherRows:
        """The same rows for an equal side, such as one that other processes can be sent."""
        out = OtherRows(side)
        out.merge(self)
        return out

    def take_out(self) -> dict[str, NDArray[Any]]:
        """The rows; the pieces are given up on the way."""
        return together(self._rows)


def _of_hosts(
    rows: Rows, keys: tuple[ex.Expression, ...], finder: HostFinder | None
) -> tuple[Rows, NDArray[np.int32]]:
    """The rows whose keys are a host's, and that host's number."""
    if not rows.rows:
        return rows, np.zeros(0, np.int32)
    if finder is None:
        return rows, np.zeros(rows.rows, np.int32)
    owner = finder.find([rows.values(k) for k in keys])
    index = np.flatnonzero(owner >= 0)
    return rows.take(index), owner.take(index).astype(np.int32)


def _narrowed(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """A column in as few bytes as its values need: millions of rows may be kept."""
    if name == "packets":  # only small numbers are told apart
        few: NDArray[Any] = np.minimum(column, np.iinfo(np.uint8).max).astype(np.uint8)
        return few
    if name == "duration" and int(column.min()) >= 0 and int(column.max()) <= np.iinfo(np.uint32).max:
        return column.astype(np.uint32)
    return column


def together(pieces: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Columns of pieces, one after the other; ``pieces`` is emptied column by column."""
    if not pieces:
        return {}
    out: dict[str, NDArray[Any]] = {}
    for name in list(pieces[0]):
        if all(name in p for p in pieces):
            out[name] = joined_arrays([p.pop(name) for p in pieces])
    pieces.clear()
    return out


def joined_arrays(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Arrays one after the other; addresses of both dtypes as ``ADDRESS``."""
    if any(a.dtype == ADDRESS for a in arrays):
        # a column of unknowns holds plain numbers that mean nothing
        arrays = [widen(a.astype(np.uint32) if a.dtype == np.int64 else a) for a in arrays]
    return np.concatenate(arrays)


def joined(pieces: list[Series]) -> Series:
    """Columns of one type, one after the other."""
    known = None
    if any(p.known is not None for p in pieces):
        known = np.concatenate([p.mask() for p in pieces])
    prefix = denominators = None
    if all(p.prefix is not None for p in pieces):
        prefix = np.concatenate([p.prefix for p in pieces if p.prefix is not None])
    if any(p.denominators is not None for p in pieces):
        parts = [np.ones(len(p), np.int64) if p.denominators is None else p.denominators for p in pieces]
        denominators = np.concatenate(parts)
    values = joined_arrays([p.values for p in pieces])
    return Series(pieces[0].type, values, known, denominators, prefix)
