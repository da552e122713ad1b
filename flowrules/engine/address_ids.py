"""Dense numbers for addresses: what makes every address test a look-up and grouping by host counting.

IPv4 addresses are looked up in pages of 65,536 numbers, one page for each /16 block met; scattered
addresses beyond ``MOST_PAGES`` blocks, and IPv6, in a hash table.  An IPv4 address and its mapped form
are one address.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.dictionaries import Codes, WordCodes, Words
from flowrules.engine.kernels import kernels
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

MOST_PAGES: Final = 128
"""The most /16 blocks looked up by page (256 KiB each)."""

MOST_TABLES: Final = 4
"""So many tables of addresses have the ids of theirs kept: rows of one table follow each other."""

FEW_HOSTS: Final = 1 << 16
"""So many numbered hosts get their ids at once, and not when they are met."""

_MAPPED: Final = np.uint64(IPV4_MAPPED)
_HALF: Final = np.uint32(16)
_LOW_HALF: Final = np.uint32(0xFFFF)
_NO_PAGE: Final = np.uint32(0)
"""Page 0 stays empty, so that an address without a page finds nothing there."""


@frozen(eq=False)
class _Pages:
    """Where the page of each /16 block lies, and the ids in the pages; replaced as a whole when it grows.

    Pages from ``used`` on are empty, and the directory of none that others may hold leads to them.
    """

    directory: Codes
    ids: Codes
    used: int = 1


class AddressIds:
    """Ids from 1 for the addresses met; 0 stands for an unknown address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._codes = WordCodes(2)
        self._pages = _Pages(np.zeros(1 << 16, np.uint32), np.zeros(1 << 16, np.uint32))
        self._listed: dict[int, tuple[NDArray[Any], Codes]] = {}
        self._numbered: dict[int, tuple[NDArray[Any], Codes]] = {}

    def __len__(self) -> int:
        """One more than the highest id given."""
        return len(self._codes)

    def addresses(self, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """The addresses of the ids from ``begin`` to ``end``, dtype ``ADDRESS``; id 0 means nothing."""
        high, low = self._codes.word(0)[begin:end], self._codes.word(1)[begin:end]
        out = np.empty(len(high), ADDRESS)
        out["high"], out["low"] = high, low
        return out

    def encode(self, addresses: NDArray[Any]) -> Codes:
        """The id of each address (``uint32`` or ``ADDRESS``), new ones where they have none yet (uint32)."""
        return self._look_up(addresses, add=True)

    def encode_numbered(
        self, numbers: NDArray[Any], hosts: NDArray[Any], addresses: Callable[[], NDArray[Any]]
    ) -> Codes:
        """The id of each address, by what ``numbers`` say: ``n`` is ``hosts[n - 1]``, 0 any other address.

        ``hosts`` is one and the same array each time; ``addresses`` are the rows' own, looked at where need be.
        """
        known = self._numbered.get(id(hosts))
        if known is None:
            table = np.zeros(len(hosts) + 1, np.uint32)
            if len(hosts) <= FEW_HOSTS:
                table[1:] = self.encode(hosts)
            with self._lock:
                known = self._numbered.setdefault(id(hosts), (hosts, table))
        table = known[1]
        ids = table.take(numbers)
        if len(ids) and ids.min():
            return ids
        absent = np.flatnonzero(ids == 0)
        if not len(absent):
            return ids
        own = numbers.take(absent)
        met = np.zeros(len(table), np.bool_)
        met[own] = True
        fresh = np.flatnonzero(met[1:]) + 1
        if len(fresh):
            # each host once, however many rows it has
            table[fresh] = self.encode(hosts.take(fresh - 1))
            ids[absent] = table.take(own)
        if met[0]:
            others = absent.take(np.flatnonzero(own == 0))
            ids[others] = self.encode(addresses().take(others))
        return ids

    def encode_listed(self, places: NDArray[Any], table: NDArray[Any]) -> Codes:
        """The id of each address, by its place in a table of different addresses (``ADDRESS``)."""
        known = self._listed.get(id(table))
        if known is None:
            with self._lock:
                while len(self._listed) >= MOST_TABLES:
                    del self._listed[next(iter(self._listed))]
                known = self._listed.setdefault(id(table), (table, np.zeros(len(table), np.uint32)))
        ids: Codes = known[1].take(places)
        if len(ids) and ids.min():
            return ids
        absent = np.flatnonzero(ids == 0)
        if len(absent):
            own = places.take(absent)
            met = np.zeros(len(table), np.bool_)
            met[own] = True
            fresh = np.flatnonzero(met)
            known[1][fresh] = self.encode(table.take(fresh))
            ids[absent] = known[1].take(own)
        return ids

    def find(self, addresses: NDArray[Any]) -> Codes:
        """The id of each address, 0 where it has none."""
        return self._look_up(addresses, add=False)

    def _look_up(self, addresses: NDArray[Any], add: bool) -> Codes:
        if addresses.dtype != ADDRESS:
            return self._v4(addresses, add)
        high, low = np.ascontiguousarray(addresses["high"]), np.ascontiguousarray(addresses["low"])
        mapped = (high == 0) & (low >> np.uint64(32) == np.uint64(IPV4_MAPPED >> 32))
        if not mapped.any():
            return self._wide(high, low, add)
        out = np.empty(len(low), np.uint32)
        narrow = np.flatnonzero(mapped)
        out[narrow] = self._v4(low.take(narrow).astype(np.uint32), add)
        six = np.flatnonzero(~mapped)
        if len(six):
            out[six] = self._wide(high.take(six), low.take(six), add)
        return out

    def _wide(self, high: Words, low: Words, add: bool) -> Codes:
        return self._codes.encode(high, low) if add else self._codes.find(high, low)

    def _v4(self, addresses: NDArray[np.uint32], add: bool) -> Codes:
        pages = self._pages
        ids, lacking = kernels().ids(pages.directory, pages.ids, addresses)
        if not lacking:
            return ids
        absent = np.flatnonzero(ids == 0)
        if len(absent):
            some = addresses.take(absent)
            low = some.astype(np.uint64) + _MAPPED
            found = self._wide(np.zeros(len(low), np.uint64), low, add)
            ids[absent] = found
            if add:
                self._enter(some, found)
        return ids

    def _enter(self, addresses: NDArray[np.uint32], ids: Codes) -> None:
        """Put ids into the pages of their addresses, new pages while there is room for them."""
        block = addresses >> _HALF
        with self._lock:
            page = self._pages.directory.take(block)
            without = block[page == _NO_PAGE]
            room = MOST_PAGES + 1 - self._pages.used
            if len(without) and room > 0:
                self._add_pages(without, room)
                page = self._pages.directory.take(block)
            paged = np.flatnonzero(page != _NO_PAGE)
            place = page.take(paged).astype(np.int64) << 16 | addresses.take(paged) & _LOW_HALF
            self._pages.ids[place] = ids.take(paged)

    def _add_pages(self, blocks: NDArray[np.uint32], room: int) -> None:
        """Give blocks pages, at most ``room`` of them."""
        ordered = np.sort(blocks)
        fresh = ordered[np.r_[True, ordered[1:] != ordered[:-1]]][:room]
        pages = self._pages
        used = pages.used + len(fresh)
        directory = pages.directory.copy()
        directory[fresh] = np.arange(pages.used, used, dtype=np.uint32)
        ids = pages.ids
        if used << 16 > len(ids):
            # room for all pages at once: the system gives memory to those that are written to
            ids = np.zeros(MOST_PAGES + 1 << 16, np.uint32)
        self._pages = _Pages(directory, ids, used)
