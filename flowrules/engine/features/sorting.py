"""Sorting rows by several integer columns at once, by packing them into 64-bit keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[Any]
"""A column of any integer dtype."""


def sort_order(*columns: Integers) -> NDArray[np.intp]:
    """The order (intp) that sorts rows by ``columns``, the first the most significant.

    Rows equal in all columns stand in no particular order.  Columns that do not fit 64 bits together are
    sorted in steps: by the leading ones, then only the rows that those leave tied.
    """
    if len(columns[0]) == 0:
        return np.zeros(0, np.intp)
    key, used, _, _ = _pack(columns)
    order = np.argsort(key)
    if used < len(columns):
        ordered = key.take(order)
        same = ordered[1:] == ordered[:-1]
        tied = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
        if len(tied):
            run = np.cumsum(np.r_[True, ~same]).take(tied)
            rows = order.take(tied)
            following, *others = (column.take(rows) for column in columns[used:])
            if _width(run) + _width(following) > 64:
                following = dense_codes(following)  # its ranks fit beside the runs
            inner = sort_order(run, following, *others)
            order[tied] = rows.take(inner)
    return order


def sort_together(*columns: Integers) -> tuple[Integers, ...]:
    """The columns themselves, sorted by all of them, the first the most significant; dtypes stay."""
    if len(columns[0]) == 0:
        return columns
    key, used, lows, widths = _pack(columns)
    if used < len(columns):
        order = sort_order(*columns)
        return tuple(column.take(order) for column in columns)
    key.sort()
    out: list[Integers] = []
    shift = sum(widths)
    for column, low, width in zip(columns, lows, widths, strict=True):
        shift -= width
        if width == 0:  # nothing of it in the key
            out.append(column)
            continue
        part = (key >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        out.append((part + low).astype(column.dtype))
    return tuple(out)


def starts_of_runs(*columns: Integers) -> NDArray[np.bool_]:
    """Which rows differ from the row before in any column (the first row does), as a bool array."""
    out = np.zeros(len(columns[0]), np.bool_)
    out[:1] = True
    for column in columns:
        out[1:] |= column[1:] != column[:-1]
    return out


def dense_codes(*columns: Integers) -> NDArray[np.int64]:
    """Numbers 0 .. k-1 for the distinct rows of ``columns``, in the columns' order (int64)."""
    order = sort_order(*columns)
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(starts_of_runs(*(column.take(order) for column in columns))) - 1
    return codes


def _pack(columns: tuple[Integers, ...]) -> tuple[NDArray[np.uint64], int, list[np.uint64], list[int]]:
    """Leading columns in one u64 key, how many they are, their least values (wrapped to u64) and widths."""
    lows: list[np.uint64] = []
    widths: list[int] = []
    key: NDArray[np.uint64] | None = None
    for column in columns:
        width = _width(column)
        if sum(widths) + width > 64:
            break
        wrapped = np.uint64(int(column.min()) % (1 << 64))
        # modulo 2**64, so that signed and unsigned columns of any range come out right
        part = column.astype(np.uint64) - wrapped
        key = part if key is None or not any(widths) else key << np.uint64(width) | part
        lows.append(wrapped)
        widths.append(width)
    assert key is not None
    return key, len(widths), lows, widths


def _width(column: Integers) -> int:
    """The bits that the column's values need above its least."""
    return (int(column.max()) - int(column.min())).bit_length()
