"""What keeps leave of very many groups is the same when some groups are looked at at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flowrules
from flowrules.engine import grouped, kept_groups
from flowrules.flows.table import Chunk, FlowSource
from flowrules.report.json_report import json_report
from tests.engine.test_many_groups import sorting

KEEPS = (
    "sum(bytes), flows of all per sip, dip keep top 5",
    "sum(bytes), flows of all per sip, dip keep top 5 with ties",
    "flows, sum(bytes) of all per sip, dip keep top 7",
    "flows, sum(bytes) of all per sip, dip keep top 7 with ties",
    "flows of all per sip, dip keep bottom 4",
    "flows of all per sip, dip keep bottom 4 with ties",
    "sum(bytes), flows of all per sip, dip keep top 6 by flows",
    "sum(bytes), flows of all per sip, dip keep flows >= 3",
    "sum(bytes), cumulative of all per sip, dip keep flows >= 3 keep top 4",
    "sum(bytes) of all per sip, dip keep flows >= 2 keep cover 40%",
    "sum(bytes) of all per sip, dip keep cover 40% keep top 3",
    "sum(bytes), cumulative of all per sip, dip keep cumulative <= 50% keep top 3",
    "sum(bytes), cumulative of all per sip, dip keep share >= 2% keep top 3",
    "flows, share(sum(bytes)) of all per sip, dip keep share(sum(bytes)) > 1% order by sip, dip desc",
    "share(sum(bytes)), flows of all per sip, dip keep flows > 2",
    "flows of all per sip, dip, bin(stime, 1h) keep flows >= 2",
    "sum(bytes) of all per sip, dip, bin(stime, 1h) keep top 8",
    "mean(bytes), min(bytes), max(bytes), fraction(dport = 80) of all per sip, dip keep top 5",
    "deviation(bytes) of all per sip, dip keep top 5",
    "first, last of all per sip, dip keep flows >= 3",
    "sum(bytes), distinct(dport) of all per sip, dip keep top 5",
    "distinct(dport), share(distinct(bytes)), flows of all per sip, dip keep top 5",
    "distinct(bytes), quantile(bytes, 50%) of all per sip, dip keep distinct(bytes) >= 2",
    "quantile(bytes, 90%), values(dport), entropy(dport) of all per sip, dip keep top 4 with ties",
    "relative(flows), flows of all per sip, dip keep flows >= 2",
    "active(1h), distinct(outside), mean(gap) of all per sip, dip keep bottom 4",
    "flows of all where sip in busy per sip, dip keep top 5",
    "flows of all where sip in busy per sip keep flows >= 2 keep bottom 2",
    "sum(duration), flows of all per dip, dport keep top 3",
    "flows of all where bytes > 1000000 per sip, dip keep top 3",
    "flows of all per sip, dip keep top 1 by sum(bytes) keep flows >= 1",
)

RULES = """\
ruleset kept.test {{ version "1.0.0" title "Kept" }}

set busy  = sip of all keep flows >= 40
set pairs = (sip, dip) of all keep flows >= 3
set most  = (sip, dip) of all keep top 5 by sum(bytes)
table by_pair = flows of all per sip keep top 3
table inside_pairs = flows of all where (sip, dip) in pairs per dip
{tables}
"""


def flows(rows: int) -> Chunk:
    random = np.random.default_rng(7)
    low = random.integers(0, 9, rows)
    return Chunk(
        {
            "sip": ((10 << 24) + low).astype(np.uint32),
            "dip": ((11 << 24) + random.integers(0, 13, rows)).astype(np.uint32),
            "dport": random.choice([53, 80, 443], rows).astype(np.uint16),
            "bytes": random.choice([40, 41, 1000, 1 << 33], rows, p=[0.4, 0.3, 0.295, 0.005]).astype(
                np.uint64
            ),
            "stime": 1_767_571_200_000 + random.integers(0, 4, rows) * 3_600_000,
            "duration": random.integers(0, 5, rows),
            "type": (low % 2).astype(np.uint8),
            "protocol": np.full(rows, 6, np.uint8),
        },
        rows,
    )


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("kept") / "rules.frules"
    tables = "\n".join(f"table t{n} = {text}" for n, text in enumerate(KEEPS))
    place.write_text(RULES.format(tables=tables))
    return flowrules.load(place)


@pytest.fixture(params=[False, True], ids=["counted", "sorted"])
def sorts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Groups from a table, and from sorted runs."""
    if not request.param:
        yield
        return
    with sorting(50, 4000, 20):
        yield


def told(rules: Any, rows: int) -> dict[str, Any]:
    chunk = flows(rows)
    source = FlowSource("x", "arrays", frozenset(chunk.columns), lambda *_: iter([chunk]))
    found = rules.run(source, threads=1)
    results = found.profile.results
    out: dict[str, Any] = {"json": json_report(found.profile)}
    for name, table in results.tables.items():
        series = [*table.frame.columns.values(), table.share, table.cumulative]
        out[name] = (
            [None if s is None else [s.scalar(r) for r in range(len(s))] for s in series],
            *(table.flows, table.bins, table.total, table.cut_ties),
        )
    return out


@pytest.mark.parametrize("stretch", [1, 17])
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_some_groups_at_a_time_give_the_same_rows(
    stretch: int, rows: int, rules: Any, sorts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouped, "STRETCH", 1 << 20)
    expected = told(rules, rows)
    monkeypatch.setattr(grouped, "STRETCH", stretch)
    found = told(rules, rows)
    for name, value in expected.items():
        assert found[name] == value, name


def test_most_of_these_keeps_are_taken_on_the_way(
    rules: Any, sorts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouped, "STRETCH", 17)
    taken = []
    real = kept_groups._Looking.kept

    def kept(self: Any, steps: Any) -> Any:
        out = real(self, steps)
        taken.append(out.rows)
        return out

    monkeypatch.setattr(kept_groups._Looking, "kept", kept)
    told(rules, 300)
    assert len(taken) > 20
