"""Entries: the rows of the network's profile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrules.engine.conditions import Scope, holds, value
from flowrules.engine.joins import Index, match_rows
from flowrules.engine.results import Frame, Results
from flowrules.engine.verdicts import hosts_with
from flowrules.model import expression as ex
from flowrules.model.program import Cell, EntryDeclaration, ProfileDeclaration
from flowrules.model.types import LABEL, Type
from flowrules.model.value_text import format_list, format_value
from flowrules.profile.findings import EntryRow
from flowrules.profile.texts import fill, narrowed, words

_PORTED = ("internal", "external")


def entry_rows(profile: ProfileDeclaration, results: Results, scope: Scope) -> list[EntryRow]:
    """The entries of a profile: its hosts that are not dropped and for which ``when`` holds."""
    result = results.profiles[profile.name]
    rows: list[EntryRow] = []
    for number, entry in enumerate(profile.entries):
        index = hosts_with(profile, result, "entries")
        if entry.condition is not None:
            index = np.intersect1d(index, np.flatnonzero(holds(entry.condition, scope)))
        frame = results.entries.get((profile.name, number))
        rows += _rows(profile, entry, frame, scope, index)
    return rows


def _rows(
    profile: ProfileDeclaration, entry: EntryDeclaration, frame: Frame | None, scope: Scope, hosts: Index
) -> list[EntryRow]:
    if frame is None:
        if entry.source is not None or not len(hosts):
            return []
        return _cells(profile, entry, None, narrowed(scope, hosts))
    width = len(scope.host)
    keys = [frame[k] for k in frame.keys[:width]]
    place = match_rows(keys, [s.take(hosts) for s in scope.host]) if len(hosts) else np.full(frame.rows, -1)
    index = np.flatnonzero(place >= 0)
    order = np.argsort(place[index], kind="stable")
    index = index[order]
    return _cells(profile, entry, frame.take(index), narrowed(scope, hosts[place[index]]))


def _cells(
    profile: ProfileDeclaration, entry: EntryDeclaration, frame: Frame | None, scope: Scope
) -> list[EntryRow]:
    rows = scope.rows
    columns: dict[str, Sequence[str | tuple[object, ...]]] = {}
    for number, column in enumerate(entry.columns):
        columns[column.name] = _cell(column.cell, str(number), frame, scope)
        if column.ports is not None:
            columns[f"{column.name}_port"] = _cell(column.ports, f"{number}:", frame, scope)
    protocols: list[int | None] = [None] * rows
    if frame is not None and "protocol" in frame.columns:
        series = frame["protocol"]
        protocols = [int(str(v)) if (v := series.scalar(r)) is not None else None for r in range(rows)]

    def at(name: str, row: int, default: str) -> str | tuple[object, ...]:
        return columns[name][row] if name in columns else default

    return [
        EntryRow(
            profile.ruleset,
            profile.name,
            protocols[row],
            at("internal", row, "any"),
            at("internal_port", row, "any"),
            at("external", row, "any"),
            at("external_port", row, "any"),
            _as_text(at("name", row, "")),
            _as_text(at("comment", row, "")),
            tuple(s.scalar(row) for s in scope.host),
        )
        for row in range(rows)
    ]


def cell_text(cell: str | tuple[object, ...]) -> str:
    """A cell of an entry as people read it: ``any``, an address, ``80, 443, 8000-8080``."""
    if isinstance(cell, str):
        return cell
    if all(isinstance(v, int) for v in cell):
        return format_list(Type("port"), cell)
    return ", ".join(str(v) for v in cell)


def _as_text(cell: str | tuple[object, ...]) -> str:
    return cell if isinstance(cell, str) else ", ".join(str(v) for v in cell)


def _text(cell: Cell, scope: Scope) -> list[str]:
    """A text for each row; one that is nothing but an unknown value is left empty."""
    texts = fill(cell.text, scope)
    parts = cell.text.parts if cell.text is not None else ()
    if len(parts) == 1 and not isinstance(parts[0], str):
        known = value(parts[0], scope).mask()
        return [text if k else "" for text, k in zip(texts, known.tolist(), strict=True)]
    return texts


def _cell(cell: Cell, name: str, frame: Frame | None, scope: Scope) -> Sequence[str | tuple[object, ...]]:
    rows = scope.rows
    match cell.kind:
        case "any":
            return ["any"] * rows
        case "host":
            return words(ex.Host(type=scope.host[0].type), scope)
        case "verdict":
            return words(ex.Verdict(type=LABEL), scope)
        case "text":
            return _text(cell, scope)
        case "list":
            listed = tuple(n for low, high in cell.values for n in range(low, high + 1))
            return [listed] * rows
    series = None
    if frame is not None and name in frame.columns:
        series = frame[name]
    elif (
        frame is not None and isinstance(cell.expression, ex.Column) and cell.expression.name in frame.columns
    ):
        series = frame[cell.expression.name]
    if series is None:
        return words(cell.expression, scope) if cell.expression is not None else ["any"] * rows
    out: list[str | tuple[object, ...]] = []
    spans = isinstance(cell.expression, ex.Measure) and cell.expression.name == "span"
    for row in range(rows):
        found = series.scalar(row)
        if isinstance(found, tuple) and series.type.name == "list" and not spans:
            whole = all(isinstance(v, int) for v in found) and series.type.parts[0].name != "address"
            out.append(found if whole else (format_list(series.type.parts[0], found),))
        elif isinstance(found, tuple) and spans and len(found) == 2:
            out.append(str(found[0]) if found[0] == found[1] else f"{found[0]}-{found[1]}")
        else:
            out.append(format_value(series.type, found))
    return out
