"""Offsets of a text to an editor's positions and back, whatever the editor counts in."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from lsprotocol import types as lsp

from flowrules.model.source_text import Span

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class Positions:
    """The positions of one text; ``encoding``: lines count in ``utf-8``, ``utf-16`` or ``utf-32`` units."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text = text
        self.encoding = encoding
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._plain = text.isascii() or encoding == "utf-32"

    def position(self, offset: int) -> lsp.Position:
        """The position of an offset in characters."""
        line = bisect_right(self._starts, offset) - 1
        return lsp.Position(line, self.width(self._starts[line], offset))

    def offset(self, position: lsp.Position) -> int:
        """The offset of a position; one beyond the end of its line is the line's end."""
        if position.line >= len(self._starts):
            return len(self.text)
        start = self._starts[position.line]
        end = self._line_end(position.line)
        if self._plain:
            return min(start + position.character, end)
        offset, units = start, 0
        while offset < end and units < position.character:
            units += self.width(offset, offset + 1)
            offset += 1
        return offset

    def range(self, start: int, end: int) -> lsp.Range:
        """The range of two offsets."""
        return lsp.Range(self.position(start), self.position(end))

    def of(self, span: Span) -> lsp.Range:
        """The range of a span of this text."""
        return self.range(span.start, span.end)

    def width(self, start: int, end: int) -> int:
        """How many units the characters between two offsets take."""
        if self._plain:
            return end - start
        text = self.text[start:end]
        return len(text.encode("utf-8")) if self.encoding == "utf-8" else len(text.encode("utf-16-le")) // 2

    def lines(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of a stretch of text that lie on one line each, without line ends."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end) - 1
        return [
            (max(start, self._starts[n]), min(end, self._line_end(n)))
            for n in range(first, last + 1)
            if max(start, self._starts[n]) < min(end, self._line_end(n))
        ]

    def whole(self) -> lsp.Range:
        """The range of the whole text."""
        return self.range(0, len(self.text))

    def _line_end(self, line: int) -> int:
        if line + 1 >= len(self._starts):
            return len(self.text)
        end = self._starts[line + 1]
        return end - 2 if self.text[end - 2 : end] == "\r\n" else end - 1
