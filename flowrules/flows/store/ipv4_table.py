"""IPv4 addresses as small numbers: a hash table in numpy, filled and read in the same pass."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
U32 = NDArray[np.uint32]

_PIECE: Final = 1 << 15
"""Addresses looked up at a time: what lies between two steps stays in the cache."""

_FACTOR: Final = np.uint32(0x9E3779B1)
_HALF: Final = np.uint64(32)


class Ipv4Table:
    """Gives each IPv4 address a number, in the order in which they come.

    A slot of the table holds the address in its high half and the number, plus one, in its low half; 0 is an empty
    slot.  Addresses that meet go to the next slots.  At most a third of the slots is used.
    """

    def __init__(self) -> None:
        self.count = 0
        self._room: U32 = np.empty(1 << 10, np.uint32)
        self._bits = 17
        self._slots: NDArray[np.uint64] = np.zeros(1 << self._bits, np.uint64)

    @property
    def addresses(self) -> U32:
        """All addresses, by number."""
        return self._room[: self.count]

    def codes(self, addresses: U32) -> U32:
        """The number of each address, new ones included."""
        out: U32 = np.empty(len(addresses), np.uint32)
        for at in range(0, len(addresses), _PIECE):
            some = np.ascontiguousarray(addresses[at : at + _PIECE])
            if 3 * (self.count + len(some)) > len(self._slots):
                self._grow(self.count + len(some))
            slot = self._slot(some)
            entry = self._slots.take(slot)
            codes = out[at : at + _PIECE]
            # an empty slot has the number -1 and the address 0.0.0.0, which may be meant
            np.subtract(entry.astype(np.uint32), np.uint32(1), out=codes)
            missing = np.flatnonzero(((entry >> _HALF).astype(np.uint32) != some) | (entry == 0))
            if len(missing):
                codes[missing] = self._find(some.take(missing), slot.take(missing))
        return out

    def _find(self, addresses: U32, slot: U32) -> U32:
        """The numbers of addresses that are not in their first slot; those that are in none are entered."""
        codes: U32 = np.empty(len(addresses), np.uint32)
        left = np.arange(len(addresses))
        last = np.uint32(len(self._slots) - 1)
        while len(left):
            empty = np.flatnonzero(self._slots.take(slot) == 0)
            if len(empty):
                self._enter(addresses.take(empty), slot.take(empty))
            entry = self._slots.take(slot)
            here = (entry >> _HALF).astype(np.uint32) == addresses
            found = np.flatnonzero(here)
            codes[left.take(found)] = entry.take(found).astype(np.uint32) - np.uint32(1)
            other = np.flatnonzero(~here)
            left, addresses, slot = left.take(other), addresses.take(other), slot.take(other)
            slot = (slot + np.uint32(1)) & last
        return codes

    def _enter(self, addresses: U32, slot: U32) -> None:
        """Put addresses into empty slots; where several want the same, one of them gets it."""
        high = addresses.astype(np.uint64) << _HALF
        mark = np.arange(1, len(addresses) + 1, dtype=np.uint64)
        self._slots[slot] = high | mark
        won = np.flatnonzero(self._slots.take(slot) == (high | mark))
        first, self.count = self.count, self.count + len(won)
        if self.count > len(self._room):
            room = np.empty(max(self.count, 2 * len(self._room)), np.uint32)
            room[:first] = self._room[:first]
            self._room = room
        self._room[first : self.count] = addresses.take(won)
        numbers = np.arange(first + 1, self.count + 1, dtype=np.uint64)
        self._slots[slot.take(won)] = high.take(won) | numbers

    def _grow(self, count: int) -> None:
        """Make room for ``count`` addresses, with as much to spare."""
        while (1 << self._bits) < 6 * count:
            self._bits += 1
        self._slots = np.zeros(1 << self._bits, np.uint64)
        last = np.uint32(len(self._slots) - 1)
        addresses = self.addresses
        entry = addresses.astype(np.uint64) << _HALF | np.arange(1, self.count + 1, dtype=np.uint64)
        slot = self._slot(addresses)
        while len(entry):
            empty = np.flatnonzero(self._slots.take(slot) == 0)
            self._slots[slot.take(empty)] = entry.take(empty)
            other = np.flatnonzero(self._slots.take(slot) != entry)
            entry, slot = entry.take(other), (slot.take(other) + np.uint32(1)) & last

    def _slot(self, addresses: U32) -> U32:
        slot: U32 = addresses * _FACTOR
        slot >>= np.uint32(32 - self._bits)
        return slot
