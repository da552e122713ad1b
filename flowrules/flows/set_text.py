"""Sets of addresses as text: one address, block, range or wildcard a line, or the first column of CSV.

``#`` begins a comment.  A file is CSV where its name ends in ``.csv`` or where its first line has a comma
and begins with a title; anywhere else a comma is that of a wildcard such as ``10.0.0.1,5``, or, where the
line is no wildcard, the end of the first column.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from flowrules.flows.atomic import whole_file
from flowrules.flows.errors import FlowFileError
from flowrules.flows.ipset import read_ipset
from flowrules.flows.setcat import cidr_lines
from flowrules.flows.silk_header import MAGIC
from flowrules.flows.stream_source import PeekedSource, Readable, open_bytes
from flowrules.flows.text_lines import decoded_lines
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError
from flowrules.model.address_wildcard import Wildcard
from flowrules.model.addresses import Range, parse_addresses

_BATCH = 1 << 16


def read_set(path: Readable, name: str | None = None) -> AddressSet:
    """The set in a file, SiLK IPset or text, whichever its content is.

    Raises ``FlowFileError`` with the offset or the line of what is wrong.
    """
    with open_bytes(path, name) as source:
        peeked = PeekedSource(source)
        if peeked.first[: len(MAGIC)] == MAGIC:
            return read_ipset(peeked, source.name)
        return set_of_lines(decoded_lines(peeked, source.name), source.name)


def set_of_lines(lines: Iterable[tuple[int, str]], path: str) -> AddressSet:
    """The set of numbered lines of text; ``path`` is for messages.  Raises ``FlowFileError``."""
    members = AddressSet()
    held: list[Range] = []
    is_csv = path.lower().endswith(".csv")
    started = False
    for number, line in lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if not started:
            started = True
            if _is_title(text, is_csv):
                is_csv = True
                continue
        try:
            held.extend(_ranges(text, is_csv))
        except AddressError as error:
            raise FlowFileError(path, error.message, line=number, hint=error.hint or None) from error
        if len(held) >= _BATCH:
            members |= AddressSet.from_ranges(held)
            held = []
    return members | AddressSet.from_ranges(held)


def _is_title(text: str, is_csv: bool) -> bool:
    """Whether the first line names columns: its first cell cannot be an address, and there are columns."""
    first = _first_cell(text)
    return (
        (is_csv or "," in text) and first.replace("_", "").replace(" ", "").isalpha() and first.lower() != "x"
    )


def _first_cell(text: str) -> str:
    return next(csv.reader(io.StringIO(text), skipinitialspace=True), [""])[0].strip()


def _ranges(text: str, is_csv: bool) -> Iterable[Range]:
    if is_csv:
        return _expanded(_first_cell(text))
    if "," not in text:
        return _expanded(text)
    try:
        return _expanded(text)
    except AddressError as error:
        try:
            return _expanded(_first_cell(text))
        except AddressError:
            raise error from None


def _expanded(text: str) -> tuple[Range, ...]:
    ranges = parse_addresses(text)
    if isinstance(ranges, Wildcard):
        raise AddressError(
            f"wildcard '{text}' stands for {ranges.range_count} ranges, too many for a set",
            "use it as a wildcard in a rule instead",
        )
    return ranges


def set_text_lines(members: AddressSet) -> Iterator[str]:
    """The lines of a set as text: its blocks, ascending, single addresses without a length."""
    return cidr_lines(members)


def write_set_text(target: str | os.PathLike[str] | BinaryIO, members: AddressSet) -> None:
    """Write a set as text, one block a line; a path appears whole or not at all.

    Raises ``FlowFileError`` when the system refuses to write.
    """
    if not isinstance(target, str | os.PathLike):
        target.writelines(f"{line}\n".encode() for line in set_text_lines(members))
        return
    with whole_file(target) as file:
        file.writelines(f"{line}\n".encode() for line in set_text_lines(members))
