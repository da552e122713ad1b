"""Documents: text that can be laid out in more than one way, and the choice between the ways.

A document is made of texts, lines (a space, or a break), groups (broken as a whole or not at all), fills
(broken where a line is full) and nests (one step further in).  Comments hang on texts: one that ends its
line breaks whatever it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from attrs import field, frozen

from flowrules.syntax.formatting.words import Remark

WIDTH: Final = 100
"""Columns that a line may take; comments at its end are not counted."""

STEP: Final = 4
"""Columns of one step in."""


@frozen
class Text:
    """A token as written, with its comments.

    ``blank``: a blank line stands between the comments above and it.  ``only_broken``: it is left out
    where its group is one line.
    """

    text: str
    before: tuple[Remark, ...] = ()
    after: tuple[str, ...] = ()
    blank: bool = False
    only_broken: bool = False

    @property
    def begins(self) -> bool:
        """Whether a comment stands above its first token."""
        return bool(self.before)

    @property
    def breaks(self) -> bool:
        """Whether a comment within it makes one line impossible."""
        return False

    @property
    def ends(self) -> bool:
        """Whether a comment ends the line of its last token."""
        return bool(self.after)


@frozen
class Line:
    """A break, or ``flat`` where its group is one line; ``hard``: always a break, ``blank``: and a blank line."""

    flat: str = " "
    hard: bool = False
    blank: bool = False
    begins: bool = False
    ends: bool = False

    @property
    def breaks(self) -> bool:
        """Whether it makes one line impossible."""
        return self.hard


@frozen
class Space:
    """A space that is never a break (but nothing at the start of a line)."""

    begins: bool = False
    breaks: bool = False
    ends: bool = False


@frozen
class _Parts:
    parts: tuple[Document, ...]
    begins: bool = field(init=False)
    breaks: bool = field(init=False)
    ends: bool = field(init=False)

    @begins.default
    def _begins(self) -> bool:
        return bool(self.parts) and self.parts[0].begins

    @breaks.default
    def _breaks(self) -> bool:
        return any(
            part.breaks or (n > 0 and part.begins) or (n < len(self.parts) - 1 and part.ends)
            for n, part in enumerate(self.parts)
        )

    @ends.default
    def _ends(self) -> bool:
        return bool(self.parts) and self.parts[-1].ends


@frozen
class Join(_Parts):
    """One document after another."""


@frozen
class Nest(_Parts):
    """The same, with its breaks one step further in."""


@frozen
class Group(_Parts):
    """The same, with all its own lines broken or none."""


@frozen
class Fill(_Parts):
    """Parts with a space between them, or a break where the next does not fit."""


@frozen
class _Filling:
    """The parts of a fill from ``at`` on, of which ``at - 1`` has been written."""

    parts: tuple[Document, ...]
    at: int


Document: TypeAlias = Text | Line | Space | Join | Nest | Group | Fill
_Command: TypeAlias = Document | _Filling

SPACE: Final = Space()
LINE: Final = Line()
SOFT: Final = Line("")
HARD: Final = Line(hard=True)


def joined(parts: Iterable[Document], between: Document) -> Join:
    """Documents with another between each two."""
    out: list[Document] = []
    for part in parts:
        if out:
            out.append(between)
        out.append(part)
    return Join(tuple(out))


@frozen
class OutLine:
    """A line of the result: its indentation, its text (``""`` with comments: a comment line) and comments.

    ``comment`` is what ends the line; further ones stand below it in the same column.
    """

    indent: int
    text: str
    comment: tuple[str, ...] = ()


@frozen
class Layout:
    """A document laid out; ``natural``: nothing was broken but at the lines that the document asked for."""

    lines: tuple[OutLine, ...]
    natural: bool


def lay_out(document: Document, indent: int) -> Layout:
    """The lines of a document, the first of them at ``indent`` columns."""
    return _Writer(indent).run(document)


class _Writer:
    def __init__(self, indent: int) -> None:
        self.lines: list[OutLine] = []
        self.current: list[str] = []
        self.column = self.indent = self.base = indent
        self.pending: list[tuple[str, ...]] = []
        self.natural = True
        self.stack: list[tuple[int, bool, _Command]] = []

    def run(self, document: Document) -> Layout:
        self.stack.append((self.indent, False, document))
        while self.stack:
            indent, flat, doc = self.stack.pop()
            if isinstance(doc, Text):
                self._text(doc, indent, flat)
            elif isinstance(doc, Space):
                self._space()
            elif isinstance(doc, Line):
                self._line(doc, indent, flat)
            elif isinstance(doc, Fill):
                self._fill(doc, indent, flat)
            elif isinstance(doc, _Filling):
                self._fill_on(doc, indent)
            else:
                if isinstance(doc, Group):
                    flat = flat or self._stays_flat(doc)
                inner = indent + STEP if isinstance(doc, Nest) else indent
                self.stack += ((inner, flat, part) for part in reversed(doc.parts))
        self._end_line(self.indent)
        return Layout(tuple(self.lines), self.natural)

    # ---- what is written ------------------------------------------------------------------------------

    def _text(self, doc: Text, indent: int, flat: bool) -> None:
        if doc.only_broken and flat:
            if doc.after:
                self.pending.append(doc.after)
            return
        if doc.before:
            self._forced(indent)
            for remark in doc.before:
                if remark.blank:
                    self.lines.append(OutLine(0, ""))
                self.lines.append(OutLine(self.indent, "", (remark.text,)))
            if doc.blank:
                self.lines.append(OutLine(0, ""))
        elif self.pending and doc.text not in {",", "=", ":", "{"}:
            self._forced(indent)
        self.current.append(doc.text)
        _, line_end, tail = doc.text.rpartition("\n")
        self.column = len(tail) if line_end else self.column + len(doc.text)
        if line_end and self.column > WIDTH:
            self.natural = False
        if doc.after:
            self.pending.append(doc.after)

    def _space(self) -> None:
        if self.current:
            self.current.append(" ")
            self.column += 1

    def _line(self, doc: Line, indent: int, flat: bool) -> None:
        if doc.hard or not flat:
            self._end_line(indent)
            if doc.blank:
                self.lines.append(OutLine(0, ""))
        elif doc.flat:
            self._space()

    def _fill(self, doc: Fill, indent: int, flat: bool) -> None:
        if flat:
            self.stack += ((indent, True, part) for part in reversed(joined(doc.parts, SPACE).parts))
        else:
            self._write_part(doc.parts, 0, indent)

    def _fill_on(self, doc: _Filling, indent: int) -> None:
        """The next part of a fill, on this line where it fits."""
        part = doc.parts[doc.at]
        if doc.at + 1 < len(doc.parts):
            self.stack.append((indent, False, _Filling(doc.parts, doc.at + 1)))
        self.column += 1
        fits = not self.pending and not part.begins and (part.breaks or self._fits(part))
        self.column -= 1
        if doc.at + 1 < len(doc.parts):
            self.stack.pop()
        if fits:
            self._space()
        else:
            self.natural = self.natural and (bool(self.pending) or part.begins)
            self._end_line(indent)
        self._write_part(doc.parts, doc.at, indent)

    def _write_part(self, parts: tuple[Document, ...], at: int, indent: int) -> None:
        if at + 1 < len(parts):
            self.stack.append((indent, False, _Filling(parts, at + 1)))
        self.stack.append((indent, False, Group((parts[at],))))

    def _stays_flat(self, doc: Group) -> bool:
        if doc.breaks:
            return False
        if self._fits(doc):
            return True
        self.natural = False
        return False

    def _fits(self, doc: Document) -> bool:
        """Whether a document fits on the rest of the line, with what follows it up to the next break."""
        room = WIDTH - self.column
        ahead: list[tuple[bool, _Command]] = [(True, doc)]
        behind = len(self.stack)
        while room >= 0:
            if not ahead:
                if behind == 0:
                    return True
                behind -= 1
                _, flat, following = self.stack[behind]
                ahead.append((flat, following))
                continue
            flat, part = ahead.pop()
            if isinstance(part, Text):
                if part.only_broken and flat:
                    continue
                if part.before:
                    return True
                head, line_end, _ = part.text.partition("\n")
                room -= len(head)
                if line_end:
                    return room >= 0
            elif isinstance(part, Space):
                room -= 1
            elif isinstance(part, Line):
                if part.hard or not flat:
                    return True
                room -= len(part.flat)
            elif isinstance(part, Fill):
                if not flat:
                    ahead.append((True, part.parts[0]))
                else:
                    ahead += ((True, p) for p in reversed(joined(part.parts, SPACE).parts))
            elif isinstance(part, _Filling):
                return True
            else:
                inner = flat or (isinstance(part, Group) and not part.breaks)
                ahead += ((inner, p) for p in reversed(part.parts))
        return False

    # ---- ends of lines --------------------------------------------------------------------------------

    def _forced(self, indent: int) -> None:
        """A break that a comment forces where the document asked for none."""
        if any(part.strip() for part in self.current):
            self.natural = False
            self._end_line(self.base + STEP if indent == self.base else indent, forced=True)
        else:
            self._end_line(self.indent, forced=True)

    def _end_line(self, next_indent: int, forced: bool = False) -> None:
        text = "".join(self.current).rstrip(" ")
        if text:
            if self.indent + len(text.partition("\n")[0]) > WIDTH:
                self.natural = False
            self.lines.append(OutLine(self.indent, text, self.pending[0] if self.pending else ()))
            rest = self.pending[1:]
        else:
            rest = self.pending
        below = max(self.indent, next_indent)
        self.lines += (OutLine(below, "", (comment,)) for comments in rest for comment in comments)
        self.pending = []
        self.current = []
        self.column = self.indent = next_indent
        if not forced:
            self.base = next_indent
