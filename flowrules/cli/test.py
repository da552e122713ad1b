"""``flowrules test``: the tests inside rulesets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from flowrules.cli.ruleset_options import load_rulesets, wants_color

if TYPE_CHECKING:
    from flowrules.profile.testing import TestOutcome


@click.command("test")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, required=True)
@click.option(
    "-k", "--name", "pattern", metavar="TEXT", help="Run only the tests whose name holds this text."
)
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that pass, too.")
def command(rulesets: tuple[str, ...], pattern: str | None, verbose: bool) -> int:
    """Run the tests inside rulesets: their flows through the rules, their expectations against what comes out.

    Each runs alone with the parameters that it gives. Exit code 1 where one fails, 2 where the rulesets
    have no test.
    """
    from flowrules.profile.testing import run_test

    result = load_rulesets(rulesets, None, (), "test")
    wanted = [t for t in result.tests if pattern is None or pattern.lower() in t.name.lower()]
    if not wanted:
        which = "no test has such a name" if result.tests else "there are no tests"
        raise click.UsageError(which)
    outcomes = [run_test(t) for t in wanted]
    color = wants_color(sys.stdout)
    for outcome in outcomes:
        if verbose or not outcome.passed:
            click.echo("\n".join(_lines(outcome, color)), color=True if color else None)
    failed = sum(not o.passed for o in outcomes)
    click.echo(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _lines(outcome: TestOutcome, color: bool) -> list[str]:
    test = outcome.test
    mark, code = ("ok  ", "32") if outcome.passed else ("FAIL", "31")
    shown = f"\x1b[{code}m{mark}\x1b[0m" if color else mark
    path = test.span.path if test.span else ""
    lines = [f"{shown} {test.ruleset}: {test.name}"]
    return lines + [f"     {path}:{f.line}: {f.message}" for f in outcome.failures]
