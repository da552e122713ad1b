"""``spread(width, scheme)``: flows that count in every bin they touch, by rwcount(1)'s load schemes.

A row becomes one row for each of its bins, with a weight: a ratio of whole numbers, kept exact.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.errors import LimitExceeded
from flowrules.model import expression as ex
from flowrules.model.value_text import format_duration

Times = NDArray[np.int64]

MOST_SPREAD = 20_000_000
"""The most rows that the flows of one chunk may become."""

WEIGHTS = "weights"
"""Under this name ``Rows.held`` has the weights of rows that were spread."""


@frozen(eq=False)
class Weights:
    """What each row counts: ``records / parts`` of a flow, and ``volume / parts`` of its bytes and packets."""

    records: Times
    volume: Times
    parts: Times


def spread(of: ex.Spread, start: Times, duration: Times) -> tuple[NDArray[np.intp], Times, Weights]:
    """The bins that flows touch: the row, the bin's first ms, and the weight of each row in each bin.

    Raises ``LimitExceeded`` past ``MOST_SPREAD`` rows.
    """
    base, width = of.start or 0, of.width
    end = start + np.maximum(duration, 0)
    if of.scheme in ("start", "end", "middle"):
        moment = {"start": start, "end": end, "middle": start + np.maximum(duration, 0) // 2}[of.scheme]
        first = last = (moment - base) // width
    else:
        first, last = (start - base) // width, (end - base) // width
    touched = last - first + 1
    # bins outside the window are left out, and still count among those touched
    low = np.maximum(first, 0) if of.start is not None else first
    high = np.minimum(last, (of.end - base) // width) if of.end is not None else last
    counts = np.maximum(high - low + 1, 0)
    made = int(counts.sum())
    if made > MOST_SPREAD:
        raise LimitExceeded(
            f"flows spread over bins of {format_duration(width)} become {made:,} rows, as one lasts up to"
            f" {int(counts.max()):,} bins",
            "take wider bins",
        )
    rows = np.repeat(np.arange(len(start)), counts)
    begin = np.cumsum(counts) - counts
    bins = low.take(rows) + np.arange(len(rows)) - begin.take(rows)
    bin_start = bins * width + base
    ones = np.ones(len(rows), np.int64)
    match of.scheme:
        case "uniform":
            weights = Weights(ones, ones, touched.take(rows))
        case "time":
            inside = (
                np.minimum(end.take(rows), bin_start + width - 1)
                - np.maximum(start.take(rows), bin_start)
                + 1
            )
            weights = Weights(inside, inside, (end - start + 1).take(rows))
        case "minimum":
            weights = Weights(ones, (touched.take(rows) == 1).astype(np.int64), ones)
        case _:
            weights = Weights(ones, ones, ones)
    return rows, bin_start, weights
