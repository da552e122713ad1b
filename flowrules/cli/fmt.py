"""``flowrules fmt``: rulesets in the one layout."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from attrs import frozen

from flowrules.cli.completing import rulesets
from flowrules.cli.failure import USAGE, report
from flowrules.cli.ruleset_options import wants_color

if TYPE_CHECKING:
    from flowrules.model.source_text import SourceText
    from flowrules.syntax.diagnostics import Diagnostic

STANDARD_INPUT: Final = "-"
_SHOWN_INPUT: Final = "<stdin>"


@frozen
class _Outcome:
    """What became of one file; ``code`` is the exit code that it asks for."""

    changed: bool = False
    code: int = 0


@click.command("fmt")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, required=True, shell_complete=rulesets)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where something would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
def command(rulesets: tuple[str, ...], check: bool, diff: bool) -> int:
    """Lay rulesets out in the one way: spacing, line breaks and columns, and nothing else.

    RULESET is a file, a folder (its .frules files and those of its subfolders), or - for standard input,
    whose layout goes to standard output. A file with errors in its syntax is left as it is (exit code 2).
    """
    outcomes: list[_Outcome] = []
    for path in _files(rulesets):
        if path is None:
            outcomes.append(_one(_SHOWN_INPUT, sys.stdin.buffer.read(), None, check, diff))
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            outcomes.append(_Outcome(code=report(error)))
            continue
        outcomes.append(_one(str(path), data, path, check, diff))
    changed = sum(o.changed for o in outcomes)
    if STANDARD_INPUT not in rulesets or len(outcomes) > 1:
        click.echo(_summary(changed, outcomes, check or diff), err=True)
    worst = max(o.code for o in outcomes)
    return worst or int(check and changed > 0)


def _files(arguments: Sequence[str]) -> Iterator[Path | None]:
    """The files that the arguments name, each once; ``None`` is standard input."""
    from flowrules.share.ruleset_file import ruleset_files

    seen: set[Path | None] = set()
    for argument in arguments:
        path = Path(argument)
        found: list[Path | None]
        if argument == STANDARD_INPUT:
            found = [None]
        elif path.is_dir():
            found = list(ruleset_files(path))
            if not found:
                raise click.UsageError(f"{argument}: the folder holds no ruleset (files that end in .frules)")
        elif path.exists():
            found = [path]
        else:
            raise click.UsageError(_missing(argument))
        for file in found:
            real = None if file is None else file.resolve()
            if real not in seen:
                seen.add(real)
                yield file


def _missing(argument: str) -> str:
    from flowrules.share.search import Search

    if Search.from_environment().find_ruleset(argument) is not None:
        return f"{argument} is an installed ruleset; name the file to lay out"
    return f"{argument}: there is no such file or folder"


def _one(shown: str, data: bytes, path: Path | None, check: bool, diff: bool) -> _Outcome:
    """Lays out one text, and writes, prints or compares it."""
    from flowrules.flows.atomic import whole_file
    from flowrules.flows.errors import FlowFileError
    from flowrules.syntax.diagnostics import RulesetErrors
    from flowrules.syntax.formatting.formatter import LayoutFault, format_source
    from flowrules.syntax.source_file import decode

    source, faults = decode(data, shown)
    if faults:
        return _faulty(faults, source)
    try:
        text = format_source(source)
    except RulesetErrors as error:
        return _faulty(error.diagnostics, source)
    except LayoutFault as fault:
        return _Outcome(code=report(fault))
    result = text.encode()
    changed = result != data
    if diff and changed:
        _print_difference(shown, source.text, text)
    if check or diff:
        if changed and not diff and path is not None:
            click.echo(f"would lay out {shown}", err=True)
        return _Outcome(changed)
    if path is None:
        sys.stdout.buffer.write(result)
        sys.stdout.buffer.flush()
    elif changed:
        try:
            with whole_file(path) as file:
                file.write(result)
        except FlowFileError as error:
            return _Outcome(code=report(error))
        click.echo(f"laid out {shown}", err=True)
    return _Outcome(changed)


def _faulty(diagnostics: Sequence[Diagnostic], source: SourceText) -> _Outcome:
    from flowrules.syntax.diagnostics import render

    color = wants_color(sys.stderr)
    click.echo(render(diagnostics, {source.path: source}, color), err=True, color=color or None)
    return _Outcome(code=USAGE)


_COLORS: Final = {"+": "green", "-": "red", "@": "cyan"}


def _print_difference(shown: str, before: str, after: str) -> None:
    from difflib import unified_diff

    color = wants_color(sys.stdout)
    lines = unified_diff(before.splitlines(), after.splitlines(), shown, f"{shown} (laid out)", lineterm="")
    for line in lines:
        style = _COLORS.get(line[:1]) if color and not line.startswith(("---", "+++")) else None
        click.echo(click.style(line, fg=style) if style else line, color=color or None)


def _summary(changed: int, outcomes: Sequence[_Outcome], only_looked: bool) -> str:
    refused = sum(o.code != 0 for o in outcomes)
    same = len(outcomes) - changed - refused
    would = "would be laid out" if only_looked else "laid out"
    parts = [f"{_files_counted(changed)} {would}"] if changed else []
    if same:
        parts.append(f"{_files_counted(same)} {'is' if same == 1 else 'are'} in the layout already")
    if refused:
        parts.append(f"{_files_counted(refused)} left with errors")
    return ", ".join(parts)


def _files_counted(n: int) -> str:
    return "1 file" if n == 1 else f"{n} files"
