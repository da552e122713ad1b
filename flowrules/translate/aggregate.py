"""rwstats, rwuniq and rwcount: tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from flowrules.translate.errors import TranslationError
from flowrules.translate.fields import (
    BYTES,
    EARLIEST,
    LATEST,
    PACKETS,
    RECORDS,
    TIMES,
    KeyField,
    Maps,
    Naming,
    ValueField,
    field_names,
    key_field,
    map_key,
    time_keys,
    value_field,
)
from flowrules.translate.outputs import Bins, Count, Output
from flowrules.translate.overall import overall
from flowrules.translate.switches import Switches
from flowrules.translate.values import duration_text, milliseconds, time_bounds, time_text

_SCHEMES: Final = ("uniform", "start", "end", "middle", "time", "maximum", "minimum")
_SCHEME_NAMES: Final = (
    "bin-uniform", "start-spike", "end-spike", "middle-spike", "time-proportional", "maximum-volume", "minimum-volume"
)  # fmt: skip
_LEGACY_KEYS: Final = ("sip", "dip", "sport", "dport", "protocol", "icmp")


@frozen
class _Grouping:
    """The keys of rwstats or rwuniq, and how their times are binned (``width`` in ms, ``None``: not)."""

    keys: tuple[KeyField, ...]
    width: int | None
    milliseconds: bool

    @property
    def grouped(self) -> list[KeyField]:
        """The keys that flows are grouped by, each once."""
        found: dict[str, KeyField] = {}
        for key in self.keys:
            if key.text:
                found.setdefault(key.column, key)
        return list(found.values())

    def per(self) -> str:
        """The keys as the language writes them."""
        return ", ".join(k.text if k.text == k.column else f"{k.text} as {k.column}" for k in self.grouped)

    def binned(self, name: str) -> bool:
        """Whether a time is a key in bins."""
        return self.width is not None and any(k.of == name for k in self.keys)


def _grouping(switches: Switches, maps: Maps) -> _Grouping:
    names, masks = _key_names(switches)
    width: int | None = None
    fraction = False
    if switches.has("bin-time"):
        width = milliseconds(switches.tool, "--bin-time", switches.get("bin-time") or "60")
        if width <= 0:
            raise switches.refuse("bin-time", "a bin needs a size above 0")
        fraction = width % 1000 != 0
        if not {"stime", "etime"} & set(names):
            width = None
    times = time_keys(names, width, not fraction)
    keys: list[KeyField] = []
    for name in names:
        if name in TIMES:
            keys.append(times[name])
        elif name[:4] in ("src-", "dst-"):
            keys.append(map_key(switches.tool, "--fields", name, maps))
        else:
            key = key_field(name)
            if name in masks:
                key = KeyField(key.title, f"{name}_{masks[name]}", f"{name}/{masks[name]}")
            keys.append(key)
    return _Grouping(tuple(keys), width, fraction)


def _key_names(switches: Switches) -> tuple[list[str], dict[str, int]]:
    """The key fields by name, and the lengths of blocks among them (``--sip=24``)."""
    legacy = [(n, v) for n, v in switches.given if n in _LEGACY_KEYS and switches.tool == "rwstats"]
    text = switches.get("fields")
    if text and legacy:
        raise switches.refuse(legacy[0][0], "it cannot stand beside --fields")
    if legacy:
        names: list[str] = []
        masks: dict[str, int] = {}
        for name, value in legacy:
            names += ["itype", "icode"] if name == "icmp" else [name]
            if value:
                if not value.isdigit() or not 1 <= int(value) <= 31:
                    raise switches.refuse(name, f"found {value!r}, expected a prefix length of 1 to 31")
                masks[name] = int(value)
        return names, masks
    if not text:
        raise TranslationError(switches.tool, "--fields", "no key fields given")
    return field_names(switches.tool, text), {}


def _columns(values: Sequence[ValueField]) -> str:
    plain = (RECORDS.text, EARLIEST.text, LATEST.text)
    return ", ".join(
        v.text if v.text in plain or v.text == f"sum({v.column})" else f"{v.text} as {v.column}"
        for v in values
    )


def _values(switches: Switches, maps: Maps) -> list[ValueField]:
    text = switches.get("values")
    return [] if text is None else [value_field(switches.tool, "--values", v, maps) for v in text.split(",")]


def _adjusted(switches: Switches, value: ValueField, grouping: _Grouping) -> ValueField:
    """A value where times are binned: the tools move a flow's times into its bins first."""
    start, end = grouping.binned("stime"), grouping.binned("etime")
    if not (start or end):
        return value
    moved = {
        EARLIEST: (start, f"min({_key_text(grouping, 'stime')})"),
        LATEST: (end, f"max({_key_text(grouping, 'etime')})"),
    }
    if value in moved:
        sayable, text = moved[value]
        if sayable and not (grouping.milliseconds and value == LATEST):
            return ValueField(value.title, "earliest" if value == EARLIEST else "latest", text)
    elif value.title not in ("sTime-Distinct", "eTime-Distinct", "duration-Distinct") or (
        value.title == "duration-Distinct" and not (start and end)
    ):
        return value
    raise switches.refuse(
        "bin-time", f"the tools move flows into bins first, and {value.title} of moved flows cannot be said"
    )


