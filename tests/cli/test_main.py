"""The command as a shell sees it: help, mistakes, exit codes, closed pipes and full disks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest

import flowrules
from flowrules import cli
from flowrules.__main__ import main
from flowrules.engine.errors import DiskFull
from flowrules.flows.errors import FlowFileError
from flowrules.share.search import Search
from flowrules.syntax.diagnostics import RulesetErrors

ROOT = Path(__file__).resolve().parents[2]


def shell(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(
        [sys.executable, "-m", "flowrules", *arguments],
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        timeout=60,
        **{"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, **settings},  # type: ignore[call-overload]
    )


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    """Runs a command that raises the given error and returns the exit code."""

    def run(error: BaseException) -> int:
        def refuse(arguments: Sequence[str]) -> int:
            raise error

        monkeypatch.setattr(cli, "execute", refuse)
        return main([])

    return run


# ---------------------------------------------------------------- help


def test_help_lists_every_command() -> None:
    done = shell("--help")
    assert done.returncode == 0
    for name, text in cli.COMMANDS.items():
        assert f"{name} " in done.stdout
        assert text in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_that_is_listed_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"Usage: flowrules {name}" in capsys.readouterr().out


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from flowrules.__main__ import main; main(['--help']);"
        "print(sorted({'numpy', 'rich', 'lark', 'attr', 'ruamel', 'cramjam'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["-h"], ["from", "--help"], ["completion", "-h"]])
def test_asking_is_fine(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out
    assert not err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"flowrules {flowrules.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["from"]])
def test_no_command_shows_the_help_and_is_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Commands:" in err


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "there is no command 'rnu': did you mean 'run'?"),
        (["rwfilter"], "there is no command 'rwfilter': did you mean 'from silk'?"),
        (["from", "slik"], "there is no command 'slik': did you mean 'silk'?"),
        (["zzz"], f"there is no command 'zzz' (there are {', '.join(cli.COMMANDS)})"),
        (["--nonsense"], "no such option"),
        (["completion"], "missing argument"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (["--color", "pink", "run"], "'pink' is not one of 'auto', 'always', 'never'"),
    ],
)
def test_wrong_usage_says_what_to_write(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out
    assert message in err
    assert "--help'" in err.splitlines()[-1]


# ---------------------------------------------------------------- errors and their codes


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (
            FlowFileError("a.rw", "a truncated header", offset=12),
            3,
            ["error: a.rw, offset 12: a truncated header"],
        ),
        (
            RulesetErrors(Search().resolve_arguments(["no.frules", "empty/no.frules"])[1], {}),
            2,
            [
                "error[FR501]: no.frules: there is no such file or folder",
                "",
                "error[FR501]: empty/no.frules: there is no folder empty",
            ],
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.json"),
            3,
            ["error: out.json: cannot write: no space left on device"],
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
            3,
            ["error: x: no such file or directory"],
        ),
        (
            OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"),
            3,
            ["error: a -> b: invalid cross-device link"],
        ),
        (MemoryError(), 3, ["error: out of memory"]),
        (DiskFull("it fills the disk", "remove files"), 3, ["error: it fills the disk (hint: remove files)"]),
        (click.ClickException("Something is odd."), 2, ["error: something is odd"]),
        (click.exceptions.Abort(), 130, ["error: interrupted"]),
        (KeyboardInterrupt(), 130, ["flowrules: interrupted"]),
        (BrokenPipeError(), 0, []),
    ],
)
def test_each_error_has_its_line_and_its_code(
    error: BaseException,
    code: int,
    lines: list[str],
    failing: Callable[[BaseException], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert failing(error) == code
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines() == lines


def test_a_fault_of_ours_asks_to_be_reported(
    failing: Callable[[BaseException], int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FLOWRULES_DEBUG", raising=False)
    assert failing(KeyError("a\nb")) == 4
    err = capsys.readouterr().err
    assert "this is a fault of flowrules: KeyError: 'a\\nb' (test_main.py:" in err
    assert "please report it" in err
    assert "Traceback" not in err
    monkeypatch.setenv("FLOWRULES_DEBUG", "1")
    assert failing(KeyError("a")) == 4
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = shell("completion", "bash", stdout=full)
    assert done.returncode == 3
    assert done.stderr == "error: cannot write: no space left on device\n"


def test_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = shell("completion", "zsh", stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_ends_it_with_its_own_code(tmp_path: Path) -> None:
    pipe = tmp_path / "rules"
    os.mkfifo(pipe)
    child = subprocess.Popen(
        [sys.executable, "-m", "flowrules", "check", str(pipe)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    # Opens as soon as the child does, which then waits for text that never comes.
    with pipe.open("w"):
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "flowrules: interrupted\n")


def test_without_standard_streams_it_still_ends_well() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m flowrules completion fish >&- 2>&-'], cwd=ROOT, timeout=60
    )
    assert done.returncode == 0


# ---------------------------------------------------------------- colours and completion


@pytest.mark.parametrize(
    ("choice", "before", "after"),
    [
        ("never", {"FORCE_COLOR": "1"}, {"NO_COLOR": "1"}),
        ("always", {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}),
        ("auto", {"NO_COLOR": "1"}, {"NO_COLOR": "1"}),
    ],
)
def test_colour_is_chosen_through_the_environment(
    choice: str, before: dict[str, str], after: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    main(["--color", choice, "completion", "bash"])
    assert {n: os.environ[n] for n in ("NO_COLOR", "FORCE_COLOR") if n in os.environ} == after


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run sei.w", ["plain,sei.web_clients"]),
        ("check ./some", ["file,./some"]),
        ("run x --flows net/s", ["file,net/s"]),
        ("lint --select fr30", [f"plain,FR30{n}" for n in range(1, 10)]),
        ("explain code FR31", [f"plain,FR31{n}" for n in range(6)]),
        ("cat net/", ["file,net/"]),
        ("co", ["plain,convert", "plain,completion"]),
    ],
)
def test_what_a_shell_offers(
    words: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_FLOWRULES_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"flowrules {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert main([]) == 0
    assert capsys.readouterr().out.split() == offered


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", name]) == 0
    assert f"_FLOWRULES_COMPLETE={name}_complete" in capsys.readouterr().out


def test_completing_names_of_commands_and_options() -> None:
    def complete(words: str, index: int) -> list[str]:
        environment = {
            "_FLOWRULES_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(index),
        }
        done = shell(env=environment)
        assert done.returncode == 0, done.stderr
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("flowrules c", 1) == ["cat", "convert", "check", "completion"]
    assert complete("flowrules from ", 2) == ["silk"]
    assert complete("flowrules completion z", 2) == ["zsh"]
    assert complete("flowrules --v", 1) == ["--version"]


def test_a_program_that_ends_at_once_has_said_all_and_ends_with_its_code(tmp_path):
    (tmp_path / "a.frules").write_text("".join(f"filter f{n} = tcp and udp\n" for n in range(2000)))
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('told', file=sys.stderr))\n"
        "from flowrules.__main__ import main\n"
        "sys.argv = ['flowrules', 'lint', '--select', 'FR301', '--format', 'concise', sys.argv[1]]\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.frules")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("FR301") == 2000
    assert done.stdout.endswith("2000 errors\n")
    assert done.stderr == "told\n"
