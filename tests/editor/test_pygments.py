"""The Pygments lexer: no error token, nothing lost, and the parser's view of what is what."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from pygments.token import Error, Whitespace

from flowrules.editor.pygments_lexer import FrulesLexer
from flowrules.syntax.tokens import Token
from tests.editor.colouring import FILES, disagreements
from tests.strategies.programs import programs

EXPECTED = {
    "keyword": ("Keyword", "Operator.Word"),
    "string": ("String",),
    "comment": ("Comment",),
    "literal": ("Literal",),
}


def coloured(text: str) -> list[tuple[int, int, str]]:
    """Start, end and colour of what is not white space."""
    lexer = FrulesLexer(ensurenl=False, stripnl=False)
    found = [(start, start + len(value), kind) for start, kind, value in lexer.get_tokens_unprocessed(text)]
    assert "".join(text[a:b] for a, b, _ in found) == text
    assert not [text[a:b] for a, b, kind in found if kind is Error]
    return [(a, b, str(kind)) for a, b, kind in found if kind is not Whitespace]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files(path: Path) -> None:
    found = coloured(path.read_text(encoding="utf-8"))

    def colours(token: Token) -> Iterable[str]:
        return (kind for a, b, kind in found if a < token.span.end and b > token.span.start)

    assert not disagreements(path, colours, EXPECTED)


@given(programs())
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_programs_have_no_error_token(text: str) -> None:
    coloured(text)


def test_broken_text_is_coloured_as_far_as_it_goes() -> None:
    lexer = FrulesLexer()
    tokens = list(lexer.get_tokens('filter a = "never closed\nfilter b = $ tcp\n'))
    assert [value for kind, value in tokens if kind is Error] == ["$"]
    assert "b" in [value for _, value in tokens]


def test_pygments_finds_the_lexer() -> None:
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
    from pygments.util import ClassNotFound

    if not [e for e in entry_points(group="pygments.lexers") if e.name == "frules"]:
        pytest.skip("this installation was made before the lexer was registered: pip install -e .")
    try:
        assert isinstance(get_lexer_by_name("frules"), FrulesLexer)
        assert isinstance(get_lexer_for_filename("x.frules"), FrulesLexer)
    except ClassNotFound:
        pytest.fail("the entry point names no lexer")
