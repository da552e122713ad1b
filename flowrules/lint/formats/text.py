"""Findings for a person: the lines at fault, carets, hints, witness flows, and a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.lint.finding import SEVERITIES
from flowrules.syntax.diagnostics import render

if TYPE_CHECKING:
    from flowrules.lint.finding import Finding
    from flowrules.lint.run import LintResult


def write(result: LintResult, color: bool = False) -> str:
    """Every finding, then one line that counts them."""
    parts = [_one(finding, result, color) for finding in result.findings]
    return "\n".join([*parts, summary(result)])


def _one(finding: Finding, result: LintResult, color: bool) -> str:
    shown = render([finding.diagnostic], result.sources, color)
    if finding.witness is not None:
        what = "a flow" if "sip" in finding.witness.values else "a host"
        shown += f"  = {what} that shows it: {finding.witness}\n"
    if finding.mend is not None:
        option = "--fix" if finding.mend.safe else "--fix-unsafe"
        shown += f"  = {option}: {finding.mend.what}\n"
    return shown


def summary(result: LintResult) -> str:
    """One line on what was linted and found, and what could not be decided."""
    counts = [
        f"{n} {word}{'' if n == 1 or word == 'info' else 's'}"
        for word in reversed(SEVERITIES)
        if (n := sum(f.severity == word for f in result.findings))
    ]
    files = f"{result.files} ruleset{'' if result.files == 1 else 's'}"
    line = f"{files} linted: {', '.join(counts) or 'nothing found'}"
    if result.suppressed:
        line += f" ({result.suppressed} suppressed)"
    if result.undecided:
        places = ", ".join(f"{s.path}:{s.line}" for s in result.undecided[:5])
        more = ", …" if len(result.undecided) > 5 else ""
        line += f"\nnot decided, too many cases: {places}{more}"
    return line + "\n"
