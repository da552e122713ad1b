"""Every message has a golden file: ``messages/NAME.frules`` and what is said of it, ``messages/NAME.txt``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowrules.model.source_text import SourceText
from flowrules.syntax.codes import SYNTAX, Code
from flowrules.syntax.diagnostics import render
from flowrules.syntax.parser import ParseResult, parse
from flowrules.syntax.source_file import read_source

MESSAGES = sorted((Path(__file__).parent / "messages").glob("*.frules"))


def parsed(path: Path) -> tuple[SourceText, ParseResult]:
    source, faults = read_source(path, path.name)
    assert not faults
    return source, parse(source)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_message(path: Path, golden: Callable[[Path, str], None]) -> None:
    source, result = parsed(path)
    assert result.diagnostics
    golden(path.with_suffix(".txt"), render(result.diagnostics, {source.path: source}))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_messages_follow_the_house_style(path: Path) -> None:
    source, result = parsed(path)
    for d in result.diagnostics:
        assert d.span is not None
        assert 0 <= d.span.start <= d.span.end <= len(source.text)
        assert not d.message[0].isupper(), d.message
        assert not d.message.endswith("."), d.message
        assert "\n" not in d.message
        assert "Token(" not in d.message
        assert d.hint is None or not d.hint.endswith("."), d.hint


def test_every_code_of_the_parser_has_a_message() -> None:
    shown = {d.code for path in MESSAGES for d in parsed(path)[1].diagnostics}
    elsewhere = {"FR128", "FR129"}  # files that are no text: test_source_file.py
    assert shown | elsewhere >= {code.code for code in SYNTAX}


@pytest.mark.parametrize("code", [c for c in SYNTAX if c.bad], ids=lambda c: c.code)
def test_example_of_a_code(code: Code) -> None:
    bad, good = parse(SourceText("bad", code.bad)), parse(SourceText("good", code.good))
    assert [d.code for d in bad.diagnostics] == [code.code]
    assert not good.diagnostics


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_fix_removes_its_finding(path: Path) -> None:
    source, result = parsed(path)
    for d in result.diagnostics:
        if d.fix is None:
            continue
        span = d.fix.span
        mended = source.text[: span.start] + d.fix.text + source.text[span.end :]
        again = parse(SourceText(source.path, mended)).diagnostics
        same = [a for a in again if (a.code, a.message) == (d.code, d.message)]
        was = [a for a in result.diagnostics if (a.code, a.message) == (d.code, d.message)]
        assert len(same) < len(was), (d.message, d.fix.text)
