"""Where something stands in a ruleset: files, spans, and how a person counts lines and columns."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Span:
    """A piece of a ruleset's text.

    ``start`` and ``end`` are offsets in characters of the decoded text (end exclusive), ``line`` and
    ``column`` count from 1, columns in characters (a tab is one).
    """

    path: str
    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int


@frozen
class SourceText:
    """The text of one ruleset file and the name to show for it."""

    path: str
    text: str = field(repr=False)
