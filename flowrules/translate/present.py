"""Printing a ruleset's results as SiLK's tools print them: always delimited, nothing padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np

from flowrules.engine.results import Frame, Results, Scalar, Series, TableResult
from flowrules.flows.setcat import (
    Layout,
    cidr_lines,
    count_lines,
    network_structure_lines,
    range_lines,
    set_lines,
    statistics_lines,
)
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.text import format_time
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import format_address
from flowrules.model.fields import ATTRIBUTES, TCP_FLAGS
from flowrules.translate.aggregate import INTERVALS
from flowrules.translate.fields import KeyField, ValueField
from flowrules.translate.outputs import BagText, Bins, Count, Output, Overall, SetText, Statistics
from flowrules.translate.switches import Switches

_PRINTED_ATTRIBUTES = {"T": ATTRIBUTES["T"], "C": ATTRIBUTES["C"], "F": ATTRIBUTES["F"], "S": ATTRIBUTES["S"]}
_STYLES = {"epoch": "epoch", "iso": "iso", "default": "default", "": "default"}


def lines_of(output: Output, results: Results, ruleset: str, conf: SilkConf) -> Iterator[str]:
    """What the tool prints, line by line; records are printed by ``translate.records``."""
    match output:
        case SetText():
            yield from _set_text(output, results, ruleset)
        case Bins():
            table = results.tables[f"{ruleset}:{output.table}"]
            yield from (
                _stats(output, table) if output.switches.tool == "rwstats" else _uniq(output, table, conf)
            )
        case Count():
            yield from _count(output, results.tables[f"{ruleset}:{output.table}"])
        case BagText():
            yield from _bag(output, results.tables[f"{ruleset}:{output.table}"], conf)
        case Overall():
            yield from _overall(output, results, ruleset)
        case Statistics():
            yield from _statistics(output, results, ruleset)
        case _:
            raise TypeError(f"{type(output).__name__} is printed elsewhere")


def delimiter_of(switches: Switches) -> str:
    """The column separator asked for."""
    return switches.get("column-separator") or "|"


def _style(switches: Switches) -> str:
    wanted = (switches.get("timestamp-format") or "default").split(",")[0]
    if wanted not in _STYLES:
        raise switches.refuse("timestamp-format", f"found {wanted!r}, expected default, iso or epoch")
    return _STYLES[wanted]


# ---- cells --------------------------------------------------------------------------------------------


def _time(ms: int, style: str) -> str:
    """A time of whole seconds."""
    if style == "epoch":
        return str(ms // 1000)
    return format_time(ms, style).rpartition(".")[0]


def _cell(title: str, value: Scalar, style: str) -> str:
    if value is None:
        return "UNKNOWN" if title[:4] in ("src-", "dst-") else "?" if title == "sensor" else ""
    match title:
        case "sIP" | "dIP" | "nhIP" if isinstance(value, int):
            return format_address(value)
        case "sTime" | "eTime" | "sTime-Earliest" | "eTime-Latest" if isinstance(value, int):
            return _time(value, style)
        case "duration" if isinstance(value, int):
            return str(value // 1000)
        case "flags" | "initialFlags" | "sessionFlags" if isinstance(value, int):
            return "".join(letter for letter, bit in TCP_FLAGS.items() if value & bit)
        case "attributes" if isinstance(value, int):
            return "".join(letter for letter, bit in _PRINTED_ATTRIBUTES.items() if value & bit)
    return str(value)


def _rank(title: str, value: Scalar, conf: SilkConf) -> tuple[int, int, str]:
    """How SiLK sorts a key: addresses as 128-bit numbers, sensors and types by their ids."""
    if value is None:
        return (1, 0, "")
    if isinstance(value, str):
        if title == "sensor":
            found = conf.sensor_id(value)
            return (0, 65535 if found is None else found, value)
        if title == "type":
            ids = conf.flowtype_ids(value)
            return (0, ids[0] if ids else 255, value)
        return (0, 0, value)
    return (0, int(value), "") if isinstance(value, int) else (0, 0, str(value))


def _key_order(keys: Sequence[KeyField], frame: Frame, conf: SilkConf) -> list[int]:
    columns = [[_rank(k.title, frame[k.column].scalar(r), conf) for r in range(frame.rows)] for k in keys]
    return sorted(range(frame.rows), key=lambda r: tuple(c[r] for c in columns))


def _row(
    keys: Sequence[KeyField], values: Sequence[ValueField], frame: Frame, row: int, style: str
) -> list[str]:
    cells = [_cell(k.title, frame[k.column].scalar(row), style) for k in keys]
    return cells + [_cell(v.title, frame[v.column].scalar(row), style) for v in values]


# ---- rwstats and rwuniq -------------------------------------------------------------------------------


def _titles(output: Bins) -> list[str]:
    return [k.title for k in output.keys] + [v.title for v in output.values]


def _uniq(output: Bins, table: TableResult, conf: SilkConf) -> Iterator[str]:
    delimiter, style = delimiter_of(output.switches), _style(output.switches)
    if not output.switches.has("no-titles"):
        yield delimiter.join(_titles(output))
    for row in _key_order(output.keys, table.frame, conf):
        yield delimiter.join(_row(output.keys, output.values, table.frame, row, style))


def _stats(output: Bins, table: TableResult) -> Iterator[str]:
    switches = output.switches
    delimiter, style = delimiter_of(switches), _style(switches)
    first = output.values[0]
    total = int(table.total) if isinstance(table.total, int | Fraction) else 0
    bottom = switches.has("bottom")
    distinct = first.text.startswith("distinct(")
    titles = not switches.has("no-titles")
    if titles:
        yield f"INPUT: {_input_records(table)} Records for {table.bins} Bins and {total} Total {first.title}"
    if table.frame.rows == 0:
        if titles:
            yield _nothing(output, first, total, bottom)
        return
    if titles:
        yield _summary(output, table, first, total, bottom)
        percents = [] if switches.has("no-percents") else [f"%{first.title}", "cumul_%"]
        yield delimiter.join([*_titles(output), *percents])
    shares = [
        100.0 * _whole(table.frame[first.column], r) / total if total else 0.0
        for r in range(table.frame.rows)
    ]
    order = _stats_order(output, table, style)
    cumulative = list(accumulate(shares[r] for r in order))
    for place, row in enumerate(order):
        cells = _row(output.keys, output.values, table.frame, row, style)
        if not switches.has("no-percents"):
            cells += [f"{shares[row]:.6f}", f"{cumulative[place]:.{4 if distinct else 6}f}"]
        yield delimiter.join(cells)


def _whole(series: Series, row: int) -> int:
    value = series.scalar(row)
    return int(value) if isinstance(value, int | Fraction) else 0


def _input_records(table: TableResult) -> int:
    return table.flows


def _stats_order(output: Bins, table: TableResult, style: str) -> list[int]:
    """By the first value; SiLK leaves the order of equal bins open, here they go by their text."""
    frame = table.frame
    column = frame[output.values[0].column]
    sign = 1 if output.switches.has("bottom") else -1
    texts = [_row(output.keys, output.values, frame, r, style) for r in range(frame.rows)]
    return sorted(range(frame.rows), key=lambda r: (sign * _whole(column, r), texts[r]))


def _summary(output: Bins, table: TableResult, first: ValueField, total: int, bottom: bool) -> str:
    word = "Bottom" if bottom else "Top"
    if not output.limit:
        return f"OUTPUT: {word} {table.frame.rows} Bins by {first.title}"
    limit = output.limit
    if limit.endswith("%"):
        limit = f"{limit} == {int(float(limit[:-1]) * total / 100.0)}"
    return f"OUTPUT: {word} {table.frame.rows} bins by {first.title} ({limit})"


def _nothing(output: Bins, first: ValueField, total: int, bottom: bool) -> str:
    side = "below" if bottom else "above"
    if output.limit.endswith("%"):
        whole = int(float(output.limit[:-1]) * total / 100.0)
        return f"OUTPUT: No bins {side} threshold of {output.limit} ({whole} {first.title})"
    threshold = output.switches.get("threshold")
    if threshold is not None:
        return f"OUTPUT: No bins {side} threshold of {threshold} {first.title}"
    return f"OUTPUT: {'Bottom' if bottom else 'Top'} 0 Bins by {first.title}"


# ---- sets, bags, counts -------------------------------------------------------------------------------


def _set_text(output: SetText, results: Results, ruleset: str) -> Iterator[str]:
    found = results.sets[f"{ruleset}:{output.set}"]
    members = found.addresses if found.addresses is not None else AddressSet.from_ranges(())
    switches = output.switches
    delimiter, layout = delimiter_of(switches), _layout(switches)
    printed = False
    for name, value in switches.given:
        match name:
            case "count-ips":
                yield from count_lines(members)
            case "print-statistics":
                yield from statistics_lines(members)
            case "network-structure":
                yield from network_structure_lines(members, value, layout)
            case "cidr-blocks":
                if value not in ("", "0", "1"):
                    raise switches.refuse("cidr-blocks", f"found {value!r}, expected 0 or 1")
                yield from cidr_lines(members, value != "0")
            case "ip-ranges":
                yield from range_lines(members, Layout(False, delimiter, False))
            case "print-ips":
                yield from set_lines(members)
            case _:
                continue
        printed = True
    if not printed:
        yield from set_lines(members)


def _bag(output: BagText, table: TableResult, conf: SilkConf) -> Iterator[str]:
    switches = output.switches
    delimiter = delimiter_of(switches)
    frame = table.frame
    key, counter = frame[frame.keys[0]], frame[table.measures[0]]
    if switches.has("network-structure"):
        yield from _bag_structure(output, key, counter)
        return
    if switches.has("print-statistics"):
        raise switches.refuse("print-statistics", "statistics of a bag cannot be said")
    order = _key_order((output.key,), frame, conf)
    wanted = switches.get("sort-counters")
    if wanted is not None:
        if wanted not in ("decreasing", "increasing"):
            raise switches.refuse("sort-counters", f"found {wanted!r}, expected increasing or decreasing")
        sign = -1 if wanted == "decreasing" else 1
        order = sorted(order, key=lambda r: sign * _whole(counter, r))
    for row in order:
        yield f"{_bag_key(output.key, key.scalar(row))}{delimiter}{_whole(counter, row)}"


def _bag_key(key: KeyField, value: Scalar) -> str:
    if isinstance(value, int) and key.title in (
        "flags",
        "initialFlags",
        "sessionFlags",
        "attributes",
        "sTime",
        "eTime",
        "duration",
    ):
        return (
            str(value // 1000)
            if key.title in ("sTime", "eTime", "duration")
            else _cell(key.title, value, "epoch")
        )
    return _cell(key.title, value, "epoch")


def _bag_structure(output: BagText, key: Series, counter: Series) -> Iterator[str]:
    from flowrules.flows.network_structure import parse_structure, structure_lines

    structure = parse_structure(output.switches.get("network-structure") or "")
    pairs = sorted((int(str(key.scalar(r))), _whole(counter, r)) for r in range(len(key)))
    if structure.version == 4:
        pairs = [(a, c) for a, c in pairs if a >> 32 == 0xFFFF]
    ranges = [(a, a) for a, _ in pairs]
    yield from structure_lines(ranges, structure, [c for _, c in pairs], _layout(output.switches))


def _layout(switches: Switches) -> Layout:
    """The spacing of network structures, which keep SiLK's columns unless told otherwise."""
    plain = switches.has("delimited") or switches.has("no-columns")
    final = not (switches.has("delimited") or switches.has("no-final-delimiter"))
    return Layout(not plain, delimiter_of(switches), final)


