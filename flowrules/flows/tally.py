"""Counting records and summing values by key over many chunks, exactly, with memory for the keys alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ROW_BITS = 20
_EXACT_ROWS = 1 << 18


class Tally:
    """Records, and sums of ``sums`` values, by keys made of ``width`` u64 numbers each.

    Chunks are grouped by sorting, and merged into the whole when they have grown as large as it.
    """

    def __init__(self, width: int = 1, sums: int = 0) -> None:
        self.width = width
        self.sums = sums
        self._parts: list[tuple[Array, ...]] = []
        """Grouped parts: ``width`` key columns in order, the records, the sums; the first is the largest."""
        self._pending = 0

    def add(self, keys: tuple[Array, ...], values: tuple[Array, ...] = ()) -> None:
        """Count rows: their keys (one array for each number) and the values to sum."""
        for start in range(0, len(keys[0]), _EXACT_ROWS):
            rows = slice(start, start + _EXACT_ROWS)
            order = _order(tuple(key[rows] for key in keys))
            ordered = [key[rows].astype(np.uint64).take(order) for key in keys]
            ones = np.ones(len(order), np.uint64)
            summed = [value[rows].astype(np.uint64).take(order) for value in values]
            self._parts.append(_grouped(ordered, [ones, *summed]))
            self._pending += len(self._parts[-1][0])
            if len(self._parts) > 1 and self._pending >= len(self._parts[0][0]):
                self._merge()

    def _merge(self) -> None:
        if len(self._parts) > 1:
            columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
            keys, rest = columns[: self.width], columns[self.width :]
            # a stable sort is a merge where the parts are in order already
            order = np.argsort(keys[0], kind="stable") if self.width == 1 else np.lexsort(keys[::-1])
            self._parts = [_grouped([k.take(order) for k in keys], [v.take(order) for v in rest])]
        self._pending = 0

    def result(self) -> tuple[Array, ...]:
        """The keys in ascending order (``width`` columns), their records, their sums."""
        self._merge()
        if not self._parts:
            return tuple(np.zeros(0, np.uint64) for _ in range(self.width + 1 + self.sums))
        return self._parts[0]

    def keep_below(self, limit: int) -> None:
        """Forget the keys of ``limit`` and above (one number a key)."""
        kept = [part[0] < np.uint64(limit) for part in self._parts]
        self._parts = [tuple(c[keep] for c in part) for part, keep in zip(self._parts, kept, strict=True)]
        self._pending = sum(len(part[0]) for part in self._parts[1:])

    def __len__(self) -> int:
        return len(self.result()[0])


def _order(keys: tuple[Array, ...]) -> Array:
    """The order that sorts the keys."""
    if len(keys) == 1 and keys[0].dtype.itemsize <= 4:
        # sorting numbers that carry their row is several times faster than sorting row numbers
        packed = keys[0].astype(np.uint64) << np.uint64(_ROW_BITS)
        packed |= np.arange(len(keys[0]), dtype=np.uint64)
        packed.sort()
        return (packed & np.uint64((1 << _ROW_BITS) - 1)).astype(np.intp)
    return np.lexsort(keys[::-1])


def _grouped(keys: list[Array], values: list[Array]) -> tuple[Array, ...]:
    """Sums of the values over runs of equal keys, of which there is one each afterwards."""
    if len(keys[0]) == 0:
        return (*keys, *values)
    changes = np.zeros(len(keys[0]), np.bool_)
    changes[0] = True
    for key in keys:
        changes[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(changes)
    return (*(key.take(starts) for key in keys), *(np.add.reduceat(value, starts) for value in values))


def exact_sums(ids: Array, values: Array, size: int) -> Array:
    """Sums of ``values`` (unsigned) by small integer ``ids`` below ``size``, exact to 64 bits."""
    out = np.zeros(size, np.uint64)
    for start in range(0, len(ids), _EXACT_ROWS):
        part, value = ids[start : start + _EXACT_ROWS], values[start : start + _EXACT_ROWS].astype(np.uint64)
        # bincount sums doubles: two halves of 32 bits stay below 2**53
        low = np.bincount(part, (value & np.uint64(0xFFFFFFFF)).astype(np.float64), size)
        high = np.bincount(part, (value >> np.uint64(32)).astype(np.float64), size)
        out += low.astype(np.uint64) + (high.astype(np.uint64) << np.uint64(32))
    return out
