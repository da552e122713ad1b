"""Rows in the order of their keys: key columns packed side by side into as few 64-bit words as their values need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]

_WORD: Final = 64

_MANY: Final = 1 << 10
"""Fewer rows are sorted as they are."""

_RUNS: Final = 64
"""Rows whose keys fall less than once in so many are in order but for a few runs, which a stable sort merges."""


def in_key_order(columns: Sequence[NDArray[Any]], rows: int) -> tuple[Index, NDArray[np.bool_]]:
    """The order of rows by their columns, most significant first, and which of them (in it) have a new key.

    The sort is stable, and takes little where the rows are a few runs that are in order already.
    """
    words = key_words(columns)
    new = np.zeros(rows, np.bool_)
    new[:1] = True
    if not words:
        return np.arange(rows), new
    order = _ascending(words[0]) if len(words) == 1 else _by_all(words)
    for word in words:
        ordered = word.take(order)
        new[1:] |= ordered[1:] != ordered[:-1]
    return order, new


def _by_all(words: Sequence[NDArray[Any]]) -> Index:
    """The order by several words: by the first, and by the others only where that has equal values."""
    order = _ascending(words[0])
    ordered = words[0].take(order)
    again = np.zeros(len(order), np.bool_)
    again[1:] = ordered[1:] == ordered[:-1]
    tied = again.copy()
    tied[:-1] |= again[1:]
    places = np.flatnonzero(tied)
    if len(places):
        rows = order.take(places)
        own = np.cumsum(~again).take(places)
        rest = key_words([own, *(w.take(rows) for w in words[1:])])
        if len(rest) > 1 and len(words) > 2:
            # what the others make of the rows fits beside what the first has made of them
            others, new = in_key_order([w.take(rows) for w in words[1:]], len(rows))
            ranks = np.empty(len(rows), np.intp)
            ranks[others] = np.cumsum(new)
            rest = key_words([own, ranks])
        if len(rest) == 1:
            order[places] = rows.take(_ascending(rest[0]))
        elif rest:
            order[places] = rows.take(np.lexsort(tuple(reversed(rest))))
    return order


def _ascending(word: NDArray[Any]) -> Index:
    """The stable order of rows by one word."""
    if word.dtype != np.uint64 or len(word) < _MANY:
        return word.argsort(kind="stable")
    if np.count_nonzero(word[1:] < word[:-1]) * _RUNS < len(word):
        return word.argsort(kind="stable")
    room = (len(word) - 1).bit_length()
    if int(word.max()).bit_length() + room <= _WORD:
        # numbers are sorted faster than places, and a row's own has room beside its word
        return _by_numbers(word, room)
    order = word.argsort()
    equal = word.take(order)
    again = np.zeros(len(order), np.bool_)
    again[1:] = equal[1:] == equal[:-1]
    if again.any():
        again[:-1] |= again[1:]
        places = np.flatnonzero(again)
        first = np.ones(len(places), np.bool_)
        first[1:] = equal.take(places[1:]) != equal.take(places[:-1])
        both = np.cumsum(first).astype(np.uint64) << np.uint64(room)
        both |= order.take(places).astype(np.uint64)
        both.sort()
        order[places] = (both & np.uint64((1 << room) - 1)).astype(np.intp)
    return order


def _by_numbers(word: NDArray[np.uint64], room: int) -> Index:
    both = word << np.uint64(room)
    both |= np.arange(len(word), dtype=np.uint64)
    both.sort()
    both &= np.uint64((1 << room) - 1)
    return both.astype(np.intp)


def count_different(columns: Sequence[NDArray[Any]]) -> int:
    """How many different rows the columns have."""
    words = key_words(columns)
    if not words:
        return min(len(columns[0]), 1)
    if len(words) == 1:
        ordered = np.sort(words[0])
        return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1
    _, new = in_key_order(words, len(words[0]))
    return int(np.count_nonzero(new))


def key_words(columns: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Columns that order and tell apart rows as those given do: whole numbers packed, constant ones left out."""
    words: list[NDArray[Any]] = []
    taken = _WORD
    for column in columns:
        if column.dtype.kind not in "biu":
            words.append(column)
            taken = _WORD
            continue
        if not len(column):
            continue
        least, greatest = int(column.min()), int(column.max())
        bits = (greatest - least).bit_length()
        if not bits:
            continue
        word = column.astype(np.uint64)
        if least:
            # modulo 2**64, so that negative numbers come out right
            word -= np.uint64(least % (1 << _WORD))
        if taken + bits <= _WORD:
            words[-1] <<= np.uint64(bits)
            words[-1] |= word
            taken += bits
        else:
            words.append(word)
            taken = bits
    return words
