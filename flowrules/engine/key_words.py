"""Rows in the order of their keys: key columns packed side by side into as few 64-bit words as their values need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]

_WORD = 64


def in_key_order(columns: Sequence[NDArray[Any]], rows: int) -> tuple[Index, NDArray[np.bool_]]:
    """The order of rows by their columns, most significant first, and which of them (in it) have a new key.

    The sort is stable, and takes little where the rows are a few runs that are in order already.
    """
    words = key_words(columns)
    new = np.zeros(rows, np.bool_)
    new[:1] = True
    if not words:
        return np.arange(rows), new
    order = words[0].argsort(kind="stable") if len(words) == 1 else _by_all(words)
    for word in words:
        ordered = word.take(order)
        new[1:] |= ordered[1:] != ordered[:-1]
    return order, new


def _by_all(words: Sequence[NDArray[Any]]) -> Index:
    """The order by several words: by the first, and by the others only where that has equal values."""
    order = words[0].argsort(kind="stable")
    ordered = words[0].take(order)
    again = np.zeros(len(order), np.bool_)
    again[1:] = ordered[1:] == ordered[:-1]
    tied = again.copy()
    tied[:-1] |= again[1:]
    places = np.flatnonzero(tied)
    if len(places):
        rows = order.take(places)
        rest = key_words([np.cumsum(~again).take(places), *(w.take(rows) for w in words[1:])])
        if len(rest) == 1:
            order[places] = rows.take(rest[0].argsort(kind="stable"))
        elif rest:
            order[places] = rows.take(np.lexsort(tuple(reversed(rest))))
    return order


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
