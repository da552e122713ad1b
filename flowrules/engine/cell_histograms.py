"""Rows and sums by cell, for groupings without keys, and by host and signature, for those by one host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.aggregate import Partial
from flowrules.engine.cell_classes import PieceCells
from flowrules.engine.cell_tasks import CellCounted
from flowrules.engine.kernels import kernels
from flowrules.engine.key_codes import AddressCoder, Coder, codes_of
from flowrules.engine.row_values import Rows
from flowrules.engine.signatures import Signatures
from flowrules.engine.tallies import Tallies
from flowrules.model import expression as ex

Cells = NDArray[np.uint32]

MOST_BY_HOST: Final = 1 << 23
"""The most entries of a histogram by host and signature; beyond it the rows of each grouping are selected."""

_MOST_ALIVE: Final = 0.7
"""Where more of a piece's rows are wanted, all are counted by host."""

_MOST_ENTRIES: Final = 1 << 20
"""So many combinations of classes are gathered before those of several pieces are added up."""


def summed(member: CellCounted) -> list[str]:
    """The fields whose sums a grouping asks for."""
    return [a.of.name for a in member.aggregates if isinstance(a.of, ex.Field)]


def put(
    member: CellCounted,
    partial: Partial,
    counts: NDArray[np.int64],
    sums: Mapping[str, NDArray[np.int64]],
) -> None:
    """Give a partial its groups' counts and sums."""
    parts = {a: sums[a.of.name] for a in member.aggregates if isinstance(a.of, ex.Field)}
    partial.add_counted(counts, parts)


def put_total(member: CellCounted, partial: Partial, flows: int, sums: Mapping[str, int]) -> None:
    """Give a partial without keys its flows and sums."""
    partial.add_total(flows, {a: sums[a.of.name] for a in member.aggregates if isinstance(a.of, ex.Field)})


class WholeCells:
    """Rows and sums by cell, for groupings without keys."""

    def __init__(self, members: Sequence[tuple[int, int]], sums: Sequence[str]) -> None:
        self._members = members
        self._names = tuple(sums)
        self._tallies = Tallies(sums)
        self._pieces: list[tuple[Cells, NDArray[np.int64], Mapping[str, NDArray[np.int64]]]] = []
        """Combinations of classes with their rows and sums, of which the numbers of cells are found in the end."""
        self._entries = 0

    def add(self, piece: PieceCells, rows: Rows, size: int) -> None:
        """Count a piece with cells below ``size``."""
        columns = [rows.column(name) for name in self._names]
        if piece.raw is None:
            self._tallies.grow(size)
            self._tallies.add(piece.places, columns)
            return
        tallies = Tallies(self._names)
        tallies.grow(len(piece.raw))
        tallies.add(piece.places, columns)
        counts, sums = tallies.take()
        if piece.ids is not None:
            # rows that were put aside are counted when they come back
            counts[: len(piece.ids)][piece.ids == 0] = 0
        met = np.flatnonzero(counts)
        self._pieces.append(
            (piece.raw.take(met), counts.take(met), {n: s.take(met) for n, s in sums.items()})
        )
        self._entries += len(met)
        if self._entries > _MOST_ENTRIES:
            self._gather()

    def unnumbered(self) -> Cells:
        """The combinations of classes that have rows, of which the numbers of cells are asked for."""
        self._gather()
        return self._pieces[0][0] if self._pieces else np.zeros(0, np.uint32)

    def _gather(self) -> None:
        """Add up what pieces have of the same combinations."""
        if not self._pieces:
            return
        raw = np.concatenate([one for one, _, _ in self._pieces])
        order = np.argsort(raw, kind="stable")
        ordered = raw.take(order)
        starts = np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1) if len(raw) else order
        counts = _added([one for _, one, _ in self._pieces], order, starts)
        sums = {n: _added([s[n] for _, _, s in self._pieces], order, starts) for n in self._names}
        self._pieces = [(ordered.take(starts), counts, sums)]
        self._entries = len(starts)

    def flush(
        self,
        ids: Cells,
        passed: NDArray[np.bool_],
        members: Sequence[CellCounted],
        partials: Sequence[Partial],
    ) -> None:
        """Give each grouping the cells that it wants, and begin anew; ``ids`` are the cells of combinations."""
        counts, sums = self._tallies.take()
        cells = np.flatnonzero(counts)
        counts, sums = counts.take(cells), {n: s.take(cells) for n, s in sums.items()}
        for raw, more, theirs in self._pieces:
            cells = np.concatenate((cells, ids.take(raw)))
            counts = np.concatenate((counts, more))
            sums = {n: np.concatenate((s, theirs[n])) for n, s in sums.items()}
        self._pieces, self._entries = [], 0
        for i, unit in self._members:
            wanted = np.flatnonzero(passed[:, unit].take(cells))
            own = {n: int(s.take(wanted).sum()) for n, s in sums.items()}
            put_total(members[i], partials[i], int(counts.take(wanted).sum()), own)


