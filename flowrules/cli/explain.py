"""``flowrules explain``: the plan of a run, why a host got its verdict, what a code means."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from flowrules.cli.completing import codes, files, rulesets
from flowrules.cli.flow_options import flow_options, open_flows, report_skipped
from flowrules.cli.ruleset_options import (
    load_rulesets,
    refuse_one_input_for_both,
    ruleset_options,
    wants_color,
)

if TYPE_CHECKING:
    from flowrules.flows.sources import FlowSources
    from flowrules.model.program import Program
    from flowrules.plan.plan import Plan


@click.group("explain")
def command() -> None:
    """Show the plan of a run, why a host got its verdict and why not another, or what a code means."""


@command.command("plan")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, required=True, shell_complete=rulesets)
@click.option(
    "--flows",
    "paths",
    metavar="PATH",
    shell_complete=files,
    multiple=True,
    help="Flows, for the fields that they have.",
)
@click.option(
    "--profile", is_flag=True, help="Run it, on one thread, and say what each step took (needs --flows)."
)
@ruleset_options
@flow_options
def plan_command(
    rulesets: tuple[str, ...],
    paths: tuple[str, ...],
    profile: bool,
    site: Path | None,
    settings: tuple[str, ...],
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
) -> None:
    """Show how rulesets would be evaluated: scans, columns, shared predicates, what is deferred.

    With --profile they are evaluated, and tables say how many rows each column, predicate and group had, what it
    took, and what was estimated. The results of the rules are not shown: that is what run is for.
    """
    from flowrules.engine.direction import decide
    from flowrules.plan.explain import explain
    from flowrules.plan.missing import Fields
    from flowrules.plan.planner import make_plan

    refuse_one_input_for_both(rulesets, paths)
    result = load_rulesets(rulesets, site, settings, "run" if paths else "check")
    program = result.program
    assert program is not None
    if not paths:
        if profile:
            raise click.UsageError("--profile evaluates the rules: say with --flows over which flows")
        click.echo(explain(make_plan(program)), nl=False)
        return
    sources = open_flows(paths, input_format, silk_config, on_error)
    fields = Fields([(s.path, s.fields) for s in sources], program.assume)
    by = decide(program.direction, sources, program.internal is not None, program.assume, conf=sources.conf)
    plan = make_plan(program, None, fields, by)
    click.echo(explain(plan), nl=False)
    _print_skipping(program, plan, sources, by)
    if profile:
        _print_profile(program, plan, sources)


def _print_skipping(program: Program, plan: Plan, sources: FlowSources, by: str) -> None:
    """Say what the bounds of segments spare the first scan, where the flows have such."""
    from flowrules.engine.skipping import skipping

    for found in skipping(plan, program, sources, by, sources.conf):
        click.echo(
            f"\n{found.path}: bounds leave out {found.skipped:,} of {found.zones:,} segments, with "
            f"{found.skipped_records:,} of {found.records:,} records, in scan 1"
        )
        read = [f"{name} in {count:,}" for name, count in found.columns.items() if count]
        known = [name for name, count in found.columns.items() if not count]
        click.echo(f"  segments that columns are read in: {', '.join(read) or 'none'}")
        if known:
            click.echo(f"  known without reading: {', '.join(known)}")


def _print_profile(program: Program, plan: Plan, sources: FlowSources) -> None:
    """Run a plan, watched, and print what each step took."""
    from flowrules.cli.progress import progress_bar
    from flowrules.engine.run import run
    from flowrules.engine.watch import Recording
    from flowrules.report.plan_profile import profile_blocks
    from flowrules.report.text_report import text_report

    watch = Recording()
    with progress_bar("reading flows") as progress:
        run(program, sources, conf=sources.conf, progress=progress, watch=watch)
    report_skipped(sources)
    color = wants_color(sys.stdout)
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo()
    click.echo(text_report(profile_blocks(plan, watch.scans), color, width), nl=False, color=color or None)


@command.command("host")
@click.argument("host", metavar="ADDRESS")
@click.argument("rulesets", metavar="[RULESET]...", nargs=-1, shell_complete=rulesets)
@click.option(
    "--flows",
    "paths",
    metavar="PATH",
    shell_complete=files,
    multiple=True,
    help="A flow file, a folder, a glob or - (default: the demo's).",
)
@ruleset_options
@flow_options
@click.option("--scale", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="Of the demo's flows.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: one for each core.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def host_command(
    host: str,
    rulesets: tuple[str, ...],
    paths: tuple[str, ...],
    site: Path | None,
    settings: tuple[str, ...],
    input_format: str | None,
    silk_config: Path | None,
    on_error: str,
    scale: float,
    threads: int | None,
    output_format: str,
) -> int:
    """Say why a host got its verdict, and why not another: every condition with the numbers that it saw.

    Without --flows the sample network is meant, and the shipped rulesets where none is named.
    """
    from tempfile import TemporaryDirectory

    from flowrules.cli.run import run_profile
    from flowrules.flows.sample import SAMPLE_NETWORK, sample_source
    from flowrules.flows.silk_conf import read_silk_conf
    from flowrules.model.address_text import AddressError, parse_address
    from flowrules.report.host_report import host_json_report, host_report

    try:
        number = parse_address(host)
    except AddressError as error:
        raise click.UsageError(str(error)) from None
    rulesets = rulesets or ("sei.web_clients", "sei.email")
    refuse_one_input_for_both(rulesets, paths)
    if paths:
        result = load_rulesets(rulesets, site, settings, "run")
        sources = open_flows(paths, input_format, silk_config, on_error)
        assert result.program is not None
        profile = run_profile(result.program, sources, sources.conf, threads)
        report_skipped(sources)
    else:
        with TemporaryDirectory(prefix="flowrules-demo-") as temporary:
            folder = Path(temporary)
            SAMPLE_NETWORK.write_files(folder)
            result = load_rulesets(rulesets, site or folder / "site.yaml", settings, "run")
            assert result.program is not None
            conf = read_silk_conf(folder / "silk.conf")
            profile = run_profile(result.program, [sample_source(scale)], conf, threads)
    if output_format == "json":
        document, found = host_json_report(profile, number)
        click.echo(document, nl=False)
        return 0 if found else 1

    width = get_terminal_size().columns if sys.stdout.isatty() else None
    text, found = host_report(profile, number, wants_color(sys.stdout), width)
    click.echo(text, nl=False, color=True if wants_color(sys.stdout) else None)
    return 0 if found else 1


@command.command("code")
@click.argument("code", metavar="CODE", shell_complete=codes)
def code_command(code: str) -> None:
    """Show what a finding's code means: what, why, a bad and a good example."""
    from difflib import get_close_matches

    from flowrules.lint.pages import code_page, known_codes

    wanted = code.upper() if code.upper().startswith("FR") else code
    page = code_page(wanted)
    if page is None:
        near = get_close_matches(wanted, known_codes(), 1)
        raise click.UsageError(f"there is no code {code}" + (f": did you mean {near[0]}?" if near else ""))
    click.echo(page, nl=False)
