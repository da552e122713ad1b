"""Groupings counted by cells: a histogram of the rows' cells, from which every grouping takes its part.

Three ways to count, by what a grouping asks.  Without keys: rows, bytes and packets are added up by cell.  By
one host: by host and *signature*, which stands for all cells that the same groupings want.  With other keys, or with
tests that cells do not decide: the rows of a piece are put in order of their signatures once, and each grouping
gets the rows of those that it wants.  The partials are those that other groupings have, with the same results.

Cells are numbered when rows of them are met, and the tests evaluated once for each.  A few rows of new
cells are put aside, so that this is not done again and again for little.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.aggregate import Partial
from flowrules.engine.cell_classes import CellClasses, PieceCells
from flowrules.engine.cell_truths import CellTruths
from flowrules.engine.cut_cells import CutCells, CutMember
from flowrules.engine.folding import NOTHING_DECIDED, Decided
from flowrules.engine.kernels import kernels
from flowrules.engine.key_codes import AddressCoder, Coder, codes_of
from flowrules.engine.range_classes import RangeClasses
from flowrules.engine.row_values import Rows
from flowrules.engine.signatures import Signatures
from flowrules.engine.tallies import Tallies
from flowrules.engine.where import Selected, Where, select_rows
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.plan.aggregates import Aggregate
from flowrules.plan.cell_tests import CUT_FIELDS, atoms, base_atoms, cut_field
from flowrules.plan.cells import pay
from flowrules.plan.field_use import TYPES, fields_of
from flowrules.plan.plan import CellMember, GroupingPlan

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings

Cells = NDArray[np.uint32]

MOST_CELLS: Final = 1 << 22
"""The most combinations of classes that one table numbers; groupings with more are divided."""

MOST_DIRECT: Final = 1 << 20
"""Up to so many combinations (times tests) all are cells from the start, so that rows need no look-up of theirs."""

MOST_BY_HOST: Final = 1 << 23
"""The most entries of a histogram by host and signature; beyond it the rows of each grouping are selected."""

LEAST_ROWS: Final = 1 << 13
"""Pieces of fewer rows are counted by predicates: numbering cells would cost more."""

FEWEST_LEFT: Final = 4
"""Pieces in which so few groupings may have rows are counted by predicates too."""

ENOUGH_LEFT: Final = 8
"""So many groupings are counted by cells unless they have cuts."""

MOST_WEIGHED: Final = 16
"""Where more groupings may have rows it is not weighed again whether cells pay."""

_MOST_ALIVE: Final = 0.7
"""Where more of a piece's rows are wanted, all are counted by host."""

_MOST_ENTRIES: Final = 1 << 20
"""So many combinations of classes are gathered before those of several pieces are added up."""

_PUT_ASIDE: Final = 16
"""Rows of new cells are put aside where they are less than one in so many."""
_MOST_ASIDE: Final = 1 << 17
_EXACT: Final = 1 << 53
_NARROW: Final = (1 << 32) - 1
_LIMIT: Final = 1 << 62


@frozen(eq=False)
class CellCounted:
    """A grouping of the scan that is counted by cells: its place there, and how it is counted."""

    place: int
    where: Where
    """Tests that cells decide first, the rest after them."""
    counted: bool
    coder: Coder | None
    """The coder of its one host, where it is counted by host."""
    aggregates: tuple[Aggregate, ...]
    cuts: tuple[ex.Expression, ...]
    """Tests beside those of ``where.cheap`` that cells decide once they are divided by cuts."""
    cluster: int
    """Which members' cuts divide the same cells."""
    own: Where
    """The same tests in the order in which rows are tested where cells do not pay."""
    planned: GroupingPlan


