"""Rows in order: packed keys against plain sorting, and top n, which looks at few rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowrules
from flowrules.engine.key_words import count_different, in_key_order

COLUMNS = st.integers(1, 40).flatmap(
    lambda rows: st.lists(
        st.one_of(
            st.lists(st.integers(0, 3), min_size=rows, max_size=rows).map(lambda v: np.array(v, np.uint8)),
            st.lists(st.sampled_from([0, 1, (1 << 64) - 1]), min_size=rows, max_size=rows).map(
                lambda v: np.array(v, np.uint64)
            ),
            st.lists(st.sampled_from([-5, 0, 1 << 62]), min_size=rows, max_size=rows).map(
                lambda v: np.array(v, np.int64)
            ),
            st.lists(st.sampled_from([0.5, -1.0]), min_size=rows, max_size=rows).map(np.array),
        ),
        min_size=1,
        max_size=4,
    )
)


@given(COLUMNS)
def test_rows_come_as_plain_sorting_puts_them(columns: list[np.ndarray]) -> None:
    rows = list(zip(*(c.tolist() for c in columns), strict=True))

    order, new = in_key_order(columns, len(rows))

    assert order.tolist() == sorted(range(len(rows)), key=rows.__getitem__)
    assert int(new.sum()) == len(set(rows)) == count_different(columns)


RULES = """\
ruleset order.test { version "1.0.0" title "Order" }

table every = sum(bytes), flows of all per sip
table some  = sum(bytes), flows of all per sip keep top %d %s
table other = sum(bytes), flows of all per sip keep top %d by flows %s
"""


@pytest.mark.parametrize("ties", ["", "with ties"])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 40])
def test_top_n_are_the_first_rows_of_all(count: int, ties: str, tmp_path: Path) -> None:
    place = tmp_path / "rules.frules"
    place.write_text(RULES % (count, ties, count, ties))
    sip = np.repeat((10 << 24) + np.arange(12, dtype=np.uint32), 3)
    size = np.repeat(np.array([5, 9, 9, 1, 7, 9, 3, 5, 2, 1, 7, 8], np.uint32), 3)

    found = flowrules.load(place).run({"sip": sip, "bytes": size, "packets": np.ones(36, np.uint32)}).tables

    every = found["every"].rows()
    last = every[min(count, 12) - 1]
    wanted = [r for n, r in enumerate(every) if n < count or (ties and r[1] == last[1])]
    assert found["some"].rows() == wanted
    assert found["some"].result.bins == 12
    cut = count < 12 and not ties and every[count][1] == last[1]
    assert found["some"].result.cut_ties == cut
    assert len(found["other"].rows()) == (12 if ties else min(count, 12))
