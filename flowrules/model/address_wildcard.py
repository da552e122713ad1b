"""SiLK address wildcards: every part of an address given as a list of numbers and ranges, or ``x``.

``10.1.x.x``, ``10.2.3-9.x``, ``192.168.0-63,200.1-100``, ``2001:db8:a:x::x:x``; see ``--saddress`` in
rwfilter(1).
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.model.address_text import AddressError
from flowrules.model.fields import ADDRESS, IPV4_MAPPED
from flowrules.model.structural import Structural

Intervals = tuple[tuple[int, int], ...]

MOST_RANGES: Final = 1 << 16
"""A wildcard that stands for more ranges than this is matched part by part, never expanded."""

_MAPPED_PARTS: Final[tuple[Intervals, ...]] = (((0, 0),),) * 5 + (((0xFFFF, 0xFFFF),),)


@frozen(eq=False, repr=False)
class Wildcard(Structural):
    """An address pattern: the numbers that each part may have.

    ``parts`` are the sorted, disjoint intervals (both ends in) of the four octets of an IPv4 wildcard
    or of the eight 16-bit groups of an IPv6 one.  ``text`` is as it was written.  An IPv4 wildcard
    matches IPv4-mapped addresses as well, since they are one number.
    """

    parts: tuple[Intervals, ...] = field(repr=False)
    text: str = field(eq=False)

    @property
    def bits(self) -> int:
        """How many bits a part has: 8 (IPv4) or 16 (IPv6)."""
        return 8 if len(self.parts) == 4 else 16

    @property
    def range_count(self) -> int:
        """How many ranges of consecutive addresses the wildcard stands for."""
        free = self._free_parts
        leading = self.parts[: len(self.parts) - free]
        if not leading:
            return 1
        counts = (sum(last - first + 1 for first, last in part) for part in leading[:-1])
        return math.prod(counts) * len(leading[-1])

    @property
    def count(self) -> int:
        """How many addresses match."""
        return math.prod(sum(last - first + 1 for first, last in part) for part in self.parts)

    @property
    def _free_parts(self) -> int:
        """How many parts at the end allow every number."""
        everything = ((0, (1 << self.bits) - 1),)
        return len(list(itertools.takewhile(lambda part: part == everything, reversed(self.parts))))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The ranges, ascending, as pairs of 128-bit addresses, both in the range."""
        bits, base = self.bits, IPV4_MAPPED if len(self.parts) == 4 else 0
        free = self._free_parts
        leading = self.parts[: len(self.parts) - free]
        tail = (1 << bits * free) - 1
        if not leading:
            yield base, base + tail
            return
        numbers = [
            [number for first, last in part for number in range(first, last + 1)] for part in leading[:-1]
        ]
        for head in itertools.product(*numbers):
            prefix = 0
            for number in head:
                prefix = prefix << bits | number
            for first, last in leading[-1]:
                low = (prefix << bits | first) << bits * free
                high = (prefix << bits | last) << bits * free
                yield base + low, base + high + tail

    def __contains__(self, address: int) -> bool:
        bits, parts = self.bits, self._parts_of(address)
        if parts is None:
            return False
        return all(
            any(first <= number <= last for first, last in part)
            for number, part in zip(
                (parts >> shift & (1 << bits) - 1 for shift in self._shifts), self.parts, strict=True
            )
        )

    def _parts_of(self, address: int) -> int | None:
        """The bits of ``address`` that the parts speak of; ``None`` where it is of the other version."""
        if len(self.parts) == 8:
            return address
        return address & 0xFFFFFFFF if address >> 32 == 0xFFFF else None

    @property
    def _shifts(self) -> range:
        bits = self.bits
        return range(bits * (len(self.parts) - 1), -1, -bits)

    @cached_property
    def _tables(self) -> list[NDArray[np.bool_] | None]:
        """For each part, which of its numbers match; ``None`` where all do."""
        tables: list[NDArray[np.bool_] | None] = []
        size = 1 << self.bits
        for part in self.parts:
            table = np.zeros(size, np.bool_)
            for first, last in part:
                table[first : last + 1] = True
            tables.append(None if table.all() else table)
        return tables

    def matches(self, addresses: NDArray[Any]) -> NDArray[np.bool_]:
        """Which addresses match: bool array as long as ``addresses`` (``uint32`` or ``ADDRESS``)."""
        if addresses.dtype == ADDRESS:
            return self._match_wide(addresses["high"], addresses["low"])
        if len(self.parts) == 4:
            return _match_parts(addresses, self._tables, 8)
        if not all(
            any(first <= number <= last for first, last in part)
            for part, ((number, _),) in zip(self.parts[:6], _MAPPED_PARTS, strict=True)
        ):
            return np.zeros(len(addresses), np.bool_)
        return _match_parts(addresses, self._tables[6:], 16)

    def _match_wide(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bool_]:
        if len(self.parts) == 4:
            mapped: NDArray[np.bool_] = (high == 0) & (low >> np.uint64(32) == 0xFFFF)
            return mapped & _match_parts(low.astype(np.uint32), self._tables, 8)
        return _match_parts(high, self._tables[:4], 16) & _match_parts(low, self._tables[4:], 16)


