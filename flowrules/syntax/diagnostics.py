"""What a person got wrong in a text: one type for every finding, shown on a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from flowrules.model.source_text import SourceText, Span
from flowrules.syntax.codes import CODES


@frozen
class Fix:
    """Text to write instead of a span."""

    span: Span
    text: str


@frozen
class Diagnostic:
    """One finding: what is wrong, where, and what to write instead.

    ``message`` is one lower-case line without a full stop; ``hint`` says what to write; ``related`` are
    further places with their own short messages.  ``span`` is ``None`` where no text is at fault.
    """

    code: str
    name: str
    severity: str
    message: str
    span: Span | None
    hint: str | None = None
    related: tuple[tuple[Span, str], ...] = ()
    fix: Fix | None = None

    @property
    def is_error(self) -> bool:
        """Whether a ruleset with this finding cannot be used."""
        return self.severity == "error"


def diagnostic(
    code: str,
    message: str,
    span: Span | None,
    *,
    hint: str | None = None,
    related: Iterable[tuple[Span, str]] = (),
    severity: str | None = None,
    fix: str | None = None,
) -> Diagnostic:
    """A diagnostic with the name and severity that ``codes`` gives its code.

    ``fix`` is the text to write in place of ``span``.  Raises KeyError for a code that is not registered.
    """
    known = CODES[code]
    return Diagnostic(
        code=code,
        name=known.name,
        severity=severity or known.severity,
        message=message,
        span=span,
        hint=hint,
        related=tuple(related),
        fix=None if fix is None or span is None else Fix(span, fix),
    )


class RulesetErrors(Exception):
    """Rulesets cannot be used; ``sources`` are the texts by path, for showing the lines at fault."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceText]) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = dict(sources)
        super().__init__(f"{len(self.diagnostics)} finding{'' if len(self.diagnostics) == 1 else 's'}")

    def __str__(self) -> str:
        return "\n".join(concise(d) for d in self.diagnostics)


def concise(d: Diagnostic) -> str:
    """One line: ``path:line:column: error[FR101] message``."""
    place = f"{d.span.path}:{d.span.line}:{d.span.column}: " if d.span else ""
    return f"{place}{d.severity}[{d.code}] {d.message}"


def to_json(d: Diagnostic) -> dict[str, object]:
    """The finding as ``--format json`` prints it."""
    return {
        "code": d.code,
        "name": d.name,
        "severity": d.severity,
        **_place(d.span),
        "message": d.message,
        "related": [{**_place(span), "message": message} for span, message in d.related],
        "hint": d.hint,
        "fix": None if d.fix is None else {**_place(d.fix.span), "text": d.fix.text},
    }


def _place(span: Span | None) -> dict[str, object]:
    if span is None:
        return {"path": None, "line": None, "column": None, "end_line": None, "end_column": None}
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
