"""The words are those of the grammar and the catalogues, and each is in one group."""

from __future__ import annotations

import attrs
import pytest

from flowrules.check import builtin
from flowrules.check.check import check
from flowrules.editor import vocabulary
from flowrules.model.measures import MEASURES
from flowrules.model.source_text import SourceText
from flowrules.syntax import words
from flowrules.syntax.grammar import load
from flowrules.syntax.marks import RESERVED


def test_reserved_words_are_the_grammars() -> None:
    assert words.reserved() == RESERVED
    assert len(RESERVED) == 31
    assert words.keywords() >= RESERVED
    assert words.keywords() >= words.DECLARING | words.OPERATORS


def test_keywords_are_the_terminals_that_lark_makes_of_the_grammar() -> None:
    made = {t.text for t in load().terminals if t.text is not None and t.text.isalpha()}
    assert words.keywords() == made


def test_patterns_are_those_that_lark_uses() -> None:
    for terminal in load().terminals:
        if terminal.text is None:
            assert _plain(words.pattern(terminal.name)) == _plain(terminal.pattern)


def _plain(pattern: str) -> str:
    """lark resolves some escapes, and leaves others."""
    for written, meant in (("\\/", "/"), ("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\f")):
        pattern = pattern.replace(written, meant)
    return pattern


def test_groups_hold_every_word_once() -> None:
    groups = attrs.asdict(vocabulary.grouped())
    every = [word for group in groups.values() for word in group]
    assert len(every) == len(set(every))
    wanted = {*words.keywords(), *MEASURES, *builtin.FUNCTIONS, *builtin.FIELDS, *builtin.EITHER_END}
    assert set(every) == wanted | set(builtin.DIRECTIONS) | set(vocabulary.FILTERS)


@pytest.mark.parametrize("name", vocabulary.ATTRIBUTES)
def test_attributes_are_known_to_the_checker(name: str) -> None:
    value = {
        "private": "",
        "deprecated": '("use b")',
        "replaces": "(b)",
        "tags": "(a)",
        "review": "(2027-01-01)",
    }
    result = check([SourceText("x", f"@{name}{value[name]}\nfilter a = tcp\n")])
    assert not result.diagnostics


@pytest.mark.parametrize("name", vocabulary.TYPES)
def test_types_are_known_to_the_checker(name: str) -> None:
    arguments = {"map": "(address)", "table": "(host: address, bytes: bytes)"}.get(name, "")
    result = check([SourceText("x", f"param a : {name}{arguments}\n")])
    assert not [d for d in result.diagnostics if d.is_error]
