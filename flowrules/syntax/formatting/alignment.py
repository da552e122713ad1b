"""Neighbouring lines in columns: the pieces of one-line declarations, and the comments that end lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from flowrules.syntax.formatting.declarations import Cells
from flowrules.syntax.formatting.documents import WIDTH, OutLine


def aligned(cells: Sequence[Cells], indent: int) -> list[str]:
    """The texts of neighbours of one kind, padded so that their pieces stand in columns.

    Where a line would so become longer than a line may be, those with a title and those without have
    columns of their own; a line that is then still too long is left as it is, and widens no column.
    """
    everyone = range(len(cells))
    widths = _widths(cells)
    if all(indent + len(_padded(row, widths)) <= WIDTH for row in cells):
        return [_padded(row, widths) for row in cells]
    texts = [_padded(row, {}) for row in cells]
    for titled in (False, True):
        taking_part = {n for n in everyone if cells[n].titled is titled}
        while taking_part:
            widths = _widths([cells[n] for n in taking_part])
            too_long = [n for n in taking_part if indent + len(_padded(cells[n], widths)) > WIDTH]
            if not too_long:
                break
            # The one that is longest by itself gives way: the columns of the others may then be narrower.
            taking_part.discard(max(too_long, key=lambda n: (len(texts[n]), n)))
        for n in taking_part:
            texts[n] = _padded(cells[n], widths)
    return texts


_Column: TypeAlias = tuple[int, bool]


def _columns(cells: Cells) -> Iterator[tuple[_Column, str]]:
    """The pieces but the last, each with its column: behind titles are other columns than behind names."""
    for n, text in enumerate(cells.texts[:-1]):
        yield (n, cells.titled and n > 0), text


def _widths(rows: Sequence[Cells]) -> dict[_Column, int]:
    widths: dict[_Column, int] = {}
    for row in rows:
        for column, text in _columns(row):
            widths[column] = max(widths.get(column, 0), len(text))
    return widths


def _padded(row: Cells, widths: Mapping[_Column, int]) -> str:
    pieces = [text.ljust(widths.get(column, 0)) for column, text in _columns(row)]
    return " ".join([*pieces, row.texts[-1]]).rstrip(" ")


def written(lines: Sequence[OutLine]) -> list[str]:
    """Lines as text, the comments that end neighbouring lines in one column."""
    columns = _comment_columns(lines)
    out: list[str] = []
    for line, column in zip(lines, columns, strict=True):
        if not line.text:
            out += [" " * line.indent + comment for comment in line.comment] or [""]
            continue
        text = " " * line.indent + line.text
        if not line.comment:
            out.append(text)
            continue
        last = text.rpartition("\n")[2]
        out.append(text + " " * (column - len(last)) + line.comment[0])
        out += [" " * column + comment for comment in line.comment[1:]]
    return out


def _comment_columns(lines: Sequence[OutLine]) -> list[int]:
    """Where the comment of each line begins: two columns behind the longest of its neighbours."""
    columns = [0] * len(lines)
    n = 0
    while n < len(lines):
        end = n
        while end < len(lines) and _has_comment(lines[end]) and lines[end].indent == lines[n].indent:
            end += 1
        widest = max((_length(line) for line in lines[n:end]), default=0)
        columns[n:end] = [widest + 2] * (end - n)
        n = max(end, n + 1)
    return columns


def _has_comment(line: OutLine) -> bool:
    return bool(line.text and line.comment)


def _length(line: OutLine) -> int:
    _, line_end, tail = line.text.rpartition("\n")
    return len(tail) if line_end else line.indent + len(line.text)
