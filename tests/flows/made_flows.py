"""Flows made for tests: from a seed, and compared as multisets of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrules.flows.table import Chunk, FlowSource
from flowrules.model.address_text import to_integers
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, STORED

DAY = 86_400_000
FIRST_DAY = 15_371
"""2012-02-01, as days since 1970."""

FIELDS = frozenset(STORED) - {"record_number"}


def made(
    rows: int,
    seed: int = 1,
    days: int = 1,
    wide: float = 0.0,
    fields: Iterable[str] = FIELDS,
    first_day: int = FIRST_DAY,
    hosts: int = 300,
) -> Chunk:
    """A chunk of plausible records over ``days`` days, a share ``wide`` of them IPv6."""
    random = np.random.default_rng(seed)
    type_ = random.choice(np.array([0, 1, 2, 3, 8], np.uint8), rows)
    protocol = random.choice(np.array([6, 17, 1, 50], np.uint8), rows, p=[0.6, 0.3, 0.06, 0.04])
    packets = random.integers(1, 1000, rows).astype(np.uint64)
    columns: dict[str, Any] = {
        "sip": (0x0A000000 + random.integers(0, hosts, rows)).astype(np.uint32),
        "dip": random.integers(0, 1 << 32, rows).astype(np.uint32),
        "sport": random.integers(0, 65536, rows).astype(np.uint16),
        "dport": random.choice(np.array([53, 80, 443], np.uint16), rows),
        "protocol": protocol,
        "packets": packets,
        "bytes": packets * random.integers(40, 1500, rows).astype(np.uint64),
        "flags": random.integers(0, 256, rows).astype(np.uint8),
        "stime": first_day * DAY + random.integers(0, days * DAY, rows),
        "duration": random.integers(0, 100_000, rows),
        "sensor": random.integers(0, 3, rows).astype(np.uint16),
        "input": random.integers(0, 9, rows).astype(np.uint32),
        "output": np.zeros(rows, np.uint32),
        "nhip": np.zeros(rows, np.uint32),
        "initial_flags": random.integers(0, 256, rows).astype(np.uint8),
        "session_flags": random.integers(0, 256, rows).astype(np.uint8),
        "attributes": random.choice(np.array([0, 1, 0x20], np.uint8), rows),
        "application": random.choice(np.array([0, 80], np.uint16), rows),
        "type": type_,
        "ip_version": np.full(rows, 4, np.uint8),
    }
    if wide:
        six = random.random(rows) < wide
        columns["ip_version"][six] = 6
        for name in ("sip", "dip", "nhip"):
            out = np.zeros(rows, ADDRESS)
            out["low"] = columns[name].astype(np.uint64) + np.uint64(IPV4_MAPPED)
            out["high"][six] = 0x20010DB800000000 + random.integers(0, 3, int(six.sum())).astype(np.uint64)
            out["low"][six] = random.integers(0, hosts, int(six.sum())).astype(np.uint64)
            columns[name] = out
    return Chunk({name: column for name, column in columns.items() if name in frozenset(fields)}, rows)


def source_of(*chunks: Chunk, path: str = "made", format: str = "made") -> FlowSource:
    """A source that gives these chunks, which have the same fields."""

    def read(fields: frozenset[str] | None, rows: int = 1 << 18) -> Any:
        for chunk in chunks:
            columns = {n: c for n, c in chunk.columns.items() if fields is None or n in fields}
            for start in range(0, chunk.rows, rows):
                yield Chunk(columns, chunk.rows).slice(start, min(start + rows, chunk.rows))

    return FlowSource(path, format, frozenset(chunks[0].columns), read)


def multiset(sources: Iterable[FlowSource], rows: int = 1 << 18) -> Counter[tuple[Any, ...]]:
    """How often each record comes: names and values of its fields, addresses as 128-bit numbers."""
    out: Counter[tuple[Any, ...]] = Counter()
    for source in sources:
        held = source.fields - {"record_number"}
        for chunk in source.chunks(held, rows):
            assert 0 < chunk.rows <= rows
            assert set(chunk.columns) == held
            out.update(records(chunk))
    return out


def records(chunk: Chunk) -> Iterable[tuple[Any, ...]]:
    """The rows of a chunk as tuples, whose first member says which fields they have."""
    names = [name for name in STORED if name in chunk.columns and name != "record_number"]
    values = [
        to_integers(chunk[name]) if STORED[name].dtype is None else chunk[name].tolist() for name in names
    ]
    header = tuple(names)
    return ((header, *row) for row in zip(*values, strict=True))


def check_dtypes(chunk: Chunk) -> None:
    """Columns must have the catalogue's dtypes."""
    addresses = set()
    for name, column in chunk.columns.items():
        assert len(column) == chunk.rows, name
        dtype = STORED[name].dtype
        if dtype is None:
            addresses.add(column.dtype)
        elif name in ("packets", "bytes"):
            assert column.dtype in (np.uint32, np.uint64), name
        else:
            assert column.dtype == dtype, name
    assert addresses <= {np.dtype(np.uint32)} or addresses == {ADDRESS}
