"""Random and boundary flows that a wire could carry, and the real engine's judgement of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.direction import TYPES, DirectionRule
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.world import Found
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.table import Chunk
from flowrules.lint.facts import ICMP, PORTED
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS, IPV4_MAPPED
from flowrules.model.program import Program
from flowrules.plan.rewriting import Rewriter

PORTS = (
    0,
    1,
    22,
    25,
    53,
    79,
    80,
    81,
    110,
    442,
    443,
    444,
    999,
    1000,
    1001,
    1023,
    1024,
    1025,
    2048,
    8080,
    65534,
    65535,
)
COUNTS = (1, 2, 3, 4, 5, 9, 10, 11, 99, 100, 101, 1000, 10**6, 2**32)
ADDRESSES = (
    "10.0.0.0", "10.0.0.1", "10.1.0.0", "10.255.255.255", "11.0.0.0", "9.255.255.255", "192.0.2.1", "192.0.2.255",
    "192.168.1.1", "203.0.113.33", "0.0.0.0", "255.255.255.255",
)  # fmt: skip
WIDE = (1, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1, (0x20010DB9 << 96), (1 << 128) - 1)
DURATIONS = (0, 1, 999, 1000, 1001, 60_000, 3_600_000)
START = 1_767_614_400_000


def _integer(text: str) -> int:
    out = 0
    for part in text.split("."):
        out = out << 8 | int(part)
    return out


@cache
def real_flows(rows: int = 20_000, seed: int = 1) -> Chunk:
    """Flows of every kind: mostly values on and beside the bounds that predicates ask for."""
    rng = np.random.default_rng(seed)

    def pick(values: Sequence[int], low: int, high: int, dtype: str) -> NDArray[Any]:
        near = rng.choice(np.array(values, np.uint64), rows)
        far = rng.integers(low, high, rows, np.uint64)
        return np.where(rng.random(rows) < 0.7, near, far).astype(dtype)

    protocol = pick((1, 6, 6, 6, 17, 17, 47, 50, 58, 132), 0, 256, "uint8")
    ported = np.isin(protocol, PORTED)
    icmp = np.isin(protocol, ICMP)
    tcp = protocol == 6
    packets = pick(COUNTS, 1, 5000, "uint64")
    per = pick((20, 21, 40, 41, 60, 100, 399, 400, 1500), 20, 1500, "uint64")
    spare = np.where(rng.random(rows) < 0.5, 0, rng.integers(0, 50, rows)).astype(np.uint64)
    initial = np.where(tcp, rng.integers(0, 256, rows), 0).astype(np.uint8)
    session = np.where(tcp, rng.integers(0, 256, rows), 0).astype(np.uint8)
    few = rng.choice(np.array([0, 2, 16, 18, 24, 25], np.uint8), rows)
    initial = np.where(tcp & (rng.random(rows) < 0.6), few, initial).astype(np.uint8)
    session = np.where(tcp & (rng.random(rows) < 0.6), 0, session).astype(np.uint8)
    extra = np.where(tcp & (rng.random(rows) < 0.3), rng.integers(0, 256, rows), 0).astype(np.uint8)
    version = np.where(rng.random(rows) < 0.8, 4, 6).astype(np.uint8)
    ids = [
        BUILT_IN.flowtype_ids(n)[0]
        for n in ("in", "out", "inweb", "outweb", "innull", "outnull", "int2int", "ext2ext", "other")
    ]
    icmp_codes = rng.choice(np.array([0, 2048, 769, 771, 2816, 65535], np.uint16), rows)
    columns: dict[str, Any] = {
        "sip": _addresses(rng, rows, version),
        "dip": _addresses(rng, rows, version),
        "nhip": _addresses(rng, rows, version),
        "sport": np.where(ported, pick(PORTS, 0, 65536, "uint16"), 0).astype(np.uint16),
        "dport": np.where(ported, pick(PORTS, 0, 65536, "uint16"), np.where(icmp, icmp_codes, 0)).astype(np.uint16),
        "protocol": protocol,
        "packets": packets,
        "bytes": packets * per + spare,
        "flags": initial | session | extra,
        "initial_flags": initial,
        "session_flags": session,
        "attributes": rng.choice(np.array([0, 1, 9, 17, 33, 121], np.uint8), rows),
        "stime": START + np.where(rng.random(rows) < 0.5, 0, rng.integers(-10**9, 10**9, rows)),
        "duration": pick(DURATIONS, 0, 10**7, "int64"),
        "sensor": rng.integers(0, 4, rows).astype(np.uint16),
        "input": pick((0, 1, 2), 0, 2**32, "uint32"),
        "output": pick((0, 1, 2), 0, 2**32, "uint32"),
        "application": pick((0, 53, 80, 443), 0, 65536, "uint16"),
        "type": rng.choice(np.array(ids, np.uint8), rows),
        "ip_version": version,
        "record_number": np.arange(rows, dtype=np.uint64),
    }  # fmt: skip
    return Chunk(columns, rows)


def _addresses(rng: Any, rows: int, version: NDArray[Any]) -> NDArray[Any]:
    four = rng.choice(np.array([_integer(a) for a in ADDRESSES], np.uint64), rows)
    four = np.where(rng.random(rows) < 0.7, four, rng.integers(0, 2**32, rows, np.uint64))
    highs = np.array([a >> 64 for a in WIDE], np.uint64)
    lows = np.array([a & (2**64 - 1) for a in WIDE], np.uint64)
    chosen = rng.integers(0, len(WIDE), rows)
    six = (version == 6) & (rng.random(rows) < 0.9)
    out = np.empty(rows, ADDRESS)
    out["high"] = np.where(six, highs.take(chosen), 0)
    out["low"] = np.where(six, lows.take(chosen), four + np.uint64(IPV4_MAPPED))
    return out


def chunk_of(flow: dict[str, Any]) -> Chunk:
    """One flow, as the linter writes it, as a chunk of one row."""
    from flowrules.model.fields import STORED

    columns: dict[str, Any] = {}
    for name, field in STORED.items():
        value = flow[name]
        if name == "type":
            value = BUILT_IN.flowtype_ids(value)[0] if BUILT_IN.flowtype_ids(value) else 255
        elif name == "sensor":
            value = BUILT_IN.sensor_id(value)
            value = 0 if value is None else value
        if field.dtype is None:
            one = np.empty(1, ADDRESS)
            one["high"], one["low"] = value >> 64, value & (2**64 - 1)
            columns[name] = one
        else:
            columns[name] = np.array([value], field.dtype)
    return Chunk(columns, 1)


def passes(predicate: ex.Expression, program: Program, chunk: Chunk) -> NDArray[np.bool_]:
    """Which rows pass, by the engine: true, not unknown."""
    written = Rewriter(program.filters).expand(predicate)
    around = Surroundings(DirectionRule(TYPES, BUILT_IN, None), BUILT_IN, Found(program))
    return truth(written, Rows(chunk, around))[0]
