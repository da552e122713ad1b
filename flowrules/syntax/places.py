"""Offsets of a text to its spans, columns and descriptions."""

from __future__ import annotations

from bisect import bisect_right

from flowrules.model.source_text import SourceText, Span


class Places:
    """The places of one text."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.path = source.path

    def span(self, start: int, end: int) -> Span:
        """The span from ``start`` to ``end`` (exclusive), in characters of the text."""
        return Span(self.source, start, end)

    def line_start(self, offset: int) -> int:
        """The offset of the first character of the line that holds ``offset``."""
        starts = self.source.line_starts
        return starts[bisect_right(starts, offset) - 1]

    def column(self, offset: int) -> int:
        """The column of an offset, from 1."""
        return offset - self.line_start(offset) + 1

    def description(self, offset: int) -> str:
        """The ``##`` lines directly above the line of ``offset``, if nothing precedes it on its own line."""
        text, starts = self.source.text, self.source.line_starts
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
