"""A file's tokens with its comments and blank lines, for tools that must lose nothing: formatter, editor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import cut, marks
from flowrules.syntax.parser import tokens_of
from flowrules.syntax.places import Places


@frozen
class Token:
    """A piece of the text that is not white space, or a blank line.

    ``kind`` is ``keyword`` (a word that means something where it stands), ``name``, ``string``, ``mark``
    (brackets, commas, operators), ``comment``, ``blank_line`` (of no text), ``unknown`` (what could not be
    parsed), or that of a literal: ``number count size percent duration time ipv4 ipv6 cidr wild flags
    flagmask days clock zone version``.
    """

    kind: str
    text: str
    span: Span


_NAMES: Final = {"NAME": "name", "REF": "name", "STRING": "string"}
_GAP = re.compile(r"(?P<comment>#[^\r\n]*)|(?P<line>\r\n|\n|\r)|(?P<other>[^\s#]+)")


def tokens(source: SourceText) -> list[Token]:
    """The tokens of a file in order; with the white space between them they are its whole text.

    The kinds come from the grammar's own terminals as the parser meets them, so ``S`` is flags after ``has``
    and a name elsewhere.  Nothing is raised for what a text holds.
    """
    places = Places(source)
    marked = marks.mark(places)
    found: list[Token] = []
    at = 0
    for piece in cut.cut_file(marked.marks, marked.broken, places).pieces:
        for token in tokens_of(marked.text[piece.start : piece.end]):
            start, end = piece.start + token.start, piece.start + token.end
            found += _gap(places, at, start)
            found.append(
                Token(_kind(token.type, token.text), source.text[start:end], places.span(start, end))
            )
            at = end
    found += _gap(places, at, len(source.text))
    return found


def _kind(terminal: str, text: str) -> str:
    if terminal in _NAMES:
        return _NAMES[terminal]
    if terminal.lower() == text:
        return "keyword"
    return "mark" if not text[0].isalnum() and terminal not in _LITERALS else terminal.lower()


_LITERALS: Final = frozenset({"IPV6", "CIDR", "WILD", "FLAGMASK", "VERSION"})
"""Literals that may begin with a mark: ``::1``, ``/SA``, ``@^1.0``."""


def _gap(places: Places, start: int, end: int) -> Iterator[Token]:
    """Comments, blank lines and unknown text between two tokens."""
    text = places.source.text
    empty = start == 0
    for match in _GAP.finditer(text, start, end):
        if match.lastgroup == "line":
            if empty:
                yield Token("blank_line", "", places.span(match.start(), match.start()))
            empty = True
            continue
        empty = False
        kind = "comment" if match.lastgroup == "comment" else "unknown"
        yield Token(kind, match[0], places.span(match.start(), match.end()))
