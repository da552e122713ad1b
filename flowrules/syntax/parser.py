"""Text to tree, with every mistake in it: a file is cut at its declarations, and each is parsed by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from attrs import frozen

from flowrules.model.source_text import SourceText, Span
from flowrules.model.structural import Structural
from flowrules.syntax import cut, grammar, marks, source_file, strings, tree
from flowrules.syntax.cut import Piece
from flowrules.syntax.declaration_builder import DeclarationBuilder
from flowrules.syntax.depth import too_deep
from flowrules.syntax.diagnostics import MOST, Diagnostic, diagnostic
from flowrules.syntax.machine import Machine, Stopped, Token
from flowrules.syntax.mends import MendedText
from flowrules.syntax.places import Places
from flowrules.syntax.stuck import Fault

_MOST_MENDS: Final = 20
_MENDABLE: Final = 1 << 16
_LINE_RULES: Final = {"profile": "profile_item", "test": "test_item", "tune": "tune_line", "map": "map_entry"}

_lock = threading.RLock()


@frozen(eq=False, repr=False)
class ParseResult(Structural):
    """What a file says, and what is wrong with it.

    ``file`` holds every declaration without a fault.  ``broken`` are the names that the others declare
    (features, verdicts and anomalies of a broken profile too): a use of one is no unknown name.
    """

    file: tree.File
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()


def parse(source: SourceText) -> ParseResult:
    """The tree of a ruleset file.  Any text gives a result; nothing is raised for what a text holds."""
    large = source_file.too_large(source.text, source.path)
    if large is not None:
        return ParseResult(
            tree.File(source.path, (), span=Places(SourceText(source.path, "")).span(0, 0)), (large,)
        )
    with _lock:
        return _Reader(source).file()


def parse_value(source: SourceText) -> tuple[tree.Value | None, tuple[Diagnostic, ...]]:
    """A value as a parameter takes it: from the command line, or from a site file."""
    with _lock:
        return _Reader(source).alone("value")


def parse_condition(source: SourceText) -> tuple[tree.Expression | None, tuple[Diagnostic, ...]]:
    """A condition that stands alone."""
    with _lock:
        return _Reader(source).alone("cond")


@cache
def _parser() -> tuple[Machine, DeclarationBuilder]:
    builder = DeclarationBuilder()
    return Machine(grammar.load(), builder), builder


def tokens_of(declaration: str) -> list[Token]:
    """The tokens of one declaration, as far as it can be read; nothing is built."""
    with _lock:
        return list(_parser()[0].tokens(declaration, "item"))


def can_follow(declaration: str) -> frozenset[str] | None:
    """The grammar's terminals that could follow a beginning of a declaration; ``None``: it is none."""
    with _lock:
        try:
            return _parser()[0].accepts(declaration, "item")
        except Stopped:
            return None


