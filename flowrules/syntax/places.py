"""Offsets of a text to lines and columns, whatever the line ends."""

from __future__ import annotations

import re
from bisect import bisect_right

from flowrules.model.source_text import SourceText, Span

_LINE_END = re.compile(r"\r\n|\n|\r")


class Places:
    """Makes the spans of one text."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.path = source.path
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(source.text))]

    def span(self, start: int, end: int) -> Span:
        """The span from ``start`` to ``end`` (exclusive), in characters of the text."""
        starts = self._starts
        line = bisect_right(starts, start)
        end_line = bisect_right(starts, end, line - 1)
        return Span(
            self.path,
            start,
            end,
            line,
            start - starts[line - 1] + 1,
            end_line,
            end - starts[end_line - 1] + 1,
        )

    def line_start(self, offset: int) -> int:
        """The offset of the first character of the line that holds ``offset``."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def column(self, offset: int) -> int:
        """The column of an offset, from 1."""
        return offset - self.line_start(offset) + 1

    def description(self, offset: int) -> str:
        """The ``##`` lines directly above the line of ``offset``, if nothing precedes it on its own line."""
        text, starts = self.source.text, self._starts
        line = bisect_right(starts, offset) - 1
        if text[starts[line] : offset].strip():
            return ""
        found: list[str] = []
        while line > 0:
            line -= 1
            above = text[starts[line] : starts[line + 1]].strip()
            if not above.startswith("##") or above.startswith("###"):
                break
            found.append(above[2:].strip())
        return "\n".join(reversed(found))
