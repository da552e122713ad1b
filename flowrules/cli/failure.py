"""What a command says, and the code that it exits with, when something goes wrong."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Final

import click

USAGE: Final = 2
DATA: Final = 3
FAULT: Final = 4
INTERRUPTED: Final = 130


EXPECTED: Final = (
    ("flowrules.translate.errors", "TranslationError", USAGE),
    ("flowrules.check.bindings", "BinderError", USAGE),
    ("flowrules.engine.errors", "DiskFull", DATA),
    ("flowrules.engine.errors", "LimitExceeded", USAGE),
    ("flowrules.flows.errors", "FlowFileError", DATA),
    ("flowrules.plan.missing", "MissingField", DATA),
    ("flowrules.engine.errors", "SumOverflow", DATA),
    ("flowrules.cluster.errors", "ClusterError", DATA),
)
"""Errors of ours that say all there is to say in one line: module, class and exit code."""


def report(error: Exception) -> int:
    """Say on standard error what went wrong and return the exit code that stands for it."""
    if isinstance(error, click.exceptions.Abort):
        _say("interrupted")
        return INTERRUPTED
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, click.ClickException):
        _say(_in_our_manner(error.format_message()))
        return USAGE
    if _is(error, "flowrules.syntax.diagnostics", "RulesetErrors"):
        _show_findings(error)
        return USAGE
    code = next((code for module, name, code in EXPECTED if _is(error, module, name)), None)
    if code is not None:
        _say(str(error))
        return code
    if isinstance(error, OSError):
        _say(_system(error))
        return DATA
    if isinstance(error, RecursionError):
        _say(
            "the rules are chained or nested too deeply (hint: let declarations name what they need directly)"
        )
        return USAGE
    if isinstance(error, MemoryError):
        _say("out of memory")
        return DATA
    return _fault(error)


def _show_findings(error: Exception) -> None:
    """The findings of a ``RulesetErrors`` with the lines that they speak of."""
    from flowrules.cli.ruleset_options import findings_text, wants_color
    from flowrules.syntax.diagnostics import RulesetErrors

    assert isinstance(error, RulesetErrors)
    color = wants_color(sys.stderr)
    click.echo(findings_text(error.diagnostics, error.sources, color), err=True, nl=False, color=color)


def _is(error: Exception, module: str, name: str) -> bool:
    """Whether ``error`` is of a class of ours; a module that is not loaded has raised nothing."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


def _say(message: str) -> None:
    color = False if os.environ.get("NO_COLOR") else None
    click.secho("error: ", fg="red", bold=True, nl=False, err=True, color=color)
    click.echo(message, err=True)


def _in_our_manner(message: str) -> str:
    """click's messages, as ours are: lower-case, without the full stop."""
    message = message.removesuffix(".")
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _usage(error: click.UsageError) -> int:
    if error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    _say(_in_our_manner(error.format_message()))
    if error.ctx is not None:
        click.echo(f"try '{error.ctx.command_path} --help'", err=True)
    return USAGE


def _system(error: OSError) -> str:
    """One line on what the operating system refused."""
    what = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    what = what[:1].lower() + what[1:]
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"cannot write: {what}"
    names = [str(n) for n in (error.filename, error.filename2) if n is not None]
    return f"{' -> '.join(names)}: {what}" if names else what


def _fault(error: Exception) -> int:
    if os.environ.get("FLOWRULES_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({Path(last[0].filename).name}:{last[0].lineno})" if last else ""
    what = " ".join(str(error).split())
    _say(f"this is a fault of flowrules: {type(error).__name__}{': ' if what else ''}{what}{place}")
    if not os.environ.get("FLOWRULES_DEBUG"):
        click.echo(
            "please report it with the command line and what it prints with FLOWRULES_DEBUG=1 set", err=True
        )
    return FAULT
