"""The profile as a document of headings, notes and grids, which text and Markdown then set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from attrs import field, frozen

from flowrules import __version__
from flowrules.engine.results import Series, SetResult, TableResult
from flowrules.model.types import Type
from flowrules.model.value_text import format_duration, format_time, format_value
from flowrules.profile.entries import cell_text as entry_text
from flowrules.profile.findings import EntryRow, NetworkProfile, ProfileFindings

GROUPED = frozenset({"count", "bytes"})
"""Types whose whole numbers are printed in full with thousands separators."""
LONGEST_LIST = 80
"""How many characters of a list a grid shows; CSV and JSON have all of it."""


@frozen
class Heading:
    """A heading of level 1 (ruleset), 2 (kind of thing) or 3 (thing)."""

    level: int
    text: str


@frozen
class Note:
    """A line of text; ``severity`` colours it (``info notice warning error`` or empty)."""

    text: str
    severity: str = ""


@frozen
class Grid:
    """Rows under column names; ``right`` says which columns are numbers."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = field(repr=False)
    right: tuple[bool, ...]
    more: int = 0
    """How many rows were left out."""
    severity: int | None = None
    """The column that holds severities, if any: it is coloured by them."""


Block = Heading | Note | Grid


def document(profile: NetworkProfile, limit: int | None = 20) -> Iterator[Block]:
    """The blocks of the report; ``limit`` rows of each grid (``None``: all of them)."""
    flows = profile.results.flows
    span = ""
    if flows.first is not None and flows.last is not None:
        span = f", {format_time(flows.first)} to {format_time(flows.last)}"
    sources = f"{len(flows.sources)} source" + ("s" if len(flows.sources) != 1 else "")
    yield Heading(1, f"flowrules {__version__}")
    yield Note(f"{flows.records:,} flows from {sources}{span}")
    scans = f"{profile.results.scans} scan" + ("s" if profile.results.scans != 1 else "")
    yield Note(f"direction by {flows.direction_by}; {scans}")
    for note in profile.notes():
        yield Note(note, "notice")
    yield from _checks(profile)
    withheld = profile.withheld()
    for name in profile.shown():
        yield from _ruleset(profile, name, withheld, limit)


def _checks(profile: NetworkProfile) -> Iterator[Block]:
    for check in profile.checks:
        if check.holds is True:
            continue
        why = check.because or check.title or "the data do not pass"
        state = "is unknown" if check.holds is None else "does not hold"
        yield Note(f"check {check.name.partition(':')[2]} {state}: {why}", check.severity)


def _ruleset(
    profile: NetworkProfile, name: str, withheld: frozenset[str], limit: int | None
) -> Iterator[Block]:
    program, results = profile.program, profile.results
    metadata = program.rulesets[name].metadata
    title = ", ".join(metadata.get("title", ()))
    version = "".join(f" {v}" for v in metadata.get("version", ())[:1])
    yield Heading(1, f"{name}{version}" + (f": {title}" if title else ""))
    if name in withheld:
        yield Note("results withheld: a check with severity error does not hold", "error")
        return
    sets = {n: s for n, s in results.sets.items() if n in program.sets and program.sets[n].ruleset == name}
    if sets:
        yield Heading(2, "Sets")
        rows = [
            (program.sets[n].short, f"{s.count():,}", _few(s), program.sets[n].title) for n, s in sets.items()
        ]
        yield Grid(("set", "members", "first", "title"), rows, (False, True, False, False))
    for n, table in results.tables.items():
        if program.tables[n].ruleset == name:
            yield from _table(program.tables[n].short, program.tables[n].title, table, limit)
    for n, found in profile.profiles.items():
        if n.partition(":")[0] == name:
            yield from _profile(found, limit)
    anomalies = [a for a in profile.anomalies if a.name.partition(":")[0] == name]
    if anomalies:
        yield Heading(2, "Anomalies")
        cut = anomalies if limit is None else anomalies[:limit]
        rows = [
            (
                a.severity,
                a.name.partition(":")[2].rpartition(".")[2],
                ", ".join(format_value(v.type, v.value) for v in list(a.subject.values())[:3]),
                a.because or a.title,
            )
            for a in cut
        ]
        more = len(anomalies) - len(cut)
        yield Grid(("severity", "anomaly", "of", "because"), rows, (False,) * 4, more, 0)


def _few(found: SetResult) -> str:
    from itertools import islice

    from flowrules.model.address_text import format_address

    if found.addresses is not None:
        first = [format_address(a) for a in islice(found.addresses.addresses(), 3)]
    elif found.frame is not None:
        columns = list(found.frame.columns.values())
        first = [
            "(" + ", ".join(format_value(c.type, c.scalar(r)) for c in columns) + ")"
            for r in range(min(3, found.frame.rows))
        ]
    else:
        first = []
    return ", ".join(first) + (", …" if found.count() > len(first) else "")


