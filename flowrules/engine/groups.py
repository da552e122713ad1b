"""Group numbers: from the codes of several key columns to one dense number for each combination met.

The codes of a row are packed side by side into one 64-bit word, as narrow as the codes met so far allow,
and the words get dense numbers of their own.  More columns than fit one word are packed in steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.dictionaries import WINDOW_BITS, Codes, NumberCodes, WordCodes

_WORD = 64


@frozen(eq=False)
class _Packing:
    """How many bits each column takes, and the numbers of the packed words; replaced when a column grows."""

    bits: tuple[int, ...]
    numbers: NumberCodes | WordCodes


class GroupNumbers:
    """Dense numbers from 1 for the combinations of codes of ``len(widths)`` columns.

    ``widths`` are the most bits that each column's codes may take (at most 32).
    """

    def __init__(self, widths: Sequence[int]) -> None:
        self.widths = tuple(widths)
        self._lock = Lock()
        self._inner: GroupNumbers | None = None
        self._split = 0
        own = list(widths)
        if sum(own) > _WORD:
            # the leading columns become one column of group numbers
            split = 2
            while split < len(own) and 32 + sum(own[split:]) > _WORD:
                split += 1
            self._split = split
            self._inner = GroupNumbers(own[:split])
            own = [32, *own[split:]]
        self._packing = _Packing(tuple(1 for _ in own), NumberCodes())

    def __len__(self) -> int:
        """One more than the highest number given."""
        return len(self._packing.numbers)

    @property
    def direct(self) -> bool:
        """Whether combinations are looked up directly, without hashing."""
        return self._inner is None and sum(self._packing.bits) <= WINDOW_BITS

    def encode(self, columns: Sequence[Codes]) -> Codes:
        """The number of each row's combination, new ones where it has none yet (uint32)."""
        if self._inner is not None:
            columns = [self._inner.encode(columns[: self._split]), *columns[self._split :]]
        if not len(columns[0]):
            return np.zeros(0, np.uint32)
        rows = len(columns[0])
        columns = [_narrowed(c) for c in columns]
        needed = tuple(int(c.max()).bit_length() for c in columns)
        while True:
            packing = self._packing
            if any(n > b for n, b in zip(needed, packing.bits, strict=True)):
                packing = self._repack(needed)
            words = np.broadcast_to(_pack(columns, packing.bits), (rows,))
            numbers, absent = packing.numbers.look_up(words)
            if not len(absent):
                return numbers
            with self._lock:
                # new numbers only while nobody packs anew: they would be lost on the way
                if packing is self._packing:
                    numbers[absent] = packing.numbers.encode(words.take(absent))
                    return numbers

    def columns(self) -> list[Codes]:
        """The codes of all groups, a column each, by group number; entry 0 means nothing."""
        packing = self._packing
        own = _unpack(packing.numbers.values(np.uint64), packing.bits)
        if self._inner is None:
            return own
        return [c.take(own[0]) for c in self._inner.columns()] + own[1:]

    def _repack(self, needed: tuple[int, ...]) -> _Packing:
        """Give columns the bits that they need and some to grow; group numbers stay."""
        with self._lock:
            before = self._packing
            bits = tuple(
                b if n <= b else n + (1 if n > 1 else 0) for n, b in zip(needed, before.bits, strict=True)
            )
            if bits == before.bits:
                return before
            least = tuple(max(n, b) for n, b in zip(needed, before.bits, strict=True))
            if sum(bits) > _WORD or sum(least) <= WINDOW_BITS < sum(bits):
                # without room to grow: a window is worth more
                bits = least
            # what fits a window is looked up directly, the rest by hashing
            numbers: NumberCodes | WordCodes = WordCodes()
            if sum(bits) <= WINDOW_BITS:
                numbers = NumberCodes()
                numbers.reserve(1 << sum(bits))
            if len(before.numbers) > 1:
                columns = _unpack(before.numbers.values(np.uint64)[1:], before.bits)
                numbers.adopt(_pack(columns, bits))
            self._packing = _Packing(bits, numbers)
            return self._packing


def _narrowed(column: Codes) -> Codes:
    """One row of a column that repeats one, else the column."""
    return column[:1] if column.strides == (0,) else column


def _pack(columns: Sequence[Codes], bits: tuple[int, ...]) -> NDArray[Any]:
    """Codes side by side, the first column in the highest bits; columns have all rows, or one for all."""
    if sum(bits) <= 32:
        narrow = columns[0]
        for column, width in zip(columns[1:], bits[1:], strict=True):
            narrow = narrow << np.uint32(width) | column
        return narrow
    word = columns[0].astype(np.uint64)
    for column, width in zip(columns[1:], bits[1:], strict=True):
        word = word << np.uint64(width) | column
    return word


def _unpack(words: NDArray[np.uint64], bits: tuple[int, ...]) -> list[Codes]:
    out: list[Codes] = []
    shift = sum(bits)
    for width in bits:
        shift -= width
        mask = np.uint64((1 << width) - 1)
        out.append((words >> np.uint64(shift) & mask).astype(np.uint32))
    return out
