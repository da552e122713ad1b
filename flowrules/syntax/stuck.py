"""Where a parse stopped, and what was found to be wrong there."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Final

from attrs import field, frozen

from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.syntax.diagnostics import Diagnostic, diagnostic

_COMMENT = re.compile(r'"""[\s\S]*?"""|"(?:\\[^\r\n]|[^"\\\r\n])*"|(?P<comment>#[^\r\n]*)')
_BLOB: Final = "A-Za-z0-9_.:/%*'$~?\\\\+-"
_BLOB_BEFORE = re.compile(f"[{_BLOB}]+$")
_BLOB_AFTER = re.compile(f"[{_BLOB}]*")
_LAST_WORD = re.compile(r"([A-Za-z_][\w.]*)\s*$")
_TOKEN = re.compile(r'"""|"(?:\\[^\r\n]|[^"\\\r\n])*"|[A-Za-z_][\w.]*|\d[\w.:/%-]*|[<>!=&|]+|\.\.|\S')


def without_comments(text: str) -> str:
    """The text with its comments made spaces."""
    if "#" not in text:
        return text
    return _COMMENT.sub(lambda m: " " * len(m[0]) if m["comment"] else m[0], text)


@frozen(eq=False, repr=False)
class Fault(Structural):
    """What is wrong between two offsets of a piece.

    ``mend`` replaces the text between them, where what was meant is beyond doubt: the parse goes on with it.
    ``fix`` is the text offered to the author, the mend where nothing else is said; empty: none is offered.
    """

    code: str
    message: str
    start: int
    end: int
    hint: str | None = None
    mend: str | None = None
    fix: str | None = None
    related: tuple[tuple[int, int, str], ...] = ()

    def diagnostic(self, span: Span, place: Callable[[int, int], Span]) -> Diagnostic:
        """The finding, once its place in the file is known; ``place`` makes the spans of related places."""
        related = [(place(start, end), message) for start, end, message in self.related]
        fix = self.mend if self.fix is None else self.fix or None
        return diagnostic(self.code, self.message, span, hint=self.hint, related=related, fix=fix)


@frozen(slots=False)
class Stuck:
    """Where the parser stopped: a piece of text without its comments, the offset, and what could stand there.

    ``word`` is the word of the declaration or line, such as ``filter`` or ``verdict``; ``accepts`` are the
    grammar's terminals.
    """

    text: str = field(converter=without_comments)
    at: int
    accepts: frozenset[str]
    word: str

    @cached_property
    def before(self) -> str:
        """The text up to the place, white space at its end included."""
        return self.text[: self.at]

    @cached_property
    def rest(self) -> str:
        """The text from the place on."""
        return self.text[self.at :]

    @cached_property
    def is_end(self) -> bool:
        """Whether the piece ended too early."""
        return not self.rest.strip()

    @cached_property
    def found(self) -> str:
        """The word, number, string or mark at the place."""
        match = _TOKEN.match(self.rest)
        return match[0] if match else ""

    @cached_property
    def previous(self) -> str:
        """The token before the place."""
        tokens = _TOKEN.findall(self.before)
        return tokens[-1] if tokens else ""

    @cached_property
    def previous_word(self) -> tuple[str, int]:
        """The name directly before the place and its offset (``("", at)`` if none is)."""
        match = _LAST_WORD.search(self.before)
        return (match[1], match.start(1)) if match else ("", self.at)

    @cached_property
    def blob(self) -> tuple[int, str]:
        """The run of characters without space or bracket around the place, with its offset."""
        left = _BLOB_BEFORE.search(self.before)
        start = left.start() if left else self.at
        right = _BLOB_AFTER.match(self.rest)
        return start, self.text[start : self.at + (right.end() if right else 0)]

    @property
    def in_predicate(self) -> bool:
        """Whether an operand of a predicate has just ended."""
        return "HAS" in self.accepts

    def can(self, *terminals: str) -> bool:
        """Whether one of the terminals could stand here."""
        return any(terminal in self.accepts for terminal in terminals)

    def here(self, length: int | None = None) -> tuple[int, int]:
        """The place of what was found."""
        return self.at, self.at + (len(self.found) if length is None else length)
