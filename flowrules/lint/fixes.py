"""Applying what findings offer: edits that do not touch each other, and texts that still check afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

from flowrules.lint.finding import Finding
from flowrules.syntax.diagnostics import Fix


@frozen
class Fixed:
    """Texts with their edits made, by path, and the findings that were mended."""

    texts: Mapping[str, str]
    mended: tuple[Finding, ...]


def apply_fixes(
    findings: Sequence[Finding],
    texts: Mapping[str, str],
    unsafe: bool,
    is_sound: Callable[[Mapping[str, str]], bool],
) -> Fixed:
    """Make the edits of as many findings as go together.

    ``is_sound`` says whether changed texts (all files, by path) still check; a finding whose edits would break
    them is left alone.  Findings whose edits overlap those of an earlier one are left for the next run.
    """
    chosen: list[Finding] = []
    taken: dict[str, list[tuple[int, int]]] = {}
    for finding in sorted(findings, key=_place):
        mend = finding.mend
        if (
            mend is None
            or (not mend.safe and not unsafe)
            or any(e.span.path not in texts for e in mend.edits)
        ):
            continue
        if any(_touches(e, taken.get(e.span.path, [])) for e in mend.edits):
            continue
        chosen.append(finding)
        for edit in mend.edits:
            taken.setdefault(edit.span.path, []).append((edit.span.start, edit.span.end))
    changed = _edited(texts, chosen)
    if not chosen or is_sound(changed):
        return Fixed(_different(texts, changed), tuple(chosen))
    kept: list[Finding] = []
    for finding in chosen:
        if is_sound(_edited(texts, [*kept, finding])):
            kept.append(finding)
    return Fixed(_different(texts, _edited(texts, kept)), tuple(kept))


def _place(finding: Finding) -> tuple[str, int]:
    span = finding.span
    return (span.path, span.start) if span is not None else ("", 0)


def _touches(edit: Fix, taken: Iterable[tuple[int, int]]) -> bool:
    start, end = edit.span.start, edit.span.end
    return any((start < b and a < end) or (start == a and end == b) for a, b in taken)


def _edited(texts: Mapping[str, str], findings: Sequence[Finding]) -> dict[str, str]:
    edits: dict[str, list[Fix]] = {}
    for finding in findings:
        assert finding.mend is not None
        for edit in finding.mend.edits:
            edits.setdefault(edit.span.path, []).append(edit)
    out = dict(texts)
    for path, wanted in edits.items():
        text = texts[path]
        for edit in sorted(wanted, key=lambda e: (e.span.start, e.span.end), reverse=True):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        out[path] = text
    return out


def _different(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    return {path: text for path, text in after.items() if text != before[path]}
