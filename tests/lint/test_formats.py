"""What each format must be, by its own schema or manual."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from flowrules.lint.formats import write
from flowrules.lint.registry import Loaded
from tests.junit_schema import check_junit
from tests.lint.building import CLASH, Broken, NamesInLowerCase, lint_text

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "data" / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8")
)

MANY = (
    "ports web = 80, 443, 443\nfilter web_flow = tcp and dport in (80, 443)\nfilter dns = udp or tcp and packets >= 4\n"
    'check "x" : warning = flows of all < 0\n'.replace('check "x"', "check x"),
    CLASH
    + 'check c : warning = flows of inbound > 0 because "100% <sure> & \\"quoted\\"\nit is"\n'.replace(
        "\nit is", ""
    ),
)


def test_sarif_fits_its_schema() -> None:
    for texts in (MANY, ("filter f = tcp\n",), ("filter f = tcp and (\n", CLASH)):
        document = json.loads(write("sarif", lint_text(*texts)))
        validator = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
        assert [e.message for e in validator.iter_errors(document)] == []


def test_sarif_of_users_rules_and_of_rules_that_fail_fits_too() -> None:
    result = lint_text(
        "filter Web = tcp\n", rules=[Loaded(NamesInLowerCase(), "acme"), Loaded(Broken(), "acme")]
    )
    document = json.loads(write("sarif", result))
    jsonschema.validators.validator_for(SCHEMA)(SCHEMA).validate(document)
    run = document["runs"][0]
    assert [r["id"] for r in run["tool"]["driver"]["rules"]] == ["ACME001", "ACME002"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert "ZeroDivisionError" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_says_where_and_which_rule() -> None:
    run = json.loads(write("sarif", lint_text(CLASH)))["runs"][0]
    found = run["results"][0]
    rule = run["tool"]["driver"]["rules"][found["ruleIndex"]]
    assert found["ruleId"] == rule["id"] == "FR301"
    assert found["level"] == "error"
    region = found["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 38, "endLine": 1, "endColumn": 49}
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.frules"
    assert found["relatedLocations"][0]["message"]["text"] == "asks for udp"


def test_fingerprints_stay_when_lines_move_and_differ_within_a_file() -> None:
    def prints(text: str) -> list[str]:
        run = json.loads(write("sarif", lint_text(text)))["runs"][0]
        return [r["partialFingerprints"]["flowrules/v1"] for r in run["results"]]

    twice = "filter a = udp and flags has S\nfilter b = udp and flags has S and packets >= 4\n"
    assert prints(CLASH) == prints("\n\n# moved\n" + CLASH)
    assert len(set(prints(twice))) == 2


def test_sarif_paths_are_uris() -> None:
    from flowrules.lint.formats.sarif import uri

    assert uri("a b/c.frules") == "a%20b/c.frules"
    assert uri("./x.frules") == "x.frules"
    assert uri("/srv/x.frules") == "file:///srv/x.frules"


def test_sarif_has_the_edits_of_a_fix() -> None:
    run = json.loads(write("sarif", lint_text("filter f = tcp and packets >= 4 and packets >= 10\n")))[
        "runs"
    ][0]
    change = run["results"][0]["fixes"][0]["artifactChanges"][0]
    assert change["replacements"][0]["deletedRegion"] == {
        "startLine": 1, "startColumn": 15, "endLine": 1, "endColumn": 32,
    }  # fmt: skip


def test_json_is_as_documented() -> None:
    document = json.loads(write("json", lint_text(CLASH)))
    assert set(document) == {"flowrules", "findings", "suppressed", "undecided"}
    found = document["findings"][0]
    assert found == {
        "code": "FR301",
        "name": "unsatisfiable-predicate",
        "severity": "error",
        "path": "a.frules",
        "line": 1,
        "column": 38,
        "end_line": 1,
        "end_column": 49,
        "message": "no flow can match: only TCP flows carry flags",
        "related": [
            {
                "path": "a.frules",
                "line": 1,
                "column": 14,
                "end_line": 1,
                "end_column": 17,
                "message": "asks for udp",
            }
        ],
        "hint": "join them with or where either is meant",
        "declaration": "a:odd",
        "witness": None,
        "fix": None,
    }


def test_json_has_the_witness_as_the_flows_of_a_test_are_written() -> None:
    document = json.loads(write("json", lint_text("filter dns = udp or tcp and packets >= 4\n")))
    witness = document["findings"][0]["witness"]
    assert witness["protocol"] == "17"
    assert {"sip", "dip", "packets", "bytes", "type"} <= set(witness)


def test_github_commands_escape_what_they_must() -> None:
    text = write("github", lint_text("filter f = tcp and dport = 80 or udp\n", names=("a,b:c.frules",)))
    line = text.splitlines()[0]
    assert line.startswith(
        "::warning file=a%2Cb%3Ac.frules,line=1,endLine=1,col=12,endColumn=30,title=FR401 mixed-logic::"
    )
    assert "%0A" in line
    assert "\n" not in line


def test_gitlab_entries_have_what_its_manual_asks_for() -> None:
    entries = json.loads(write("gitlab", lint_text(*MANY)))
    assert entries
    for entry in entries:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(entry)
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert entry["location"]["lines"]["begin"] >= 1
        assert not entry["location"]["path"].startswith("./")
    assert len({e["fingerprint"] for e in entries}) == len(entries)


@pytest.mark.parametrize("texts", [MANY, ("filter f = tcp\n",), ("filter f = tcp and (\n", CLASH)])
def test_junit_fits_its_schema(texts: tuple[str, ...]) -> None:
    check_junit(write("junit", lint_text(*texts)))


def test_junit_holds_no_character_that_xml_forbids() -> None:
    result = lint_text('filter f = tcp\n# \x01\ncheck c : warning = flows of all < 0 because "a & b < c"\n')
    root = check_junit(write("junit", result))
    assert root


def test_junit_reports_a_failed_rule_as_an_error() -> None:
    result = lint_text("filter web = tcp\n", rules=[Loaded(Broken(), "acme")])
    root = check_junit(write("junit", result))
    assert root.get("errors") == "1"


def test_concise_has_one_line_for_each_finding_and_a_summary() -> None:
    lines = write("concise", lint_text(CLASH)).splitlines()
    assert lines == [
        "a.frules:1:38: error[FR301] no flow can match: only TCP flows carry flags",
        "1 ruleset linted: 1 error",
    ]


def test_text_without_findings_says_so() -> None:
    assert write("text", lint_text("filter f = tcp\n")) == "1 ruleset linted: nothing found\n"


def test_color_is_used_only_where_it_is_asked_for() -> None:
    result = lint_text(CLASH)
    assert not re.search("\x1b", write("text", result))
    assert re.search("\x1b", write("text", result, color=True))
