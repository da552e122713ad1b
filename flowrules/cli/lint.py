"""``flowrules lint``: what can be proved of rulesets, and what is better written otherwise; for people and for CI."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowrules.cli.completing import codes, rulesets
from flowrules.cli.ruleset_options import ruleset_options, wants_color

if TYPE_CHECKING:
    from flowrules.lint.registry import Loaded
    from flowrules.lint.run import LintResult, Surroundings
    from flowrules.lint.settings import Settings
    from flowrules.model.source_text import SourceText
    from flowrules.syntax.diagnostics import Diagnostic

FINDINGS: Final = 1
BROKEN: Final = 2
FAULT: Final = 4

_FORMATS: Final = ("text", "concise", "json", "sarif", "github", "gitlab", "junit")
_SEVERITIES: Final = ("info", "notice", "warning", "error")


@click.command("lint")
@click.argument("rulesets", metavar="RULESET...", nargs=-1, shell_complete=rulesets)
@ruleset_options
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="text shows the lines at fault; sarif, github, gitlab and junit are what CI systems read.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the findings there.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    help="The mildest finding that makes the exit code 1.  [default: info]",
)
@click.option(
    "--select",
    multiple=True,
    metavar="CODE",
    shell_complete=codes,
    help="Ask only these rules, by code, name or family (FR3).",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="CODE",
    shell_complete=codes,
    help="Leave these rules out, by code, name or family.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Report only what this file does not know: code, declaration and text, never the line.",
)
@click.option(
    "--write-baseline", is_flag=True, help="Write what is found to the baseline instead of reporting it."
)
@click.option("--fix", is_flag=True, help="Put right what can be without changing the meaning.")
@click.option("--fix-unsafe", is_flag=True, help="Put right what can be, even where the meaning changes.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The settings: flowrules.toml or pyproject.toml.  [default: the nearest one]",
)
@click.option("--today", metavar="DATE", help="The date that @review is compared with.  [default: today]")
@click.option("--rules", "list_rules", is_flag=True, help="List the rules.")
def command(
    rulesets: tuple[str, ...],
    site: Path | None,
    settings: tuple[str, ...],
    form: str,
    output: Path | None,
    fail_on: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    baseline: Path | None,
    write_baseline: bool,
    fix: bool,
    fix_unsafe: bool,
    diff: bool,
    config: Path | None,
    today: str | None,
    list_rules: bool,
) -> int:
    """Report what can be proved or advised of rulesets: filters that match nothing, verdicts that are never
    given, names that nobody uses, addresses that should not leave the house.

    Parameters stand for any value that a site may bind. Exit codes: 0 nothing found, 1 findings, 2 a ruleset with
    errors or settings that are not understood, 4 a rule that failed.
    """
    from flowrules.lint.registry import RuleError, all_rules
    from flowrules.model.collector import collector_held_off

    try:
        rules = all_rules()
    except RuleError as error:
        click.secho(f"error: {error}", err=True)
        return FAULT
    if list_rules:
        _list(rules)
        return 0
    if not rulesets:
        raise click.UsageError("name a RULESET: a file, a folder, - or a shipped ruleset")
    configured = _settings(config, rules, rulesets)
    chosen = _chosen(rules, select, ignore)
    roots, faults, around = _surroundings(rulesets, site, settings)
    with collector_held_off():
        result = _lint(roots, faults, chosen, configured, around, _date(today))
        if fix or fix_unsafe or diff:
            result = _fix(result, roots, faults, chosen, configured, around, _date(today), fix_unsafe, diff)
        # trees and formulas hold no cycles, and stay until the end: nobody need ever look through them
        gc.freeze()
    known = baseline if baseline is not None else configured.baseline
    result, written = _against_baseline(result, known, baseline is not None, write_baseline)
    if not written and not diff:
        _print(result, form, output)
    return _exit_code(result, fail_on or configured.fail_on, written)


def _exit_code(result: LintResult, fail_on: str, written: bool) -> int:
    from flowrules.lint.run import fails

    for failure in result.failures:
        click.secho(
            f"error: this is a fault of {failure.origin}: the rule {failure.code} failed: {failure.error}",
            err=True,
        )
    if result.failures:
        return FAULT
    if result.errors:
        return BROKEN
    return FINDINGS if fails(result, fail_on) and not written else 0


# ---- what is asked --------------------------------------------------------------------------------------


def _list(rules: Sequence[Loaded]) -> None:
    for loaded in rules:
        rule = loaded.rule
        what = (rule.__doc__ or "").strip().partition("\n")[0]
        severity = "off" if rule.off_by_default else rule.severity
        click.echo(f"{rule.code}  {rule.name:<26} {severity:<8} {what}")


def _settings(config: Path | None, rules: Sequence[Loaded], rulesets: Sequence[str]) -> Settings:
    from flowrules.lint.pages import known_codes, page_of
    from flowrules.lint.settings import Settings, SettingsError, find_settings, load_settings

    path = config if config is not None else find_settings(_folder(rulesets))
    if path is None:
        return Settings()
    known = {r.rule.code: r.rule.name for r in rules}
    for code in known_codes():
        page = page_of(code)
        if page is not None:
            known.setdefault(code, page.name)
    try:
        return load_settings(path, known)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _folder(rulesets: Sequence[str]) -> Path:
    first = Path(rulesets[0])
    if first.is_dir():
        return first.resolve()
    return first.resolve().parent if first.is_file() else Path.cwd()


def _chosen(rules: Sequence[Loaded], select: Sequence[str], ignore: Sequence[str]) -> list[Loaded]:
    def named(loaded: Loaded, word: str) -> bool:
        code = loaded.rule.code
        return (
            word == loaded.rule.name
            or code == word.upper()
            or (word[-1:].isdigit() and code.startswith(word.upper()))
        )

    for word in (*select, *ignore):
        if not any(named(r, word) for r in rules):
            raise click.UsageError(f"there is no rule {word} (flowrules lint --rules lists them)")
    return [
        r
        for r in rules
        if (not select or any(named(r, w) for w in select)) and not any(named(r, w) for w in ignore)
    ]


def _date(text: str | None) -> date:
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--today is a date such as 2026-01-31, not {text}") from None


def _surroundings(
    rulesets: Sequence[str], site: Path | None, settings: Sequence[str]
) -> tuple[list[SourceText], list[Diagnostic], Surroundings]:
    from flowrules.lint.run import Surroundings
    from flowrules.share.binding import bind
    from flowrules.share.parameter_files import ParameterFiles
    from flowrules.share.search import Search
    from flowrules.share.site import Site, load_site

    search = Search.from_environment()
    roots, faults = search.resolve_arguments(rulesets, sys.stdin.buffer.read)
    binder = ParameterFiles()
    bindings = bind(Site() if site is None else load_site(site), settings, binder)
    return roots, list(faults), Surroundings(search.find_ruleset, search.names, bindings, binder)


def _lint(
    roots: Sequence[SourceText],
    faults: Iterable[Diagnostic],
    rules: Sequence[Loaded],
    settings: Settings,
    around: Surroundings,
    today: date,
) -> LintResult:
    import attrs

    from flowrules.lint.finding import Finding
    from flowrules.lint.run import lint

    result = lint(roots, rules, settings, around, today)
    lost = [Finding(d) for d in faults]
    if not lost:
        return result
    return attrs.evolve(result, findings=(*lost, *result.findings), errors=True)


# ---- putting right --------------------------------------------------------------------------------------


def _fix(
    result: LintResult,
    roots: Sequence[SourceText],
    faults: Sequence[Diagnostic],
    rules: Sequence[Loaded],
    settings: Settings,
    around: Surroundings,
    today: date,
    unsafe: bool,
    diff: bool,
) -> LintResult:
    """Mend what can be, again and again until nothing is left to mend; ``diff`` shows it and writes nothing."""
    import attrs

    from flowrules.check.check import check
    from flowrules.lint.fixes import apply_fixes
    from flowrules.model.source_text import SourceText

    own = [r for r in roots if r.path != "-" and Path(r.path).is_file()]
    before = {r.path: r.text for r in own}
    current = dict(before)
    others = [r for r in roots if r.path not in before]

    def sources(texts: Mapping[str, str]) -> list[SourceText]:
        return [SourceText(path, text) for path, text in texts.items()] + others

    def is_sound(texts: Mapping[str, str]) -> bool:
        found = check(
            sources(texts), around.finder, around.bindings, around.binder, "check", around.known_rulesets
        )
        return found.program is not None

    mended = 0
    for _ in range(10):
        fixed = apply_fixes(result.findings, current, unsafe, is_sound)
        if not fixed.texts:
            break
        mended += len(fixed.mended)
        current.update(fixed.texts)
        result = _lint(sources(current), faults, rules, settings, around, today)
    changed = {path: text for path, text in current.items() if text != before[path]}
    if diff:
        _show_diff(before, changed)
        return result
    for path, text in changed.items():
        _write(Path(path), text)
    click.echo(
        f"{mended} finding{'' if mended == 1 else 's'} put right in {len(changed)} file{'' if len(changed) == 1 else 's'}",
        err=True,
    )
    return attrs.evolve(result, sources={**result.sources})


def _show_diff(before: Mapping[str, str], changed: Mapping[str, str]) -> None:
    from difflib import unified_diff

    for path, text in changed.items():
        lines = unified_diff(
            before[path].splitlines(keepends=True),
            text.splitlines(keepends=True),
            path,
            f"{path} (put right)",
        )
        for line in lines:
            click.echo(line, nl=not line.endswith("\n"))


def _write(path: Path, text: str) -> None:
    """Replace a file whole or not at all, line ends as they were."""
    from flowrules.flows.atomic import whole_file

    with whole_file(path) as file:
        file.write(text.encode("utf-8"))


# ---- what comes out -------------------------------------------------------------------------------------


def _against_baseline(
    result: LintResult, path: Path | None, asked: bool, write: bool
) -> tuple[LintResult, bool]:
    import attrs

    from flowrules.lint.baseline import BaselineError, baseline_text, new_findings, read_baseline

    if write:
        if path is None:
            raise click.UsageError("--write-baseline needs --baseline FILE")
        _write(
            path,
            baseline_text(
                f for f in result.findings if f.severity != "error" or f.code[:3] not in ("FR1", "FR2")
            ),
        )
        click.echo(f"{path}: {len(result.findings)} findings written", err=True)
        return result, True
    if path is None:
        return result, False
    try:
        found, known = new_findings(result.findings, read_baseline(path))
    except BaselineError as error:
        raise click.ClickException(str(error)) from None
    return attrs.evolve(result, findings=tuple(found), suppressed=result.suppressed + known), False


def _print(result: LintResult, form: str, output: Path | None) -> None:
    from flowrules.lint.formats import write

    color = output is None and form == "text" and wants_color(sys.stdout)
    text = write(form, result, color)
    if output is None:
        click.echo(text, nl=False, color=True if color else None)
    else:
        _write(output, text)
