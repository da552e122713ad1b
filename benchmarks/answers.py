"""Answers in one form, whoever gave them: columns of whole numbers, rows in one order; and their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Columns = list[Any]


def digests(tables: Mapping[str, Iterable[Any]]) -> dict[str, str]:
    """A short digest of each table, equal where its rows are the same in any order."""
    return {name: digest(columns_of(table)) for name, table in tables.items()}


def columns_of(table: Any) -> Columns:
    """The columns of a frame of Polars or pandas, of an Arrow table, or of a list of columns."""
    if hasattr(table, "get_columns"):
        return [c.to_numpy() for c in table.get_columns()]
    if hasattr(table, "itertuples"):
        return [table[name].to_numpy() for name in table.columns]
    if hasattr(table, "itercolumns"):
        return [c.to_numpy() for c in table.itercolumns()]
    return [np.asarray(c) for c in table]


def digest(columns: Columns) -> str:
    """A digest of rows in any order; numbers of every type are compared by value, nothing (a sum of none) is 0."""
    whole = [_whole(c) for c in columns]
    if whole:
        order = np.lexsort(whole[::-1])
        whole = [c.take(order) for c in whole]
    hashed = hashlib.sha256()
    for column in whole:
        hashed.update(len(column).to_bytes(8, "little") + column.tobytes())
    return hashed.hexdigest()[:16]


def _whole(column: Any) -> Any:
    if column.dtype == object:
        column = np.array([int(v or 0) for v in column.tolist()], np.uint64)
    elif column.dtype.kind == "f":
        column = np.nan_to_num(column)
        if not (column == np.floor(column)).all():
            raise ValueError("answers are whole numbers")
    return column.astype(np.uint64)
