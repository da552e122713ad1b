"""Every case, over a few flows: whoever is installed answers as flowrules does.  Times are never looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.answers import digests
from benchmarks.cases import all_cases, find_case
from benchmarks.data import Data, make
from benchmarks.flows import LAYOUTS, Flows
from benchmarks.peers import find

ROWS = 6_000
RULES = 6
PEERS = ("polars", "polars-hand", "polars-clustered", "duckdb", "pandas")
CASES = all_cases(RULES)
QUERIES = {"polars-hand": "polars_hand", "polars-clustered": "polars", "duckdb": "sql"}
"""What a case has for a peer, where it is not called like the peer."""
PAIRS = [(n, p) for n, c in CASES.items() for p in PEERS if getattr(c, QUERIES.get(p, p)) is not None] + [
    ("report", p) for p in ("flowrules-silk", "polars-parquet", "duckdb-parquet")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet for the peers")
    place = tmp_path_factory.mktemp("flows")
    for layout in LAYOUTS:
        data = Data(place, Flows(ROWS, layout))
        for form in ("store", "parquet", "clustered", *(["silk"] if layout == "usual" else [])):
            make(data, form)
    return place


def answers(contender: str, name: str, folder: Path, scratch: Path) -> dict[str, str]:
    case = find_case(name)
    kind = find(contender)
    if missing := kind.lacks(case):
        pytest.skip(missing)
    entrant = kind(case, Data(folder, Flows(ROWS, case.layout)), 1, scratch)
    entrant.load()
    found = entrant.answer()
    return digests(entrant.normal(found))


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    scratch = tmp_path_factory.mktemp("scratch")
    return {name: answers("flowrules", name, folder, scratch) for name in CASES}


@pytest.mark.parametrize(("name", "peer"), PAIRS)
def test_peers_answer_as_flowrules_does(
    name: str, peer: str, folder: Path, expected: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    assert expected[name]
    assert answers(peer, name, folder, tmp_path) == expected[name]


def test_answers_that_differ_have_other_digests() -> None:
    one = digests({"a": [[1, 2], [10, 20]]})

    assert digests({"a": [[2, 1], [20, 10]]}) == one
    assert digests({"a": [[1, 2], [20, 10]]}) != one
    assert digests({"a": [[1, 2, 2], [10, 20, 20]]}) != one
