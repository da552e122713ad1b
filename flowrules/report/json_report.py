"""The profile as JSON: the form that other programs hold on to (docs/output.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import attrs

from flowrules import __version__
from flowrules.engine.features.services import Service
from flowrules.engine.results import Frame, Series, SetResult, TableResult
from flowrules.model.address_text import format_address
from flowrules.model.types import Type
from flowrules.model.value_text import format_block, format_time
from flowrules.profile.findings import (
    AnomalyFinding,
    CheckFinding,
    EntryRow,
    Evidence,
    HostFinding,
    NetworkProfile,
    ProfileFindings,
    Value,
)
from flowrules.report.json_text import Json, json_text
from flowrules.report.parameter_text import parameter_text

LISTED_ADDRESSES = 1_000_000
"""Sets with more addresses than this are given as ranges."""


def json_report(profile: NetworkProfile) -> str:
    """The whole answer as one JSON document, keys in a fixed order."""
    return json_text(to_json(profile))


def to_json(profile: NetworkProfile) -> dict[str, Json]:
    """The whole answer as plain dictionaries, lists, strings and numbers."""
    results, program = profile.results, profile.program
    flows = results.flows
    withheld = profile.withheld()
    return {
        "flowrules": __version__,
        "flows": {
            "records": flows.records,
            "first": None if flows.first is None else format_time(flows.first),
            "last": None if flows.last is None else format_time(flows.last),
            "directions": dict(flows.directions),
            "direction_by": flows.direction_by,
            "sources": [{"path": s.path, "format": s.format, "records": s.records} for s in flows.sources],
        },
        "scans": results.scans,
        "rulesets": {
            name: _ruleset(profile, name) if name not in withheld else _withheld(profile, name)
            for name in profile.shown()
        },
        "checks": [check_json(c) for c in profile.checks],
        "anomalies": [anomaly_json(a) for a in profile.anomalies if a.name.partition(":")[0] not in withheld],
        "parameters": {
            f"{p.ruleset}.{p.short}": {"value": parameter_text(p), "origin": p.origin}
            for p in program.parameters.values()
        },
        "notes": list(profile.notes()),
    }


def _withheld(profile: NetworkProfile, name: str) -> dict[str, Json]:
    failed = [c.name for c in profile.checks if c.severity == "error" and c.holds is not True]
    mine: list[Json] = [f.partition(":")[2] for f in failed if f.partition(":")[0] == name]
    return {"version": _version(profile, name), "withheld": mine}


def _version(profile: NetworkProfile, name: str) -> str | None:
    return next(iter(profile.program.rulesets[name].metadata.get("version", ())), None)


def _ruleset(profile: NetworkProfile, name: str) -> dict[str, Json]:
    results, program = profile.results, profile.program
    sets = {n: s for n, s in results.sets.items() if n in program.sets and program.sets[n].ruleset == name}
    tables = {n: t for n, t in results.tables.items() if program.tables[n].ruleset == name}
    profiles = {n: p for n, p in profile.profiles.items() if n.partition(":")[0] == name}
    return {
        "version": _version(profile, name),
        "sets": {program.sets[n].short: set_json(s) for n, s in sets.items()},
        "tables": {
            program.tables[n].short: table_json(t, program.tables[n].title) for n, t in tables.items()
        },
        "profiles": {n.partition(":")[2]: _profile(p) for n, p in profiles.items()},
    }


def value_json(type_: Type, value: object) -> Json:
    """One value: addresses and times as text, durations in seconds, ratios as float64, unknown as null."""
    match value:
        case None | bool() | str():
            return value
        case tuple() if type_.name == "block":
            return format_block(*value)
        case tuple():
            element = type_.parts[0] if type_.parts else type_
            return [value_json(element, v) for v in value]
        case int() if type_.name == "address":
            return format_address(value)
        case int() if type_.name == "time":
            return format_time(value)
        case int() | float() | Fraction() if type_.name == "duration":
            return value / 1000 if not isinstance(value, Fraction) else float(value / 1000)
        case Fraction():
            return float(value)
        case int() | float():
            return value
    return str(value)


def _column(series: Series) -> list[Json]:
    return [value_json(series.type, series.scalar(r)) for r in range(len(series))]


def _rows(columns: Iterable[Series]) -> list[Json]:
    return [list(row) for row in zip(*(_column(c) for c in columns), strict=True)]


def set_json(found: SetResult) -> dict[str, Json]:
    """A set: its count and its members, sorted by number."""
    if found.addresses is not None:
        out: dict[str, Json] = {"count": found.addresses.count}
        if found.addresses.count <= LISTED_ADDRESSES:
            out["addresses"] = [format_address(a) for a in found.addresses.addresses()]
        else:
            out["ranges"] = [[format_address(a), format_address(b)] for a, b in found.addresses.ranges()]
        return out
    frame = found.frame if found.frame is not None else Frame({}, 0)
    return {"count": frame.rows, "columns": list(frame.columns), "rows": _rows(frame.columns.values())}


def table_json(table: TableResult, title: str = "") -> dict[str, Json]:
    """A table's rows with the share and cumulative share of its first measure."""
    frame = table.frame
    columns = dict(frame.columns)
    for name, series in (("share", table.share), ("cumulative", table.cumulative)):
        if series is not None and name not in columns:
            columns[name] = series
    measured = frame.columns[table.measures[0]].type if table.measures else Type("count")
    out: dict[str, Json] = {
        "title": title,
        "keys": list(frame.keys),
        "measures": list(table.measures),
        "input": {"flows": table.flows, "bins": table.bins, "total": value_json(measured, table.total)},
        "columns": list(columns),
        "rows": _rows(columns.values()),
    }
    if table.cut_ties:
        out["cut_ties"] = True
    if table.missing is not None:
        out["missing"] = table.missing
    return out