def shortened(text: str) -> str:
    """A list that is too long for a grid, cut after whole items, with how many it has."""
    if len(text) <= LONGEST_LIST:
        return text
    items = text.split(", ")
    shown = ""
    for item in items:
        if len(shown) + len(item) > LONGEST_LIST:
            break
        shown += f"{item}, "
    return f"{shown}… ({len(items):,} in all)"


def cell_text(type_: Type, value: object) -> str:
    """A value in a grid: whole numbers in full, shares with six decimals as rwstats prints them."""
    if value is None:
        return "unknown"
    if type_.name in GROUPED and isinstance(value, int):
        return f"{value:,}"
    if type_.name in GROUPED and isinstance(value, float | Fraction):
        return f"{float(value):,.2f}"
    if type_.name == "percent" and isinstance(value, int | float | Fraction):
        return f"{float(value) * 100:.6f}%"
    if type_.name == "duration" and isinstance(value, int | float):
        return format_duration(value)
    text = format_value(type_, value)
    return shortened(text) if type_.name == "list" else text


def _numeric(series: Series) -> bool:
    return series.type.name in ("count", "bytes", "number", "percent", "duration", "port")


def _table(name: str, title: str, table: TableResult, limit: int | None) -> Iterator[Block]:
    yield Heading(2, f"Table {name}" + (f": {title}" if title else ""))
    if table.missing is not None:
        yield Note(f"unknown: {table.missing}", "notice")
        return
    first = table.measures[0] if table.measures else ""
    type_ = table.frame.columns[first].type if first else Type("count")
    total = "" if table.total is None else f", {first} {cell_text(type_, table.total)} in all"
    groups = f"{table.bins:,} group" + ("s" if table.bins != 1 else "")
    yield Note(f"{table.flows:,} flows in {groups}{total}; {table.frame.rows:,} kept")
    if table.cut_ties:
        yield Note("rows equal to the last one were cut; write `with ties` to keep them", "notice")
    columns = dict(table.frame.columns)
    for extra, series in (("share", table.share), ("cumulative", table.cumulative)):
        if series is not None and extra not in columns:
            columns[extra] = series
    count = table.frame.rows if limit is None else min(limit, table.frame.rows)
    rows = [tuple(cell_text(c.type, c.scalar(r)) for c in columns.values()) for r in range(count)]
    if rows:
        right = tuple(_numeric(c) for c in columns.values())
        yield Grid(tuple(columns), rows, right, table.frame.rows - count)


def _profile(found: ProfileFindings, limit: int | None) -> Iterator[Block]:
    short = found.name.partition(":")[2]
    yield Heading(2, f"Profile {short}" + (f": {found.title}" if found.title else ""))
    for feature, why in found.missing.items():
        yield Note(f"feature {feature} is unknown: {why}", "notice")
    if not found.hosts:
        yield Note("no hosts")
        return
    yield Note(_verdicts(found))
    cut = found.hosts if limit is None else found.hosts[:limit]
    rows = [
        (
            ", ".join(format_value(v.type, v.value) for v in h.key),
            h.title + (" (dropped)" if h.dropped else ""),
            h.because,
            ", ".join(h.also),
            ", ".join(a.name.rpartition(":")[2].rpartition(".")[2] for a in h.anomalies),
        )
        for h in cut
    ]
    yield Grid(
        ("host", "verdict", "because", "also", "anomalies"), rows, (False,) * 5, len(found.hosts) - len(cut)
    )
    if found.entries:
        yield Heading(3, f"Entries of {short}")
        listed = found.entries if limit is None else found.entries[:limit]
        yield Grid(
            ("protocol", "internal", "port", "external", "port", "name", "comment"),
            [tuple(map(shortened, entry_cells(e)[:-2])) + entry_cells(e)[-2:] for e in listed],
            (False,) * 7,
            len(found.entries) - len(listed),
        )


def _verdicts(found: ProfileFindings) -> str:
    """How many hosts got which verdict, most first."""
    counts: dict[str, int] = {}
    for host in found.hosts:
        title = host.title + (" (dropped)" if host.dropped else "")
        counts[title] = counts.get(title, 0) + 1
    hosts = f"{len(found.hosts):,} host" + ("s" if len(found.hosts) != 1 else "")
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"{hosts}: " + ", ".join(f"{n:,} {title}" for title, n in shown)


def entry_cells(entry: EntryRow) -> tuple[str, ...]:
    """An entry's cells as text; ``any`` is ``*``, as the report's tables print it."""

    def cell(value: str | tuple[object, ...]) -> str:
        return "*" if value == "any" else entry_text(value)

    return (
        "*" if entry.protocol is None else str(entry.protocol),
        cell(entry.internal),
        cell(entry.internal_port),
        cell(entry.external),
        cell(entry.external_port),
        entry.name or "*",
        entry.comment,
    )
