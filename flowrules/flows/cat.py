"""Flow records as lines of text, from many sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.table import CHUNK_ROWS, FlowSource
from flowrules.flows.text import json_lines, needed, record_lines, title_line
from flowrules.flows.text_fields import TEXT_FIELDS, TextField

TextFormat = Literal["rwcut", "csv", "json"]


def text_lines(
    sources: Iterable[FlowSource],
    fields: Sequence[TextField] = tuple(TEXT_FIELDS.values()),
    conf: SilkConf = BUILT_IN,
    format: TextFormat = "rwcut",
    times: str = "default",
    limit: int | None = None,
) -> Iterator[str]:
    """Lines without newlines: the titles (none in JSON), then the records of the sources in order.

    ``times`` is a style of ``flows.text.TIME_STYLES`` (JSON has its own), ``limit`` the most records.
    Raises ``FlowFileError`` as the readers do, after the records before the damage.
    """
    delimiter = "," if format == "csv" else "|"
    if format != "json":
        yield title_line(fields, delimiter)
    left = limit
    rows = CHUNK_ROWS if limit is None else max(1, min(CHUNK_ROWS, limit))
    wanted = needed(fields) | {"ip_version"}
    for source in sources:
        if left == 0:
            return
        for chunk in source.chunks(wanted, rows):
            if left is not None:
                chunk = chunk.slice(0, min(left, chunk.rows))
                left -= chunk.rows
            if format == "json":
                yield from json_lines(chunk, fields, conf)
            else:
                yield from record_lines(chunk, fields, conf, times, delimiter)
            if left == 0:
                return
