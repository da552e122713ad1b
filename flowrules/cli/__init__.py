"""The command: its options, and its subcommands, each loaded only when it is called for.

A subcommand is a module of this package that has ``command``, a click command whose function returns
its exit code (``None`` is 0) and lets errors through: ``cli.failure`` turns them into a line and a code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from flowrules import __version__

COMMANDS: Final[Mapping[str, str]] = {
    "run": "Profile a network: rulesets over flows, with the evidence.",
    "demo": "Make the sample network and profile it.",
    "cat": "Print flow records as text.",
    "inspect": "Say what is in flow files.",
    "convert": "Write flows or address sets in another format.",
    "new": "Write a ruleset to start from.",
    "check": "Report every error in rulesets.",
    "lint": "Report what can be proved or advised of rulesets.",
    "fmt": "Lay rulesets out in the one way.",
    "test": "Run the tests inside rulesets.",
    "explain": "Show the plan of a run, or why a host got its verdict.",
    "from": "Turn commands of other tools into a ruleset.",
    "state": "Show or shrink a folder of runs that remember.",
    "lsp": "Serve an editor: the language server.",
    "completion": "Print the completion script of a shell.",
}
"""The subcommands and one line on each, in the order in which ``--help`` lists them."""

FROM: Final[Mapping[str, str]] = {"silk": "Turn a pipeline of SiLK tools into a ruleset, or run it."}
"""What ``flowrules from`` understands."""

STATE: Final[Mapping[str, str]] = {
    "show": "Say what a state holds.",
    "prune": "Remove what no run has asked for lately.",
}
"""What ``flowrules state`` does."""

ALIASES: Final[Mapping[str, str]] = {
    "format": "fmt",
    "profile": "run",
    "rwcut": "cat",
    "rwfileinfo": "inspect",
    "rwfilter": "from silk",
    "silk": "from silk",
    "validate": "check",
}
"""Names that somebody may try, and what they mean here."""

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(click.Group):
    """Subcommands named with their help text, imported from ``flowrules.cli`` when one is called.

    ``prefix`` stands before the module's name: ``from silk`` is the module ``from_silk``.
    """

    def __init__(self, *args: Any, texts: Mapping[str, str], prefix: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.texts = texts
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self.texts)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand ``cmd_name``, imported now; ``None`` where there is no such name."""
        if cmd_name not in self.texts:
            return None
        if cmd_name in GROUPS and not self.prefix:
            return GROUPS[cmd_name]
        command: click.Command = import_module(f"flowrules.cli.{self.prefix}{cmd_name}").command
        command.short_help = self.texts[cmd_name]
        command.context_settings = {**CONTEXT, **command.context_settings}
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.texts.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a subcommand's name without importing any."""
        names = [CompletionItem(n, help=t) for n, t in self.texts.items() if n.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand that ``args`` start with; a usage error offers the nearest name."""
        name = args[0]
        if name in self.texts or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        nearest = ALIASES.get(name) if not self.prefix else None
        if nearest is None:
            nearest = next(iter(get_close_matches(name, self.texts, 1)), None)
        hint = f": did you mean '{nearest}'?" if nearest else f" (there are {', '.join(self.texts)})"
        raise click.UsageError(f"there is no command '{name}'{hint}", ctx)


def _set_color(ctx: click.Context, param: click.Parameter, value: str) -> None:
    # Whatever prints (rich among them) asks the environment, so that is where the choice goes.
    if value == "never":
        os.environ.pop("FORCE_COLOR", None)
        os.environ["NO_COLOR"] = "1"
    elif value == "always":
        os.environ.pop("NO_COLOR", None)
        os.environ["FORCE_COLOR"] = "1"


@click.group(cls=LazyGroup, texts=COMMANDS, context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="flowrules", message="%(prog)s %(version)s")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    expose_value=False,
    callback=_set_color,
    help="Colours: auto is on a terminal, unless NO_COLOR is set.",
)
@click.pass_context
def cli(ctx: click.Context) -> int | None:
    """Profile networks from flow records, by rules that one can read.

    Exit codes: 0 fine, 1 findings or failed tests, 2 wrong usage or a broken ruleset or site file,
    3 data that cannot be read or written, 4 a fault of flowrules.
    """
    return _help_if_bare(ctx)


@click.group(
    "from",
    cls=LazyGroup,
    texts=FROM,
    prefix="from_",
    context_settings=CONTEXT,
    invoke_without_command=True,
    short_help=COMMANDS["from"],
)
@click.pass_context
def from_group(ctx: click.Context) -> int | None:
    """Turn commands of other tools into a ruleset."""
    return _help_if_bare(ctx)


@click.group(
    "state",
    cls=LazyGroup,
    texts=STATE,
    prefix="state_",
    context_settings=CONTEXT,
    invoke_without_command=True,
    short_help=COMMANDS["state"],
)
@click.pass_context
def state_group(ctx: click.Context) -> int | None:
    """Show or shrink the folder that 'flowrules run --state' keeps."""
    return _help_if_bare(ctx)


GROUPS: Final[Mapping[str, click.Group]] = {"from": from_group, "state": state_group}
"""The subcommands that have subcommands of their own."""


def _help_if_bare(ctx: click.Context) -> int | None:
    """Show the help where no subcommand is named: that is no use of the command, so the code is 2."""
    if ctx.invoked_subcommand is not None:
        return None
    click.echo(ctx.get_help(), err=True)
    return 2


def execute(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` (without the program's name) and return its exit code.

    Lets every error through, click's own included.
    """
    complete = os.environ.get("_FLOWRULES_COMPLETE")
    if complete:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "flowrules", "_FLOWRULES_COMPLETE", complete)
    try:
        with cli.make_context("flowrules", list(arguments)) as context:
            result = cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return result if isinstance(result, int) else 0
