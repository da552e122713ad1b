"""Small promises of the reports: parameters as written, services with their peers, what limits the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrules.__main__ import main

RULES = """
param least   : percent = 0.5%
param web     : ports   = 80, 443, 8000-8080
param ours    : nets    = 203.0.113.0/24, 198.18.0.0/18
param known   : set     = {192.0.2.1, 192.0.2.7}
param banner  : map(address) = {}
param since   : time    = 2012-02-01
filter answer = outbound and tcp and sport in web and stime >= since
set    answering = sip of answer keep flows >= 1
profile host_seen {
    hosts answering
    feature banner = banner(host)
    feature proven = answered(sport) of answer per sip
    feature listed = host in known or host in ours
    feature part   = share(flows) of answer per sip
    verdict seen when part >= least
    entry of answer per sip, protocol { internal host : values(sport)  name "{name(host)}"  comment "seen {part}" }
}
"""

FLOWS = """sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|initialFlags|type
""" + "".join(
    f"203.0.113.{host}|192.0.2.{peer}|443|{50000 + peer}|6|9|900|SPA|2012/02/01T10:00:0{peer}|1.000|SA|out\n"
    for host in (5, 6)
    for peer in (1, 2, 3, 4)
)

SITE = """internal: [203.0.113.0/24]
sampling: 100
names: {203.0.113.5: www.example.net}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("seen.frules").write_text(RULES, "utf-8")
    Path("flows.txt").write_text(FLOWS, "utf-8")
    Path("site.yaml").write_text(SITE, "utf-8")

    def run_command(*arguments: str) -> str:
        code = main([*arguments, "--flows", "flows.txt", "--site", "site.yaml"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return run_command


def test_parameters_are_shown_as_they_are_written(run) -> None:
    found = json.loads(run("run", "seen.frules", "--format", "json", "--set", "least=2%"))
    assert found["parameters"] == {
        "seen.least": {"value": "2%", "origin": "command line"},
        "seen.web": {"value": "(80, 443, 8000-8080)", "origin": "default"},
        "seen.ours": {"value": "(198.18.0.0-198.18.63.255, 203.0.113.0-203.0.113.255)", "origin": "default"},
        "seen.known": {"value": "{192.0.2.1, 192.0.2.7}", "origin": "default"},
        "seen.banner": {"value": "0 labels", "origin": "default"},
        "seen.since": {"value": "2012-02-01T00:00:00.000Z", "origin": "default"},
    }


def test_services_stand_in_the_evidence_with_their_peers(run) -> None:
    found = json.loads(run("run", "seen.frules", "--format", "json"))
    host = found["rulesets"]["seen"]["profiles"]["host_seen"]["hosts"][0]
    service = {"protocol": 6, "port": 443, "flows": 4, "peers": 4, "proof": "handshake"}
    assert host["notes"]["proven"] == {"services": [service], "proof": "handshake"}
    assert "(proof handshake: 443/tcp to 4)" in run("explain", "host", "203.0.113.5", "seen.frules")


def test_a_name_that_is_unknown_is_left_empty(run) -> None:
    entries = json.loads(run("run", "seen.frules", "--format", "json"))["rulesets"]["seen"]["profiles"][
        "host_seen"
    ]["entries"]
    assert [(e["internal"], e["name"], e["comment"]) for e in entries] == [
        ("203.0.113.5", "www.example.net", "seen 50%"),
        ("203.0.113.6", None, "seen 50%"),
    ]
    assert "6,203.0.113.6,443,*,*,*,seen 50%" in run("run", "seen.frules", "--format", "csv")


def test_sampling_is_said_beside_the_numbers(run) -> None:
    note = "the exporter samples 1 in 100 packets: counts, peers and services are lower bounds"
    assert note in run("run", "seen.frules")
    assert json.loads(run("run", "seen.frules", "--format", "json"))["notes"] == [note]


def test_a_field_that_the_data_lack_is_their_fault(run, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split("|") for line in FLOWS.splitlines()]
    Path("flows.txt").write_text("".join("|".join(cells[:9] + cells[10:]) + "\n" for cells in lines), "utf-8")
    assert main(["run", "seen.frules", "--flows", "flows.txt", "--site", "site.yaml"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: flows.txt has no field duration, which seen:host_seen.proven")


def test_running_shares_of_divided_flows_end_at_the_whole(run) -> None:
    rules = "table load = flows of all per spread(700ms, time) as date, sip fill\n"
    Path("seen.frules").write_text(rules, "utf-8")
    table = json.loads(run("run", "seen.frules", "--format", "json"))["rulesets"]["seen"]["tables"]["load"]
    cumulative = [row[-1] for row in table["rows"]]
    assert cumulative == sorted(cumulative)
    assert cumulative[-1] == 1.0


def test_long_lists_are_cut_for_people_and_whole_for_programs(run) -> None:
    lines = [
        f"203.0.113.5|192.0.2.1|{2 * port}|443|6|9|900|SPA|2012/02/01T10:00:00|1.000|S|out"
        for port in range(500, 600)
    ]
    Path("flows.txt").write_text("\n".join([FLOWS.splitlines()[0], *lines]) + "\n", "utf-8")
    Path("seen.frules").write_text("table ports_used = values(sport) of all per sip\n", "utf-8")
    found = json.loads(run("run", "seen.frules", "--format", "json"))["rulesets"]["seen"]["tables"][
        "ports_used"
    ]
    assert found["rows"][0][1] == list(range(1000, 1200, 2))
    assert "1000, 1002, 1004" in (printed := run("run", "seen.frules"))
    assert "… (100 in all)" in printed
    assert max(map(len, printed.splitlines())) < 140
