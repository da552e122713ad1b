"""Findings as SARIF 2.1.0 (OASIS), for code scanning on GitHub and elsewhere."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from flowrules import __version__
from flowrules.lint.baseline import key_of
from flowrules.lint.pages import page_of

if TYPE_CHECKING:
    from flowrules.lint.finding import Finding
    from flowrules.lint.run import LintResult
    from flowrules.model.source_text import Span

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
HOME: Final = "https://github.com/flowrules/flowrules"

_LEVELS: Final = {"error": "error", "warning": "warning", "notice": "note", "info": "note"}


def write(result: LintResult) -> str:
    """One log with one run; rules that were asked are listed, found or not."""
    codes = sorted({*(r.rule.code for r in result.rules), *(f.code for f in result.findings)})
    index = {code: n for n, code in enumerate(codes)}
    seen: dict[tuple[str, str, str], int] = {}
    results = [_result(f, index, seen) for f in result.findings]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "flowrules",
                "version": __version__,
                "semanticVersion": __version__,
                "informationUri": HOME,
                "rules": [_rule(code, result) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(result)],
        "results": results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _invocation(result: LintResult) -> dict[str, Any]:
    out: dict[str, Any] = {"executionSuccessful": not result.failures}
    if result.failures:
        out["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": f"the rule {f.code} of {f.origin} failed: {f.error}"}}
            for f in result.failures
        ]
    return out


def _rule(code: str, result: LintResult) -> dict[str, Any]:
    page = page_of(code)
    if page is not None:
        return {
            "id": code,
            "name": page.name,
            "shortDescription": {"text": page.what},
            "fullDescription": {"text": page.why or page.what},
            "helpUri": f"{HOME}/blob/main/docs/rules/{code}.md",
            "defaultConfiguration": {"level": _LEVELS[page.severity], "enabled": not page.off_by_default},
        }
    loaded = next((r for r in result.rules if r.rule.code == code), None)
    if loaded is None:
        return {"id": code}
    text = (loaded.rule.__doc__ or loaded.rule.name).strip().splitlines()[0]
    return {
        "id": code,
        "name": loaded.rule.name,
        "shortDescription": {"text": text},
        "defaultConfiguration": {"level": _LEVELS[loaded.rule.severity]},
    }


def _result(finding: Finding, index: dict[str, int], seen: dict[tuple[str, str, str], int]) -> dict[str, Any]:
    d = finding.diagnostic
    key = key_of(finding)
    seen[key] = seen.get(key, 0) + 1
    text = d.message + (f"; {d.hint}" if d.hint else "")
    if finding.witness is not None:
        text += f"; for example: {finding.witness}"
    out: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": index[d.code],
        "level": _LEVELS[d.severity],
        "message": {"text": text},
        "partialFingerprints": {"flowrules/v1": _fingerprint(key, seen[key])},
    }
    if d.span is not None:
        out["locations"] = [_location(d.span)]
    if d.related:
        out["relatedLocations"] = [
            {"id": n, **_location(span), "message": {"text": message}}
            for n, (span, message) in enumerate(d.related, 1)
        ]
    if finding.mend is not None:
        out["fixes"] = [_fix(finding)]
    if finding.witness is not None:
        out["properties"] = {"witness": finding.witness.cells()}
    return out


def _fingerprint(key: tuple[str, str, str], number: int) -> str:
    return sha256("\0".join((*key, str(number))).encode()).hexdigest()[:32]


def _location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": uri(span.path)}, "region": _region(span)}}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _fix(finding: Finding) -> dict[str, Any]:
    assert finding.mend is not None
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in finding.mend.edits:
        changes.setdefault(edit.span.path, []).append(
            {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        )
    what = finding.mend.what if finding.mend.safe else f"{finding.mend.what} (changes the meaning)"
    return {
        "description": {"text": what},
        "artifactChanges": [
            {"artifactLocation": {"uri": uri(path)}, "replacements": found} for path, found in changes.items()
        ],
    }


def uri(path: str) -> str:
    """A path as a URI reference: relative paths stay relative, as code scanning wants them."""
    pure = PurePath(path)
    text = quote(pure.as_posix(), safe="/:")
    return f"file://{text}" if pure.is_absolute() else text.removeprefix("./")
