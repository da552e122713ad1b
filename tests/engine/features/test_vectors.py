"""The published test vectors of the features: every number within 1e-6."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowrules.engine.features.connections import connection_events
from flowrules.engine.features.ports import port_features
from flowrules.engine.features.rhythm import beacons, duty_cycle, peak_concurrency
from flowrules.engine.features.schedule import schedule_fit
from flowrules.engine.features.services import answered_services
from flowrules.model.fields import TCP_FLAGS
from flowrules.model.schedule import Schedule, Slot

Vector = dict[str, Any]
VECTORS: list[Vector] = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text())[
    "vectors"
]


def named(*columns: str) -> list[Any]:
    return [pytest.param(v, id=v["name"]) for v in VECTORS if set(columns) <= set(v["columns"])]


def with_expectation(name: str) -> list[Any]:
    return [pytest.param(v, id=v["name"]) for v in VECTORS if name in v["expect"]]


def agree(found: object, expected: object) -> None:
    if isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found == expected


def columns(vector: Vector) -> tuple[np.ndarray, ...]:
    return tuple(np.array(vector["rows"], np.int64).T)


def test_each_vector_is_used_by_a_test_here() -> None:
    used = {p.values[0]["name"] for p in named("sport", "dest") + with_expectation("schedule_fit")}
    used |= {p.values[0]["name"] for p in with_expectation("beacon") + with_expectation("answered")}
    assert used == {v["name"] for v in VECTORS}


@pytest.mark.parametrize("vector", named("sport", "dest"))
@pytest.mark.parametrize("narrow", [False, True], ids=["int64", "stored dtypes"])
def test_ports(vector: Vector, narrow: bool) -> None:
    start, end, sport, dest = columns(vector)
    if narrow:
        sport, dest = sport.astype(np.uint16), dest.astype(np.uint64)
    expect = vector["expect"]
    found = port_features(start, end, sport, dest)
    assert found.connections.tolist() == [expect["connections"]]
    results = {
        "port_sequence": found.sequence.of(0),
        "same_destination_far": found.far.of(0),
        "same_destination_near": found.near.of(0),
    }
    for name, result in results.items():
        for field, value in expect[name].items():
            agree(getattr(result, field), value)
        assert (result.value is None) == bool(result.why_unknown)
    agree(found.parity_of(0).parity, expect["port_parity"])
    fit = found.range_of(0)
    assert (fit.value, fit.ports) == (expect["port_range"]["value"], expect["port_range"]["ports"])
    if "cells" in expect["port_range"]:
        assert fit.cells == pytest.approx(expect["port_range"]["cells"], abs=5e-5)  # four places
    style = found.style_of(0)
    assert (style.value or "unknown") == expect["port_style"]
    assert (style.value is None) == bool(style.why_unknown)
    assert found.styles()[0] == style.value
    peak = peak_concurrency(connection_events(start, end, sport, dest), 1).of(0)
    assert peak.peak == expect["peak_concurrency"]


@pytest.mark.parametrize("vector", with_expectation("schedule_fit"))
def test_hours(vector: Vector) -> None:
    (start,) = columns(vector)
    match = re.fullmatch(r"mon-fri (\d\d):00-(\d\d):00 UTC", vector["schedule"])
    assert match
    office = Schedule([Slot(range(5), int(match[1]) * 60, int(match[2]) * 60)], "UTC")
    window = vector["first_ms"], vector["last_ms"]
    fit = schedule_fit(start, office, *window).of(0)
    for field, value in vector["expect"]["schedule_fit"].items():
        agree(getattr(fit, field), value)
    assert (fit.value is None) == bool(fit.why_unknown)
    agree(duty_cycle(start, *window).of(0).value, vector["expect"]["duty_cycle"])


@pytest.mark.parametrize("vector", with_expectation("beacon"))
def test_beacons(vector: Vector) -> None:
    found = beacons(*columns(vector)).of(0)
    expect = vector["expect"]["beacon"]
    agree(found.value, expect["value"])
    agree(found.period, expect["period_ms"])
    assert found.gaps == expect["gaps"]


@pytest.mark.parametrize("vector", with_expectation("answered"))
def test_services(vector: Vector) -> None:
    rows = [
        [sum(TCP_FLAGS[letter] for letter in cell) if isinstance(cell, str) else cell for cell in row]
        for row in vector["rows"]
    ]
    by_name = dict(zip(vector["columns"], np.array(rows).T, strict=True))
    del by_name["packets"]
    found = answered_services(**by_name).answered_of(0)
    expect = vector["expect"]["answered"]
    assert [
        {"protocol": s.protocol, "port": s.port, "flows": s.flows, "peers": s.peers, "proof": s.proof}
        for s in found.services
    ] == expect
    assert found.value == len(expect)
