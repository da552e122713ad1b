"""What rwcount prints: a line for each bin of time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from flowrules.engine.results import FlowFacts, Scalar, TableResult
from flowrules.flows.text import format_time
from flowrules.translate.cells import delimiter_of, style_of, time_cell
from flowrules.translate.outputs import Count

_DAY: Final = 86_400_000


def count_lines(output: Count, table: TableResult, flows: FlowFacts) -> Iterator[str]:
    """The bins from the first to the last that have bytes, or between the limits asked for."""
    switches = output.switches
    delimiter = delimiter_of(switches)
    if not switches.has("no-titles"):
        yield delimiter.join(("Date", "Records", "Bytes", "Packets"))
    if not table.flows:
        return
    bins = _bins(output, table)
    for ms in sorted(bins):
        records, octets, packets = bins[ms]
        if switches.has("skip-zeroes") and not records:
            continue
        cells = (f"{float(v):.2f}" for v in (records, octets, packets))
        yield delimiter.join([_label(output, ms, flows), *cells])


def _number(value: Scalar) -> Fraction:
    return Fraction(value) if isinstance(value, int | float | Fraction) else Fraction(0)


def _bins(output: Count, table: TableResult) -> dict[int, tuple[Fraction, Fraction, Fraction]]:
    """Records, bytes and packets of each bin that is printed, by the bin's first ms."""
    frame = table.frame
    date = frame[frame.keys[0]]
    columns = [frame[m] for m in table.measures]
    found: dict[int, tuple[Fraction, Fraction, Fraction]] = {}
    for row in range(frame.rows):
        ms = date.scalar(row)
        records, octets, packets = (_number(c.scalar(row)) for c in columns)
        if isinstance(ms, int):
            found[ms] = (records, octets, packets)
    held = [ms for ms, (_, octets, _) in found.items() if octets]
    first = output.start if output.start is not None else min(held, default=None)
    last = output.end - output.width if output.end is not None else max(held, default=None)
    if first is None or last is None:
        if first is None and last is None:
            return {}
        first = last = first if first is not None else last
    assert first is not None and last is not None
    nothing = (Fraction(0), Fraction(0), Fraction(0))
    return {ms: found.get(ms, nothing) for ms in range(first, last + 1, output.width)}


def _label(output: Count, ms: int, flows: FlowFacts) -> str:
    switches = output.switches
    if switches.has("bin-slots"):
        start = output.start if output.start is not None else _before(output, flows)
        return str((ms - start) // output.width)
    style = style_of(switches)
    if output.width % 1000:
        return format_time(ms, style)
    return time_cell(ms, style, ms % 1000 != 0)


def _before(output: Count, flows: FlowFacts) -> int:
    """Where slots are counted from without a start: some days before the midnight of the first record."""
    first = flows.first or 0
    days = 0 if output.width < 1000 else 7 if output.width > _DAY else 2
    return first - first % _DAY - days * _DAY
