"""Arrow record batches as chunks, whoever made them: the columns that stand for fields, in any sensible type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flowrules.flows import arrow_values as values
from flowrules.flows.arrow_names import (
    CLASS_NAME,
    END_TIME,
    REVERSE_BYTES,
    REVERSE_PACKETS,
    SENSOR_NAME,
    TYPE_NAME,
    fields_of,
    reverse_columns,
)
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.table import Chunk, widen
from flowrules.model.fields import ADDRESS, STORED

Array = NDArray[Any]

LEAST: Final = ("sip", "dip")
"""Fields without which a table is taken for no flows."""

_ADDRESSES: Final = ("sip", "dip", "nhip")

_OF_ONE_WAY: Final = frozenset({"flags", "initial_flags", "session_flags", "attributes", "type", "nhip"})
"""Fields that a row of two directions cannot tell for each of them."""

_BACK: Final = {
    "packets": REVERSE_PACKETS,
    "bytes": REVERSE_BYTES,
    **{one.name: one.reverse for one in STORED.values() if one.reverse is not None},
}
"""Fields of the way back, and what they are in the row."""


@define(eq=False)
class BatchReader:
    """Turns batches of one schema into chunks.

    ``columns`` maps fields to the names of columns, ``fields`` are those that chunks may have.
    """

    name: str
    conf: SilkConf
    columns: dict[str, str]
    fields: frozenset[str]
    two_ways: bool = False
    """Whether rows count both directions: each becomes a record, and another where anything flowed back."""
    _units: dict[str, int] = field(factory=dict, repr=False)
    """The unit of a time column of integers, found in its first values, as parts of a second."""

    @classmethod
    def of(cls, names: Iterable[str], name: str, conf: SilkConf = BUILT_IN) -> BatchReader:
        """The reader for a table with columns ``names``; ``name`` is what messages call the table.

        Raises ``FlowFileError`` where the columns are not those of flows, or its rows count both directions by names
        that are not known.
        """
        names = list(names)
        columns = fields_of(names)
        lacking = [one for one in LEAST if one not in columns]
        if lacking:
            raise FlowFileError(
                name,
                f"no column for {' or '.join(lacking)}, so these are no flows",
                found=", ".join(names[:12]) + (", …" if len(names) > 12 else ""),
                expected="columns named as SiLK's fields, such as sip, dip, stime and bytes",
                hint="rename the columns where the table was made",
            )
        two_ways = REVERSE_PACKETS in columns or REVERSE_BYTES in columns
        back = reverse_columns(names)
        if back and not two_ways:
            raise FlowFileError(
                name,
                f"rows that count both directions of a flow, by a name that is not known (column {back[0]})",
                expected=f"{REVERSE_PACKETS} and {REVERSE_BYTES}",
                hint="rename the columns where the table was made",
            )
        held = {one for one in columns if one in STORED} | {"ip_version", "record_number"}
        if END_TIME in columns and "stime" in columns:
            held.add("duration")
        if SENSOR_NAME in columns:
            held.add("sensor")
        if TYPE_NAME in columns:
            held.add("type")
        if two_ways:
            held -= _OF_ONE_WAY
            held -= {one for one in ("packets", "bytes") if _BACK[one] not in columns}
        return cls(name, conf, columns, frozenset(held), two_ways)

    def needed(self, fields: frozenset[str]) -> list[str]:
        """The columns to read for ``fields``."""
        wanted = set(fields)
        if self.two_ways:
            wanted |= {REVERSE_PACKETS, REVERSE_BYTES} | {_BACK[one] for one in fields if one in _BACK}
        if "ip_version" in fields and "ip_version" not in self.columns:
            wanted |= {"sip", "dip"}
        if "duration" in fields and "duration" not in self.columns:
            wanted |= {"stime", END_TIME}
        if "sensor" in fields and "sensor" not in self.columns:
            wanted.add(SENSOR_NAME)
        if "type" in fields:
            wanted.add(CLASS_NAME)
            if "type" not in self.columns:
                wanted.add(TYPE_NAME)
        return [self.columns[one] for one in self.columns if one in wanted]

    def chunks(self, batch: Any, fields: frozenset[str], first: int, row: int) -> Iterator[Chunk]:
        """The records of a batch with ``fields``: one chunk, or two where rows count both directions.

        ``first`` is the number of its first record, ``row`` that of its first row.  Raises ``FlowFileError`` naming
        row and column of a value that does not fit its field.
        """
        wanted = [one for one in STORED if one in fields & self.fields and one != "record_number"]
        numbered = "record_number" in fields
        there = {one: self._field(batch, one, one, row) for one in wanted}
        yield self._chunk(there, batch.num_rows, first, numbered)
        if not self.two_ways:
            return
        flowed: NDArray[np.bool_] = np.zeros(batch.num_rows, np.bool_)
        for one in (REVERSE_PACKETS, REVERSE_BYTES):
            if one in self.columns:
                flowed |= self._field(batch, one, one, row) != 0
        rows = np.flatnonzero(flowed)
        if len(rows):
            back = {one: self._field(batch, _BACK.get(one, one), one, row).take(rows) for one in wanted}
            yield self._chunk(back, len(rows), first + batch.num_rows, numbered)

    def _chunk(self, columns: dict[str, Array], rows: int, first: int, numbered: bool) -> Chunk:
        addresses = [one for one in _ADDRESSES if one in columns]
        if any(columns[one].dtype == ADDRESS for one in addresses):
            columns.update({one: widen(columns[one]) for one in addresses})
        if numbered:
            columns["record_number"] = np.arange(first, first + rows, dtype=np.uint64)
        return Chunk(columns, rows, first, self.name)

    def _field(self, batch: Any, one: str, field: str, row: int) -> Array:
        """What the row has as ``one``, for a field of the record; ``row`` is the number of the batch's first."""

        def column(name: str) -> Any:
            return batch.column(self.columns[name])

        try:
            if one in self.columns:
                return self._stored(one, column(one), batch)
            if one == "duration":
                end = self._time(END_TIME, column(END_TIME))
                return end - self._time("stime", column("stime"))
            if one == "sensor":
                return values.labels(column(SENSOR_NAME), self._sensor_id, np.dtype("uint16"), 0xFFFF)
            if one == "type":
                return self._types(column(TYPE_NAME), batch)
            return self._versions(batch)
        except values.ValueMistake as mistake:
            raise FlowFileError(
                self.name,
                f"row {row + mistake.row} does not fit the field {field}",
                column=self.columns.get(one, one),
                found=mistake.found,
                expected=mistake.expected,
            ) from mistake

    def _stored(self, one: str, column: Any, batch: Any) -> Array:
        if one in (REVERSE_PACKETS, REVERSE_BYTES):
            return values.integers(column, np.dtype("uint64"), null=0)
        dtype = STORED[one].dtype
        if dtype is None:
            return values.addresses(column, null=0 if one == "nhip" else None)
        if one == "stime":
            return self._time(one, column)
        if one == "duration":
            return values.durations(column)
        if one == "protocol":
            return values.protocols(column)
        if one in ("flags", "initial_flags", "session_flags", "attributes"):
            return values.letters(column, one)
        if one == "sensor":
            return values.labels(column, self._sensor_id, dtype, 0xFFFF)
        if one == "type":
            return self._types(column, batch)
        return values.integers(column, dtype, null=None if one in ("packets", "bytes") else 0)

    def _time(self, one: str, column: Any) -> Array:
        unit = self._units.get(one)
        if unit is None:
            unit = self._units[one] = values.unit_of(column)
        return values.times(column, unit)

    def _versions(self, batch: Any) -> Array:
        out = np.full(batch.num_rows, 4, np.uint8)
        for one in ("sip", "dip"):
            column = values.addresses(batch.column(self.columns[one]), null=None)
            if column.dtype == ADDRESS:
                out[(column["high"] != 0) | (column["low"] >> np.uint64(32) != 0xFFFF)] = 6
        return out

    def _sensor_id(self, name: str) -> int | None:
        return self.conf.sensor_id(name)

    def _types(self, column: Any, batch: Any) -> Array:
        """Flowtype ids from ids, or from type names and, where there is such a column, class names."""
        dtype = np.dtype("uint8")
        classes = self.columns.get(CLASS_NAME)
        by_name: Callable[[str], int | None] = self._type_id
        if classes is None or not values.is_text(column):
            return values.labels(column, by_name, dtype, 0xFF)
        return values.labels(values.joined(batch.column(classes), column), by_name, dtype, 0xFF)

    def _type_id(self, name: str) -> int | None:
        owner, slash, type_name = name.rpartition("/")
        ids = self.conf.flowtype_ids(type_name, owner if slash else None)
        return ids[0] if ids else self.conf.flowtype_by_name(type_name)
