"""Where something stands in a ruleset: files, spans, and how a person counts lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import Final

from attrs import field, frozen

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


@frozen(slots=False)
class SourceText:
    """The text of one ruleset file and the name to show for it."""

    path: str
    text: str = field(repr=False)

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of the first character of each line, whatever the line ends."""
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]


def _path(source: SourceText) -> str:
    return source.path


@frozen
class Span:
    """A piece of a ruleset's text; equal to one of the same offsets in a text of the same name.

    ``start`` and ``end`` are offsets in characters of the decoded text (end exclusive), ``line`` and
    ``column`` count from 1, columns in characters (a tab is one).  Few spans are ever shown, so lines and
    columns are counted when they are asked for.
    """

    source: SourceText = field(eq=_path, repr=_path)
    start: int
    end: int

    @property
    def path(self) -> str:
        """The name to show for the file."""
        return self.source.path

    @property
    def line(self) -> int:
        """The line of the first character."""
        return bisect_right(self.source.line_starts, self.start)

    @property
    def column(self) -> int:
        """The column of the first character."""
        return self.start - self.source.line_starts[self.line - 1] + 1

    @property
    def end_line(self) -> int:
        """The line of ``end``."""
        return bisect_right(self.source.line_starts, self.end)

    @property
    def end_column(self) -> int:
        """The column of ``end``, one after the last character's."""
        return self.end - self.source.line_starts[self.end_line - 1] + 1