def _count(output: Count, table: TableResult) -> Iterator[str]:
    delimiter, style = delimiter_of(output.switches), _style(output.switches)
    frame = table.frame
    date = frame[frame.keys[0]]
    columns = [frame[m] for m in table.measures]
    if not output.switches.has("no-titles"):
        yield delimiter.join(("Date", "Records", "Bytes", "Packets"))
    for row in np.argsort(date.values, kind="stable").tolist():
        ms = int(str(date.scalar(row)))
        shown = _time(ms, style) if ms % 1000 == 0 or style != "epoch" else f"{ms // 1000}.{ms % 1000:03d}"
        yield delimiter.join([shown, *(_two_decimals(c.scalar(row)) for c in columns)])


def _two_decimals(value: Scalar) -> str:
    return f"{float(value):.2f}" if isinstance(value, int | float | Fraction) else "0.00"


# ---- statistics ---------------------------------------------------------------------------------------


def _overall(output: Overall, results: Results, ruleset: str) -> Iterator[str]:
    whole = 0
    for protocol, name in output.tables:
        frame = results.tables[f"{ruleset}:{name}"].frame
        flows = _whole(frame["flows"], 0)
        whole = whole or flows
        if protocol:
            yield f"FLOW STATISTICS--PROTOCOL {protocol}:  {flows}/{whole} records"
        else:
            yield f"FLOW STATISTICS--ALL PROTOCOLS:  {flows} records"
        if not flows:
            continue
        for field_name, title in (
            ("bytes", "BYTES"),
            ("packets", "PACKETS"),
            ("bytes_per_packet", "BYTES/PACKET"),
        ):
            yield from _intervals(frame, field_name, title, flows, delimiter_of(output.switches))


