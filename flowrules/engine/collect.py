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
    """Whose rows are kept: those whose keys are among ``hosts`` (``None``: of all)."""

    keys: tuple[ex.Expression, ...]
    hosts: Sequence[Series] | None
    finder: HostFinder | None = None

    def other_keys(self) -> tuple[ex.Expression, ...]:
        """The keys as a row of the other side holds them."""
        return tuple(reverse(k) for k in self.keys)


class CollectedRows:
    """The rows that one thread has kept, piece by piece."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._seen: list[dict[str, NDArray[Any]]] = []
        self._keys: list[list[Series]] = []
        self._others: list[dict[str, NDArray[Any]]] = []
        self._other_keys = collection.other_keys()

    def add(self, rows: Rows, all_rows: Rows) -> None:
        """Keep those of ``rows`` (that passed) and of the other side in ``all_rows`` that belong to hosts."""
        kept, owner, keys = self._own(rows, self.collection.keys)
        if kept.rows:
            columns = {n: kept.column(n) for n in SEEN if n in kept.chunk.columns}
            columns["host"] = owner
            columns["replied"] = _replied(kept, self.collection.keys)
            self._seen.append(columns)
            if self.collection.hosts is None:
                self._keys.append(keys)
        others, _, _ = self._own(all_rows, self._other_keys)
        if others.rows:
            self._others.append({n: others.column(n) for n in OTHER_SIDE if n in others.chunk.columns})

    def _own(
        self, rows: Rows, keys: tuple[ex.Expression, ...]
    ) -> tuple[Rows, NDArray[np.intp], list[Series]]:
        """The rows whose keys are a host's, that host's number, and the keys."""
        if not rows.rows:
            return rows, np.zeros(0, np.intp), []
        finder = self.collection.finder
        if finder is None:
            return rows, np.zeros(rows.rows, np.intp), [rows.series(k) for k in keys]
        owner = finder.find([rows.values(k) for k in keys])
        index = np.flatnonzero(owner >= 0)
        return rows.take(index), owner.take(index), []

    def merge(self, other: CollectedRows) -> None:
        """Add what another thread has kept."""
        self._seen += other._seen
        self._keys += other._keys
        self._others += other._others

    def hosts(self) -> list[Series]:
        """The hosts, a column for each key, in the order of their numbers."""
        if self.collection.hosts is not None:
            return list(self.collection.hosts)
        if not self._keys:
            return []
        keys = [joined([piece[k] for piece in self._keys]) for k in range(len(self.collection.keys))]
        _, first = group_rows(keys, len(keys[0]))
        return [k.take(first) for k in keys]

    def columns(self) -> dict[str, NDArray[Any]]:
        """The rows that passed: stored fields, ``host`` (number), ``replied`` (the peer sent the row)."""
        out = _together(self._seen)
        if self.collection.hosts is None and self._keys:
            keys = [joined([piece[k] for piece in self._keys]) for k in range(len(self.collection.keys))]
            out["host"] = group_rows(keys, len(keys[0]))[0]
        return out

    def other_side(self) -> dict[str, NDArray[Any]]:
        """The rows of the other side."""
        return _together(self._others)


def _replied(rows: Rows, keys: tuple[ex.Expression, ...]) -> NDArray[np.bool_]:
    """Which rows the host's peer sent: those whose host is the destination."""
    for key in keys:
        for node in key.walk():
            if isinstance(node, ex.Field) and node.name in ("sip", "sport"):
                return np.zeros(rows.rows, np.bool_)
            if isinstance(node, ex.Field) and node.name in ("dip", "dport"):
                return np.ones(rows.rows, np.bool_)
            if isinstance(node, ex.Field) and node.name in ("inside", "inside_port"):
                inbound: NDArray[np.bool_] = rows.direction() == INBOUND
                return inbound
            if isinstance(node, ex.Field) and node.name in ("outside", "outside_port"):
                outbound: NDArray[np.bool_] = rows.direction() != INBOUND
                return outbound
    return np.zeros(rows.rows, np.bool_)


def _together(pieces: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    if not pieces:
        return {}
    names = [n for n in pieces[0] if all(n in p for p in pieces)]
    return {n: _concatenated([p[n] for p in pieces]) for n in names}


def _concatenated(arrays: list[NDArray[Any]]) -> NDArray[Any]:
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
    values = _concatenated([p.values for p in pieces])
    return Series(pieces[0].type, values, known, denominators, prefix)
