"""Home-host codes: small numbers for the addresses inside the internal nets, the same in all of a store."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.model.address_set import AddressSet
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

Array = NDArray[Any]

MOST_HOSTS: Final = 1 << 22
"""The most home hosts that get a code.  Parts that hold more are written without codes."""

MOST_PAGES: Final = 512
"""The most /16 blocks that internal IPv4 nets may touch: their codes are looked up in a page for each."""

_PIECE: Final = 1 << 15
"""Addresses looked up at a time, so that what lies between two steps stays in the cache."""

_PAGE_BITS: Final = np.uint32(16)
_PAGE: Final = np.uint32(1 << 16)
_WITHIN: Final = np.uint32((1 << 16) - 1)


class HomeCodes:
    """Codes of home hosts, given in the order in which hosts are first seen: 1, 2, and so on.

    Code 0 is every other address.  ``hosts`` (``ADDRESS``) is the table: the host of code ``c`` is ``hosts[c - 1]``.
    Raises ``ValueError`` where ``nets`` touch more than ``MOST_PAGES`` blocks of /16.
    """

    def __init__(self, nets: AddressSet, hosts: Array) -> None:
        self.nets = nets
        self.hosts = hosts
        pages = sorted(
            {
                page
                for first, last in zip(nets.v4_first.tolist(), nets.v4_last.tolist(), strict=True)
                for page in range(first >> 16, min(last >> 16, (first >> 16) + MOST_PAGES) + 1)
            }
        )
        if len(pages) > MOST_PAGES:
            raise ValueError(f"the internal nets touch more than {MOST_PAGES} blocks of /16")
        # page 0 is that of all other addresses, and stays zero
        self._directory: NDArray[np.uint32] = np.zeros(1 << 16, np.uint32)
        self._directory[pages] = np.arange(1, len(pages) + 1, dtype=np.uint32) << np.uint32(16)
        self._pages: NDArray[np.uint32] = np.zeros((len(pages) + 1) << 16, np.uint32)
        self._wide: dict[tuple[int, int], int] = {}
        low = np.uint64(IPV4_MAPPED)
        narrow = (hosts["high"] == 0) & (hosts["low"] >> np.uint64(32) == 0xFFFF)
        codes = np.arange(1, len(hosts) + 1, dtype=np.uint32)
        self._pages[self._place((hosts["low"][narrow] - low).astype(np.uint32))] = codes[narrow]
        for code in codes[~narrow].tolist():
            self._wide[_key(hosts[code - 1])] = code

    def narrow(self, addresses: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
        """The codes of IPv4 addresses; ``None`` when there are more hosts than codes."""
        codes: NDArray[np.uint32] = np.empty(len(addresses), np.uint32)
        for at in range(0, len(addresses), _PIECE):
            some = addresses[at : at + _PIECE]
            place = self._place(some)
            found = codes[at : at + _PIECE]
            self._pages.take(place, out=found, mode="clip")
            # what has no code is outside or new; outside of all pages it is outside for sure
            maybe = np.flatnonzero((found == 0) & (place >= _PAGE))
            if len(maybe):
                maybe = maybe[self.nets.contains(some.take(maybe))]
            if len(maybe):
                if not self._enter(some.take(maybe)):
                    return None
                found[maybe] = self._pages.take(place.take(maybe))
        return codes

    def wide(self, addresses: Array) -> NDArray[np.uint32] | None:
        """The codes of addresses (``ADDRESS``, IPv4 mapped or not); as ``narrow``, but slow for each IPv6 host."""
        codes = np.zeros(len(addresses), np.uint32)
        mapped = (addresses["high"] == 0) & (addresses["low"] >> np.uint64(32) == 0xFFFF)
        four = np.flatnonzero(mapped)
        if len(four):
            narrow = self.narrow((addresses["low"].take(four) - np.uint64(IPV4_MAPPED)).astype(np.uint32))
            if narrow is None:
                return None
            codes[four] = narrow
        six = np.flatnonzero(~mapped)
        inside = six[self.nets.contains(addresses.take(six))]
        keys = [_key(address) for address in addresses.take(inside)]
        fresh = list(dict.fromkeys(key for key in keys if key not in self._wide))
        if fresh:
            begin = self._add(np.array(fresh, ADDRESS))
            if begin is None:
                return None
            self._wide.update((key, code) for code, key in enumerate(fresh, begin))
        codes[inside] = [self._wide[key] for key in keys]
        return codes

    def _place(self, addresses: NDArray[np.uint32]) -> NDArray[np.uint32]:
        place: NDArray[np.uint32] = self._directory.take(addresses >> _PAGE_BITS)
        place |= addresses & _WITHIN
        return place

    def _enter(self, addresses: NDArray[np.uint32]) -> bool:
        """Give codes to new hosts, which may come several times; false when there are too many."""
        fresh = np.sort(addresses)
        first = np.ones(len(fresh), np.bool_)
        first[1:] = fresh[1:] != fresh[:-1]
        fresh = fresh[first]
        hosts = np.zeros(len(fresh), ADDRESS)
        hosts["low"] = fresh.astype(np.uint64) + np.uint64(IPV4_MAPPED)
        begin = self._add(hosts)
        if begin is None:
            return False
        self._pages[self._place(fresh)] = np.arange(begin, begin + len(fresh), dtype=np.uint32)
        return True

    def _add(self, hosts: Array) -> int | None:
        """Append hosts to the table; the code of the first."""
        first = len(self.hosts) + 1
        if len(self.hosts) + len(hosts) > MOST_HOSTS:
            return None
        self.hosts = np.concatenate((self.hosts, hosts))
        return first


def _key(address: Any) -> tuple[int, int]:
    return int(address["high"]), int(address["low"])
