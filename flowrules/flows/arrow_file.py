"""Flows in Arrow files: the file format (``ARROW1``) and the stream format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowrules.flows.arrow import batch_source
from flowrules.flows.errors import FlowFileError
from flowrules.flows.pyarrow_extra import pyarrow
from flowrules.flows.remote import is_url
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.site_record import conf_in, is_assumed
from flowrules.flows.table import FlowSource


def arrow_file_source(path: str, name: str, conf: SilkConf) -> FlowSource:
    """The flows of an Arrow file or stream at ``path``; ``name`` is what messages call it.

    Raises ``FlowFileError`` without pyarrow, for damage, and where the columns are not those of flows.
    """
    pa = pyarrow(name, "Arrow")
    if is_url(path):
        raise FlowFileError(
            name,
            "Arrow files are mapped, which a URL cannot be",
            hint="copy the file, or convert it to Parquet",
        )
    try:
        with pa.memory_map(path) as file:
            is_file = file.read(6) == b"ARROW1"
        schema = _open(pa, path, is_file).schema
    except (pa.ArrowException, OSError) as error:
        raise FlowFileError(
            name,
            "a damaged Arrow file",
            found=" ".join(str(error).split())[:200],
            expected="Arrow's file or stream",
        ) from error

    def batches(columns: list[str], rows: int) -> Iterator[Any]:
        reader = _open(pa, path, is_file)
        found = (reader.get_batch(n) for n in range(reader.num_record_batches)) if is_file else iter(reader)
        for batch in found:
            yield batch.select(columns)

    kept = conf_in(schema.metadata, name) if is_assumed(conf) else None
    return batch_source(name, "arrow", schema.names, kept or conf, batches)


def _open(pa: Any, path: str, is_file: bool) -> Any:
    file = pa.memory_map(path)
    return pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
