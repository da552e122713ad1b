"""The options that name rulesets and what binds them, and loading them, the same in every command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from flowrules.check.check import CheckResult
    from flowrules.model.source_text import SourceText
    from flowrules.syntax.diagnostics import Diagnostic

Command = TypeVar("Command", bound=Callable[..., Any])


def ruleset_options(command: Command) -> Command:
    """``--site`` and ``--set``, under the names of ``load_rulesets``' arguments."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Bind a parameter: ruleset.name=value, or name=value where only one ruleset has it.",
        ),
        click.option(
            "--site",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The site file: whose network this is, its hours, sets, maps and parameters.",
        ),
    ):
        command = option(command)
    return command


def load_rulesets(
    rulesets: Sequence[str], site: Path | None, settings: Sequence[str], mode: str
) -> CheckResult:
    """Find, parse and check rulesets; ``mode`` is ``check``, ``run`` or ``test``.

    A run leaves the files out that hold tests of others, unless they are named; a test takes those beside
    rulesets too.  Warnings go to standard error.  Raises ``RulesetErrors`` with every error of every file.
    """
    from flowrules.check.check import check
    from flowrules.share.binding import bind
    from flowrules.share.parameter_files import ParameterFiles
    from flowrules.share.search import Search, is_test_file
    from flowrules.share.site import Site, load_site
    from flowrules.syntax.diagnostics import RulesetErrors

    search = Search.from_environment()
    roots, faults = search.resolve_arguments(rulesets, sys.stdin.buffer.read)
    if mode == "test":
        roots += search.tests_of(roots)
    elif mode == "run":
        roots = [r for r in roots if r.path in rulesets or not is_test_file(r.path)]
    binder = ParameterFiles()
    bindings = bind(Site() if site is None else load_site(site), settings, binder)
    result = check(roots, search.find_ruleset, bindings, binder, mode, search.names)
    diagnostics = [*faults, *result.diagnostics]
    sources = {**result.sources, **site_source(site, diagnostics)}
    if any(d.is_error for d in diagnostics):
        raise RulesetErrors(diagnostics, sources)
    if diagnostics:
        color = wants_color(sys.stderr)
        click.echo(findings_text(diagnostics, sources, color), err=True, color=color)
    return result


def refuse_one_input_for_both(rulesets: Sequence[str], paths: Sequence[str]) -> None:
    """A usage error where standard input is to hold a ruleset and flows."""
    if "-" in rulesets and "-" in paths:
        raise click.UsageError("- stands for a ruleset and for flows: standard input can hold one of them")


def site_source(site: Path | None, diagnostics: Sequence[Diagnostic]) -> Mapping[str, SourceText]:
    """The text of the site file by its path, where findings speak of it."""
    if site is None or all(d.span is None or d.span.path != str(site) for d in diagnostics):
        return {}
    from flowrules.model.source_text import SourceText

    return {str(site): SourceText(str(site), site.read_text(encoding="utf-8-sig"))}


def findings_text(diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceText], color: bool) -> str:
    """Findings with their lines, as many as anybody reads, and how many more there are."""
    from flowrules.syntax.diagnostics import MOST, render

    text = render(diagnostics[:MOST], sources, color)
    more = len(diagnostics) - MOST
    return text + (f"\nand {more:,} more finding{'' if more == 1 else 's'}\n" if more > 0 else "")


def wants_color(stream: Any) -> bool:
    """Whether to colour what goes to a stream: on a terminal, unless NO_COLOR is set."""
    import os

    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())
