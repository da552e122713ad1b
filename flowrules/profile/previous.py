"""Earlier results, read from the JSON that a run printed, for ``previous(…)``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen

from flowrules.engine.results import Frame, SetResult
from flowrules.engine.set_algebra import set_from_keys
from flowrules.engine.world import Earlier, column_of
from flowrules.flows.byte_source import unreadable
from flowrules.flows.errors import FlowFileError
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError, parse_address, parse_cidr
from flowrules.model.program import ProfileDeclaration, Program
from flowrules.model.structural import Structural
from flowrules.model.types import ADDRESS, LABEL, Type

_EXPECTED: Final = "the output of run --format json"


def read_previous(path: Path, program: Program) -> Earlier:
    """The sets, tables and profiles that a program may ask of an earlier run.

    Raises ``FlowFileError`` for what is no such JSON, naming what is wrong and where in it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(str(path), error) from None
    except UnicodeDecodeError as error:
        raise FlowFileError(path, "not UTF-8", offset=error.start, expected=_EXPECTED) from None
    except json.JSONDecodeError as error:
        raise FlowFileError(
            path, f"not JSON: {error.msg.lower()}", line=error.lineno, expected=_EXPECTED
        ) from None
    except (RecursionError, ValueError):
        raise FlowFileError(path, "not JSON that a run prints", expected=_EXPECTED) from None
    if not isinstance(data, dict) or not isinstance(data.get("rulesets"), dict):
        raise FlowFileError(path, "no results of a run", expected=_EXPECTED)
    try:
        return _earlier(Part("rulesets", data["rulesets"]), program)
    except Misfit as error:
        raise FlowFileError(path, f"results that do not fit the rules: {error}") from None


def _earlier(rulesets: Part, program: Program) -> Earlier:
    sets: dict[str, SetResult] = {}
    frames: dict[str, Frame] = {}
    for name, declared in program.sets.items():
        found = rulesets.find(declared.ruleset, "sets", declared.short)
        if found is not None:
            sets[name] = _set(found, declared.parts, declared.names)
    for name, table in program.tables.items():
        found = rulesets.find(table.ruleset, "tables", table.short)
        if found is not None:
            types = {k.name: k.of.type for k in table.keys} | {c.name: c.measure.type for c in table.columns}
            frames[name] = _frame(found, types, tuple(k.name for k in table.keys))
    for name, profile in program.profiles.items():
        found = rulesets.find(profile.ruleset, "profiles", profile.short)
        if found is not None:
            frames[name] = _profile(found, profile, name, sets)
    return Earlier(sets, frames)


def _set(found: Part, parts: tuple[Type, ...], names: Sequence[str]) -> SetResult:
    if parts == (ADDRESS,):
        if found.get("ranges", None).value is not None:
            pairs = [(r.at(0).read(ADDRESS), r.at(1).read(ADDRESS)) for r in found.items("ranges")]
        else:
            pairs = [(a.read(ADDRESS),) * 2 for a in found.items("addresses")]
        try:
            return SetResult(parts, AddressSet.from_ranges((_number(a), _number(b)) for a, b in pairs))
        except ValueError as error:
            raise Misfit(f"{found.where}: {error}") from None
    rows = found.items("rows")
    columns = [column_of(part, [row.at(i).read(part) for row in rows]) for i, part in enumerate(parts)]
    return set_from_keys(parts, names, columns)


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _frame(found: Part, types: Mapping[str, Type], keys: tuple[str, ...]) -> Frame:
    titles = [title.value for title in found.items("columns")]
    missing = [key for key in keys if key not in titles]
    if missing:
        raise Misfit(f"{found.where} has no column {missing[0]}, which is a key now")
    rows = found.items("rows")
    columns = {
        name: column_of(types[name], [row.at(place).read(types[name]) for row in rows])
        for place, name in enumerate(titles)
        if name in types
    }
    return Frame(columns, len(rows), keys)


