"""Addresses, blocks, ranges and wildcards: from the text that people write to numbers."""

from __future__ import annotations

from flowrules.model.address_text import parse_address, parse_cidr, parse_range
from flowrules.model.address_wildcard import MOST_RANGES, Wildcard, looks_like_wildcard, parse_wildcard

Range = tuple[int, int]
"""The first and the last address, both in it, as 128-bit numbers."""


def parse_addresses(text: str) -> tuple[Range, ...] | Wildcard:
    """Whatever stands for addresses, as ranges: an address, a block, ``a-b`` or a wildcard.

    A wildcard of more than ``MOST_RANGES`` ranges comes back as a ``Wildcard``, to be matched and not
    expanded.  Raises ``AddressError``.
    """
    if text.isascii() and text.replace(".", "").isdigit():
        # an IPv4 address, by far the most frequent line of a list
        value = parse_address(text)
        return ((value, value),)
    if looks_like_wildcard(text):
        wildcard = parse_wildcard(text)
        return wildcard if wildcard.range_count > MOST_RANGES else tuple(wildcard.ranges())
    if "-" in text:
        return (parse_range(text),)
    first, length = parse_cidr(text)
    return ((first, first + (1 << 128 - length) - 1),)
