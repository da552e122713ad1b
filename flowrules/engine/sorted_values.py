"""Different values of very many groups: sorted runs of keys and values, and whose group each value is in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.group_runs import ROWS, GroupRuns, Run, one_after_the_other, words_of
from flowrules.engine.grouped import ValueCounts
from flowrules.engine.key_layout import Layout, Raw, led_part
from flowrules.engine.key_values import KeyValues
from flowrules.engine.stored_arrays import stored_together

Array = NDArray[Any]
Words = NDArray[np.uint64]

_HALF = np.uint64(32)


class SortedValues:
    """The different values of one part of groups, for one thread."""

    def __init__(self, key: KeyValues, keys: int) -> None:
        self.key = key
        """The values."""
        self.runs = GroupRuns(keys)
        """Groups by the grouping's keys and the value."""

    def add(self, keys: Sequence[Raw], values: Raw) -> None:
        """Count the values of rows, where they are known."""
        if values.known is not None:
            known = np.flatnonzero(values.known)
            keys, values = [k.take(known) for k in keys], Raw(tuple(p.take(known) for p in values.parts))
        if len(values.parts[0]):
            self.runs.add([*keys, values], {})

    def add_counted(self, keys: Sequence[Raw], values: ValueCounts) -> None:
        """Add known values of groups with these keys, with how often each occurs."""
        if len(values.counts):
            raw = self.key.of_groups(values.values, np.zeros(0, np.uint32))
            self.runs.add([*keys, raw], {ROWS: values.counts})

    def finish(self, groups: Layout, order: Words, words: Sequence[Words]) -> ValueCounts:
        """The values of groups whose keys, in their layout, go by ``order`` (ascending) and have these words."""
        layout = self.runs.settle(Layout((*groups.columns, (8, False)), len(groups.columns)))
        assert layout is not None
        in_files, most = self.runs.in_files, len(self.runs)
        narrow = layout.columns[-1][0] <= 32
        sizes = np.zeros(len(order), np.int64)

        def arrays_of(run: Run) -> list[Array]:
            own = words_of(run, layout)
            rows = _rows_of(layout.leading_words(own), groups, order, words)
            first = int(rows.min())
            met = np.bincount(rows - first)
            sizes[first : first + len(met)] += met
            raw = layout.unpack(own)[-1]
            if narrow:
                packed = rows.view(np.uint64) << _HALF
                packed |= raw.parts[0]
                by = packed.argsort()
            else:
                by = rows.argsort(kind="stable")
            return [*self.key.arrays(raw.take(by)), run.columns[ROWS].take(by)]

        found = map(arrays_of, _whole_groups(self.runs.pieces()))
        first = next(found, None)
        if first is None:
            nothing = self.key.arrays(Raw((np.zeros(0, np.uint32),)))
            first = [*nothing, np.zeros(0, np.int64)]
        if in_files:
            arrays: Sequence[Array] = stored_together([a.dtype for a in first], chain([first], found), most)
        else:
            arrays = [np.concatenate(a) for a in zip(first, *found, strict=True)]
        *values, counts = arrays
        return ValueCounts(None, self.key.series(values), counts, ordered=narrow, sizes=sizes)


def _whole_groups(pieces: Iterator[Run]) -> Iterator[Run]:
    """Pieces that hold all values of each of their groups."""
    rest: list[Run] = []
    for piece in pieces:
        led = led_part(piece.order)
        begin = int(led.searchsorted(led[-1]))
        if rest and begin == 0 and int(led_part(rest[0].order[:1])[0]) == int(led[0]):
            # one group over several pieces
            rest.append(piece)
            continue
        if rest:
            end = int(led.searchsorted(led_part(rest[0].order[:1])[0], "right"))
            yield one_after_the_other([*rest, piece.part(slice(0, end))])
            piece = piece.part(slice(end, len(piece)))
            begin -= end
        if begin > 0:
            yield piece.part(slice(0, begin))
        rest = [piece.part(slice(max(begin, 0), len(piece)))]
    if rest:
        yield one_after_the_other(rest)


def _rows_of(
    words: Sequence[Words], groups: Layout, order: Words, words_of_groups: Sequence[Words]
) -> NDArray[np.intp]:
    """The place of each key among the groups; ``words`` are of keys that go nearly as those do."""
    wanted = groups.order(words)
    # the places that there may be are few, so that looking stays in the cache
    begin, end = order.searchsorted(wanted.min()), order.searchsorted(wanted.max(), "right")
    rows: NDArray[np.intp] = order[begin:end].searchsorted(wanted)
    rows += begin
    if words_of_groups:
        # different keys may go by one number
        lost = np.arange(len(rows))
        while len(lost):
            differ = np.zeros(len(lost), np.bool_)
            for own, held in zip(words, words_of_groups, strict=True):
                differ |= own.take(lost) != held.take(rows.take(lost))
            lost = lost[differ]
            rows[lost] += 1
    return rows
