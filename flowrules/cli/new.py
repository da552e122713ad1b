"""``flowrules new``: a ruleset to start from, with metadata, a filter and a test that passes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

TLP: Final = ("clear", "green", "amber", "amber_strict", "red")

_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)

_TEMPLATE: Final = '''\
## What these rules find, for whom, and what they need: say it here.
ruleset {name} {{
    version   "0.1.0"
    title     "{title}"
    license   "{license}"
    tlp       {tlp}
    reference "{reference}"
}}

## A finished request to a web server outside: more packets than a handshake takes, and an acknowledgement.
filter web_request = outbound and tcp and flags has A and packets >= 4 and dport in (80, 443)

test "a finished request is seen; a mere attempt, an answer and other ports are not" {{
    flows """
    type | sip          | dip          | sport | dport | protocol | flags | packets | bytes
    out  | 192.0.2.10   | 198.51.100.1 | 50001 | 443   | 6        | SAPF  | 12      | 9000
    out  | 192.0.2.11   | 198.51.100.1 | 50002 | 443   | 6        | S     | 4       | 240
    in   | 198.51.100.1 | 192.0.2.10   | 443   | 50001 | 6        | SAPF  | 12      | 90000
    out  | 192.0.2.10   | 198.51.100.2 | 50003 | 25    | 6        | SAPF  | 12      | 9000
    """
    expect flows of web_request = 1
}}
'''


@click.command("new")
@click.argument("name", metavar="NAME")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="FOLDER",
    help="Where to write the file; the folder is made where it is missing.  [default: this folder]",
)
@click.option("--title", metavar="TEXT", help="The ruleset's title.  [default: from its name]")
@click.option("--license", default="CC0-1.0", show_default=True, metavar="SPDX", help="Its licence.")
@click.option(
    "--tlp", type=click.Choice(TLP), default="clear", show_default=True, help="With whom it may be shared."
)
@click.option(
    "--reference",
    default="say what these rules rest on: a report, an RFC, an incident",
    metavar="TEXT",
    help="What its rules rest on.",
)
def command(name: str, folder: Path, title: str | None, license: str, tlp: str, reference: str) -> int:
    """Write a ruleset to start from: NAME.frules, with its metadata, one filter and one test that passes.

    NAME is the ruleset's name, such as acme.scans, whose file is scans.frules. Nothing is overwritten.
    """
    from flowrules.model.resources import SUFFIX

    _check_name(name)
    last = name.rpartition(".")[2]
    text = _TEMPLATE.format(
        name=name,
        title=_quoted(title or last.replace("_", " ").capitalize()),
        license=_quoted(license),
        tlp=tlp,
        reference=_quoted(reference),
    )
    path = folder / f"{last}{SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{path} is there already, and is not overwritten") from None
    click.echo(f"wrote {path}")
    click.echo(f"try: flowrules test {path}")
    return 0


def _check_name(name: str) -> None:
    """Refuses what is no name of a ruleset, and the name of one that is installed."""
    from flowrules.model.resources import SUFFIX
    from flowrules.share.search import Search
    from flowrules.syntax.marks import RESERVED

    if not _NAME.fullmatch(name):
        near = re.sub(r"[^\w.]+", "_", name.removesuffix(SUFFIX), flags=re.ASCII).strip("._")
        hint = f"; write {near}" if _NAME.fullmatch(near) else ""
        raise click.UsageError(
            f"{name!r} is no name of a ruleset: letters, digits, _, and dots between{hint}"
        )
    if name.endswith(SUFFIX):
        raise click.UsageError(f"a ruleset's name has no {SUFFIX}; write {name.removesuffix(SUFFIX)}")
    if name.partition(".")[0] in RESERVED:
        raise click.UsageError(
            f"{name.partition('.')[0]} is a word of the language, so no name can begin with it"
        )
    if Search.from_environment().find_ruleset(name) is not None:
        raise click.UsageError(
            f"there is a ruleset {name} already; flowrules looks for both in the same places"
        )


def _quoted(text: str) -> str:
    """A text as it stands between double quotes."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