@frozen(eq=False)
class CellTask:
    """Groupings counted by the same cells."""

    classes: CellClasses
    members: tuple[CellCounted, ...]
    ranges: tuple[RangeClasses, ...]
    """The classes of the fields that cuts divide."""
    clusters: Sequence[tuple[str, ...]]
    """Which fields the cuts of each cluster divide."""

    @classmethod
    def of(
        cls, classes: CellClasses, members: Sequence[CellCounted], clusters: Sequence[tuple[str, ...]]
    ) -> CellTask:
        """A task with the classes that its members' cuts make."""
        by_field: dict[str, list[ex.Expression]] = {}
        for atom in dict.fromkeys(a for m in members for cut in m.cuts for a in atoms(cut)):
            name = cut_field(atom)
            if name is not None:
                by_field.setdefault(name, []).append(atom)
        ranges = tuple(RangeClasses(n, by_field[n], classes.around) for n in CUT_FIELDS if n in by_field)
        return cls(classes, tuple(members), ranges, clusters)

    def pays(self, decided: Decided, left: Collection[int]) -> bool:
        """Whether rows of which so much is known are counted by cells, for the members that may have some of them, for
        less than each member tests what is left of its own predicates."""
        told = decided.truths
        if not told or len(left) > MOST_WEIGHED:
            # what was weighed for all rows
            return True
        if len(left) >= ENOUGH_LEFT and not any(self.members[i].cuts for i in left):
            return True
        members: list[CellMember] = []
        groupings: list[GroupingPlan] = []
        clusters: dict[int, int] = {}
        asked: list[ex.Expression] = []
        for i in left:
            member = self.members[i]
            where = decided.where(member.own)
            assert where is not None
            tests = tuple(t for t in member.where.cheap if id(t) not in told)
            cuts = tuple(c for c in member.cuts if id(c) not in told)
            rest = tuple(p for p in member.where.dear[len(member.cuts) :] if id(p) not in told)
            cluster = clusters.setdefault(member.cluster, len(clusters)) if cuts else 0
            keyed = member.coder is not None
            members.append(CellMember(len(groupings), tests, rest, member.counted, keyed, cuts, cluster))
            own = member.planned
            groupings.append(GroupingPlan(own.scan, where.predicates, own.keys, own.inside, own.aggregates))
            asked += (*tests, *base_atoms(cuts))
        names = fields_of(asked, TYPES)
        fields = [name for name in self.classes.fields if name in names]
        return pay(fields, members, [self.clusters[c] for c in clusters], groupings)


def cell_tasks(
    fields: Sequence[str],
    members: Sequence[CellCounted],
    clusters: Sequence[tuple[str, ...]],
    around: Surroundings,
) -> list[CellTask]:
    """Members with the cells that count them, divided where together they would make too many.

    A member that alone makes too many is in none.
    """
    if not members:
        return []
    tests = tuple(dict.fromkeys(t for m in members for t in (*m.where.cheap, *base_atoms(m.cuts))))
    classes = CellClasses(fields, tests, around)
    if classes.size <= MOST_CELLS:
        return [CellTask.of(classes, members, clusters)]
    if len(members) == 1:
        return []
    half = len(members) // 2
    return [
        *cell_tasks(fields, members[:half], clusters, around),
        *cell_tasks(fields, members[half:], clusters, around),
    ]


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
        sums = {n for m in task.members if m.counted for n in _summed(m)}
        self._sums = tuple(sorted(sums))
        keyless = [i for i, m in enumerate(task.members) if m.counted and m.coder is None and not m.cuts]
        self._whole = _WholeCells([(i, self._units[i]) for i in keyless], self._sums) if keyless else None
        self._by_host: list[_HostCells] = []
        by_coder: dict[int, list[int]] = {}
        for i, member in enumerate(task.members):
            if member.counted and member.coder is not None:
                by_coder.setdefault(id(member.coder), []).append(i)
        for hosted in by_coder.values():
            coder = task.members[hosted[0]].coder
            assert coder is not None
            self._by_host.append(_HostCells([(i, self._units[i]) for i in hosted], coder, self._sums))
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

    def _give_up(self, hosted: _HostCells) -> None:
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
            _put_total(self._task.members[i], self._partials[i], flows, sums)

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
        aside, self._aside = self._aside, {}
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


def _summed(member: CellCounted) -> list[str]:
    return [a.of.name for a in member.aggregates if isinstance(a.of, ex.Field)]


def _put(
    member: CellCounted,
    partial: Partial,
    counts: NDArray[np.int64],
    sums: Mapping[str, NDArray[np.int64]],
) -> None:
    """Give a partial its groups' counts and sums."""
    parts = {a: sums[a.of.name] for a in member.aggregates if isinstance(a.of, ex.Field)}
    partial.add_counted(counts, parts)


def _put_total(member: CellCounted, partial: Partial, flows: int, sums: Mapping[str, int]) -> None:
    """Give a partial without keys its flows and sums."""
    partial.add_total(flows, {a: sums[a.of.name] for a in member.aggregates if isinstance(a.of, ex.Field)})


class _WholeCells:
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
            _put_total(members[i], partials[i], int(counts.take(wanted).sum()), own)


def _added(
    pieces: Sequence[NDArray[np.int64]], order: NDArray[np.intp], starts: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Numbers in an order, those added up that lie between two starts."""
    out: NDArray[np.int64] = np.concatenate(pieces).take(order)
    return np.add.reduceat(out, starts) if len(out) else out


class _HostCells:
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
                _put(members[i], partials[i], counts[row], {n: s[row] for n, s in sums.items()})
        self._clear()


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
