"""Earlier results, read from the JSON that a run printed, for ``previous(…)``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from flowrules.engine.results import Frame, SetResult
from flowrules.engine.set_algebra import set_from_keys
from flowrules.engine.world import Earlier, column_of
from flowrules.flows.errors import FlowFileError
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError, parse_address, parse_cidr, parse_range
from flowrules.model.program import ProfileDeclaration, Program
from flowrules.model.types import LABEL, Type


def read_previous(path: Path, program: Program) -> Earlier:
    """The sets, tables and profiles that a program may ask of an earlier run.

    Raises ``FlowFileError`` for what is no such JSON, naming what is wrong.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FlowFileError(path, (error.strerror or str(error)).lower()) from None
    except UnicodeDecodeError as error:
        raise FlowFileError(path, "not UTF-8", offset=error.start) from None
    except json.JSONDecodeError as error:
        raise FlowFileError(
            path, f"not JSON: {error.msg.lower()}", line=error.lineno, hint="make it with --format json"
        ) from None
    if not isinstance(data, dict) or not isinstance(data.get("rulesets"), dict):
        raise FlowFileError(path, "no results of a run", expected="the output of run --format json")
    try:
        return _earlier(data["rulesets"], program)
    except (KeyError, TypeError, ValueError, AddressError) as error:
        raise FlowFileError(path, f"results that do not fit the rules: {error}") from None


def _earlier(rulesets: Mapping[str, Any], program: Program) -> Earlier:
    sets: dict[str, SetResult] = {}
    frames: dict[str, Frame] = {}
    for name, declared in program.sets.items():
        found = rulesets.get(declared.ruleset, {}).get("sets", {}).get(declared.short)
        if found is not None:
            sets[name] = _set(found, declared.parts, declared.names)
    for name, table in program.tables.items():
        found = rulesets.get(table.ruleset, {}).get("tables", {}).get(table.short)
        if found is not None:
            types = {k.name: k.of.type for k in table.keys} | {c.name: c.measure.type for c in table.columns}
            frames[name] = _frame(found["columns"], found["rows"], types, tuple(k.name for k in table.keys))
    for name, profile in program.profiles.items():
        found = rulesets.get(profile.ruleset, {}).get("profiles", {}).get(profile.short)
        if found is not None:
            frames[name] = _profile(found, profile, name, sets)
    return Earlier(sets, frames)


def _set(found: Mapping[str, Any], parts: tuple[Type, ...], names: Sequence[str]) -> SetResult:
    if "addresses" in found:
        addresses = [parse_address(a) for a in found["addresses"]]
        return SetResult(parts, AddressSet.from_ranges((a, a) for a in addresses))
    if "ranges" in found:
        return SetResult(parts, AddressSet.from_ranges(parse_range(f"{a}-{b}") for a, b in found["ranges"]))
    columns = [
        column_of(part, [_value(part, row[i]) for row in found["rows"]]) for i, part in enumerate(parts)
    ]
    return set_from_keys(parts, names, columns)


def _frame(
    titles: Sequence[str], rows: Sequence[Any], types: Mapping[str, Type], keys: tuple[str, ...]
) -> Frame:
    columns = {
        name: column_of(types[name], [_value(types[name], row[at]) for row in rows])
        for at, name in enumerate(titles)
        if name in types
    }
    return Frame(columns, len(rows), keys)


def _profile(
    found: Mapping[str, Any], profile: ProfileDeclaration, name: str, sets: dict[str, SetResult]
) -> Frame:
    hosts = found["hosts"]
    keys = tuple(f"host{i}" if i else "host" for i in range(len(profile.parts)))
    columns = {
        key: column_of(part, [_value(part, _part(h["host"], i, len(keys))) for h in hosts])
        for i, (key, part) in enumerate(zip(keys, profile.parts, strict=True))
    }
    members = list(columns.values())
    columns["verdict"] = column_of(LABEL, [h["verdict"] for h in hosts])
    for feature in profile.features:
        values = [_value(feature.type, h["features"].get(feature.short)) for h in hosts]
        columns[feature.short] = column_of(feature.type, values)
    dropped = {h["verdict"] for h in hosts if h["dropped"]}
    groups: dict[str, list[int]] = {"hosts": list(range(len(hosts)))}
    groups["entries"] = [i for i, h in enumerate(hosts) if h["verdict"] not in dropped]
    for verdict in profile.verdicts:
        groups[verdict.short] = [i for i, h in enumerate(hosts) if h["verdict"] == verdict.short]
    for anomaly in profile.anomalies:
        groups[anomaly.short] = [i for i, h in enumerate(hosts) if anomaly.short in h["anomalies"]]
    import numpy as np

    for which, index in groups.items():
        taken = [m.take(np.array(index, np.intp)) for m in members]
        sets[f"{name}.{which}"] = set_from_keys(profile.parts, keys, taken)
    return Frame(columns, len(hosts), keys)


def _part(host: Any, place: int, width: int) -> Any:
    return host if width == 1 else host[place]


def _value(type_: Type, value: Any) -> object:
    """A JSON value as ``report.json_report.value_json`` made it, back in Python's terms."""
    if value is None or isinstance(value, bool):
        return value
    match type_.name:
        case "address":
            return parse_address(value)
        case "block":
            return parse_cidr(value)
        case "time":
            moment = datetime.fromisoformat(value)
            return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
        case "duration":
            return round(Fraction(value) * 1000)
        case "list":
            return tuple(_value(type_.parts[0], v) for v in value)
    return value
