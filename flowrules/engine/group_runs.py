"""Groups as sorted runs: for very many groups, of which each has few rows.

Rows wait until there are many, are put in the order of their keys and added up; runs are merged when what is held
of them passes a bound, and lie in temporary files where they are more.  What a group has besides its key are *columns*:
numbers that are added, or of which the least or the greatest stays, so that runs of any rows can be merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.key_layout import Layout, Raw
from flowrules.engine.sorted_runs import Levels, stretches
from flowrules.engine.stored_arrays import stored_together
from flowrules.plan.aggregates import GREATEST, LEAST, Aggregate

Words = NDArray[np.uint64]
Array = NDArray[Any]

WAITING: Final = 1 << 20
"""How many rows wait before they are sorted together, of all that have runs; of each at least an eighth."""

PIECE: Final = 1 << 18
"""How many groups of several runs are merged at a time."""

HELD: Final = 112 << 20
"""The most bytes of runs that are held in memory, by all that have runs together."""

FILES: Final = 8
"""How many stored runs of like length there may be before they are merged."""


@frozen
class Name:
    """A column: of which part it is (``None``: of the group itself), and what of it; ``kind`` says how it is merged."""

    of: Aggregate | None
    what: str
    kind: str = "sum"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sums are of unsigned numbers, modulo 2**64; all else counts rows or is a whole number."""
        return np.dtype(np.uint64 if self.kind == "sum" else np.int64)


ROWS: Final = Name(None, "rows", "count")
"""How many rows a group has: every run has it."""


@frozen(eq=False)
class Run:
    """Different keys in the order of ``order`` (uint64), with their words where these are not told by it.

    A column that a run lacks is 0 for all its groups; least and greatest values are never lacking.
    """

    order: Words
    words: tuple[Words, ...]
    columns: Mapping[Name, Array]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def bytes(self) -> int:
        """The bytes that it takes."""
        return sum(a.nbytes for a in (self.order, *self.words, *self.columns.values()))

    def part(self, some: slice) -> Run:
        """Some of the groups."""
        columns = {name: column[some] for name, column in self.columns.items()}
        return Run(self.order[some], tuple(w[some] for w in self.words), columns)


class GroupRuns:
    """The groups of rows that one thread has met.

    Adding raises ``DiskFull`` when the disk is full.
    """

    def __init__(self, led: int = 0) -> None:
        """``led``: groups go by so many of their first keys (see ``Layout``)."""
        self._led = led
        self._waiting: list[tuple[Sequence[Raw], Mapping[Name, Array]]] = []
        self._rows = 0
        self._families: dict[Layout, _Family] = {}
        self.layout: Layout | None = None
        """What holds all keys that were met; ``None``: none were."""

    def __len__(self) -> int:
        """How many groups all runs have, and rows that wait: no fewer than there are groups."""
        return self._rows + sum(len(family) for family in self._families.values())

    @property
    def in_files(self) -> bool:
        """Whether some of the groups lie in files."""
        return any(family.in_files for family in self._families.values())

    def add(self, keys: Sequence[Raw], columns: Mapping[Name, Array]) -> None:
        """Add rows, each of one row, with their columns; or groups that have ``ROWS`` among their columns."""
        if not self._rows:
            with _lock:
                _holders.add(self)
        self._waiting.append((keys, columns))
        self._rows += len(keys[0].parts[0])
        if self._rows >= max(_part_of(WAITING), WAITING >> 3):
            self._settle()

    def merge(self, other: GroupRuns) -> None:
        """Add what another thread has met."""
        other._settle()
        self._settle()
        for layout, family in other._families.items():
            self._reach(layout)
            self._family(layout).merge(family)
        other._families = {}

    def settle(self, least: Layout | None = None) -> Layout | None:
        """Sort what waits and bring all keys into one layout, which is returned (``None``: there are no groups).

        It is no narrower than ``least``.
        """
        self._settle()
        if least is not None:
            self._reach(least)
        layout = self.layout
        if layout is not None:
            for narrow in [n for n in self._families if n != layout]:
                for piece in self._families.pop(narrow).pieces():
                    keys = narrow.unpack(words_of(piece, narrow))
                    self._family(layout).add(_sorted(layout, keys, piece.columns))
        return layout

    def pieces(self) -> Iterator[Run]:
        """All groups in one order, some at a time, after ``settle``; they are given up on the way."""
        families, self._families = self._families, {}
        for family in families.values():
            yield from family.pieces()

    @property
    def names(self) -> list[Name]:
        """The columns that some run has."""
        return _names([run for family in self._families.values() for run in family.runs])

    def _family(self, layout: Layout) -> _Family:
        return self._families.setdefault(layout, _Family())

    def _reach(self, layout: Layout) -> Layout:
        self.layout = layout if self.layout is None else self.layout.widened(layout)
        return self.layout

    def _settle(self) -> None:
        if not self._rows:
            return
        waiting, self._waiting, self._rows = self._waiting, [], 0
        # groups and rows were counted in different ways
        for counted in (False, True):
            some = [w for w in waiting if (ROWS in w[1]) is counted]
            if some:
                keys = [_beside([keys[place] for keys, _ in some]) for place in range(len(some[0][0]))]
                layout = self._reach(Layout(tuple(k.shape for k in keys), self._led))
                lengths = [len(keys[0].parts[0]) for keys, _ in some]
                columns = _columns_beside([c for _, c in some], lengths)
                self._family(layout).add(_sorted(layout, keys, columns))


