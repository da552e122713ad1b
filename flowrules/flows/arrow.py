"""Flows from Arrow data in memory: a table, a data frame, a query's result, anything with an Arrow stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from flowrules.flows.arrow_write import arrow_reader, arrow_schema, record_batch
from flowrules.flows.errors import FlowFileError
from flowrules.flows.pyarrow_extra import pyarrow
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.site_record import conf_in
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource

__all__ = ["arrow_conf", "arrow_reader", "arrow_schema", "arrow_source", "batch_source", "record_batch"]

NAME: Final = "arrow"
"""What messages call a table without a name."""


def arrow_source(data: Any, name: str = NAME, conf: SilkConf | None = None) -> FlowSource:
    """Flows in ``data``, which has ``__arrow_c_stream__``: Arrow tables and readers, Polars, DuckDB, pandas.

    Columns are found by their names (see ``arrow_names``).  ``conf`` names sensors and types (``None``: what the data
    keeps, else the built-in site).  A ``pyarrow.RecordBatchReader`` can be read once; other objects are asked
    for a new stream in each pass.

    Raises ``FlowFileError`` without pyarrow or where the columns are not those of flows, ``TypeError`` where
    ``data`` gives no stream.
    """
    pa = pyarrow(name, "Arrow")
    if not hasattr(data, "__arrow_c_stream__"):
        raise TypeError(f"{type(data).__name__} has no __arrow_c_stream__")
    once = isinstance(data, pa.RecordBatchReader)
    stream = data if once else pa.RecordBatchReader.from_stream(data)
    schema = stream.schema
    known = conf or conf_in(schema.metadata, name) or BUILT_IN

    def batches(columns: list[str], rows: int) -> Iterator[Any]:
        reader = data if once else pa.RecordBatchReader.from_stream(data)
        for batch in reader:
            yield batch.select(columns)

    return batch_source(name, "arrow", schema.names, known, batches, once)


def arrow_conf(data: Any) -> SilkConf | None:
    """The names of sensors and types that Arrow data brings along, ``None`` where it brings none."""
    pa = pyarrow(NAME, "Arrow")
    schema = (
        data.schema
        if isinstance(data, pa.RecordBatchReader)
        else pa.RecordBatchReader.from_stream(data).schema
    )
    return conf_in(schema.metadata, NAME)


def batch_source(
    name: str,
    format: str,
    names: list[str],
    conf: SilkConf,
    batches: Callable[[list[str], int], Iterator[Any]],
    once: bool = False,
) -> FlowSource:
    """A source over record batches: ``batches(columns, rows)`` reads them anew, with these columns."""
    pa = pyarrow(name, "Arrow")
    # not before it is known that there is a pyarrow
    from flowrules.flows.arrow_read import BatchReader

    held = BatchReader.of(names, name, conf).fields

    def read(fields: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        reader = BatchReader.of(names, name, conf)
        wanted = held if fields is None else fields & held
        # the rows are counted even where no column is wanted
        columns = reader.needed(wanted) or [reader.columns["sip"]]
        first = row = 0
        try:
            for batch in batches(columns, rows):
                for start in range(0, batch.num_rows, rows):
                    some = batch.slice(start, rows)
                    for chunk in reader.chunks(some, wanted, first, row):
                        yield chunk
                        first += chunk.rows
                    row += some.num_rows
        except (pa.ArrowException, OSError) as error:
            raise FlowFileError(
                name, "cannot be read", found=_reason(error), expected="sound Arrow data", records_read=first
            ) from error

    return FlowSource(name, format, held, read, once)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text if len(text) <= 200 else text[:199] + "…"
