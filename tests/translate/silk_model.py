"""Scripts of SiLK pipelines evaluated by the plain model: what they print.

It is written for itself: it reads switches, ranges, times and addresses with nothing of the translation's.
"""

from __future__ import annotations

import shlex

from tests.translate.model import bags, bins, filtering, sets
from tests.translate.model.records import (
    CONF,
    Ranges,
    Row,
    address_text,
    attributes_text,
    flags_text,
    rows_of,
    set_of,
)

Stream = list[Row] | bags.Bag | Ranges | None
_TOOLS_OF_SETS = ("rwsettool", "rwsetcat")


def evaluate(script: str) -> list[str]:
    """The lines that the pipelines (one a line) print."""
    files: dict[str, Stream] = {}
    lines: list[str] = []
    for text in script.splitlines():
        stream: Stream = None
        kind = ""
        commands = text.split(" | ")
        for number, command in enumerate(commands):
            tool, *words = shlex.split(command)
            given = [tuple(w[2:].partition("=")[::2]) for w in words if w.startswith("--")]
            operands = [w for w in words if not w.startswith("--")]
            stream, printed, kind = _step(tool, given, operands, stream, files)  # type: ignore[arg-type]
            lines += printed
            if number == len(commands) - 1 and kind == "records":
                assert isinstance(stream, list)
                lines += [record_text(r) for r in stream]  # type: ignore[arg-type]
    return lines


def _step(
    tool: str, given: filtering.Given, operands: list[str], stream: Stream, files: dict[str, Stream]
) -> tuple[Stream, list[str], str]:
    values = dict(given)
    if tool in _TOOLS_OF_SETS:
        found: list[Ranges] = []
        for path in operands or ["-"]:
            found.append(
                stream if path in ("-", "stdin") else files[path] if path in files else list(set_of(path))  # type: ignore[arg-type]
            )
        if tool == "rwsetcat":
            headed = len(found) > 1 and ("count-ips" in values or "print-statistics" in values)
            out: list[str] = []
            for path, ranges in zip(operands or ["-"], found, strict=True):
                out += sets.cat(ranges, given, path if headed else None)
            return None, out, ""
        operation = next(n for n, _ in given if n != "output-path")
        length = int(values.get("mask") or values.get("fill-blocks") or 0)
        result = sets.tool(operation, found, length)
        return _out(result, values.get("output-path", "stdout"), files), [], "set"
    if tool in ("rwbagtool", "rwbagcat"):
        bag = files[operands[0]] if operands else stream
        assert isinstance(bag, bags.Bag)
        if tool == "rwbagcat":
            return None, bags.cat(given, bag), ""
        bag = bags.limit(given, bag)
        made: Stream = (
            bags.cover(bag) if "coverset" in values else bags.invert(bag) if "invert" in values else bag
        )
        return _out(made, values.get("output-path", "stdout"), files), [], "bag"
    rows = _rows(operands, stream, files)
    if tool == "rwfilter":
        return _filter(given, rows, operands, files)
    if tool == "rwset":
        down: Stream = None
        for name, path in given:
            if name.endswith("-file"):
                made = sets.of_rows(bins.versioned(given, rows), name.removesuffix("-file"))
                down = _out(made, path, files) or down
        return down if down is not None else [], [], "set"
    if tool == "rwbag":
        path = values["bag-file"].split(",")[2]
        return _out(bags.of_rows(given, rows), path, files), [], "bag"
    if tool == "rwcut":
        return None, cut(given, bins.versioned(given, rows)), ""
    tools = {"rwuniq": bins.uniq, "rwstats": bins.stats, "rwcount": bins.count}
    return None, tools[tool](given, rows), ""


def _out(made: Stream, path: str, files: dict[str, Stream]) -> Stream:
    if path in ("stdout", "-"):
        return made
    files[path] = made
    return None