class _Family:
    """Runs of one layout."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._held = 0
        self._stored: Levels[Run] = Levels(FILES)

    def __len__(self) -> int:
        return sum(map(len, self.runs))

    @property
    def in_files(self) -> bool:
        return bool(self._stored)

    @property
    def runs(self) -> list[Run]:
        """All runs, in memory and in files."""
        return [*self._runs, *self._stored]

    def add(self, run: Run) -> None:
        self._runs.append(run)
        self._held += run.bytes
        if self._held > _part_of(HELD):
            self._shrink()

    def merge(self, other: _Family) -> None:
        for run in other._runs:
            self.add(run)
        other._runs = []
        self._stored.take_over(other._stored, _joined)

    def pieces(self) -> Iterator[Run]:
        runs = self.runs
        self._runs = []
        self._stored.clear()
        if len(runs) == 1:
            (run,) = runs
            return (run.part(slice(b, b + PIECE)) for b in range(0, len(run), PIECE))
        return _merged_pieces(runs)

    def _shrink(self) -> None:
        """Merge what is held; it goes to a file unless that has left little of it."""
        runs, self._runs, self._held = self._runs, [], 0
        pieces = _merged_pieces(runs)
        few: list[Run] = []
        held = 0
        for piece in pieces:
            few.append(piece)
            held += piece.bytes
            if 2 * held > _part_of(HELD):
                most = sum(map(len, runs))
                self._stored.add(_in_file(_first(few, pieces), _names(runs), most), _joined)
                return
        run = one_after_the_other(few)
        self._runs, self._held = [run], run.bytes


_lock: Final = Lock()
_holders: Final[WeakSet[GroupRuns]] = WeakSet()
"""All that have runs: they share the room in memory."""


def _part_of(room: int) -> int:
    """What each of all that have runs may have of something."""
    with _lock:
        return room // max(len(_holders), 1)


def _first(few: list[Run], pieces: Iterable[Run]) -> Iterator[Run]:
    """Some pieces, given up one by one, and then the others."""
    few.reverse()
    while few:
        yield few.pop()
    yield from pieces


def _names(runs: Sequence[Run]) -> list[Name]:
    """The columns of runs, in the order in which they are met."""
    return list(dict.fromkeys(name for run in runs for name in run.columns))


def _joined(runs: Sequence[Run]) -> Run:
    """Runs as one in a file."""
    return _in_file(_merged_pieces(runs), _names(runs), sum(map(len, runs)))


def _in_file(pieces: Iterable[Run], names: Sequence[Name], most: int) -> Run:
    """Pieces, at most so many groups in all, as one run in a file."""
    first = next(pieces := iter(pieces))
    word = np.dtype(np.uint64)
    words = len(first.words)
    arrays = stored_together(
        [word] * (1 + words) + [name.dtype for name in names],
        (
            [piece.order, *piece.words, *(column_of(piece, name) for name in names)]
            for piece in _first([first], pieces)
        ),
        most,
    )
    return Run(arrays[0], arrays[1 : 1 + words], dict(zip(names, arrays[1 + words :], strict=True)))


def words_of(run: Run, layout: Layout) -> Sequence[Words]:
    """The words of the keys of a run."""
    return run.words or (layout.words_of(run.order),)


def column_of(run: Run, name: Name) -> Array:
    """A column of a run, zeros where it lacks it."""
    held = run.columns.get(name)
    return np.zeros(len(run), name.dtype) if held is None else held


def one_after_the_other(runs: Sequence[Run]) -> Run:
    """Runs as one, of which the keys of each come after those of the one before."""
    if len(runs) == 1:
        return runs[0]
    names = _names(runs)
    return Run(
        np.concatenate([run.order for run in runs]),
        tuple(np.concatenate(words) for words in zip(*(run.words for run in runs), strict=True)),
        {name: np.concatenate([column_of(run, name) for run in runs]) for name in names},
    )


def _merged_pieces(runs: Sequence[Run]) -> Iterator[Run]:
    """Runs merged into one, some groups at a time."""
    for parts in stretches([run.order for run in runs], PIECE):
        some = [runs[n].part(where) for n, where in parts]
        if len(some) == 1:
            yield some[0]
        else:
            beside = one_after_the_other(some)
            yield _added_up(beside.order, beside.words, beside.columns)


def _beside(raws: Sequence[Raw]) -> Raw:
    """The values of one key, one piece after the other."""
    if len(raws) == 1:
        return raws[0]
    known = None
    if any(r.known is not None for r in raws):
        masks = [np.ones(len(r.parts[0]), np.bool_) if r.known is None else r.known for r in raws]
        known = np.concatenate(masks)
    width = max(len(r.parts) for r in raws)
    wide = [r if len(r.parts) == width else _widened(r) for r in raws]
    return Raw(tuple(np.concatenate([r.parts[n] for r in wide]) for n in range(width)), known)


def _widened(raw: Raw) -> Raw:
    """IPv4 addresses among IPv6 (in two arrays)."""
    return Raw(tuple(Layout(((128, False),)).pack([raw])), raw.known)


def _columns_beside(columns: Sequence[Mapping[Name, Array]], lengths: Sequence[int]) -> dict[Name, Array]:
    """Columns of several pieces, one after the other; where a piece lacks one, it has zeros."""
    if len(columns) == 1:
        return dict(columns[0])
    names = dict.fromkeys(name for some in columns for name in some)
    out = {}
    for name in names:
        arrays = [
            np.zeros(length, np.uint8) if (held := some.get(name)) is None else held
            for some, length in zip(columns, lengths, strict=True)
        ]
        if len({a.dtype for a in arrays}) > 1:
            arrays = [a.astype(name.dtype) for a in arrays]
        out[name] = np.concatenate(arrays)
    return out


# ---- sorting


def _sorted(layout: Layout, keys: Sequence[Raw], columns: Mapping[Name, Array]) -> Run:
    """Rows (or groups) as a run."""
    words = layout.pack(keys)
    return _added_up(layout.order(words), () if layout.told_by_order else tuple(words), columns)


def _added_up(order: Words, words: Sequence[Words], columns: Mapping[Name, Array]) -> Run:
    """The groups of rows by their keys, in their order."""
    rows, order = _in_order(order)
    words = tuple(w.take(rows) for w in words)
    new = np.empty(len(order), np.bool_)
    new[:1] = True
    np.not_equal(order[1:], order[:-1], out=new[1:])
    if words:
        differ = np.zeros(len(order), np.bool_)
        for word in words:
            differ[1:] |= word[1:] != word[:-1]
        if (differ & ~new).any():
            # different keys with one number: these go by their words
            number = np.cumsum(new)
            mixed = np.zeros(len(order) + 1, np.bool_)
            mixed[number[differ & ~new]] = True
            some = np.flatnonzero(mixed.take(number))
            by_words = some.take(np.lexsort((*(w.take(some) for w in reversed(words)), number.take(some))))
            rows[some] = rows.take(by_words)
            for word in words:
                word[some] = word.take(by_words)
                differ[1:] = word[1:] != word[:-1]
                new |= differ
    first = np.flatnonzero(new)
    out = {name: _combined(name, column.take(rows), first) for name, column in columns.items()}
    if ROWS not in out:
        out[ROWS] = np.diff(first, append=len(order))
    if len(first) < len(order):
        order, words = order.take(first), tuple(w.take(first) for w in words)
    return Run(order, words, out)


def _in_order(order: Words) -> tuple[NDArray[np.intp], Words]:
    """The places of numbers in their order, and these in it.

    Each place takes the low bits of its number's word, so that plain sorting, which is quick, brings both.
    """
    rows = len(order)
    mask = np.uint64((1 << max(rows - 1, 1).bit_length()) - 1)
    packed = order & ~mask
    packed |= np.arange(rows, dtype=np.uint64)
    packed.sort()
    if not rows or not int(np.bitwise_or.reduce(order)) & int(mask):
        # keys of few bits are whole in it
        return (packed & mask).view(np.int64), packed & ~mask
    packed &= mask
    places = packed.view(np.int64)
    found = order.take(places)
    wrong = np.flatnonzero(found[1:] < found[:-1])
    if len(wrong):
        # what the low bits would have told apart
        high = found & ~mask
        number = np.cumsum(high[1:] != high[:-1])
        number = np.concatenate([np.zeros(1, number.dtype), number])
        mixed = np.zeros(rows, np.bool_)
        mixed[number.take(wrong)] = True
        some = np.flatnonzero(mixed.take(number))
        again = some.take(found.take(some).argsort(kind="stable"))
        places[some], found[some] = places.take(again), found.take(again)
    return places, found


def _combined(name: Name, values: Array, first: NDArray[np.intp]) -> Array:
    """One number for the rows from each of ``first`` on."""
    if len(first) == len(values):
        return values.astype(name.dtype, copy=False)
    if name.kind in (LEAST, GREATEST):
        combine = np.minimum if name.kind == LEAST else np.maximum
        return combine.reduceat(values.astype(name.dtype, copy=False), first)
    if 8 * len(first) < len(values):
        added: Array = np.add.reduceat(values, first, dtype=name.dtype)
        return added
    # few rows each: differences of running sums (modulo 2**64) take half the time
    running = np.cumsum(values.astype(np.uint64))
    ends = np.append(first[1:], len(values)) - 1
    out = running.take(ends)
    out[1:] -= running.take(ends[:-1])
    return out.view(name.dtype)
