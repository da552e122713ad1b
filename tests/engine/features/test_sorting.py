"""Sorting by packed keys against numpy's own lexsort and Python's sort, at every width."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.features.sorting import dense_codes, sort_order, sort_together, starts_of_runs


@st.composite
def tables(draw: st.DrawFn) -> list[np.ndarray]:
    rows = draw(st.integers(0, 40))
    columns = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["few", "u8", "i64", "u64", "wide"]))
        if kind == "few":
            values, dtype = st.integers(-1, 1), np.int64
        elif kind == "u8":
            values, dtype = st.integers(0, 255), np.uint8
        elif kind == "i64":
            values, dtype = st.sampled_from([-(2**63), -1, 0, 2**63 - 1]), np.int64
        elif kind == "u64":
            values, dtype = st.sampled_from([0, 1, 2**63, 2**64 - 1]), np.uint64
        else:
            values, dtype = st.integers(0, 2**40), np.uint64
        columns.append(np.array(draw(st.lists(values, min_size=rows, max_size=rows)), dtype))
    return columns


@given(tables())
@settings(max_examples=100, deadline=None)
def test_rows_come_in_order(columns: list[np.ndarray]) -> None:
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    order = sort_order(*columns)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert [rows[i] for i in order] == sorted(rows)
    together = sort_together(*columns)
    assert [column.dtype for column in together] == [column.dtype for column in columns]
    assert list(zip(*(column.tolist() for column in together), strict=True)) == sorted(rows)
    distinct = sorted(set(rows))
    assert dense_codes(*columns).tolist() == [distinct.index(row) for row in rows]
    assert starts_of_runs(*together).sum() == len(distinct)
