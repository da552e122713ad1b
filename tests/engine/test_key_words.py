"""Rows are put in the order of their keys, equal ones as they came, however the keys are packed and sorted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine import key_words

BOUNDS = (2, 5, 1 << 20, 1 << 40, 1 << 63, (1 << 64) - 1)


@pytest.fixture(autouse=True, scope="module")
def few() -> object:
    """Few rows are sorted as many are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_words, "_MANY", 1)
        yield


@st.composite
def columns(draw: st.DrawFn) -> list[np.ndarray]:
    rows = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    out = []
    for bound in draw(st.lists(st.sampled_from(BOUNDS), min_size=1, max_size=4)):
        column = random.integers(0, bound, rows, dtype=np.uint64)
        if draw(st.booleans()):
            column = random.choice(column[:3], rows)
        if draw(st.booleans()):
            column.sort()
            column = np.roll(column, rows // 2)
        out.append(column)
    return out


@given(columns())
@settings(max_examples=300, deadline=None)
def test_rows_are_put_in_the_order_of_all_columns(given: list[np.ndarray]) -> None:
    order, new = key_words.in_key_order(given, len(given[0]))
    assert order.tolist() == np.lexsort(tuple(reversed(given))).tolist()
    rows = list(zip(*(c.take(order).tolist() for c in given), strict=True))
    assert new.tolist() == [i == 0 or row != rows[i - 1] for i, row in enumerate(rows)]


def test_equal_wide_words_stay_as_they_came() -> None:
    random = np.random.default_rng(2)
    word = random.integers(0, 1 << 63, 300, dtype=np.uint64).repeat(3)
    random.shuffle(word)
    order, _ = key_words.in_key_order([word], len(word))
    assert order.tolist() == word.argsort(kind="stable").tolist()
