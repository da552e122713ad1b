"""``flowrules lsp``: the language server, on standard input and output."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import click


@click.command("lsp")
@click.option(
    "--site",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The site file that binds parameters, so that their values are shown.",
)
@click.option("--stdio", is_flag=True, help="Speak over standard input and output; nothing else is spoken.")
def command(site: Path | None, stdio: bool) -> int:
    """Serve an editor: errors as one types, hover, completion, definitions, renaming, layout.

    An editor starts it; editors/vscode is one that does. It needs the extra lsp: pip install 'flowrules[lsp]'.
    """
    if find_spec("pygls") is None:
        raise click.ClickException("the language server needs pygls: pip install 'flowrules[lsp]'")
    from flowrules.lsp.server import serve

    # Only the server writes to standard output; whatever else is printed goes to standard error.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output, redirect_stdout(sys.stderr):
        return 0 if serve(site, sys.stdin.buffer, output) else 1
