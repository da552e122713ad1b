"""``flowrules test``: the tests inside rulesets and beside them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrules.cli.completing import rulesets
from flowrules.cli.report_output import writable
from flowrules.cli.ruleset_options import load_rulesets, wants_color

if TYPE_CHECKING:
    from flowrules.check.check import CheckResult
    from flowrules.model.program import TestDeclaration
    from flowrules.testing.coverage import Coverage
    from flowrules.testing.mutation import Mutation
    from flowrules.testing.running import Outcome


@click.command("test")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, required=True, shell_complete=rulesets)
@click.option(
    "-k", "--name", "pattern", metavar="TEXT", help="Run only the tests whose name holds this text."
)
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that pass, too.")
@click.option("--coverage", "with_coverage", is_flag=True, help="Say what no test reaches, on each side.")
@click.option("--mutate", "with_mutants", is_flag=True, help="Change the rules and say what no test notices.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 1 where coverage, or the share of changes noticed, is less.",
)
@click.option(
    "--generate",
    "rule",
    metavar="RULE",
    help="Write tests of a filter at its boundaries to standard output, and run nothing.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    metavar="FILE",
    help="Write the outcomes as JUnit XML too.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    rulesets: tuple[str, ...],
    pattern: str | None,
    verbose: bool,
    with_coverage: bool,
    with_mutants: bool,
    fail_under: float | None,
    rule: str | None,
    junit: Path | None,
    form: str,
) -> int:
    """Run the tests inside rulesets: their flows through the rules, their expectations against what comes out.

    Tests in a file x_test.frules beside x.frules are run with it. Each test runs alone with the
    parameters that it gives. Exit code 1 where one fails, 2 where the rulesets have no test.
    """
    if fail_under is not None and not (with_coverage or with_mutants):
        raise click.UsageError("--fail-under says how much --coverage or --mutate must give: add one of them")
    result = load_rulesets(rulesets, None, (), "test")
    if rule is not None:
        return _generate(result, rule)
    from flowrules.testing.running import run_test

    wanted = [t for t in result.tests if pattern is None or pattern.lower() in t.name.lower()]
    if not wanted:
        which = "no test has such a name" if result.tests else "there are no tests"
        raise click.UsageError(which)
    outcomes = [run_test(test) for test in wanted]
    if junit is not None:
        from flowrules.flows.atomic import whole_file
        from flowrules.testing.junit import junit_report

        with whole_file(junit) as file:
            file.write(junit_report(outcomes).encode())
    coverage = _coverage(result, outcomes) if with_coverage else None
    mutation = _mutation(result, outcomes) if with_mutants else None
    if form == "json":
        from flowrules.testing.outcome_json import outcomes_json

        click.echo(outcomes_json(outcomes, coverage, mutation), nl=False)
    else:
        _print(outcomes, coverage, mutation, verbose)
    if any(o.state == "failed" for o in outcomes):
        return 1
    shares = [100 * s.share for s in (coverage, mutation) if s is not None]
    return 1 if fail_under is not None and min(shares) < fail_under else 0


def _asked(result: CheckResult) -> frozenset[str]:
    """The rulesets that were asked for."""
    assert result.program is not None
    return frozenset(name for name, ruleset in result.program.rulesets.items() if ruleset.shown)


def _coverage(result: CheckResult, outcomes: Sequence[Outcome]) -> Coverage:
    from flowrules.testing.coverage import coverage_of

    assert result.program is not None
    return coverage_of(result.program, [o.test for o in outcomes], _asked(result))


def _mutation(result: CheckResult, outcomes: Sequence[Outcome]) -> Mutation:
    from flowrules.cli.progress import progress_bar
    from flowrules.testing.mutation import every_mutant, mutate

    assert result.program is not None
    passing = [o.test for o in outcomes if o.passed]
    mutants = every_mutant(result.program, passing, _asked(result))
    with progress_bar("changing rules", len(mutants)) as progress:
        return mutate(mutants, passing, progress)


def _generate(result: CheckResult, rule: str) -> int:
    """Print tests of a filter; say on standard error what they leave out."""
    from difflib import get_close_matches

    from flowrules.testing.generating import written_tests

    assert result.program is not None
    filters = result.program.filters
    found = [d for name, d in filters.items() if rule in (name, d.short, name.replace(":", "."))]
    found = [d for d in found if result.program.rulesets[d.ruleset].shown] or found
    if not found:
        near = get_close_matches(rule, [d.short for d in filters.values()], 1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise click.UsageError(f"no filter is called {rule}{hint}")
    if len(found) > 1:
        meant = " and ".join(d.name.replace(":", ".") for d in found)
        raise click.UsageError(f"{rule} is {meant}: say which")
    names = {t.name for t in result.tests}
    text, omitted = written_tests(
        result.program, found[0], lambda t: _as_if(result, found[0].ruleset, t), names
    )
    for what in omitted:
        click.echo(f"left out: {what}", err=True)
    click.echo(text, nl=False)
    return 0 if text else 1


def _as_if(result: CheckResult, ruleset: str, text: str) -> list[TestDeclaration]:
    """The tests of a text, checked as if they stood at the end of a ruleset's file."""
    from flowrules.check.check import check
    from flowrules.model.source_text import SourceText
    from flowrules.share.parameter_files import ParameterFiles
    from flowrules.share.search import Search
    from flowrules.syntax.diagnostics import RulesetErrors

    assert result.program is not None
    source = result.sources[result.program.rulesets[ruleset].path]
    roots = [SourceText(source.path, f"{source.text}\n{text}")]
    search = Search.from_environment()
    again = check(roots, search.find_ruleset, None, ParameterFiles(), "test", search.names)
    if again.program is None:
        raise RulesetErrors(again.diagnostics, again.sources)
    lines = source.text.count("\n")
    return [t for t in again.tests if t.span is not None and t.span.line > lines]


# ---- as text ----------------------------------------------------------------------------------------


def _print(
    outcomes: Sequence[Outcome], coverage: Coverage | None, mutation: Mutation | None, verbose: bool
) -> None:
    from flowrules.testing.text import coverage_lines, mutation_lines, outcome_lines, summary

    color = wants_color(sys.stdout)
    lines = [line for o in outcomes for line in outcome_lines(o, verbose, color)]
    lines.append(summary(outcomes))
    if coverage is not None:
        lines += ["", *coverage_lines(coverage, color)]
    if mutation is not None:
        lines += ["", *mutation_lines(mutation, color)]
    click.echo("\n".join(lines), color=True if color else None)
