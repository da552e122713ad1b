"""Parity, range and style of ports: each row of the table, its limits, and what it says when unknown."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from flowrules.engine.features import ports, sequence
from flowrules.engine.features.connections import Beginnings
from flowrules.engine.features.port_style import READINGS, PortParity, PortRange, port_style, style_labels
from flowrules.engine.features.ports import port_features, port_parity, port_range
from flowrules.engine.features.sequence import NearSequence, NearSequences, PortSequence, PortSequences


def seq(value: float | None, looks: int = 50, se: float = 0.02) -> PortSequence:
    why = "" if value is not None else "7 looks, 10 needed"
    return PortSequence(value, why, value, 0.0, 100, looks, se)


def near(value: float | None) -> NearSequence:
    return NearSequence(value, "" if value is not None else "3 pairs, 20 needed", value, 0.0, 30)


def parity(value: float | None) -> PortParity:
    return PortParity("mixed", "" if value is not None else "12 distinct ports, 40 needed", value, 30, 60)


def fits(label: str | None) -> PortRange:
    return PortRange(label, "", 60, (0.0,) * 5)


FITS = fits("49152-65535")
MIXED = fits("mixed")


@pytest.mark.parametrize(
    ("s", "far", "near_", "even", "range_", "style", "why"),
    [
        (seq(0.75), seq(0.0), near(None), parity(0.95), FITS, "one counter", ""),
        (seq(0.75, looks=10, se=0.2), seq(None), near(None), parity(None), FITS, "one counter", ""),
        (seq(0.25), seq(0.3), near(0.5), parity(0.0), FITS, "several counters", ""),
        (seq(0.25, se=0.1), seq(0.0), near(0.5), parity(0.0), FITS, "many counters", ""),
        (
            seq(0.25, looks=19),
            seq(0.3),
            near(0.5),
            parity(0.0),
            FITS,
            None,
            "19 looks, 20 needed to speak of",
        ),
        (seq(0.72, se=0.02), seq(0.3), near(0.5), parity(0.0), FITS, None, "0.72 ± 0.04 may still be one"),
        (seq(0.09), seq(0.0), near(None), parity(0.9), FITS, "even ports", ""),
        (seq(None), seq(None), near(None), parity(0.9), FITS, "even ports", ""),
        (seq(None), seq(0.75), near(None), parity(None), FITS, "sequential, one destination", ""),
        (seq(None), seq(0.74), near(None), parity(0.1), FITS, None, "7 looks, 10 needed"),
        (seq(0.0), seq(0.9), near(None), parity(None), FITS, None, "12 distinct ports, 40 needed"),
        (seq(0.0, looks=19), seq(0.9), near(None), parity(0.1), FITS, None, "19 looks, 20 needed to exclude"),
        (seq(0.3, se=0.1), seq(0.9), near(None), parity(0.1), FITS, None, "below 0.5 needed to exclude"),
        (seq(0.0), seq(0.5), near(0.9), parity(0.1), MIXED, "per destination", ""),
        (seq(0.0), seq(0.4), near(0.2), parity(0.1), MIXED, "many counters", ""),
        (seq(0.0), seq(None), near(None), parity(0.1), MIXED, "spread over a wide range", ""),
        (seq(0.0), seq(None), near(0.1), parity(0.1), FITS, "spread", ""),
        (seq(-0.3), seq(-0.4), near(-0.5), parity(0.1), FITS, "spread", ""),
    ],
)
def test_the_first_row_that_holds(
    s: PortSequence,
    far: PortSequence,
    near_: NearSequence,
    even: PortParity,
    range_: PortRange,
    style: str | None,
    why: str,
) -> None:
    found = port_style(s, far, near_, even, range_)
    assert found.value == style
    assert why in found.why_unknown
    assert (found.value is None) == bool(found.why_unknown)
    assert bool(found.reading) == (style is not None)
    assert (found.counters is not None) == (style == "several counters")
    columns = style_labels(in_columns(s), in_columns(far), near_columns(near_), *rest(even, range_))
    assert columns.tolist() == [style]


def in_columns(s: PortSequence) -> PortSequences:
    value = np.nan if s.value is None else s.value
    f = np.array([value])
    return PortSequences(f, f, f, np.array([s.pairs]), np.array([s.looks]), np.array([s.se], float))


def near_columns(s: NearSequence) -> NearSequences:
    f = np.array([np.nan if s.value is None else s.value])
    return NearSequences(f, f, f, np.array([s.pairs]))


def rest(even: PortParity, range_: PortRange) -> tuple[np.ndarray, np.ndarray]:
    return np.array([even.parity], float), np.array([range_.value == "mixed"])


def test_a_counter_seen_with_missing_flows_still_speaks_for_itself() -> None:
    evidence = port_style(seq(0.25), seq(0.3), near(None), parity(0.0), FITS).evidence()
    assert evidence["counters"] == 4.0
    assert evidence["sequence"] == {
        "value": 0.25, "above": 0.25, "below": 0.0, "pairs": 100, "looks": 50, "se": 0.02,
    }  # fmt: skip
    assert evidence["parity"]["even"] == 30  # type: ignore[index]
    assert set(READINGS) >= {"one counter", "spread"}
    assert evolve(seq(0.2), value=0.0).counters is None


@pytest.mark.parametrize(
    ("ports", "label", "strength"),
    [
        (range(50_000, 50_200, 2), "even", 1.0),
        (range(50_001, 50_201, 2), "odd", 1.0),
        (range(50_000, 50_100), "mixed", 0.0),
        ([*range(50_000, 50_190, 2), *range(60_001, 60_011, 2)], "even", 0.9),
        ([*range(50_000, 50_188, 2), *range(60_001, 60_013, 2)], "mixed", 0.88),
    ],
)
def test_parity(ports: list[int], label: str, strength: float) -> None:
    twice = np.array([*ports, *ports], np.uint16)
    found = port_parity(twice)
    assert (found.value, found.ports) == (label, 100)
    assert found.parity == pytest.approx(strength)


def test_parity_and_range_need_forty_different_ports() -> None:
    ports = np.repeat(np.arange(50_000, 50_039), 5)
    assert port_parity(ports).why_unknown == "39 distinct ports, 40 needed"
    assert port_range(ports).why_unknown == "39 distinct ports, 40 needed"
    assert port_range(np.arange(1_000, 1_060)).why_unknown == "36 distinct ports, 40 needed"
    assert port_parity(np.arange(50_000, 50_040)).value == "mixed"
    assert port_parity(np.zeros(0, np.uint16)).value is None


@pytest.mark.parametrize(
    ("ports", "label"),
    [
        (range(1_025, 1_100), "1025-5000"),
        (range(4_951, 5_051), "mixed"),
        (range(49_152, 49_252), "49152-65535"),
        (range(60_000, 60_100), "49152-65535"),  # both fit: the narrower
        (range(40_000, 40_100), "32768-60999"),
        ([*range(40_000, 40_098), 1_024, 1_025], "32768-60999"),
        ([*range(40_000, 40_097), 1_024, 1_025, 1_026], "mixed"),
        (range(1_024, 65_536, 64), "mixed"),
    ],
)
def test_the_narrowest_range_that_holds_98_percent(ports: list[int], label: str) -> None:
    found = port_range(np.array(ports))
    assert found.value == label
    assert sum(found.cells) == pytest.approx(1.0)


def test_cells_begin_where_ranges_do() -> None:
    edges = np.array([1_024, 5_000, 5_001, 32_767, 32_768, 49_151, 49_152, 60_999, 61_000, 65_535])
    assert port_range(edges).cells == (0.2,) * 5


def test_sequential_is_clipped_and_its_evidence_keeps_the_sign() -> None:
    start = np.arange(60) * 31_000
    falling = port_features(start, start, 60_000 - np.arange(60), np.arange(60))
    found = falling.sequential_of(0)
    assert (found.value, found.sequence.value, found.counters) == (0.0, -1.0, None)
    assert falling.sequential().tolist() == [0.0]
    few = port_features(start[:15], start[:15], 60_000 - np.arange(15), np.arange(15))
    assert few.sequential_of(0).why_unknown == "14 pairs, 20 needed"
    assert np.isnan(few.sequential()[0])


def test_a_host_without_rows_is_unknown() -> None:
    none = np.zeros(0, np.int64)
    found = port_features(none, none, none.astype(np.uint16), none, none, 2)
    assert found.styles().tolist() == [None, None]
    assert found.style_of(1).why_unknown == "0 pairs, 20 needed"
    assert found.ranges().tolist() == [None, None]
    assert found.parities().tolist() == [None, None]


def test_a_huge_host_is_seen_by_whole_hours_and_says_so() -> None:
    hour = 3_600_000
    start = np.concatenate([np.arange(300) * 100 + h * hour for h in range(10)] + [np.arange(50) * 31_000])
    host = np.repeat([0, 1], [3_000, 50])
    sport = np.concatenate([49_152 + np.arange(3_000), 49_152 + np.arange(50)])
    dest = np.arange(3_050)
    addresses = np.array([0x0A000001, 0x0A000002], np.uint32)
    found = port_features(start, start, sport, dest, host, 2, addresses=addresses, largest=1_000)
    assert found.sequential_of(0).sampled == (3, 10)
    assert found.sequential_of(0).value == 1.0
    assert found.sequence.pairs[0] <= 900
    assert found.connections.tolist() == [3_000, 50]
    assert found.population.ports.tolist() == [3_000, 50]
    assert found.sequential_of(1).sampled is None
    assert found.style_of(0).sampled == (3, 10)


def many_hosts(own: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """Rows of nine hosts in no order, one with most of them and one with none; hosts of groups where ``own``."""
    random = np.random.default_rng(3)
    host = random.choice(9, 4_000, p=[0.02, 0.03, 0.0, 0.6, 0.05, 0.05, 0.05, 0.1, 0.1])
    start = random.integers(0, 40_000_000, 4_000)
    port = 20_000 + start // 7_000 % 30_000 + random.integers(0, 3, 4_000)
    columns = [
        start,
        start + random.integers(0, 200_000, 4_000),
        port.astype(np.uint16),
        random.integers(0, 5, 4_000),
    ]
    return [*columns, random.integers(0, 3, 4_000)] if own else columns, host


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("batch", [1, 50, 700, 3_999, 4_000])
@pytest.mark.parametrize("at_once", [1, 64, 1 << 16])
def test_neither_batches_nor_pieces_change_anything(
    monkeypatch: pytest.MonkeyPatch, own: bool, batch: int, at_once: int
) -> None:
    columns, host = many_hosts(own)
    code = {"own": columns[4]} if own else {}
    whole = port_features(*columns[:4], host, 9, **code)
    monkeypatch.setattr(ports, "BATCH", batch)
    monkeypatch.setattr(sequence, "AT_ONCE", at_once)
    parts = port_features(*columns[:4], host, 9, **code)
    assert whole.styles().tolist() == parts.styles().tolist()
    for number in range(9):
        assert whole.sequential_of(number) == parts.sequential_of(number)
        assert whole.style_of(number) == parts.style_of(number)
        assert whole.range_of(number) == parts.range_of(number)
        assert whole.parity_of(number) == parts.parity_of(number)
    assert whole.connections.tolist() == parts.connections.tolist()


def test_rows_given_away_are_let_go_of() -> None:
    columns, host = many_hosts(own=True)
    given = list(columns)
    found = ports.port_features_of(given, host, 9)
    assert given == []
    assert found.styles().tolist() == port_features(*columns[:4], host, 9, own=columns[4]).styles().tolist()


def test_ports_present_count_as_ports_sorted_do() -> None:
    random = np.random.default_rng(5)
    rows = 200_000
    port = np.concatenate(
        [
            [0, 1, 1_023, 1_024, 1_025, 5_000, 5_001, 60_999, 61_000, 65_535],
            random.integers(0, 65_536, rows - 10),
        ]
    )
    port[rows // 2 :] = 50_000 + port[rows // 2 :] % 50
    host = np.repeat(np.array([0, 2], np.uint16), rows // 2)
    made = Beginnings(host, port, port.astype(np.uint16), port)
    assert rows >= 3 << 16, "else the table of ports is not taken"
    present = ports.port_population(made, 3)
    of_many = ports.port_population(made, 1 << 8)  # too many hosts for a table of all their ports
    for name in ("ports", "even", "high", "cells", "ranges"):
        assert getattr(present, name).tolist() == getattr(of_many, name)[:3].tolist()
    assert present.ports.tolist()[1:] == [0, 50]
