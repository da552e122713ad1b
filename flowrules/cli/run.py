"""``flowrules run``: rulesets over flows, with the evidence."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrules.cli.completing import files, rulesets
from flowrules.cli.flow_options import flow_options, open_flows, report_skipped
from flowrules.cli.report_output import print_profile, report_options
from flowrules.cli.ruleset_options import load_rulesets, refuse_one_input_for_both, ruleset_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrules.engine.stage import Executor
    from flowrules.flows.silk_conf import SilkConf
    from flowrules.flows.table import FlowSource
    from flowrules.model.program import Program
    from flowrules.profile.findings import NetworkProfile


@click.command("run")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, required=True, shell_complete=rulesets)
@click.option(
    "--flows",
    "paths",
    metavar="PATH",
    shell_complete=files,
    multiple=True,
    required=True,
    help="A flow file, a folder, a glob, a URL or - for standard input; may stand several times.",
)
@ruleset_options
@flow_options
@click.option(
    "--previous",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Earlier results (--format json), for previous(…).",
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: one for each core.")
@click.option(
    "--kernels",
    type=click.Choice(["auto", "numpy", "compiled"]),
    default="auto",
    show_default=True,
    envvar="FLOWRULES_KERNELS",
    show_envvar=True,
    help="What does the work on rows: the results are the same. auto: compiled for very large runs, where "
    "the extra is installed.",
)
@click.option(
    "--state",
    "state_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep what is counted of each file here, and read only new and changed files the next time.",
)
@click.option(
    "--engine",
    type=click.Choice(["threads", "dask"]),
    default="threads",
    show_default=True,
    help="What reads the flows: threads of this process, or the workers of a Dask cluster.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="The cluster's scheduler (tcp://HOST:8786); without one, workers are started here.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Processes to start here. Default: one for each core.",
)
@report_options
def command(
    rulesets: tuple[str, ...],
    paths: tuple[str, ...],
    site: Path | None,
    settings: tuple[str, ...],
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
    previous: Path | None,
    threads: int | None,
    kernels: str,
    state_folder: Path | None,
    engine: str,
    scheduler: str | None,
    workers: int | None,
    output_format: str,
    output: Path | None,
    limit: int,
    sets_folder: Path | None,
    fail_on: str | None,
) -> int:
    """Profile a network: check rulesets, read the flows, print what was found and why.

    RULESET is a file, a folder, - for standard input, or the name of a shipped or installed ruleset,
    such as sei.web_clients.
    """
    refuse_one_input_for_both(rulesets, paths)
    _refuse_what_does_not_go_together(engine, scheduler, workers, threads)
    result = load_rulesets(rulesets, site, settings, "run")
    assert result.program is not None
    sources = open_flows(paths, input_format, silk_config, on_error)
    with ExitStack() as stack:
        executor = None
        if engine == "dask":
            from flowrules.cluster.connecting import cluster

            executor = stack.enter_context(cluster(scheduler, workers))
        profile = run_profile(
            result.program, sources, sources.conf, threads, previous, state_folder, kernels, executor
        )
    report_skipped(sources)
    return print_profile(profile, output_format, output, limit, sets_folder, fail_on)


def _refuse_what_does_not_go_together(
    engine: str, scheduler: str | None, workers: int | None, threads: int | None
) -> None:
    for option, given in (("--scheduler", scheduler), ("--workers", workers)):
        if given is not None and engine != "dask":
            raise click.UsageError(f"{option} needs --engine dask")
    if scheduler is not None and workers is not None:
        raise click.UsageError(
            "--workers starts processes here, and --scheduler names a cluster that has its own"
        )
    if threads is not None and engine == "dask":
        raise click.UsageError(
            "--threads is for threads of this process: the workers of a cluster have their own"
        )


def run_profile(
    program: Program,
    sources: Sequence[FlowSource],
    conf: SilkConf,
    threads: int | None = None,
    previous: Path | None = None,
    state_folder: Path | None = None,
    kernels: str = "numpy",
    executor: Executor | None = None,
) -> NetworkProfile:
    """Run a checked program over flows and explain what was found.

    ``state_folder`` spares files read before; an ``executor`` carries out the scans in place of threads.
    """
    from flowrules.cli.progress import progress_bar
    from flowrules.engine.kernels import use
    from flowrules.engine.kernels.choice import choose
    from flowrules.engine.run import run
    from flowrules.profile.build import build
    from flowrules.profile.previous import read_previous

    chosen = choose(kernels, sources)
    if chosen.note is not None:
        click.echo(chosen.note, err=True)
    use(chosen.kernels)
    earlier = None if previous is None else read_previous(previous, program)
    state = None
    if state_folder is not None:
        from flowrules.engine.state.folder import State

        state = State.open(state_folder)
    with progress_bar("reading flows") as progress:
        results = run(
            program,
            sources,
            conf=conf,
            threads=threads,
            progress=progress,
            previous=earlier,
            state=state,
            executor=executor,
        )
    for message in [] if state is None else state.messages:
        click.echo(f"state: {message}", err=True)
    return build(program, results, earlier)
