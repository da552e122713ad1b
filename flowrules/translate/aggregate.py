"""rwstats, rwuniq, rwcount and rwcut: tables, and the fields of records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from flowrules.translate.errors import TranslationError
from flowrules.translate.fields import KeyField, ValueField, field_names, key_field, value_field
from flowrules.translate.outputs import Bins, Count, Output, Overall
from flowrules.translate.rwfilter import map_call
from flowrules.translate.switches import Switches
from flowrules.translate.values import duration_text, milliseconds, time_bounds, time_text

Maps = Mapping[str, tuple[str, str]]
Naming = Callable[[str], str]

_SCHEMES: Final = ("uniform", "start", "end", "middle", "time", "maximum", "minimum")
_SCHEME_NAMES: Final = (
    "bin-uniform", "start-spike", "end-spike", "middle-spike", "time-proportional", "maximum-volume", "minimum-volume"
)  # fmt: skip

INTERVALS: Final = {
    "bytes": (40, 60, 100, 150, 256, 1000, 10000, 100000, 1000000, 4294967295),
    "packets": (3, 4, 10, 20, 50, 100, 500, 1000, 10000, 4294967295),
    "bytes_per_packet": (40, 44, 60, 100, 200, 400, 600, 800, 1500, 4294967295),
}
"""The interval limits of ``rwstats --overall-stats``."""


def _keys(switches: Switches, maps: Maps) -> tuple[KeyField, ...]:
    text = switches.get("fields")
    if not text:
        raise TranslationError(switches.tool, "--fields", "no key fields given")
    width: int | None = None
    if switches.has("bin-time"):
        value = switches.get("bin-time") or "60"
        if not value.isdigit() or value == "0":
            raise switches.refuse("bin-time", f"found {value!r}, expected whole seconds")
        width = int(value)
    keys: list[KeyField] = []
    for name in field_names(switches.tool, text):
        if name[:4] in ("src-", "dst-"):
            declared, kind = _map(switches, name, maps)
            column = name.replace("-", "_")
            keys.append(KeyField(name, column, map_call(declared, kind, name[0])))
        else:
            keys.append(key_field(switches.tool, name, width))
    times = {k.title for k in keys} & {"sTime", "eTime", "duration"}
    if width is not None and len(times) == 3:
        raise switches.refuse(
            "bin-time", "with sTime, eTime and duration all in the key, duration cannot be said"
        )
    return tuple(keys)


def _map(switches: Switches, name: str, maps: Maps) -> tuple[str, str]:
    if name[4:] not in maps:
        raise TranslationError(switches.tool, "--fields", f"no --pmap-file names a map {name[4:]}")
    return maps[name[4:]]


def _per(keys: tuple[KeyField, ...]) -> str:
    return ", ".join(k.text if k.text == k.column else f"{k.text} as {k.column}" for k in keys)


def _columns(values: tuple[ValueField, ...]) -> str:
    return ", ".join(v.text if v.text in ("flows", "first", "last") or v.text == f"sum({v.column})" else f"{v.text} as {v.column}" for v in values)  # fmt: skip


def _values(switches: Switches) -> list[ValueField]:
    text = switches.get("values")
    return [] if text is None else [value_field(switches.tool, "--values", v) for v in text.split(",")]


def rwstats(switches: Switches, source: str, name: Naming, maps: Maps) -> tuple[list[str], Output]:
    """rwstats: a table with a threshold or a rank."""
    if switches.has("overall-stats") or switches.has("detail-proto-stats"):
        return _overall(switches, source, name)
    keys = _keys(switches, maps)
    values = _values(switches)
    for legacy in ("flows", "packets", "bytes"):
        if switches.has(legacy):
            values.append(value_field("rwstats", f"--{legacy}", legacy))
    if not values:
        values.append(value_field("rwstats", "", "records"))
    _distinct_columns(switches, keys, values)
    bottom = switches.has("bottom")
    first = values[0]
    if first.column in ("first", "last"):
        raise switches.refuse("values", f"{first.title} cannot rank bins")
    limits = [n for n in ("count", "threshold", "percentage") if switches.has(n)]
    if len(limits) != 1:
        raise TranslationError("rwstats", "", "one of --count, --threshold and --percentage is needed")
    value = switches.get(limits[0]) or ""
    sign = "<=" if bottom else ">="
    limit = ""
    if limits[0] == "count":
        if not value.isdigit():
            raise switches.refuse("count", f"found {value!r}, expected a whole number")
        keep = f"{'bottom' if bottom else 'top'} {value}"
        if value == "0":
            keep = ""
    elif limits[0] == "threshold":
        if not value.isdigit():
            raise switches.refuse("threshold", f"found {value!r}, expected a whole number")
        keep = f"{first.text} {sign} {value}"
        limit = f"threshold {value}"
    else:
        if not re.fullmatch(r"\d+(\.\d+)?", value) or float(value) > 100:
            raise switches.refuse("percentage", f"found {value!r}, expected a percentage")
        keep = f"{first.text} {sign} unit_share({value}%)"
        limit = f"{float(value):.4f}%"
    table = name("answer")
    order = (
        f" order by {first.text if first.text in ('flows',) else first.column} {'asc' if bottom else 'desc'}"
    )
    text = f"table {table} = {_columns(tuple(values))} of {source} per {_per(keys)}"
    tail = (f" keep {keep}" if keep else "") + (order if bottom or _timed(keys) else "")
    return [_fitted(text, tail)], Bins(table, keys, tuple(values), switches, limit)


def _timed(keys: tuple[KeyField, ...]) -> bool:
    return any(k.text.startswith(("bin(stime", "bin(etime")) for k in keys)


def _fitted(text: str, tail: str) -> str:
    return text + tail if len(text) + len(tail) <= 100 else f"{text}\n   {tail}"


def _distinct_columns(switches: Switches, keys: tuple[KeyField, ...], values: list[ValueField]) -> None:
    for value in values:
        if value.text.startswith("distinct(") and any(value.text == f"distinct({k.text})" for k in keys):
            raise switches.refuse("values", f"{value.title} counts a field that is a key")
        if values.count(value) > 1:
            raise switches.refuse("values", f"{value.title} stands twice")


def rwuniq(switches: Switches, source: str, name: Naming, maps: Maps) -> tuple[list[str], Output]:
    """rwuniq: a table, ordered by its keys, with thresholds."""
    keys = _keys(switches, maps)
    values = _values(switches)
    if switches.has("all-counts"):
        values += [value_field("rwuniq", "", v) for v in ("bytes", "packets", "records", "stime", "etime")]
    thresholds: list[tuple[ValueField, str]] = []
    for switch, text in switches.given:
        if switch in ("stime", "etime"):
            values.append(value_field("rwuniq", f"--{switch}", switch))
        if switch in ("flows", "bytes", "packets", "sip-distinct", "dip-distinct"):
            thresholds.append((value_field("rwuniq", f"--{switch}", switch), text))
        if switch == "threshold":
            field_name, equals, limits = text.partition("=")
            if not equals:
                raise switches.refuse("threshold", f"found {text!r}, expected VALUE=MIN or VALUE=MIN-MAX")
            thresholds.append((value_field("rwuniq", "--threshold", field_name), limits))
    for value, _ in thresholds:
        if value not in values:
            values.append(value)
    if not values:
        values.append(value_field("rwuniq", "", "records"))
    _distinct_columns(switches, keys, values)
    keeps: list[str] = []
    for value, limits in thresholds:
        match = re.fullmatch(r"(\d+)(?:-(\d*))?", limits)
        if match is None:
            raise TranslationError(
                "rwuniq", f"--threshold={value.title}", f"found {limits!r}, expected MIN or MIN-MAX"
            )
        if int(match[1]) > 0:
            keeps.append(f"{value.text} >= {match[1]}")
        if match[2]:
            keeps.append(f"{value.text} <= {match[2]}")
    table = name("answer")
    keep = f" keep {' and '.join(keeps)}" if keeps else ""
    order = f" order by {', '.join(k.column for k in keys)}"
    text = f"table {table} = {_columns(tuple(values))} of {source} per {_per(keys)}"
    return [_fitted(text, keep + order)], Bins(table, keys, tuple(values), switches)


def rwcount(switches: Switches, source: str, name: Naming, maps: Maps) -> tuple[list[str], Output]:
    """rwcount: a table with a ``spread`` key."""
    width = milliseconds("rwcount", "--bin-size", switches.get("bin-size", "30") or "30")
    if width <= 0:
        raise switches.refuse("bin-size", "a bin needs a size above 0")
    scheme = switches.get("load-scheme", "4") or "4"
    if scheme in _SCHEME_NAMES:
        scheme = str(_SCHEME_NAMES.index(scheme))
    if not scheme.isdigit() or int(scheme) >= len(_SCHEMES):
        raise switches.refuse("load-scheme", f"found {scheme!r}, expected 0 to 6")
    start = switches.get("start-time", switches.get("start-epoch"))
    end = switches.get("end-time", switches.get("end-epoch"))
    arguments = [duration_text(width), _SCHEMES[int(scheme)]]
    if start is not None:
        arguments.append(time_text(time_bounds("rwcount", "--start-time", start)[0]))
    if end is not None:
        if start is None:
            raise switches.refuse(
                "end-time", "an end without --start-time cannot be said", "add --start-time"
            )
        arguments.append(time_text(time_bounds("rwcount", "--end-time", end)[0]))
    table = name("counts")
    fill = "" if switches.has("skip-zeroes") else " fill"
    text = f"table {table} = flows, sum(bytes), sum(packets) of {source} per spread({', '.join(arguments)}) as date{fill}"
    return [text], Count(table, switches)


def _overall(switches: Switches, source: str, name: Naming) -> tuple[list[str], Output]:
    """``--overall-stats``: a table of minima, maxima and shares under the interval limits."""
    columns = ["flows"]
    for field_name, limits in INTERVALS.items():
        columns += [f"min({field_name})", f"max({field_name})"]
        unit = "" if field_name == "packets" else "B"
        for place, limit in enumerate(limits[:-1]):
            # rwstats divides bytes by packets in whole numbers: up to 60 means below 61
            test = f"< {limit + 1}{unit}" if field_name == "bytes_per_packet" else f"<= {limit}{unit}"
            columns.append(f"fraction({field_name} {test}) as {field_name}_{place}")
    protocols = [""]
    if switches.has("detail-proto-stats"):
        from flowrules.translate.values import number_list

        for item in number_list(
            "rwstats", "--detail-proto-stats", switches.get("detail-proto-stats") or "", 255
        ):
            low, _, high = item.partition("-")
            protocols += [str(n) for n in range(int(low), int(high or low) + 1)]
    declarations: list[str] = []
    tables: list[tuple[str, str]] = []
    for protocol in protocols:
        table = name(f"protocol_{protocol}" if protocol else "overall")
        where = f" where protocol = {protocol}" if protocol else ""
        declarations.append(f"table {table} = " + ",\n    ".join(columns) + f"\n    of {source}{where}")
        tables.append((protocol, table))
    return declarations, Overall(tuple(tables), switches)


def cut_fields(switches: Switches, maps: Maps) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """The fields of rwcut, and which of them are prefix maps (field, declared map, kind)."""
    text = switches.get("fields") or "1-12"
    names = tuple(field_names("rwcut", text))
    found: list[tuple[str, str, str]] = []
    for name in names:
        if name[:4] in ("src-", "dst-"):
            declared, kind = _map(switches, name, maps)
            found.append((name, declared, kind))
    return names, tuple(found)
