"""``flowrules state prune``: a state without what no run has asked for lately."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("prune")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--days",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    metavar="N",
    help="Keep what a run has asked for in the last N days; 0 keeps nothing.",
)
def command(folder: Path, days: int) -> int:
    """Remove what no run has asked for lately: parts of files that are gone and of rules that have changed.

    Results never depend on it: what is missing is counted again.
    """
    from flowrules.engine.state.folder import State
    from flowrules.engine.state.survey import size_text

    state = State.open(folder, make=False)
    pruned = state.prune(days)
    state.save()
    click.echo(f"{folder}: {size_text(pruned.bytes)} removed")
    if state.unwritable:
        click.echo(f"state: {state.unwritable}", err=True)
        return 3
    return 0