def _key_text(grouping: _Grouping, name: str) -> str:
    return next((k.text for k in grouping.keys if k.of == name), "")


def _refuse_twice(switches: Switches, grouping: _Grouping, values: list[ValueField]) -> None:
    for value in values:
        if value.distinct and any(value.title == f"{k.title}-Distinct" for k in grouping.keys):
            raise switches.refuse("values", f"{value.title} counts a field that is a key")
        if values.count(value) > 1:
            raise switches.refuse("values", f"{value.title} stands twice")


def rwstats(switches: Switches, source: str, name: Naming, maps: Maps) -> tuple[list[str], Output]:
    """rwstats: a table with a threshold or a rank."""
    switches.once("pmap-file")
    if switches.has("overall-stats") or switches.has("detail-proto-stats"):
        return overall(switches, source, name)
    grouping = _grouping(switches, maps)
    values = _values(switches, maps)
    legacy = [n for n in ("flows", "packets", "bytes") if switches.has(n)]
    if len(legacy) > 1 or (legacy and values):
        raise switches.refuse(legacy[-1], "only one value may be asked for in this way", "write --values=…")
    values += [value_field("rwstats", f"--{n}", n, maps) for n in legacy]
    values = values or [RECORDS]
    _refuse_twice(switches, grouping, values)
    for value in values:
        if value in (EARLIEST, LATEST):
            raise switches.refuse("values", f"{value.title} cannot rank bins")
    values = [_adjusted(switches, v, grouping).beside(grouping.keys) for v in values]
    bottom = switches.has("bottom")
    if bottom and switches.has("top"):
        raise switches.refuse("bottom", "only one of --top and --bottom is allowed")
    limits = [n for n in ("count", "threshold", "percentage") if switches.has(n)]
    if len(limits) != 1:
        raise TranslationError("rwstats", "", "one of --count, --threshold and --percentage is needed")
    keep = _stats_keep(switches, limits[0], values[0], bottom)
    table = name("answer")
    order = f" order by {values[0].column} {'asc' if bottom else 'desc'}"
    text = f"table {table} = {_columns(values)} of {source} per {grouping.per()}"
    ordered = bottom or any(k.of for k in grouping.grouped)
    declaration = _fitted(text, keep + (order if ordered else ""))
    output = Bins(table, grouping.keys, tuple(values), switches, limits[0], grouping.milliseconds)
    return [declaration], output


def _stats_keep(switches: Switches, limit: str, first: ValueField, bottom: bool) -> str:
    value = switches.get(limit) or ""
    sign = "<=" if bottom else ">="
    if limit == "percentage":
        if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", value) or float(value) > 100:
            raise switches.refuse("percentage", f"found {value!r}, expected a percentage")
        whole, _, part = value.partition(".")
        shown = f"{whole or '0'}.{part}" if part else whole
        return f" keep {first.text} {sign} unit_share({shown}%)"
    if not value.isdigit():
        raise switches.refuse(limit, f"found {value!r}, expected a whole number")
    if limit == "threshold":
        unit = "B" if first.text == BYTES.text else ""
        return f" keep {first.text} {sign} {int(value)}{unit}"
    return f" keep {'bottom' if bottom else 'top'} {int(value)}" if int(value) else ""


def _fitted(text: str, tail: str) -> str:
    return text + tail if len(text) + len(tail) <= 100 else f"{text}\n   {tail}"


_LEGACY_VALUES: Final = ("stime", "etime", "flows", "bytes", "packets", "sip-distinct", "dip-distinct")