def _match_parts(words: NDArray[Any], tables: list[NDArray[np.bool_] | None], bits: int) -> NDArray[np.bool_]:
    """Which ``words`` have, in each of their parts of ``bits`` bits, a number that its table allows."""
    out = np.ones(len(words), np.bool_)
    kind = words.dtype.type
    for place, table in enumerate(tables):
        if table is not None:
            shift = bits * (len(tables) - 1 - place)
            out &= table.take(words >> kind(shift) & kind((1 << bits) - 1))
    return out


def parse_wildcard(text: str) -> Wildcard:
    """A wildcard (one address is one too).  Raises ``AddressError``."""
    if "/" in text:
        raise AddressError(
            f"'{text}' has both a pattern and a prefix length", "write x for the parts that may be anything"
        )
    if ":" in text:
        return Wildcard(_parse_groups(text), text)
    return Wildcard(_parse_octets(text, text), text)


def _parse_octets(quad: str, text: str) -> tuple[Intervals, ...]:
    parts = quad.split(".")
    if len(parts) != 4:
        raise AddressError(
            f"'{text}' has {len(parts)} parts, and an IPv4 address has four", "write them all, like 10.1.x.x"
        )
    return tuple(_parse_part(part, 10, 255, text) for part in parts)


def _parse_groups(text: str) -> tuple[Intervals, ...]:
    head, _, tail = text.rpartition(":")
    quad: tuple[Intervals, ...] = ()
    if "." in tail:
        octets = _parse_octets(tail, text)
        quad = (_pair(octets[0], octets[1], text), _pair(octets[2], octets[3], text))
        text_groups = head if not head.endswith(":") else head + ":"
        # '::1.2.3.4' leaves ':' and 'a::1.2.3.4' leaves 'a:'; both still shorten a run of zeros
    else:
        text_groups = text
    if text_groups.count("::") > 1 or ":::" in text_groups:
        raise AddressError(f"'{text}' has '::' twice", "an IPv6 address shortens only one run of zeros")
    before, shortened, after = text_groups.partition("::")
    left = before.split(":") if before else []
    right = after.split(":") if after else []
    missing = 8 - len(left) - len(right) - len(quad)
    if missing < 0 or (missing == 0) == bool(shortened):
        found = len(left) + len(right) + len(quad)
        raise AddressError(
            f"'{text}' has {found} groups, and an IPv6 address has eight",
            "shorten a run of zeros with '::'" if found < 8 else "",
        )
    parsed = [_parse_part(group, 16, 0xFFFF, text) for group in (*left, *["0"] * missing, *right)]
    return (*parsed, *quad)


def _pair(first: Intervals, second: Intervals, text: str) -> Intervals:
    """Two octets as one 16-bit group."""
    if second == ((0, 255),):
        return _merge([(low << 8, high << 8 | 255) for low, high in first])
    if sum(high - low + 1 for low, high in first) * len(second) > 65536:
        raise AddressError(f"'{text}' has too many ranges in its last parts")
    return _merge(
        [
            (number << 8 | begin, number << 8 | end)
            for low, high in first
            for number in range(low, high + 1)
            for begin, end in second
        ]
    )


def _parse_part(part: str, base: int, highest: int, text: str) -> Intervals:
    if part in ("x", "X"):
        return ((0, highest),)
    if not part:
        raise AddressError(f"'{text}' has an empty part", "write x for a part that may be anything")
    intervals = []
    for item in part.split(","):
        first, dash, last = item.partition("-")
        low = _parse_number(first, base, highest, text)
        high = _parse_number(last, base, highest, text) if dash else low
        if low > high:
            raise AddressError(f"'{item}' in '{text}' ends before it begins", f"write {last}-{first}")
        intervals.append((low, high))
    return _merge(intervals)


def _parse_number(digits: str, base: int, highest: int, text: str) -> int:
    pattern = r"[0-9]{1,6}" if base == 10 else r"[0-9A-Fa-f]{1,4}"
    if not re.fullmatch(pattern, digits):
        kind = "a number from 0 to 255" if base == 10 else "one to four hexadecimal digits"
        raise AddressError(f"'{digits}' in '{text}' is not {kind}", "x stands for any")
    number = int(digits, base)
    if number > highest:
        raise AddressError(f"{digits} in '{text}' is above {highest}")
    return number


def _merge(intervals: list[tuple[int, int]]) -> Intervals:
    out: list[tuple[int, int]] = []
    for first, last in sorted(intervals):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return tuple(out)


def looks_like_wildcard(text: str) -> bool:
    """Whether ``text`` is written as a wildcard: an ``x``, a list, or a range within a part."""
    if "x" in text or "X" in text or "," in text:
        return True
    head, dash, tail = text.partition("-")
    return bool(dash) and ("." in text or ":" in text) and not (_is_whole(head) and _is_whole(tail))


def _is_whole(text: str) -> bool:
    """Whether ``text`` has the outline of a whole address, right or wrong."""
    return text.count(".") == 3 or "::" in text or text.count(":") == 7
