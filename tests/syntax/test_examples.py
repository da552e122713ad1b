"""The example rulesets: all parse, each declaration by itself as in its file, and their tokens lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.model.source_text import SourceText
from flowrules.syntax import tree
from flowrules.syntax.parser import parse
from flowrules.syntax.tokens import tokens

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.frules"))


def source(path: Path) -> SourceText:
    return SourceText(path.name, path.read_text(encoding="utf-8"))


def test_all_examples_are_here() -> None:
    assert len(EXAMPLES) == 26


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example_parses(path: Path) -> None:
    result = parse(source(path))
    assert result.diagnostics == ()
    assert result.broken == frozenset()
    assert result.file.items


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_each_declaration_alone_is_the_same(path: Path) -> None:
    text = source(path)
    for item in parse(text).file.items:
        alone = parse(SourceText(path.name, text.text[item.span.start : item.span.end]))
        assert alone.diagnostics == ()
        (found,) = alone.file.items
        assert without_text(found) == without_text(item)


def without_text(item: tree.FileItem) -> tree.FileItem:
    """The item without its ``##`` lines, which stand above it."""
    import attrs

    return attrs.evolve(item, text="") if hasattr(item, "text") else item


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_spans_are_of_the_text_and_nested(path: Path) -> None:
    text = source(path)
    file = parse(text).file
    for node in file.walk():
        span = node.span
        assert 0 <= span.start < span.end <= len(text.text)
        assert_place(text.text, span.start, span.line, span.column)
        assert_place(text.text, span.end, span.end_line, span.end_column)
        for child in node.children():
            assert span.start <= child.span.start, (node, child)
            assert child.span.end <= span.end, (node, child)


def assert_place(text: str, offset: int, line: int, column: int) -> None:
    before = text[:offset].split("\n")
    assert (line, column) == (len(before), len(before[-1]) + 1)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_literals_and_names_span_their_own_text(path: Path) -> None:
    text = source(path)
    for node in parse(text).file.walk():
        written = text.text[node.span.start : node.span.end]
        if isinstance(node, tree.Literal | tree.Identifier):
            assert written == node.text
        elif isinstance(node, tree.Name):
            assert written.strip("() ") == node.text


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "dos", "old mac"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_line_ends_change_nothing(path: Path, ends: str) -> None:
    text = source(path)
    other = SourceText(path.name, text.text.replace("\n", ends))
    once, again = parse(text).file, parse(other).file
    for a, b in zip(once.walk(), again.walk(), strict=True):
        if isinstance(a, tree.Literal) and a.text.startswith('"""'):
            assert isinstance(b, tree.Literal)
            assert a.value == b.value
            continue
        assert type(a) is type(b)
        assert (a.span.line, a.span.column) == (b.span.line, b.span.column)
        assert (a.span.end_line, a.span.end_column) == (b.span.end_line, b.span.end_column)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_tokens_with_white_space_are_the_text(path: Path) -> None:
    text = source(path)
    at, rebuilt = 0, ""
    for token in tokens(text):
        gap = text.text[at : token.span.start]
        assert not gap.strip()
        rebuilt += gap + token.text
        at = token.span.end
        assert token.kind != "unknown"
    assert rebuilt + text.text[at:] == text.text
