"""Address blocks with a purpose: documentation, private use, and what IANA's registries set apart."""

from __future__ import annotations

from functools import cache
from typing import Final

from flowrules.lint.domains import Hosts, hosts, hosts_of
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import parse_cidr

PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""Addresses of somebody's own network (RFC 1918, RFC 6598, RFC 4193)."""

DOCUMENTATION: Final = (
    "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "233.252.0.0/24", "2001:db8::/32", "3fff::/20",
)  # fmt: skip
"""Addresses for examples (RFC 5737, RFC 6676, RFC 3849, RFC 9637)."""

SPECIAL: Final = (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "::/128", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "2620:4f:8000::/48",
    "5f00::/16", "fe80::/10", "ff00::/8",
)  # fmt: skip
"""Other blocks of IANA's special-purpose registries, and multicast: they name no network of anybody's."""


@cache
def _ranges(texts: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """First and last address of each block."""
    found = []
    for text in texts:
        first, length = parse_cidr(text)
        found.append((first, first + (1 << 128 - length) - 1))
    return tuple(found)


@cache
def _blocks(texts: tuple[str, ...]) -> Hosts:
    """The addresses of some blocks."""
    return hosts(_ranges(texts))


@cache
def _others(texts: tuple[str, ...]) -> Hosts:
    """All other addresses."""
    return ~_blocks(texts)


def purpose(first: int, last: int) -> str:
    """What a range of addresses is: ``documentation``, ``private``, ``special`` or ``public``."""
    one = hosts([(first, last)])
    for name, texts in (("documentation", DOCUMENTATION), ("special", SPECIAL), ("private", PRIVATE)):
        if not one.meets(_others(texts)):
            return name
    if one.meets(_blocks(PRIVATE)) and last - first < 1 << 24:
        return "private"
    return "public"


@cache
def _registered() -> frozenset[tuple[int, int]]:
    return frozenset(_ranges((*PRIVATE, *DOCUMENTATION, *SPECIAL, "0.0.0.0/0", "::/0")))


def is_registered_block(first: int, last: int) -> bool:
    """Whether a range is exactly one block of the registries (or everything): such a line reveals nobody."""
    return (first, last) in _registered()


def is_own_network(addresses: AddressSet) -> bool:
    """Whether a list can only be somebody's own network: private blocks, and not all of them.

    A list of every private block, or one with other unroutable blocks in it, tests for packets that should not be there.
    """
    own = hosts_of(addresses)
    if not own or own.meets(_others(PRIVATE)):
        return False
    return _blocks(PRIVATE[:3]).meets(~own)
