"""cat, inspect and convert, as a shell sees them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowrules.__main__ import main
from flowrules.flows.set_text import read_set
from flowrules.flows.silk_records import open_silk
from tests.flows.silk_files import DATA, SAMPLES, dump

RICH = str(DATA / "rich.rw")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture(autouse=True)
def _no_config(monkeypatch):
    monkeypatch.delenv("SILK_CONFIG_FILE", raising=False)


def test_cat_prints_what_rwcut_prints(capsys):
    code, out, err = run(capsys, "cat", RICH, "--timestamp-format", "epoch")
    assert (code, err) == (0, "")
    assert out.splitlines() == dump(open_silk(RICH))


def test_cat_takes_fields_limit_and_formats(capsys):
    fields = ("--fields", "sIP,4,bytes,stime", "--limit", "2")
    assert run(capsys, "cat", RICH, *fields)[1] == (
        "sIP|dPort|bytes|sTime\n"
        "192.168.20.5|8080|1500394|2009/02/14T03:15:44.662\n"
        "192.168.200.10|0|197|2009/02/14T08:04:12.767\n"
    )
    assert run(capsys, "cat", RICH, *fields, "--format", "csv", "--timestamp-format", "iso")[1].splitlines()[
        1
    ] == ("192.168.20.5,8080,1500394,2009-02-14 03:15:44.662")
    lines = run(capsys, "cat", RICH, *fields, "--format", "json")[1].splitlines()
    assert json.loads(lines[0]) == {
        "sip": "192.168.20.5", "dport": 8080, "bytes": 1500394, "stime": "2009-02-14T03:15:44.662Z",
    }  # fmt: skip
    assert run(capsys, "cat", RICH, "--limit", "0")[1].count("\n") == 1


def test_cat_reads_standard_input_and_several_paths(capsys, monkeypatch):
    class Input:
        buffer = io.BytesIO(Path(RICH).read_bytes())

    monkeypatch.setattr(sys, "stdin", Input())
    code, out, _ = run(capsys, "cat", "-", RICH, "--fields", "sPort")
    assert code == 0
    assert out.count("\n") == 16001


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["/nowhere/x.rw"], 3, "/nowhere/x.rw: no such file or folder"),
        ([RICH, "--fields", "sIP,nope"], 2, "unknown field 'nope'"),
        ([RICH, "--limit", "-1"], 2, "-1"),
        ([RICH, "--format", "xml"], 2, "xml"),
        ([RICH, "--silk-config", "/nowhere/silk.conf"], 3, "/nowhere/silk.conf: no such file"),
        ([], 2, "PATH"),
    ],
)
def test_cat_says_what_is_wrong(capsys, arguments, code, message):
    got, out, err = run(capsys, "cat", *arguments)
    assert got == code
    assert out == ""
    assert message in err


def test_a_truncated_file_prints_what_came_before_and_exits_3(capsys, tmp_path):
    path = tmp_path / "cut.rw"
    path.write_bytes(Path(RICH).read_bytes()[:-10])
    code, out, err = run(capsys, "cat", path, "--fields", "sIP")
    assert code == 3
    assert f"{out.count(chr(10)) - 1} records read until there" in err
    assert "offset" in err
    code, again, err = run(capsys, "cat", path, "--fields", "sIP", "--on-error", "skip")
    assert (code, again) == (0, out)
    assert err.startswith(f"left out: {path}: offset")


def test_a_closed_pipe_is_quiet():
    command = f"{sys.executable} -m flowrules cat {RICH} {SAMPLES}/*.dat | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("sIP|dIP|")
    assert done.stderr == ""


def test_a_full_disk_is_told():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flowrules", "cat", RICH],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "no space left on device" in done.stderr


def test_inspect_as_json(capsys):
    code, out, err = run(capsys, "inspect", RICH, "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["sources"] == [{"path": RICH, "format": "silk", "records": 8000}]
    assert (found["records"], found["first_stime"]) == (8000, "2009-02-12T00:00:53.941Z")
    assert found["by_protocol"]["1"]["records"] == 681
    assert sum(v["records"] for v in found["by_type"].values()) == sum(found["by_hour"].values()) == 8000
    assert [type(part) for part in found["top5_dport_by_records"][0]] == [int, int]
    assert [type(part) for part in found["top5_sip_by_bytes"][0]] == [str, int]
    assert len(found["top5_dip_by_records"]) == 5
    assert "initial_flags" in found["fields"]
    assert found["skipped"] == []


def test_inspect_as_text(capsys):
    code, out, _ = run(capsys, "inspect", DATA / "samples", "--on-error", "skip")
    assert code == 0
    for words in ("by protocol", "by type", "most bytes sent", "in some files", "left out (1)", "more files"):
        assert words in out
    code, out, _ = run(capsys, "inspect", RICH)
    assert "first start    2009-02-12T00:00:53.941Z" in out
    assert "tcp" in out


def test_inspect_of_a_folder_that_holds_something_else_exits_3(capsys):
    code, out, err = run(capsys, "inspect", DATA / "samples")
    assert (code, out) == (3, "")
    assert "manifest.jsonl" in err


def test_convert_to_silk_and_back(capsys, tmp_path):
    silk, text = tmp_path / "out.rw", tmp_path / "out.csv"
    assert run(capsys, "convert", RICH, "--to", "csv", "--output", text)[0] == 0
    assert run(capsys, "convert", text, "--to", "silk", "--compression", "zlib", "--output", silk)[0] == 0
    assert dump(open_silk(silk)) == dump(open_silk(RICH))
    assert run(capsys, "convert", RICH, "--to", "csv", "--fields", "sIP", "--output", text)[0] == 0
    assert text.read_text().splitlines()[:2] == ["sIP", "192.168.20.5"]


def test_convert_to_csv_has_the_columns_that_the_flows_have(capsys, tmp_path):
    text = tmp_path / "out.csv"
    run(capsys, "convert", SAMPLES / "FT_RWSPLIT-v5-c0-B.dat", "--to", "csv", "--output", text)
    titles = text.read_text().splitlines()[0].split(",")
    assert "sIP" in titles
    assert not {"nhIP", "application", "initialFlags", "in"} & set(titles)


@pytest.mark.parametrize("field", ["sip", "dip", "any"])
def test_convert_flows_to_a_set(capsys, tmp_path, field):
    out = tmp_path / "out.set"
    assert run(capsys, "convert", RICH, "--to", "set", "--field", field, "--output", out)[0] == 0
    columns = {"sip": [0], "dip": [1], "any": [0, 1]}[field]
    want = {
        line.split("|")[at].removeprefix("::ffff:") for line in dump(open_silk(RICH))[1:] for at in columns
    }
    from flowrules.model.address_text import format_address

    assert {format_address(a) for a in read_set(out).addresses()} == want


def test_convert_sets_between_their_forms(capsys, tmp_path):
    text, binary, again = tmp_path / "a.txt", tmp_path / "a.set", tmp_path / "b.csv"
    text.write_text("# ours\n10.0.0.0/25\n10.0.0.128/25\n192.0.2.7\n")
    assert run(capsys, "convert", text, "--to", "set", "--output", binary)[0] == 0
    assert binary.read_bytes()[:4] == b"\xde\xad\xbe\xef"
    assert run(capsys, "convert", binary, text, "--to", "csv", "--output", again)[0] == 0
    assert again.read_text() == "10.0.0.0/24\n192.0.2.7\n"
    assert read_set(binary) == read_set(text)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([RICH, "--to", "set", "--output", "x.set"], 2, "--field"),
        ([RICH, "--to", "avro", "--output", "x"], 2, "avro"),
        ([RICH, "--to", "silk"], 2, "--output"),
        (
            [RICH, "--to", "silk", "--output", "/nowhere/x.rw"],
            3,
            "cannot be written: no such file or directory",
        ),
        (["/nowhere", "--to", "silk", "--output", "x.rw"], 3, "no such file"),
        (
            [str(SAMPLES / "FT_RWSPLIT-v5-c0-B.dat"), "--to", "set", "--field", "nhip", "--output", "x.set"],
            3,
            "the records have no field nhip",
        ),
    ],
)
def test_convert_says_what_is_wrong_and_writes_nothing(
    capsys, tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    got, _, err = run(capsys, "convert", *arguments)
    assert got == code
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_convert_of_a_damaged_file_leaves_the_old_output(capsys, tmp_path):
    source, out = tmp_path / "cut.rw", tmp_path / "out.rw"
    source.write_bytes(Path(RICH).read_bytes()[:-10])
    out.write_text("as it was")
    for to in ("silk", "csv"):
        assert run(capsys, "convert", source, "--to", to, "--output", out)[0] == 3
        assert out.read_text() == "as it was"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.rw", "out.rw"]
    code, _, err = run(capsys, "convert", source, "--to", "silk", "--output", out, "--on-error", "skip")
    assert code == 0
    assert "left out" in err
    assert 0 < sum(chunk.rows for chunk in open_silk(out).chunks()) < 8000
