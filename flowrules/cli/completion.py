"""``flowrules completion``: the script that teaches a shell to complete flowrules' command lines."""

from __future__ import annotations

import click


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash:  eval "$(flowrules completion bash)"                       in ~/.bashrc
    zsh:   eval "$(flowrules completion zsh)"                        in ~/.zshrc
    fish:  flowrules completion fish > ~/.config/fish/completions/flowrules.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from flowrules.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None  # click has the three that the argument allows
    # Not kind.source(): for bash it starts the shell to ask for its version.
    click.echo(ShellComplete.source(kind(cli, {}, "flowrules", "_FLOWRULES_COMPLETE")))
