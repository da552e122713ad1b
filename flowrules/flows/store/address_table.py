"""The address table of a part: IPv6 addresses as small numbers, exactly, whatever they are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.model.fields import ADDRESS

Array = NDArray[Any]

_ODD_HIGH: Final = np.uint64(0x9E3779B97F4A7C15)
_ODD_LOW: Final = np.uint64(0xC2B2AE3D27D4EB4F)


def fingerprints(addresses: Array) -> NDArray[np.uint64]:
    """A 64-bit number for each address (``ADDRESS``); different addresses hardly ever share one."""
    high: NDArray[np.uint64] = addresses["high"] * _ODD_HIGH
    high ^= high >> np.uint64(32)
    high += addresses["low"]
    high *= _ODD_LOW
    high ^= high >> np.uint64(29)
    return high


class AddressTable:
    """Gives each address (``ADDRESS``) a number, in the order in which they come.

    Addresses are found by their fingerprints and then compared; the few that share a fingerprint with
    another are kept in a dictionary.
    """

    def __init__(self) -> None:
        self.count = 0
        self._room: Array = np.empty(1 << 10, ADDRESS)
        self._fingerprints: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._codes: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._others: dict[tuple[int, int], int] = {}

    @property
    def addresses(self) -> Array:
        """All addresses, by number."""
        return self._room[: self.count]

    def codes(self, addresses: Array) -> NDArray[np.uint32]:
        """The number of each address, new ones included."""
        if not len(addresses):
            return np.empty(0, np.uint32)
        marks = fingerprints(addresses)
        order = np.argsort(marks, kind="stable")
        ordered = marks.take(order)
        begins = np.ones(len(ordered), np.bool_)
        begins[1:] = ordered[1:] != ordered[:-1]
        starts = np.flatnonzero(begins)
        distinct = ordered.take(starts)
        known = self._known(distinct)
        new = np.flatnonzero(known < 0)
        if len(new):
            # the first address of a fingerprint owns it
            owners = addresses.take(order.take(starts.take(new)))
            fresh = self._append(owners)
            known[new] = fresh
            self._remember(distinct.take(new), fresh)
        codes = np.empty(len(addresses), np.uint32)
        codes[order] = known.astype(np.uint32).take(np.cumsum(begins) - 1)
        there = self._room.take(codes)
        wrong = np.flatnonzero((there["high"] != addresses["high"]) | (there["low"] != addresses["low"]))
        for row in wrong.tolist():
            codes[row] = self._other(addresses[row])
        return codes

    def _known(self, distinct: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The numbers behind ascending fingerprints, -1 where there is none yet."""
        if not len(self._fingerprints):
            return np.full(len(distinct), -1, np.int64)
        place = self._fingerprints.searchsorted(distinct)
        place[place == len(self._fingerprints)] = 0
        found = self._fingerprints.take(place) == distinct
        return np.where(found, self._codes.take(place).astype(np.int64), -1)

    def _remember(self, distinct: NDArray[np.uint64], codes: NDArray[np.int64]) -> None:
        marks = np.concatenate((self._fingerprints, distinct))
        order = np.argsort(marks, kind="stable")
        self._fingerprints = marks.take(order)
        self._codes = np.concatenate((self._codes, codes.astype(np.uint32))).take(order)

    def _append(self, addresses: Array) -> NDArray[np.int64]:
        first, self.count = self.count, self.count + len(addresses)
        if self.count > len(self._room):
            room = np.empty(max(self.count, 2 * len(self._room)), ADDRESS)
            room[:first] = self._room[:first]
            self._room = room
        self._room[first : self.count] = addresses
        return np.arange(first, self.count, dtype=np.int64)

    def _other(self, address: Any) -> int:
        key = int(address["high"]), int(address["low"])
        code = self._others.get(key)
        if code is None:
            code = self._others[key] = self.count
            self._append(np.array([key], ADDRESS))
        return code
