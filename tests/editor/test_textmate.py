"""The TextMate grammar: made from the language, and what an editor makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from flowrules.editor.textmate import SCOPE, grammar, grammar_json
from flowrules.syntax.tokens import Token
from tests.editor.colouring import FILES, ROOT, disagreements
from tests.editor.npm import installed, run

EXTENSION = ROOT / "editors" / "vscode"
WRITTEN = EXTENSION / "syntaxes" / "frules.tmLanguage.json"
HERE = Path(__file__).parent

EXPECTED = {
    "keyword": ("keyword",),
    "string": ("string",),
    "comment": ("comment",),
    "literal": ("constant",),
}


def test_the_file_in_the_extension_is_up_to_date() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == grammar_json(), "run: python editors/vscode/generate.py"


def test_every_include_names_a_part() -> None:
    parts = grammar()["repository"]
    included = json.dumps(grammar()).split('"include": "#')[1:]
    assert {text.partition('"')[0] for text in included} == set(parts)


@pytest.fixture(scope="module")
def scopes() -> dict[str, list[tuple[int, int, int, list[str]]]]:
    """For each file its tokens: line, start, end, scopes."""
    folder = installed(HERE / "node", "package.json", "tokenise.mjs")
    done = run("node", "tokenise.mjs", str(WRITTEN), *map(str, FILES), folder=folder)
    assert done.returncode == 0, done.stderr
    return dict(zip(map(str, FILES), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files(path: Path, scopes: dict[str, list[tuple[int, int, int, list[str]]]]) -> None:
    found = scopes[str(path)]
    lines = path.read_text(encoding="utf-8").split("\n")
    bare = [lines[n][a:b] for n, a, b, names in found if names == [SCOPE] and lines[n][a:b].strip()]
    assert not bare, "text that the grammar says nothing of"

    def colours(token: Token) -> Iterable[str]:
        first, last = token.span.line - 1, token.span.end_line - 1
        for n, a, b, names in found:
            after_start = n > first or (n == first and b > token.span.column - 1)
            before_end = n < last or (n == last and a < token.span.end_column - 1)
            if after_start and before_end and lines[n][a:b].strip():
                yield " ".join(names[1:])

    assert not disagreements(path, colours, EXPECTED)


def test_the_extension_is_packaged() -> None:
    names = (
        "package.json",
        "package-lock.json",
        "language-configuration.json",
        "extension.js",
        ".vscodeignore",
    )
    folder = installed(EXTENSION, *names, "README.md", "LICENSE", "syntaxes")
    done = run(
        "npx",
        "--no-install",
        "vsce",
        "package",
        "--allow-missing-repository",
        "--out",
        "made.vsix",
        folder=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    import zipfile

    packed = set(zipfile.ZipFile(folder / "made.vsix").namelist())
    assert {f"extension/{name}" for name in ("extension.js", "package.json", "LICENSE.txt")} <= packed
    assert "extension/syntaxes/frules.tmLanguage.json" in packed
    assert any(name.startswith("extension/node_modules/vscode-languageclient/") for name in packed)
    assert not any(name.startswith("extension/node_modules/@vscode/vsce") for name in packed)


def test_the_extension_starts_what_the_command_understands() -> None:
    from flowrules.cli import COMMANDS

    described = json.loads((EXTENSION / "package.json").read_text())["contributes"]
    command = described["configuration"]["properties"]["flowrules.command"]["default"]
    assert command[0] == "flowrules"
    assert command[1] in COMMANDS
    assert described["grammars"][0]["scopeName"] == SCOPE


def test_the_extension_is_javascript() -> None:
    folder = installed(HERE / "node", "package.json", "tokenise.mjs")
    done = run("node", "--check", str(EXTENSION / "extension.js"), folder=folder)
    assert done.returncode == 0, done.stderr
