"""The report as Markdown, for tickets and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from flowrules.report.document import Block, Grid, Heading, Note
from flowrules.report.wrapping import printable

_MARKS: Final = re.compile(r"[\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w)|^(?:[#+-]|\d+[.)])(?=[\s#]|$)")
"""What Markdown would take for something else; ``_`` inside a word, and ``#`` inside a line, it does not."""


def markdown_report(blocks: Iterable[Block]) -> str:
    """The blocks as GitHub-flavoured Markdown; all text is escaped."""
    paragraphs: list[str] = []
    for kind, group in groupby(blocks, type):
        if kind is Note:
            # two blanks end a line inside a paragraph
            paragraphs.append("  \n".join(_note(block) for block in group if isinstance(block, Note)))
        else:
            for block in group:
                if isinstance(block, Heading):
                    paragraphs.append("#" * block.level + " " + escaped(block.text))
                elif isinstance(block, Grid):
                    paragraphs.append("\n".join(_grid(block)))
                    if block.more:
                        paragraphs.append(f"… {block.more:,} more")
    return "\n\n".join(paragraphs) + "\n"


def escaped(text: str) -> str:
    """Text such that Markdown shows it as it is, on one line."""
    return _MARKS.sub(lambda mark: _backslashed(mark[0]), printable(text))


def _backslashed(mark: str) -> str:
    return f"{mark[:-1]}\\{mark[-1]}"


def _note(note: Note) -> str:
    return f"**{note.severity}:** {escaped(note.text)}" if note.severity else escaped(note.text)


def _grid(grid: Grid) -> Iterator[str]:
    used = [i for i in range(len(grid.columns)) if any(r[i] for r in grid.rows)]
    yield "| " + " | ".join(escaped(grid.columns[i]) for i in used) + " |"
    yield "|" + "|".join(" ---: " if grid.right[i] else " --- " for i in used) + "|"
    for row in grid.rows:
        yield "| " + " | ".join(escaped(row[i]) for i in used) + " |"
