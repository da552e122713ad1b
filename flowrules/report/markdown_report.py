"""The report as Markdown, for tickets and wikis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrules.report.document import Block, Grid, Heading, Note


def markdown_report(blocks: Iterable[Block]) -> str:
    """The blocks as GitHub-flavoured Markdown; cell text is escaped."""
    return "\n".join(_lines(blocks)) + "\n"


def _escape(text: str) -> str:
    for mark in "\\`*_{}[]<>|#":
        text = text.replace(mark, "\\" + mark)
    return text.replace("\n", " ")


def _lines(blocks: Iterable[Block]) -> Iterator[str]:
    first = after_note = True
    for block in blocks:
        match block:
            case Heading(level=level, text=text):
                if not first:
                    yield ""
                yield "#" * level + " " + _escape(text)
                yield ""
            case Note(text=text, severity=severity):
                yield f"**{severity}:** {_escape(text)}  " if severity else f"{_escape(text)}  "
            case Grid():
                if after_note:
                    yield ""
                yield from _grid(block)
        first = False
        after_note = not isinstance(block, Heading)


def _grid(grid: Grid) -> Iterator[str]:
    yield "| " + " | ".join(_escape(c) for c in grid.columns) + " |"
    yield "|" + "|".join(" ---: " if r else " --- " for r in grid.right) + "|"
    for row in grid.rows:
        yield "| " + " | ".join(_escape(c) for c in row) + " |"
    if grid.more:
        yield ""
        yield f"… {grid.more:,} more"
