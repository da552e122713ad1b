"""What a check has found so far: one report for each fault, whatever it drags along."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from flowrules.check.builtin import ALSO_CALLED
from flowrules.check.codes import ALL_CODES
from flowrules.model.source_text import Span
from flowrules.syntax.diagnostics import Diagnostic, Fix


@define
class Faults:
    """The diagnostics of one check, in the order found; a place is reported once for each code."""

    found: list[Diagnostic] = field(factory=list)
    _seen: set[tuple[str, str, int, int]] = field(factory=set)

    def report(
        self,
        code: str,
        message: str,
        span: Span | None,
        hint: str | None = None,
        related: Iterable[tuple[Span | None, str]] = (),
        severity: str | None = None,
        fix: str | None = None,
    ) -> None:
        """Add a finding.  ``fix`` is the text to write in place of ``span``."""
        if span is not None:
            key = (code, span.path, span.start, span.end)
            if key in self._seen:
                return
            self._seen.add(key)
        known = ALL_CODES[code]
        self.found.append(
            Diagnostic(
                code=code,
                name=known.name,
                severity=severity or known.severity,
                message=message,
                span=span,
                hint=hint,
                related=tuple((s, text) for s, text in related if s is not None),
                fix=None if fix is None or span is None else Fix(span, fix),
            )
        )

    @property
    def has_errors(self) -> bool:
        """Whether anything found forbids a run."""
        return any(d.is_error for d in self.found)

    def sorted(self) -> list[Diagnostic]:
        """The findings in the order of the text, file by file in the order first met."""
        order: dict[str, int] = {}
        for d in self.found:
            if d.span is not None:
                order.setdefault(d.span.path, len(order))
        return sorted(
            self.found,
            key=lambda d: (-1, 0, d.code) if d.span is None else (order[d.span.path], d.span.start, d.code),
        )


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The name that was probably meant: another tool's word for it, or the one that is spelt most alike."""
    from difflib import get_close_matches

    known = list(dict.fromkeys(candidates))
    also = ALSO_CALLED.get(word.lower().replace("-", "_"))
    lower = {k.lower(): k for k in reversed(known)}
    if word.lower() in lower and lower[word.lower()] != word:
        return lower[word.lower()]
    close = get_close_matches(word.lower(), lower, 1, 0.85)
    if close:
        return lower[close[0]]
    if also is not None and also in known:
        return also
    close = get_close_matches(word.lower(), lower, 1, 0.6)
    return lower[close[0]] if close and lower[close[0]] != word else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """A hint that offers the nearest name, if one is near."""
    near = nearest(word, candidates)
    return f"did you mean {near}?" if near is not None else None
