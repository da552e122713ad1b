"""The files that parameters name: sets, maps, and tables or tuples in CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final, TypeVar

from flowrules.check.bindings import BinderError
from flowrules.check.builtin import LOWEST_HIGHEST
from flowrules.flows.errors import FlowFileError
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError, parse_address, parse_cidr
from flowrules.model.fields import PROTOCOLS
from flowrules.model.map_table import MapTable
from flowrules.model.resources import real_path
from flowrules.model.types import Type
from flowrules.syntax import literals

Row = tuple[int, list[str]]
"""A line's number and its cells."""

R = TypeVar("R")

_DELIMITERS: Final = ("|", "\t", ",")
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_COUNT: Final = re.compile(r"\d+(?:\.\d+)?[kMG]", re.ASCII)
_SIZE: Final = re.compile(r"\d+(?:\.\d+)?(?:[kKMGT]?B|[KMGT]iB)", re.ASCII)
_DURATION: Final = re.compile(r"\d+(?:\.\d+)?(?:ms|s|min|h|d|w)", re.ASCII)
_PERCENT: Final = re.compile(r"\d+(?:\.\d+)?%", re.ASCII)
_TIME: Final = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T:]\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)


class CellError(ValueError):
    """A cell that is no value of its column's type; the message says what was expected."""


class ParameterFiles:
    """Reads the files that parameters name; every fault is a ``BinderError`` with the file and the line."""

    def read_set(self, path: str) -> AddressSet:
        """A set of addresses: a SiLK IPset, or text with an address, block or range a line."""
        from flowrules.flows.set_text import read_set

        return _bound(lambda: read_set(real_path(path)))

    def read_map(self, path: str, keys: tuple[str, ...], name: str) -> MapTable:
        """A map of ``address`` or of ``port, protocol``: a SiLK prefix map, its text form, or CSV."""
        from flowrules.flows.pmap import read_prefix_map

        return _bound(lambda: read_prefix_map(real_path(path), name, keys))

    def read_table(self, path: str, columns: Sequence[tuple[str, Type]]) -> list[tuple[object, ...]]:
        """The rows of a table: a line of titles, among them those of ``columns``, then a row a line."""
        return _bound(lambda: _table(real_path(path), columns))

    def read_tuples(self, path: str, parts: Sequence[Type]) -> list[tuple[object, ...]]:
        """The members of a set of tuples, ports or labels: one a line, with or without titles."""
        return _bound(lambda: _tuples(real_path(path), parts))


def _bound(read: Callable[[], R]) -> R:
    try:
        return read()
    except FlowFileError as error:
        raise BinderError(str(error)) from error


# ---------------------------------------------------------------- rows


def _rows(path: str) -> Iterator[Row]:
    """Lines as cells, without blanks and comments; the first line shows what stands between cells."""
    import csv

    from flowrules.flows.byte_source import ByteSource
    from flowrules.flows.text_lines import decoded_lines

    with ByteSource(path) as source:
        delimiter = ""
        for number, line in decoded_lines(source, path):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            delimiter = delimiter or next((d for d in _DELIMITERS if d in line), ",")
            try:
                cells = next(csv.reader([line], delimiter=delimiter, strict=True))
            except csv.Error as error:
                raise FlowFileError(path, f"no line of CSV: {error}", line=number) from error
            yield number, [cell.strip() for cell in cells]


def _table(path: str, columns: Sequence[tuple[str, Type]]) -> list[tuple[object, ...]]:
    rows = _rows(path)
    number, titles = next(rows, (1, []))
    places = []
    for name, _ in columns:
        if titles.count(name) != 1:
            fault = "has no column" if name not in titles else "has more than one column"
            names = ", ".join(name for name, _ in columns)
            raise FlowFileError(
                path, f"the table {fault} {name}", line=number,
                found=", ".join(titles) or "an empty file", expected=f"a line of titles with {names}",
            )  # fmt: skip
        places.append(titles.index(name))
    width = len(titles)
    return [
        _values(path, number, _wide(path, number, cells, width), places, columns) for number, cells in rows
    ]


