"""A run of the linter: check the rulesets, ask every rule, and hear what comments and the baseline say."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import attrs
from attrs import Factory, frozen

from flowrules.check.bindings import Binder, Bindings
from flowrules.check.check import CheckResult, check
from flowrules.check.rulesets import Finder
from flowrules.lint.finding import SEVERITIES, Finding
from flowrules.lint.linted import Linted
from flowrules.lint.registry import Loaded
from flowrules.lint.settings import OFF, Settings
from flowrules.lint.suppression import suppressed
from flowrules.model.source_text import SourceText, Span
from flowrules.syntax.diagnostics import Diagnostic


@frozen
class Failure:
    """A rule that raised: whose it is, and what happened."""

    code: str
    origin: str
    error: str
    trace: str = attrs.field(repr=False, default="")


@frozen
class LintResult:
    """What a run found.

    ``errors`` says that a ruleset cannot be used; rules ran on the others.  ``undecided`` are places of predicates
    that were too large to decide; nothing is claimed of them.
    """

    findings: tuple[Finding, ...]
    sources: Mapping[str, SourceText] = attrs.field(repr=False)
    rules: tuple[Loaded, ...] = ()
    files: int = 0
    suppressed: int = 0
    errors: bool = False
    failures: tuple[Failure, ...] = ()
    undecided: tuple[Span, ...] = ()


@frozen
class Surroundings:
    """How rulesets are found and bound in a run."""

    finder: Finder | None = None
    known_rulesets: Callable[[str | None], Iterable[str]] | None = None
    bindings: Bindings = Factory(Bindings)
    binder: Binder | None = None


def lint(
    roots: Sequence[SourceText],
    rules: Sequence[Loaded],
    settings: Settings | None = None,
    around: Surroundings | None = None,
    today: date | None = None,
) -> LintResult:
    """Lint rulesets.

    Rulesets with errors are reported with these errors; the rules run on the others.  A rule that raises is noted in
    ``failures`` and keeps none of the other findings back.  ``today`` is the date that ``@review`` is compared with.
    """
    settings = settings or Settings()
    around = around or Surroundings()
    checked = _check(roots, around)
    diagnostics = list(checked.diagnostics)
    sound = list(roots)
    if checked.program is None:
        sound = _without_errors(roots, checked, around)
        again = _check(sound, around) if sound else None
        sources = {**checked.sources, **(again.sources if again is not None else {})}
        checked = (
            again if again is not None and again.program is not None else attrs.evolve(checked, scopes={})
        )
        checked = attrs.evolve(checked, sources=sources)
    active = [(loaded, severity) for loaded in rules if (severity := _severity(loaded, settings)) != OFF]
    findings: list[Finding] = []
    failures: list[Failure] = []
    linted: Linted | None = None
    undecided: tuple[Span, ...] = ()
    if checked.program is not None:
        paths = {root.path for root in sound}
        files = tuple(s for s in checked.scopes.values() if s.path in paths)
        linted = Linted(
            checked.program, checked.scopes, files, checked.sources, today or date.today(), _tested(files)
        )
        for loaded, severity in active:
            found, failure = _ask(loaded, linted, severity)
            findings += found
            if failure is not None:
                failures.append(failure)
        undecided = tuple(n.span for n in linted.prover.undecided if n.span is not None)
    findings += [_as_finding(d, linted) for d in diagnostics]
    hidden = 0
    if linted is not None:
        codes = frozenset(loaded.rule.code for loaded, _ in active)
        findings, hidden = suppressed(linted, findings, codes)
        findings = [_weighed(f, settings) for f in findings]
    return LintResult(
        findings=tuple(_sorted(findings, roots)),
        sources=checked.sources,
        rules=tuple(loaded for loaded, _ in active),
        files=len(roots),
        suppressed=hidden,
        errors=any(d.is_error for d in diagnostics),
        failures=tuple(failures),
        undecided=undecided,
    )


def _check(roots: Sequence[SourceText], around: Surroundings) -> CheckResult:
    return check(roots, around.finder, around.bindings, around.binder, "check", around.known_rulesets)


def _without_errors(
    roots: Sequence[SourceText], checked: CheckResult, around: Surroundings
) -> list[SourceText]:
    """The rulesets that can be used by themselves."""
    wrong = {d.span.path for d in checked.diagnostics if d.is_error and d.span is not None}
    candidates = [r for r in roots if r.path not in wrong]
    if candidates and _check(candidates, around).program is not None:
        return candidates
    return [r for r in candidates if _check([r], around).program is not None]


def _severity(loaded: Loaded, settings: Settings) -> str:
    rule = loaded.rule
    return settings.severity(rule.code, rule.name, OFF if rule.off_by_default else rule.severity)


def _ask(loaded: Loaded, linted: Linted, severity: str) -> tuple[list[Finding], Failure | None]:
    rule = loaded.rule
    found: list[Finding] = []
    try:
        for finding in rule.check(linted):
            found.append(
                attrs.evolve(finding, diagnostic=attrs.evolve(finding.diagnostic, severity=severity))
            )
    except Exception as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        return found, Failure(rule.code, loaded.origin, what, traceback.format_exc())
    return found, None


def _weighed(finding: Finding, settings: Settings) -> Finding:
    """A finding of the checker, or about a comment, with the severity that the settings give it."""
    diagnostic = finding.diagnostic
    severity = settings.severity(diagnostic.code, diagnostic.name, diagnostic.severity)
    if severity in (OFF, diagnostic.severity) or (
        diagnostic.is_error and diagnostic.code[:3] in ("FR1", "FR2")
    ):
        return finding
    return attrs.evolve(finding, diagnostic=attrs.evolve(diagnostic, severity=severity))


def _as_finding(diagnostic: Diagnostic, linted: Linted | None) -> Finding:
    if linted is None or diagnostic.span is None:
        return Finding(diagnostic)
    return Finding(diagnostic, linted.declaration_at(diagnostic.span), linted.text(diagnostic.span))


def _sorted(findings: list[Finding], roots: Sequence[SourceText]) -> list[Finding]:
    order = {root.path: n for n, root in enumerate(roots)}

    def key(finding: Finding) -> tuple[int, str, int, int, str]:
        span = finding.span
        if span is None:
            return (-1, "", 0, 0, finding.code)
        return (order.get(span.path, len(order)), span.path, span.start, span.end, finding.code)

    return sorted(findings, key=key)


def _tested(files: Iterable[object]) -> frozenset[str]:
    out = set()
    for scope in files:
        path = getattr(scope, "path", "")
        beside = Path(path).with_name(f"{Path(path).stem}_test.frules") if path and path != "-" else None
        if beside is not None and (beside.is_file() or path.endswith("_test.frules")):
            out.add(path)
    return frozenset(out)


def fails(result: LintResult, fail_on: str) -> bool:
    """Whether a finding is as bad as ``fail_on`` or worse."""
    least = SEVERITIES.index(fail_on)
    return any(SEVERITIES.index(f.severity) >= least for f in result.findings)
