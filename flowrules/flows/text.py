"""Flow records as text: rwcut's columns, CSV and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.defaults import with_defaults
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.table import Chunk
from flowrules.flows.text_fields import TEXT_FIELDS, TextField
from flowrules.model.address_text import format_addresses
from flowrules.model.fields import ATTRIBUTES, EXPANDED, TCP_FLAGS

Array = NDArray[Any]

TIME_STYLES: Final = ("default", "iso", "epoch")
"""rwcut's ``--timestamp-format``: ``2009/02/13T17:00:00.000``, ``2009-02-13 17:00:00.000``, seconds since 1970."""

FLAGS_TEXT: Final = tuple("".join(c for c, bit in TCP_FLAGS.items() if value & bit) for value in range(256))
"""The letters of each flags byte, in SiLK's order."""

ATTRIBUTES_TEXT: Final = tuple(
    "".join(c for c, bit in ATTRIBUTES.items() if value & bit) for value in range(256)
)
"""The letters of each attributes byte, in SiLK's order."""


def format_times(times: Array, style: str = "default") -> list[str]:
    """Times (ms since 1970 UTC) as rwcut prints them in one of ``TIME_STYLES``, or as ``utc``: ISO 8601 with Z."""
    if style == "epoch":
        return format_seconds(times)
    texts: list[str] = np.datetime_as_string(times.astype("datetime64[ms]")).tolist()
    if style == "utc":
        return [text + "Z" for text in texts]
    if style == "iso":
        return [text.replace("T", " ") for text in texts]
    return [text.replace("-", "/") for text in texts]


def format_time(ms: int, style: str = "default") -> str:
    """One time (ms since 1970 UTC) in a style of ``format_times``."""
    return format_times(np.array([ms], np.int64), style)[0]


def format_seconds(ms: Array) -> list[str]:
    """Milliseconds as seconds with three decimals."""
    if len(ms) and int(ms.min()) >= 1000:
        return [f"{text[:-3]}.{text[-3:]}" for text in map(str, ms.tolist())]
    return [f"{'-' if v < 0 else ''}{abs(v) // 1000}.{abs(v) % 1000:03d}" for v in ms.tolist()]


def _ports(text: Array) -> list[str]:
    return list(map(str, text.tolist()))


def _addresses(chunk: Chunk, name: str) -> list[str]:
    column = chunk.columns[name]
    is_v6 = chunk.columns["ip_version"] == 6
    if not is_v6.any():
        return format_addresses(column)
    if is_v6.all():
        return format_addresses(column, 6)
    out = np.empty(chunk.rows, object)
    for rows, version in ((np.flatnonzero(is_v6), 6), (np.flatnonzero(~is_v6), None)):
        out[rows] = format_addresses(column[rows], version)
    texts: list[str] = out.tolist()
    return texts


def _flags(chunk: Chunk, name: str) -> list[str]:
    return list(map(FLAGS_TEXT.__getitem__, chunk.columns[name].tolist()))


def _expanded_flags(chunk: Chunk, name: str) -> list[str]:
    expanded = (chunk.columns["attributes"] & np.uint8(EXPANDED)).astype(np.bool_)
    return list(map(FLAGS_TEXT.__getitem__, np.where(expanded, chunk.columns[name], 0).tolist()))


def _labels(ids: Array, name_of: Callable[[int], str]) -> list[str]:
    names: dict[int, str] = {}
    out = []
    for id in ids.tolist():
        name = names.get(id)
        if name is None:
            name = names[id] = name_of(id)
        out.append(name)
    return out


def _icmp(chunk: Chunk, code: bool) -> list[str]:
    protocol, dport = chunk.columns["protocol"], chunk.columns["dport"]
    is_icmp = (protocol == 1) | ((protocol == 58) & (chunk.columns["ip_version"] == 6))
    values = (dport & np.uint16(0xFF)) if code else (dport >> np.uint16(8))
    out = [""] * chunk.rows
    for row in np.flatnonzero(is_icmp).tolist():
        out[row] = str(int(values[row]))
    return out


