"""``flowrules check``: what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrules.__main__ import main as run


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.frules").write_text(text, encoding="utf-8")


def test_sound_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a="filter web = tcp and dport in (80, 443)\n", b="set s = sip of outbound\n")
    assert run(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "2 rulesets checked: no error\n"


def test_every_error_of_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tmp_path, a="filter web = tcp and dprt = 80\nfilter b = duration < 5\n", b="set s = sip of outbund\n"
    )
    assert run(["check", str(tmp_path), "--format", "concise"]) == 2
    out = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in out] == [
        "error[FR201] nothing is called dprt",
        "error[FR211] a duration needs its unit, and 5 has none",
        "error[FR201] no filter or table is called outbund",
        "3 errors",
    ]


def test_text_shows_the_line_and_the_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a="filter web = tcp and dprt = 80\n")
    assert run(["check", str(tmp_path / "a.frules")]) == 2
    out = capsys.readouterr().out
    assert "filter web = tcp and dprt = 80" in out
    assert "^^^^" in out
    assert "did you mean dport?" in out
    assert out.endswith("1 ruleset checked: 1 error\n")


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a="filter web = tcp and dprt = 80\n")
    assert run(["check", str(tmp_path), "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(f["code"], f["line"], f["column"], f["end_column"], f["severity"]) for f in found] == [
        ("FR201", 1, 22, 26, "error")
    ]
    write(tmp_path, a="filter web = tcp\n")
    assert run(["check", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_a_warning_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a='@deprecated("use web")\nfilter www = dport = 80\nset s = sip of www\n')
    assert run(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("1 ruleset checked: 1 warning\n")


def test_open_parameters_are_fine_and_bound_ones_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, a="param least : count in 2 .. 9\nfilter f = packets >= least\n")
    path = str(tmp_path / "a.frules")
    assert run(["check", path]) == 0
    assert run(["check", path, "--set", "least=5"]) == 0
    assert run(["check", path, "--set", "a.least=1"]) == 2
    assert "--set a.least: least goes from 2 to 9, and 1 lies outside" in capsys.readouterr().out
    assert run(["check", path, "--set", "leest=5"]) == 2
    assert "did you mean least?" in capsys.readouterr().out
    assert run(["check", path, "--set", "least"]) == 2
    assert "name=value" in capsys.readouterr().out


def test_a_site_file_is_shown_where_it_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, a="param least : count in 2 .. 9\nfilter f = packets >= least\n")
    site = tmp_path / "site.yaml"
    site.write_text("params:\n  a: {least: 50}\n", encoding="utf-8")
    assert run(["check", str(tmp_path / "a.frules"), "--site", str(site)]) == 2
    out = capsys.readouterr().out
    assert "site.yaml:2:14" in out
    assert "  a: {least: 50}" in out


def test_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none.frules"), "--format", "concise"]) == 2
    assert "none.frules" in capsys.readouterr().out
