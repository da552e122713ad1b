"""Chunks as Arrow record batches, under names and types that other programs can use.

Fields have SiLK's names in small letters, as in the field catalogue.  ``stime`` is a timestamp of milliseconds in UTC,
``duration`` a duration of milliseconds, everything else an unsigned integer, but for addresses (see
``AddressForm``).  The ids ``sensor`` and ``type`` are followed by ``sensor_name``, ``class_name`` and ``type_name``,
null where an id has no name.  ``record_number`` is not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.arrow_names import CLASS_NAME, SENSOR_NAME, TYPE_NAME
from flowrules.flows.pyarrow_extra import pyarrow
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.site_record import SITE_KEY, record_of
from flowrules.flows.table import Chunk, FlowSource, widen
from flowrules.model.address_text import format_addresses
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, STORED

Array = NDArray[Any]

AddressForm = Literal["number", "binary", "text"]
"""Addresses as ``uint32`` (IPv4 only), as 16 bytes in network order (IPv4 mapped to ``::ffff:0:0/96``), or as text."""

NAMES: Final = {SENSOR_NAME: "sensor", CLASS_NAME: "type", TYPE_NAME: "type"}
"""Columns of names, and the field with the id that each is for."""


def arrow_schema(fields: Iterable[str], addresses: AddressForm, conf: SilkConf = BUILT_IN) -> Any:
    """The ``pyarrow.Schema`` of records with these fields."""
    pa = pyarrow("Arrow output", "Arrow")
    held = frozenset(fields)
    columns = [
        (name, _type(pa, name, addresses)) for name in STORED if name in held and name != "record_number"
    ]
    names = pa.dictionary(pa.int32(), pa.utf8())
    columns += [(name, names) for name, field in NAMES.items() if field in held]
    return pa.schema(columns, {SITE_KEY: json.dumps(record_of(conf)).encode()})


def record_batch(chunk: Chunk, schema: Any, conf: SilkConf = BUILT_IN) -> Any:
    """A chunk as a ``pyarrow.RecordBatch`` of a schema that ``arrow_schema`` made.

    Columns are not copied where their dtype is that of the schema.  Raises ``ValueError`` for an IPv6 address where
    the schema has numbers.
    """
    pa = pyarrow("Arrow output", "Arrow")
    arrays = []
    for field in schema:
        if field.name in NAMES:
            arrays.append(_names(pa, chunk.columns[NAMES[field.name]], field.name, conf))
        elif STORED[field.name].dtype is None:
            arrays.append(_addresses(pa, chunk.columns[field.name], field.type))
        else:
            values = chunk.columns[field.name]
            dtype = (
                np.dtype("int64")
                if field.name in ("stime", "duration")
                else np.dtype(field.type.to_pandas_dtype())
            )
            arrays.append(pa.array(np.ascontiguousarray(values, dtype)).view(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def widened_batch(batch: Any, schema: Any) -> Any:
    """A record batch with addresses as numbers, as one of ``schema``, which has them as 16 bytes."""
    pa = pyarrow("Arrow output", "Arrow")
    arrays = [
        _addresses(pa, batch.column(field.name).to_numpy(), field.type)
        if field.name in STORED and STORED[field.name].dtype is None
        else batch.column(field.name).cast(field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_reader(
    sources: Iterable[FlowSource],
    conf: SilkConf = BUILT_IN,
    fields: Iterable[str] | None = None,
    addresses: AddressForm = "binary",
) -> Any:
    """The records of sources as a ``pyarrow.RecordBatchReader``: for Polars, DuckDB, pandas and others.

    ``fields`` are those to give (``None``: those that every source has).  Reading goes on as batches are
    taken.  Raises ``FlowFileError`` as the readers do, and ``KeyError`` where a source lacks a field that is asked for.
    """
    pa = pyarrow("Arrow output", "Arrow")
    opened = tuple(sources)
    held = frozenset(STORED) - {"record_number"}
    for source in opened:
        held &= source.fields
    wanted = held if fields is None else frozenset(fields)
    if wanted - held:
        raise KeyError(f"not every source has the field {min(wanted - held)}")
    schema = arrow_schema(wanted, addresses, conf)
    batches = (record_batch(chunk, schema, conf) for source in opened for chunk in source.chunks(wanted))
    return pa.RecordBatchReader.from_batches(schema, batches)


def _type(pa: Any, name: str, addresses: AddressForm) -> Any:
    dtype = STORED[name].dtype
    if dtype is None:
        return {"number": pa.uint32(), "binary": pa.binary(16), "text": pa.utf8()}[addresses]
    if name == "stime":
        return pa.timestamp("ms", "UTC")
    if name == "duration":
        return pa.duration("ms")
    return pa.from_numpy_dtype(dtype)


def _addresses(pa: Any, addresses: Array, type_: Any) -> Any:
    if type_ == pa.utf8():
        return pa.array(format_addresses(addresses), type_)
    if type_ == pa.uint32():
        if addresses.dtype == ADDRESS:
            beyond = (addresses["high"] != 0) | (addresses["low"] >> np.uint64(32) != 0xFFFF)
            if beyond.any():
                raise ValueError("an IPv6 address does not fit 32 bits")
            addresses = (addresses["low"] - np.uint64(IPV4_MAPPED)).astype(np.uint32)
        return pa.array(np.ascontiguousarray(addresses))
    wide = widen(addresses)
    data = np.empty((len(wide), 2), ">u8")
    data[:, 0], data[:, 1] = wide["high"], wide["low"]
    return pa.FixedSizeBinaryArray.from_buffers(type_, len(wide), [None, pa.py_buffer(data)])


def _names(pa: Any, ids: Array, name: str, conf: SilkConf) -> Any:
    """The names of ids as a dictionary array, null where an id has none."""
    known: dict[str, Callable[[], dict[int, str]]] = {
        SENSOR_NAME: lambda: {id: sensor.name for id, sensor in conf.sensors.items()},
        CLASS_NAME: lambda: {id: one.class_name for id, one in conf.flowtypes.items()},
        TYPE_NAME: lambda: {id: one.type_name for id, one in conf.flowtypes.items()},
    }
    by_id = known[name]()
    words = list(dict.fromkeys(by_id.values()))
    places = {word: at for at, word in enumerate(words)}
    table = np.full(1 << 8 * ids.dtype.itemsize, -1, np.int32)
    for id, word in by_id.items():
        table[id] = places[word]
    codes = table.take(ids)
    mask = codes < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=mask if mask.any() else None), pa.array(words, pa.utf8())
    )
