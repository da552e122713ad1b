"""Sorted runs side by side: the stretches of them that are merged together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def stretches(runs: Sequence[Words], rows: int) -> Iterator[list[tuple[int, slice]]]:
    """Some of each run (by its place) at a time, about ``rows`` in all: all up to the least word that ends a part of some run.

    Equal words always come together.
    """
    begin = [0] * len(runs)
    step = max(rows // max(len(runs), 1), 1)
    while True:
        live = [n for n, run in enumerate(runs) if begin[n] < len(run)]
        if not live:
            return
        ends = {n: min(begin[n] + step, len(runs[n])) for n in live}
        last = min(runs[n][end - 1] for n, end in ends.items())
        parts = []
        for n, end in ends.items():
            stop = begin[n] + int(runs[n][begin[n] : end].searchsorted(last, "right"))
            # equal words may go on behind the part that was looked at
            while stop == end and end < len(runs[n]) and runs[n][end] == last:
                end = min(end + step, len(runs[n]))
                stop += int(runs[n][stop:end].searchsorted(last, "right"))
            if stop > begin[n]:
                parts.append((n, slice(begin[n], stop)))
            begin[n] = stop
        yield parts
