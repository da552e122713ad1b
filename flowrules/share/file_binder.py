"""Reading the files that parameters name: sets, maps, tables and lists of tuples."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from attrs import frozen

from flowrules.check.bindings import BinderError
from flowrules.flows.errors import FlowFileError
from flowrules.flows.pmap import read_prefix_map
from flowrules.flows.set_text import read_set
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError, parse_address, parse_cidr
from flowrules.model.fields import PROTOCOLS
from flowrules.model.map_table import MapTable
from flowrules.model.types import Type

MOST_ROWS = 50_000_000
"""Rows of a table file beyond which it is refused."""


@frozen
class FileBinder:
    """The files of a site, read when a parameter that the run needs names them."""

    def read_set(self, path: str) -> AddressSet:
        """A set of addresses: SiLK IPset, or text with an address, block, range or wildcard a line."""
        try:
            return read_set(path)
        except (FlowFileError, AddressError, OSError) as error:
            raise BinderError(_reason(path, error)) from None

    def read_map(self, path: str, keys: tuple[str, ...], name: str) -> MapTable:
        """A map: SiLK prefix map, rwpmapbuild's text, or CSV."""
        try:
            return read_prefix_map(path, keys=keys, name=name)
        except (FlowFileError, AddressError, OSError) as error:
            raise BinderError(_reason(path, error)) from None

    def read_table(self, path: str, columns: Sequence[tuple[str, Type]]) -> Sequence[Sequence[object]]:
        """The rows of a CSV file; a title line says which column is which, else the order does."""
        names = [n for n, _ in columns]
        rows: list[Sequence[object]] = []
        order: list[int] | None = None
        for line, cells in _csv_rows(path):
            if order is None:
                titles = [c.strip().lower() for c in cells]
                if set(names) <= set(titles):
                    order = [titles.index(n) for n in names]
                    continue
                order = list(range(len(columns)))
            if len(cells) <= max(order):
                raise BinderError(f"{path}: line {line}: found {len(cells)} cells, expected {len(columns)}")
            rows.append([_value(path, line, t, cells[at]) for (_, t), at in zip(columns, order, strict=True)])
            _limit(path, rows)
        return rows

    def read_tuples(self, path: str, parts: Sequence[Type]) -> Sequence[Sequence[object]]:
        """The members of a set of tuples: CSV, a member a line."""
        rows: list[Sequence[object]] = []
        for line, cells in _csv_rows(path):
            if len(cells) != len(parts):
                raise BinderError(f"{path}: line {line}: found {len(cells)} cells, expected {len(parts)}")
            if (
                not rows
                and line == 1
                and all(c.strip().isidentifier() for c in cells)
                and parts[0].name != "label"
            ):
                continue
            rows.append([_value(path, line, t, c) for t, c in zip(parts, cells, strict=True)])
            _limit(path, rows)
        return rows


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, FlowFileError):
        return str(error)
    if isinstance(error, OSError):
        return f"{path}: {(error.strerror or str(error)).lower()}"
    return f"{path}: {error}"


def _limit(path: str, rows: Sequence[object]) -> None:
    if len(rows) > MOST_ROWS:
        raise BinderError(f"{path}: more than {MOST_ROWS} rows")


def _csv_rows(path: str) -> Iterator[tuple[int, list[str]]]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            head = file.read(4096)
            if "\0" in head:
                raise BinderError(f"{path}: found a binary file, expected CSV")
            file.seek(0)
            delimiter = "|" if head.split("\n")[0].count("|") > head.split("\n")[0].count(",") else ","
            reader = csv.reader(file, delimiter=delimiter)
            for cells in reader:
                if cells and not cells[0].lstrip().startswith("#"):
                    yield reader.line_num, cells
    except OSError as error:
        raise BinderError(_reason(path, error)) from None
    except UnicodeDecodeError as error:
        raise BinderError(f"{path}: not UTF-8 (byte {error.start})") from None
    except csv.Error as error:
        raise BinderError(f"{path}: {error}") from None


_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def _value(path: str, line: int, type_: Type, cell: str) -> object:
    """A cell as a value of the type; an empty one is unknown."""
    text = cell.strip()
    if not text:
        return None
    try:
        match type_.name:
            case "address":
                return parse_address(text)
            case "block":
                return parse_cidr(text)
            case "protocol" if text in PROTOCOLS:
                return PROTOCOLS[text]
            case "label" | "text":
                return text
            case "truth":
                return _TRUTHS[text.lower()]
            case "percent":
                return Fraction(text.removesuffix("%")) / 100 if text.endswith("%") else Fraction(text)
            case "number":
                return Fraction(text)
            case "duration":
                return round(Fraction(text) * 1000)
            case _:
                return int(text)
    except (ValueError, KeyError) as error:
        reason = str(error) if isinstance(error, AddressError) else f"found {text!r}, expected a {type_}"
        raise BinderError(f"{path}: line {line}: {reason}") from None
