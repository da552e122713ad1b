"""What SiLK takes a field to be where a record's format does not store it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.silk_header import UNKNOWN_FLOWTYPE, UNKNOWN_SENSOR
from flowrules.flows.table import Chunk
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, STORED

DEFAULTS: Final = {"sensor": UNKNOWN_SENSOR, "type": UNKNOWN_FLOWTYPE, "ip_version": 4}
"""Values of fields that are not stored; the others are 0 (addresses: 0.0.0.0, or :: in an IPv6 record)."""


def with_defaults(chunk: Chunk, fields: Iterable[str]) -> Chunk:
    """The chunk with a column for each of ``fields``: SiLK's default where it lacks one.

    The other columns stay, uncopied.  New address columns have the dtype of the chunk's other
    addresses.
    """
    missing = [name for name in fields if name not in chunk.columns]
    if not missing:
        return chunk
    columns = dict(chunk.columns)
    for name in missing:
        columns[name] = _default(chunk, name)
    return Chunk(columns, chunk.rows, chunk.first, chunk.source)


def _default(chunk: Chunk, name: str) -> NDArray[Any]:
    if name == "record_number":
        return np.arange(chunk.first, chunk.first + chunk.rows, dtype=np.uint64)
    dtype = STORED[name].dtype
    if dtype is not None:
        return np.full(chunk.rows, DEFAULTS.get(name, 0), dtype)
    others = [chunk.columns[n] for n in ("sip", "dip", "nhip") if n in chunk.columns]
    version = chunk.columns.get("ip_version")
    wide = any(c.dtype == ADDRESS for c in others) or (version is not None and bool((version == 6).any()))
    if not wide:
        return np.zeros(chunk.rows, np.uint32)
    out = np.zeros(chunk.rows, ADDRESS)
    if version is not None:
        out["low"] = np.where(version == 6, np.uint64(0), np.uint64(IPV4_MAPPED))
    return out
