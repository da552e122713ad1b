"""``flowrules lint`` from the outside: exit codes, options, and that files are changed only when asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrules.__main__ import main

CLASH = "filter odd = udp and dport = 443 and flags has S\n"
MENDABLE = "filter f = tcp and packets >= 4 and packets >= 10\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        raise SystemExit(main(list(arguments)))
    return int(str(stop.value.code or 0))


def put(folder: Path, text: str, name: str = "a.frules") -> str:
    (folder / name).write_bytes(text.encode())
    return name


def test_nothing_found_is_0_and_findings_are_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lint", put(folder, "filter f = tcp\n")) == 0
    assert "nothing found" in capsys.readouterr().out
    assert run("lint", put(folder, CLASH)) == 1
    assert "no flow can match: only TCP flows carry flags" in capsys.readouterr().out


def test_a_broken_ruleset_is_2_and_still_in_the_format_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, CLASH, "b.frules")
    assert run("lint", put(folder, "filter f = tcp and (\n"), "b.frules", "--format", "json") == 2
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {"FR301"} < {f["code"] for f in found}


def test_a_missing_ruleset_is_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lint", "nowhere.frules") == 2
    assert "nowhere.frules" in capsys.readouterr().out


def test_no_ruleset_is_a_wrong_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lint") == 2
    assert "name a RULESET" in capsys.readouterr().err


def test_fail_on_sets_what_counts(folder: Path) -> None:
    name = put(folder, MENDABLE)
    assert run("lint", name) == 1
    assert run("lint", name, "--fail-on", "error") == 0
    assert run("lint", name, "--fail-on", "warning") == 1


def test_select_and_ignore_by_code_name_and_family(folder: Path) -> None:
    name = put(folder, CLASH)
    assert run("lint", name, "--select", "FR4") == 0
    assert run("lint", name, "--select", "unsatisfiable-predicate") == 1
    assert run("lint", name, "--ignore", "fr301") == 0
    assert run("lint", name, "--select", "FR999") == 2


def test_settings_are_found_and_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = put(folder, CLASH)
    (folder / "flowrules.toml").write_text('[lint.rules]\nFR301 = "off"\n')
    assert run("lint", name) == 0
    (folder / "flowrules.toml").write_text('[lint.rules]\nFR301 = "no"\n')
    assert run("lint", name) == 2
    assert "flowrules.toml:2: FR301 is 'no'" in capsys.readouterr().err
    (folder / "other.toml").write_text("")
    assert run("lint", name, "--config", "other.toml") == 1


def test_a_baseline_is_written_and_then_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = put(folder, CLASH)
    assert run("lint", name, "--write-baseline") == 2
    assert run("lint", name, "--baseline", "known.json", "--write-baseline") == 0
    assert run("lint", name, "--baseline", "known.json") == 0
    put(folder, "\n\n" + CLASH + "filter more = udp and flags has S\n")
    capsys.readouterr()
    assert run("lint", name, "--baseline", "known.json", "--format", "concise") == 1
    assert capsys.readouterr().out.count("FR301") == 1
    (folder / "known.json").write_text("{}")
    assert run("lint", name, "--baseline", "known.json") == 2
    assert run("lint", name, "--baseline", "gone.json") == 3


def test_fix_changes_the_file_and_reports_what_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = put(folder, MENDABLE + CLASH)
    assert run("lint", name, "--fix") == 1
    shown = capsys.readouterr()
    assert "1 finding put right in 1 file" in shown.err
    assert "FR301" in shown.out
    assert (folder / name).read_text() == "filter f = tcp and packets >= 10\n" + CLASH


def test_diff_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = put(folder, MENDABLE)
    run("lint", name, "--fix", "--diff")
    assert (
        "-filter f = tcp and packets >= 4 and packets >= 10\n+filter f = tcp and packets >= 10\n"
        in capsys.readouterr().out
    )
    assert (folder / name).read_text() == MENDABLE


def test_unsafe_fixes_are_apart(folder: Path) -> None:
    text = "nets lab = 10.20.0.0/16\nfilter f = outbound and dip in lab\n"
    name = put(folder, text)
    assert run("lint", name, "--fix") == 1
    assert (folder / name).read_text() == text
    assert run("lint", name, "--fix-unsafe") == 0
    assert "sip in lab" in (folder / name).read_text()


def test_output_goes_to_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lint", put(folder, CLASH), "--format", "sarif", "--output", "out.sarif") == 1
    assert capsys.readouterr().out == ""
    assert json.loads((folder / "out.sarif").read_text())["version"] == "2.1.0"


def test_today_is_a_date(folder: Path) -> None:
    name = put(folder, "@review(2026-03-01)\nfilter f = tcp\n")
    assert run("lint", name, "--today", "2026-02-28") == 0
    assert run("lint", name, "--today", "2026-03-02") == 1
    assert run("lint", name, "--today", "soon") == 2


def test_the_rules_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("lint", "--rules") == 0
    assert "FR301  unsatisfiable-predicate" in capsys.readouterr().out


def test_a_test_file_beside_counts_as_tests(folder: Path) -> None:
    block = 'ruleset acme.web {\n    version "1.0.0"\n    license "CC0-1.0"\n    tlp clear\n    reference "RFC 9110"\n}\n'
    name = put(folder, block + "set clients = sip of outbound\n", "web.frules")
    assert run("lint", name) == 1
    put(folder, "", "web_test.frules")
    assert run("lint", name) == 0


def test_a_rule_that_fails_is_ours_and_hides_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrules.lint.rules.fr302_always_true import AlwaysTrue

    def fail(self: object, linted: object) -> object:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(AlwaysTrue, "check", fail)
    assert run("lint", put(folder, CLASH)) == 4
    shown = capsys.readouterr()
    assert "FR301" in shown.out
    assert "the rule FR302 failed: ZeroDivisionError: oops" in shown.err
