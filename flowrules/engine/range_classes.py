"""Classes of the values of fields with many values: sizes, times, addresses.

All thresholds and ranges of a field cut its values into intervals; intervals that no test tells apart are one class.
A row's class is found by a few comparisons, or in tables by the leading bits of its value; only values whose leading bits
a cut divides are looked for among the cuts themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows, is_mapped
from flowrules.engine.turning_points import turning_points
from flowrules.flows.table import Chunk, widen
from flowrules.model import expression as ex
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import IPV4_HIGHEST
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, STORED
from flowrules.plan.cell_tests import atoms

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings

Classes = NDArray[np.uint16]
Cuts = NDArray[Any]

COMPARED: Final = 12
"""Up to so many cuts of a number, comparing with each is quicker than a look-up."""

_WORTH: Final = 8
"""Tables of addresses of up to so many times the rows that were met are looked at as a whole."""

_LOG_BITS: Final = 15
_LOG_BUCKETS: Final = 1 << 17
_DIVIDED: Final = np.uint16(0xFFFF)
"""The class of leading bits that a cut divides."""


class RangeClasses:
    """The classes of one field by some tests of it alone."""

    def __init__(self, name: str, tests: Sequence[ex.Expression], around: Surroundings) -> None:
        self.name = name
        self.around = around
        self.of_addresses = STORED[name].type == "address"
        parts = tuple(dict.fromkeys(a for t in tests for a in atoms(t)))
        self._finder = _AddressIntervals(parts) if self.of_addresses else _NumberIntervals(name, parts)
        tried = self._finder.values()
        rows = Rows(Chunk({name: tried}, len(tried)), around)
        told = [truth(test, rows)[0] for test in parts]
        words = np.ascontiguousarray(np.packbits(np.stack(told), axis=0).T)
        whole = words.view(np.dtype((np.void, words.shape[1]))).reshape(-1)
        _, first, classes = np.unique(whole, return_index=True, return_inverse=True)
        # in the order of their values: what tells one from the next is then little
        order = np.argsort(first)
        first, classes = first.take(order), np.argsort(order).take(classes.reshape(-1))
        self.values: NDArray[Any] = tried.take(first)
        """A value of each class."""
        self.told = tuple((test, held.take(first)) for test, held in zip(parts, told, strict=True))
        """Each test with the classes whose values pass it."""
        self.count = len(first)
        """How many classes there are."""
        self._finder.name_classes(classes.astype(np.uint16))
        self._of_table: tuple[NDArray[Any], Classes | None, int] | None = None
        """The table of addresses that was met last, the class of each, and how many rows there were of it."""

    def of(self, rows: Rows) -> Classes:
        """The class of each row's value."""
        held = rows.held.get(("classes", id(self)))
        if held is None:
            held = rows.held["classes", id(self)] = self._of(rows)
        found: Classes = held
        return found

    def intervals(self, rows: Rows) -> tuple[NDArray[np.uint8], Classes] | None:
        """The interval of each row's value and the class of each interval, ``None`` where there are many intervals."""
        finder = self._finder
        if not isinstance(finder, _NumberIntervals) or not finder.few:
            return None
        held = rows.held.get(("intervals", id(self)))
        if held is None:
            held = rows.held["intervals", id(self)] = finder.intervals(rows.column(self.name))
        found: NDArray[np.uint8] = held
        return found, finder.classes

    def _of(self, rows: Rows) -> Classes:
        own = self.intervals(rows)
        if own is not None:
            return own[1].take(own[0])
        listed = rows.listed(self.name)
        if listed is None:
            return self._finder.of(rows.column(self.name))
        places, table = listed
        held = self._of_table
        # rows of one table follow each other
        seen = rows.rows if held is None or held[0] is not table else held[2] + rows.rows
        classes = None if held is None or held[0] is not table else held[1]
        if classes is None and seen * _WORTH >= len(table):
            classes = self._finder.of(table)
        self._of_table = table, classes, seen
        return self._finder.of(rows.column(self.name)) if classes is None else classes.take(places)


