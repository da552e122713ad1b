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
_BYTES: Final = np.uint32(13)
_THREE: Final = np.uint32(3)
_SEVEN: Final = np.uint32(7)
_BIT: Final = np.uint32(1)


def first_cells(out: Any, table: Any, column: Any) -> None:
    """Entries of a table."""
    for row in range(len(column)):
        out[row] = table[column[row]]


def more_cells(out: Any, table: Any, column: Any) -> None:
    """Entries of a table, added to what is there."""
    for row in range(len(column)):
        out[row] += table[column[row]]


def order(groups: Any, places: Any, out: Any) -> None:
    """Rows by group, by counting, a quarter of them in each of four lanes; ``places`` (four rows, a column for each
    group) comes as zeros and leaves as the ends of each lane's rows.

    Neighbours are often of one group, and adding to what was just written waits for it: four lanes wait together.
    """
    quarter = len(groups) // 4
    second, third, fourth = quarter, 2 * quarter, 3 * quarter
    for row in range(quarter):
        places[0, groups[row]] += 1
        places[1, groups[row + second]] += 1
        places[2, groups[row + third]] += 1
        places[3, groups[row + fourth]] += 1
    for row in range(4 * quarter, len(groups)):
        places[3, groups[row]] += 1
    before = 0
    for group in range(places.shape[1]):
        for lane in range(4):
            rows = places[lane, group]
            places[lane, group] = before
            before += rows
    for row in range(quarter):
        one, two, three, four = groups[row], groups[row + second], groups[row + third], groups[row + fourth]
        out[places[0, one]] = row
        places[0, one] += 1
        out[places[1, two]] = row + second
        places[1, two] += 1
        out[places[2, three]] = row + third
        places[2, three] += 1
        out[places[3, four]] = row + fourth
        places[3, four] += 1
    for row in range(4 * quarter, len(groups)):
        out[places[3, groups[row]]] = row
        places[3, groups[row]] += 1


def live(rows: Any, found: Any, table: Any, places: Any) -> int:
    """The rows with an entry that is not 0, and the entries; how many."""
    number = 0
    for row in range(len(places)):
        entry = table[places[row]]
        # without a branch: which rows have one cannot be foretold
        rows[number] = row
        found[number] = entry
        number += entry != 0
    return number


def tally(tallies: Any, places: Any, values: Any, one: Any) -> None:
    """Each value and the one at its place."""
    for row in range(len(places)):
        tallies[places[row]] += values[row] + one


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


def members(out: Any, directory: Any, bitmaps: Any, addresses: Any) -> None:
    """The bits of addresses in the bitmaps of their /16 blocks."""
    for row in range(len(addresses)):
        address = addresses[row]
        place = directory[address >> _HALF] << _BYTES | (address & _LOW_HALF) >> _THREE
        out[row] = bitmaps[place] >> (address & _SEVEN) & _BIT


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
