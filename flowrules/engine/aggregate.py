"""Mergeable parts of groups, filled chunk by chunk: counts, sums, extremes, matches, values with counts.

A *grouping* shares its dictionaries between threads; each thread fills a *partial* of its own, and the
partials are added up at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.dictionaries import NumberCodes
from flowrules.engine.exact_sums import grown
from flowrules.engine.group_parts import GroupPart, counted, make_part
from flowrules.engine.grouped import Grouped
from flowrules.engine.groups import GroupNumbers
from flowrules.engine.key_codes import AddressCoder, Coder, Coders, NumberCoder, codes_of
from flowrules.engine.many_groups import ManyGroups, cheap
from flowrules.engine.plain_groups import PlainGroups
from flowrules.engine.row_values import Rows, Values
from flowrules.engine.spreading import WEIGHTS, spread
from flowrules.model import expression as ex
from flowrules.plan.aggregates import SQUARES, SUM, VALUES, Aggregate

Index = NDArray[np.intp]

MOSTLY: Final = 0.75
"""Where at least this share of the rows pass, all are counted, and the others as nothing: cheaper than to select them."""

SOME: Final = 0.1
"""The same for groups without keys, which only add up."""

_UNSIGNED: Final = frozenset({"packets", "bytes"})


class Grouping:
    """Keys and parts of one grouping, with the dictionaries that all threads share."""

    def __init__(
        self,
        keys: Sequence[ex.Expression],
        inside: Sequence[bool],
        aggregates: Sequence[Aggregate],
        coders: Coders,
    ) -> None:
        self.keys = tuple(keys)
        self.spread = next((k for k in keys if isinstance(k, ex.Spread)), None)
        if self.spread is not None:
            aggregates = (*aggregates, Aggregate(SUM, self.spread))
        self.aggregates = tuple(aggregates)
        self.coders: list[Coder] = [coders.of(k, i) for k, i in zip(keys, inside, strict=True)]
        self.numbers = GroupNumbers([c.width for c in self.coders]) if len(self.coders) > 1 else None
        self.value_coders: dict[Aggregate, Coder] = {
            a: coders.of(a.of) for a in self.aggregates if a.kind in (VALUES, SUM, SQUARES)
        }
        self._ratios: dict[Aggregate, tuple[GroupNumbers, NumberCodes]] = {}
        self._lock = Lock()

    def ratios(self, aggregate: Aggregate) -> tuple[GroupNumbers, NumberCodes]:
        """The numbers of pairs of group and denominator of a sum, and the codes of denominators; made when they are
        asked for, since most values are no ratios."""
        with self._lock:
            held = self._ratios.get(aggregate)
            if held is None:
                held = self._ratios[aggregate] = GroupNumbers((32, 32)), NumberCodes()
        return held

    def spread_rows(self, rows: Rows) -> Rows:
        """A row for each bin that each row touches, with its weight and its bin."""
        assert self.spread is not None
        index, bins, weights = spread(self.spread, rows.column("stime"), rows.column("duration"))
        out = rows.take(index)
        out.held[WEIGHTS] = weights
        out.held[id(self.spread)] = Values(bins)
        return out

    def group_numbers(self, rows: Rows) -> Index | None:
        """The group number of each row; ``None``: all are of group 1."""
        if not self.coders:
            return None
        if self.numbers is None:
            return codes_of(self.coders[0], rows).astype(np.intp)
        return self.numbers.encode([codes_of(c, rows) for c in self.coders]).astype(np.intp)

    def masked_numbers(self, rows: Rows, passed: NDArray[np.bool_]) -> Index | None:
        """The group number of each row that passed, 0 for the others; keys of the others get no number.

        ``None``: those that passed are all of group 1.
        """
        if not self.coders:
            return None
        codes = [
            c.encode_masked(rows, passed) for c in self.coders if isinstance(c, NumberCoder | AddressCoder)
        ]
        if self.numbers is None:
            return codes[0].astype(np.intp)
        own = self.numbers.encode(codes)
        own *= passed
        return own.astype(np.intp)

    def masked(self, rows: Rows) -> bool:
        """Whether rows may be counted together with some that did not pass: where keys of all are cheap, and sums plain."""
        return (
            self.spread is None
            and all(
                a.kind == SUM and isinstance(a.of, ex.Field) and a.of.name in _UNSIGNED
                for a in self.aggregates
            )
            and all(cheap(c, rows) for c in self.coders)
        )

    def size(self) -> int:
        """One more than the highest group number."""
        if not self.coders:
            return 2
        return len(self.coders[0]) if self.numbers is None else len(self.numbers)

    def key_codes(self, groups: Index) -> list[NDArray[np.uint32]]:
        """The codes of the keys of groups, a column each."""
        if not self.coders:
            return []
        if self.numbers is None:
            return [groups.astype(np.uint32)]
        return [column.take(groups) for column in self.numbers.columns()]


class Partial:
    """What one thread has counted of one grouping."""

    def __init__(self, grouping: Grouping) -> None:
        self.grouping = grouping
        self._flows = 0
        self._counts = np.zeros(0, np.int64)
        self._parts: dict[Aggregate, GroupPart] = {a: make_part(grouping, a) for a in grouping.aggregates}
        self._plain = PlainGroups.of(grouping.coders, self._parts)
        """The groups, while they go by their keys and have no numbers."""
        suits = self._plain is None and ManyGroups.suits(grouping)
        self._many = ManyGroups(grouping) if suits else None

    @property
    def numbered(self) -> bool:
        """Whether groups have numbers, for which their keys are looked up."""
        return self._plain is None and not (self._many is not None and self._many.chosen)

    def add(self, rows: Rows) -> None:
        """Count rows, all of which passed the grouping's predicate."""
        if not rows.rows:
            return
        self._flows += rows.rows
        if self._many is not None and self._many.add(rows):
            return
        if self.grouping.spread is not None:
            rows = self.grouping.spread_rows(rows)
        if self._plain is not None:
            if self._plain.add(rows):
                return
            self._number_groups(self._plain)
        groups = self.grouping.group_numbers(rows)
        size = self.grouping.size()
        self._counts = counted(self._counts, groups, size, rows.rows)
        for part in self._parts.values():
            part.add(groups, size, rows)

    def masks(self, passed: Rows, rows: Rows) -> bool:
        """Whether of all rows of a chunk those that passed had better be counted together with the others."""
        least = MOSTLY if self.grouping.keys else SOME
        return passed.passed is not None and passed.rows >= least * rows.rows and self.grouping.masked(rows)

    def add_passed(self, passed: Rows, rows: Rows) -> None:
        """Count those that passed of all rows of a chunk."""
        if passed.passed is not None and self.masks(passed, rows):
            self._add_masked(rows, passed.passed, passed.rows)
        else:
            self.add(passed)

    def _add_masked(self, rows: Rows, passed: NDArray[np.bool_], count: int) -> None:
        self._flows += count
        groups = self.grouping.masked_numbers(rows, passed)
        size = self.grouping.size()
        self._counts = counted(self._counts, groups, size, count if groups is None else rows.rows)
        if groups is not None:
            self._counts[0] -= rows.rows - count
        for part in self._parts.values():
            part.add_masked(groups, size, rows, passed)

    def add_counted(self, counts: NDArray[np.int64], sums: Mapping[Aggregate, NDArray[np.int64]]) -> None:
        """Add rows counted elsewhere: how many each group number has, and the sums of their values.

        All values are known, whole and not negative; every aggregate of the grouping is a sum.
        """
        if not counts.any():
            return
        self._flows += int(counts.sum())
        if len(self._counts) < len(counts):
            self._counts = grown(self._counts, len(counts))
        self._counts[: len(counts)] += counts
        for aggregate, part in self._parts.items():
            part.add_counted(sums[aggregate])

    def add_total(self, flows: int, sums: Mapping[Aggregate, int]) -> None:
        """The same for a grouping without keys."""
        if not flows:
            return
        self._flows += flows
        if len(self._counts) < 2:
            self._counts = grown(self._counts, 2)
        self._counts[1] += flows
        for aggregate, part in self._parts.items():
            part.add_total(sums[aggregate])

    def _number_groups(self, plain: PlainGroups) -> None:
        """Count by numbers of groups from now on, and what was counted until now."""
        self._plain = None
        groups, counts = plain.number()
        self._counts = np.zeros(self.grouping.size(), np.int64)
        self._counts[groups] = counts

    def merge(self, other: Partial) -> None:
        """Add what another thread has counted of the same grouping."""
        if self._plain is not None and other._plain is None:
            self._number_groups(self._plain)
        elif other._plain is not None and self._plain is None:
            other._number_groups(other._plain)
        self._flows += other._flows
        size = max(len(self._counts), len(other._counts))
        if len(self._counts) < size:
            self._counts = grown(self._counts, size)
        self._counts[: len(other._counts)] += other._counts
        for aggregate, part in self._parts.items():
            part.merge(other._parts[aggregate])
        if self._many is not None and other._many is not None:
            self._many.merge(other._many)

    def finish(self) -> Grouped:
        """The groups that have rows, with their keys and parts."""
        if self._plain is not None and self._flows:
            key, rows, found = self._plain.finish()
            return Grouped({self.grouping.keys[0]: key}, rows, found, len(rows))
        groups = np.flatnonzero(self._counts)
        place = np.full(len(self._counts) + 1, -1, np.intp)
        place[groups] = np.arange(len(groups))
        codes = self.grouping.key_codes(groups)
        keys = [coder.decode(own) for coder, own in zip(self.grouping.coders, codes, strict=True)]
        counts = self._counts.take(groups)
        parts = {a: part.finish(groups, place, counts) for a, part in self._parts.items()}
        table = Grouped(
            dict(zip(self.grouping.keys, keys, strict=True)),
            counts,
            parts,
            len(groups),
            None if self.grouping.spread is None else self._flows,
        )
        return table if self._many is None else self._many.with_table(table, codes)
