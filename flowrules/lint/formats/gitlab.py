"""Findings as a GitLab code quality report (a subset of Code Climate's format)."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from flowrules.lint.baseline import key_of

if TYPE_CHECKING:
    from flowrules.lint.run import LintResult

_SEVERITIES: Final = {"error": "critical", "warning": "major", "notice": "minor", "info": "info"}


def write(result: LintResult) -> str:
    """One entry for each finding that has a place; fingerprints do not depend on lines."""
    seen: dict[tuple[str, str, str], int] = {}
    entries = []
    for finding in result.findings:
        d = finding.diagnostic
        key = key_of(finding)
        seen[key] = seen.get(key, 0) + 1
        path = d.span.path.removeprefix("./") if d.span is not None else "."
        begin, end = (d.span.line, d.span.end_line) if d.span is not None else (1, 1)
        entries.append(
            {
                "type": "issue",
                "check_name": f"{d.code} {d.name}",
                "description": d.message + (f" ({d.hint})" if d.hint else ""),
                "categories": ["Bug Risk" if d.code[:3] in ("FR1", "FR2", "FR3") else "Style"],
                "severity": _SEVERITIES[d.severity],
                "fingerprint": sha256("\0".join((*key, str(seen[key]))).encode()).hexdigest(),
                "location": {"path": path, "lines": {"begin": begin, "end": end}},
            }
        )
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
