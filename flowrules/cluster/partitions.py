"""Flows cut into partitions: what one task on a cluster reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from flowrules.flows.portions import Portion
from flowrules.flows.table import FlowSource

FEWEST: Final = 1 << 20
"""A partition has at least so many records where there are as many: getting many rules ready costs some 10 ms."""

MOST: Final = 1 << 23
"""A partition has at most so many records where it can be cut: a task that is lost is done again."""

_EACH: Final = 4
"""How many partitions a thread of a worker gets, so that all end at about the same time."""


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
    """The sources that other processes can read, cut for so many threads: small ones together, large ones in several."""
    whole = [(place, s.portion) for place, s in enumerate(sources) if s.portion is not None]
    total = sum(portion.weight for _, portion in whole)
    rows = min(max(total // (max(slots, 1) * _EACH), FEWEST), MOST)
    pieces = [(place, piece) for place, portion in whole for piece in portion.cut(rows)]
    return [Partition(number, held) for number, held in enumerate(_together(pieces, rows))]


def _together(pieces: Sequence[tuple[int, Portion]], rows: int) -> Iterator[tuple[tuple[int, Portion], ...]]:
    held: list[tuple[int, Portion]] = []
    weight = 0
    for place, piece in pieces:
        if held and weight + piece.weight > rows:
            yield tuple(held)
            held, weight = [], 0
        held.append((place, piece))
        weight += piece.weight
    if held:
        yield tuple(held)
