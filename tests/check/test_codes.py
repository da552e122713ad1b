"""Every code's example is reported by that code, and its correction by none."""

from __future__ import annotations

import pytest

from flowrules.check.check import check
from flowrules.check.codes import ALL_CODES, CHECK_CODES
from flowrules.model.source_text import SourceText
from flowrules.syntax.codes import CODES

WITH_EXAMPLES = [c for c in CHECK_CODES.values() if c.bad]


def test_codes_are_unlike_those_of_the_parser() -> None:
    assert not set(CODES) & set(CHECK_CODES)
    assert len({c.name for c in ALL_CODES.values()}) == len(ALL_CODES)


def test_codes_without_an_example_are_those_that_no_text_can_show() -> None:
    assert {c.code for c in CHECK_CODES.values() if not c.bad} == {
        "FR207",
        "FR243",
        "FR601",
        "FR602",
        "FR603",
        "FR604",
        "FR605",
    }


@pytest.mark.parametrize("code", WITH_EXAMPLES, ids=lambda c: c.code)
def test_bad_example_is_reported_once_and_good_one_not(code) -> None:  # type: ignore[no-untyped-def]
    found = check([SourceText("bad.frules", code.bad)]).diagnostics
    assert [d.code for d in found] == [code.code], [d.message for d in found]
    assert found[0].severity == code.severity
    if code.good:
        assert check([SourceText("good.frules", code.good)]).diagnostics == ()