class _NumberIntervals:
    """Intervals of whole numbers, by the first number of each."""

    def __init__(self, name: str, tests: Sequence[ex.Expression]) -> None:
        dtype = STORED[name].dtype
        assert dtype is not None
        limits = np.iinfo(dtype)
        self._values = turning_points(int(limits.min), int(limits.max), tests).astype(dtype)
        self._starts: Cuts = self._values[1:]
        self.classes = np.zeros(1, np.uint16)
        self._table = np.zeros(1, np.uint16)

    def values(self) -> NDArray[Any]:
        return self._values

    def name_classes(self, classes: Classes) -> None:
        # neighbours of one class are one interval
        kept = np.flatnonzero(classes[1:] != classes[:-1])
        self._starts = self._starts.take(kept)
        self.classes = np.concatenate((classes[:1], classes[1:].take(kept)))
        if len(self._starts) > COMPARED:
            # cuts of times lie close together far from 0: counted from just before the first of them
            first = int(self._starts[0])
            self._base = first - 1 if first > 1 << 20 else 0
            self._table = self._by_bucket()

    @property
    def few(self) -> bool:
        """Whether there are so few intervals that values are compared with the first of each."""
        return len(self._starts) <= COMPARED

    def intervals(self, column: NDArray[Any]) -> NDArray[np.uint8]:
        """The interval of each value, where they are few."""
        limits = np.iinfo(column.dtype)
        out: NDArray[np.uint8] | None = None
        below = 0
        for start in self._starts.tolist():
            if start > limits.max:
                break
            if start <= limits.min:
                below += 1
                continue
            passed = (column >= column.dtype.type(start)).view(np.uint8)
            if out is None:
                out = passed
            else:
                out += passed
        if out is None:
            return np.full(len(column), below, np.uint8)
        if below:
            out += np.uint8(below)
        return out

    def of(self, column: NDArray[Any]) -> Classes:
        if self.few:
            return self.classes.take(self.intervals(column))
        out = self._table.take(_bucket(column, self._base))
        divided = np.flatnonzero(out == _DIVIDED)
        if len(divided):
            values = column.take(divided).astype(self._starts.dtype)
            out[divided] = self.classes.take(self._starts.searchsorted(values, "right"))
        return out

    def _by_bucket(self) -> Classes:
        """The class of each bucket of values (whole numbers as floats round, but never past each other)."""
        if int(self._starts[0]) < 0:
            return np.full(_LOG_BUCKETS, _DIVIDED)
        starts, before = _bucket(self._starts, self._base), _bucket(self._starts - 1, self._base)
        buckets = np.arange(_LOG_BUCKETS, dtype=starts.dtype)
        out = self.classes.take(starts.searchsorted(buckets, "right"))
        out[starts[starts == before]] = _DIVIDED
        # floats below 0 are in the other order
        out[_LOG_BUCKETS // 2 :] = _DIVIDED
        return out


def _bucket(column: NDArray[Any], base: int) -> NDArray[np.uint32]:
    """A number for each value that never falls as values of 0 and more rise: its leading bits."""
    if base:
        least = column.dtype.type(min(base, np.iinfo(column.dtype).max))
        column = np.maximum(column, least) - least
    out: NDArray[np.uint32] = column.astype(np.float32).view(np.uint32)
    out >>= np.uint32(_LOG_BITS)
    return out


class _AddressIntervals:
    """Intervals of IPv4 addresses, and of the others, by the first address of each."""

    def __init__(self, tests: Sequence[ex.Expression]) -> None:
        four: set[int] = {0}
        wide: set[int] = {0}
        for members in map(_members, tests):
            four.update(members.v4_first.tolist())
            four.update((members.v4_last.astype(np.int64) + 1).tolist())
            wide.update(_numbers(members.v6_first))
            # what follows the IPv4 addresses is none of them
            after = (last + 1 for last in _numbers(members.v6_last))
            wide.update(IPV4_HIGHEST + 1 if last == IPV4_MAPPED else last for last in after)
        four.discard(1 << 32)
        wide.discard(1 << 128)
        self._starts: Cuts = np.array(sorted(four), np.uint32)
        self._wide = sorted(wide)
        self._classes = np.zeros(1, np.uint16)
        self._wide_classes = np.zeros(1, np.uint16)
        self._tables: list[Classes] = []

    def values(self) -> NDArray[Any]:
        wide = np.array([(w >> 64, w & 0xFFFFFFFFFFFFFFFF) for w in self._wide], ADDRESS)
        return np.concatenate((widen(self._starts), wide))

    def name_classes(self, classes: Classes) -> None:
        self._classes, self._wide_classes = classes[: len(self._starts)], classes[len(self._starts) :]
        halves = self.values()[len(self._starts) :]
        self._high, self._low = (np.ascontiguousarray(halves[h]) for h in ("high", "low"))
        self._firsts, self._pages16, self._pages8 = _paged(self._starts, self._classes)

    def of(self, column: NDArray[Any]) -> Classes:
        if column.dtype != ADDRESS:
            return self._of_four(column)
        mapped = is_mapped(column)
        out = np.empty(len(column), np.uint16)
        rows = np.flatnonzero(mapped)
        out[rows] = self._of_four(column["low"].take(rows).astype(np.uint32))
        rows = np.flatnonzero(~mapped)
        if len(rows):
            out[rows] = self._of_wide(column["high"].take(rows), column["low"].take(rows))
        return out

    def _of_four(self, column: NDArray[np.uint32]) -> Classes:
        out = self._firsts.take(column >> np.uint32(16))
        divided = np.flatnonzero(out >= _PAGED)
        if not len(divided):
            return out
        values = column.take(divided)
        found = self._pages16.take(_place(out.take(divided), values >> np.uint32(8)))
        again = np.flatnonzero(found >= _PAGED)
        if len(again):
            found[again] = self._pages8.take(_place(found.take(again), values.take(again)))
        out[divided] = found
        return out

    def _of_wide(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Classes:
        place = self._high.searchsorted(high, "right") - 1
        # of starts with the same upper half the lower one decides, where it can
        for first, last in _runs(self._high):
            if not self._low[last]:
                continue
            rows = np.flatnonzero(place == last)
            rows = rows.take(np.flatnonzero(high.take(rows) == self._high[last]))
            if len(rows):
                lows = self._low[first : last + 1]
                place[rows] = first - 1 + lows.searchsorted(low.take(rows), "right")
        return self._wide_classes.take(place)


_PAGED: Final = np.uint16(0x8000)
"""Table entries from here on are the numbers of pages of the next table."""


def _paged(starts: NDArray[np.uint32], classes: Classes) -> tuple[Classes, Classes, Classes]:
    """Classes by /16; by /24 for each /16 that a cut divides; by address for each /24 that one divides."""
    divided16, divided8 = (_divided(starts, bits) for bits in (16, 8))
    blocks = np.arange(1 << 16, dtype=np.uint32)
    first = classes.take(starts.searchsorted(blocks << np.uint32(16), "right") - 1)
    first[divided16] = _PAGED + np.arange(len(divided16), dtype=np.uint16)
    within = np.arange(256, dtype=np.uint32)
    blocks = (divided16[:, None] << np.uint32(8) | within).reshape(-1)
    second = classes.take(starts.searchsorted(blocks << np.uint32(8), "right") - 1)
    second[blocks.searchsorted(divided8)] = _PAGED + np.arange(len(divided8), dtype=np.uint16)
    addresses = (divided8[:, None] << np.uint32(8) | within).reshape(-1)
    return first, second, classes.take(starts.searchsorted(addresses, "right") - 1)


def _divided(starts: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    """The blocks of addresses that agree but in so many bits, and in which something begins past the first."""
    inner: NDArray[np.uint32] = starts[starts & np.uint32((1 << bits) - 1) != 0] >> np.uint32(bits)
    return inner.take(np.flatnonzero(np.diff(inner, prepend=np.uint32(0xFFFFFFFF))))


def _place(pages: Classes, values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Where the entries of values lie: 256 to each page, by the lowest byte."""
    place: NDArray[np.uint32] = (pages & np.uint16(0x7FFF)).astype(np.uint32)
    place <<= np.uint32(8)
    place |= values & np.uint32(0xFF)
    return place


def _runs(ordered: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """The first and last places of each value of an ascending array, where its lower halves matter."""
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)).tolist()
    first = 0
    for last in ends:
        yield first, last
        first = last + 1


def _numbers(addresses: NDArray[Any]) -> list[int]:
    halves = zip(addresses["high"].tolist(), addresses["low"].tolist(), strict=True)
    return [high << 64 | low for high, low in halves]


def _members(test: ex.Expression) -> AddressSet:
    """The addresses of which a test of an address tells whether one is among them."""
    match test:
        case ex.In(collection=ex.Addresses(set=members)):
            return members
        case ex.Compare(right=ex.Literal(value=int() as address)):
            return AddressSet.from_ranges([(address, address)])
        case _:
            raise TypeError(f"{type(test).__name__} is no test of addresses")
