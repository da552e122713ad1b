"""The kernels as loops over rows, in the part of Python that numba compiles.

All numbers are uint64 or intp here: numba makes a float of the sum of a signed and an unsigned number.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from flowrules.engine.kernels.hashing import SPREAD

_FIRST: Final = np.uint64(SPREAD[0])
_SECOND: Final = np.uint64(SPREAD[1])
_ONE: Final = np.uint64(1)
_SHIFT_29: Final = np.uint64(29)
_SHIFT_32: Final = np.uint64(32)
_HALF: Final = np.uint32(16)
_LOW_HALF: Final = np.uint32(0xFFFF)


def first_cells(out: Any, table: Any, column: Any) -> None:
    """Entries of a table."""
    for row in range(len(column)):
        out[row] = table[column[row]]


def more_cells(out: Any, table: Any, column: Any) -> None:
    """Entries of a table, added to what is there."""
    for row in range(len(column)):
        out[row] += table[column[row]]


def order(groups: Any, ends: Any, out: Any) -> None:
    """Rows by group, by counting; ``ends`` comes with the number of groups and one more, all 0."""
    for row in range(len(groups)):
        ends[groups[row]] += 1
    before = 0
    for group in range(1, len(ends)):
        rows = ends[group]
        ends[group] = before
        before += rows
    ends[0] = 0
    for row in range(len(groups)):
        group = groups[row]
        if group:
            out[ends[group]] = row
            ends[group] += 1


def count(counts: Any, places: Any) -> None:
    """One more at each place."""
    for row in range(len(places)):
        counts[places[row]] += 1


def add(sums: Any, places: Any, values: Any) -> None:
    """Each value at its place."""
    for row in range(len(places)):
        sums[places[row]] += values[row]


def keep_least(held: Any, places: Any, values: Any) -> None:
    """The least at each place."""
    for row in range(len(places)):
        held[places[row]] = min(held[places[row]], values[row])


def keep_greatest(held: Any, places: Any, values: Any) -> None:
    """The greatest at each place."""
    for row in range(len(places)):
        held[places[row]] = max(held[places[row]], values[row])


def ids(out: Any, directory: Any, pages: Any, addresses: Any) -> bool:
    """Ids by page; whether one is 0."""
    lacking = 0
    for row in range(len(addresses)):
        address = addresses[row]
        found = pages[directory[address >> _HALF] << _HALF | address & _LOW_HALF]
        out[row] = found
        lacking += found == 0
    return lacking > 0


def find_one(out: Any, slots: Any, shift: Any, held: Any, words: Any) -> None:
    """Codes of values of one word."""
    last = np.uint64(len(slots) - 1)
    for row in range(len(words)):
        word = words[row]
        mixed = word * _FIRST
        mixed ^= mixed >> _SHIFT_32
        slot = mixed * _SECOND >> shift
        code = slots[slot]
        while code and held[code] != word:
            slot = slot + _ONE & last
            code = slots[slot]
        out[row] = code


def find_two(out: Any, slots: Any, shift: Any, held: Any, held_second: Any, words: Any, seconds: Any) -> None:
    """Codes of values of two words."""
    last = np.uint64(len(slots) - 1)
    for row in range(len(words)):
        word, second = words[row], seconds[row]
        mixed = word * _FIRST
        mixed ^= mixed >> _SHIFT_29
        mixed += second * _SECOND
        mixed ^= mixed >> _SHIFT_32
        slot = mixed * _FIRST >> shift
        code = slots[slot]
        while code and (held[code] != word or held_second[code] != second):
            slot = slot + _ONE & last
            code = slots[slot]
        out[row] = code


def sum_rows(out: Any, ends: Any, to: Any, numbers: Any) -> None:
    """Sums of the rows wanted: row ``r`` of the numbers goes to the rows ``to[ends[r] : ends[r + 1]]``."""
    for row in range(numbers.shape[0]):
        own = numbers[row]
        start, stop = ends[row], ends[row + 1]
        for column in range(len(own)):
            number = own[column]
            # most are 0: few hosts have flows of most kinds
            if number:
                for place in range(start, stop):
                    out[to[place], column] += number
