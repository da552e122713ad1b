"""Whole runs with numpy's kernels and with compiled ones: the same bytes, the same errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowrules
from flowrules.engine import cells
from flowrules.engine.errors import SumOverflow
from flowrules.engine.kernels import NumpyKernels, use
from tests.engine.conftest import installed

HEAD = 'ruleset many { version "1.0.0" title "Many rules" }\n'
TESTS = [
    f"{protocol} and {side} in ({ports})"
    for protocol in ("tcp", "udp")
    for side in ("sport", "dport")
    for ports in ("80", "443, 8080", "0-1023")
]
RULES = HEAD + "".join(
    f"table t{number}{letter} = flows, sum(bytes), sum(packets) of ({test}){per}\n"
    for number, test in enumerate(TESTS)
    for letter, per in (("a", ""), ("b", " per sip"), ("c", " per dip, dport"))
)


@pytest.fixture(autouse=True)
def numpy_again() -> Any:
    yield
    use(NumpyKernels())


def flows(rows: int) -> dict[str, Any]:
    draw = np.random.default_rng(7)
    ports = np.array([80, 443, 8080, 22, 1023, 1024, 50_000], np.uint16)
    columns = {
        "sip": (40 * draw.random(rows) ** 2).astype(np.uint32),
        "dip": draw.integers(0, 1 << 32, rows, dtype=np.uint32),
        "sport": draw.choice(ports, rows),
        "dport": draw.choice(ports, rows),
        "protocol": draw.choice(np.array([6, 17, 1], np.uint8), rows),
        "packets": draw.integers(1, 1 << 20, rows).astype(np.uint64),
        "bytes": draw.integers(1, 1 << 40, rows).astype(np.uint64),
    }
    for column in columns.values():
        column.flags.writeable = False
    return columns


@pytest.mark.parametrize("threads", [1, 3])
def test_many_rules_print_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(cells, "LEAST_ROWS", 100)
    path = tmp_path / "many.frules"
    path.write_text(RULES)
    rules, columns = flowrules.load(path), flows(6000)
    printed = {
        k.name: json.dumps(rules.run(columns, threads=threads, kernels=k.name).to_json()) for k in installed()
    }
    assert len(set(printed.values())) == 1
    assert "t0a" in printed["numpy"]


@pytest.mark.parametrize("per", ["", " per sip"])
@pytest.mark.parametrize("rules", [1, 30])
def test_a_sum_past_64_bits_is_an_error_with_all_kernels(tmp_path: Path, per: str, rules: int) -> None:
    path = tmp_path / "sums.frules"
    path.write_text(HEAD + "".join(f"table s{n} = sum(bytes) of (dport >= {n}){per}\n" for n in range(rules)))
    columns = {
        **flows(30_000),
        "bytes": np.full(30_000, 1 << 62, np.uint64),
        "sip": np.zeros(30_000, np.uint32),
    }
    loaded = flowrules.load(path)
    for kernels in installed():
        with pytest.raises(SumOverflow, match=r"sum\(bytes\) passes 64 bits"):
            loaded.run(columns, kernels=kernels.name)