def _intervals(frame: Frame, field_name: str, title: str, flows: int, delimiter: str) -> Iterator[str]:
    limits = INTERVALS[field_name]
    low, high = (frame[f"{m}_{field_name}"].scalar(0) for m in ("min", "max"))
    yield f"*{title} min {int(_exact(low))}; max {int(_exact(high))}"
    below = [0]
    for place in range(len(limits) - 1):
        below.append(int(_exact(frame[f"{field_name}_{place}"].scalar(0)) * flows))
    below.append(flows)
    quartiles = [_quantile(share, below, limits, flows) for share in (0.25, 0.5, 0.75)]
    lower, middle, upper = quartiles
    yield f"  quartiles LQ {lower:.5f} Med {middle:.5f} UQ {upper:.5f} UQ-LQ {upper - lower:.5f}"
    yield delimiter.join(("interval_max", "count<=max", "%_of_input", "cumul_%"))
    for place, limit in enumerate(limits):
        count = below[place + 1] - below[place]
        share, running = 100.0 * count / flows, 100.0 * below[place + 1] / flows
        yield delimiter.join((str(limit), str(count), f"{share:.6f}", f"{running:.6f}"))


def _exact(value: Scalar) -> Fraction:
    return Fraction(value) if isinstance(value, int | float | Fraction) else Fraction(0)


