"""``flowrules fmt``: what is written, printed and returned."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from flowrules.syntax.formatting import formatter
from tests.cli.test_main import shell

LOOSE = "filter a=tcp   # why\nfilter bc=udp\n"
LAID_OUT = "filter a  = tcp  # why\nfilter bc = udp\n"


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    path = tmp_path / "loose.frules"
    path.write_text(LOOSE)
    return path


def fmt(*arguments: object, text: str | None = None) -> subprocess.CompletedProcess[str]:
    if text is None:
        return shell("fmt", *map(str, arguments))
    return shell("fmt", *map(str, arguments), stdin=None, input=text)


def test_a_file_is_laid_out_in_place(loose: Path) -> None:
    loose.chmod(0o640)
    done = fmt(loose)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"laid out {loose}\n1 file laid out\n"
    assert loose.read_text() == LAID_OUT
    assert stat.S_IMODE(loose.stat().st_mode) == 0o640
    again = fmt(loose)
    assert (again.returncode, again.stderr) == (0, "1 file is in the layout already\n")


def test_check_writes_nothing_and_exits_with_1(loose: Path) -> None:
    done = fmt("--check", loose)
    assert done.returncode == 1
    assert done.stderr == f"would lay out {loose}\n1 file would be laid out\n"
    assert loose.read_text() == LOOSE
    loose.write_text(LAID_OUT)
    assert fmt("--check", loose).returncode == 0


def test_diff_prints_what_would_change(loose: Path) -> None:
    done = fmt("--diff", loose)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"--- {loose}",
        f"+++ {loose} (laid out)",
        "@@ -1,2 +1,2 @@",
        "-filter a=tcp   # why",
        "-filter bc=udp",
        "+filter a  = tcp  # why",
        "+filter bc = udp",
    ]
    assert loose.read_text() == LOOSE
    assert fmt("--diff", "--check", loose).returncode == 1


def test_standard_input_goes_to_standard_output() -> None:
    done = fmt("-", text=LOOSE)
    assert (done.returncode, done.stdout, done.stderr) == (0, LAID_OUT, "")
    assert fmt("-", text=LAID_OUT).stdout == LAID_OUT
    checked = fmt("--check", "-", text=LOOSE)
    assert (checked.returncode, checked.stdout) == (1, "")


def test_a_broken_file_does_not_hold_up_the_others(loose: Path) -> None:
    broken = loose.with_name("broken.frules")
    broken.write_text("filter a = tcp and\n")
    (loose.parent / "sub").mkdir()
    other = loose.parent / "sub" / "other.frules"
    other.write_text(LOOSE)
    done = fmt(loose.parent, loose)
    assert done.returncode == 2
    assert "error[FR1" in done.stderr
    assert done.stderr.endswith("2 files laid out, 1 file left with errors\n")
    assert loose.read_text() == other.read_text() == LAID_OUT
    assert broken.read_text() == "filter a = tcp and\n"


def test_broken_standard_input_prints_nothing() -> None:
    done = fmt("-", text="filter =")
    assert (done.returncode, done.stdout) == (2, "")
    assert "<stdin>:1:" in done.stderr


def test_a_byte_order_mark_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.frules"
    path.write_bytes(b"\xef\xbb\xbf" + LAID_OUT.encode())
    assert fmt(path).returncode == 0
    assert path.read_bytes() == LAID_OUT.encode()
    path.write_bytes(b"filter \xe9 = tcp")
    done = fmt(path)
    assert done.returncode == 2
    assert "FR129" in done.stderr
    assert path.read_bytes() == b"filter \xe9 = tcp"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("nothing.frules", "there is no such file or folder"),
        ("sei.ports", "is an installed ruleset; name the file to lay out"),
    ],
)
def test_what_cannot_be_laid_out(argument: str, message: str) -> None:
    done = fmt(argument)
    assert done.returncode == 2
    assert message in done.stderr


def test_an_empty_folder(tmp_path: Path) -> None:
    done = fmt(tmp_path)
    assert done.returncode == 2
    assert "holds no ruleset" in done.stderr


def test_a_folder_that_cannot_be_written(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from flowrules.cli.fmt import command
    from flowrules.flows import atomic

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(atomic.tempfile, "mkstemp", refuse)
    result = CliRunner().invoke(command, [str(loose)], standalone_mode=False)
    assert result.return_value == 3
    assert "cannot be written: permission denied" in result.stderr
    assert loose.read_text() == LOOSE


def test_a_fault_of_ours_is_said_and_nothing_is_written(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from flowrules.cli.fmt import command

    monkeypatch.setattr(formatter, "layout", lambda found: "filter a = udp\n")
    result = CliRunner().invoke(command, [str(loose)], standalone_mode=False)
    assert result.return_value == 4
    assert "this is a fault of flowrules" in result.stderr
    assert "the layout would change what it says" in result.stderr
    assert loose.read_text() == LOOSE
