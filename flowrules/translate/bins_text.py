"""What rwstats and rwuniq print of a table."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate

from flowrules.engine.results import Series, TableResult
from flowrules.translate.cells import Surface, delimiter_of, key_cells, key_order, value_cell
from flowrules.translate.outputs import Bins


def bins_lines(output: Bins, table: TableResult, surface: Surface) -> Iterator[str]:
    """The rows of the table, with what the tool says of them."""
    if output.switches.tool == "rwstats":
        yield from _stats(output, table, surface)
        return
    delimiter = delimiter_of(output.switches)
    if not output.switches.has("no-titles"):
        yield delimiter.join(_titles(output))
    for row in key_order(output.keys, table.frame, surface):
        yield delimiter.join(_row(output, table, row, surface))


def _titles(output: Bins) -> list[str]:
    return [k.title for k in output.keys] + [v.title for v in output.values]


def _row(output: Bins, table: TableResult, row: int, surface: Surface) -> list[str]:
    frame = table.frame
    values = [value_cell(v, frame[v.column].scalar(row), surface) for v in output.values]
    return key_cells(output.keys, frame, row, surface) + values


def _stats(output: Bins, table: TableResult, surface: Surface) -> Iterator[str]:
    switches = output.switches
    delimiter = delimiter_of(switches)
    first = output.values[0]
    total = int(table.total) if isinstance(table.total, int | Fraction) else 0
    titles = not switches.has("no-titles")
    if titles:
        yield _input(table, first.title, total)
        summary = _output(output, table, total)
        yield f"OUTPUT: {summary}"
        if summary.startswith("No "):
            return
        percents = [] if switches.has("no-percents") else [f"%{first.title}", "cumul_%"]
        yield delimiter.join([*_titles(output), *percents])
    column = table.frame[first.column]
    order = _order(output, table, surface)
    shares = [100.0 * _whole(column, r) / total if total else 0.0 for r in order]
    for row, share, running in zip(order, shares, accumulate(shares), strict=True):
        cells = _row(output, table, row, surface)
        if not switches.has("no-percents"):
            cells += [f"{share:.6f}", f"{running:.{4 if first.distinct else 6}f}"]
        yield delimiter.join(cells)


def _input(table: TableResult, title: str, total: int) -> str:
    records = f"{table.flows} Record{'' if table.flows == 1 else 's'}"
    text = f"INPUT: {records} for {table.bins} Bin{'' if table.bins == 1 else 's'}"
    return f"{text} and {total} Total {title}" if total > 0 else text


def _output(output: Bins, table: TableResult, total: int) -> str:
    switches = output.switches
    title = output.values[0].title
    bottom = switches.has("bottom")
    word = "Bottom" if bottom else "Top"
    rows = table.frame.rows
    if output.limit == "count":
        number = int(switches.get("count") or "0") or table.bins
        return f"{word} {number} Bin{'' if number == 1 else 's'} by {title}"
    side = "below" if bottom else "above"
    if output.limit == "percentage":
        percent = float(switches.get("percentage") or "0")
        limit = int(percent * total / 100.0)
        if not rows:
            return f"No bins {side} threshold of {percent:.4f}% ({limit} {title})"
        return f"{word} {rows} bins by {title} ({percent:.4f}% == {limit})"
    threshold = int(switches.get("threshold") or "0")
    if not rows:
        return f"No bins {side} threshold of {threshold} {title}"
    return f"{word} {rows} bins by {title} (threshold {threshold})"


def _whole(series: Series, row: int) -> int:
    value = series.scalar(row)
    return int(value) if isinstance(value, int | Fraction) else 0


def _order(output: Bins, table: TableResult, surface: Surface) -> list[int]:
    """By the first value; SiLK leaves the order of equal bins open, here they go by their text."""
    column = table.frame[output.values[0].column]
    sign = 1 if output.switches.has("bottom") else -1
    texts = [_row(output, table, row, surface) for row in range(table.frame.rows)]
    return sorted(range(table.frame.rows), key=lambda r: (sign * _whole(column, r), texts[r]))