class _Reader:
    """Reads one text."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.places = Places(source)
        self.machine, self.builder = _parser()
        self.builder.places = self.places
        self.builder.parse_hole = self._hole
        self.builder.diagnostics = []
        self.found: list[Diagnostic] = []
        self.broken: set[str] = set()

    # ---- whole texts ----------------------------------------------------------------------------------

    def file(self) -> ParseResult:
        """The file's declarations and all that is wrong with them."""
        marked = marks.mark(self.places)
        pieces = cut.cut_file(marked.marks, marked.broken, self.places)
        self.found += (*marked.diagnostics, *pieces.diagnostics)
        self.text = _overwrite(marked.text, pieces.overwrites)
        self.unclosed = marked.broken
        self.bracket_faults = pieces.diagnostics
        items: list[Any] = []
        misplaced = False
        for piece in pieces.pieces:
            if len(self.found) >= MOST:
                break
            if piece.word is None or piece.word not in cut.DECLARATIONS:
                self._no_declaration(piece, misplaced)
                misplaced = piece.word is not None
                continue
            misplaced = False
            item = self._declaration(piece)
            if item is not None:
                items.append(item)
        self._one_ruleset(items)
        span = self.places.span(0, len(self.source.text))
        return ParseResult(
            tree.File(self.source.path, tuple(items), span=span), self._in_order(), frozenset(self.broken)
        )

    def alone(self, rule: str) -> tuple[Any, tuple[Diagnostic, ...]]:
        """A text that is one ``rule`` of the grammar."""
        marked = marks.mark(self.places)
        pieces = cut.cut_alone(marked.marks, marked.broken, self.places)
        self.found += (*marked.diagnostics, *pieces.diagnostics)
        text = _overwrite(marked.text, pieces.overwrites)
        node = None
        if not any(piece.faulty for piece in pieces.pieces):
            node = self._parse(text, 0, rule, rule)
        return (None if self.found else node), self._in_order()

    def _in_order(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self.found, key=lambda d: (d.span.start, d.span.end) if d.span else (0, 0)))

    def _one_ruleset(self, items: list[Any]) -> None:
        blocks = [item for item in items if isinstance(item, tree.Ruleset)]
        for second in blocks[1:]:
            items.remove(second)
            self.found.append(
                diagnostic(
                    "FR131",
                    f"a second ruleset, {second.name.text}, in one file",
                    second.name.span,
                    hint="give it a file of its own, and import it",
                    related=[(blocks[0].name.span, "the first one is here")],
                )
            )

    # ---- pieces ---------------------------------------------------------------------------------------

    def _declaration(self, piece: Piece) -> tree.Node | None:
        """A declaration, or ``None`` where it has a fault; every line of a faulty block is looked at."""
        before = len(self.found)
        node = None
        if not piece.faulty:
            node = self._parse(self.text[piece.start : piece.end], piece.start, "item", piece.word or "")
        if node is None and (piece.faulty or len(self.found) > before):
            block = cut.cut_block(piece, self.unclosed, self.bracket_faults, self.places)
            if block is not None:
                del self.found[before:]
                self.found += block.diagnostics
                self._block(block.pieces, piece.word or "")
                if len(self.found) == before and not piece.faulty:  # only the whole is wrong
                    self._parse(self.text[piece.start : piece.end], piece.start, "item", piece.word or "")
            self.broken.update(_declared(piece))
        return node

    def _block(self, pieces: tuple[Piece, ...], word: str) -> None:
        """Finds what is wrong in the header and the lines of a block."""
        header, *lines = pieces
        self._parse(self.text[header.start : header.end] + "}", header.start, "item", word)
        for line in lines:
            self.broken.update(_declared(line))
            if line.faulty:
                continue
            if line.word is None and line is lines[-1] and "}" in self.text[header.end : line.start]:
                self._no_declaration(line, False)
                continue
            text = self.text[line.start : line.end]
            kind = "map_entry" if word == "map" else line.word or word
            self._parse(text, line.start, _LINE_RULES[word], kind)

    def _no_declaration(self, piece: Piece, repeated: bool) -> None:
        """Reports a piece that begins with no declaration's word."""
        self.broken.update(_declared(piece))
        if piece.faulty or repeated:
            return
        from flowrules.syntax import faults

        first = piece.marks[0]
        span = self.places.span(first.start, first.end)
        self.found.append(faults.no_declaration(piece, span))

    # ---- one parse ------------------------------------------------------------------------------------

    def _parse(self, text: str, start: int, rule: str, word: str) -> Any:
        """The node of a piece that begins at ``start``, or ``None`` after its faults were reported.

        Where a fault can be mended beyond doubt, the piece is mended and parsed again, to find the next.
        """
        builder, mended = self.builder, MendedText(text)
        outer = builder.diagnostics
        reported: list[Diagnostic] = []
        node: Any = None
        try:
            for _ in range(_MOST_MENDS if len(text) < _MENDABLE else 1):
                builder.diagnostics = []
                origin = mended.origin if mended.is_mended else None
                try:
                    node = self.machine.parse(mended.text, rule, start, origin)
                    break
                except Stopped as stop:
                    fault = self._fault(mended, stop.at, rule, word)
                    if mended.is_mend(fault.start):
                        break
                    finding = self._finding(fault, start, mended)
                    if any((d.code, d.span) == (finding.code, finding.span) for d in reported):
                        break
                    reported.append(finding)
                    if fault.mend is None:
                        break
                    mended.replace(fault.start, fault.end, fault.mend)
            literal_faults = [d for d in builder.diagnostics if not _within(d, reported)]
        finally:
            builder.diagnostics = outer
        if not reported and not literal_faults:
            deep = too_deep(text, node) if node is not None else None
            if deep is None:
                return node
            message = f"operations are nested deeper than {cut.DEEPEST}"
            reported.append(
                diagnostic("FR127", message, deep.span, hint="split it into named filters or sets")
            )
        self.found += reported
        self.found += literal_faults
        return None

    def _fault(self, mended: MendedText, at: int, rule: str, word: str) -> Fault:
        """Why the parse of a piece stopped."""
        from flowrules.syntax import faults  # only where something is wrong: it costs more than a parse

        try:
            accepts = self.machine.accepts(mended.text[:at], rule)
        except Stopped:
            accepts = frozenset()
        return faults.find(mended.text, at, accepts, word)

    def _finding(self, fault: Fault, base: int, mended: MendedText) -> Diagnostic:
        def place(start: int, end: int) -> Span:
            first = mended.origin(start)
            return self.places.span(base + first, base + max(first, mended.origin(end)))

        return fault.diagnostic(place(fault.start, fault.end), place)

    def _hole(self, text: str, start: int) -> tree.Expression | None:
        """The expression in the braces of a text; what is wrong with it goes to the builder's diagnostics."""
        stripped = text.strip()
        at = start + text.find(stripped) if stripped else start
        name = strings.plain_name(stripped)
        span = (
            self.places.span(at, at + len(stripped)) if stripped else self.places.span(start - 1, start + 1)
        )
        if name is not None:
            if name == ("verdict",):
                return tree.VerdictValue(span=span)
            return tree.Name(name, span=span)
        try:
            return self.machine.parse(stripped, "hole", at)  # type: ignore[no-any-return]
        except Stopped:
            from flowrules.syntax import faults

            self.builder.diagnostics.append(faults.malformed_hole(stripped, span))
            return None


def _within(d: Diagnostic, reported: list[Diagnostic]) -> bool:
    """Whether a literal's fault lies within a fault already reported."""
    return any(d.span and r.span and r.span.start <= d.span.start <= r.span.end for r in reported)


def _declared(piece: Piece) -> Iterator[str]:
    """The name that a piece declares, as far as one can tell."""
    for n, mark in enumerate(piece.marks[:-1]):
        if mark.text == piece.word:
            following = piece.marks[n + 1]
            if following.kind == "word":
                yield following.text
            return


def _overwrite(text: str, overwrites: tuple[tuple[int, str], ...]) -> str:
    characters = list(text) if overwrites else []
    for start, new in overwrites:
        characters[start : start + len(new)] = new
    return "".join(characters) if overwrites else text
