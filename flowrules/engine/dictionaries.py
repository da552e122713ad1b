"""Dense numbers for the values of a column: the dictionaries that make grouping counting.

A *code* is a small positive integer for one value; 0 stands for an unknown value, so that look-up tables
by code have a first entry for it.  Codes are given in order of arrival, which results never show.
Several threads may encode at once: looking up takes no lock, only new values do.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.kernels import kernels
from flowrules.engine.kernels.hashing import mixed

Codes = NDArray[np.uint32]
Words = NDArray[np.uint64]

_FIRST_SLOTS: Final = 1 << 12
WINDOW_BITS: Final = 21
_MOST_WINDOW: Final = 1 << WINDOW_BITS
"""The widest range of whole numbers that a window looks up directly (4 bytes each)."""


@frozen(eq=False)
class _State:
    """An open-addressing table of codes, and the words of each code; replaced as a whole when it grows."""

    slots: Codes
    shift: np.uint64
    words: tuple[Words, ...]


class WordCodes:
    """Codes of values of one or two 64-bit words each, by hashing; exact, whatever the values."""

    def __init__(self, words: int = 1) -> None:
        self._lock = Lock()
        self._count = 1
        self._state = _empty(words, _FIRST_SLOTS)

    def __len__(self) -> int:
        """One more than the highest code given."""
        return self._count

    def word(self, position: int = 0) -> Words:
        """The words (uint64) of all codes, by code; entry 0 means nothing."""
        return self._state.words[position][: self._count]

    def values(self, dtype: Any = np.uint64) -> NDArray[Any]:
        """The values of all codes, of one word each, by code, as uint64 or int64; entry 0 means nothing."""
        return self.word().view(dtype)

    def find(self, *words: Words) -> Codes:
        """The code of each value, 0 where it has none."""
        return _find(self._state, words)[0]

    def look_up(self, values: NDArray[Any]) -> tuple[Codes, NDArray[np.intp]]:
        """The code of each value of one word (0: none), and the rows that have none."""
        return _find(self._state, (_as_words(values),))

    def adopt(self, values: NDArray[Any]) -> None:
        """Give different values of one word, none of them held yet, the next codes in their own order."""
        with self._lock:
            self._insert((_as_words(values),))

    def encode(self, *words: Words) -> Codes:
        """The code of each value, new ones where they have none yet (uint32); words may be of any integer dtype."""
        words = tuple(_as_words(w) for w in words)
        codes, absent = _find(self._state, words)
        if len(absent):
            codes[absent] = self._add(tuple(w.take(absent) for w in words))
        return codes

    def _add(self, words: tuple[Words, ...]) -> Codes:
        first, of = _different(words)
        distinct = tuple(w.take(first) for w in words)
        with self._lock:
            # another thread may have added some of them in the meantime
            codes, absent = _find(self._state, distinct)
            if len(absent):
                codes[absent] = self._insert(tuple(w.take(absent) for w in distinct))
        return codes.take(of)

    def _insert(self, words: tuple[Words, ...]) -> Codes:
        begin, end = self._count, self._count + len(words[0])
        if end > len(self._state.words[0]):
            self._grow(end)
        state = self._state
        for held, given in zip(state.words, words, strict=True):
            held[begin:end] = given
        codes = np.arange(begin, end, dtype=np.uint32)
        _place(state, words, codes)
        self._count = end
        return codes

    def _grow(self, wanted: int) -> None:
        slots = len(self._state.slots)
        while slots < 2 * wanted:
            slots *= 2
        state = _empty(len(self._state.words), 2 * slots)
        for held, before in zip(state.words, self._state.words, strict=True):
            held[: self._count] = before[: self._count]
        codes = np.arange(1, self._count, dtype=np.uint32)
        _place(state, tuple(w[1 : self._count] for w in state.words), codes)
        self._state = state


def _empty(words: int, slots: int) -> _State:
    bits = slots.bit_length() - 1
    keys = tuple(np.zeros(slots // 2, np.uint64) for _ in range(words))
    return _State(np.zeros(slots, np.uint32), np.uint64(64 - bits), keys)


def _find(state: _State, words: tuple[Words, ...]) -> tuple[Codes, NDArray[np.intp]]:
    """The code of each value (0: none) and the rows that have none."""
    codes = kernels().find(state.slots, state.shift, state.words, words)
    if not len(codes) or codes.min():
        return codes, _NO_ROWS
    return codes, np.flatnonzero(codes == 0)


def _place(state: _State, words: tuple[Words, ...], codes: Codes) -> None:
    """Enter codes of different values, none of which the table holds."""
    last = len(state.slots) - 1
    slot = mixed(words, state.shift)
    while len(codes):
        free = state.slots.take(slot) == 0
        state.slots[slot[free]] = codes[free]
        lost = state.slots.take(slot) != codes
        slot, codes = (slot[lost] + 1) & last, codes[lost]


def _different(words: tuple[Words, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One row of each different value, and for each row the place of its value among those.

    Without sorting: rows write their numbers into a table, the last one in a slot speaks for its value,
    rows of other values try the next slot.
    """
    rows = len(words[0])
    bits = max(8, (2 * rows - 1).bit_length())
    last = (1 << bits) - 1
    slot = mixed(words, np.uint64(64 - bits))
    table = np.empty(1 << bits, np.int32)
    speaker = np.empty(rows, np.int32)
    open_ones = np.arange(rows, dtype=np.int32)
    while len(open_ones):
        table[slot] = open_ones
        chosen = table.take(slot)
        same: NDArray[np.bool_] = words[0].take(chosen) == words[0].take(open_ones)
        for word in words[1:]:
            same &= word.take(chosen) == word.take(open_ones)
        if same.all():
            speaker[open_ones] = chosen
            break
        speaker[open_ones[same]] = chosen[same]
        open_ones, slot = open_ones[~same], (slot[~same] + 1) & last
    first = np.flatnonzero(speaker == np.arange(rows, dtype=np.int32))
    place = np.empty(rows, np.intp)
    place[first] = np.arange(len(first))
    return first, place.take(speaker)


