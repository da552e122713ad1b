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

from flowrules.engine.cell_classes import CellClasses, PieceCells
from flowrules.engine.predicates import truth
from flowrules.engine.range_classes import Classes, RangeClasses
from flowrules.engine.row_values import Rows
from flowrules.engine.signatures import Signatures
from flowrules.engine.tallies import Tallies
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.plan.cell_tests import atoms

Cells = NDArray[np.uint32]
Sums = Mapping[str, int]

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
        self.places = frozenset(m.place for m in members)
        """The places of all members."""
        self._units = np.array([m.unit for m in members], np.intp)
        self.signatures = Signatures([*(m.unit for m in members), *atom_units])
        self._fields = [_CutField(field, members) for field in fields]
        self._mixed = [[c for c in m.cuts if not any(f.tells(c) for f in self._fields)] for m in members]
        """Of each member the cuts that no field alone decides."""
        self._base = classes
        self._raw = np.zeros(1, np.uint32)
        """A combination of classes for each signature."""
        self._offsets = np.zeros(2, np.int64)
        self._names = tuple(sums)
        self._tallies = Tallies(self._names)
        self._open(np.zeros((1, len(members)), np.bool_))

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
        self._open(self.signatures.wanted(self._units, before))

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

    def add(self, piece: PieceCells, rows: Rows) -> None:
        """Count a piece, of cells that fit."""
        of_place = piece.of(self.signatures.of_cell)
        if not of_place.any():
            return
        if (of_place == of_place[0]).all():
            self._add_alike(int(of_place[0]), rows)
            return
        signature: Cells = of_place.take(piece.places)
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
        self._count(number, rows)

    def _add_alike(self, signature: int, rows: Rows) -> None:
        """Count a piece whose cells are of one signature."""
        live: NDArray[np.bool_] | None = None
        for field in self._fields:
            if field.selective:
                passed = field.alive_in(signature).take(field.classes.of(rows))
                live = passed if live is None else live & passed
        if live is not None and np.count_nonzero(live) < _MOST_LIVE * rows.rows:
            rows = rows.take(np.flatnonzero(live))
            if not rows.rows:
                return
        number = self._fields[0].local_in(signature, rows)
        for field in self._fields[1:]:
            number += field.local_in(signature, rows)
        self._count(number, rows)

    def _count(self, number: Cells, rows: Rows) -> None:
        self._tallies.grow(int(self._offsets[-1]))
        self._tallies.add(number.astype(np.intp), [rows.column(name) for name in self._names])

    def flush(self) -> list[tuple[int, int, Sums]]:
        """The place of each member with its flows and sums; begins anew."""
        counts, sums = self._tallies.take()
        met = np.flatnonzero(counts)
        if not len(met):
            return []
        counts = counts.take(met)
        sums = {n: s.take(met) for n, s in sums.items()}
        signature = self._offsets.searchsorted(met, "right") - 1
        rest = met - self._offsets.take(signature)
        classes = [field.classes_of(signature, rest) for field in self._fields]
        # numbers ascend, and with them signatures: each has its own stretch of them; rows that nobody wants, of signature
        # 0, are counted where they are few
        ends = signature.searchsorted(np.arange(len(self.signatures)), "right")
        wanted = self.signatures.wanted_by()
        samples: Rows | None = None
        out: list[tuple[int, int, Sums]] = []
        for place, member in enumerate(self.members):
            own = wanted[member.unit]
            among = None if own[1:].all() and signature[0] else _stretches(ends, own)
            tables = [(f.passes(place), c) for f, c in zip(self._fields, classes, strict=True)]
            told = [_at(c, among, passes) for passes, c in tables if passes is not None]
            for cut in self._mixed[place]:
                if samples is None:
                    samples = self._samples(signature, classes)
                held = truth(cut, samples)[0]
                told.append(held if among is None else held.take(among))
            index = among
            if told:
                index = np.flatnonzero(np.logical_and.reduce(told) if len(told) > 1 else told[0])
                index = index if among is None else among.take(index)
            flows = counts if index is None else counts.take(index)
            volumes = {n: s if index is None else s.take(index) for n, s in sums.items()}
            totals = {n: int(s.sum()) for n, s in volumes.items()}
            out.append((member.place, int(flows.sum()), totals))
        return out

    def _samples(self, signature: NDArray[np.intp], classes: Sequence[Classes]) -> Rows:
        """Rows that stand for numbers, with what the tests of each field say of them."""
        columns = dict(self._base.samples(self._raw.take(signature)).chunk.columns)
        samples = Rows(Chunk(columns, len(signature)), self._base.around)
        for field, own in zip(self._fields, classes, strict=True):
            for atom, held in field.told:
                passing = held.take(own)
                samples.truths[id(atom)] = passing, passing
        return samples


def _at(classes: Classes, among: NDArray[np.intp] | None, table: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What a table says of classes, of all or of those at some places."""
    return table.take(classes if among is None else classes.take(among))


def _stretches(ends: NDArray[np.intp], wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The places of all stretches wanted, of which each begins where the one before ends."""
    chosen = np.flatnonzero(wanted)
    last = ends.take(chosen)
    sizes = last - np.where(chosen > 0, ends.take(chosen - 1), 0)
    before = np.cumsum(sizes) - sizes
    places: NDArray[np.intp] = np.arange(sizes.sum()) + np.repeat(last - sizes - before, sizes)
    return places


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
        self._atoms = frozenset(turns)
        for place, member in enumerate(members):
            for cut in member.cuts:
                parts = atoms(cut)
                for atom in parts:
                    if atom in turns:
                        self._turns[place] |= turns[atom]
                if self.tells(cut):
                    self._passes[place] &= truth(cut, rows)[0]
        self._open_to: NDArray[np.bool_] = np.asarray(self._passes.all(axis=1))
        self.selective &= not self._open_to.any()
        self._table = np.zeros(0, np.uint32)
        self._alive = np.zeros(0, np.bool_)
        self._sizes = np.zeros(0, np.int64)
        self._strides = np.zeros(0, np.int64)
        self._firsts = np.zeros(0, np.uint16)
        """By signature and local class the first class that is in it."""

    def tells(self, cut: ex.Expression) -> bool:
        """Whether a test looks at nothing but this field."""
        return all(atom in self._atoms for atom in atoms(cut))

    def passes(self, member: int) -> NDArray[np.bool_] | None:
        """The classes in which a member may pass, ``None``: all."""
        return None if self._open_to[member] else self._passes[member]

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

    def local_in(self, signature: int, rows: Rows) -> Cells:
        """What each row's class adds to its number in one signature."""
        first = signature * self.classes.count
        table = self._table[first : first + self.classes.count]
        own = self.classes.intervals(rows)
        if own is None:
            out: Cells = table.take(self.classes.of(rows))
            return out
        interval, classes = own
        entries = table.take(classes)
        if len(entries) > 1 and entries[1] > entries[0]:
            begin, step = int(entries[0]), int(entries[1]) - int(entries[0])
            if (entries == begin + step * np.arange(len(entries))).all():
                # as multiples of the intervals they need no look-up
                out = interval.astype(np.uint32)
                out *= np.uint32(step)
                out += np.uint32(begin)
                return out
        return entries.take(interval)

    def alive_in(self, signature: int) -> NDArray[np.bool_]:
        """The classes in which some open member of one signature may pass, as far as this field tells."""
        first = signature * self.classes.count
        return self._alive[first : first + self.classes.count]

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
