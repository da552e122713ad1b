"""``flowrules test``: what it prints, what it writes, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrules.__main__ import main
from tests.junit_schema import check_junit
from tests.testing.rules import VISITS, one_test

FLOWS = "type | sip | dip | dport | packets | repeat\nout | 10.0.0.1 | 192.0.2.1 | 443 | 4 | 2"
GOOD = one_test(FLOWS, "visitors = {10.0.0.1}", name="good")
BAD = one_test(FLOWS, "visitors = {10.0.0.2}", name="bad <&>")
LATER = one_test(FLOWS, "visitors = {}", name="later", before='@todo("it is <not> settled")')


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["test", *map(str, arguments)])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    path = Path("visits.frules")
    path.write_text(VISITS + GOOD + BAD + LATER, "utf-8")
    return path


def test_failures_are_told_with_their_place(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, rules)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "FAIL visits: bad <&>",
        "     visits.frules:36: expect visitors = {10.0.0.2}: missing 10.0.0.2; unexpected 10.0.0.1",
        "todo visits: later",
        "     visits.frules:38: it is <not> settled",
        "1 passed, 1 failed, 1 todo",
    ]


def test_tests_are_chosen_by_name(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, rules, "-k", "GOOD", "-v") == (0, "ok   visits: good\n1 passed, 0 failed\n", "")
    assert run(capsys, rules, "-k", "later")[:2] == (
        0, "todo visits: later\n     visits.frules:38: it is <not> settled\n0 passed, 0 failed, 1 todo\n",
    )  # fmt: skip
    code, out, err = run(capsys, rules, "-k", "nothing")
    assert (code, out) == (2, "")
    assert "no test has such a name" in err


def test_without_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.frules").write_text("filter f = tcp\n", "utf-8")
    code, _, err = run(capsys, tmp_path / "a.frules")
    assert code == 2
    assert "there are no tests" in err


def test_tests_beside_a_ruleset_belong_to_it(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(VISITS, "utf-8")
    Path("visits_test.frules").write_text(
        "import visits as v\n" + one_test(FLOWS, "v.visitors = {10.0.0.1}", name="beside"), "utf-8"
    )
    for named in ("visits.frules", "visits_test.frules", "."):
        assert run(capsys, named, "-v")[:2] == (0, "ok   visits_test: beside\n1 passed, 0 failed\n")
    code, out, _ = run(capsys, "visits_test.frules", "--coverage")
    assert code == 0
    assert "coverage: " in out and "visits.frules:2: filter visit never fails" in out


def test_a_run_leaves_files_of_tests_out(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("visits_test.frules").write_text("import visits as v\n", "utf-8")
    Path("flows").write_text(
        "sIP|dIP|sPort|dPort|protocol|packets|bytes|flags|sTime|duration|type\n", "utf-8"
    )
    assert main(["run", ".", "--flows", "flows", "--format", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["rulesets"]) == ["visits"]


def test_junit(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, rules, "--junit", "out.xml")[0] == 1
    root = check_junit(Path("out.xml").read_text("utf-8"))
    (suite,) = root
    assert root.tag == "testsuites" and root.get("tests") == "3" and root.get("failures") == "1"
    assert (suite.get("name"), suite.get("skipped"), suite.get("errors")) == ("visits", "1", "0")
    cases = {case.get("name"): case for case in suite}
    assert set(cases) == {"good", "bad <&>", "later"}
    assert len(cases["good"]) == 0
    failure = cases["bad <&>"].find("failure")
    assert failure is not None and failure.text is not None and "visits.frules:36:" in failure.text
    skipped = cases["later"].find("skipped")
    assert skipped is not None and skipped.get("message") == "it is <not> settled"
    assert suite.get("file", "").endswith("visits.frules")


def test_json(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, rules, "--format", "json", "--coverage", "--mutate")
    document = json.loads(out)
    assert code == 1
    assert [(t["name"], t["outcome"], t["todo"]) for t in document["tests"]] == [
        ("good", "passed", None), ("bad <&>", "failed", None), ("later", "todo", "it is <not> settled"),
    ]  # fmt: skip
    assert document["tests"][1]["failures"][0]["line"] == 36
    coverage = document["coverage"]
    assert coverage["sides"] == 2 * len(coverage["items"])
    assert coverage["reached"] == sum(i["holds"] + i["fails"] for i in coverage["items"])
    mutation = document["mutation"]
    assert mutation["noticed"] == mutation["changes"] - len(mutation["unnoticed"])
    assert mutation["unnoticed"][0].keys() == {
        "kind", "ruleset", "declaration", "before", "after", "message", "path", "line",
    }  # fmt: skip


def test_fail_under(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(VISITS + GOOD, "utf-8")
    assert run(capsys, rules, "--coverage", "--fail-under", "10")[0] == 0
    assert run(capsys, rules, "--coverage", "--fail-under", "90")[0] == 1
    assert run(capsys, rules, "--mutate", "--fail-under", "100")[0] == 1
    code, _, err = run(capsys, rules, "--fail-under", "90")
    assert code == 2 and "--coverage or --mutate" in err
    assert run(capsys, rules, "--coverage", "--fail-under", "101")[0] == 2


def test_generated_tests_can_be_put_into_the_file(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, rules, "--generate", "visit")
    assert (code, err) == (0, "")
    rules.write_text(VISITS + out, "utf-8")
    assert run(capsys, rules)[:2] == (0, "2 passed, 0 failed\n")
    again = run(capsys, rules, "--generate", "visits.visit")[1]
    rules.write_text(VISITS + out + again, "utf-8")
    assert run(capsys, rules)[:2] == (0, "4 passed, 0 failed\n")


def test_what_cannot_be_generated(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, rules, "--generate", "visti")
    assert (code, out) == (2, "")
    assert "no filter is called visti: did you mean visit?" in err
    assert run(capsys, rules, "--generate", "visitors")[0] == 2
    Path("never.frules").write_text("filter f = tcp and udp\n", "utf-8")
    code, out, err = run(capsys, "never.frules", "--generate", "f")
    assert (code, out) == (1, "")
    assert "left out: a flow that passes" in err


def test_a_broken_ruleset_is_no_failed_test(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(VISITS + one_test(FLOWS, "vistors = {10.0.0.1}"), "utf-8")
    code, out, err = run(capsys, rules)
    assert (code, out) == (2, "")
    assert "error[FR201]" in err and "did you mean visitors?" in err


@pytest.mark.parametrize("name", ["sei.ports", "sei.web_clients", "sei.email"])
def test_shipped_rulesets_reach_every_side(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, name, "--coverage", "--fail-under", "100")
    assert code == 0, out


def test_colours(rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = run(capsys, rules)[1]
    assert "\x1b[31mFAIL\x1b[0m" in out and "\x1b[33mtodo\x1b[0m" in out