def _profile(found: ProfileFindings) -> dict[str, Json]:
    return {
        "title": found.title,
        "hosts": [host_json(found, h) for h in found.hosts],
        "entries": [entry_json(e) for e in found.entries],
        "missing": dict(found.missing),
    }


def host_json(found: ProfileFindings, host: HostFinding) -> dict[str, Json]:
    """A host of a profile with its verdict, features and evidence."""
    key = [value_json(v.type, v.value) for v in host.key]
    return {
        "host": key[0] if len(key) == 1 else key,
        "verdict": host.verdict,
        "dropped": host.dropped,
        "also": list(host.also),
        "features": {n: value_json(v.type, v.value) for n, v in host.features.items()},
        "notes": {n: {k: _plain(v) for k, v in note.items()} for n, note in host.notes.items()},
        "because": host.because,
        "anomalies": [a.name.partition(":")[2] for a in host.anomalies],
        "evidence": [evidence_json(e) for e in host.evidence],
    }


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Fraction():
            return float(value)
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case Service():
            return {name: _plain(v) for name, v in attrs.asdict(value).items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(v) for v in value]
    return str(value)


def _values(values: Mapping[str, Value]) -> dict[str, Json]:
    return {n: value_json(v.type, v.value) for n, v in values.items()}


def evidence_json(evidence: Evidence) -> dict[str, Json]:
    """One condition with the numbers that it saw."""
    margin = evidence.margin
    out: dict[str, Json] = {
        "verdict": evidence.verdict,
        "condition": evidence.condition,
        "values": _values(evidence.values),
        "margin": None if margin is None else value_json(margin.type, margin.value),
        "holds": evidence.holds,
        "file": evidence.file,
        "line": evidence.line,
    }
    if evidence.parts:
        out["parts"] = [evidence_json(p) for p in evidence.parts]
    return out


def entry_json(entry: EntryRow) -> dict[str, Json]:
    """A row of the network's profile."""

    def cell(value: str | tuple[object, ...]) -> Json:
        return value if isinstance(value, str) else [_plain(v) for v in value]

    return {
        "protocol": entry.protocol,
        "internal": cell(entry.internal),
        "internal_port": cell(entry.internal_port),
        "external": cell(entry.external),
        "external_port": cell(entry.external_port),
        "name": entry.name or None,
        "comment": entry.comment or None,
    }


def check_json(check: CheckFinding) -> dict[str, Json]:
    """A check of the data."""
    return {
        "name": check.name.partition(":")[2],
        "ruleset": check.name.partition(":")[0],
        "severity": check.severity,
        "holds": check.holds,
        "because": check.because,
        "file": check.file,
        "line": check.line,
    }


def anomaly_json(anomaly: AnomalyFinding) -> dict[str, Json]:
    """An anomaly that was found."""
    return {
        "name": anomaly.name.partition(":")[2],
        "ruleset": anomaly.name.partition(":")[0],
        "profile": None if anomaly.profile is None else anomaly.profile.partition(":")[2],
        "severity": anomaly.severity,
        "subject": _values(anomaly.subject),
        "because": anomaly.because,
        "file": anomaly.file,
        "line": anomaly.line,
    }
