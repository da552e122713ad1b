"""``flowrules demo``: the sample network, made and profiled."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from flowrules.cli.report_output import print_profile, report_options
from flowrules.cli.ruleset_options import load_rulesets
from flowrules.cli.run import run_profile

RULESETS = ("sei.web_clients", "sei.email")


@click.command("demo")
@click.option(
    "--scale",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="How much of the traffic to make: 0.01 is enough to look around.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Another seed than the documented one.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave the flows, the site file, sets and maps there.",
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: one for each core.")
@report_options
def command(
    scale: float,
    seed: int | None,
    keep: Path | None,
    threads: int | None,
    output_format: str,
    output: Path | None,
    limit: int,
    sets_folder: Path | None,
    fail_on: str | None,
) -> int:
    """Make the sample network and profile it with the shipped rulesets.

    The network is synthetic: its traffic gives the numbers of sections 5.2 and 5.3 of CMU/SEI-2012-TR-006.
    """
    from flowrules.flows.sample import SEED, sample_source, write_sample
    from flowrules.flows.silk_conf import read_silk_conf

    chosen = SEED if seed is None else seed
    with TemporaryDirectory(prefix="flowrules-demo-") as temporary:
        folder = Path(temporary) if keep is None else keep
        if keep is None:
            from flowrules.flows.sample import SAMPLE_NETWORK

            SAMPLE_NETWORK.write_files(folder)
            sources = [sample_source(scale, chosen)]
        else:
            from flowrules.cli.progress import progress_bar
            from flowrules.flows.sources import open_sources

            with progress_bar("writing flows") as progress:
                told = None if progress is None else (lambda done, total: progress(done))
                flows = write_sample(folder, scale, chosen, told)
            sources = list(open_sources([flows]))
        result = load_rulesets(RULESETS, folder / "site.yaml", (), "run")
        assert result.program is not None
        profile = run_profile(result.program, sources, read_silk_conf(folder / "silk.conf"), threads)
    if keep is not None:
        click.echo(
            f"the sample network is in {keep}: sample.rw, site.yaml, silk.conf, sets and maps", err=True
        )
    return print_profile(profile, output_format, output, limit, sets_folder, fail_on)
