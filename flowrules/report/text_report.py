"""The report for a terminal: aligned columns, colours where they are wanted, nothing wider than it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import evolve

from flowrules.report.document import Block, Grid, Heading, Note
from flowrules.report.wrapping import columns_of, padded, parts_of, printable, wrapped

COLOURS: Final = {"error": "1;31", "warning": "33", "notice": "36", "info": "2"}
"""The ANSI colour of each severity."""

_INDENT: Final = 4
_GAP: Final = 2
_NARROWEST_TEXT: Final = 28
"""A column of text that would get fewer columns than this is put below its row instead."""

_NARROWEST_LIST: Final = 12
_NARROWEST_WORD: Final = 8
"""Words are cut into pieces of so many columns where a row would else be wider than the terminal."""


def text_report(blocks: Iterable[Block], color: bool = False, width: int | None = None) -> str:
    """The blocks as text, each grid aligned; ANSI colours only where ``color`` is true.

    With ``width`` columns, long texts are wrapped inside their column, or below their row where that would
    be too narrow; numbers and names never are.  ``None``: a row is a line, however long.
    """
    return "\n".join(_lines(blocks, color, width)) + "\n"


def paint(text: str, code: str, color: bool) -> str:
    """Text in an ANSI colour, where colours are wanted."""
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text else text


def _lines(blocks: Iterable[Block], color: bool, width: int | None) -> Iterator[str]:
    first = True
    for block in blocks:
        match block:
            case Heading(level=level, text=text):
                if not first:
                    yield ""
                indent = "  " * (level - 1)
                text = printable(text)
                for line in wrapped(text, None if width is None else width - len(indent)):
                    yield indent + paint(line, "1" if level < 3 else "4", color)
                if level == 1 and not first:
                    yield paint("─" * min(columns_of(text), width or 10_000), "2", color)
            case Note(text=text, severity=severity):
                word = f"{severity}: " if severity in ("warning", "error") else ""
                for place, line in enumerate(
                    wrapped(word + printable(text), None if width is None else width - 4)
                ):
                    yield ("    " if place else "  ") + paint(line, COLOURS.get(severity, ""), color)
            case Grid():
                rows = [tuple(printable(cell) for cell in row) for row in block.rows]
                yield from _grid(evolve(block, rows=rows), color, width)
        first = False


def _grid(grid: Grid, color: bool, width: int | None) -> Iterator[str]:
    used = [i for i in range(len(grid.columns)) if any(r[i] for r in grid.rows)]
    natural = {i: max(columns_of(grid.columns[i]), *(columns_of(r[i]) for r in grid.rows), 1) for i in used}
    widths, below = (natural, ()) if width is None else _fitted(grid, natural, width)
    beside = [i for i in used if i not in below]
    yield paint(_row(grid, beside, widths, [[grid.columns[i]] for i in beside])[0], "2", color)
    for row in grid.rows:
        cells = [wrapped(row[i], widths[i]) for i in beside]
        lines = _row(grid, beside, widths, cells)
        if color and grid.severity is not None:
            word = row[grid.severity]
            lines[0] = lines[0].replace(word, paint(word, COLOURS.get(word, ""), True), 1)
        yield from lines
        for i in below:
            room = None if width is None else width - _INDENT - 4
            for line in wrapped(row[i], room) if row[i] else ():
                yield " " * (_INDENT + 4) + paint(line, "2", color)
    if grid.more:
        yield paint(f"    … {grid.more:,} more (--limit 0 shows all)", "2", color)


def _fitted(grid: Grid, natural: dict[int, int], width: int) -> tuple[dict[int, int], tuple[int, ...]]:
    """Widths of the columns such that a row takes ``width``, and the columns that go below it."""
    widths = dict(natural)
    below: list[int] = []
    flexible = sorted((i for i in natural if not grid.right[i]), key=lambda i: -natural[i])
    for i in flexible:
        excess = _total(widths, below) - width
        if excess <= 0:
            break
        least = _NARROWEST_TEXT if _is_prose(grid, i) else max(_NARROWEST_LIST, _longest_word(grid, i))
        if widths[i] - excess >= min(least, widths[i]):
            widths[i] -= excess
        elif _is_prose(grid, i):
            below.append(i)
        elif i != next(iter(natural)):
            widths[i] = max(min(least, widths[i]), columns_of(grid.columns[i]))
    # words are broken only where nothing else helps, those of the last columns first, at their joints if they can
    others = sorted((i for i in flexible if i not in below and i != next(iter(natural))), reverse=True)
    for longest, columns in ((_longest_part, others[:-1]), (lambda *_: _NARROWEST_WORD, others)):
        for i in columns:
            excess = max(_total(widths, below) - width, 0)
            least = max(longest(grid, i), columns_of(grid.columns[i]))
            widths[i] = max(widths[i] - excess, min(least, widths[i]))
    return widths, tuple(below)


def _total(widths: dict[int, int], below: Sequence[int]) -> int:
    beside = [w for i, w in widths.items() if i not in below]
    return _INDENT + sum(beside) + _GAP * (len(beside) - 1)


def _longest_word(grid: Grid, column: int) -> int:
    return max(columns_of(word) for row in grid.rows for word in row[column].split(" "))


def _longest_part(grid: Grid, column: int) -> int:
    """The longest part of a word between its joints."""
    parts = (part for row in grid.rows for word in row[column].split(" ") for part in parts_of(word))
    return max(columns_of(part) for part in parts)


def _is_prose(grid: Grid, column: int) -> bool:
    """Whether the cells of a column are sentences: they may stand below their row."""
    return any(row[column].count(" ") > 5 for row in grid.rows)


def _row(grid: Grid, beside: Sequence[int], widths: dict[int, int], cells: list[list[str]]) -> list[str]:
    """The lines of a row, its cells next to each other."""
    out: list[str] = []
    for number in range(max(len(c) for c in cells)):
        texts = [
            padded(c[number] if number < len(c) else "", widths[i], grid.right[i])
            for i, c in zip(beside, cells, strict=True)
        ]
        out.append((" " * _INDENT + (" " * _GAP).join(texts)).rstrip())
    return out
