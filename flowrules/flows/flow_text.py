"""Flows written as a table of text, as tests inside rulesets give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows.silk_conf import BUILT_IN, Sensor, SilkConf
from flowrules.flows.table import Chunk, FlowSource, widen
from flowrules.model.address_text import AddressError, is_ipv4, parse_address, to_array
from flowrules.model.fields import ATTRIBUTES, PROTOCOLS, STORED, TCP_FLAGS

MONDAY: Final = 1_767_614_400_000
"""2026-01-05T12:00Z in ms: when a flow starts that does not say it."""

REPEAT_LIMIT: Final = 1_000_000
"""How many rows ``repeat`` may make in all."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|h|d)?$")
_UNITS: Final = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, None: 1000}
_ALIASES: Final = {t.title.lower(): n for n, t in STORED.items()} | {"in": "input", "out": "output"}
_NUMBERS: Final = {
    "sport": 0xFFFF,
    "dport": 0xFFFF,
    "packets": (1 << 64) - 1,
    "bytes": (1 << 64) - 1,
    "input": 0xFFFFFFFF,
    "output": 0xFFFFFFFF,
    "application": 0xFFFF,
    "ip_version": 255,
    "icmp_type": 255,
    "icmp_code": 255,
    "repeat": REPEAT_LIMIT,
}


class FlowTextError(ValueError):
    """A table of flows that cannot be read: ``line`` counts from 1 within the text."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" + (f" (hint: {self.hint})" if self.hint else "")


@frozen(eq=False)
class FlowText:
    """The flows of a table, and the names of the types and sensors that it used."""

    chunk: Chunk
    conf: SilkConf

    def source(self, name: str = "test") -> FlowSource:
        """The flows as a source that can be read again and again."""

        def read(fields: frozenset[str] | None, rows: int) -> Iterator[Chunk]:
            columns = self.chunk.columns
            wanted = {n: c for n, c in columns.items() if fields is None or n in fields}
            chunk = Chunk(wanted, self.chunk.rows, 0, name)
            for start in range(0, max(self.chunk.rows, 1), rows):
                yield chunk.slice(start, min(start + rows, self.chunk.rows))

        return FlowSource(name, "text", frozenset(self.chunk.columns), read)


def parse_flow_text(text: str) -> FlowText:
    """Read a table with a title line and ``|`` between cells; a last ``|`` and blank cells are fine.

    Columns are fields of the catalogue, ``etime``, ``icmp_type`` and ``icmp_code``, and ``repeat``, which
    multiplies a row.  Fields left out
    take: ``stime`` 2026-01-05T12:00Z, ``duration`` 0, ``packets`` 1, ``bytes`` 40 for each packet, ``protocol`` 6, flags
    none, ports 0; ``type`` and other fields without a column are lacking.  Raises ``FlowTextError``.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    lines = [(n, line) for n, line in lines if not line.startswith("#")]
    if not lines:
        return FlowText(_chunk([], set(), BUILT_IN)[0], BUILT_IN)
    number, titles_line = lines[0]
    titles = _titles(number, titles_line)
    rows: list[dict[str, str]] = []
    places: list[int] = []
    for number, line in lines[1:]:
        cells = _cells(line)
        if len(cells) > len(titles) and not any(cells[len(titles) :]):
            cells = cells[: len(titles)]
        if len(cells) > len(titles):
            raise FlowTextError(number, f"{len(cells)} cells under {len(titles)} titles")
        rows.append(dict(zip(titles, cells, strict=False)))
        places.append(number)
    return _table(rows, places, set(titles))


def parse_cell(field: str, text: str) -> int | str:
    """A value of a stored field as a table of flows writes it; sensors and types stay names.

    Raises ``ValueError`` that says what was found and expected, and ``AddressError``.
    """
    if field == "sensor":
        return text
    if field == "record_number":
        raise ValueError("records are numbered as they are read")
    try:
        number = _READERS.get(field, _whole)(field, text, {})
    except AddressError:
        raise
    except ValueError as error:
        raise ValueError(f"found {text!r}, {error}") from None
    return text if field == "type" else int(number)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]


def _titles(number: int, line: str) -> list[str]:
    titles = _cells(line)
    while titles and not titles[-1]:
        titles.pop()
    known = {*STORED, "etime", "repeat", "icmp_type", "icmp_code"} - {"record_number"}
    out: list[str] = []
    for title in titles:
        name = title if title in known else _ALIASES.get(title.lower(), title)
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, 1)
            raise FlowTextError(
                number, f"unknown column {title!r}", f"did you mean {near[0]}?" if near else ""
            )
        if name in out:
            raise FlowTextError(number, f"column {title} stands twice")
        out.append(name)
    return out


def _table(rows: list[dict[str, str]], places: list[int], titles: set[str]) -> FlowText:
    sensors: dict[str, int] = {}
    records: list[dict[str, Any]] = []
    total = 0
    for row, number in zip(rows, places, strict=True):
        record = {n: _value(number, n, cell, sensors) for n, cell in row.items() if cell}
        repeat = int(record.pop("repeat", 1))
        total += repeat
        if total > REPEAT_LIMIT:
            raise FlowTextError(number, f"repeat makes more than {REPEAT_LIMIT} flows")
        records += [_complete(number, record)] * repeat
    chunk, conf = _chunk(records, titles, BUILT_IN, sensors)
    return FlowText(chunk, conf)


