"""From cells of text to columns of values, with the line and column of what cannot be read."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.silk_header import UNKNOWN_FLOWTYPE, UNKNOWN_SENSOR
from flowrules.flows.text_fields import TEXT_FIELDS, TextField
from flowrules.model.address_text import parse_address, to_array
from flowrules.model.fields import ADDRESS, ATTRIBUTES, EXPANDED, STORED, TCP_FLAGS

Array = NDArray[Any]
T = TypeVar("T")

ADDRESSES: Final[tuple[str, ...]] = ("sip", "dip", "nhip")

_DECIMAL = re.compile(r"(\d{1,18})(?:\.(\d*))?", re.ASCII)
_CALENDAR = re.compile(
    r"(\d{4})[/-](\d\d)[/-](\d\d)[T: ](\d\d):(\d\d):(\d\d)(?:[.,](\d*))?(?:Z|\+00:?00)?", re.ASCII
)


class BadCellError(ValueError):
    """A cell that is not what its column holds; the text says what was expected."""


class Cells:
    """Turns lots of lines into columns."""

    def __init__(
        self,
        name: str,
        delimiter: str,
        titles: tuple[TextField | None, ...],
        conf: SilkConf,
        wanted: frozenset[str],
    ) -> None:
        self.name = name
        self.delimiter = delimiter
        self.titles = titles
        self.conf = conf
        self.wanted = wanted
        self.at = {field.name: at for at, field in enumerate(titles) if field is not None}
        self.addresses: dict[str, int] = {}
        self.sensors = {sensor.name: sensor.id for sensor in conf.sensors.values()}
        self.types = {(f.class_name, f.type_name): f.id for f in conf.flowtypes.values()}

    def read(self, lines: list[str], number: int, records: int) -> dict[str, Array]:
        """The columns of some lines, the first of which has this number; ``records`` were read before."""
        self.number, self.records = number, records
        self.columns = self._split(lines)
        out: dict[str, Array] = {}
        wanted, at = self.wanted, self.at
        if wanted & {*ADDRESSES, "ip_version"}:
            # all of them, whichever is wanted: one IPv6 cell makes the record IPv6
            addresses = {name: self._address(name) for name in ADDRESSES if name in at}
            out |= self._address_columns(addresses)
        for name in (
            "sport",
            "dport",
            "protocol",
            "packets",
            "bytes",
            "input",
            "output",
            "application",
        ):
            if name in wanted and name in at:
                out[name] = self._integers(name)
        if "dport" in wanted and "dport" not in at:
            out["dport"] = self._icmp_port()
        out |= self._times()
        if "flags" in wanted:
            out["flags"] = self._mapped("flags", np.uint8, _letters(TCP_FLAGS))
        for name in ("initial_flags", "session_flags"):
            if name in at and wanted & {name, "attributes"}:
                out[name] = self._mapped(name, np.uint8, _letters(TCP_FLAGS))
        if "attributes" in wanted:
            out["attributes"] = self._attributes(out)
        if "sensor" in wanted:
            out["sensor"] = self._mapped("sensor", np.uint16, self._sensor)
        if "type" in wanted:
            out["type"] = self._flowtypes()
        return out

    def _split(self, lines: list[str]) -> Sequence[Sequence[str]]:
        delimiter = self.delimiter
        wanted = len(self.titles)
        if any('"' in line for line in lines) and delimiter != "|":
            rows = list(csv.reader(lines, delimiter=delimiter))
            if len(rows) != len(lines):
                raise self._fail(0, None, "a quote without its end")
        else:
            rows = [line.split(delimiter) for line in lines]
        for index, row in enumerate(rows):
            if len(row) != wanted:
                if len(row) == wanted + 1 and not row[-1].strip():
                    row.pop()
                else:
                    raise self._fail(
                        index, None, "wrong number of columns", found=str(len(row)), expected=str(wanted)
                    )
        return list(zip(*rows, strict=True))

    def _fail(
        self,
        index: int,
        name: str | None,
        message: str,
        found: str | None = None,
        expected: str | None = None,
    ) -> FlowFileError:
        return FlowFileError(
            self.name,
            message,
            line=self.number + index,
            column=None if name is None else TEXT_FIELDS[name].title,
            found=found,
            expected=expected,
            records_read=self.records + index,
        )

    def _cells(self, name: str) -> Sequence[str]:
        return self.columns[self.at[name]]

    def _each(self, name: str, parse: Callable[[str], T]) -> list[T]:
        """Every cell of a column parsed; equal cells only once."""
        known: dict[str, T] = {}
        out = []
        for index, cell in enumerate(self._cells(name)):
            value = known.get(cell)
            if value is None:
                try:
                    value = known[cell] = parse(cell.strip())
                except ValueError as error:
                    raise self._fail(
                        index,
                        name,
                        "a cell that cannot be read",
                        found=repr(cell.strip()),
                        expected=str(error),
                    ) from error
            out.append(value)
        return out

    def _mapped(self, name: str, dtype: type[np.generic], parse: Callable[[str], int]) -> Array:
        return np.array(self._each(name, parse), dtype)

    def _integers(self, name: str) -> Array:
        dtype = STORED[name].dtype
        assert dtype is not None
        most = int(np.iinfo(dtype).max)
        cells = self._cells(name)
        text = "".join(cells)
        try:
            # what int() takes beyond digits is left to the strict parser
            values = [int(cell) for cell in cells] if text.isascii() and not {"_", "+"} & set(text) else [-1]
            if min(values) >= 0 and max(values) <= most:
                return np.array(values, dtype)
        except ValueError:
            pass
        return np.array(self._each(name, _integer(most)), dtype)

    def _milliseconds(self, name: str, parse: Callable[[str], int]) -> Array:
        """A column of times or durations; what SiLK prints goes a quicker way than the rest."""
        cells = self._cells(name)
        quick = _printed_seconds(cells)
        if quick is None and parse is _time:
            quick = _printed_times(cells)
        return self._mapped(name, np.int64, parse) if quick is None else quick

    def _address(self, name: str) -> list[int]:
        """A column of addresses; the high bit 128 marks text that was IPv6."""
        if len(self.addresses) > 1 << 20:
            self.addresses.clear()
        known = self.addresses
        out = []
        for index, cell in enumerate(self._cells(name)):
            value = known.get(cell)
            if value is None:
                text = cell.strip()
                try:
                    value = known[cell] = parse_address(text) | (":" in text) << 128
                except ValueError as error:
                    raise self._fail(index, name, str(error)) from error
            out.append(value)
        return out

    def _address_columns(self, addresses: dict[str, list[int]]) -> dict[str, Array]:
        out: dict[str, Array] = {}
        versions = np.full(len(self.columns[0]), 4, np.uint8)
        for values in addresses.values():
            versions[np.array([value >> 128 for value in values], np.bool_)] = 6
        wide = bool((versions == 6).any())
        for name, values in addresses.items():
            if name not in self.wanted:
                continue
            if wide:
                column = np.empty(len(values), ADDRESS)
                column["high"] = [(value >> 64) & 0xFFFFFFFFFFFFFFFF for value in values]
                column["low"] = [value & 0xFFFFFFFFFFFFFFFF for value in values]
            else:
                column = to_array(values)
            out[name] = column
        if "ip_version" in self.wanted:
            out["ip_version"] = versions
        return out

    def _icmp_port(self) -> Array:
        def number(text: str) -> int:
            return 0 if not text else _integer(255)(text)

        types, codes = (self._mapped(name, np.uint16, number) for name in ("icmp_type", "icmp_code"))
        port: Array = types << np.uint16(8) | codes
        return port

    def _times(self) -> dict[str, Array]:
        wanted, at = self.wanted, self.at
        out: dict[str, Array] = {}
        for name, parse in (("stime", _time), ("duration", _seconds)):
            if name in wanted and name in at:
                out[name] = self._milliseconds(name, parse)
        if "duration" in wanted and "duration" not in at:
            ends = self._milliseconds("etime", _time)
            starts = out["stime"] if "stime" in out else self._milliseconds("stime", _time)
            wrong = np.flatnonzero(ends < starts)
            if len(wrong):
                index = int(wrong[0])
                raise self._fail(index, "etime", "a flow that ends before it starts")
            out["duration"] = ends - starts
        if "stime" in wanted and "stime" not in at:
            ends = self._milliseconds("etime", _time)
            lasts = out["duration"] if "duration" in out else self._milliseconds("duration", _seconds)
            out["stime"] = ends - lasts
        return out

    def _attributes(self, out: dict[str, Array]) -> Array:
        if "attributes" in self.at:
            values = self._mapped("attributes", np.uint8, _letters(ATTRIBUTES))
        else:
            values = np.zeros(len(self.columns[0]), np.uint8)
        flags = [out[name] for name in ("initial_flags", "session_flags") if name in out]
        for column in flags:
            values |= np.where(column != 0, np.uint8(EXPANDED), np.uint8(0))
        return values

    def _sensor(self, text: str) -> int:
        if text == "?":
            return UNKNOWN_SENSOR
        known = self.sensors.get(text)
        if known is not None:
            return known
        if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= UNKNOWN_SENSOR:
            return int(text)
        raise BadCellError("a sensor of silk.conf, its number, or ?")

    def _flowtypes(self) -> Array:
        class_names = self._each("class", str) if "class" in self.at else None
        known: dict[tuple[str | None, str], int] = {}
        out = []
        for index, cell in enumerate(self._cells("type")):
            class_name = None if class_names is None else class_names[index]
            key = (class_name, cell)
            value = known.get(key)
            if value is None:
                try:
                    value = known[key] = self._flowtype(class_name, cell.strip())
                except BadCellError as error:
                    raise self._fail(
                        index,
                        "type",
                        "a cell that cannot be read",
                        found=repr(cell.strip()),
                        expected=str(error),
                    ) from error
            out.append(value)
        return np.array(out, np.uint8)

    def _flowtype(self, class_name: str | None, text: str) -> int:
        if class_name not in (None, "?", ""):
            id = self.types.get((class_name or "", text))
            if id is not None:
                return id
        else:
            ids = self.conf.flowtype_ids(text)
            if len(ids) == 1:
                return ids[0]
            if len(ids) > 1:
                raise BadCellError("a class column beside it, since several classes have this type")
        if text == "?":
            return UNKNOWN_FLOWTYPE
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= UNKNOWN_FLOWTYPE:
            return int(text)
        raise BadCellError("a type of silk.conf, or its number")


def _integer(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > most:
            raise BadCellError(f"a number from 0 to {most}")
        return int(text)

    return parse


def _letters(bits: dict[str, int]) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255:
            return int(text)
        value = 0
        for letter in text.replace(" ", ""):
            bit = bits.get(letter)
            if bit is None:
                raise BadCellError(f"letters of {''.join(bits)}")
            value |= bit
        return value

    return parse


def _printed_seconds(cells: Sequence[str]) -> Array | None:
    """Seconds with three decimals as ms; ``None`` unless all cells are such."""
    text = "".join(cells)
    if text.count(".") != len(cells) or not text.replace(".", "").isdigit() or not text.isascii():
        return None
    if any(cell[-4:-3] != "." or not 5 <= len(cell) <= 19 for cell in cells):
        return None
    return np.array([int(cell[:-4] + cell[-3:]) for cell in cells], np.int64)


def _printed_times(cells: Sequence[str]) -> Array | None:
    """Calendar times with three decimals as ms; ``None`` unless all cells are such, and exist."""
    if any(len(cell) != 23 or cell[4] not in "/-" or cell[19] != "." for cell in cells):
        return None
    text = "".join(cells)
    if not text.isascii() or "+" in text or "Z" in text:
        return None
    try:
        return np.array([cell.replace("/", "-") for cell in cells], "datetime64[ms]").astype(np.int64)
    except ValueError:
        return None


def _seconds(text: str) -> int:
    number = _DECIMAL.fullmatch(text)
    if number is None or len(number[1]) > 15:
        raise BadCellError("seconds, such as 12.345")
    return int(number[1]) * 1000 + int(((number[2] or "") + "000")[:3])


def _time(text: str) -> int:
    if _DECIMAL.fullmatch(text):
        return _seconds(text)
    parts = _CALENDAR.fullmatch(text)
    if parts is None:
        raise BadCellError("a time, such as 2009/02/13T17:00:00.000 or 1234544400.000")
    try:
        whole = datetime(*(int(parts[at]) for at in range(1, 7)), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError as error:
        raise BadCellError(f"a time that exists ({error})") from error
    return int(whole.timestamp()) * 1000 + int(((parts[7] or "") + "000")[:3])
