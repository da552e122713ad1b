"""``flowrules state show``: what a state holds."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("show")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
def command(folder: Path, output_format: str) -> None:
    """Say what the state in DIR holds: of how many files, how much, and when it was last asked for."""
    import json

    from flowrules.engine.state.folder import State
    from flowrules.engine.state.survey import document, survey, text

    state = State.open(folder, make=False)
    found = survey(state)
    if output_format == "json":
        click.echo(json.dumps(document(found), indent=2))
    else:
        click.echo("\n".join(text(found)))
    for message in state.messages:
        click.echo(f"state: {message}", err=True)