def _complete(number: int, record: dict[str, Any]) -> dict[str, Any]:
    if "icmp_type" in record or "icmp_code" in record:
        # stored as SiLK does: type and code are the destination port
        dport = record.pop("icmp_type", 0) << 8 | record.pop("icmp_code", 0)
        if record.setdefault("dport", dport) != dport:
            raise FlowTextError(number, "dport and the ICMP type and code do not fit each other")
        if record.setdefault("protocol", 1) not in (1, 58):
            raise FlowTextError(number, "only icmp and icmp6 have a type and a code")
    out = {"stime": MONDAY, "packets": 1, "protocol": 6, "sport": 0, "dport": 0, "flags": 0, **record}
    out.setdefault("bytes", 40 * out["packets"])
    if "etime" in out:
        end = out.pop("etime")
        if out.setdefault("duration", end - out["stime"]) != end - out["stime"]:
            raise FlowTextError(number, "etime and duration do not fit each other")
    if out.setdefault("duration", 0) < 0:
        raise FlowTextError(number, "etime lies before stime")
    return out


_ADDRESSES: Final = ("sip", "dip", "nhip")
_ALWAYS: Final = (
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
)


def _chunk(
    records: list[dict[str, Any]], titles: set[str], conf: SilkConf, sensors: Mapping[str, int] | None = None
) -> tuple[Chunk, SilkConf]:
    from attrs import evolve

    if sensors:
        named = {i: Sensor(i, n) for n, i in sensors.items()}
        conf = evolve(conf, sensors=named)
    columns: dict[str, NDArray[Any]] = {}
    versions: list[int] = []
    for record in records:
        addresses = [record[n] for n in ("sip", "dip") if n in record]
        versions.append(record.get("ip_version", 4 if all(map(is_ipv4, addresses)) else 6))
    columns["ip_version"] = np.array(versions, np.uint8)
    defaults = {"sensor": 65535, "type": 255}
    for name in [n for n in STORED if n in _ALWAYS or n in titles]:
        if name == "ip_version":
            continue
        dtype = STORED[name].dtype
        if dtype is None:
            columns[name] = to_array([r.get(name, 0xFFFF << 32) for r in records])
        else:
            columns[name] = np.array([r.get(name, defaults.get(name, 0)) for r in records], dtype)
    if any(columns[n].dtype.names for n in _ADDRESSES if n in columns):
        columns |= {n: widen(columns[n]) for n in _ADDRESSES if n in columns}
    return Chunk(columns, len(records)), conf


def _value(number: int, name: str, cell: str, sensors: dict[str, int]) -> Any:
    try:
        return _READERS.get(name, _whole)(name, cell, sensors)
    except AddressError as error:
        raise FlowTextError(number, f"column {name}: {error}") from None
    except ValueError as error:
        raise FlowTextError(number, f"column {name}: found {cell!r}, {error}") from None


def _whole(name: str, cell: str, sensors: dict[str, int]) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise ValueError("expected a whole number")
    if int(cell) > _NUMBERS[name]:
        raise ValueError(f"expected at most {_NUMBERS[name]}")
    return int(cell)


def _protocol(name: str, cell: str, sensors: dict[str, int]) -> int:
    if cell in PROTOCOLS:
        return PROTOCOLS[cell]
    if not (cell.isascii() and cell.isdigit()) or int(cell) > 255:
        raise ValueError(f"expected 0-255 or one of {', '.join(PROTOCOLS)}")
    return int(cell)


def _letters(table: Mapping[str, int]) -> Callable[[str, str, dict[str, int]], int]:
    def read(name: str, cell: str, sensors: dict[str, int]) -> int:
        if set(cell.upper()) - set(table):
            raise ValueError(f"expected letters of {''.join(table)}")
        return sum(table[letter] for letter in set(cell.upper()))

    return read


def _time(name: str, cell: str, sensors: dict[str, int]) -> int:
    match = re.fullmatch(
        r"(\d{4})[-/](\d\d)[-/](\d\d)(?:[T: ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?)?(Z|[+-]\d\d:\d\d)?",
        cell,
    )
    if match is None:
        raise ValueError("expected a time such as 2026-01-05T12:00Z")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
    )
    ms = int(moment.timestamp()) * 1000 + int(((fraction or "") + "000")[:3])
    if zone and zone != "Z":
        sign = 1 if zone[0] == "+" else -1
        ms -= sign * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000
    return ms


def _duration(name: str, cell: str, sensors: dict[str, int]) -> int:
    match = _DURATION.match(cell)
    if match is None:
        raise ValueError("expected a duration such as 30s")
    return round(float(match[1]) * _UNITS[match[2]])


def _type(name: str, cell: str, sensors: dict[str, int]) -> int:
    ids = BUILT_IN.flowtype_ids(cell)
    if not ids:
        names = ", ".join(f.type_name for f in BUILT_IN.flowtypes.values())
        raise ValueError(f"expected one of {names}")
    return ids[0]


def _sensor(name: str, cell: str, sensors: dict[str, int]) -> int:
    return sensors.setdefault(cell, len(sensors))


def _address(name: str, cell: str, sensors: dict[str, int]) -> int:
    return parse_address(cell)


_READERS: Final[Mapping[str, Callable[[str, str, dict[str, int]], int]]] = {
    "sip": _address,
    "dip": _address,
    "nhip": _address,
    "protocol": _protocol,
    "flags": _letters(TCP_FLAGS),
    "initial_flags": _letters(TCP_FLAGS),
    "session_flags": _letters(TCP_FLAGS),
    "attributes": _letters(ATTRIBUTES),
    "stime": _time,
    "etime": _time,
    "duration": _duration,
    "type": _type,
    "sensor": _sensor,
}
