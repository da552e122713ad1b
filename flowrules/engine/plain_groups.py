"""Groups by one key of 32 bits, with different values alone: the keys themselves are sorted with the values, and none
is looked up.

That holds while all keys and values are known and plain (whole numbers and IPv4 addresses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.group_parts import GroupPart, ValuePart, plain_values
from flowrules.engine.grouped import Part
from flowrules.engine.key_codes import Coder, PlainCoder
from flowrules.engine.results import Series
from flowrules.engine.row_values import Rows
from flowrules.engine.value_runs import MetGroups
from flowrules.plan.aggregates import Aggregate

Index = NDArray[np.intp]


class PlainGroups:
    """The groups of one thread by a key; their parts hold pairs of keys and values."""

    def __init__(self, key: PlainCoder, parts: Mapping[Aggregate, ValuePart]) -> None:
        self._key = key
        self._parts = parts

    @classmethod
    def of(cls, coders: Sequence[Coder], parts: Mapping[Aggregate, GroupPart]) -> PlainGroups | None:
        """For a grouping that can be counted so, should its keys and values turn out to be plain."""
        values = {a: part for a, part in parts.items() if isinstance(part, ValuePart)}
        if len(coders) != 1 or not isinstance(coders[0], PlainCoder) or not parts or len(values) < len(parts):
            return None
        return cls(coders[0], values)

    def add(self, rows: Rows) -> bool:
        """Count rows; ``False``: their keys or values are not all known and plain, and none was counted."""
        keys = plain_values(self._key, rows)
        columns = [] if keys is None else [part.plain_values(rows) for part in self._parts.values()]
        if keys is None or any(column is None for column in columns):
            return False
        for part, values in zip(self._parts.values(), columns, strict=True):
            assert values is not None
            part.add_pairs(keys, values)
        return True

    def number(self) -> tuple[Index, NDArray[np.int64]]:
        """Give the groups their numbers; returns these and how many rows each has."""
        found = [part.number_groups(self._key) for part in self._parts.values()]
        return found[0]

    def finish(self) -> tuple[Series, NDArray[np.int64], dict[Aggregate, Part]]:
        """The keys in ascending order, how many rows each has, and the parts."""
        parts: dict[Aggregate, Part] = {}
        for aggregate, part in self._parts.items():
            met = MetGroups()
            parts[aggregate] = part.finish_met(met)
        return self._key.decode_plain(met.keys()), met.counts(), parts
