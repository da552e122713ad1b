"""The options that name flows, the same in every command that reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from flowrules.flows.sources import FlowSources

Command = TypeVar("Command", bound=Callable[..., Any])


def flow_options(command: Command) -> Command:
    """``--input-format``, ``--silk-config`` and ``--on-error``, under the names of ``open_flows``' arguments."""
    for option in (
        click.option(
            "--on-error",
            type=click.Choice(["fail", "skip"]),
            default="fail",
            show_default=True,
            help="What to do with flow files that cannot be read; skip reports what it leaves out.",
        ),
        click.option(
            "--silk-config",
            type=click.Path(path_type=Path),
            help="The silk.conf that names sensors, classes and types.",
        ),
        click.option(
            "--input-format",
            type=click.Choice(["silk", "store", "parquet", "arrow", "rwcut", "csv"]),
            help="Take the flows to be of this format instead of looking.",
        ),
    ):
        command = option(command)
    return command


def open_flows(
    paths: tuple[str, ...], input_format: str | None, silk_config: Path | None, on_error: str
) -> FlowSources:
    """The sources that a command's arguments name; raises as ``flows.sources.open_sources`` does."""
    from flowrules.flows.sources import open_sources

    return open_sources(paths, input_format, silk_config, on_error="skip" if on_error == "skip" else "fail")


def report_skipped(sources: FlowSources) -> None:
    """Say on standard error which files were left out because they could not be read.

    Side files of a folder are not worth a line.
    """
    for skipped in sources.skipped:
        if not skipped.side_file:
            click.echo(f"left out: {skipped.path}: {skipped.reason}", err=True)
