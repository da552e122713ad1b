"""SiLK files for the tests: those in tests/data, the whole kit where it is there, and some built here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_header import MAGIC
from flowrules.flows.table import Chunk, FlowSource
from flowrules.flows.text import record_lines, title_line
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, STORED
from tests.reference import shared

DATA = Path(__file__).resolve().parent.parent / "data" / "silk"
SAMPLES = DATA / "samples"


def own_samples() -> list[dict[str, Any]]:
    """The samples that are copied into the tests."""
    return [json.loads(line) for line in (SAMPLES / "manifest.jsonl").read_text().splitlines()]


def all_samples() -> tuple[Path, list[dict[str, Any]]]:
    """The folder and manifest of all samples; skips the test where they are not there."""
    folder = shared("silk", "samples")
    return folder, [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def dump(source: FlowSource | Any, fields: Any = None, rows: int = 1 << 18) -> list[str]:
    """What rwcut prints of a source, with titles, as the expected texts have it."""
    out = [title_line()]
    for chunk in source.chunks(fields, rows):
        out.extend(record_lines(chunk, times="epoch"))
    return out


def old_style(
    sample: bytes, header_length: int, before: bytes = b"", length: int = 1, version: int = 0
) -> bytes:
    """A sample with an old-style header instead of its own: eight bytes, ``before``, padding, the same body."""
    head = MAGIC + bytes([sample[4], sample[5], version, sample[7]]) + before
    if version >= 2 and sample[5] != 0x1C:
        head += bytes(-len(head) % length)
    return head + sample[header_length:]


def chunk_of(rows: int, ipv6: bool = False, **columns: Any) -> Chunk:
    """A chunk with every stored field: those given, the others plain values."""
    out: dict[str, Any] = {}
    for name, field in STORED.items():
        if name == "record_number":
            continue
        value = columns.get(name)
        if field.dtype is not None:
            default = 6 if name == "ip_version" and ipv6 else 4 if name == "ip_version" else 0
            out[name] = (
                np.full(rows, default, field.dtype) if value is None else np.asarray(value, field.dtype)
            )
        elif ipv6:
            out[name] = np.zeros(rows, ADDRESS)
            values = [0] * rows if value is None else value
            out[name]["high"] = [v >> 64 for v in values]
            out[name]["low"] = [v & (1 << 64) - 1 for v in values]
        else:
            out[name] = np.zeros(rows, np.uint32) if value is None else np.asarray(value, np.uint32)
    return Chunk(out, rows)


def mapped(address: int) -> int:
    """The 128-bit number of an IPv4 address."""
    return IPV4_MAPPED + address


def read_until_damage(source: Any, rows: int) -> tuple[int, FlowFileError | None]:
    """How many records come, and the error that ends them (``None``: they end by themselves)."""
    got = 0
    try:
        for chunk in source.chunks(rows=rows):
            got += chunk.rows
    except FlowFileError as error:
        return got, error
    return got, None
