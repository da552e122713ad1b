"""Cells of rwstats, rwuniq and rwbagcat: values as their text, and the order of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from flowrules.engine.results import Frame, Scalar
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.text import ATTRIBUTES_TEXT, FLAGS_TEXT, format_time
from flowrules.model.address_text import format_address
from flowrules.model.fields import IPV4_MAPPED
from flowrules.translate.fields import KeyField, ValueField
from flowrules.translate.switches import Switches

_FLAGS: Final = ("flags", "initialFlags", "sessionFlags")
_ADDRESSES: Final = ("sIP", "dIP", "nhIP")
_STYLES: Final = ("default", "iso", "epoch")
Labels = Mapping[str, Sequence[str | int]]
"""The labels of prefix maps by declared name, in the order of the map's dictionary."""


@frozen
class Surface:
    """How cells look: the style of times, whether with milliseconds; the site's names, the maps' labels."""

    style: str
    milliseconds: bool
    conf: SilkConf
    labels: Labels


def delimiter_of(switches: Switches) -> str:
    """The column separator asked for (``--delimited`` without a character, and nothing at all, is a bar)."""
    wanted = switches.get("column-separator") or switches.get("delimited") or "|"
    return wanted[:1]


def style_of(switches: Switches) -> str:
    """The style of times asked for; ``utc`` beside it changes nothing."""
    if switches.has("epoch-time") or switches.has("epoch-slots"):
        return "epoch"
    legacy = switches.get("legacy-timestamps")
    if legacy is not None and legacy != "0":
        raise switches.refuse("legacy-timestamps", "times are printed as YYYY/MM/DDTHH:MM:SS")
    found = "default"
    for word in (switches.get("timestamp-format") or "default").split(","):
        if word == "utc" or word == "no-msec":
            continue
        if word not in _STYLES:
            raise switches.refuse("timestamp-format", f"found {word!r}, expected default, iso or epoch")
        found = word
    return found


def time_cell(ms: int, style: str, milliseconds: bool) -> str:
    """A time, in whole seconds or with three decimals."""
    text = format_time(ms, style)
    return text if milliseconds else text.rpartition(".")[0]


def key_cells(keys: Sequence[KeyField], frame: Frame, row: int, surface: Surface) -> list[str]:
    """The key fields of a row as text."""
    times = _times(keys, frame, row)
    cells: list[str] = []
    for key in keys:
        if key.of:
            cells.append(_time_key(key.of, times[key.of], surface))
        elif key.title in ("iType", "iCode"):
            cells.append(_icmp(key.title, keys, frame, row))
        else:
            cells.append(key_cell(key, frame[key.column].scalar(row), surface))
    return cells


def key_cell(key: KeyField, value: Scalar, surface: Surface) -> str:
    """One key that is no time, as text."""
    if key.map:
        return "UNKNOWN" if value is None else str(value)
    if isinstance(value, int) and key.title in _ADDRESSES:
        return format_address(value)
    if isinstance(value, tuple) and isinstance(value[0], int):
        return format_address(value[0])
    if isinstance(value, int) and key.title in _FLAGS:
        return FLAGS_TEXT[value & 255]
    if isinstance(value, int) and key.title == "attributes":
        return ATTRIBUTES_TEXT[value & 255]
    if key.title == "class":
        return _class_of(value, surface.conf)
    if value is None:
        return "?" if key.title == "sensor" else ""
    return str(value)


def value_cell(field: ValueField, value: Scalar, surface: Surface) -> str:
    """An aggregate as text."""
    if field.title in ("sTime-Earliest", "eTime-Latest") and isinstance(value, int):
        return time_cell(value, surface.style, surface.milliseconds)
    return "" if value is None else str(value)


def _class_of(value: Scalar, conf: SilkConf) -> str:
    ids = conf.flowtype_ids(value) if isinstance(value, str) else ()
    return conf.class_name(ids[0]) if ids else "?"


def _times(keys: Sequence[KeyField], frame: Frame, row: int) -> dict[str, int]:
    """Start, end and duration of a row, one of which may follow from the others."""
    found: dict[str, int] = {}
    for key in keys:
        if key.of and key.text:
            value = frame[key.column].scalar(row)
            found[key.of] = value if isinstance(value, int) else 0
    for key in keys:
        if key.of and not key.text:
            found[key.of] = {
                "stime": lambda: found["etime"] - found["duration"],
                "etime": lambda: found["stime"] + found["duration"],
                "duration": lambda: found["etime"] - found["stime"],
            }[key.of]()
    return found


def _time_key(name: str, ms: int, surface: Surface) -> str:
    if name != "duration":
        return time_cell(ms, surface.style, surface.milliseconds)
    return f"{ms // 1000}.{ms % 1000:03d}" if surface.milliseconds else str(ms // 1000)


def _icmp(title: str, keys: Sequence[KeyField], frame: Frame, row: int) -> str:
    """Type or code; blank where the protocol is a key and is not ICMP.

    ICMPv6 is told by an IPv6 address among the keys.  Where the destination port is a key they are its halves.
    """
    named = {key.title: key for key in keys}
    if "protocol" in named:
        protocol = frame["protocol"].scalar(row)
        six = any(
            isinstance(address := frame[named[t].column].scalar(row), int)
            and address >> 32 != IPV4_MAPPED >> 32
            for t in _ADDRESSES
            if t in named
        )
        if protocol != 1 and not (protocol == 58 and six):
            return ""
    if "dPort" in named:
        port = frame["dport"].scalar(row)
        number = port if isinstance(port, int) else 0
        return str(number >> 8 if title == "iType" else number & 255)
    return str(frame[named[title].column].scalar(row))


def key_order(keys: Sequence[KeyField], frame: Frame, surface: Surface) -> list[int]:
    """The rows in the order of their keys."""
    times = [_times(keys, frame, row) for row in range(frame.rows)] if any(k.of for k in keys) else []

    def rank(row: int) -> tuple[int, ...]:
        return tuple(
            times[row][k.of] if k.of else key_rank(k, frame[k.column].scalar(row), surface) for k in keys
        )

    return sorted(range(frame.rows), key=rank)


def key_rank(key: KeyField, value: Scalar, surface: Surface) -> int:
    """What the tools sort by: numbers, sensors and types by their ids, labels by their place in the map."""
    if key.map:
        labels = surface.labels[key.map]
        return labels.index(value) if isinstance(value, str | int) and value in labels else len(labels)
    if isinstance(value, tuple) and isinstance(value[0], int):
        return value[0]
    if isinstance(value, str) or value is None:
        if key.title == "sensor":
            found = None if value is None else surface.conf.sensor_id(str(value))
            return 65535 if found is None else found
        ids = surface.conf.flowtype_ids(value) if isinstance(value, str) else ()
        return ids[0] if ids else 255
    return int(value) if isinstance(value, int | float) else 0
