"""Groupings counted by cells: a histogram of the rows' cells, from which every grouping takes its part.

Three ways to count, by what a grouping asks.  Without keys: rows, bytes and packets are added up by cell.  By
one host: by host and *signature*, which stands for all cells that the same groupings want.  With other keys, or with
tests that cells do not decide: the rows of a piece are put in order of their signatures once, and each grouping
gets the rows of those that it wants.  The partials are those that other groupings have, with the same results.

Cells are numbered when rows of them are met, and the tests evaluated once for each.  A few rows of new
cells are put aside, so that this is not done again and again for little.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.aggregate import Partial
from flowrules.engine.cell_classes import PieceCells
from flowrules.engine.cell_histograms import HostCells, WholeCells, put_total, summed
from flowrules.engine.cell_tasks import CellTask
from flowrules.engine.cell_truths import CellTruths
from flowrules.engine.cut_cells import CutCells, CutMember
from flowrules.engine.folding import NOTHING_DECIDED, Decided
from flowrules.engine.kernels import kernels
from flowrules.engine.row_values import Rows
from flowrules.engine.signatures import Signatures
from flowrules.engine.where import Selected, select_rows
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.plan.cell_tests import atoms, base_atoms, cut_field

Cells = NDArray[np.uint32]

MOST_DIRECT: Final = 1 << 20
"""Up to so many combinations (times tests) all are cells from the start, so that rows need no look-up of theirs."""

LEAST_ROWS: Final = 1 << 13
"""Pieces of fewer rows are counted by predicates: numbering cells would cost more."""

FEWEST_LEFT: Final = 4
"""Pieces in which so few groupings may have rows are counted by predicates too."""

_PUT_ASIDE: Final = 16
"""Rows of new cells are put aside where they are less than one in so many."""
_MOST_ASIDE: Final = 1 << 17
_EXACT: Final = 1 << 53
_NARROW: Final = (1 << 32) - 1
_LIMIT: Final = 1 << 62


class CellCounter:
    """What one thread counts by the cells of a task."""

    def __init__(self, task: CellTask, partials: Sequence[Partial]) -> None:
        self._task = task
        self.begin(partials)
        self._ids = np.zeros(task.classes.size, np.uint32)
        units: dict[tuple[int, ...], int] = {}
        self._tests: list[tuple[ex.Expression, ...]] = []

        def unit_of(tests: tuple[ex.Expression, ...]) -> int:
            key = tuple(id(t) for t in tests)
            if key not in units:
                units[key] = len(units)
                self._tests.append(tests)
            return units[key]

        self._units = [unit_of(member.where.cheap) for member in task.members]
        self._atom_units = {a: unit_of((a,)) for m in task.members for a in base_atoms(m.cuts)}
        self._truths = CellTruths(task.classes, self._tests)
        self._keys = list(units)
        self._passed = np.zeros((1, len(units)), np.bool_)
        """Which cell (by its id) passes which tests; cell 0 stands for rows that are put aside."""
        sums = {n for m in task.members if m.counted for n in summed(m)}
        self._sums = tuple(sorted(sums))
        keyless = [i for i, m in enumerate(task.members) if m.counted and m.coder is None and not m.cuts]
        self._whole = WholeCells([(i, self._units[i]) for i in keyless], self._sums) if keyless else None
        self._by_host: list[HostCells] = []
        by_coder: dict[int, list[int]] = {}
        for i, member in enumerate(task.members):
            if member.counted and member.coder is not None:
                by_coder.setdefault(id(member.coder), []).append(i)
        for hosted in by_coder.values():
            coder = task.members[hosted[0]].coder
            assert coder is not None
            self._by_host.append(HostCells([(i, self._units[i]) for i in hosted], coder, self._sums))
        clusters: dict[int, list[CutMember]] = {}
        for i, member in enumerate(task.members):
            if member.cuts:
                clusters.setdefault(member.cluster, []).append(CutMember(i, self._units[i], member.cuts))
        self._by_cuts = [self._cut_cells(members) for members in clusters.values()]
        self._raw = np.zeros(1, np.uint32)
        """The combination of classes of each cell."""
        self._choosing = _Choosing([(i, self._units[i]) for i, m in enumerate(task.members) if not m.counted])
        self._left: dict[int, tuple[Decided, tuple[frozenset[int], bool]]] = {}
        self._testing: dict[int, int] = {}
        """For each predicate, by identity, the members that test it, a bit for each."""
        for i, member in enumerate(task.members):
            for identity in member.where.identities:
                self._testing[identity] = self._testing.get(identity, 0) | 1 << i
        self._aside: dict[object, list[Chunk]] = {}
        self._aside_rows = 0
        self._most = 0
        # what no row is in costs nothing where rows are counted by cell alone
        evaluated = task.classes.size * len(self._tests)
        self._direct = evaluated <= MOST_DIRECT and not self._by_host and not self._by_cuts
        if self._direct:
            self._meet(np.arange(task.classes.size, dtype=np.uint32))

    def begin(self, partials: Sequence[Partial]) -> None:
        """Put what is counted from now on into these; what was counted before is settled."""
        self._partials = [partials[m.place] for m in self._task.members]

    def add(self, rows: Rows, selected: Selected, decided: Decided = NOTHING_DECIDED) -> None:
        """Count a piece, in which some predicates are known already."""
        left, by_cells = self._left_by(decided)
        if not left:
            return
        if not by_cells or rows.rows < LEAST_ROWS or not self._reserve(rows):
            for i in left:
                where = decided.where(self._task.members[i].own)
                assert where is not None
                self._partials[i].add_passed(select_rows(where, selected), rows)
            return
        piece = self._task.classes.in_piece(rows)
        if piece is None:
            piece = PieceCells(self._number(rows).astype(np.intp))
        elif self._by_host or self._by_cuts or self._choosing.members:
            piece = self._met(piece, rows)
        self._add(rows, piece, left)

    def _left_by(self, decided: Decided) -> tuple[frozenset[int], bool]:
        """The members that may have rows by what is known already, and whether cells are to count them."""
        held = self._left.get(id(decided))
        if held is None:
            gone = 0
            for identity in decided.never & self._testing.keys():
                gone |= self._testing[identity]
            left = frozenset(i for i in range(len(self._task.members)) if not gone >> i & 1)
            # with what it is of, so that no other can take its identity
            by_cells = len(left) >= FEWEST_LEFT and self._task.pays(decided, left)
            held = self._left[id(decided)] = decided, (left, by_cells)
        return held[1]

    @property
    def cells(self) -> int:
        """How many cells were met."""
        return len(self._passed) - 1

    def settle(self) -> None:
        """Put what was counted into the partials of the groupings."""
        self._take_back()
        self._flush()

    def _number(self, rows: Rows) -> Cells:
        """The cell of each row, 0 for rows put aside."""
        raw = self._task.classes.of(rows)
        if self._direct:
            raw += np.uint32(1)
            return raw
        cells = self._ids.take(raw)
        if cells.min():
            return cells
        fresh = np.flatnonzero(cells == 0)
        if self._put_aside(rows, fresh):
            return cells
        self._meet(raw.take(fresh))
        return self._ids.take(raw)

    def _met(self, piece: PieceCells, rows: Rows) -> PieceCells:
        """A piece with the numbers of its cells, 0 for rows put aside."""
        assert piece.raw is not None
        ids = self._ids.take(piece.raw)
        unknown = ids == 0
        if unknown.any():
            fresh = np.flatnonzero(unknown.take(piece.places))
            if len(fresh) and not self._put_aside(rows, fresh):
                self._meet(piece.raw.take(piece.places.take(fresh)))
                ids = self._ids.take(piece.raw)
        return PieceCells(piece.places, piece.raw, ids)

    def _put_aside(self, rows: Rows, fresh: NDArray[np.intp]) -> bool:
        """Keep rows of new cells for later; false where there are too many of them."""
        if len(fresh) * _PUT_ASIDE >= rows.rows or self._aside_rows >= _MOST_ASIDE:
            return False
        chunk = rows.chunk.take(fresh)
        self._aside.setdefault(tuple((n, c.dtype.str) for n, c in chunk.columns.items()), []).append(chunk)
        self._aside_rows += len(fresh)
        return True

    def _meet(self, raw: Cells) -> None:
        """Number new cells, and find which tests they pass."""
        # marked in the table itself, so that one row speaks for each: cheaper than sorting the rows
        marks = np.arange(1, len(raw) + 1, dtype=np.uint32)
        self._ids[raw] = marks
        new = np.sort(raw.take(np.flatnonzero(self._ids.take(raw) == marks)))
        first = len(self._passed)
        self._ids[new] = np.arange(first, first + len(new), dtype=np.uint32)
        passed = self._truths.passed(new)
        self._passed = np.concatenate((self._passed, passed))
        for signatures in (*(h.signatures for h in self._by_host), self._choosing.signatures):
            signatures.extend(passed)
        self._raw = np.concatenate((self._raw, new))
        for cut in list(self._by_cuts):
            cut.extend(passed, new)
            if not cut.fits:
                self._part_cuts(cut)

    def _add(self, rows: Rows, piece: PieceCells, left: Collection[int]) -> None:
        """Count rows by their cells; only members ``left`` may have some of them."""
        if self._whole is not None:
            self._whole.add(piece, rows, len(self._passed))
        for hosted in list(self._by_host):
            if not hosted.add(piece, rows):
                self._give_up(hosted)
        for cut in self._by_cuts:
            if not cut.places.isdisjoint(left):
                cut.add(piece, rows)
        if self._choosing.members:
            # apart from what others selected: these rows are in the order of their signatures
            selected: Selected = {(): rows}
            self._choosing.select(piece, selected, self._keys)
            for i, _ in self._choosing.members:
                self._partials[i].add(select_rows(self._task.members[i].where, selected))

    def _give_up(self, hosted: HostCells) -> None:
        """Select the rows of groupings whose hosts have become too many, from this piece on."""
        hosted.flush(self._task.members, self._partials)
        self._by_host.remove(hosted)
        self._choosing = _Choosing([*self._choosing.members, *hosted.members])
        self._choosing.signatures.extend(self._passed[1:])

    def _cut_cells(self, members: Sequence[CutMember]) -> CutCells:
        """Cells for members whose cuts divide the same."""
        own = {a for m in members for c in m.cuts for a in atoms(c)}
        names = {cut_field(a) for a in own}
        ranges = [r for r in self._task.ranges if r.name in names]
        base = [unit for atom, unit in self._atom_units.items() if atom in own]
        return CutCells(members, base, ranges, self._task.classes, self._sums)

    def _part_cuts(self, cut: CutCells) -> None:
        """Count in two parts what makes too many cells together; the rows of what does alone are selected."""
        self._flush_cuts(cut)
        self._by_cuts.remove(cut)
        if len(cut.members) == 1:
            self._choosing = _Choosing([*self._choosing.members, *((m.place, m.unit) for m in cut.members)])
            self._choosing.signatures.extend(self._passed[1:])
            return
        # those that cut the same fields together
        members = sorted(
            cut.members, key=lambda m: sorted({str(cut_field(a)) for c in m.cuts for a in atoms(c)})
        )
        half = len(members) // 2
        for part in (members[:half], members[half:]):
            parted = self._cut_cells(part)
            self._by_cuts.append(parted)
            parted.extend(self._passed[1:], self._raw[1:])
            if not parted.fits:
                self._part_cuts(parted)

    def _flush_cuts(self, cut: CutCells) -> None:
        for i, flows, sums in cut.flush():
            put_total(self._task.members[i], self._partials[i], flows, sums)

    def _reserve(self, rows: Rows) -> bool:
        """Whether the sums of a piece are exact; makes room for them."""
        most = max((_most(rows.column(n)) * rows.rows for n in self._sums), default=0)
        if most >= _EXACT:
            return False
        self._most += most
        if self._most >= _LIMIT:
            self._flush()
            self._most = most
        return True

    def _take_back(self) -> None:
        """Count the rows that were put aside."""
        aside, self._aside, self._aside_rows = self._aside, {}, 0
        for chunks in aside.values():
            names = chunks[0].columns
            whole = Chunk(
                {n: np.concatenate([c[n] for c in chunks]) for n in names}, sum(c.rows for c in chunks)
            )
            rows = Rows(whole, self._task.classes.around)
            selected: Selected = {(): rows}
            if not self._reserve(rows):
                for member, partial in zip(self._task.members, self._partials, strict=True):
                    partial.add(select_rows(member.where, selected))
                continue
            raw = self._task.classes.of(rows)
            fresh = np.flatnonzero(self._ids.take(raw) == 0)
            if len(fresh):
                self._meet(raw.take(fresh))
            places = self._ids.take(raw).astype(np.intp)
            self._add(rows, PieceCells(places), range(len(self._task.members)))

    def _flush(self) -> None:
        if self._whole is not None:
            raw = self._whole.unnumbered()
            new = raw.take(np.flatnonzero(self._ids.take(raw) == 0))
            if len(new):
                self._meet(new)
            self._whole.flush(self._ids, self._passed, self._task.members, self._partials)
        for hosted in self._by_host:
            hosted.flush(self._task.members, self._partials)
        for cut in self._by_cuts:
            self._flush_cuts(cut)


def _most(column: NDArray[Any]) -> int:
    """What no value of a column passes; the least such where its dtype alone does not tell enough."""
    return _NARROW if column.dtype == np.uint32 else int(column.max())


class _Choosing:
    """The rows of a piece that pass each of some tests, by one ordering of the piece."""

    def __init__(self, members: Sequence[tuple[int, int]]) -> None:
        self.members = list(members)
        self.signatures = Signatures([unit for _, unit in members])

    def select(self, piece: PieceCells, selected: Selected, keys: Sequence[tuple[int, ...]]) -> None:
        """Put the rows of each unit into ``selected``, by the key of its tests."""
        rows = selected[()]
        of_row = piece.of(self.signatures.of_cell).take(piece.places)
        order, ends = kernels().order(of_row, len(self.signatures))
        for unit, wanted in self.signatures.wanted_by().items():
            parts = [order[ends[s - 1] : ends[s]] for s in np.flatnonzero(wanted).tolist()]
            index = np.concatenate(parts) if parts else order[:0]
            selected[keys[unit]] = rows.take(index)
