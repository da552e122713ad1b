"""Flows cut into partitions: what one task on a cluster reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from flowrules.flows.portions import Portion
from flowrules.flows.table import FlowSource

FEWEST: Final = 1 << 20
"""A partition has at least so many records where there are as many: what 1,000 rules found in one takes 0.2 s to put
into groups and to add up."""

MOST: Final = 1 << 24
"""A partition has at most so many records where it can be cut: a task that is lost is done again."""


@frozen
class Partition:
    """Portions of sources, each with the place of its source."""

    number: int
    portions: tuple[tuple[int, Portion], ...]

    @property
    def weight(self) -> int:
        """How many records there are, about."""
        return sum(portion.weight for _, portion in self.portions)

    @property
    def name(self) -> str:
        """The files, for messages."""
        names = list(dict.fromkeys(portion.name for _, portion in self.portions))
        return names[0] if len(names) == 1 else f"one of {len(names)} files from {names[0]} to {names[-1]}"

    def single(self) -> list[Partition]:
        """A partition for each portion."""
        return [Partition(self.number, (one,)) for one in self.portions]


def partitions(sources: Sequence[FlowSource], slots: int) -> list[Partition]:
    """The sources that other processes can read, cut for so many threads: small ones together, large ones in several.

    Partitions are ever smaller: few are needed so, and all threads end at about the same time.
    """
    whole = [(place, s.portion) for place, s in enumerate(sources) if s.portion is not None]
    pieces = [(place, piece) for place, portion in whole for piece in portion.cut(FEWEST)]
    held = _together(pieces, _sizes(sum(piece.weight for _, piece in pieces), max(slots, 1)))
    return [Partition(number, portions) for number, portions in enumerate(held)]


def _sizes(total: int, slots: int) -> Iterator[int]:
    """How many records each partition is to have: two thirds of what is left go to all threads at a time."""
    while True:
        rows = min(max(2 * total // (3 * slots), FEWEST), MOST)
        # a small rest goes along with the one before it
        rows = total if rows < total < rows + FEWEST // 2 else rows
        yield rows
        total -= rows


def _together(
    pieces: Sequence[tuple[int, Portion]], sizes: Iterator[int]
) -> Iterator[tuple[tuple[int, Portion], ...]]:
    held: list[tuple[int, Portion]] = []
    rows, weight = next(sizes), 0
    for place, piece in pieces:
        if held and weight + piece.weight > rows:
            yield tuple(held)
            held, rows, weight = [], next(sizes), 0
        weight += piece.weight
        if held and held[-1][0] == place:
            # a source's pieces are in order
            piece = held.pop()[1].with_next(piece)
        held.append((place, piece))
    if held:
        yield tuple(held)
