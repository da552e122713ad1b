"""Comments that suppress findings: ``# flowrules: ignore[FR301, FR305] the reason``.

Behind text a comment speaks of its line.  On a line of its own directly above a declaration it speaks of the whole
declaration (through ``##`` lines and attributes), elsewhere of the line below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.model.source_text import Span
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Diagnostic, Fix

_COMMENT: Final = re.compile(r"#+\s*flowrules:\s*ignore\b\s*(\[([^\]]*)\])?[\s:—-]*(.*)", re.IGNORECASE)
_CODE: Final = re.compile(r"[A-Za-z]+[0-9]+|[a-z]+(?:-[a-z]+)+")

UNUSED: Final = "FR420"
UNEXPLAINED: Final = "FR421"


@define(eq=False)
class Suppression:
    """One such comment: its codes (or names), its reason, and the lines that it speaks of."""

    codes: tuple[str, ...]
    reason: str
    span: Span
    first_line: int
    last_line: int
    alone: bool
    used: set[str] = field(factory=set)

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is suppressed; it is noted which code was of use."""
        span = finding.span
        if span is None or span.path != self.span.path or not self.first_line <= span.line <= self.last_line:
            return False
        for code in self.codes:
            if code.upper() == finding.code or code == finding.diagnostic.name:
                self.used.add(code)
                return True
        return False


def suppressions(linted: Linted, path: str) -> Iterator[Suppression]:
    """The suppressing comments of a file."""
    text = linted.source(path)
    for start, end in linted.comments(path):
        match = _COMMENT.match(text[start:end])
        if match is None:
            continue
        span = linted.span(path, start, end)
        codes = tuple(_CODE.findall(match.group(2) or ""))
        line_start = start - (span.column - 1)
        alone = not text[line_start:start].strip()
        first, last = _lines(linted, path, span, alone)
        yield Suppression(codes, match.group(3).strip(), span, first, last, alone)


def _lines(linted: Linted, path: str, span: Span, alone: bool) -> tuple[int, int]:
    if not alone:
        return span.line, span.line
    lines = linted.source(path).splitlines()
    at = span.line  # the index of the line below
    while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith("#")):
        at += 1
    below = at + 1
    for item in linted.items(path):
        for node in (item, *(item.items if isinstance(item, tree.Profile | tree.Test) else ())):
            if node.span.line == below:
                return below, node.span.end_line
    return below, below


def suppressed(
    linted: Linted, findings: Sequence[Finding], active: frozenset[str]
) -> tuple[list[Finding], int]:
    """The findings that no comment suppresses, with those on the comments themselves; and how many were suppressed.

    ``active`` are the codes of the rules that ran: a comment for one that did not is left alone.
    """
    comments = [s for scope in linted.files for s in suppressions(linted, scope.path)]
    kept: list[Finding] = []
    hidden = 0
    for finding in findings:
        covering = [c for c in comments if c.covers(finding)]
        if (covering and finding.severity != "error") or (
            covering and finding.code[:3] not in ("FR1", "FR2")
        ):
            hidden += 1
        else:
            kept.append(finding)
    for comment in comments:
        kept.extend(_about(linted, comment, active))
    return kept, hidden


def _about(linted: Linted, comment: Suppression, active: frozenset[str]) -> Iterator[Finding]:
    if not comment.codes:
        if UNEXPLAINED in active:
            yield _finding(
                linted, UNEXPLAINED, "unexplained-suppression", "the comment does not say which findings it suppresses",
                comment.span, "write # flowrules: ignore[FR301] and the reason",
            )  # fmt: skip
        return
    unused = [c for c in comment.codes if c not in comment.used and (c.upper() in active or not _is_ours(c))]
    if unused and UNUSED in active:
        whole = len(unused) == len(comment.codes)
        yield _finding(
            linted, UNUSED, "unused-suppression", f"there is no finding {', '.join(unused)} here",
            comment.span, "remove the comment" if whole else "remove the code",
            _removal(linted, comment) if whole else (),
        )  # fmt: skip
    elif not comment.reason and UNEXPLAINED in active:
        yield _finding(
            linted, UNEXPLAINED, "unexplained-suppression", "the comment does not say why", comment.span,
            "write the reason behind the bracket",
        )  # fmt: skip


def _is_ours(code: str) -> bool:
    """Whether a code or name is one that some rule has, whether it ran or not."""
    from flowrules.lint.registry import RULES

    return code.upper() in RULES


def _removal(linted: Linted, comment: Suppression) -> tuple[Fix, ...]:
    path, text = comment.span.path, linted.source(comment.span.path)
    start, end = comment.span.start, comment.span.end
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    if comment.alone:
        match = re.compile(r"\r\n|\n|\r").match(text, end)
        end = match.end() if match else end
    return (Fix(linted.span(path, start, end), ""),)


def _finding(
    linted: Linted, code: str, name: str, message: str, span: Span, hint: str, edits: tuple[Fix, ...] = ()
) -> Finding:
    from flowrules.lint.finding import Mend

    diagnostic = Diagnostic(
        code, name, "warning", message, span, hint, (), edits[0] if len(edits) == 1 else None
    )
    mend = Mend(edits, True, "remove the comment") if edits else None
    return Finding(diagnostic, linted.declaration_at(span), linted.text(span), None, mend)
