"""How the values of key columns lie side by side in 64-bit words, and the number by which such words are put in order.

A column is one field of up to 64 bits or two of 64 (addresses of both versions), with a bit before it where values may be
unknown.  Layouts grow with the values that are met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.kernels.hashing import SPREAD

Words = NDArray[np.uint64]

_WORD: Final = 64
_PLAIN: Final = 40
"""Keys of so many bits are in the order of their values: enough of the number is left for the places of rows."""

_FIRST, _SECOND = (np.uint64(s) for s in SPREAD)
_UNDO_FIRST, _UNDO_SECOND = (np.uint64(pow(s, -1, 1 << _WORD)) for s in SPREAD)
_HALF: Final = np.uint64(32)


@frozen(eq=False)
class Raw:
    """The values of one key column: one array of unsigned numbers, or two (uint64) for 128 bits.

    Unknown values are 0.
    """

    parts: tuple[NDArray[Any], ...]
    known: NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, bool]:
        """The bits that the values need (8, 16, 32, 64 or 128), and whether some are unknown."""
        unknown = self.known is not None
        if len(self.parts) > 1:
            return 128, unknown
        values = self.parts[0]
        bits = 8 * values.dtype.itemsize
        if bits > 8:
            needed = int(values.max(initial=0)).bit_length()
            bits = next(b for b in (8, 16, 32, _WORD) if needed <= b)
        return bits, unknown

    def take(self, index: NDArray[np.intp]) -> Raw:
        """The values at ``index``."""
        known = None if self.known is None else self.known.take(index)
        return Raw(tuple(p.take(index) for p in self.parts), known)


@frozen
class Layout:
    """The bits of each column, and whether its values may be unknown.

    ``led``: keys go by so many first columns, those with equal ones being next to each other but for few others (0: by all).
    """

    columns: tuple[tuple[int, bool], ...]
    led: int = 0

    def widened(self, other: Layout) -> Layout:
        """What holds the values of both."""
        both = zip(self.columns, other.columns, strict=True)
        return Layout(tuple((max(a, b), m or n) for (a, m), (b, n) in both), self.led)

    @property
    def leading(self) -> Layout:
        """The layout of the first columns alone."""
        return Layout(self.columns[: self.led])

    @property
    def told_by_order(self) -> bool:
        """Whether the number by which a key goes tells all of it."""
        return not self.led and self.fields[-1][0] == 0

    def leading_words(self, words: Sequence[Words]) -> list[Words]:
        """The words of the first columns alone."""
        rest = self.fields[len(self.leading.fields) :]
        count = self.leading.fields[-1][0] + 1
        shifts = [sum(width for word, width in rest if word == place) for place in range(count)]
        return [w >> np.uint64(n) if n else w for w, n in zip(words[:count], shifts, strict=True)]

    @property
    def fields(self) -> list[tuple[int, int]]:
        """The word and the bits of each field: of each column whether it is known, where it may not be, then the value."""
        out: list[tuple[int, int]] = []
        word, taken = 0, 0
        for bits, unknown in self.columns:
            for width in ((1,) if unknown else ()) + ((bits,) if bits <= _WORD else (_WORD, _WORD)):
                if taken + width > _WORD:
                    word, taken = word + 1, 0
                out.append((word, width))
                taken += width
        return out

    def pack(self, raws: Sequence[Raw]) -> list[Words]:
        """The words of keys; the layout is wide enough for them."""
        fields = self.fields
        words: list[Words] = []
        place = 0
        for raw, (bits, unknown) in zip(raws, self.columns, strict=True):
            parts = list(raw.parts)
            rows = len(parts[0])
            if bits > _WORD and len(parts) == 1:
                # IPv4 among IPv6
                low = parts[0].astype(np.uint64)
                low |= _MAPPED
                if raw.known is not None:
                    low *= raw.known
                parts = [np.zeros(rows, np.uint64), low]
            if unknown:
                parts.insert(0, np.ones(rows, np.bool_) if raw.known is None else raw.known)
            for part in parts:
                word, width = fields[place]
                place += 1
                if word == len(words):
                    words.append(part.astype(np.uint64))
                else:
                    words[word] <<= np.uint64(width)
                    words[word] |= part
        return words

    def unpack(self, words: Sequence[Words]) -> list[Raw]:
        """The keys of words."""
        values: list[NDArray[Any]] = []
        fields = self.fields
        shifts = [0] * len(words)
        for word, width in reversed(fields):
            found = words[word] >> np.uint64(shifts[word]) if shifts[word] else words[word]
            shifts[word] += width
            values.append(found if width == _WORD else found & np.uint64((1 << width) - 1))
        values.reverse()
        out = []
        for bits, unknown in self.columns:
            known = values.pop(0) != 0 if unknown else None
            parts = tuple(values.pop(0) for _ in range(2 if bits > _WORD else 1))
            if bits <= 32:
                parts = (parts[0].astype(np.uint32),)
            out.append(Raw(parts, known))
        return out

    def order(self, words: Sequence[Words]) -> Words:
        """The number by which keys go: of one word another for each key, else mostly."""
        if self.led:
            first = self.leading.order(self.leading_words(words)) & ~_LAST
            return first | _all_mixed(words) >> _LED_BITS
        if len(words) == 1:
            return words[0] << np.uint64(_WORD - self._bits) if self._plain else _mixed(words[0])
        return _all_mixed(words)

    def words_of(self, order: Words) -> Words:
        """The words of keys of one word, from the numbers by which they go."""
        return order >> np.uint64(_WORD - self._bits) if self._plain else _unmixed(order)

    @property
    def _bits(self) -> int:
        return sum(width for _, width in self.fields)

    @property
    def _plain(self) -> bool:
        return self._bits <= _PLAIN


def led_part(order: Words) -> Words:
    """What is equal in the numbers of all keys of a layout that is led whose first columns are equal."""
    return order >> _LAST_BITS


_LED_BITS: Final = np.uint64(28)
"""Keys of very many groups seldom share so many bits, and rows of one group seldom share those that are left."""
_LAST_BITS: Final = np.uint64(_WORD) - _LED_BITS
_LAST: Final = (np.uint64(1) << _LAST_BITS) - np.uint64(1)
_MAPPED: Final = np.uint64(0xFFFF << 32)


def _all_mixed(words: Sequence[Words]) -> Words:
    if len(words) == 1:
        return _mixed(words[0])
    out = words[0] * _FIRST
    for word in words[1:]:
        out ^= out >> np.uint64(29)
        out += word * _SECOND
        out ^= out >> _HALF
        out *= _FIRST
    return out


def _mixed(word: Words) -> Words:
    out = word * _FIRST
    out ^= out >> _HALF
    out *= _SECOND
    return out


def _unmixed(order: Words) -> Words:
    out = order * _UNDO_SECOND
    out ^= out >> _HALF
    out *= _UNDO_FIRST
    return out
