"""Maps written as text: rwpmapbuild's input, and CSV of keys and labels.

Source: rwpmapbuild(1).  The longest prefix wins; ranges count as the blocks that they are made of; two
labels on one block are an error.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import define, field

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError
from flowrules.flows.text_lines import decoded_lines
from flowrules.model.address_blocks import range_blocks
from flowrules.model.address_text import HIGHEST, IPV4_HIGHEST, AddressError, format_cidr, parse_address
from flowrules.model.address_wildcard import Wildcard
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, PROTOCOLS
from flowrules.model.map_table import MapTable

_KINDS = {
    frozenset({"address"}): "address",
    frozenset({"port"}): "port",
    frozenset({"port", "protocol"}): "port, protocol",
}
_MODES = {"ip": "address", "ipv4": "address", "ipv6": "address", "proto-port": "port, protocol"}
_KEY_TITLES = {
    "address": "address", "ip": "address", "cidr": "address", "block": "address", "prefix": "address",
    "network": "address", "range": "address", "key": "address",
    "port": "port", "protocol": "protocol", "proto": "protocol",
}  # fmt: skip


def read_map_text(
    source: ByteSource, path: str, name: str | None = None, keys: tuple[str, ...] | None = None
) -> MapTable:
    """A map in text.  See ``pmap.read_prefix_map`` for ``name`` and ``keys``.

    Raises ``FlowFileError`` with the line of what is wrong.
    """
    lines = list(decoded_lines(source, path))
    first = next((text for _, text in lines if _content(text)), "")
    building = _Building(path, name, fallback_kind=_KINDS.get(frozenset(keys or ()), "address"))
    if _is_csv(first):
        _read_csv(building, lines, keys)
    else:
        _read_statements(building, lines)
    return building.table(Path(path).name)


def _content(text: str) -> str:
    return text.partition("#")[0].strip()


def _is_csv(line: str) -> bool:
    """Whether a comma comes before any blank, outside quotes."""
    if line.lstrip().startswith('"'):
        return True
    first = next((letter for letter in line.strip() if letter in ", \t"), "")
    return first == ","


@define
class _Building:
    """A map being read: its labels and the blocks that have them."""

    path: str
    name: str | None
    kind: str | None = None
    fallback_kind: str = "address"
    version: int = 4
    labels: dict[str, int] = field(factory=dict)
    numbered: dict[str, str] = field(factory=dict)
    default: str | None = None
    blocks: dict[tuple[int, int], tuple[int, int]] = field(factory=dict)
    """From (first key, number of keys) to (label, line)."""

    def fail(self, line: int, message: str, hint: str | None = None) -> FlowFileError:
        return FlowFileError(self.path, message, line=line, hint=hint)

    def address_error(self, line: int, error: AddressError) -> FlowFileError:
        return self.fail(line, error.message, error.hint or None)

    def label(self, text: str) -> int:
        text = self.numbered.get(text, text)
        return self.labels.setdefault(text, len(self.labels))

    def set_kind(self, line: int, kind: str) -> None:
        if self.kind is not None and self.kind != kind:
            raise self.fail(line, f"a key of a map of {kind} in a map of {self.kind}")
        self.kind = kind

    def put(self, line: int, first: int, last: int, label: str) -> None:
        """Give the keys from ``first`` to ``last`` a label."""
        index = self.label(label)
        for start, length in range_blocks(first, last):
            held = self.blocks.setdefault((start, length), (index, line))
            if held[0] != index:
                names = tuple(self.labels)
                block = format_cidr(start, length) if self.kind == "address" else _service(start)
                raise self.fail(
                    line,
                    f"{block} has two labels: '{names[held[0]]}' in line {held[1]} and '{names[index]}' here",
                    "keep one of them",
                )

    def table(self, fallback: str) -> MapTable:
        self.kind = self.kind or self.fallback_kind
        whole = None
        if self.default is not None:
            index = self.label(self.default)
            ends = (0, 0xFFFFFF) if self.kind != "address" else (0, HIGHEST) if self.version == 6 else _IPV4
            if self.kind == "port":
                ends = (0, 0xFFFF)
            whole = (*ends, index)
        pieces = list(_disjoint(self.blocks, whole))
        starts, ends_, index_ = zip(*pieces, strict=True) if pieces else ((), (), ())
        if self.kind == "address":
            made = (_wide(starts), _wide(ends_))
        else:
            made = (np.array(starts, np.uint32), np.array(ends_, np.uint32))
        return MapTable(
            self.name or fallback, self.kind, *made, np.array(index_, np.int32), tuple(self.labels)
        )


_IPV4 = (IPV4_MAPPED, IPV4_HIGHEST)


def _wide(values: tuple[int, ...]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    out = np.empty(len(values), ADDRESS)
    out["high"] = [value >> 64 for value in values]
    out["low"] = [value & 0xFFFFFFFFFFFFFFFF for value in values]
    return out


def _service(key: int) -> str:
    return f"protocol {key >> 16} port {key & 0xFFFF}"


def _disjoint(
    blocks: dict[tuple[int, int], tuple[int, int]], whole: tuple[int, int, int] | None
) -> Iterator[tuple[int, int, int]]:
    """Nested blocks as disjoint ranges with the label of the innermost, neighbours of one label joined."""
    held: tuple[int, int, int] | None = None
    for first, last, label in _innermost(blocks, whole):
        if held is not None and held[1] + 1 == first and held[2] == label:
            held = (held[0], last, label)
            continue
        if held is not None:
            yield held
        held = (first, last, label)
    if held is not None:
        yield held


def _innermost(
    blocks: dict[tuple[int, int], tuple[int, int]], whole: tuple[int, int, int] | None
) -> Iterator[tuple[int, int, int]]:
    open_: list[tuple[int, int]] = []
    at = 0
    if whole is not None:
        at = whole[0]
        open_.append((whole[1], whole[2]))
    for (first, length), (label, _) in sorted(blocks.items()):
        while open_ and open_[-1][0] < first:
            last, outer = open_.pop()
            if at <= last:
                yield at, last, outer
            at = last + 1
        if open_ and at < first:
            yield at, first - 1, open_[-1][1]
        at = first
        open_.append((first + (1 << 128 - length) - 1, label))
    while open_:
        last, outer = open_.pop()
        if at <= last:
            yield at, last, outer
        at = last + 1


# ---------------------------------------------------------------- rwpmapbuild


def _read_statements(building: _Building, lines: list[tuple[int, str]]) -> None:
    for line, text in lines:
        words = _content(text).split()
        if not words:
            continue
        keyword = words[0].lower()
        rest = _content(text)[len(words[0]) :].strip()
        if keyword in ("mode", "map-name", "default", "label"):
            _setting(building, line, keyword, rest)
        elif len(words) < 2:
            raise building.fail(line, f"'{words[0]}' has no label", "write the key, a blank and the label")
        elif (building.kind or building.fallback_kind) == "port, protocol":
            _service_line(building, line, words, rest)
        else:
            _address_line(building, line, words, rest)


def _setting(building: _Building, line: int, keyword: str, rest: str) -> None:
    if not rest:
        raise building.fail(line, f"'{keyword}' has no value")
    if keyword == "map-name":
        building.name = building.name or rest
    elif keyword == "default":
        building.default = rest
        building.label(rest)
    elif keyword == "label":
        number, _, label = rest.partition(" ")
        if not number.isdigit() or not label.strip():
            raise building.fail(line, f"'label {rest}' is not a number and a label", "write: label 1 servers")
        if building.numbered.setdefault(number, label.strip()) != label.strip():
            raise building.fail(line, f"label {number} has two texts")
        building.label(label.strip())
    else:
        mode = rest.lower()
        if mode not in _MODES:
            raise building.fail(line, f"unknown mode '{rest}'", f"it is one of {', '.join(_MODES)}")
        if building.blocks:
            raise building.fail(line, "the mode comes after the first key", "move it to the top")
        building.kind = _MODES[mode]
        building.version = 6 if mode == "ipv6" else 4


def _address_line(building: _Building, line: int, words: list[str], rest: str) -> None:
    building.set_kind(line, "address")
    try:
        first, last = _one_range(words[0])
        if len(words) > 2 and _is_address(words[1]):
            # START END LABEL
            last = parse_address(words[1])
            rest = rest[len(words[1]) :].strip()
            if first > last:
                raise AddressError(f"the range {words[0]} {words[1]} ends before it begins")
    except AddressError as error:
        raise building.address_error(line, error) from error
    if first < IPV4_MAPPED or last > IPV4_HIGHEST:
        building.version = 6
    building.put(line, first, last, rest)


def _one_range(text: str) -> tuple[int, int]:
    ranges = parse_addresses(text)
    if isinstance(ranges, Wildcard) or len(ranges) != 1:
        raise AddressError(f"'{text}' is no block or range of addresses")
    return ranges[0]


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except AddressError:
        return False
    return True


def _service_line(building: _Building, line: int, words: list[str], rest: str) -> None:
    building.set_kind(line, "port, protocol")
    first, last = _service_key(building, line, words[0])
    if len(words) > 2 and words[1].replace("/", "", 1).isdigit():
        other, last = _service_key(building, line, words[1])
        if other < first:
            raise building.fail(line, f"the range {words[0]} {words[1]} ends before it begins")
        rest = rest[len(words[1]) :].strip()
    building.put(line, first, last, rest)


def _service_key(building: _Building, line: int, text: str) -> tuple[int, int]:
    """The first and the last key of ``PROTOCOL`` or ``PROTOCOL/PORT``."""
    protocol, slash, port = text.partition("/")
    number = _number(building, line, protocol, 255, "protocol")
    if not slash:
        return number << 16, number << 16 | 0xFFFF
    key = number << 16 | _number(building, line, port, 0xFFFF, "port")
    return key, key


def _number(building: _Building, line: int, text: str, most: int, what: str) -> int:
    if what == "protocol" and text.lower() in PROTOCOLS:
        return PROTOCOLS[text.lower()]
    if not (text.isascii() and text.isdigit()):
        raise building.fail(line, f"'{text}' is not a {what}", f"write a number from 0 to {most}")
    if int(text[:8]) > most:
        raise building.fail(line, f"{what} {text} is above {most}")
    return int(text)


# ---------------------------------------------------------------- CSV


def _read_csv(building: _Building, lines: list[tuple[int, str]], keys: tuple[str, ...] | None) -> None:
    columns = keys
    started = False
    for line, text in lines:
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(text), skipinitialspace=True))]
        if not started:
            started = True
            titles = [_KEY_TITLES.get(cell.lower()) for cell in cells]
            if titles[0] is not None:
                columns = tuple(title for title in titles[:-1] if title is not None)
                if len(columns) != len(cells) - 1:
                    raise building.fail(
                        line,
                        f"the title line '{text.strip()}' is not keys and a label",
                        "write address,label or port,protocol,label",
                    )
                continue
            columns = columns or (("address",) if len(cells) == 2 else ("port", "protocol"))
        assert columns is not None
        if len(cells) != len(columns) + 1 or not cells[-1]:
            raise building.fail(
                line, f"{len(cells)} cells, and a map of {', '.join(columns)} has {len(columns)} and a label"
            )
        _csv_row(building, line, dict(zip(columns, cells, strict=False)), cells[-1])


def _csv_row(building: _Building, line: int, cells: dict[str, str], label: str) -> None:
    if "address" in cells:
        building.set_kind(line, "address")
        try:
            first, last = _one_range(cells["address"])
        except AddressError as error:
            raise building.address_error(line, error) from error
        building.put(line, first, last, label)
        return
    low, dash, high = cells["port"].partition("-")
    first = _number(building, line, low.strip(), 0xFFFF, "port")
    last = _number(building, line, high.strip(), 0xFFFF, "port") if dash else first
    if first > last:
        raise building.fail(line, f"the range {cells['port']} ends before it begins")
    if "protocol" not in cells:
        building.set_kind(line, "port")
        building.put(line, first, last, label)
        return
    building.set_kind(line, "port, protocol")
    protocol = _number(building, line, cells["protocol"], 255, "protocol")
    building.put(line, protocol << 16 | first, protocol << 16 | last, label)
