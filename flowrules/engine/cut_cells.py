"""Cells divided further by thresholds and by ranges of addresses, for groupings without keys.

The rules that a cell leaves open are few, and so are the cuts that matter in it: within each *signature* (the cells that
leave the same rules open) classes that only other rules tell apart fall together again.  What is left
of a field is a *local* class; signature and local classes make a number, and one histogram over these numbers answers
all rules at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.cell_classes import CellClasses
from flowrules.engine.kernels import kernels
from flowrules.engine.predicates import truth
from flowrules.engine.range_classes import Classes, RangeClasses
from flowrules.engine.row_values import Rows
from flowrules.engine.signatures import Signatures
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.plan.cell_tests import atoms

Cells = NDArray[np.uint32]
Sums = Mapping[str, NDArray[np.int64]]

MOST_CUT_CELLS: Final = 1 << 20
"""The most numbers that signatures and local classes may make; beyond it the rows of each grouping are selected."""

MOST_ENTRIES: Final = 1 << 22
"""The most entries of the tables of local classes."""

_TOO_MANY: Final = 1 << 40

_MOST_LIVE: Final = 0.6
"""Where more of a piece's rows may pass, leaving the others out costs more than it saves."""


@frozen(eq=False)
class CutMember:
    """A grouping counted so: its place among the task's members, the unit of its tests, and its cuts."""

    place: int
    unit: int
    cuts: tuple[ex.Expression, ...]


class CutCells:
    """Rows and sums by signature and local classes."""

    def __init__(
        self,
        members: Sequence[CutMember],
        atom_units: Sequence[int],
        fields: Sequence[RangeClasses],
        classes: CellClasses,
        sums: Sequence[str],
    ) -> None:
        self.members = list(members)
        self.signatures = Signatures([*(m.unit for m in members), *atom_units])
        self._fields = [_CutField(field, members) for field in fields]
        self._base = classes
        self._raw = np.zeros(1, np.uint32)
        """A combination of classes for each signature."""
        self._offsets = np.zeros(2, np.int64)
        self._names = tuple(sums)
        self._open(np.zeros((1, len(members)), np.bool_))
        self._clear()

    @property
    def fits(self) -> bool:
        """Whether the numbers are few enough."""
        entries = len(self.signatures) * sum(f.classes.count for f in self._fields)
        return int(self._offsets[-1]) <= MOST_CUT_CELLS and entries <= MOST_ENTRIES

    def extend(self, passed: NDArray[np.bool_], raw: Cells) -> None:
        """Take new cells in, by the tests that they pass and their combinations of classes."""
        before = len(self.signatures)
        self.signatures.extend(passed)
        if len(self.signatures) == before or not self.fits:
            return
        numbers = self.signatures.of_cell[len(self.signatures.of_cell) - len(raw) :]
        own = np.zeros(len(self.signatures), np.uint32)
        own[numbers] = raw
        self._raw = np.concatenate((self._raw, own[before:]))
        wanted = self.signatures.wanted_by()
        self._open(np.stack([wanted[m.unit][before:] for m in self.members], axis=1))

    def _open(self, wanted: NDArray[np.bool_]) -> None:
        """Number the local classes of new signatures, of which ``wanted`` says which members they leave open."""
        size = np.ones(len(wanted), np.int64)
        for field in self._fields:
            # where there are too many, it does not matter how many
            size = np.minimum(size * field.open(wanted, size), _TOO_MANY)
        ends = self._offsets[-1] + np.cumsum(size)
        if len(self._raw) == 1:
            self._offsets = np.array([0, *ends])
            return
        starts = np.concatenate((self._offsets[-1:], ends[:-1]))
        self._offsets = np.concatenate((self._offsets, ends))
        if self.fits:
            self._fields[0].shift(starts)

    def _clear(self) -> None:
        self._counts = np.zeros(0, np.int64)
        self._sums = {n: np.zeros(0, np.int64) for n in self._names}

    def add(self, cells: Cells, rows: Rows) -> None:
        """Count a piece, of cells that fit."""
        signature: Cells = self.signatures.of_cell.take(cells)
        found: list[Classes | None] = [None] * len(self._fields)
        live: NDArray[np.bool_] | None = None
        for place, field in enumerate(self._fields):
            if field.selective:
                own = found[place] = field.classes.of(rows)
                passed = field.alive(signature, own)
                live = passed if live is None else live & passed
        if live is None:
            live = signature != 0
        if np.count_nonzero(live) < _MOST_LIVE * rows.rows:
            index = np.flatnonzero(live)
            if not len(index):
                return
            rows, signature = rows.take(index), signature.take(index)
            found = [None if own is None else own.take(index) for own in found]
        number: Cells | None = None
        for field, held in zip(self._fields, found, strict=True):
            part = field.local(signature, field.classes.of(rows) if held is None else held)
            if number is None:
                number = part
            else:
                number += part
        assert number is not None
        size = int(self._offsets[-1])
        if len(self._counts) < size:
            self._counts = _longer(self._counts, size)
            self._sums = {n: _longer(s, size) for n, s in self._sums.items()}
        places = number.astype(np.intp)
        kernels().count(self._counts, places)
        for name, sums in self._sums.items():
            kernels().add(sums, places, rows.column(name))

    def flush(self) -> list[tuple[int, int, Sums]]:
        """The place of each member with its flows and sums; begins anew."""
        met = np.flatnonzero(self._counts)
        if not len(met):
            return []
        counts = self._counts.take(met)
        sums = {n: s.take(met) for n, s in self._sums.items()}
        signature = self._offsets.searchsorted(met, "right") - 1
        rest = met - self._offsets.take(signature)
        columns = dict(self._base.samples(self._raw.take(signature)).chunk.columns)
        samples = Rows(Chunk(columns, len(met)), self._base.around)
        for field in self._fields:
            of_met = field.classes_of(signature, rest)
            for atom, held in field.told:
                passing = held.take(of_met)
                samples.truths[id(atom)] = passing, passing
        wanted = self.signatures.wanted_by()
        out: list[tuple[int, int, Sums]] = []
        for member in self.members:
            passed = wanted[member.unit].take(signature)
            for cut in member.cuts:
                passed &= truth(cut, samples)[0]
            index = np.flatnonzero(passed)
            own = {n: s.take(index).sum(keepdims=True) for n, s in sums.items()}
            out.append((member.place, int(counts.take(index).sum()), own))
        self._clear()
        return out


