"""Maps from the labels and keys that a ruleset lists to the table that the engine looks up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.model.fields import ADDRESS
from flowrules.model.map_table import MapTable
from flowrules.model.structural import Structural

KINDS: Final = (("address",), ("port",), ("port", "protocol"))
"""The keys that a map can have."""

_LOW: Final = (1 << 64) - 1


@frozen(eq=False, repr=False)
class MapRange(Structural):
    """One range of keys (ints, both ends in) with its label; ``item`` numbers it for messages."""

    first: int
    last: int
    label: str | int
    item: int = 0


class MapConflict(ValueError):
    """Two ranges that cannot both hold: one range with two labels, or ranges that overlap in part."""

    def __init__(self, one: MapRange, other: MapRange) -> None:
        super().__init__(f"{one.label} and {other.label}")
        self.one = one
        self.other = other


def empty_map(name: str, kind: str) -> MapTable:
    """A map that holds nothing."""
    keys = _keys(kind, [])
    return MapTable(name, kind, keys, keys, np.zeros(0, np.int32))


def map_table(name: str, kind: str, ranges: Sequence[MapRange]) -> MapTable:
    """The table of a map in which the narrower range wins, as the longest prefix does.

    Raises ``MapConflict`` where one range has two labels, and where two ranges overlap and neither lies
    within the other.
    """
    labels = list(dict.fromkeys(r.label for r in ranges))
    number = {label: i for i, label in enumerate(labels)}
    starts: list[int] = []
    ends: list[int] = []
    index: list[int] = []

    def put(first: int, last: int, label: str | int) -> None:
        if first > last:
            return
        if index and index[-1] == number[label] and ends[-1] + 1 == first:
            ends[-1] = last
            return
        starts.append(first)
        ends.append(last)
        index.append(number[label])

    around: list[MapRange] = []
    at = 0
    for r in sorted(ranges, key=lambda r: (r.first, -r.last)):
        while around and around[-1].last < r.first:
            outer = around.pop()
            put(max(at, outer.first), outer.last, outer.label)
            at = max(at, outer.last + 1)
        if around:
            outer = around[-1]
            if (outer.first, outer.last) == (r.first, r.last):
                if outer.label != r.label:
                    raise MapConflict(outer, r)
                continue
            if outer.last < r.last and outer.label != r.label:
                raise MapConflict(outer, r)
            put(max(at, outer.first), r.first - 1, outer.label)
        at = max(at, r.first)
        around.append(r)
    while around:
        outer = around.pop()
        put(max(at, outer.first), outer.last, outer.label)
        at = max(at, outer.last + 1)
    return MapTable(
        name, kind, _keys(kind, starts), _keys(kind, ends), np.array(index, np.int32), tuple(labels)
    )


def _keys(kind: str, numbers: list[int]) -> NDArray[Any]:
    if kind != "address":
        return np.array(numbers, np.uint32)
    out = np.zeros(len(numbers), ADDRESS)
    out["high"] = np.array([n >> 64 for n in numbers], np.uint64)
    out["low"] = np.array([n & _LOW for n in numbers], np.uint64)
    return out
