"""Reading flow records from delimited text with a title line: rwcut's output, or CSV of the same columns.

Source: rwcut(1), rwtuc(1).  The delimiter is ``|``, ``,``, ``;`` or a tab; cells may be padded and lines may
end in a delimiter.  Times are epoch seconds, ``YYYY/MM/DDThh:mm:ss`` or ISO 8601, all in UTC, with up
to three decimals used (more are cut off).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.stream_source import open_bytes
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource, widen
from flowrules.flows.text_cells import ADDRESSES, Cells
from flowrules.flows.text_fields import NOT_READ, TEXT_FIELDS, TextField, field_of_title
from flowrules.flows.text_lines import decoded_lines
from flowrules.model.fields import ADDRESS, STORED

Array = NDArray[Any]

DELIMITERS: Final = "|,;\t"

_BATCH = 1 << 14


@frozen(eq=False)
class TextFlows:
    """A text file whose title line has been read.

    ``titles`` are its columns in order: a column of ``TEXT_FIELDS``, or ``None`` for one that is not
    read.  ``title_line`` is the number of the line that holds them.
    """

    path: str
    name: str
    delimiter: str
    titles: tuple[TextField | None, ...]
    title_line: int
    conf: SilkConf

    @property
    def fields(self) -> frozenset[str]:
        """The catalogue's fields that the columns give."""
        names = {field.name for field in self.titles if field is not None}
        out = names & STORED.keys() | {"record_number"}
        if names & set(ADDRESSES):
            out |= {"ip_version"}
        if {"icmp_type", "icmp_code"} <= names:
            out |= {"dport"}
        if {"stime", "etime"} <= names:
            out |= {"duration"}
        if {"etime", "duration"} <= names:
            out |= {"stime"}
        if {"initial_flags", "session_flags"} <= names:
            out |= {"attributes"}
        return frozenset(out)

    def chunks(self, fields: frozenset[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Read the records from the first on; see ``FlowSource.chunks``.

        Raises ``FlowFileError`` with line and column at the first line that cannot be right, after every
        record before it has come.
        """
        wanted = self.fields if fields is None else self.fields & fields
        cells = Cells(self.name, self.delimiter, self.titles, self.conf, wanted)
        first = 0
        batches: list[dict[str, Array]] = []
        have = 0
        damage: FlowFileError | None = None
        try:
            for lines, number in self._batches(rows):
                before = first + have
                while lines:
                    try:
                        batches.append(cells.read(lines, number, before))
                        break
                    except FlowFileError as error:
                        # columns are read one by one: an earlier line may hold another error
                        damage = error
                        lines = lines[: (error.records_read or 0) - before]
                have += len(lines)
                if have >= rows:
                    yield self._chunk(batches, have, first, wanted)
                    first += have
                    batches, have = [], 0
                if damage is not None:
                    break
        except FlowFileError as error:
            error.records_read = first + have
            damage = error
        if have:
            yield self._chunk(batches, have, first, wanted)
        if damage is not None:
            raise damage

    def _batches(self, rows: int) -> Iterator[tuple[list[str], int]]:
        """Lines of records, some at a time, with the number of the first line of each lot."""
        lot: list[str] = []
        at = self.title_line + 1
        left = rows
        for number, line in _lines(self.path, self.name):
            if number <= self.title_line:
                continue
            if not line.strip():
                # a blank line between records would shift the numbers of those after it: end the lot here
                if lot:
                    yield lot, at
                    left = left - len(lot) or rows
                    lot = []
                at = number + 1
                continue
            lot.append(line)
            if len(lot) == min(_BATCH, left):
                yield lot, at
                left = left - len(lot) or rows
                lot, at = [], number + 1
        if lot:
            yield lot, at

    def _chunk(self, batches: list[dict[str, Array]], rows: int, first: int, wanted: frozenset[str]) -> Chunk:
        columns: dict[str, Array] = {}
        wide = any(
            batch[name].dtype == ADDRESS for batch in batches for name in ADDRESSES if name in batch
        ) or any((batch["ip_version"] == 6).any() for batch in batches if "ip_version" in batch)
        for name in STORED:
            if name not in wanted:
                continue
            if name == "record_number":
                columns[name] = np.arange(first, first + rows, dtype=np.uint64)
                continue
            parts = [batch[name] for batch in batches]
            if name in ADDRESSES and wide:
                parts = [widen(part) for part in parts]
            columns[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Chunk(columns, rows, first, self.name)


def open_text(path: str | Path, name: str | None = None, conf: SilkConf = BUILT_IN) -> TextFlows:
    """Read the title line of a text file of flow records.

    ``conf`` gives the ids of the sensor, class and type names in it.  Raises ``FlowFileError`` when
    there is no title line that names columns of flow records.
    """
    name = str(path) if name is None else name
    for number, line in _lines(path, name):
        if not line.strip():
            continue
        delimiter = find_delimiter(line)
        if delimiter is None:
            raise _no_titles(name, number, line)
        words = [word.strip() for word in next(csv.reader([line], delimiter=delimiter))]
        if words and words[-1] == "":
            words.pop()
        titles: list[TextField | None] = []
        for word in words:
            field = None if word.isdigit() else field_of_title(word)
            if field is None and word.lower() not in NOT_READ:
                raise FlowFileError(
                    name,
                    "unknown column title",
                    line=number,
                    found=repr(word),
                    expected=f"one of {', '.join(f.title for f in TEXT_FIELDS.values())}",
                )
            if field is not None and field in titles:
                raise FlowFileError(name, f"column {field.title} stands there twice", line=number)
            titles.append(field)
        return TextFlows(str(path), name, delimiter, tuple(titles), number, conf)
    raise FlowFileError(name, "the file is empty", expected="a title line and flow records")


def text_source(path: str | Path, name: str | None = None, conf: SilkConf = BUILT_IN) -> FlowSource:
    """A text file of flow records as a ``FlowSource``; raises as ``open_text`` does."""
    flows = open_text(path, name, conf)
    return FlowSource(flows.name, "csv" if flows.delimiter == "," else "rwcut", flows.fields, flows.chunks)


def find_delimiter(line: str) -> str | None:
    """The delimiter of a title line: the first candidate between words that are all titles, or most."""
    best, known = None, 0
    for delimiter in DELIMITERS:
        if delimiter in line:
            words = [word.strip(' "') for word in line.rstrip("\r\n").split(delimiter)]
            titles = sum(1 for word in words if not word.isdigit() and field_of_title(word) is not None)
            if titles > known:
                best, known = delimiter, titles
    if best is None and not line.strip().isdigit() and field_of_title(line.strip()) is not None:
        return "|"
    return best


def looks_like_titles(line: str) -> bool:
    """Whether a line can be the title line of flow records."""
    return find_delimiter(line) is not None


def _no_titles(name: str, number: int, line: str) -> FlowFileError:
    shown = line.strip()[:60]
    return FlowFileError(
        name,
        "no title line",
        line=number,
        found=repr(shown),
        expected="titles such as sIP|dIP|sPort|dPort|protocol",
        hint="print records with their titles",
    )


def _lines(path: str | Path, name: str) -> Iterator[tuple[int, str]]:
    with open_bytes(path, name) as source:
        yield from decoded_lines(source, name)
