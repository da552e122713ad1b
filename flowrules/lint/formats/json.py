"""Findings as JSON: what ``flowrules lint --format json`` prints, for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flowrules import __version__
from flowrules.syntax.diagnostics import Fix, to_json

if TYPE_CHECKING:
    from flowrules.lint.finding import Finding
    from flowrules.lint.run import LintResult


def write(result: LintResult) -> str:
    """One object; unknown places are null.  Offsets do not appear: lines and columns count from 1."""
    document = {
        "flowrules": __version__,
        "findings": [finding_json(f) for f in result.findings],
        "suppressed": result.suppressed,
        "undecided": [{"path": s.path, "line": s.line, "column": s.column} for s in result.undecided],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def finding_json(finding: Finding) -> dict[str, object]:
    """One finding."""
    document = to_json(finding.diagnostic)
    document["declaration"] = finding.declaration or None
    document["witness"] = finding.witness.cells() if finding.witness is not None else None
    mend = finding.mend
    document["fix"] = (
        {"safe": mend.safe, "message": mend.what, "edits": [_edit(e) for e in mend.edits]}
        if mend is not None
        else None
    )
    return document


def _edit(edit: Fix) -> dict[str, object]:
    span = edit.span
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "text": edit.text,
    }
