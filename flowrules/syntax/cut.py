"""A file into its declarations, and a block into its lines, so that each can be parsed by itself.

Brackets are matched on the way.  Where they do not match, what stands at the start of a line decides:
a declaration never begins inside a parenthesis, and inside an open brace only if it is indented no more than
the block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen

from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.syntax.diagnostics import MOST, Diagnostic, diagnostic
from flowrules.syntax.marks import RESERVED, Mark
from flowrules.syntax.places import Places

DEEPEST: Final = 200
"""How deep brackets and operations may be nested."""

DECLARATIONS: Final = frozenset(
    "ruleset import param ports nets schedule map filter set table profile anomaly check test tune".split()  # noqa: SIM905
)
PROFILE_ITEMS: Final = frozenset("hosts feature verdict anomaly entry".split())  # noqa: SIM905
_ONLY_IN_PROFILE: Final = PROFILE_ITEMS - DECLARATIONS
_TEST_ITEMS: Final = frozenset("param flows previous expect".split())  # noqa: SIM905
_TUNE_LINES: Final = frozenset("param set filter severity disable".split())  # noqa: SIM905
BLOCKS: Final = {"profile": PROFILE_ITEMS, "test": _TEST_ITEMS, "tune": _TUNE_LINES, "map": frozenset[str]()}
"""The words that begin the lines of each block."""

_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_CONTINUES: Final = frozenset(
    "= : , ( [ | & - ^ + * / < > <= >= != @ and or not in of per keep where when".split()  # noqa: SIM905
)
"""After one of these, something must follow that is no declaration."""


@frozen(eq=False, repr=False)
class Piece(Structural):
    """A piece of a text: its first word (``None``: no declaration begins here), marks and place.

    ``faulty`` says that a bracket or a string in it was already reported, so that it cannot be parsed.
    """

    word: str | None
    marks: tuple[Mark, ...]
    faulty: bool = False

    @property
    def start(self) -> int:
        """The offset of its first character."""
        return self.marks[0].start

    @property
    def end(self) -> int:
        """The offset after its last character."""
        return self.marks[-1].end


@frozen(eq=False, repr=False)
class Cut(Structural):
    """The pieces of a text, what was found wrong with its brackets, and brackets to write over wrong ones."""

    pieces: tuple[Piece, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    overwrites: tuple[tuple[int, str], ...] = ()


def cut_file(marks: Sequence[Mark], broken: Sequence[int], places: Places) -> Cut:
    """The declarations of a file."""
    cutter = _Cutter(marks, broken, places, None)
    cut = cutter.run()
    if cutter.left_open:
        cut = _Cutter(marks, broken, places, None, by_layout=True).run()
    return cut


def cut_block(
    piece: Piece, broken: Sequence[int], faults: Sequence[Diagnostic], places: Places
) -> Cut | None:
    """The header of a block and its lines; ``None`` where the piece is no block with lines.

    The header, up to its open brace, is the first piece; what follows the closing brace is the last.  ``faults`` are those that the file's brackets had: a line that holds one is
    faulty.
    """
    words = BLOCKS.get(piece.word or "")
    opening = next((n for n, m in enumerate(piece.marks) if m.text == "{"), None)
    if words is None or opening is None:
        return None
    header, body = piece.marks[: opening + 1], piece.marks[opening + 1 :]
    rest: tuple[Mark, ...] = ()
    depth = 1
    for n, mark in enumerate(body):
        depth += {"{": 1, "}": -1}.get(mark.text, 0)
        if depth == 0:
            body, rest = body[:n], body[n + 1 :]
            break
    cutter = _Cutter(body, broken, places, piece.word)
    cut = cutter.run()
    if cutter.left_open:
        cut = _Cutter(body, broken, places, piece.word, by_layout=True).run()
    spots = [d.span.start for d in faults if d.span]
    lines = tuple(
        evolve(line, faulty=line.faulty or any(line.start <= spot < line.end for spot in spots))
        for line in cut.pieces
    )
    after = (Piece(None, rest),) if rest else ()
    known = {(d.code, d.span.start) for d in faults if d.span}
    new = tuple(d for d in cut.diagnostics if d.span and (d.code, d.span.start) not in known)
    return Cut((Piece(piece.word, header), *lines, *after), new)


class _Cutter:
    """One walk over marks; ``block`` is the word of the block whose lines are cut, ``None`` for a file."""

    def __init__(
        self,
        marks: Sequence[Mark],
        broken: Sequence[int],
        places: Places,
        block: str | None,
        by_layout: bool = False,
    ) -> None:
        self.marks = marks
        self.broken = frozenset(broken)
        self.places = places
        self.block = block
        self.words = DECLARATIONS | PROFILE_ITEMS if block is None else BLOCKS.get(block, frozenset())
        self.by_layout = by_layout
        self.left_open = False
        self.open: list[Mark] = []
        self.found: list[Diagnostic] = []
        self.overwrites: list[tuple[int, str]] = []
        self.pieces: list[Piece] = []
        self.begin = self.attributes_end = 0
        self.braced = False
        self.word: str | None = None
        self.faulty = False
        self.too_deep = False

    def run(self) -> Cut:
        words, labelled = self.words, self.block == "map"
        for n, mark in enumerate(self.marks):
            kind, text = mark.kind, mark.text
            if kind == "word":
                if text in words and self._starts(n):
                    self._next_piece(n, text)
                continue
            if (text == "@" or labelled) and self._begins_line(n):
                self._next_piece(n, None if text == "@" else text)
            if kind == "open":
                self._opens(mark)
            elif kind == "close":
                self._closes(mark)
            elif mark.start in self.broken:
                self.faulty = True
        self._report_open()
        self._end_piece(len(self.marks))
        return Cut(tuple(self.pieces), tuple(self.found), tuple(self.overwrites))

    # ---- where a piece begins -------------------------------------------------------------------------

    def _starts(self, n: int) -> bool:
        """Whether the keyword at ``n`` begins a declaration (or a line of the block)."""
        mark = self.marks[n]
        previous = self.marks[n - 1] if n > self.begin else None
        named = self._is_named(n)
        if previous is None:
            return True
        if self.open:
            return mark.first and named and self._ends_open(mark)
        if self._follows_attributes(n):
            return False
        if self.block is None and mark.text in _ONLY_IN_PROFILE:
            inside = self.word in _ONLY_IN_PROFILE or (self.word == "profile" and not self.braced)
            return mark.first and not inside and not self._continues(n)
        if previous.text in self.words and not mark.first and not (named and self._is_value(n - 1)):
            return False  # a reserved word as a name: `ports check = 80`
        if previous.text == ":" and self._continues(n) and not (mark.first and named):
            return False  # a type: `param servers : set = {}`
        if mark.first:
            return named or not self._continues(n)
        return named and not self._continues(n)

    def _continues(self, n: int) -> bool:
        """Whether what stands before ``n`` asks for more, so that no declaration begins there."""
        previous = self.marks[n - 1]
        if previous.text not in _CONTINUES or n < 2:
            return previous.text in _CONTINUES
        before = self.marks[n - 2]
        if previous.text == "in" and before.text in ("=", ",", "("):
            return False  # the flow type: `ports web = in`
        return not (previous.text == before.text == ":" and before.end == previous.start)  # `nets any = ::`

    def _is_value(self, n: int) -> bool:
        """Whether a declaration's word at ``n`` is none there: the type `ports`, the value `verdict`."""
        if self.marks[n].text == "verdict":
            return self.block is None and self.word != "verdict"
        return n > 0 and self.marks[n - 1].text == ":"

    def _is_named(self, n: int) -> bool:
        """Whether what follows the keyword at ``n`` is what follows it in a declaration."""
        mark = self.marks[n]
        following = self.marks[n + 1] if n + 1 < len(self.marks) else None
        if following is None:
            return False
        if mark.text == "test":
            return following.kind == "string"
        if mark.text == "entry":
            return following.text in ("of", "when", "{")
        if self.block == "test":
            if mark.text == "flows":
                return following.kind == "string" or following.text == "file"
            if mark.text == "expect":
                return True
            if mark.text == "previous":
                after = self.marks[n + 2] if n + 2 < len(self.marks) else None
                return following.kind == "word" and after is not None and after.text == "="
        return following.kind == "word" and following.text not in RESERVED

    def _begins_line(self, n: int) -> bool:
        """Whether a mark that is no keyword begins a piece: ``@`` of an attribute, a label of a map."""
        mark = self.marks[n]
        if self.open or n == self.begin:
            return False
        if mark.text == "@":
            return self.marks[n - 1].end < mark.start and not self._follows_attributes(n)
        if self.block == "map":
            return mark.kind == "string" and n + 1 < len(self.marks) and self.marks[n + 1].text == "="
        return False

    def _follows_attributes(self, n: int) -> bool:
        """Whether the piece holds nothing but attributes so far, so that the keyword at ``n`` belongs to it."""
        if self.word is not None or n == self.begin or self.marks[self.begin].text != "@":
            return False
        at = self.attributes_end
        while at < n and self.marks[at].text == "@":
            at += 2
            if at < n and self.marks[at].text == "(":
                depth = 0
                while at < n:
                    depth += {"open": 1, "close": -1}.get(self.marks[at].kind, 0)
                    at += 1
                    if depth == 0:
                        break
        if at <= n:
            self.attributes_end = at
        if at == n:
            self.word = self.marks[n].text if self.marks[n].text != "@" else None
            return True
        return False

    def _ends_open(self, mark: Mark) -> bool:
        """Whether a keyword at the start of a line shows that the open brackets were never closed."""
        if all(m.text != "{" for m in self.open) or (self.block and self.open[-1].text != "{"):
            return True
        if not self.by_layout or (self.block is None and mark.text in _ONLY_IN_PROFILE):
            return False
        return self.places.column(mark.start) <= self.places.column(self.marks[self.begin].start)

    def _next_piece(self, n: int, word: str | None) -> None:
        self._report_open()
        self._end_piece(n)
        self.word = word

    def _end_piece(self, n: int) -> None:
        if n > self.begin:
            self.pieces.append(Piece(self.word, tuple(self.marks[self.begin : n]), self.faulty))
        self.begin = self.attributes_end = n
        self.word, self.faulty, self.braced = None, False, False

    # ---- brackets -------------------------------------------------------------------------------------

    def _opens(self, mark: Mark) -> None:
        self.open.append(mark)
        self.braced = self.braced or mark.text == "{"
        if len(self.open) > DEEPEST and not self.too_deep:
            self.too_deep = self.faulty = True
            self._report(
                "FR127",
                f"brackets are nested deeper than {DEEPEST}",
                mark,
                "split it into named filters or sets",
            )

    def _closes(self, mark: Mark) -> None:
        if not self.open:
            if self.word == "profile" and not self.braced:
                return
            self.faulty = True
            self._report(
                "FR104", f"`{mark.text}` closes nothing", mark, "delete it, or write what it should close"
            )
            return
        opening = self.open[-1]
        if _CLOSING[opening.text] == mark.text or self.too_deep:
            self.open.pop()
            return
        place = (self.places.span(opening.start, opening.end), f"`{opening.text}` is opened here")
        if any(_CLOSING[m.text] == mark.text for m in self.open[-2 * DEEPEST :]):
            while _CLOSING[self.open[-1].text] != mark.text:
                self._report_unclosed(self.open.pop())
            self.open.pop()
            return
        self._report(
            "FR104",
            f"`{mark.text}` cannot close `{opening.text}`",
            mark,
            f"write {_CLOSING[opening.text]}",
            related=(place,),
            fix=_CLOSING[opening.text],
        )
        self.overwrites.append((mark.start, _CLOSING[opening.text]))
        self.open.pop()

    def _report_open(self) -> None:
        """Reports the innermost bracket still open, with the others beside it."""
        if not self.open:
            return
        self.left_open = self.left_open or any(m.text == "{" for m in self.open)
        innermost = self.open.pop()
        others = [(self.places.span(m.start, m.end), "this one is open too") for m in self.open[-3:]]
        self._report_unclosed(innermost, others)
        self.open.clear()

    def _report_unclosed(self, opening: Mark, related: Sequence[tuple[Span, str]] = ()) -> None:
        self.faulty = True
        if self.too_deep:
            return
        closing = _CLOSING[opening.text]
        self._report(
            "FR103", f"`{opening.text}` is never closed", opening, f"write {closing} where it ends", related
        )

    def _report(
        self,
        code: str,
        message: str,
        mark: Mark,
        hint: str,
        related: Sequence[tuple[Span, str]] = (),
        fix: str | None = None,
    ) -> None:
        if len(self.found) >= MOST:
            return
        span = self.places.span(mark.start, mark.end)
        self.found.append(diagnostic(code, message, span, hint=hint, related=related, fix=fix))


def cut_alone(marks: Sequence[Mark], broken: Sequence[int], places: Places) -> Cut:
    """A text that is no file but one value or condition: only its brackets are looked at."""
    return _Cutter(marks, broken, places, "").run()
