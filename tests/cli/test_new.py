"""``flowrules new``: what it writes passes every command, and it overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_main import shell


def test_a_new_ruleset_passes_every_command(tmp_path: Path) -> None:
    done = shell("new", "acme.odd_scans", "--folder", str(tmp_path / "rules"))
    path = tmp_path / "rules" / "odd_scans.frules"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {path}\ntry: flowrules test {path}\n"
    text = path.read_text()
    assert "ruleset acme.odd_scans {" in text
    assert 'title     "Odd scans"' in text
    for command in (["check"], ["test"], ["fmt", "--check"], ["lint"]):
        tried = shell(*command, str(path))
        assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "1 passed, 0 failed" in shell("test", str(path)).stdout


def test_what_is_given_stands_in_it(tmp_path: Path) -> None:
    done = shell(
        *(
            "new",
            "x",
            "--title",
            'The "odd" one\n',
            "--license",
            "MIT",
            "--tlp",
            "amber",
            "--reference",
            "RFC 9293",
        ),
        *("--folder", str(tmp_path)),
    )
    assert done.returncode == 0
    text = (tmp_path / "x.frules").read_text()
    for line in (
        'title     "The \\"odd\\" one"',
        'license   "MIT"',
        "tlp       amber",
        'reference "RFC 9293"',
    ):
        assert line in text
    assert shell("test", str(tmp_path / "x.frules")).returncode == 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "scans.frules"
    path.write_text("mine")
    done = shell("new", "acme.scans", "--folder", str(tmp_path))
    assert done.returncode == 2
    assert f"{path} is there already, and is not overwritten" in done.stderr
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-rules", "write my_rules"),
        ("1st", "is no name of a ruleset"),
        ("a..b", "is no name of a ruleset"),
        ("scans.frules", "a ruleset's name has no .frules; write scans"),
        ("filter.x", "filter is a word of the language"),
        ("sei.ports", "there is a ruleset sei.ports already"),
        ("../x", "is no name of a ruleset"),
    ],
)
def test_what_is_no_name(tmp_path: Path, name: str, message: str) -> None:
    done = shell("new", name, "--folder", str(tmp_path))
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = shell("new", "x", "--folder", str(tmp_path / "file" / "sub"))
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
