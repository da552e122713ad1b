"""Earlier results: what a run prints can be given to the next, and means the same there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrules.__main__ import main

RULES = """ruleset days { version "1.0.0" }
set talkers = sip of outbound
set pairs = (sip, dport, protocol) of outbound
set nets24 = sip/24 of outbound
set fresh = talkers - previous(talkers)
set fresh_pairs = pairs - previous(pairs)
table daily = flows, sum(duration) as time, values(dport) as seen, first, mean(bytes) of outbound per sip, bin(stime, 1d) as day
table same = rows of daily where flows = previous(daily.flows)[sip, day] and time = previous(daily.time)[sip, day] per sip
profile talker {
    hosts talkers
    feature n = flows of outbound per sip
    feature average = mean(duration) of outbound per sip
    feature part = share(bytes) of outbound per sip
    feature many = n >= 3
    verdict busy drop when many
    verdict idle otherwise
    anomaly much : info when n >= 3
}
profile again {
    hosts talker.hosts
    feature before = previous(talker.n)[host]
    feature average = previous(talker.average)[host]
    feature now = talker.average[host]
    feature part = previous(talker.part)[host]
    feature was = previous(talker.verdict)[host]
    verdict changed when before != talker.n[host] or average != now
    verdict was_busy when host in previous(talker.busy) and host in previous(talker.much) and was = "busy"
    verdict was_listed when host in previous(talker.entries)
    verdict unknown_before otherwise
}
check has_earlier : info = known(previous(talkers))
"""

FLOWS = """sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|type
10.0.0.1|192.0.2.1|5000|443|6|4|400|S|2012/02/01T10:00:00.125|1.500|out
10.0.0.1|192.0.2.1|5001|443|6|4|401|S|2012/02/01T11:00:00|2.001|out
10.0.0.1|192.0.2.2|5002|80|6|4|402|S|2012/02/02T11:00:00|3.003|out
2001:db8::5|2001:db8::1|5002|53|17|1|60||2012/02/02T11:00:00|0.000|out
10.0.9.2|192.0.2.2|5002|80|6|4|400|S|2012/02/02T11:00:00|0.333|out
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    Path("days.frules").write_text(RULES, "utf-8")
    Path("flows").write_text(FLOWS, "utf-8")

    def run_again(*arguments: str) -> dict[str, object]:
        assert main(["run", "days.frules", "--flows", "flows", "--format", "json", *arguments]) == 0
        out = capsys.readouterr().out
        Path("before.json").write_text(out, "utf-8")
        return json.loads(out)

    return run_again


def test_without_earlier_results_everything_earlier_is_unknown(run) -> None:
    first = run()["rulesets"]["days"]
    assert [h["verdict"] for h in first["profiles"]["again"]["hosts"]] == ["unknown_before"] * 3
    assert first["sets"]["fresh"]["count"] == 0


def test_the_same_flows_give_the_same_values_as_before(run) -> None:
    run()
    second = run("--previous", "before.json")
    rules = second["rulesets"]["days"]
    assert second["checks"][0]["holds"] is True
    assert (rules["sets"]["fresh"]["count"], rules["sets"]["fresh_pairs"]["count"]) == (0, 0)
    assert (
        sum(row[1] for row in rules["tables"]["same"]["rows"]) == len(rules["tables"]["daily"]["rows"]) == 4
    )
    hosts = {h["host"]: h for h in rules["profiles"]["again"]["hosts"]}
    assert {name: h["verdict"] for name, h in hosts.items()} == {
        "10.0.0.1": "was_busy", "10.0.9.2": "was_listed", "2001:db8::5": "was_listed",
    }  # fmt: skip
    talkers = {h["host"]: h["features"] for h in rules["profiles"]["talker"]["hosts"]}
    for name, host in hosts.items():
        assert host["features"]["before"] == talkers[name]["n"]
        assert host["features"]["average"] == talkers[name]["average"]
        assert host["features"]["part"] == talkers[name]["part"]


def test_new_flows_are_told_from_old_ones(run) -> None:
    run()
    Path("flows").write_text(
        FLOWS + "10.0.0.7|192.0.2.1|5000|443|6|4|400|S|2012/02/01T10:00:00|1.0|out\n", "utf-8"
    )
    rules = run("--previous", "before.json")["rulesets"]["days"]
    assert rules["sets"]["fresh"]["addresses"] == ["10.0.0.7"]
    assert [row[:2] for row in rules["sets"]["fresh_pairs"]["rows"]] == [["10.0.0.7", 443]]


def test_results_of_other_rules_are_earlier_results_without_these(run, tmp_path: Path) -> None:
    Path("other.json").write_text('{"rulesets": {"other": {"version": null, "withheld": ["x"]}}}', "utf-8")
    assert run("--previous", "other.json")["checks"][0]["holds"] is False
