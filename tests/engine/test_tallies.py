"""Rows and sums by place in shared words, against plain addition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine import tallies
from flowrules.engine.tallies import Tallies

NAMES = ("bytes", "packets")


@pytest.fixture(
    scope="module",
    params=[(tallies.MOST_ROWS, tallies.MOST_SUM), (7, tallies.MOST_SUM), (tallies.MOST_ROWS, 500), (1, 1)],
)
def limits(request: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "MOST_ROWS", request.param[0])
        patch.setattr(tallies, "MOST_SUM", request.param[1])
        yield


pieces = st.lists(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 300), st.integers(0, 1 << 30)), max_size=9),
    max_size=6,
)


def columns(piece: list[tuple[int, int, int]], names: tuple[str, ...]) -> list[Any]:
    return [np.array([row[1 + n] for row in piece], (np.uint32, np.uint64)[n]) for n in range(len(names))]


def expected(given: list[list[tuple[int, int, int]]], size: int) -> tuple[list[int], list[int], list[int]]:
    out = [0] * size, [0] * size, [0] * size
    for place, first, second in (row for piece in given for row in piece):
        out[0][place] += 1
        out[1][place] += first
        out[2][place] += second
    return out


@settings(max_examples=60)
@given(pieces, st.sampled_from([(), NAMES[:1], NAMES]))
def test_counts_and_sums_are_those_of_the_rows(limits: None, given: Any, names: tuple[str, ...]) -> None:
    held = Tallies(names)
    for piece in given:
        held.grow(max((row[0] for row in piece), default=0) + 1)
        held.add(np.array([row[0] for row in piece], np.intp), columns(piece, names))
    held.grow(12)
    size = len(held)
    counts, sums = held.take()
    own = expected(given, size)
    assert counts.tolist() == own[0]
    assert {n: s.tolist() for n, s in sums.items()} == dict(zip(names, own[1:], strict=False))
    assert len(held) == 0


@settings(max_examples=60)
@given(
    pieces,
    st.sampled_from([(), NAMES[:1], NAMES]),
    st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=4),
)
def test_rows_of_places_are_added_up(limits: None, given: Any, names: tuple[str, ...], wanted: Any) -> None:
    # three rows of four places, which come as two of three at first
    held = Tallies(names)
    held.widen((0, 0), (2, 3))
    early = [[row for row in piece if row[0] < 12 and row[0] // 4 < 2 and row[0] % 4 < 3] for piece in given]
    for piece in early:
        held.add(np.array([row[0] // 4 * 3 + row[0] % 4 for row in piece], np.intp), columns(piece, names))
    held.widen((2, 3), (4, 4))
    for piece in given:
        held.add(np.array([row[0] for row in piece], np.intp), columns(piece, names))
    matrix = np.array(wanted, np.bool_)
    counts, sums = held.take_rows(matrix, 4, 3)
    own = [np.array(numbers).reshape(3, 4) for numbers in expected([*early, *given], 12)]
    assert counts.tolist() == (matrix.astype(int) @ own[0]).tolist()
    assert list(sums) == list(names)
    for found, numbers in zip(sums.values(), own[1:], strict=False):
        assert found.tolist() == (matrix.astype(int) @ numbers).tolist()
