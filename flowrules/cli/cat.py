"""``flowrules cat``: flow records as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrules.cli.completing import files
from flowrules.cli.flow_options import flow_options, open_flows, report_skipped

if TYPE_CHECKING:
    from flowrules.flows.cat import TextFormat

_LINES_AT_ONCE = 1 << 12


@click.command("cat")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=files)
@click.option(
    "--fields",
    metavar="LIST",
    help="The columns, by rwcut's names or numbers or the language's names: sIP,dIP,9-11 (default: all).",
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Print at most N records.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["rwcut", "csv", "json"]),
    default="rwcut",
    show_default=True,
    help="rwcut: delimited by |, nothing padded; json: an object a line.",
)
@click.option(
    "--timestamp-format",
    type=click.Choice(["default", "iso", "epoch"]),
    default="default",
    show_default=True,
    help="As rwcut's, with milliseconds; JSON has ISO 8601.",
)
@flow_options
def command(
    paths: tuple[str, ...],
    fields: str | None,
    limit: int | None,
    output_format: TextFormat,
    timestamp_format: str,
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
) -> None:
    """Print flow records as text.

    PATH is a flow file, a folder, a glob or - for standard input.
    """
    from flowrules.flows.cat import text_lines
    from flowrules.flows.text_fields import TEXT_FIELDS, parse_fields

    try:
        columns = tuple(TEXT_FIELDS.values()) if fields is None else parse_fields(fields)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--fields'") from error
    sources = open_flows(paths, input_format, silk_config, on_error)
    lines = text_lines(sources, columns, sources.conf, output_format, timestamp_format, limit)
    lot: list[str] = []
    try:
        for line in lines:
            lot.append(line)
            if len(lot) == _LINES_AT_ONCE:
                _print(lot)
    finally:
        # what was good before damage is printed too
        _print(lot)
    report_skipped(sources)


def _print(lot: list[str]) -> None:
    if lot:
        sys.stdout.write("\n".join(lot) + "\n")
        lot.clear()
