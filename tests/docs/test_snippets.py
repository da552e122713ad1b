"""What documents show is what happens: their rulesets check, their tests pass, their commands print this.

``--update-golden`` writes what commands print into the documents, whole: cut it with lines of ``…``.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from flowrules.__main__ import main
from flowrules.check.check import check
from flowrules.model.source_text import SourceText
from flowrules.share.parameter_files import ParameterFiles
from flowrules.share.search import Search
from tests.docs.snippets import Command, blocks, commands, is_run, matches, rulesets

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Pages of findings (docs/rules) show rules that are wrong on purpose; they have a test of their own."""
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_rulesets_in_documents_check_and_pass_their_tests(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = Search()
    for text in rulesets(path.read_text("utf-8")):
        roots = [SourceText(path.name, text)]
        result = check(roots, search.find_ruleset, None, ParameterFiles(), "test", search.names)
        faults = [f"{d.span.line if d.span else 0}: {d.message}" for d in result.diagnostics]
        assert not faults
        if result.tests:
            file = tmp_path / f"{path.stem}.frules"
            file.write_text(text, "utf-8")
            assert main(["test", str(file)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_commands_in_documents_print_what_they_show(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("SILK_CONFIG_FILE", "FLOWRULES_PATH", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    update = request.config.getoption("--update-golden")
    text = path.read_text("utf-8")
    changes: list[tuple[int, int, str]] = []
    code = 0
    for block in blocks(text):
        if block.file is not None:
            file = Path(block.file)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((file.read_text("utf-8") if block.appends else "") + block.text, "utf-8")
        if block.language != "console":
            continue
        for command in commands(block):
            if not is_run(command.text):
                continue
            code, printed = _run(command, code)
            if matches(command.expected, printed):
                continue
            if not update or any("this is a fault of flowrules" in line for line in printed):
                shown = "\n".join(printed)
                pytest.fail(f"{path.name}:{command.line}: $ {command.text}\nprints\n{shown}", pytrace=False)
            changes.append((command.start, command.end, "".join(f"{line}\n" for line in printed)))
    saved = sorted({b.file for b in blocks(text) if b.file is not None and b.language == "frules"})
    if saved and not update:
        code, printed = _run(Command(f"flowrules check {' '.join(saved)} --format concise", 0, 0, 0), 0)
        assert code == 0, printed
    for start, end, new in reversed(changes):
        text = text[:start] + new + text[end:]
    if changes:
        path.write_text(text, "utf-8")


def _run(command: Command, last: int) -> tuple[int, list[str]]:
    """The exit code and the lines printed."""
    if command.text == "echo $?":
        return 0, [str(last)]
    words = shlex.split(command.text)
    if words[0] == "flowrules" and not {"|", ">", "<", "&&", ";"} & set(words):
        stream = io.StringIO()
        with redirect_stdout(stream), redirect_stderr(stream):
            code = main(words[1:])
        return code, stream.getvalue().splitlines()
    shim = f'flowrules() {{ "{sys.executable}" -m flowrules "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", shim + command.text],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stdout.splitlines()
