"""Sets of addresses: sorted disjoint ranges, with exact algebra and fast membership."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.model import address_ranges as runs
from flowrules.model.address_blocks import ipv4_blocks, range_blocks
from flowrules.model.address_index import FewRanges, Pages, WideRanges, index_ipv4
from flowrules.model.address_text import HIGHEST, IPV4_HIGHEST, AddressError, format_address
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

Addresses = NDArray[Any]
"""An address array: ``uint32`` (IPv4) or ``ADDRESS``."""

MOST_MASKED: Final = 1 << 24
"""``mask`` refuses to make more addresses than this."""

_LOW: Final = 0xFFFFFFFFFFFFFFFF


def _ipv4_ends(array: Any) -> NDArray[np.uint32]:
    ends: NDArray[np.uint32] = np.ascontiguousarray(array, np.uint32).view()
    ends.flags.writeable = False
    return ends


def _ipv6_ends(array: Any) -> Addresses:
    ends: Addresses = np.ascontiguousarray(array, ADDRESS).view()
    ends.flags.writeable = False
    return ends


_NONE: Final = np.empty(0, np.uint32)
_NONE_WIDE: Final = np.empty(0, ADDRESS)


@frozen(eq=False, repr=False)
class AddressSet:
    """An immutable set of IPv4 and IPv6 addresses.

    ``v4_first`` and ``v4_last`` (uint32) are the ends, both in, of the IPv4 ranges; ``v6_first`` and
    ``v6_last`` (``ADDRESS``) those of the ranges outside ``::ffff:0:0/96``.  All are sorted, and no two
    ranges of one array touch.  Make one with ``from_ranges`` or ``from_addresses``.  An IPv4 address and
    its mapped form are the same member.  Memory and time grow with the number of ranges, never with
    the number of addresses.
    """

    v4_first: NDArray[np.uint32] = field(default=_NONE, converter=_ipv4_ends)
    v4_last: NDArray[np.uint32] = field(default=_NONE, converter=_ipv4_ends)
    v6_first: Addresses = field(default=_NONE_WIDE, converter=_ipv6_ends)
    v6_last: Addresses = field(default=_NONE_WIDE, converter=_ipv6_ends)

    # ------------------------------------------------------------ making

    @classmethod
    def from_ranges(cls, ranges: Iterable[tuple[int, int]]) -> AddressSet:
        """The set of ``(first, last)`` pairs of 128-bit addresses, in any order; they may overlap.

        Raises ``ValueError`` where a pair ends before it begins or leaves the 128 bits.
        """
        v4: list[tuple[int, int]] = []
        wide: list[tuple[int, int]] = []
        for first, last in ranges:
            if first > last or first < 0 or last > HIGHEST:
                raise ValueError(f"no range of addresses goes from {first} to {last}")
            if first < IPV4_MAPPED:
                wide.append((first, min(last, IPV4_MAPPED - 1)))
            if last > IPV4_HIGHEST:
                wide.append((max(first, IPV4_HIGHEST + 1), last))
            if first <= IPV4_HIGHEST and last >= IPV4_MAPPED:
                v4.append((max(first, IPV4_MAPPED) - IPV4_MAPPED, min(last, IPV4_HIGHEST) - IPV4_MAPPED))
        ends = np.array(v4, np.int64).reshape(-1, 2)
        narrow = runs.merge(ends[:, 0], ends[:, 1] + 1)
        if not wide:
            return cls(narrow[0], narrow[1] - 1)
        halves = np.array(
            [(first >> 64, first & _LOW, last >> 64, last & _LOW) for first, last in wide], np.uint64
        )
        points = runs.points_of(halves[:, 0], halves[:, 1])
        ends_after = runs.after(runs.points_of(halves[:, 2], halves[:, 3]))
        return cls._from_runs(narrow, runs.merge(points, ends_after))

    @classmethod
    def from_range_arrays(cls, first: Addresses, last: Addresses) -> AddressSet:
        """The set of ranges given by two address arrays of one dtype (both ends in), in any order.

        Each ``first`` must be at most its ``last``.  A range of ``ADDRESS`` may cross into
        ``::ffff:0:0/96``.
        """
        if first.dtype != ADDRESS:
            return cls._from_runs(runs.merge(first.astype(np.int64), last.astype(np.int64) + 1), _no_points())
        starts = runs.points_of(first["high"], first["low"])
        stops = runs.after(runs.points_of(last["high"], last["low"]))
        return cls._split(runs.merge(starts, stops))

    @classmethod
    def from_addresses(cls, addresses: Addresses) -> AddressSet:
        """The set of the addresses of an array (``uint32`` or ``ADDRESS``), in any order, repeated or not."""
        if addresses.dtype == ADDRESS:
            mapped = (addresses["high"] == 0) & (addresses["low"] >> np.uint64(32) == 0xFFFF)
            points = runs.points_of(addresses["high"][~mapped], addresses["low"][~mapped])
            points = points[runs.order(points)]
            keep = np.ones(len(points), np.bool_)
            keep[1:] = points[1:] != points[:-1]
            points = points[keep]
            v4 = cls.from_addresses(addresses["low"][mapped].astype(np.uint32))
            return cls._from_runs(v4._v4_runs, runs.merge(points, runs.after(points)))
        ordered = np.sort(addresses.astype(np.uint32, copy=False))
        if not len(ordered):
            return cls()
        breaks = np.flatnonzero(ordered[1:] - ordered[:-1] > 1)
        first = np.concatenate((ordered[:1], ordered[breaks + 1]))
        last = np.concatenate((ordered[breaks], ordered[-1:]))
        return cls(first, last)

    @classmethod
    def _from_runs(cls, v4: runs.Runs, v6: runs.Runs) -> AddressSet:
        """From run lists (int64, and ``POINT`` without ``::ffff:0:0/96``)."""
        return cls(v4[0], v4[1] - 1, _addresses_of(v6[0]), _addresses_of(runs.before(v6[1])))

    @classmethod
    def _split(cls, wide: runs.Runs) -> AddressSet:
        """From a ``POINT`` run list that may reach into ``::ffff:0:0/96``."""
        inner = runs.combine(wide, _MAPPED_RUN, np.logical_and)
        outer = runs.combine(wide, _MAPPED_RUN, lambda ours, mapped: ours & ~mapped)
        base = np.int64(IPV4_MAPPED)
        v4 = (inner[0]["low"].astype(np.int64) - base, inner[1]["low"].astype(np.int64) - base)
        return cls._from_runs(v4, outer)

    # ------------------------------------------------------------ what is in it

    @property
    def count(self) -> int:
        """How many addresses are in the set, exactly; up to 2**128."""
        v4 = int((self.v4_last.astype(np.int64) - self.v4_first + 1).sum())
        starts, stops = self._v6_runs
        return v4 + runs.total(stops) - runs.total(starts)

    @property
    def range_count(self) -> int:
        """How many ranges are stored."""
        return len(self.v4_first) + len(self.v6_first)

    @property
    def has_ipv6(self) -> bool:
        """Whether some member is not an IPv4 address: what makes SiLK call it an IPv6 set."""
        return len(self.v6_first) > 0

    def __bool__(self) -> bool:
        return self.range_count > 0

    def contains(self, addresses: Addresses) -> NDArray[np.bool_]:
        """Which addresses are members: bool array as long as ``addresses`` (``uint32`` or ``ADDRESS``)."""
        if addresses.dtype != ADDRESS:
            return self.ipv4_index.probe(addresses)
        high, low = addresses["high"], addresses["low"]
        mapped = np.flatnonzero((high == 0) & (low >> np.uint64(32) == 0xFFFF))
        out = self._v6_index.probe(high, low)
        if len(mapped) and len(self.v4_first):
            out[mapped] = self.ipv4_index.probe(low.take(mapped).astype(np.uint32))
        return out

    def __contains__(self, address: int) -> bool:
        if address >> 32 == 0xFFFF:
            value = np.uint32(address & 0xFFFFFFFF)
            at = int(np.searchsorted(self.v4_first, value, "right")) - 1
            return at >= 0 and bool(value <= self.v4_last[at])
        one = np.array([address >> 64], np.uint64), np.array([address & _LOW], np.uint64)
        return bool(self._v6_index.probe(*one)[0])

    @cached_property
    def ipv4_index(self) -> FewRanges | Pages:
        """What IPv4 addresses are looked up in."""
        return index_ipv4(self.v4_first, self.v4_last)

    @cached_property
    def _v6_index(self) -> WideRanges:
        first, last = self.v6_first, self.v6_last
        return WideRanges(*(np.ascontiguousarray(a[half]) for a in (first, last) for half in ("high", "low")))

    @property
    def _v4_runs(self) -> runs.Runs:
        return self.v4_first.astype(np.int64), self.v4_last.astype(np.int64) + 1

    @property
    def _v6_runs(self) -> runs.Runs:
        first, last = self.v6_first, self.v6_last
        return runs.points_of(first["high"], first["low"]), runs.after(
            runs.points_of(last["high"], last["low"])
        )

    # ------------------------------------------------------------ algebra

    def __or__(self, other: AddressSet) -> AddressSet:
        return self._combine(other, np.logical_or)

    def __and__(self, other: AddressSet) -> AddressSet:
        return self._combine(other, np.logical_and)

    def __sub__(self, other: AddressSet) -> AddressSet:
        return self._combine(other, lambda ours, theirs: ours & ~theirs)

    def __xor__(self, other: AddressSet) -> AddressSet:
        return self._combine(other, np.logical_xor)

    def _combine(self, other: AddressSet, member: Callable[[Any, Any], Any]) -> AddressSet:
        if not isinstance(other, AddressSet):
            return NotImplemented
        if member is np.logical_or and 0 in (self.range_count, other.range_count):
            return self if self.range_count else other
        return self._from_runs(
            runs.combine(self._v4_runs, other._v4_runs, member),
            runs.combine(self._v6_runs, other._v6_runs, member),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddressSet):
            return NotImplemented
        return self is other or (self.range_count == other.range_count and self._key == other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[bytes, ...]:
        return tuple(a.tobytes() for a in (self.v4_first, self.v4_last, self.v6_first, self.v6_last))

    def __le__(self, other: AddressSet) -> bool:
        return not self - other

    # ------------------------------------------------------------ walking through it

    def pieces(self) -> Iterator[tuple[int, int]]:
        """The stored ranges in address order: IPv4 ranges stand apart from their IPv6 neighbours."""
        below, above = self._v6_sides()
        yield from below
        for first, last in zip(self.v4_first.tolist(), self.v4_last.tolist(), strict=True):
            yield IPV4_MAPPED + first, IPV4_MAPPED + last
        yield from above

    def _v6_sides(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The ranges below ``::ffff:0:0/96`` and those above it."""
        wide = list(zip(_integers(self.v6_first), _integers(self.v6_last), strict=True))
        below = sum(first < IPV4_MAPPED for first, _ in wide)
        return wide[:below], wide[below:]

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The ranges of consecutive 128-bit members, ascending, both ends in, as long as can be."""
        held: tuple[int, int] | None = None
        for first, last in self.pieces():
            if held is not None and held[1] + 1 == first:
                held = held[0], last
                continue
            if held is not None:
                yield held
            held = first, last
        if held is not None:
            yield held

    __iter__ = None  # a set may have 2**128 members: say ranges(), cidrs() or addresses()

    def cidrs(self) -> Iterator[tuple[int, int]]:
        """The fewest blocks that make up the set, ascending: first address and 128-bit prefix length.

        No block mixes IPv4 and other addresses.
        """
        below, above = self._v6_sides()
        for first, last in below:
            yield from range_blocks(first, last)
        starts, lengths = ipv4_blocks(self.v4_first, self.v4_last)
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            yield IPV4_MAPPED + start, 96 + length
        for first, last in above:
            yield from range_blocks(first, last)

    def addresses(self) -> Iterator[int]:
        """Every member, ascending, one at a time."""
        for first, last in self.pieces():
            yield from range(first, last + 1)

    def address_chunks(self, most: int = 1 << 18) -> Iterator[Addresses]:
        """Every member, ascending, in address arrays of at most ``most``: ``uint32`` for IPv4 members."""
        below, above = self._v6_sides()
        yield from _wide_chunks(below, most)
        starts, stops = self._v4_runs
        while len(starts):
            taken = int(np.searchsorted(np.cumsum(stops - starts), most, "right"))
            if taken == 0:
                begin, end = int(starts[0]), int(stops[0])
                for at in range(begin, end, most):
                    yield np.arange(at, min(at + most, end), dtype=np.uint32)
                taken = 1
            else:
                yield runs.expand(starts[:taken], stops[:taken]).astype(np.uint32)
            starts, stops = starts[taken:], stops[taken:]
        yield from _wide_chunks(above, most)

    # ------------------------------------------------------------ blocks

    def fill(self, v4_prefix: int, v6_prefix: int) -> AddressSet:
        """The set of all addresses of every block that has a member.

        Blocks are ``/v4_prefix`` (0 to 32) for IPv4 members and ``/v6_prefix`` (0 to 128) for others.
        """
        _check_prefixes(v4_prefix, v6_prefix)
        bits4, bits6 = 32 - v4_prefix, 128 - v6_prefix
        ones = np.int64((1 << bits4) - 1)
        starts, stops = self._v4_runs
        v4 = self._from_runs(runs.merge(starts & ~ones, (stops - 1 | ones) + 1), _no_points())
        if not self.has_ipv6:
            return v4
        first, last = self._v6_blocks(bits6)
        starts = runs.shift_up(first, bits6)
        stops = runs.after(runs.fill_below(runs.shift_up(last, bits6), bits6))
        return v4 | self._split(runs.merge(starts, stops))

    def mask(self, v4_prefix: int, v6_prefix: int) -> AddressSet:
        """The lowest address of every block that has a member, as ``rwsettool --mask`` gives it.

        Raises ``AddressError`` where those would be more than ``MOST_MASKED``.
        """
        _check_prefixes(v4_prefix, v6_prefix)
        counts = zip(self.block_counts(v4_prefix, v6_prefix), (v4_prefix, v6_prefix), (32, 128), strict=True)
        wanted = sum(count for count, prefix, whole in counts if prefix < whole)
        if wanted > MOST_MASKED:
            raise AddressError(
                f"the set occupies {wanted} blocks of /{v4_prefix} and /{v6_prefix}, too many to list one by one",
                "mask with a shorter prefix",
            )
        bits4, bits6 = 32 - v4_prefix, 128 - v6_prefix
        out = AddressSet(self.v4_first, self.v4_last)
        if bits4:
            starts, stops = self._v4_runs
            numbers = runs.expand(*runs.merge(starts >> bits4, (stops - 1 >> bits4) + 1))
            out = AddressSet.from_addresses((numbers << bits4).astype(np.uint32))
        if not self.has_ipv6:
            return out
        if not bits6:
            return out | AddressSet(v6_first=self.v6_first, v6_last=self.v6_last)
        first, last = self._v6_blocks(bits6)
        bases: list[int] = []
        for low, high in zip(_integers(first), _integers(last), strict=True):
            bases.extend(number << bits6 for number in range(low, high + 1))
        return out | AddressSet.from_ranges((base, base) for base in bases)

    def blocks(self, v4_prefix: int, v6_prefix: int) -> Iterator[tuple[int, int]]:
        """Every block that has a member, ascending: first address and 128-bit prefix length."""
        masked = self.mask(v4_prefix, v6_prefix)
        for address in masked.addresses():
            yield address, v4_prefix + 96 if address >> 32 == 0xFFFF else v6_prefix

    def block_counts(self, v4_prefix: int, v6_prefix: int) -> tuple[int, int]:
        """How many blocks have an IPv4 member, and how many have another, exactly."""
        _check_prefixes(v4_prefix, v6_prefix)
        bits = 32 - v4_prefix
        starts, stops = self._v4_runs
        begin, end = runs.merge(starts >> bits, (stops - 1 >> bits) + 1)
        first, last = self._v6_blocks(128 - v6_prefix)
        wide = runs.merge(first, runs.after(last))
        return runs.total(end) - runs.total(begin), runs.total(wide[1]) - runs.total(wide[0])

    def _v6_blocks(self, bits: int) -> runs.Runs:
        """The first and the last block number, ``bits`` low bits cut off, of each IPv6 range."""
        first, last = self.v6_first, self.v6_last
        return (
            runs.shift_down(runs.points_of(first["high"], first["low"]), bits),
            runs.shift_down(runs.points_of(last["high"], last["low"]), bits),
        )

    def __repr__(self) -> str:
        shown: list[str] = []
        for first, last in self.pieces():
            if len(shown) == 4:
                shown.append("…")
                break
            text = format_address(first)
            shown.append(text if first == last else f"{text}-{format_address(last)}")
        return f"AddressSet({', '.join(shown)})"


def _check_prefixes(v4_prefix: int, v6_prefix: int) -> None:
    if not (0 <= v4_prefix <= 32 and 0 <= v6_prefix <= 128):
        raise ValueError(f"no block has prefix length {v4_prefix} (IPv4) or {v6_prefix} (IPv6)")


def _no_points() -> runs.Runs:
    return np.empty(0, runs.POINT), np.empty(0, runs.POINT)


def _point(value: int) -> NDArray[Any]:
    return np.array([(value >> 128, value >> 64 & _LOW, value & _LOW)], runs.POINT)


_MAPPED_RUN: Final = _point(IPV4_MAPPED), _point(IPV4_HIGHEST + 1)


def _addresses_of(points: NDArray[Any]) -> Addresses:
    out = np.empty(len(points), ADDRESS)
    out["high"], out["low"] = points["high"], points["low"]
    return out


def _integers(addresses: Addresses) -> list[int]:
    """``ADDRESS`` or ``POINT`` elements as Python integers."""
    pairs = zip(addresses["high"].tolist(), addresses["low"].tolist(), strict=True)
    return [high << 64 | low for high, low in pairs]


def _wide_chunks(ranges: list[tuple[int, int]], most: int) -> Iterator[Addresses]:
    held: list[int] = []
    for first, last in ranges:
        at = first
        while at <= last:
            end = min(last + 1, at + most - len(held))
            held.extend(range(at, end))
            at = end
            if len(held) == most:
                yield _wide_array(held)
                held = []
    if held:
        yield _wide_array(held)


def _wide_array(values: list[int]) -> Addresses:
    out = np.empty(len(values), ADDRESS)
    out["high"] = [value >> 64 for value in values]
    out["low"] = [value & _LOW for value in values]
    return out
