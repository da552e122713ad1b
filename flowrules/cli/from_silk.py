"""``flowrules from silk``: pipelines of SiLK tools as a ruleset, or what they would print."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowrules.cli.completing import files
from flowrules.cli.report_output import writable


@click.command("silk")
@click.argument("pipeline", metavar="PIPELINE|FILE|-", shell_complete=files)
@click.option(
    "--run", "evaluate", is_flag=True, help="Evaluate the ruleset and print what the last tool would print."
)
@click.option(
    "--flows",
    "paths",
    metavar="PATH",
    shell_complete=files,
    multiple=True,
    help="With --run: these flows instead of the files that the pipeline names.",
)
@click.option(
    "--silk-config",
    type=click.Path(path_type=Path),
    help="The silk.conf that names sensors, classes and types.",
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: one for each core.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    metavar="PATH",
    help="Write to a file, which appears whole or not at all.",
)
def command(
    pipeline: str,
    evaluate: bool,
    paths: tuple[str, ...],
    silk_config: Path | None,
    threads: int | None,
    output: Path | None,
) -> None:
    """Turn a pipeline of rwfilter, rwset, rwsetbuild, rwsettool, rwsetcat, rwstats, rwuniq, rwcount, rwbag,
    rwbagtool, rwbagcat and rwcut into a ruleset.

    PIPELINE is the text itself, a file that holds one or several pipelines joined by set files, or - for
    standard input. A switch that cannot be said is an error that names it.
    """
    from flowrules.flows.silk_conf import find_silk_conf
    from flowrules.translate.run import map_kind, map_name, output_lines, silk_paths
    from flowrules.translate.translation import translate

    script = _script(pipeline)
    conf = find_silk_conf(silk_config, paths or silk_paths(script))
    translation = translate(script, conf, map_kind, map_name)
    if not evaluate:
        _write([translation.text.rstrip("\n")], output)
        return
    _write(output_lines(translation, paths or translation.inputs, conf, silk_config, threads), output)


def _script(pipeline: str) -> str:
    if pipeline == "-":
        return sys.stdin.read()
    if "|" not in pipeline and " " not in pipeline.strip():
        path = Path(pipeline)
        if path.is_file():
            return path.read_text(encoding="utf-8")
        if not pipeline.startswith("rw"):
            from flowrules.flows.errors import FlowFileError

            raise FlowFileError(pipeline, "no such file", expected="a pipeline, a file that holds one, or -")
    return pipeline


def _write(lines: object, output: Path | None) -> None:
    from collections.abc import Iterable

    assert isinstance(lines, Iterable)
    if output is None:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        return
    from flowrules.flows.atomic import whole_file

    with whole_file(output) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
