"""Finding rows of one frame by the keys of another, and putting rows in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.exact import floats
from flowrules.engine.key_words import in_key_order
from flowrules.engine.results import Array, Series
from flowrules.flows.table import widen
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

Index = NDArray[np.intp]


def sort_columns(series: Series) -> list[Array]:
    """Arrays, most significant first, that sort as the values do: IPv4 before IPv6, numbers by size,
    labels by text, lists by their elements, unknown last."""
    known = series.mask()
    columns: list[Array] = [~known]
    values = series.values
    if values.dtype == np.uint32 and series.type.name == "address":
        # all are IPv4
        columns.append(values if series.known is None else np.where(known, values, 0))
        return columns
    if series.type.name in ("address", "block") or values.dtype == ADDRESS:
        wide = widen(values)
        high, low = wide["high"], wide["low"]
        six = ~((high == 0) & (low >> np.uint64(32) == np.uint64(IPV4_MAPPED >> 32)))
        columns += [six, np.where(known, high, 0), np.where(known, low, 0)]
        if series.prefix is not None:
            columns.append(series.prefix)
        return columns
    if series.denominators is not None:
        same = len(values) == 0 or bool((series.denominators == series.denominators[0]).all())
        columns.append(np.where(known, values if same else floats(series), 0))
        return columns
    if values.dtype == object:
        columns.append(_ranks(values, known))
        return columns
    columns.append(np.where(known, values, 0))
    return columns


def _ranks(values: Array, known: NDArray[np.bool_]) -> Array:
    """The rank of each object among the different ones (0 for unknown)."""
    items = values.tolist()
    order = {v: i for i, v in enumerate(sorted({v for v, k in zip(items, known, strict=True) if k}))}
    return np.fromiter((order.get(v, 0) for v in items), np.int64, len(items))


def order_by(columns: Sequence[tuple[Series, bool]], rows: int) -> Index:
    """The order of rows by several columns, most significant first; ``True`` means descending.

    Unknown stays last in both directions; the sort is stable.
    """
    if rows == 0 or not columns:
        return np.arange(rows)
    keys: list[Array] = []
    for series, descending in columns:
        first, *rest = sort_columns(series)
        keys.append(first)
        keys += [_descending(c) for c in rest] if descending else rest
    return in_key_order(keys, rows)[0]


def _descending(column: Array) -> Array:
    if column.dtype == np.bool_:
        return ~column
    if column.dtype == object:
        return -column
    if column.dtype.kind == "u":
        return np.iinfo(column.dtype).max - column
    if column.dtype.kind == "i":
        return ~column
    return -column


def match_rows(left: Sequence[Series], right: Sequence[Series], groups: bool = False) -> Index:
    """For each row of ``left`` the row of ``right`` with equal keys, or -1; unknown keys match nothing.

    Both have the same number of key columns; ``right`` holds each key at most once.  ``groups``: both are
    groups by these keys, where the unknown ones are a group of their own and match each other.
    """
    rows, others = len(left[0]), len(right[0])
    if rows == 0 or others == 0:
        return np.full(rows, -1, np.intp)
    known = np.ones(rows, np.bool_)
    usable = np.ones(others, np.bool_)
    keys: list[Array] = []
    for a, b in zip(left, right, strict=True):
        if groups:
            both = np.concatenate([a.mask(), b.mask()])
            keys += [both, *(np.where(both, key, 0) for key in _common(a, b))]
            continue
        known &= a.mask()
        usable &= b.mask()
        keys += _common(a, b)
    order = np.lexsort(tuple(keys))
    new = np.zeros(rows + others, np.bool_)
    for key in keys:
        ordered = key[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    group = np.empty(rows + others, np.intp)
    group[order] = np.cumsum(new)
    place = np.full(int(group.max()) + 1, -1, np.intp)
    index = np.flatnonzero(usable)
    place[group[rows:][index]] = index
    found = place[group[:rows]]
    return np.where(known, found, -1)


def _lowest_terms(series: Series) -> tuple[Array, Array]:
    """The numerators and denominators of ratios in their lowest terms, so that equal ratios are equal pairs."""
    numerators = series.values.astype(np.int64)
    if series.denominators is None:
        return numerators, np.ones(len(numerators), np.int64)
    denominators = series.denominators.astype(np.int64)
    divisors = np.maximum(np.gcd(numerators, denominators), 1)
    return numerators // divisors, denominators // divisors


def _common(a: Series, b: Series) -> list[Array]:
    """The keys of both sides one after the other, as arrays that compare by value."""
    if a.type.name in ("address", "block") or a.values.dtype == ADDRESS:
        wide = np.concatenate([widen(a.values), widen(b.values)])
        out: list[Array] = [wide["high"], wide["low"]]
        if a.prefix is not None and b.prefix is not None:
            out.append(np.concatenate([a.prefix, b.prefix]))
        return out
    if a.values.dtype == object or b.values.dtype == object:
        both = a.values.tolist() + b.values.tolist()
        codes: dict[object, int] = {}
        return [np.fromiter((codes.setdefault(v, len(codes)) for v in both), np.int64, len(both))]
    if a.denominators is not None or b.denominators is not None:
        return [np.concatenate(parts) for parts in zip(_lowest_terms(a), _lowest_terms(b), strict=True)]
    if a.values.dtype == np.float64 or b.values.dtype == np.float64:
        return [np.concatenate([floats(a), floats(b)])]
    return [np.concatenate([a.values.astype(np.int64), b.values.astype(np.int64)])]