class _CutField:
    """The local classes of a field for each signature."""

    def __init__(self, classes: RangeClasses, members: Sequence[CutMember]) -> None:
        self.classes = classes
        count = classes.count
        rows = Rows(Chunk({classes.name: classes.values}, count), classes.around)
        own = {a for m in members for cut in m.cuts for a in atoms(cut)}
        self.told = [(atom, held) for atom, held in classes.told if atom in own]
        rows.truths.update((id(atom), (held, held)) for atom, held in self.told)
        self._turns = np.zeros((len(members), count - 1), np.bool_)
        """Which members change their mind between a class and the next."""
        self._passes = np.ones((len(members), count), np.bool_)
        """Which members may pass in a class."""
        self.selective = classes.of_addresses
        """Whether few rows pass: then the others are left out early."""
        turns = {atom: held[1:] != held[:-1] for atom, held in self.told}
        for place, member in enumerate(members):
            for cut in member.cuts:
                parts = atoms(cut)
                for atom in parts:
                    if atom in turns:
                        self._turns[place] |= turns[atom]
                if all(atom in turns for atom in parts):
                    self._passes[place] &= truth(cut, rows)[0]
            self.selective &= not self._passes[place].all()
        self._table = np.zeros(0, np.uint32)
        self._alive = np.zeros(0, np.bool_)
        self._sizes = np.zeros(0, np.int64)
        self._strides = np.zeros(0, np.int64)
        self._firsts = np.zeros(0, np.uint16)
        """By signature and local class the first class that is in it."""

    def open(self, wanted: NDArray[np.bool_], strides: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take new signatures in; how many local classes each has."""
        count = self.classes.count
        local = np.zeros((len(wanted), count), np.int64)
        turns = _some(wanted, self._turns)
        np.cumsum(turns, axis=1, out=local[:, 1:])
        sizes: NDArray[np.int64] = local[:, -1] + 1
        firsts = np.zeros((len(wanted), count), np.uint16)
        row, before = np.nonzero(turns)
        firsts[row, local[row, before + 1]] = before + 1
        # where there are too many, nobody looks at the table
        table = (local * strides[:, None]).astype(np.uint32)
        self._table = np.concatenate((self._table, table.reshape(-1)))
        self._firsts = np.concatenate((self._firsts, firsts.reshape(-1)))
        self._alive = np.concatenate((self._alive, _some(wanted, self._passes).reshape(-1)))
        self._sizes = np.concatenate((self._sizes, sizes))
        self._strides = np.concatenate((self._strides, strides))
        return sizes

    def shift(self, starts: NDArray[np.int64]) -> None:
        """Let the numbers of the newest signatures begin at ``starts``."""
        own = self._table.reshape(-1, self.classes.count)[-len(starts) :]
        own += starts.astype(np.uint32)[:, None]

    def local(self, signature: Cells, classes: Classes) -> Cells:
        """What each row's class adds to its number."""
        out: Cells = self._table.take(self._place(signature, classes))
        return out

    def alive(self, signature: Cells, classes: Classes) -> NDArray[np.bool_]:
        """Which rows some open member may pass, as far as this field tells."""
        out: NDArray[np.bool_] = self._alive.take(self._place(signature, classes))
        return out

    def _place(self, signature: Cells, classes: Classes) -> Cells:
        place = signature * np.uint32(self.classes.count)
        place += classes
        return place

    def classes_of(self, signature: NDArray[np.intp], rest: NDArray[np.int64]) -> Classes:
        """A class that stands for the local class of this field in each of some numbers."""
        local = rest // self._strides.take(signature) % self._sizes.take(signature)
        return self._firsts.take(signature * self.classes.count + local)


def _some(wanted: NDArray[np.bool_], marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each row of ``wanted`` (by members) and column of ``marks`` (members by columns): whether both hold of some
    member."""
    out = np.zeros((len(wanted), marks.shape[1]), np.bool_)
    for mine, theirs in zip(_words(wanted).T, _words(marks.T).T, strict=True):
        out |= mine[:, None] & theirs[None, :] != 0
    return out


def _words(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Each row's bits in words of 64."""
    padded = np.zeros((len(bits), -(-bits.shape[1] // 64) * 64), np.bool_)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded, axis=1).view(np.uint64)


def _longer(array: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    out = np.zeros(max(size, 2 * len(array)), np.int64)
    out[: len(array)] = array
    return out
