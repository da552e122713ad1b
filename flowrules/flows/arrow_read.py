"""Arrow record batches as chunks, whoever made them: the columns that stand for fields, in any sensible type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flowrules.flows import arrow_values as values
from flowrules.flows.arrow_names import (
    CLASS_NAME,
    END_TIME,
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


@define(eq=False)
class BatchReader:
    """Turns batches of one schema into chunks.

    ``columns`` maps fields to the names of columns, ``fields`` are those that chunks may have.
    """

    name: str
    conf: SilkConf
    columns: dict[str, str]
    fields: frozenset[str]
    _units: dict[str, int] = field(factory=dict, repr=False)
    """The unit of a time column of integers, found in its first values, as parts of a second."""

    @classmethod
    def of(cls, names: Iterable[str], name: str, conf: SilkConf = BUILT_IN) -> BatchReader:
        """The reader for a table with columns ``names``; ``name`` is what messages call the table.

        Raises ``FlowFileError`` where the columns are not those of flows, or each row is two flows.
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
        back = reverse_columns(names)
        if back:
            raise FlowFileError(
                name,
                f"rows that count both directions of a flow (column {back[0]})",
                expected="one row for each direction",
                hint="write the way back as rows of their own, with source and destination exchanged",
            )
        held = {one for one in columns if one in STORED} | {"ip_version", "record_number"}
        if END_TIME in columns and "stime" in columns:
            held.add("duration")
        if SENSOR_NAME in columns:
            held.add("sensor")
        if TYPE_NAME in columns:
            held.add("type")
        return cls(name, conf, columns, frozenset(held))

    def needed(self, fields: frozenset[str]) -> list[str]:
        """The columns to read for ``fields``."""
        wanted = set(fields)
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

    def chunk(self, batch: Any, fields: frozenset[str], first: int) -> Chunk:
        """The rows of a batch as a chunk with ``fields``; ``first`` is the number of its first row.

        Raises ``FlowFileError`` naming row and column of a value that does not fit its field.
        """
        wanted = fields & self.fields
        columns: dict[str, Array] = {}
        for one in STORED:
            if one in wanted and one != "record_number":
                columns[one] = self._field(batch, one, first)
        addresses = [one for one in _ADDRESSES if one in columns]
        if any(columns[one].dtype == ADDRESS for one in addresses):
            columns.update({one: widen(columns[one]) for one in addresses})
        if "record_number" in wanted:
            columns["record_number"] = np.arange(first, first + batch.num_rows, dtype=np.uint64)
        return Chunk(columns, batch.num_rows, first, self.name)

    def _field(self, batch: Any, one: str, first: int) -> Array:
        def column(field: str) -> Any:
            return batch.column(self.columns[field])

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
                f"row {first + mistake.row} does not fit the field {one}",
                column=self.columns.get(one, one),
                found=mistake.found,
                expected=mistake.expected,
            ) from mistake

    def _stored(self, one: str, column: Any, batch: Any) -> Array:
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
