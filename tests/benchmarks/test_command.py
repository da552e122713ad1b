"""The command: what it prints, writes and refuses.  Figures are not looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.measure import Disagreement, Figures, compare
from benchmarks.studies import Found
from benchmarks.tables import as_text, write_page

MACHINE = {
    "processor": "a processor", "cores": 2, "memory": 8e9, "system": "Linux", "load": 0.1, "python": "3.11",
    "versions": {"flowrules": "0.1.0"},
}  # fmt: skip


def figures(entrant: str, wall: float) -> Figures:
    return Figures(
        "report", entrant, 1_000_000, 1, {"wall": 0.5, "cpu": 0.4}, {"wall": 1.5, "cpu": 1.0},
        [{"wall": wall, "cpu": wall / 2}, {"wall": wall, "cpu": wall / 2}], 50_000_000,
    )  # fmt: skip


def test_a_case_is_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("polars", reason="polars is not installed: nobody to compare with")
    written = tmp_path / "figures.json"
    without = "polars-hand,polars-clustered,duckdb,pandas,silk,nfdump"
    asked = ["--case", "counts-3", "--rows", "3000", "--rounds", "1", "--without", without]

    assert main([*asked, "--json", str(written), "--data", str(tmp_path / "flows")]) == 0

    printed = capsys.readouterr()
    assert "flowrules" in printed.out
    assert "× flowrules" in printed.out
    found = json.loads(written.read_text())
    assert [f["entrant"] for f in found["studies"][0]["figures"]] == ["flowrules", "polars"]
    assert all(len(f["rounds"]) == 1 and f["peak"] > 1_000_000 for f in found["studies"][0]["figures"])


def test_tables_go_between_the_markers_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n<!-- measured: machine -->\n<!-- end -->\nprose\n<!-- measured: report -->\nold\n<!-- end -->\n"
        "<!-- measured: rules -->\nkept\n<!-- end -->\n"
    )
    found = [
        Found("report", "nine", [figures("flowrules", 0.25), figures("polars", 0.5)]),
        Found("other", "", []),
    ]

    assert write_page(page, MACHINE, "One thread.", found) == ["other"]

    text = page.read_text()
    assert "a processor, 2 cores, 8 GB" in text
    assert "| | polars | 1 M | 0.500 | 0.250 | 2.00 | 2.00 | 50 |" in text.replace("|  |", "| |")
    assert "old" not in text
    assert "kept" in text
    again = write_page(page, MACHINE, "One thread.", found)
    assert again == ["other"]
    assert page.read_text() == text


def test_a_contender_that_was_asked_once_is_marked() -> None:
    slow = figures("duckdb", 9.0)
    slow.rounds.pop()

    assert "9.000 ¹" in as_text(Found("report", "nine", [slow]))


def test_answers_are_compared_before_times() -> None:
    compare("case", [("a", {"x": "1"}), ("b", {"x": "1"})])
    with pytest.raises(Disagreement, match="case: b and a answer differently: x"):
        compare("case", [("a", {"x": "1"}), ("b", {"x": "2"})])
    with pytest.raises(Disagreement, match="y"):
        compare("case", [("a", {"x": "1", "y": "2"}), ("b", {"x": "1"})])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--case", "nothing"], "there is no case nothing"),
        (["--study", "nothing"], "--study takes report"),
        (["--without", "nothing"], "--without takes flowrules"),
        (["--rows", "0"], "invalid count value: '0'"),
        (["--write", "/nowhere/page.md"], "there is no /nowhere/page.md"),
    ],
)
def test_what_cannot_be_asked_for(given: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(given)

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_rulesets_and_cases_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ruleset", "counts-2"]) == 0
    assert main(["--list"]) == 0

    printed = capsys.readouterr().out
    assert "table r1 = flows, sum(bytes)" in printed
    assert "contenders: flowrules" in printed
