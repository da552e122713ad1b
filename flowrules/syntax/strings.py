r"""Strings: their escapes (``\" \\ \n \{``), and texts that show values in ``{…}``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from flowrules.model.structural import Structural
from flowrules.syntax.marks import RESERVED

_ESCAPES: Final = {'"': '"', "\\": "\\", "n": "\n", "{": "{"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINE_END = re.compile(r"\r\n?")
_PIECE = re.compile(r"\\(?P<escape>.)|(?P<open>\{)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


@frozen(eq=False, repr=False)
class UnknownEscape(Structural):
    r"""A backslash and the character after it, such as ``\s``, at an offset of the literal."""

    offset: int
    text: str


@frozen(eq=False, repr=False)
class Hole(Structural):
    """The text between the braces of a template; ``closed`` is false where no ``}`` follows.

    ``offset`` is that of the text after ``{``, in the literal.
    """

    offset: int
    text: str
    closed: bool = True


def is_triple(text: str) -> bool:
    r"""Whether a string literal is one of ``\"\"\"…\"\"\"``."""
    return len(text) >= 6 and text.startswith('"""')


def decode(text: str) -> tuple[str, list[UnknownEscape]]:
    r"""The value of a string literal (its quotes included), and escapes that mean nothing.

    ``\"\"\"`` strings stand as they are, with line ends made ``\n``.
    """
    if is_triple(text):
        return _LINE_END.sub("\n", text[3:-3]), []
    inner = text[1:-1]
    if "\\" not in inner:
        return inner, []
    unknown = [
        UnknownEscape(match.start() + 1, match[0])
        for match in _ESCAPE.finditer(inner)
        if match[1] not in _ESCAPES
    ]
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[0]), inner), unknown


def pieces(text: str) -> Iterator[str | Hole | UnknownEscape]:
    r"""The plain text, the holes and the wrong escapes of a string literal, in order.

    ``{`` opens a hole up to the next ``}``; ``\{`` is a brace (in ``\"\"\"`` strings too, where no other
    backslash means anything); a ``}`` outside a hole is itself.
    """
    triple = is_triple(text)
    quotes = 3 if triple else 1
    end = len(text) - quotes
    at, plain = quotes, ""
    while (match := _PIECE.search(text, at, end)) is not None:
        plain += text[at : match.start()]
        at = match.end()
        if match["escape"] is not None:
            if match["escape"] == "{" or (not triple and match["escape"] in _ESCAPES):
                plain += _ESCAPES[match["escape"]]
            elif triple:
                plain += match[0]
            else:
                yield UnknownEscape(match.start(), match[0])
            continue
        if plain:
            yield _LINE_END.sub("\n", plain) if triple else plain
            plain = ""
        close = text.find("}", at, end)
        yield Hole(at, text[at : close if close >= 0 else end], close >= 0)
        at = close + 1 if close >= 0 else end
    plain += text[at:end]
    if plain:
        yield _LINE_END.sub("\n", plain) if triple else plain


def plain_name(text: str) -> tuple[str, ...] | None:
    """The parts of a name, dotted or not, if the text is one and no more (``verdict`` is one too)."""
    if text == "verdict":
        return ("verdict",)
    if not _NAME.fullmatch(text):
        return None
    parts = tuple(text.split("."))
    return None if parts[0] in RESERVED else parts
