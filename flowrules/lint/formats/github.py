"""Findings as workflow commands, which GitHub Actions shows beside the lines of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowrules.lint.run import LintResult

_COMMANDS: Final = {"error": "error", "warning": "warning", "notice": "notice", "info": "notice"}


def write(result: LintResult) -> str:
    """One command for each finding."""
    lines = []
    for finding in result.findings:
        d = finding.diagnostic
        properties = [("title", f"{d.code} {d.name}")]
        if d.span is not None:
            places = [("file", d.span.path), ("line", d.span.line), ("endLine", d.span.end_line)]
            if d.span.line == d.span.end_line:
                places += [("col", d.span.column), ("endColumn", d.span.end_column)]
            properties = [*((k, str(v)) for k, v in places), *properties]
        text = d.message + (f"\n{d.hint}" if d.hint else "")
        if finding.witness is not None:
            text += f"\nfor example: {finding.witness}"
        shown = ",".join(f"{k}={_property(v)}" for k, v in properties)
        lines.append(f"::{_COMMANDS[d.severity]} {shown}::{_data(text)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