def _quantile(share: float, below: Sequence[int], limits: Sequence[int], flows: int) -> float:
    """A quartile interpolated within its interval, as rwstats estimates it."""
    target = flows * share
    for place, limit in enumerate(limits):
        if below[place + 1] >= target and below[place + 1] > below[place]:
            start = limits[place - 1] if place else 0
            inside = (target - below[place]) / (below[place + 1] - below[place])
            return start + inside * (limit - start)
    return float(limits[-1])


def _statistics(output: Statistics, results: Results, ruleset: str) -> Iterator[str]:
    read, passed = (results.tables[f"{ruleset}:{n}"].frame for n in (output.total, output.table))
    counts = {n: (_whole(read[n], 0), _whole(passed[n], 0)) for n in ("flows", "packets", "bytes")}
    files = len(results.flows.sources)
    if not output.volume:
        total, kept = counts["flows"]
        yield f"Files {files:5d}.  Read {total:12d}.  Pass {kept:12d}. Fail {total - kept:12d}."
        return
    yield "     |        Recs|       Packets|         Bytes| Files|"
    rows = (
        ("Total", [t for t, _ in counts.values()], str(files)),
        (" Pass", [p for _, p in counts.values()], ""),
        (" Fail", [t - p for t, p in counts.values()], ""),
    )
    for word, (records, packets, size), shown in rows:
        yield f"{word}|{records:12d}|{packets:14d}|{size:14d}|{shown:>6}|"