def _profile(found: Part, profile: ProfileDeclaration, name: str, sets: dict[str, SetResult]) -> Frame:
    hosts = found.items("hosts")
    width = len(profile.parts)
    keys = tuple(f"host{i}" if i else "host" for i in range(width))
    of_hosts = [h.get("host") for h in hosts]
    columns = {
        key: column_of(part, [(h if width == 1 else h.at(i)).read(part) for h in of_hosts])
        for i, (key, part) in enumerate(zip(keys, profile.parts, strict=True))
    }
    members = list(columns.values())
    verdicts = [h.get("verdict").read(LABEL) for h in hosts]
    columns["verdict"] = column_of(LABEL, verdicts)
    features = [h.get("features") for h in hosts]
    for feature in profile.features:
        values = [f.get(feature.short, None).read(feature.type) for f in features]
        columns[feature.short] = column_of(feature.type, values)
    dropped = [h.get("dropped").value is True for h in hosts]
    anomalies = [[a.value for a in h.items("anomalies")] for h in hosts]
    groups: dict[str, list[int]] = {"hosts": list(range(len(hosts)))}
    groups["entries"] = [i for i in range(len(hosts)) if not dropped[i]]
    for verdict in profile.verdicts:
        groups[verdict.short] = [i for i, v in enumerate(verdicts) if v == verdict.short]
    for anomaly in profile.anomalies:
        names = (anomaly.short, f"{profile.short}.{anomaly.short}")
        groups[anomaly.short] = [i for i, of in enumerate(anomalies) if any(n in of for n in names)]
    for which, index in groups.items():
        taken = [m.take(np.array(index, np.intp)) for m in members]
        sets[f"{name}.{which}"] = set_from_keys(profile.parts, keys, taken)
    return Frame(columns, len(hosts), keys)


class Misfit(Exception):
    """Results whose form is another than the rules' now; ``str()`` is one line with the place."""


@frozen(eq=False, repr=False)
class Part(Structural):
    """A part of the JSON and where it stands, ``rulesets.sei.email.sets.mx`` …"""

    where: str
    value: Any

    def get(self, key: str, *default: Any) -> Part:
        """The member of an object; raises ``Misfit`` where this is none, or lacks it without a ``default``."""
        if not isinstance(self.value, dict):
            raise Misfit(f"{self.where} is no object")
        if key not in self.value and not default:
            raise Misfit(f"{self.where} has no {key}")
        return Part(f"{self.where}.{key}", self.value.get(key, *default))

    def find(self, *keys: str) -> Part | None:
        """The member below several keys; ``None`` where one of them is not there."""
        part = self
        for key in keys:
            part = part.get(key, None)
            if part.value is None:
                return None
        return part

    def items(self, key: str) -> list[Part]:
        """The items of a list that is a member of this object."""
        of = self.get(key)
        if not isinstance(of.value, list):
            raise Misfit(f"{of.where} is no list")
        return [Part(f"{of.where}[{i}]", item) for i, item in enumerate(of.value)]

    def at(self, place: int) -> Part:
        """An item of this list."""
        if not isinstance(self.value, list) or place >= len(self.value):
            raise Misfit(f"{self.where} is no list of {place + 1} items or more")
        return Part(f"{self.where}[{place}]", self.value[place])

    def read(self, type_: Type) -> object:
        """The value of a type, as ``report.json_report.value_json`` wrote it; raises ``Misfit``."""
        try:
            return _value(type_, self.value)
        except (TypeError, ValueError, AddressError) as error:
            raise Misfit(f"{self.where}: {error}, expected {_noun(type_)}") from None


def _noun(type_: Type) -> str:
    article = "an" if type_.name[0] in "aeiou" else "a"
    return f"{article} {type_.name}"


def _value(type_: Type, value: Any) -> object:
    """A JSON value as ``report.json_report.value_json`` made it, back in Python's terms."""
    if value is None:
        return value
    if type_.name == "truth" or isinstance(value, bool):
        if type_.name != "truth" or not isinstance(value, bool):
            raise ValueError(f"found {json.dumps(value)[:40]}")
        return value
    match type_.name:
        case "address" | "block" | "time" if not isinstance(value, str):
            raise ValueError(f"found {json.dumps(value)[:40]}")
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
        case "label" | "text":
            wanted: tuple[type, ...] = (str,)
        case _:
            wanted = (int, float)
    if not isinstance(value, wanted):
        raise ValueError(f"found {json.dumps(value)[:40]}")
    return value