def _tuples(path: str, parts: Sequence[Type]) -> list[tuple[object, ...]]:
    columns = [(str(part), part) for part in parts]
    places = range(len(parts))
    members = []
    for at, (number, cells) in enumerate(_rows(path)):
        cells = _wide(path, number, cells, len(parts))
        if at == 0 and _are_titles(cells, parts):
            continue
        members.append(_values(path, number, cells, places, columns))
    return members


def _wide(path: str, number: int, cells: list[str], width: int) -> list[str]:
    """The cells of a row that has as many as it should; rwcut's text ends each line with a delimiter."""
    if len(cells) == width + 1 and not cells[-1]:
        return cells[:-1]
    if len(cells) != width:
        raise FlowFileError(
            path, "a row of another width", line=number, found=f"{len(cells)} cells", expected=str(width)
        )
    return cells


def _are_titles(cells: list[str], parts: Sequence[Type]) -> bool:
    """Whether a first row names its columns: words all of them, where one is no value of its type."""
    if not all(_WORD.fullmatch(cell) for cell in cells):
        return False
    for cell, part in zip(cells, parts, strict=True):
        try:
            cell_value(cell, part)
        except CellError:
            return True
    return False


def _values(
    path: str, number: int, cells: list[str], places: Iterable[int], columns: Sequence[tuple[str, Type]]
) -> tuple[object, ...]:
    values = []
    for place, (name, type_) in zip(places, columns, strict=True):
        try:
            values.append(cell_value(cells[place], type_))
        except CellError as error:
            found = f"'{cells[place]}'" if cells[place] else "nothing"
            raise FlowFileError(
                path, "a value of another type", line=number, column=name, found=found, expected=str(error)
            ) from error
    return tuple(values)


# ---------------------------------------------------------------- cells


def cell_value(text: str, type_: Type) -> object:
    """The value of a cell, as ``model.types`` says; raises ``CellError``.

    Addresses, sizes, durations, percents and times are written as in rulesets; numbers need no unit.
    """
    try:
        if type_ in LOWEST_HIGHEST:
            return _named_number(text, type_)
        if type_ in _CELLS:
            return _CELLS[type_](text)
    except literals.LiteralError as error:
        raise CellError(f"another value ({error.message})") from error
    except AddressError as error:
        raise CellError(f"{'an address' if type_ == t.ADDRESS else 'a block'} ({error.message})") from error
    raise CellError(f"another type: no file holds values of type {type_}")


def _named_number(text: str, type_: Type) -> int:
    if type_ == t.PROTOCOL and text.lower() in PROTOCOLS:
        return PROTOCOLS[text.lower()]
    low, high = LOWEST_HIGHEST[type_]
    if text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high:
        return int(text)
    raise CellError(f"a whole number from {low} to {high}")


def _count(text: str) -> object:
    if _COUNT.fullmatch(text):
        return literals.decode_count(text)
    return _whole(text, "a whole number")


def _bytes(text: str) -> object:
    if _SIZE.fullmatch(text):
        return literals.decode_size(text)
    return _whole(text, "a size such as 1500 or 10kB")


def _whole(text: str, expected: str) -> object:
    if _NUMBER.fullmatch(text) and "." not in text:
        return literals.decode_number(text)
    raise CellError(expected)


def _number(text: str) -> object:
    if _NUMBER.fullmatch(text):
        return Fraction(literals.decode_number(text))
    raise CellError("a number such as 12 or 0.5")


def _by_form(
    form: re.Pattern[str], decode: Callable[[str], object], expected: str
) -> Callable[[str], object]:
    def value(text: str) -> object:
        if form.fullmatch(text):
            return decode(text)
        raise CellError(expected)

    return value


def _label(text: str) -> object:
    if text:
        return text
    raise CellError("a label")


_CELLS: Final[dict[Type, Callable[[str], object]]] = {
    t.ADDRESS: parse_address,
    t.BLOCK: parse_cidr,
    t.COUNT: _count,
    t.BYTES: _bytes,
    t.NUMBER: _number,
    t.PERCENT: _by_form(_PERCENT, literals.decode_percent, "a percent such as 0.5%"),
    t.DURATION: _by_form(_DURATION, literals.decode_duration, "a duration such as 30s or 5min"),
    t.TIME: _by_form(
        _TIME, lambda text: literals.decode_time(text).start, "a time such as 2026-01-31T10:00Z"
    ),
    t.LABEL: _label,
}
