"""Small rulesets with one fault each, and their twins without it: what is reported of them, and that nothing else is.

Each folder is a code.  ``bad_X.frules`` has a fault of that code and no other, ``good_X.frules`` is the same without
it, ``bad_X.out`` what is printed.  Golden files are written anew with ``UPDATE_GOLDEN=1``.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from flowrules.lint.formats import write
from flowrules.lint.registry import RULES, own_rules
from flowrules.lint.run import LintResult, Surroundings, lint
from flowrules.model.source_text import SourceText
from flowrules.share.search import Search

FOLDER = Path(__file__).parent
TODAY = date(2026, 7, 1)
BAD = sorted(FOLDER.glob("fr*/bad_*.frules"))
GOOD = sorted(FOLDER.glob("fr*/good_*.frules"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def linted(path: Path) -> LintResult:
    search = Search()
    around = Surroundings(search.find_ruleset, search.names)
    source = SourceText(path.name, path.read_text(encoding="utf-8"))
    return lint([source], list(own_rules()), None, around, TODAY)


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_the_fault_is_found_and_nothing_else(path: Path) -> None:
    result = linted(path)
    assert not result.failures
    assert {f.code for f in result.findings} == {path.parent.name.upper()}
    golden = path.with_suffix(".out")
    text = write("text", result)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", GOOD, ids=name_of)
def test_nothing_is_found_in_the_twin(path: Path) -> None:
    result = linted(path)
    assert not result.failures
    assert [(f.code, f.diagnostic.message) for f in result.findings] == []


def test_there_are_many_pairs_and_every_rule_has_some() -> None:
    assert len(BAD) >= 150
    assert {p.name.removeprefix("bad_") for p in BAD} == {p.name.removeprefix("good_") for p in GOOD}
    assert {p.parent.name.upper() for p in BAD} == set(RULES)


def test_a_line_of_a_twin_differs_from_its_fault() -> None:
    for path in BAD:
        twin = path.with_name(path.name.replace("bad_", "good_", 1))
        assert path.read_text() != twin.read_text(), path
