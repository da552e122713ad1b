"""explain plan, and what --profile says a run took."""

from __future__ import annotations

import re

import pytest

from flowrules.__main__ import main
from flowrules.cli.ruleset_options import load_rulesets
from flowrules.engine.run import run as run_rules
from flowrules.engine.watch import Recording
from flowrules.flows.sources import open_sources
from flowrules.profile.build import build
from flowrules.report.json_report import json_report
from tests.flows.silk_files import DATA

RICH = str(DATA / "rich.rw")

RULES = """\
filter web = tcp and dport in (80, 443)
set clients = sip of (web and packets >= 3) keep flows >= 2
table sites = flows, sum(bytes) of web per dip
table of_clients = flows of (tcp and sport > 1024 and dip in clients) per sip
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "t.frules"
    path.write_text(RULES)
    return path


def table(text: str, title: str) -> list[list[str]]:
    """The rows of a table, cells apart."""
    lines = text.splitlines()
    start = lines.index(f"  {title}") + 2
    rows = []
    for line in lines[start:]:
        if not line.strip():
            break
        rows.append(re.split(r"\s{2,}", line.strip()))
    return rows


def test_a_profile_counts_what_passes(rules, capsys):
    assert main(["explain", "plan", str(rules), "--flows", RICH, "--profile"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 scans of the flows\n")
    assert "scan 1, as it was" in out
    assert "scan 2, as it was" in out
    first = out[out.index("scan 1, as it was") : out.index("scan 2, as it was")]
    assert "8,000 records in " in first
    predicates = {row[0]: row[1:] for row in table(first, "predicates tested on rows")}
    assert predicates["protocol = tcp"][0] == "8,000"
    tcp = sum(
        int((c["protocol"] == 6).sum()) for c in open_sources((RICH,))[0].chunks(frozenset(("protocol",)))
    )
    assert 0 < tcp < 8000
    assert predicates["protocol = tcp"][1] == f"{tcp:,}"


def test_a_watched_run_has_the_same_results_and_counts_exactly(rules):
    program = load_rulesets((str(rules),), None, (), "run").program
    assert program is not None
    watch = Recording()
    watched = run_rules(program, open_sources((RICH,)), watch=watch)
    plain = run_rules(program, open_sources((RICH,)))
    assert json_report(build(program, watched)) == json_report(build(program, plain))
    assert [scan.number for scan in watch.scans] == [1, 2]
    for scan in watch.scans:
        assert sum(n for _, n in scan.records) == 8000
        for step in scan.predicates.values():
            assert 0 <= step.passed <= step.rows <= 8000
        assert scan.reading.times > 0
    sites = plain.tables["t:sites"]
    assert any(step.found == sites.bins for step in watch.scans[0].groups.values())


def test_what_bounds_tell_is_said(rules, tmp_path, capsys):
    store = tmp_path / "store"
    assert main(["convert", RICH, "--to", "store", "--output", str(store)]) == 0
    rules.write_text("table first_day = flows of (stime < 2009-02-13) per dip\n")
    capsys.readouterr()
    assert main(["explain", "plan", str(rules), "--flows", str(store), "--profile"]) == 0
    out = capsys.readouterr().out
    found = re.search(r"8,000 records in (\d+) pieces", out)
    assert found is not None
    (row,) = table(out, "predicates tested on rows")
    # a day has segments of its own, so that no row need be tested
    assert row[1] == "0"
    assert row[-1] == found[1]
    segments = re.search(r"0 of (\d+) segments were not read", out)  # each may hold the first or last time
    assert segments is not None
    assert int(segments[1]) >= int(found[1])


def test_a_profile_needs_flows(rules, capsys):
    assert main(["explain", "plan", str(rules), "--profile"]) == 2
    assert "--profile evaluates the rules: say with --flows over which flows" in capsys.readouterr().err


def test_what_bounds_spare_a_store(tmp_path, capsys, monkeypatch):
    from flowrules.flows.store import arrange

    monkeypatch.setattr(arrange, "LEAST_SEGMENT", 10)
    store = tmp_path / "flows.store"
    assert main(["convert", RICH, "--to", "store", "--output", str(store)]) == 0
    path = tmp_path / "t.frules"
    path.write_text("table sites = sum(bytes) of (tcp and dport = 80) per dip\n")
    capsys.readouterr()
    assert main(["explain", "plan", str(path), "--flows", str(store)]) == 0
    said = capsys.readouterr().out
    found = re.search(r"bounds leave out (\d+) of (\d+) segments, with ([\d,]+) of ([\d,]+) records", said)
    assert found is not None
    skipped, segments, spared, records = (int(n.replace(",", "")) for n in found.groups())
    assert 0 < skipped < segments
    assert 0 < spared < records
    read = dict(re.findall(r"(\w+) in (\d+)[,\n]", said[found.end() :]))
    assert 0 < int(read["bytes"]) < segments
    assert int(read["dip"]) <= segments - skipped
    watch = Recording()
    rules = load_rulesets([str(path)], None, (), "run").program
    run_rules(rules, open_sources([str(store)]), watch=watch)
    (scan,) = watch.scans
    assert (scan.skips.zones, scan.skips.skipped, scan.skips.records) == (segments, skipped, spared)


def test_the_time_of_a_step_within_is_its_own(monkeypatch):
    clock = iter((0, 10, 40, 100))
    monkeypatch.setattr("flowrules.engine.watch.thread_time_ns", lambda: next(clock))
    watch = Recording()
    watch.begin(1)
    with watch.scanning(), watch.facts(7):
        pass
    assert watch.scan.facts.nanoseconds == 30
    assert watch.scan.facts.rows == 7
    assert watch.scan.rest.nanoseconds == 70
