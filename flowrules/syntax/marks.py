"""A first look at a text: its words, strings and brackets, and marks that belong to no ruleset.

Everything here works on a whole file before any declaration is parsed, and keeps every offset: what is
wrong in a way that would hide the rest of the file (a foreign comment, a typographic quote, a control
character) is reported once and overwritten with as many characters of what was meant.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from attrs import frozen

from flowrules.model.structural import Structural
from flowrules.syntax.diagnostics import MOST, Diagnostic, diagnostic
from flowrules.syntax.places import Places

_RESERVED = (
    "ruleset import param ports nets schedule map filter set table profile hosts feature verdict anomaly entry "
    "check test tune and or not in of per keep where when because otherwise reverse"
)
RESERVED: Final = frozenset(_RESERVED.split())
"""Words that are never names."""


class Mark(NamedTuple):
    """A word, string, bracket or other character of a text.

    ``kind`` is ``word``, ``string``, ``open``, ``close`` or ``other``; ``first`` says whether it is the first
    of its line.  A tuple, since there is one for every word of a text.
    """

    kind: str
    text: str
    start: int
    end: int
    first: bool


_SCAN = re.compile(
    r"""
    [ \t\f]*+ (?:
    (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<line>\r\n|\n|\r)
  | (?P<plain>[=,:<>|&^+*/@-])(?![*/])
  | (?P<comment>\#[^\r\n]*)
  | (?P<triple>\"\"\"[\s\S]*?\"\"\")
  | (?P<string>"(?!"")(?:\\[^\r\n]|[^"\\\r\n])*")
  | (?P<broken>\"\"\"|"[^\r\n]*)
  | (?P<open>[({\[])
  | (?P<close>[)}\]])
  | (?P<number>[0-9][A-Za-z0-9_.]*)
  | (?P<slashes>//[^\r\n]*|/\*)
  | (?P<single>'[^'"\r\n]*')
  | (?P<typographic>[\u201c\u201d\u201e\u00ab\u00bb][^"\u201c\u201d\u00ab\u00bb\r\n]*[\u201c\u201d\u00ab\u00bb])
  | (?P<semicolon>;)
  | (?P<blank>[\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]+)
  | (?P<dash>[\u2010-\u2015\u2212])
  | (?P<control>[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f])
  | (?P<other>.)
  | (?P<end>\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)

_REST_OF_LINE = re.compile(r"[^\r\n]*")
_DECLARATION_LINE = re.compile(
    r"^(?:ruleset|import|param|ports|nets|schedule|map|filter|set|table|profile|anomaly|check|tune)[ \t]+[A-Za-z_]"
    r"|^test[ \t]+\"",
    re.MULTILINE,
)

_AFTER_TEXT = re.compile(
    _DECLARATION_LINE.pattern + r"|^[ \t]*(?:expect|previous|flows|because)[ \t]|^[ \t]*\}", re.MULTILINE
)


@frozen(eq=False, repr=False)
class Marked(Structural):
    """The marks of a text, the text with foreign marks overwritten, and what was reported.

    ``broken`` are the offsets of strings that never close: what holds one cannot be parsed.
    """

    text: str
    marks: tuple[Mark, ...]
    diagnostics: tuple[Diagnostic, ...]
    broken: tuple[int, ...]


def mark(places: Places) -> Marked:
    """The marks of a source's text."""
    return _Marker(places).run()


_PLAIN: Final = {
    "word": "word",
    "open": "open",
    "close": "close",
    "string": "string",
    "plain": "other",
    "number": "other",
    "other": "other",
}
"""The kinds of marks that are what they seem, by the group of the pattern."""


class _Marker:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.text = places.source.text
        self.marks: list[Mark] = []
        self.found: list[Diagnostic] = []
        self.broken: list[int] = []
        self.overwrites: list[tuple[int, str]] = []
        self.controls: list[int] = []
        self.has_comment_ends = True
        self.first = True
        self.triples = self.text.count('"""')

    def run(self) -> Marked:
        self.first = True
        at: int | None = 0
        while at is not None:
            at = self._scan(at)
        self._report_controls()
        return Marked(self._overwritten(), tuple(self.marks), tuple(self.found), tuple(self.broken))

    def _scan(self, at: int) -> int | None:
        """Marks from an offset on; returns where to go on after what did not end where it seemed to."""
        add, new, first = self.marks.append, tuple.__new__, self.first
        for match in _SCAN.finditer(self.text, at):
            kind = match.lastgroup
            assert kind is not None
            if kind == "line":
                first = True
                continue
            if kind == "end":
                break
            plain = _PLAIN.get(kind)
            if plain is not None:
                add(new(Mark, (plain, match[kind], *match.span(kind), first)))
            elif kind == "comment":
                self.triples -= match[kind].count('"""')
                continue
            else:
                self.first = first
                end = self._special(kind, match)
                first = self.first
                if len(self.found) >= MOST:
                    return None
                if end != match.end():
                    return end
                continue
            first = False
        return None

    def _special(self, kind: str, match: re.Match[str]) -> int:
        """A text of several lines, or what belongs to no ruleset; returns where it ends."""
        if kind == "triple":
            end = self._triple(match)
        elif kind == "broken":
            end = self._unterminated(match)
        else:
            end = self._foreign(kind, match, self.first)
            if kind in ("slashes", "blank", "control"):
                return end
        self.first = False
        return end

    def _add(self, kind: str, start: int, end: int, first: bool = False) -> None:
        self.marks.append(Mark(kind, self.text[start:end], start, end, first))

    # ---- strings --------------------------------------------------------------------------------------

    def _triple(self, match: re.Match[str]) -> int:
        """A `\"\"\"` string; one that swallows declarations was never closed, if its count is odd."""
        start, end = match.span("triple")
        if self.triples % 2 == 0 or _DECLARATION_LINE.search(self.text, start + 3, end - 3) is None:
            self.triples -= 2
            self._add("string", start, end)
            return end
        after = _AFTER_TEXT.search(self.text, start + 3, end)
        return self._unclosed_triple(start, after.start() if after else end)

    def _unterminated(self, match: re.Match[str]) -> int:
        start, end = match.span("broken")
        if match["broken"] == '"""':
            after = _AFTER_TEXT.search(self.text, end)
            return self._unclosed_triple(start, after.start() if after else len(self.text))
        text = match["broken"].rstrip()
        comment = text.find("#")
        end = start + len(text)
        self.found.append(
            diagnostic(
                "FR102",
                "the string is not closed on its line",
                self.places.span(start, end),
                hint='write " at its end; text of several lines stands between """ and """'
                if comment < 0
                else 'write " at its end, before the comment',
            )
        )
        self.broken.append(start)
        self._add("string", start, end)
        return match.end()

    def _unclosed_triple(self, start: int, end: int) -> int:
        self.triples -= 1
        self.found.append(
            diagnostic(
                "FR102",
                'the text that begins with """ is never closed',
                self.places.span(start, start + 3),
                hint='write """ on a line of its own after its last line',
            )
        )
        self.broken.append(start)
        self._add("string", start, end)
        return end

    # ---- what belongs to no ruleset -------------------------------------------------------------------

    def _foreign(self, kind: str, match: re.Match[str], first: bool) -> int:
        """Reports a foreign mark; returns the offset after it."""
        start, end = match.span(kind)
        if kind == "slashes":
            return self._slashes(match)
        elif kind in ("single", "typographic"):
            quotes = "single" if kind == "single" else "typographic"
            text = '"' + match[kind][1:-1] + '"'
            self._report(
                start, end, f"strings stand in double quotes, not in {quotes} ones", f"write {text}", text
            )
            self._overwrite(start, text)
            self._add("string", start, end, first)
        elif kind == "semicolon":
            self._report(
                start, end, "`;` ends nothing here", "leave it out: a declaration ends by itself", ""
            )
            self._overwrite(start, " ")
        elif kind == "blank":
            name = unicodedata.name(match[kind][0], "an invisible character").lower()
            self._report(
                start,
                end,
                f"{name} (U+{ord(match[kind][0]):04X}) is no white space here",
                "write a space",
                " ",
            )
            self._overwrite(start, " " * len(match[kind]))
        elif kind == "dash":
            name = unicodedata.name(match[kind]).lower()
            self._report(
                start, end, f"`{match[kind]}` (U+{ord(match[kind]):04X}, {name}) is no minus", "write -", "-"
            )
            self._overwrite(start, "-")
            self._add("other", start, end, first)
        else:
            self.controls.append(start)
            self._overwrite(start, " ")
        return end

    def _slashes(self, match: re.Match[str]) -> int:
        start, end = match.span("slashes")
        text = match["slashes"]
        if text.startswith("//"):
            hint = f"write #{text[2:].rstrip()}"
            self._report(start, start + 2, "comments begin with #, not with //", hint, "#")
        else:
            close = self.text.find("*/", end) if self.has_comment_ends else -1
            self.has_comment_ends = close >= 0
            if close >= 0:
                end = close + 2
                self._report(
                    start, start + 2, "comments begin with #, not with /*", "write # before each line of it"
                )
            else:
                end = _REST_OF_LINE.match(self.text, end).end()  # type: ignore[union-attr]
                message = "comments begin with #, and this /* is never closed"
                self._report(start, start + 2, message, "write # instead", "#")
            text = self.text[start:end]
        self._overwrite(start, re.sub(r"[^\r\n]", " ", text))
        return end

    def _report(self, start: int, end: int, message: str, hint: str, fix: str | None = None) -> None:
        self.found.append(diagnostic("FR109", message, self.places.span(start, end), hint=hint, fix=fix))

    def _report_controls(self) -> None:
        if not self.controls:
            return
        at = self.controls[0]
        code = ord(self.text[at])
        name = "a NUL byte" if code == 0 else f"a control character (U+{code:04X})"
        more = len(self.controls) - 1
        others = f", and {more} more" if more else ""
        self.found.append(
            diagnostic(
                "FR130",
                f"{name} stands at offset {at}{others}",
                self.places.span(at, at + 1),
                hint="the file is perhaps UTF-16 or no text: save it as UTF-8"
                if code == 0
                else "delete it: it is invisible and means nothing",
            )
        )

    def _overwrite(self, start: int, text: str) -> None:
        self.overwrites.append((start, text))

    def _overwritten(self) -> str:
        if not self.overwrites:
            return self.text
        out: list[str] = []
        at = 0
        for start, text in self.overwrites:
            out += (self.text[at:start], text)
            at = start + len(text)
        return "".join((*out, self.text[at:]))