def rwuniq(switches: Switches, source: str, name: Naming, maps: Maps) -> tuple[list[str], Output]:
    """rwuniq: a table, ordered by its keys, with thresholds."""
    switches.once("pmap-file", "threshold")
    grouping = _grouping(switches, maps)
    values = _values(switches, maps)
    thresholds: list[tuple[ValueField, str]] = []
    for switch, text in switches.given:
        if switch == "all-counts":
            more = [BYTES, PACKETS, RECORDS, EARLIEST, LATEST]
            values += [v for v in more if v not in values]
        elif switch in _LEGACY_VALUES:
            value = {"stime": EARLIEST, "etime": LATEST}.get(switch)
            value = value or value_field("rwuniq", f"--{switch}", switch, maps)
            values += [value] if value not in values else []
            if text:
                thresholds.append((value, text))
        elif switch == "threshold":
            field_name, equals, limits = text.partition("=")
            if not equals:
                raise switches.refuse("threshold", f"found {text!r}, expected VALUE=MIN or VALUE=MIN-MAX")
            value = value_field("rwuniq", "--threshold", field_name, maps)
            values += [value] if value not in values else []
            thresholds.append((value, limits))
    values = values or [RECORDS]
    _refuse_twice(switches, grouping, values)
    keeps = [k for value, limits in thresholds for k in _limits(value, limits)]
    shown = [_adjusted(switches, v, grouping).beside(grouping.keys) for v in values]
    table = name("answer")
    keep = f" keep {' and '.join(keeps)}" if keeps else ""
    order = f" order by {', '.join(k.column for k in grouping.grouped)}"
    text = f"table {table} = {_columns(shown)} of {source} per {grouping.per()}"
    output = Bins(table, grouping.keys, tuple(shown), switches, "", grouping.milliseconds)
    return [_fitted(text, keep + order)], output


def _limits(value: ValueField, text: str) -> list[str]:
    """``MIN`` or ``MIN-MAX`` as conditions; no bin has less than 1, so a MIN of 0 asks for nothing."""
    match = re.fullmatch(r"(\d+)(?:-(\d*))?", text.strip())
    if match is None or (match[2] and int(match[2]) < int(match[1])):
        raise TranslationError(
            "rwuniq", f"--threshold={value.title}", f"found {text!r}, expected MIN or MIN-MAX"
        )
    if value in (EARLIEST, LATEST):
        raise TranslationError("rwuniq", f"--threshold={value.title}", "a limit on a time cannot be said")
    unit = "B" if value == BYTES else ""
    found = [f"{value.text} >= {int(match[1])}{unit}"] if int(match[1]) > 0 else []
    return found + ([f"{value.text} <= {int(match[2])}{unit}"] if match[2] else [])


def rwcount(switches: Switches, source: str, name: Naming, maps: Maps) -> tuple[list[str], Output]:
    """rwcount: a table with a ``spread`` key."""
    switches.once()
    width = milliseconds("rwcount", "--bin-size", switches.get("bin-size") or "30")
    if width <= 0:
        raise switches.refuse("bin-size", "a bin needs a size above 0")
    scheme = switches.get("load-scheme") or "4"
    named = [str(i) for i, n in enumerate(_SCHEME_NAMES) if n.startswith(scheme)]
    scheme = named[0] if len(named) == 1 else scheme
    if not scheme.isdigit() or int(scheme) >= len(_SCHEMES):
        raise switches.refuse("load-scheme", f"found {scheme!r}, expected 0 to 6")
    start, end = _window(switches, width)
    arguments = [duration_text(width), _SCHEMES[int(scheme)]]
    if start is not None:
        arguments.append(time_text(start))
    if end is not None:
        last = time_text(end - 1)
        arguments.append(last if start is not None else f"until({last})")
    table = name("counts")
    fill = "" if switches.has("skip-zeroes") else " fill"
    columns = f"{RECORDS.text}, {BYTES.text}, {PACKETS.text}"
    text = f"table {table} = {columns} of {source} per spread({', '.join(arguments)}) as date{fill}"
    return [text], Count(table, switches, width, start, end)


def _window(switches: Switches, width: int) -> tuple[int | None, int | None]:
    """The first ms of ``--start-time``, and the ms after the bins that reach ``--end-time``."""
    start_text = switches.get("start-time", switches.get("start-epoch"))
    end_text = switches.get("end-time", switches.get("end-epoch"))
    start = None if start_text is None else time_bounds("rwcount", "--start-time", start_text)[0]
    if start is None and end_text is None and 86_400_000 % width:
        # without a start the tool counts bins from the midnight before the first flow, here they count from 1970
        raise switches.refuse(
            "bin-size",
            "bins that do not fill a day begin with the first record that is read, which cannot be said",
            "add --start-time",
        )
    if end_text is None:
        return start, None
    first, last = time_bounds("rwcount", "--end-time", end_text)
    if start is not None:
        if last + 1 <= start:
            raise switches.refuse("end-time", "it is before --start-time")
        return start, start + -(-(last + 1 - start) // width) * width
    if first % width:
        raise switches.refuse("end-time", "bins that end there cannot be said", "add --start-time")
    return None, first + -(-(last + 1 - first) // width) * width