def column_text(
    chunk: Chunk, field: TextField, conf: SilkConf = BUILT_IN, times: str = "default"
) -> list[str]:
    """One column of a chunk as text, as rwcut prints it without padding.

    The chunk must hold the stored fields that ``field.needs``.  ``times`` is a style of
    ``format_times``.
    """
    name = field.name
    columns = chunk.columns
    match name:
        case "sip" | "dip" | "nhip":
            return _addresses(chunk, name)
        case "stime":
            return format_times(columns["stime"], times)
        case "etime":
            return format_times(columns["stime"] + columns["duration"], times)
        case "duration":
            return format_seconds(columns["duration"])
        case "flags":
            return _flags(chunk, name)
        case "initial_flags" | "session_flags":
            return _expanded_flags(chunk, name)
        case "attributes":
            return list(map(ATTRIBUTES_TEXT.__getitem__, columns[name].tolist()))
        case "sensor":
            return _labels(columns[name], conf.sensor_name)
        case "class":
            return _labels(columns["type"], conf.class_name)
        case "type":
            return _labels(columns["type"], conf.type_name)
        case "icmp_type" | "icmp_code":
            return _icmp(chunk, name == "icmp_code")
        case _:
            return _ports(columns[name])


def needed(fields: Iterable[TextField]) -> frozenset[str]:
    """The stored fields that some columns of text are made of."""
    return frozenset(name for field in fields for name in field.needs)


def title_line(fields: Sequence[TextField] = tuple(TEXT_FIELDS.values()), delimiter: str = "|") -> str:
    """The first line of a text file: the titles."""
    return delimiter.join(field.title for field in fields)


def record_lines(
    chunk: Chunk,
    fields: Sequence[TextField] = tuple(TEXT_FIELDS.values()),
    conf: SilkConf = BUILT_IN,
    times: str = "default",
    delimiter: str = "|",
) -> Iterator[str]:
    """The records of a chunk as delimited lines without newlines, nothing padded.

    Fields that the chunk lacks print SiLK's default.  A cell that holds a comma or a quote is quoted
    where the delimiter is a comma.
    """
    chunk = with_defaults(chunk, needed(fields))
    cells = [column_text(chunk, field, conf, times) for field in fields]
    if delimiter == ",":
        for at, field in enumerate(fields):
            if field.name in ("sensor", "class", "type"):
                cells[at] = [_quoted(cell) for cell in cells[at]]
    return map(delimiter.join, zip(*cells, strict=True))


def _quoted(cell: str) -> str:
    if "," in cell or '"' in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def json_lines(
    chunk: Chunk, fields: Sequence[TextField] = tuple(TEXT_FIELDS.values()), conf: SilkConf = BUILT_IN
) -> Iterator[str]:
    """The records of a chunk as JSON objects, one a line, under the language's field names.

    Counts and ids are integers, times ISO 8601 in UTC with milliseconds, durations seconds, the rest
    text; ``null`` is what the source lacks or the record does not carry.
    """
    lacks = {field.name for field in fields if not field.needs - {"ip_version"} <= chunk.columns.keys()}
    chunk = with_defaults(chunk, needed(fields))
    cells = []
    for field in fields:
        head = json.dumps(field.name) + ": "
        if field.name in lacks:
            cells.append([head + "null"] * chunk.rows)
            continue
        texts = column_text(chunk, field, conf, "utc")
        match field.name:
            case "icmp_type" | "icmp_code":
                texts = [text or "null" for text in texts]
            case "initial_flags" | "session_flags":
                expanded = (chunk.columns["attributes"] & np.uint8(EXPANDED)).tolist()
                texts = [f'"{text}"' if on else "null" for text, on in zip(texts, expanded, strict=True)]
            case "sensor" | "class" | "type":
                unknown = {"sensor": "?", "class": "?", "type": "255"}[field.name]
                texts = ["null" if text == unknown else json.dumps(text) for text in texts]
            case "sip" | "dip" | "nhip" | "stime" | "etime" | "flags" | "attributes":
                texts = [f'"{text}"' for text in texts]
        cells.append([head + text for text in texts])
    return ("{" + line + "}" for line in map(", ".join, zip(*cells, strict=True)))