def _different_near(wide: Words) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The same for numbers of one word; those of a window's width have a table of their own, without hashing."""
    offset = wide - wide.view(np.int64).min().view(np.uint64)
    size = int(offset.max()) + 1
    if size > _MOST_WINDOW:
        return _different((wide,))
    place = offset.view(np.int64)
    table = np.empty(size, np.intp)
    table[place] = np.arange(len(wide))
    speaker = table.take(place)
    first = np.flatnonzero(speaker == np.arange(len(wide)))
    table[place.take(first)] = np.arange(len(first))
    return first, table.take(place)


@frozen(eq=False)
class _Window:
    """Codes of the whole numbers from ``base`` on; replaced as a whole when it grows."""

    base: int
    codes: Codes


class NumberCodes:
    """Codes of whole numbers (any integer dtype): a window of near values directly, others by hashing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 1
        self._values = np.zeros(256, np.uint64)
        self._window = _Window(0, np.zeros(0, np.uint32))
        self._far = WordCodes()
        self._far_codes = np.zeros(256, np.uint32)

    def __len__(self) -> int:
        """One more than the highest code given."""
        return self._count

    def values(self, dtype: Any = np.int64) -> NDArray[Any]:
        """The values of all codes, by code, as int64 or uint64; entry 0 means nothing."""
        return self._values[: self._count].view(dtype)

    def find(self, values: NDArray[Any]) -> Codes:
        """The code of each value, 0 where it has none."""
        return self.look_up(values)[0]

    def encode(self, values: NDArray[Any]) -> Codes:
        """The code of each value, new ones where they have none yet (uint32)."""
        codes, absent = self.look_up(values)
        if len(absent):
            codes[absent] = self._add(_as_words(values.take(absent)))
        return codes

    def adopt(self, values: NDArray[Any]) -> None:
        """Give different values, none of them held yet, the next codes in their own order."""
        wide = _as_words(values)
        with self._lock:
            self._widen(wide)
            self._insert(wide)

    def look_up(self, values: NDArray[Any]) -> tuple[Codes, NDArray[np.intp]]:
        """The code of each value (0: none), and the rows that have none."""
        codes, absent = self._seek(values)
        if len(absent) and len(self._far) > 1:
            far = self._far.find(_as_words(values.take(absent)))
            held = self._far_codes.take(far)
            codes[absent] = held
            absent = absent[held == 0]
        return codes, absent

    def _seek(self, values: NDArray[Any]) -> tuple[Codes, NDArray[np.intp]]:
        """The code of each value that the window has (0: none), and the rows that have none."""
        window = self._window
        size = len(window.codes)
        if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
            every = 1 << 8 * values.dtype.itemsize
            if window.base == 0 and size < every and self._count == 1:
                window = self.reserve(every)
                size = len(window.codes)
            if window.base == 0 and size >= every:
                codes = kernels().cells((window.codes,), (values,))
                return codes, _absent(codes)
        if values.dtype == np.uint32 and window.base == 0 and len(values) and int(values.max()) < size:
            codes = window.codes.take(values)
            return codes, _absent(codes)
        wide = _as_words(values)
        place = wide - np.uint64(window.base)
        if not size:
            return np.zeros(len(wide), np.uint32), np.arange(len(wide))
        inside = place < size
        if inside.all():
            codes = window.codes.take(place.view(np.int64))
        else:
            place[~inside] = 0
            codes = window.codes.take(place.view(np.int64))
            codes[~inside] = 0
        return codes, _absent(codes)

    def reserve(self, size: int) -> _Window:
        """A window for all values below ``size``, unless codes were given already: it never has to grow.

        Memory that is never looked at costs nothing.
        """
        with self._lock:
            if self._count == 1 and len(self._window.codes) < size:
                self._window = _Window(0, np.zeros(size, np.uint32))
            return self._window

    def _add(self, wide: Words) -> Codes:
        first, of = _different_near(wide)
        distinct = wide.take(first)
        with self._lock:
            self._widen(distinct)
            codes, absent = self._seek(distinct)
            if len(absent):
                codes[absent] = self._insert(distinct.take(absent))
        return codes.take(of)

    def _insert(self, distinct: Words) -> Codes:
        window = self._window
        place = distinct - np.uint64(window.base)
        inside = place < len(window.codes)
        codes = np.zeros(len(distinct), np.uint32)
        outside = np.flatnonzero(~inside)
        if len(outside):
            # longer first: who finds a far value looks its code up without a lock
            if len(self._far) + len(outside) > len(self._far_codes):
                self._far_codes = _longer(self._far_codes, len(self._far) + len(outside))
            far = self._far.encode(distinct.take(outside))
            codes[outside] = self._far_codes.take(far)
        fresh = np.flatnonzero(codes == 0)
        given = np.arange(self._count, self._count + len(fresh), dtype=np.uint32)
        if self._count + len(fresh) > len(self._values):
            self._values = _longer(self._values, self._count + len(fresh))
        self._values[self._count : self._count + len(fresh)] = distinct.take(fresh)
        codes[fresh] = given
        if len(outside):
            self._far_codes[far] = codes.take(outside)
        near = np.flatnonzero(inside)
        window.codes[place.take(near).view(np.int64)] = codes.take(near)
        self._count += len(fresh)
        return codes

    def _widen(self, distinct: Words) -> None:
        """Let the window reach the new values, where they lie near enough to what it holds."""
        window = self._window
        signed = distinct.view(np.int64)
        low, high = int(signed.min()), int(signed.max())
        if low < 0:
            return
        if not len(window.codes):
            base = 0 if high < _MOST_WINDOW else low >> 10 << 10
            size = _room(high + 1 - base)
            if size:
                self._window = _Window(base, np.zeros(size, np.uint32))
            return
        base, end = min(window.base, low), max(window.base + len(window.codes), high + 1)
        if base == window.base and end == window.base + len(window.codes):
            return
        base = base >> 10 << 10
        size = _room(end - base)
        if size:
            codes = np.zeros(size, np.uint32)
            codes[window.base - base : window.base - base + len(window.codes)] = window.codes
            # values that were too far until now are found here from now on
            far = self._far_codes[1 : len(self._far)]
            if len(far):
                place = self._values.take(far) - np.uint64(base)
                near = place < size
                codes[place[near].view(np.int64)] = far[near]
            self._window = _Window(base, codes)


def _room(size: int) -> int:
    """The window's size for so many values; 0 where that is too many."""
    if size > _MOST_WINDOW:
        return 0
    return max(256, 1 << (size - 1).bit_length())


_NO_ROWS: Final = np.zeros(0, np.intp)


def _absent(codes: Codes) -> NDArray[np.intp]:
    """The rows without a code, told quickly where there are none."""
    return _NO_ROWS if len(codes) and codes.min() else np.flatnonzero(codes == 0)


def _as_words(values: NDArray[Any]) -> Words:
    if values.dtype == np.uint64:
        return values
    if values.dtype == np.int64:
        return values.view(np.uint64)
    return values.astype(np.int64).view(np.uint64)


def _longer(array: NDArray[Any], wanted: int) -> NDArray[Any]:
    out = np.zeros(max(wanted, 2 * len(array)), array.dtype)
    out[: len(array)] = array
    return out
