"""The report for a terminal: aligned columns, colours where they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrules.report.document import Block, Grid, Heading, Note

_COLOURS = {"error": "31", "warning": "33", "notice": "36", "info": "2"}


def text_report(blocks: Iterable[Block], color: bool = False) -> str:
    """The blocks as text, each grid aligned; ANSI colours only where ``color`` is true."""
    return "\n".join(_lines(blocks, color)) + "\n"


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text


def _lines(blocks: Iterable[Block], color: bool) -> Iterator[str]:
    first = True
    for block in blocks:
        match block:
            case Heading(level=level, text=text):
                if not first:
                    yield ""
                yield _paint("  " * (level - 1) + text, "1" if level < 3 else "4", color)
                if level == 1 and not first:
                    yield _paint("─" * len(text), "2", color)
            case Note(text=text, severity=severity):
                word = f"{severity}: " if severity in ("warning", "error") else ""
                yield "  " + _paint(word + text, _COLOURS.get(severity, ""), color)
            case Grid():
                yield from _grid(block, color)
        first = False


def _grid(grid: Grid, color: bool) -> Iterator[str]:
    used = [i for i in range(len(grid.columns)) if any(r[i] for r in grid.rows)]
    widths = [max(len(grid.columns[i]), *(len(r[i]) for r in grid.rows), 1) for i in used]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            row[i].rjust(w) if grid.right[i] else row[i].ljust(w) for i, w in zip(used, widths, strict=True)
        ]
        return ("    " + "  ".join(cells)).rstrip()

    yield _paint(line(grid.columns), "2", color)
    severities = "severity" in grid.columns
    for row in grid.rows:
        yield _paint(line(row), _COLOURS.get(row[0], "") if severities else "", color)
    if grid.more:
        yield _paint(f"    … {grid.more:,} more (--limit 0 shows all)", "2", color)
