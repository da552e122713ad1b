"""Whatever the text, the parser answers: with a tree or with findings, and with places inside the text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrules.model.source_text import SourceText
from flowrules.syntax.diagnostics import render, to_json
from flowrules.syntax.parser import parse, parse_value
from flowrules.syntax.source_file import decode
from flowrules.syntax.tokens import tokens

EXAMPLES = [
    p.read_text(encoding="utf-8") for p in sorted((Path(__file__).parent / "examples").glob("*.frules"))
]
PIECES = [
    *sorted({word for text in EXAMPLES for word in text.split()}),
    "(", ")", "{", "}", "[", "]", '"', '"""', "'", ",", ":", "=", "==", "&&", "||", "!", "-", "..", "/", "@", "#",
    "\n", "\r\n", "\t", "\0", "\u00a0", "é", "日", ";", "//", "/*", "*/", "--dport", "80-", "5m", "10/8", "300.1.1.1",
]  # fmt: skip

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(text: str) -> None:
    source = SourceText("random.frules", text)
    result = parse(source)
    for d in result.diagnostics:
        assert d.span is not None
        assert 0 <= d.span.start <= d.span.end <= len(text)
        for span, _ in d.related:
            assert 0 <= span.start <= span.end <= len(text)
        assert to_json(d)["line"] == d.span.line
    for node in result.file.walk():
        assert 0 <= node.span.start <= node.span.end <= len(text)
    render(result.diagnostics, {source.path: source}, color=True, width=60)
    for token in tokens(source):
        assert text[token.span.start : token.span.end] == token.text


@quick
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    check(text)


@quick
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    source, faults = decode(data, "random.frules")
    if not faults:
        check(source.text)
    else:
        assert source.text == ""


@quick
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from([" ", "\n", ""]))
def test_any_sequence_of_words(words: list[str], between: str) -> None:
    check(between.join(words))


@quick
@given(st.sampled_from(EXAMPLES), st.data())
def test_an_example_with_a_piece_changed(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 12)))
    new = data.draw(st.one_of(st.just(""), st.sampled_from(PIECES), st.text(max_size=4)))
    check(text[:start] + new + text[end:])


@quick
@given(st.sampled_from(EXAMPLES), st.data())
def test_a_broken_declaration_leaves_the_others(text: str, data: st.DataObject) -> None:
    items = parse(SourceText("x", text)).file.items
    broken = data.draw(st.integers(0, len(items) - 1))
    span = items[broken].span
    result = parse(SourceText("x", f"{text[: span.start]}filter broken = tcp and{text[span.end :]}"))
    assert [d.code for d in result.diagnostics] == ["FR101"]
    assert "broken" in result.broken
    assert len(result.file.items) == len(items) - 1


@quick
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join)))
def test_any_value(text: str) -> None:
    value, diagnostics = parse_value(SourceText("--set", text))
    assert (value is None) == bool(diagnostics)
