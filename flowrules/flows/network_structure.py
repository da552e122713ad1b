"""What rwsetcat and rwbagcat print with --network-structure: occupied blocks within larger blocks.

Source: rwsetcat(1) and rwbagcat(1).  A structure names the block sizes that get a line each and, after
``/`` or with ``S``, the smaller sizes whose number of occupied blocks stands at the end of each line.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import field, frozen

from flowrules.model.address_text import AddressError, format_address, format_cidr
from flowrules.model.fields import IPV4_MAPPED

_LETTERS: Final = {
    4: {"T": 0, "A": 8, "B": 16, "C": 24, "X": 27, "H": 32},
    6: {"T": 0, "H": 128},
}
_DEFAULT_SUMMARY: Final = {4: (8, 16, 24, 27, 32), 6: (48, 64)}
_BITS: Final = {4: 32, 6: 128}
_INDENT: Final = 2
_ADDRESS_WIDTH: Final = {4: 15, 6: 39}


@frozen
class Structure:
    """A parsed structure: the IP version whose blocks are counted, and the prefix lengths.

    ``printed`` are the lengths that get lines; ``levels`` all that are looked at, from the whole space
    (0) to single addresses.  ``summary``: whether lines end with the numbers of occupied blocks.
    """

    version: int
    levels: tuple[int, ...]
    printed: frozenset[int]
    summary: bool


def parse_structure(text: str = "") -> Structure:
    """Parse ``[v4:|v6:]LIST[/SUMMARY]``; nothing after the colon means ``TS``.

    LIST and SUMMARY hold prefix lengths with commas between them, and letters: T (0), H (one address)
    and, for IPv4, A (8), B (16), C (24) and X (27); S in LIST asks for the usual summary.  Raises
    ``AddressError``.
    """
    family, colon, rest = text.rpartition(":")
    if colon and family not in ("v4", "v6"):
        raise AddressError(
            f"network structure '{text}' begins with '{family}:'", "only v4: or v6: may stand there"
        )
    version = 6 if family == "v6" else 4
    blocks, slash, smaller = (rest or "TS").partition("/")
    if "/" in smaller:
        raise AddressError(f"network structure '{text}' has '/' twice")
    printed, with_summary = _parse_lengths(blocks, version, text)
    if slash:
        counted, _ = _parse_lengths(smaller, version, text)
    else:
        counted = set(_DEFAULT_SUMMARY[version]) if with_summary else set()
    if not printed:
        raise AddressError(
            f"network structure '{text}' names no block to print",
            f"write prefix lengths or letters of {''.join(_LETTERS[version])}"
            + (" before '/'" if slash else ""),
        )
    levels = sorted(printed | counted | {0, _BITS[version]})
    return Structure(version, tuple(levels), frozenset(printed), with_summary or bool(slash))


def _parse_lengths(text: str, version: int, whole: str) -> tuple[set[int], bool]:
    lengths: set[int] = set()
    summary = False
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter in ", \t":
            continue
        if letter == "S":
            summary = True
        elif letter in _LETTERS[version]:
            lengths.add(_LETTERS[version][letter])
        elif letter.isascii() and letter.isdigit():
            digits = letter + "".join(itertools.takewhile("0123456789".__contains__, text[at:]))
            at += len(digits) - 1
            length = int(digits[:6])
            if length > _BITS[version]:
                hint = "begin with v6: for IPv6 prefixes" if version == 4 and length <= 128 else ""
                raise AddressError(
                    f"prefix length {digits} in network structure '{whole}' is above {_BITS[version]}", hint
                )
            lengths.add(length)
        else:
            raise AddressError(
                f"'{letter}' in network structure '{whole}' is neither a prefix length nor a letter of "
                f"{''.join(_LETTERS[version])}S"
            )
    return lengths, summary


@frozen
class Layout:
    """How lines look: padded columns or not, and what stands between them.

    ``counter_width`` is the width of a bag's counters in padded columns.
    """

    columns: bool = True
    delimiter: str = "|"
    final_delimiter: bool = True
    counter_width: int = 20


def structure_lines(
    ranges: Iterable[tuple[int, int]],
    structure: Structure,
    counters: Sequence[int] | None = None,
    layout: Layout | None = None,
) -> Iterator[str]:
    """The lines for sorted, disjoint ranges of 128-bit addresses, without line ends.

    With ``counters`` (a bag) every range is one address and has its counter, which lines sum up.  An
    IPv4 structure passes over addresses that are not IPv4.
    """
    layout = layout or Layout()
    keys = list(ranges)
    if structure.version == 4:
        kept = [
            (index, max(first, IPV4_MAPPED), min(last, IPV4_MAPPED + 0xFFFFFFFF))
            for index, (first, last) in enumerate(keys)
            if last >= IPV4_MAPPED and first <= IPV4_MAPPED + 0xFFFFFFFF
        ]
        keys = [(first - IPV4_MAPPED, last - IPV4_MAPPED) for _, first, last in kept]
        if counters is not None:
            counters = [counters[index] for index, _, _ in kept]
    return _Printer(keys, structure, counters, layout).lines()


@frozen(eq=False)
class _Occupied:
    """The blocks of one size that have a member: runs of block numbers, and how many come before each."""

    first: list[int]
    last: list[int]
    before: list[int]

    @classmethod
    def of(cls, keys: list[tuple[int, int]], shift: int) -> _Occupied:
        first: list[int] = []
        last: list[int] = []
        for low, high in keys:
            begin, end = low >> shift, high >> shift
            if last and begin <= last[-1] + 1:
                last[-1] = end
            else:
                first.append(begin)
                last.append(end)
        sizes = (high - low + 1 for low, high in zip(first, last, strict=True))
        return cls(first, last, [0, *itertools.accumulate(sizes)])

    def below(self, number: int) -> int:
        """How many occupied blocks have a smaller number."""
        at = bisect.bisect_right(self.first, number - 1)
        if at == 0:
            return 0
        return self.before[at - 1] + min(number - 1, self.last[at - 1]) - self.first[at - 1] + 1

    def numbers(self) -> Iterator[int]:
        for first, last in zip(self.first, self.last, strict=True):
            yield from range(first, last + 1)


@frozen(eq=False)
class _Printer:
    keys: list[tuple[int, int]]
    structure: Structure
    counters: Sequence[int] | None
    layout: Layout
    occupied: dict[int, _Occupied] = field(init=False)
    sums: list[int] = field(init=False)
    widths: dict[int, tuple[int, int]] = field(init=False)

    @occupied.default
    def _count_blocks(self) -> dict[int, _Occupied]:
        bits = _BITS[self.structure.version]
        return {length: _Occupied.of(self.keys, bits - length) for length in self.structure.levels}

    @sums.default
    def _sum_counters(self) -> list[int]:
        return [0, *itertools.accumulate(self.counters or ())]

    @widths.default
    def _measure(self) -> dict[int, tuple[int, int]]:
        """Indent and label width of each level; a negative width means right-justified."""
        structure = self.structure
        levels = structure.levels
        if not self.layout.columns:
            return dict.fromkeys(levels, (0, 0))
        printed = [length for length in levels if length in structure.printed]
        indents = {}
        indent = 0
        for length in levels:
            indents[length] = indent
            # after the total alone nothing is indented until the next printed level
            if length in structure.printed or any(0 < wide < length for wide in printed):
                indent += _INDENT
        narrowest = printed[-1]
        if narrowest == 0:
            return {length: (indents[length], len("TOTAL")) for length in levels}
        after = len(levels) - 1 - levels.index(narrowest)
        width = indent - _INDENT * (1 + after) + _ADDRESS_WIDTH[structure.version]
        if narrowest < _BITS[structure.version]:
            width += 1 + len(str(narrowest))
        elif levels[-2] in structure.printed:
            # single addresses print no length, and the next level does, two places further left
            width += (4 if structure.version == 6 else 3) - _INDENT
        sign = -1 if len(printed) == 1 else 1
        return {length: (indents[length], sign * (width - indents[length])) for length in levels}

    def lines(self) -> Iterator[str]:
        structure = self.structure
        printed = sorted(structure.printed)
        if not self.keys:
            if 0 in structure.printed:
                yield self._line(0, 0, padded=False)
            return
        narrowest = printed[-1]
        wider = printed[-2::-1]
        held: int | None = None
        for number in self.occupied[narrowest].numbers():
            if held is not None:
                yield from self._closed(wider, held, number, narrowest)
            yield self._line(narrowest, number)
            held = number
        if held is not None:
            for length in wider:
                yield self._line(length, held >> (narrowest - length))

    def _closed(self, wider: list[int], held: int, number: int, narrowest: int) -> Iterator[str]:
        """The lines of the blocks that hold block ``held`` and not block ``number``."""
        for length in wider:
            shift = narrowest - length
            if held >> shift == number >> shift:
                return
            yield self._line(length, held >> shift)

    def _line(self, length: int, number: int, padded: bool = True) -> str:
        structure, layout = self.structure, self.layout
        bits = _BITS[structure.version]
        indent, width = self.widths[length] if padded else (0, 0)
        label = self._label(length, number)
        text = " " * indent + (label.rjust(-width) if width < 0 else label.ljust(width)) + layout.delimiter
        if self.counters is not None:
            total = self._sum(number << bits - length, (number + 1 << bits - length) - 1)
            text += str(total).rjust(layout.counter_width if layout.columns else 0)
            if structure.summary or layout.final_delimiter:
                text += layout.delimiter
            if not structure.summary or length == bits:
                return text
        elif length == bits:
            return text
        hosts = self._within(length, number, bits)
        if not structure.summary:
            return f"{text} {hosts}"
        text += f" {hosts} host{'' if hosts == 1 else 's'}"
        smaller = [level for level in structure.levels if length < level < bits]
        counts = []
        for level in smaller:
            count = self._within(length, number, level)
            counts.append(f"{count} /{level}{'' if count == 1 else 's'}")
        return text + _joined(counts)

    def _label(self, length: int, number: int) -> str:
        version = self.structure.version
        bits = _BITS[version]
        if length == 0:
            return "TOTAL"
        address = number << bits - length
        if version == 4:
            address += IPV4_MAPPED
        if length == bits:
            return format_address(address, version)
        return format_cidr(address, length + (128 - bits), version)

    def _within(self, length: int, number: int, level: int) -> int:
        """How many occupied blocks of length ``level`` lie in block ``number`` of ``length``."""
        shift = level - length
        blocks = self.occupied[level]
        return blocks.below(number + 1 << shift) - blocks.below(number << shift)

    def _sum(self, first: int, last: int) -> int:
        begin = bisect.bisect_left(self.keys, (first, first))
        end = bisect.bisect_right(self.keys, (last, last))
        return self.sums[end] - self.sums[begin]


def _joined(counts: list[str]) -> str:
    """The counts of smaller blocks as the end of a sentence."""
    if not counts:
        return ""
    if len(counts) < 3:
        return " in " + " and ".join(counts)
    return f" in {', '.join(counts[:-1])}, and {counts[-1]}"