def _added(
    pieces: Sequence[NDArray[np.int64]], order: NDArray[np.intp], starts: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Numbers in an order, those added up that lie between two starts."""
    out: NDArray[np.int64] = np.concatenate(pieces).take(order)
    return np.add.reduceat(out, starts) if len(out) else out


class HostCells:
    """Rows and sums by signature and host, for groupings by one host."""

    def __init__(self, members: Sequence[tuple[int, int]], coder: Coder, sums: Sequence[str]) -> None:
        self.members = list(members)
        self.signatures = Signatures([unit for _, unit in members])
        self._coder = coder
        self._names = tuple(sums)
        self._clear()

    def _clear(self) -> None:
        self._hosts = self._rows = 0
        self._tallies = Tallies(self._names)

    def add(self, piece: PieceCells, rows: Rows) -> bool:
        """Count a piece; false (and nothing counted) where the histogram would become too large."""
        of_place = piece.of(self.signatures.of_cell)
        if not of_place.any():
            return True
        signatures: NDArray[Any]
        if isinstance(self._coder, AddressCoder) and self._coder.numbered(rows):
            # the numbers of hosts cost nothing: to count all rows is cheaper than to select most of them
            signatures = of_place.take(piece.places)
            alive = signatures != 0
            count = np.count_nonzero(alive)
            live = None if count > _MOST_ALIVE * rows.rows else np.flatnonzero(alive)
            if live is not None:
                signatures = signatures.take(live)
        else:
            live, signatures = kernels().live(of_place, piece.places)
        if live is not None:
            if not len(live):
                return True
            rows = rows.take(live)
        codes = codes_of(self._coder, rows)
        if not self._make_room(len(self._coder), len(self.signatures)):
            return False
        places = signatures.astype(np.intp)
        places *= self._hosts
        places += codes
        self._tallies.add(places, [rows.column(name) for name in self._names])
        return True

    def _make_room(self, hosts: int, signatures: int) -> bool:
        if hosts <= self._hosts and signatures <= self._rows:
            return True
        more_hosts = self._hosts if hosts <= self._hosts else max(hosts + hosts // 4, 64)
        more_rows = self._rows if signatures <= self._rows else signatures + signatures // 4
        if more_hosts * more_rows > MOST_BY_HOST:
            return False
        self._tallies.widen((self._rows, self._hosts), (more_rows, more_hosts))
        self._hosts, self._rows = more_hosts, more_rows
        return True

    def flush(self, members: Sequence[CellCounted], partials: Sequence[Partial]) -> None:
        """Give each grouping the hosts of the signatures that it wants, and begin anew."""
        if self._rows:
            used = min(self._rows, len(self.signatures))
            wanted = {u: w[:used] for u, w in self.signatures.wanted_by().items()}
            order = list(wanted)
            counts, sums = self._tallies.take_rows(np.stack([wanted[u] for u in order]), self._hosts, used)
            place = {unit: row for row, unit in enumerate(order)}
            for i, unit in self.members:
                row = place[unit]
                put(members[i], partials[i], counts[row], {n: s[row] for n, s in sums.items()})
        self._clear()
