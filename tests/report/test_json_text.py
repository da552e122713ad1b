"""JSON as text: the same document as the standard library's, short things on one line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.report.json_text import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=40,
)


@given(VALUES)
def test_it_reads_back_equal(value: object) -> None:
    text = json_text(value)  # type: ignore[arg-type]
    assert json.loads(text) == value
    assert text.endswith("\n")


def test_what_is_short_stands_on_one_line() -> None:
    assert (
        json_text({"a": [1, 2], "b": {"c": None, "d": "x"}}) == '{"a": [1, 2], "b": {"c": null, "d": "x"}}\n'
    )
    assert json_text([]) == "[]\n"
    row = ["203.0.113.33", 154723380928, 0.9194780426]
    assert json_text({"rows": [row] * 3}) == (
        '{\n  "rows": [\n' + ",\n".join(f"    {json.dumps(row)}" for _ in range(3)) + "\n  ]\n}\n"
    )


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text({"a": float("nan")})
