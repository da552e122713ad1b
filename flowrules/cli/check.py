"""``flowrules check``: every error of every ruleset in one go, without any data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowrules import __version__
from flowrules.cli.completing import rulesets
from flowrules.cli.ruleset_options import findings_text, ruleset_options, site_source, wants_color

if TYPE_CHECKING:
    from flowrules.model.source_text import SourceText
    from flowrules.syntax.diagnostics import Diagnostic

BROKEN: Final = 2
"""The exit code of rulesets, or a site file, that cannot be used."""


@click.command("check")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, required=True, shell_complete=rulesets)
@ruleset_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "concise", "json"]),
    default="text",
    show_default=True,
    help="text shows the lines at fault, concise one line for each finding.",
)
def command(rulesets: tuple[str, ...], site: Path | None, settings: tuple[str, ...], form: str) -> int:
    """Report every error in rulesets and what they import: syntax, names, types, sides, and the tests inside.

    Parameters that the site must bind may be left open here; with --site or --set their values are
    checked too. Exit code 2 where there is an error; warnings leave it at 0.
    """
    diagnostics, sources, checked = _check(rulesets, site, settings)
    errors = sum(d.is_error for d in diagnostics)
    if form == "json":
        _print_json(diagnostics)
    else:
        _print_text(diagnostics, sources, form)
        click.echo(_summary(checked, errors, len(diagnostics) - errors))
    return BROKEN if errors else 0


def _check(
    rulesets: Sequence[str], site: Path | None, settings: Sequence[str]
) -> tuple[list[Diagnostic], Mapping[str, SourceText], int]:
    """The findings, the texts by path, and how many rulesets were asked for."""
    from flowrules.check.bindings import Bindings
    from flowrules.check.check import check
    from flowrules.share.binding import bind
    from flowrules.share.parameter_files import ParameterFiles
    from flowrules.share.search import Search
    from flowrules.share.site import Site, load_site
    from flowrules.syntax.diagnostics import RulesetErrors

    search = Search.from_environment()
    roots, faults = search.resolve_arguments(rulesets, sys.stdin.buffer.read)
    found: list[Diagnostic] = list(faults)
    sources: dict[str, SourceText] = {}
    binder = ParameterFiles()
    try:
        bindings = bind(Site() if site is None else load_site(site), settings, binder)
    except RulesetErrors as error:
        found += error.diagnostics
        sources.update(error.sources)
        bindings = Bindings()
    result = check(roots, search.find_ruleset, bindings, binder, "check", search.names)
    diagnostics = [*found, *result.diagnostics]
    return diagnostics, {**result.sources, **site_source(site, diagnostics), **sources}, len(roots)


def _print_text(diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceText], form: str) -> None:
    from flowrules.syntax.diagnostics import concise

    if not diagnostics:
        return
    if form == "concise":
        for d in diagnostics:
            click.echo(concise(d))
        return
    color = wants_color(sys.stdout)
    click.echo(findings_text(diagnostics, sources, color), color=True if color else None)


def _print_json(diagnostics: Sequence[Diagnostic]) -> None:
    import json

    from flowrules.syntax.diagnostics import to_json

    document = {"flowrules": __version__, "findings": [to_json(d) for d in diagnostics]}
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _summary(checked: int, errors: int, warnings: int) -> str:
    rulesets = _counted(checked, "ruleset")
    if not errors and not warnings:
        return f"{rulesets} checked: no error"
    counts = [_counted(errors, "error")] if errors or not warnings else []
    if warnings:
        counts.append(_counted(warnings, "warning"))
    return f"{rulesets} checked: {', '.join(counts)}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
