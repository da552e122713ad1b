"""Sets of values that a field, measure or label can have: the algebra that proofs are made with.

Every class here is an immutable set within a universe, with ``&``, ``~`` (within the universe) and truth
(false: empty).  A ``Domain`` adds whether the value may be unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from flowrules.model.address_set import AddressSet

Cut: TypeAlias = Any
"""A place between values: of whole numbers the number before which it lies, of others ``(value, side)``
with side 0 just before the value and 1 just behind it."""

INFINITE: Final = math.inf


@frozen
class Numbers:
    """Numbers as stretches between cuts, sorted, disjoint, none empty; ``whole`` says that all are integers.

    ``universe`` is the stretch that ``~`` stays within.
    """

    stretches: tuple[tuple[Cut, Cut], ...]
    universe: tuple[Cut, Cut]
    whole: bool = True

    def __bool__(self) -> bool:
        return bool(self.stretches)

    def __and__(self, other: Numbers) -> Numbers:
        common = _common(self.stretches, other.stretches)
        if common is self.stretches:
            return self
        return Numbers(common, self.universe, self.whole)

    def fills(self, universe: Numbers) -> bool:
        """Whether a part of the universe is all of it."""
        return self.stretches == universe.stretches

    def meets(self, other: Numbers) -> bool:
        """Whether some number is in both."""
        return next(_overlaps(self.stretches, other.stretches), None) is not None

    def __invert__(self) -> Numbers:
        return Numbers(_between(self.stretches, self.universe), self.universe, self.whole)

    def __or__(self, other: Numbers) -> Numbers:
        return Numbers(_joined((*self.stretches, *other.stretches)), self.universe, self.whole)

    @property
    def full(self) -> bool:
        """Whether it is the whole universe."""
        return self.stretches == (self.universe,)

    @property
    def count(self) -> float:
        """How many numbers there are; infinite where they are not whole, unless it is one point each."""
        if self.whole:
            return int(sum(high - low for low, high in self.stretches))
        if all(low[0] == high[0] for low, high in self.stretches):
            return len(self.stretches)
        return INFINITE

    @property
    def least(self) -> Any:
        """The least number, or the bound that is just not in; ``-inf`` where there is none."""
        low = self.stretches[0][0]
        return low if self.whole else low[0]

    @property
    def greatest(self) -> Any:
        """The greatest number, or the bound that is just not in; ``inf`` where there is none."""
        high = self.stretches[-1][1]
        return high - 1 if self.whole else high[0]

    def __contains__(self, value: Any) -> bool:
        if self.whole:
            return any(low <= value < high for low, high in self.stretches)
        return any(low <= (value, 0) and (value, 1) <= high for low, high in self.stretches)

    def between(self, low: Any, high: Any) -> Numbers:
        """Those from ``low`` to ``high``, both in; ``None`` is no bound."""
        first, last = self.universe
        if self.whole:
            a = first if low is None or low == -INFINITE else math.ceil(low)
            b = last if high is None or high == INFINITE else math.floor(high) + 1
        else:
            a = first if low is None else (low, 0)
            b = last if high is None else (high, 1)
        if a >= b:
            return Numbers((), self.universe, self.whole)
        return self & Numbers(((a, b),), self.universe, self.whole)

    def edges(self) -> Iterator[Any]:
        """Numbers of it worth trying: the ends of each stretch, or near them."""
        for low, high in self.stretches:
            if self.whole:
                yield low
                if high - 1 != low:
                    yield high - 1
                    yield low + 1
                continue
            yield from _real_edges(low, high)


def _real_edges(low: Cut, high: Cut) -> Iterator[Fraction]:
    a, b = low[0], high[0]
    if a == -INFINITE and b == INFINITE:
        yield Fraction(0)
        return
    if a == -INFINITE:
        yield Fraction(b) - (1 - high[1])
        return
    if low[1] == 0:
        yield Fraction(a)
    if b == INFINITE:
        yield Fraction(a) + 1
        return
    if high[1] == 1:
        yield Fraction(b)
    yield (Fraction(a) + Fraction(b)) / 2


Stretches: TypeAlias = tuple[tuple[Cut, Cut], ...]


def _common(mine: Stretches, theirs: Stretches) -> Stretches:
    """What is in both; ``mine`` itself where all of it is."""
    if mine == theirs or not mine:
        return mine
    if len(theirs) == 1:
        low, high = theirs[0]
        if low <= mine[0][0] and mine[-1][1] <= high:
            return mine
    return tuple(_overlaps(mine, theirs))


def _overlaps(mine: Stretches, theirs: Stretches) -> Iterator[tuple[Cut, Cut]]:
    i = j = 0
    while i < len(mine) and j < len(theirs):
        (a, b), (c, d) = mine[i], theirs[j]
        low, high = c if a < c else a, d if d < b else b
        if low < high:
            yield low, high
        if b <= d:
            i += 1
        else:
            j += 1


def _between(stretches: Stretches, universe: tuple[Cut, Cut]) -> Stretches:
    """What of the universe lies outside of the stretches."""
    out: list[tuple[Cut, Cut]] = []
    at, end = universe
    for low, high in stretches:
        if at < low:
            out.append((at, low if low < end else end))
        if at < high:
            at = high
    if at < end:
        out.append((at, end))
    return tuple(out)


def _joined(stretches: Iterable[tuple[Cut, Cut]]) -> Stretches:
    out: list[tuple[Cut, Cut]] = []
    for low, high in sorted(stretches):
        if out and low <= out[-1][1]:
            if high > out[-1][1]:
                out[-1] = (out[-1][0], high)
        else:
            out.append((low, high))
    return tuple(out)


@cache
def whole_numbers(low: int, high: int) -> Numbers:
    """The integers from ``low`` to ``high``, both in, as a universe."""
    stretch = (low, high + 1)
    return Numbers((stretch,), stretch, True)


@cache
def real_numbers(low: Fraction | None = None, high: Fraction | None = None) -> Numbers:
    """The numbers from ``low`` to ``high``, both in, as a universe; ``None`` is no bound."""
    stretch = (
        (-INFINITE, 0) if low is None else (low, 0),
        (INFINITE, 0) if high is None else (high, 1),
    )
    return Numbers((stretch,), stretch, False)


def compared(universe: Numbers, op: str, value: int | Fraction) -> Numbers:
    """The numbers of a universe for which ``x op value`` holds."""
    if op == "!=":
        return ~compared(universe, "=", value)
    first, last = universe.universe
    low, high = first, last
    if universe.whole:
        match op:
            case "=":
                if Fraction(value).denominator != 1:
                    return Numbers((), universe.universe, True)
                low, high = int(value), int(value) + 1
            case "<":
                high = math.ceil(value)
            case "<=":
                high = math.floor(value) + 1
            case ">":
                low = math.floor(value) + 1
            case _:
                low = math.ceil(value)
    else:
        match op:
            case "=":
                low, high = (value, 0), (value, 1)
            case "<":
                high = (value, 0)
            case "<=":
                high = (value, 1)
            case ">":
                low = (value, 1)
            case _:
                low = (value, 0)
    low, high = max(low, first), min(high, last)
    return Numbers(((low, high),) if low < high else (), universe.universe, universe.whole)


def listed(universe: Numbers, ranges: Iterable[tuple[Any, Any]]) -> Numbers:
    """The numbers of a universe within any of some ranges, both ends in."""
    if universe.whole:
        cuts = [(math.ceil(low), math.floor(high) + 1) for low, high in ranges]
    else:
        cuts = [((low, 0), (high, 1)) for low, high in ranges]
    return Numbers(_joined(c for c in cuts if c[0] < c[1]), universe.universe, universe.whole) & universe


@frozen
class Bits:
    """Values of a byte of flags: bit ``v`` of ``members`` says whether the value ``v`` is in."""

    members: int

    def __bool__(self) -> bool:
        return self.members != 0

    def __and__(self, other: Bits) -> Bits:
        return Bits(self.members & other.members)

    def fills(self, universe: Bits) -> bool:
        """Whether a part of the universe is all of it."""
        return self.members == universe.members

    def meets(self, other: Bits) -> bool:
        """Whether some value is in both."""
        return self.members & other.members != 0

    def __or__(self, other: Bits) -> Bits:
        return Bits(self.members | other.members)

    def __invert__(self) -> Bits:
        return Bits(_EVERY_BYTE ^ self.members)

    def __contains__(self, value: int) -> bool:
        return bool(self.members >> value & 1)

    @property
    def full(self) -> bool:
        """Whether every value is in."""
        return self.members == _EVERY_BYTE

    @property
    def count(self) -> float:
        """How many values are in."""
        return self.members.bit_count()

    def values(self) -> Iterator[int]:
        """The values, those with the fewest bits set first."""
        yield from (v for v in _BY_BITS if self.members >> v & 1)

    @property
    def always(self) -> int:
        """The bits that are set in every value."""
        out = 255
        for value in self.values():
            out &= value
        return out

    @property
    def ever(self) -> int:
        """The bits that are set in some value."""
        out = 0
        for value in self.values():
            out |= value
        return out


_EVERY_BYTE: Final = (1 << 256) - 1
_BY_BITS: Final = sorted(range(256), key=lambda v: (v.bit_count(), v))
EVERY_BYTE: Final = Bits(_EVERY_BYTE)


@cache
def masked_bytes(pairs: tuple[tuple[int, int], ...]) -> Bits:
    """The bytes ``v`` with ``v & mask == high`` for any of some pairs ``(high, mask)``."""
    members = 0
    for value in range(256):
        if any(value & mask == high for high, mask in pairs):
            members |= 1 << value
    return Bits(members)


@frozen
class Labels:
    """Labels by name: those listed, or all but those (``others``); ``universe`` where all are known."""

    names: frozenset[str | int]
    others: bool = False
    universe: frozenset[str | int] | None = None

    def __bool__(self) -> bool:
        if not self.others:
            return bool(self.names)
        return self.universe is None or bool(self.universe - self.names)

    def __and__(self, other: Labels) -> Labels:
        universe = self.universe
        match self.others, other.others:
            case False, False:
                return Labels(self.names & other.names, False, universe)
            case False, True:
                return Labels(self.names - other.names, False, universe)
            case True, False:
                return Labels(other.names - self.names, False, universe)
        return Labels(self.names | other.names, True, universe)

    def fills(self, universe: Labels) -> bool:
        """Whether a part of the universe is all of it."""
        return self == universe or not (~self & universe)

    def meets(self, other: Labels) -> bool:
        """Whether some label is in both."""
        return bool(self & other)

    def __invert__(self) -> Labels:
        if self.universe is not None:
            return Labels(self.universe - self.names if not self.others else self.names, False, self.universe)
        return Labels(self.names, not self.others)

    def __or__(self, other: Labels) -> Labels:
        return ~(~self & ~other)

    def __contains__(self, name: object) -> bool:
        return (name in self.names) != self.others

    @property
    def full(self) -> bool:
        """Whether every label of the universe is in."""
        if self.others:
            return not self.names
        return self.universe is not None and self.names >= self.universe

    @property
    def count(self) -> float:
        """How many labels are in."""
        if not self.others:
            return len(self.names)
        return INFINITE if self.universe is None else len(self.universe - self.names)

    def some(self) -> str | int | None:
        """A label that is in; one that nobody has named where all others are."""
        if not self.others:
            return min(self.names, key=str, default=None)
        if self.universe is not None:
            return min(self.universe - self.names, key=str, default=None)
        return next(n for n in ("other", *(f"other{i}" for i in range(1000))) if n not in self.names)


def labels(universe: Iterable[str | int]) -> Labels:
    """All of some labels, as a universe."""
    names = frozenset(universe)
    return Labels(names, False, names)


ANY_LABEL: Final = Labels(frozenset(), True)


@frozen
class Hosts:
    """Addresses as stretches: of each the first, and the one after the last."""

    stretches: tuple[tuple[int, int], ...]

    def __bool__(self) -> bool:
        return bool(self.stretches)

    def __and__(self, other: Hosts) -> Hosts:
        common = _common(self.stretches, other.stretches)
        return self if common is self.stretches else Hosts(common)

    def fills(self, universe: Hosts) -> bool:
        """Whether a part of the universe is all of it."""
        return self.stretches == universe.stretches

    def meets(self, other: Hosts) -> bool:
        """Whether some address is in both."""
        return next(_overlaps(self.stretches, other.stretches), None) is not None

    def __or__(self, other: Hosts) -> Hosts:
        return Hosts(_joined((*self.stretches, *other.stretches)))

    def __invert__(self) -> Hosts:
        return Hosts(_between(self.stretches, _EVERY_ADDRESS))

    def __contains__(self, address: int) -> bool:
        return any(first <= address < stop for first, stop in self.stretches)

    @property
    def full(self) -> bool:
        """Whether every address is in."""
        return self.stretches == (_EVERY_ADDRESS,)

    @property
    def count(self) -> int:
        """How many addresses are in."""
        return sum(stop - first for first, stop in self.stretches)

    @property
    def set(self) -> AddressSet:
        """The same as an address set."""
        from flowrules.model.address_set import AddressSet

        return AddressSet.from_ranges((first, stop - 1) for first, stop in self.stretches)


_EVERY_ADDRESS: Final = (0, 1 << 128)
EVERY_ADDRESS: Final = Hosts((_EVERY_ADDRESS,))


def hosts(ranges: Iterable[tuple[int, int]]) -> Hosts:
    """The addresses in some ranges, both ends in."""
    return Hosts(_joined((first, last + 1) for first, last in ranges))


def hosts_of(members: AddressSet) -> Hosts:
    """The addresses of a set."""
    return hosts(members.pieces())


Values: TypeAlias = Numbers | Bits | Labels | Hosts


@frozen
class Domain:
    """What a term can be: values, and whether it may be unknown."""

    values: Any
    unknown: bool = False

    def __bool__(self) -> bool:
        return self.unknown or bool(self.values)

    def __and__(self, other: Domain) -> Domain:
        return Domain(self.values & other.values, self.unknown and other.unknown)

    def meets(self, other: Domain) -> bool:
        """Whether something is in both."""
        return (self.unknown and other.unknown) or self.values.meets(other.values)

    def __or__(self, other: Domain) -> Domain:
        return Domain(self.values | other.values, self.unknown or other.unknown)

    def fills(self, universe: Domain) -> bool:
        """Whether a part of the universe is all of it."""
        return (self.unknown or not universe.unknown) and self.values.fills(universe.values)

    def within(self, universe: Domain) -> Domain:
        """What the universe allows that this does not: the complement."""
        return Domain(~self.values & universe.values, universe.unknown and not self.unknown)


@frozen(cache_hash=True)
class Variable:
    """A term that proofs speak about: a field by name, or any other expression by what it is.

    ``opaque`` terms stand for what proofs do not look into: they may take any value at all.
    """

    key: Any
    universe: Domain = field(hash=False, repr=False)
    opaque: bool = field(default=False, hash=False)
    needs: str | None = field(default=None, hash=False)
    """The direction of which some flow must have been read, else the value is unknown."""
    counted: bool = field(default=False, hash=False)
    """It is known whenever there is such a flow: a measure that is 0 where nothing matched."""
