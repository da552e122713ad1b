"""Sums by group are exact, past 64 bits too."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowrules.engine.exact_sums import ExactSquares, ExactSums

values = st.lists(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-(2**62), 2**63 - 1)), max_size=8), max_size=5
)


@given(values, st.integers(0, 5))
def test_sums_and_squares_are_those_of_python(batches: list[list[tuple[int, int]]], cut: int) -> None:
    parts = [(ExactSums(), ExactSquares()) for _ in range(2)]
    sums, squares = [0] * 5, [0] * 5
    for place, batch in enumerate(batches):
        groups = np.array([g for g, _ in batch], np.intp)
        numbers = np.array([v for _, v in batch], np.int64)
        one, two = parts[place >= cut]
        one.add(groups, 5, numbers)
        two.add(groups, 5, numbers)
        for g, v in batch:
            sums[g] += v
            squares[g] += v * v
    parts[0][0].merge(parts[1][0])
    parts[0][1].merge(parts[1][1])
    assert parts[0][0].totals(5).tolist() == sums
    assert parts[0][1].totals(5).tolist() == squares


def test_the_largest_counters_add_up() -> None:
    sums = ExactSums()
    for _ in range(3):
        sums.add(None, 2, np.full(4, 2**64 - 1, np.uint64))
    assert sums.totals(2).tolist() == [0, 12 * (2**64 - 1)]
