"""The values of a field at which a test of it may change its mind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flowrules.model import expression as ex


def turning_points(
    low: int, high: int, tests: Sequence[ex.Expression]
) -> NDArray[np.object_] | NDArray[np.int64]:
    """The values from which on a test of a field may tell otherwise than just before, ascending.

    ``low`` and ``high`` are the least and the greatest value that the field can have; ``low`` is the first point.  All values of
    a field with few are points, and all where a test is of names.  Objects where 64 bits do not hold them.
    """
    if high - low < 256 or any(_of_names(test) for test in tests):
        return np.arange(low, high + 1)
    points = {low}
    for test in tests:
        points.update(p for bound in _bounds(test) for p in (bound, bound + 1) if low < p <= high)
    wide = high >= 1 << 63
    return np.array(sorted(points), object if wide else np.int64)


def _of_names(test: ex.Expression) -> bool:
    match test:
        case ex.In(collection=ex.Labels()) | ex.Compare(right=ex.Literal(value=str())):
            return True
        case _:
            return False


def _bounds(test: ex.Expression) -> Iterator[int]:
    """Whole numbers between which, and between which and the next, a test of a number is the same."""
    match test:
        case ex.In(collection=ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges)):
            for low, high in ranges:
                yield from (int(low // 1) - 1, int(low // 1), int(high // 1))
        case ex.Compare(right=ex.Literal(value=value)):
            assert isinstance(value, int) or hasattr(value, "numerator")
            yield from (int(value // 1) - 1, int(value // 1))  # type: ignore[operator]
        case _:
            raise TypeError(f"{type(test).__name__} makes no classes of a field with many values")