def _rows(operands: list[str], stream: Stream, files: dict[str, Stream]) -> list[Row]:
    if not operands:
        assert isinstance(stream, list)
        return stream  # type: ignore[return-value]
    rows: list[Row] = []
    for path in operands:
        found = files[path] if path in files else rows_of(path)
        rows += found  # type: ignore[arg-type]
    return rows


def _filter(
    given: filtering.Given, rows: list[Row], operands: list[str], files: dict[str, Stream]
) -> tuple[Stream, list[str], str]:
    made_sets: filtering.Made = {p: f for p, f in files.items() if isinstance(f, list)}  # type: ignore[misc]
    passed, failed = filtering.passing(given, rows, made_sets)
    values = dict(given)
    down: Stream = None
    for name, path in given:
        kinds = {"pass-destination": passed, "fail-destination": failed, "all-destination": rows}
        if name in kinds:
            made = kinds[name]
            most = int(values.get(f"max-{name[:4]}-records", "0"))
            made = made[:most] if most else made
            if path in ("stdout", "-"):
                down = made
            else:
                files[path] = made
    lines: list[str] = []
    for name in ("print-statistics", "print-volume-statistics"):
        if name in values:
            lines += filtering.statistics(rows, passed, len(operands), name == "print-volume-statistics")
    return down, lines, "records" if down is not None else ""


def _cells(row: Row, names: list[str], maps: dict[str, bins.Map], style: str) -> list[str]:
    cells = []
    for name in names:
        if name in ("stime", "etime"):
            cells.append(bins.time_text(getattr(row, name), style, True))
        elif name == "duration":
            cells.append(f"{row.duration // 1000}.{row.duration % 1000:03d}")
        elif name in ("initialflags", "sessionflags"):
            value = row.initial_flags if name == "initialflags" else row.session_flags
            cells.append(flags_text(value) if row.attributes & 1 else "")
        elif name in ("itype", "icode"):
            part = row.dport >> 8 if name == "itype" else row.dport & 255
            cells.append(str(part) if row.icmp else "")
        elif name in ("sip", "dip", "nhip"):
            cells.append(address_text(getattr(row, name), row.ip_version == 6))
        elif name == "attributes":
            cells.append(attributes_text(row.attributes))
        else:
            number = bins.raw(name, row, (0, 0, 0), maps, 1)
            cells.append(bins.field_text(name, number, maps))
    return cells


_ALL = [
    "sip",
    "dip",
    "sport",
    "dport",
    "protocol",
    "packets",
    "bytes",
    "flags",
    "stime",
    "duration",
    "etime",
    "sensor",
    "in",
    "out",
    "nhip",
    "initialflags",
    "sessionflags",
    "attributes",
    "application",
    "class",
    "type",
    "itype",
    "icode",
]


def record_text(row: Row) -> str:
    """A record with all its fields."""
    return "|".join(_cells(row, _ALL, {}, "epoch"))


def cut(given: filtering.Given, rows: list[Row]) -> list[str]:
    """rwcut."""
    values = dict(given)
    names = _ALL if "all-fields" in values else _ALL[:12]
    if "fields" in values:
        names = bins.names_of(values["fields"])
    number = int(values.get("num-recs", "0")) or len(rows)
    if "tail-recs" in values:
        rows = rows[-int(values["tail-recs"]) :][:number]
    elif "start-rec-num" in values:
        first = int(values["start-rec-num"]) - 1
        last = int(values.get("end-rec-num", first + number))
        rows = rows[first:last]
    elif "end-rec-num" in values:
        last = int(values["end-rec-num"])
        rows = rows[max(last - number, 0) : last]
    else:
        rows = rows[:number]
    style = values.get("timestamp-format", "default")
    titles = [] if "no-titles" in values else ["|".join(bins.TITLES.get(n, n) for n in names)]
    maps = bins.maps_of(given)
    return titles + ["|".join(_cells(r, names, maps, style)) for r in rows]


__all__ = ["CONF", "cut", "evaluate", "record_text"]
