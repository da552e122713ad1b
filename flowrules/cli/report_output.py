"""The options that say in which form a profile is printed and where it goes, and printing it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flowrules.cli.ruleset_options import wants_color

if TYPE_CHECKING:
    from flowrules.profile.findings import NetworkProfile

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("text", "json", "csv", "markdown")
SEVERITIES = ("info", "notice", "warning", "error")


def writable(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file in a folder that is not there before the work begins, rather than after it."""
    if path is not None and not path.absolute().parent.is_dir():
        from flowrules.flows.errors import FlowFileError

        raise FlowFileError(path, f"cannot be written: there is no folder {path.parent}")
    return path


def report_options(command: Command) -> Command:
    """``--format``, ``--output``, ``--limit``, ``--sets`` and ``--fail-on``."""
    for option in (
        click.option(
            "--fail-on",
            type=click.Choice(SEVERITIES),
            help="Exit with 1 for an anomaly or a failed check of this severity or above.",
        ),
        click.option(
            "--sets",
            "sets_folder",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Write every set of addresses to a SiLK IPset there.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(0),
            default=20,
            show_default=True,
            metavar="N",
            help="Rows of each table in text and Markdown; 0 shows all.",
        ),
        click.option(
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            callback=writable,
            metavar="PATH",
            help="Write to a file, which appears whole or not at all.",
        ),
        click.option(
            "--format", "output_format", type=click.Choice(FORMATS), default="text", show_default=True,
            help="csv: the entries of the profile.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def print_profile(
    profile: NetworkProfile,
    output_format: str,
    output: Path | None,
    limit: int,
    sets_folder: Path | None,
    fail_on: str | None,
) -> int:
    """Print a profile and return the exit code: 1 for an ``error`` check that does not hold, or ``--fail-on``."""
    color = output is None and wants_color(sys.stdout)
    width = get_terminal_size().columns if output is None and sys.stdout.isatty() else None
    text = rendered(profile, output_format, limit or None, color, width)
    if sets_folder is not None:
        write_sets(profile, sets_folder)
    if output is None:
        click.echo(text, nl=False, color=True if color else None)
    else:
        from flowrules.flows.atomic import whole_file

        with whole_file(output) as file:
            file.write(text.encode(errors="backslashreplace"))
    return exit_code(profile, fail_on)


def rendered(
    profile: NetworkProfile, output_format: str, limit: int | None, color: bool, width: int | None
) -> str:
    """The profile in one of ``FORMATS``; ``color`` and ``width`` (columns) are for text on a terminal."""
    if output_format == "json":
        from flowrules.report.json_report import json_report

        return json_report(profile)
    if output_format == "csv":
        from flowrules.report.csv_report import csv_report

        return csv_report(profile)
    from flowrules.report.document import document

    blocks = document(profile, limit)
    if output_format == "markdown":
        from flowrules.report.markdown_report import markdown_report

        return markdown_report(blocks)
    from flowrules.report.text_report import text_report

    return text_report(blocks, color, width)


def write_sets(profile: NetworkProfile, folder: Path) -> None:
    """Every set of addresses as ``RULESET.NAME.set`` in a folder, which is made where it is missing."""
    from flowrules.flows.ipset import write_ipset

    folder.mkdir(parents=True, exist_ok=True)
    for name, found in profile.results.sets.items():
        if found.addresses is not None and name in profile.program.sets:
            ruleset, _, short = name.partition(":")
            if profile.program.rulesets[ruleset].shown:
                write_ipset(folder / f"{ruleset}.{short}.set", found.addresses)


def exit_code(profile: NetworkProfile, fail_on: str | None) -> int:
    """0, or 1 where a check of severity ``error`` does not hold or ``--fail-on`` is reached."""
    if profile.withheld():
        return 1
    if fail_on is None:
        return 0
    least = SEVERITIES.index(fail_on)
    found = [a.severity for a in profile.anomalies]
    found += [c.severity for c in profile.checks if c.holds is not True]
    return 1 if any(SEVERITIES.index(s) >= least for s in found) else 0
