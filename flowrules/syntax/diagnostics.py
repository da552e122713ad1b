"""What a person got wrong in a text: one type for every finding, shown on a terminal or as JSON."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from flowrules.model.source_text import SourceText, Span
from flowrules.model.structural import Structural
from flowrules.syntax.codes import CODES

MOST: Final = 500
"""No more findings than this are looked for in one file: nobody reads more, and a hostile file has millions."""


@frozen(eq=False, repr=False)
class Fix(Structural):
    """Text to write instead of a span."""

    span: Span
    text: str


@frozen(eq=False, repr=False)
class Diagnostic(Structural):
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


# ---- on a terminal ------------------------------------------------------------------------------------

TAB: Final = 4
"""Columns that a tab takes where source lines are shown."""

_COLORS: Final = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "notice": "\x1b[1;36m",
    "info": "\x1b[1;34m",
    "frame": "\x1b[34m",
    "bold": "\x1b[1m",
    "off": "\x1b[0m",
}
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_NARROWEST: Final = 40


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, SourceText],
    color: bool = False,
    width: int = 100,
) -> str:
    """Findings with the lines that they speak of, carets below what is meant.

    ``sources`` are the texts by path; a finding in a text that is not there is shown without its line.
    Lines longer than ``width`` columns are cut around the place.  The result ends with a line end, unless
    there is nothing to show.
    """
    renderer = _Renderer(sources, color, max(width, _NARROWEST))
    return "\n".join(renderer.one(d) for d in diagnostics)


class _Renderer:
    def __init__(self, sources: Mapping[str, SourceText], color: bool, width: int) -> None:
        self.sources = sources
        self.color = color
        self.width = width
        self.lines: dict[str, list[str]] = {}

    def one(self, d: Diagnostic) -> str:
        """One finding: its message, its places, its hint."""
        head = self._paint(d.severity, f"{d.severity}[{d.code}]") + self._paint(
            "bold", f": {_shown(d.message)}"
        )
        out = [head]
        places = [(d.span, "", "^"), *((span, message, "-") for span, message in d.related)] if d.span else []
        gutter = max((len(str(span.line)) for span, _, _ in places), default=0)
        for n, (span, message, mark) in enumerate(places):
            shown = self._line(span)
            if n == 0 or span.path != places[n - 1][0].path or shown is None:
                arrow = self._paint("frame", f"{' ' * gutter}{'-->' if n == 0 else ':::'}")
                out.append(
                    f"{arrow} {_shown(span.path)}:{span.line}:{span.column}{f' {message}' if shown is None and message else ''}"
                )
            if shown is not None:
                out += self._snippet(span, shown, message, mark, gutter, d.severity)
        if d.hint:
            out.append(
                f"{self._paint('frame', ' ' * gutter + ' =')} {self._paint('bold', 'hint')}: {_shown(d.hint)}"
            )
        return "\n".join(out) + "\n"

    def _line(self, span: Span) -> str | None:
        source = self.sources.get(span.path)
        if source is None:
            return None
        lines = self.lines.setdefault(span.path, _LINE_END.split(source.text)) if source.text else [""]
        return lines[span.line - 1] if span.line <= len(lines) else None

    def _snippet(
        self, span: Span, line: str, message: str, mark: str, gutter: int, severity: str
    ) -> list[str]:
        """The frame, the source line, and the marks below what is meant."""
        start = span.column - 1
        end = span.end_column - 1 if span.end_line == span.line else len(line)
        before, marked = _columns(line[:start]), _columns(line[start : max(end, start)])
        text, cut = _shown(line), 0
        room = self.width - gutter - 3
        if len(text) > room and _columns(line) > room:
            text, cut, marked = _window(line, before, marked, room)
        bar = self._paint("frame", f"{' ' * gutter} |")
        number = self._paint("frame", f"{span.line:>{gutter}} |")
        color = severity if mark == "^" else "frame"
        underline = mark * max(marked, 1) + ("" if span.end_line == span.line else " …")
        note = f" {_shown(message)}" if message else ""
        pointer = f"{bar} {' ' * (before - cut)}{self._paint(color, underline + note)}"
        frame = [bar] if mark == "^" else []
        return [*frame, f"{number} {text}".rstrip(), pointer]

    def _paint(self, color: str, text: str) -> str:
        return f"{_COLORS[color]}{text}{_COLORS['off']}" if self.color else text


def _width(character: str) -> int:
    """The columns that a character takes on a terminal."""
    if character == "\t":
        return TAB
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _columns(text: str) -> int:
    return sum(_width(c) for c in text) if not text.isascii() or "\t" in text else len(text)


def _shown(line: str) -> str:
    """A source line as it is printed: tabs as spaces, what a terminal would obey as a picture of it."""
    out = line.replace("\t", " " * TAB)
    if out.isprintable():
        return out
    return "".join(c if c.isprintable() or _width(c) == 0 else "\ufffd" for c in out)


def _window(line: str, before: int, marked: int, room: int) -> tuple[str, int, int]:
    """The part of a long line around the place: its text, the columns cut away before it, the marks."""
    first = max(0, before - room // 3)
    out, at = "", 0
    for character in line:
        width = _width(character)
        if first <= at and at + width <= first + room - 1:
            out += _shown(character)
        at += width
    text = ("…" + out[1:] if first else out) + ("…" if at > first + room - 1 else "")
    return text, first, min(marked, room - (before - first) - 1)
