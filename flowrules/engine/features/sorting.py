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
    ordered, order, used = _sorted(columns)
    if used < len(columns):
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


def _sorted(columns: tuple[Integers, ...]) -> tuple[NDArray[np.uint64], NDArray[np.intp], int]:
    """Sorted keys of leading columns, the order that sorts them, and how many columns the keys hold."""
    index_width = (len(columns[0]) - 1).bit_length()
    # a step that took one column of several would not come to an end
    if sum(_width(column) for column in columns[:2]) + index_width > 64:
        key, used, _, _ = _pack(columns)
        order = np.argsort(key)
        return key.take(order), order, used
    # keys that carry the row's number are sorted in place, much faster than numbers by their keys
    key, used, _, _ = _pack(columns, 64 - index_width)
    key <<= np.uint64(index_width)
    key |= np.arange(len(key), dtype=np.uint64)
    key.sort()
    order = (key & np.uint64((1 << index_width) - 1)).view(np.intp)
    key >>= np.uint64(index_width)
    return key, order, used


def dense_codes(*columns: Integers) -> NDArray[np.int64]:
    """Numbers 0 .. k-1 for the distinct rows of ``columns``, in the columns' order (int64)."""
    codes = np.empty(len(columns[0]), np.int64)
    if len(columns) == 1 and len(codes):
        ordered, order, _ = _sorted(columns)
        codes[order] = np.cumsum(starts_of_runs(ordered)) - 1
        return codes
    order = sort_order(*columns)
    codes[order] = np.cumsum(starts_of_runs(*(column.take(order) for column in columns))) - 1
    return codes


def _pack(
    columns: tuple[Integers, ...], bits: int = 64
) -> tuple[NDArray[np.uint64], int, list[np.uint64], list[int]]:
    """Leading columns in one u64 key of so many bits (a new array), how many they are, their least values
    (wrapped to u64) and widths."""
    lows: list[np.uint64] = []
    widths: list[int] = []
    key: NDArray[np.uint64] | None = None
    for column in columns:
        width = _width(column)
        if sum(widths) + width > bits:
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
