"""Expressions, lists and clauses as documents: where a space stands, and where a line may break."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from attrs import evolve

from flowrules.syntax.formatting.documents import (
    HARD,
    LINE,
    SOFT,
    SPACE,
    Document,
    Fill,
    Group,
    Join,
    Line,
    Nest,
    Text,
    joined,
)
from flowrules.syntax.formatting.shapes import (
    Bracket,
    Shape,
    first_word,
    is_keyword,
    is_mark,
    split,
)
from flowrules.syntax.formatting.words import Remark, Word


class Mode(Enum):
    """What stands here: it decides what ``/`` and ``-`` are, and what a parenthesis holds."""

    PREDICATE = auto()
    CONDITION = auto()
    SET = auto()
    ITEMS = auto()
    TYPE = auto()


def text(word: Word, keep_blank: bool = False) -> Text:
    """A word with its comments; blank lines among them only where they are kept."""
    if keep_blank:
        return Text(word.text, word.before, word.after, blank=word.blank and bool(word.before))
    return Text(word.text, tuple(Remark(r.text) for r in word.before), word.after)


# ---- chains -------------------------------------------------------------------------------------------


def is_chain(shapes: Sequence[Shape], mode: Mode) -> bool:
    """Whether there is an operator that a line can break at."""
    return any(_operator(mode, level, shape) for level in (0, 1) for shape in shapes)


def chain(shapes: Sequence[Shape], mode: Mode, nested: bool = False) -> Document:
    """An expression; where it breaks, lines begin with its loosest operators, tighter ones a step further in.

    ``nested``: it begins in the middle of a line, so that its further lines stand one step in.
    """
    for level in (0, 1):
        first, *others = split(shapes, lambda shape, level=level: _operator(mode, level, shape))  # type: ignore[misc]
        if not others:
            continue
        rest: list[Document] = []
        for operator, *operand in others:
            rest += (LINE, text(first_word(operator)), SPACE, _operand(operand, mode))
        return Join((_operand(first, mode), Nest(tuple(rest)) if nested else Join(tuple(rest))))
    return run(shapes, mode)


def mixes(shapes: Sequence[Shape], mode: Mode) -> bool:
    """Whether looser and tighter operators stand side by side, so that line breaks help to read them."""
    return all(any(_operator(mode, level, shape) for shape in shapes) for level in (0, 1))


def _operator(mode: Mode, level: int, shape: Shape) -> bool:
    if mode is Mode.SET:
        return is_mark(shape, *("|-^" if level == 0 else "&"))
    return mode in (Mode.PREDICATE, Mode.CONDITION) and is_keyword(shape, ("or", "and")[level])


def _operand(shapes: Sequence[Shape], mode: Mode) -> Document:
    if mode is Mode.SET:
        members = _members(shapes)
        if members is not None:
            return members
    return Group((chain(shapes, mode, nested=True),)) if is_chain(shapes, mode) else run(shapes, mode)


def _members(shapes: Sequence[Shape]) -> Document | None:
    """``sip of request where …`` within a set."""
    of = next((n for n, s in enumerate(shapes) if is_keyword(s, "of")), None)
    if of is None:
        return None
    parts = split(shapes[of:], lambda s: is_keyword(s, "where"))
    clauses = (clause(part, Mode.PREDICATE) for part in parts)
    return Group((run(shapes[:of], Mode.SET), Nest(tuple(d for c in clauses for d in (LINE, c)))))


def clause(shapes: Sequence[Shape], mode: Mode) -> Document:
    """A keyword and what it governs."""
    keyword, rest = first_word(shapes[0]), shapes[1:]
    if not rest:
        return text(keyword)
    inner: Document = Nest((comma_fill(rest, mode),)) if has_comma(rest) else chain(rest, mode, nested=True)
    return Join((text(keyword), SPACE, Group((inner,))))


# ---- lists --------------------------------------------------------------------------------------------


def has_comma(shapes: Sequence[Shape]) -> bool:
    """Whether shapes are a list without brackets."""
    return any(is_mark(shape, ",") for shape in shapes)


def comma_parts(shapes: Sequence[Shape], mode: Mode, keep_blank: bool = False) -> list[Document]:
    """The items of a list, each with the comma after it."""
    out: list[Document] = []
    item: list[Shape] = []
    for shape in shapes:
        if isinstance(shape, Word) and shape.text == ",":
            out.append(Join((chain_or_run(item, mode, keep_blank and bool(out)), text(shape))))
            item = []
        else:
            item.append(shape)
    if item:
        out.append(chain_or_run(item, mode, keep_blank and bool(out)))
    return out


def chain_or_run(shapes: Sequence[Shape], mode: Mode, keep_blank: bool = False) -> Document:
    """One item of a list."""
    return Group((chain(shapes, mode),)) if is_chain(shapes, mode) else run(shapes, mode, keep_blank)


def comma_fill(shapes: Sequence[Shape], mode: Mode) -> Document:
    """A list without brackets, broken where a line is full; with comments in it, where the author broke it."""
    parts = comma_parts(shapes, mode, keep_blank=True)
    if not Join(tuple(parts)).breaks:
        return Fill(tuple(parts))
    return _as_written(shapes, parts)


def _as_written(shapes: Sequence[Shape], parts: Sequence[Document]) -> Document:
    """Items on the lines on which their author wrote them."""
    firsts: list[Word] = []
    begins = True
    for shape in shapes:
        if begins:
            firsts.append(first_word(shape))
        begins = isinstance(shape, Word) and shape.text == ","
    lines: list[list[Document]] = []
    blanks: list[bool] = []
    for part, word in zip(parts, firsts, strict=True):
        ended = bool(lines) and lines[-1][-1].ends
        if not lines or word.own_line or word.before or ended:
            lines.append([])
            blanks.append(bool(lines[:-1]) and word.has_blank and not word.before)
        lines[-1].append(part)
    out: list[Document] = []
    for line, blank in zip(lines, blanks, strict=True):
        if out:
            out.append(Line(hard=True, blank=blank) if blank else HARD)
        out.append(Fill(tuple(line)))
    return Join(tuple(out))


def listed(bracket: Bracket) -> Document:
    """A list, a set or imported names: filled lines between its brackets, and a comma after the last."""
    inside = list(bracket.inside)
    if not inside:
        return _empty(bracket)
    last_comma = Text(",", only_broken=True)
    if isinstance(inside[-1], Word) and inside[-1].text == ",":
        last_comma = evolve(last_comma, after=inside[-1].after)
        inside.pop()
    items = Join((comma_fill(inside, Mode.ITEMS), last_comma))
    return _between(bracket, items)


def arguments(bracket: Bracket, mode: Mode) -> Document:
    """What stands in a call, a lookup, a tuple or after ``2 of``: one a line, where one line does not do."""
    if not bracket.inside:
        return _empty(bracket)
    return _between(bracket, joined(comma_parts(bracket.inside, mode), LINE))


def _between(bracket: Bracket, inside: Document) -> Document:
    remarks, closing = _closing(bracket)
    return Group((text(bracket.open), Nest((SOFT, inside, *remarks)), SOFT, closing))


def _empty(bracket: Bracket) -> Document:
    """Brackets without anything between them but perhaps comments."""
    remarks, closing = _closing(bracket)
    if not bracket.open.after and not remarks:
        return Join((text(bracket.open), closing))
    return Join((text(bracket.open), Nest(remarks), HARD, closing))


def _closing(bracket: Bracket) -> tuple[tuple[Document, ...], Text]:
    """The comments above a closing bracket, which stand inside, and the bracket."""
    before = bracket.close.before
    remarks = (HARD, Text("", tuple(Remark(r.text) for r in before))) if before else ()
    return remarks, Text(bracket.close.text, (), bracket.close.after)


# ---- what stands on a line ----------------------------------------------------------------------------


def run(shapes: Sequence[Shape], mode: Mode, keep_blank: bool = False) -> Document:
    """Shapes with the spaces between them, broken nowhere but in brackets."""
    out: list[Document] = []
    for n, shape in enumerate(shapes):
        before = shapes[n - 1] if n else None
        if before is not None and _is_spaced(before, shape, mode):
            out.append(SPACE)
        if isinstance(shape, Word):
            out.append(text(shape, keep_blank and n == 0))
        else:
            out.append(_bracket(shape, shapes[:n], mode))
    return Join(tuple(out))


_TYPE_WORDS: Final = ("ports", "nets", "schedule", "set", "table", "map")


def _is_spaced(before: Shape, shape: Shape, mode: Mode) -> bool:
    if is_mark(before, "@") or is_mark(shape, ",") or (isinstance(shape, Word) and shape.kind == "version"):
        return False
    if mode is not Mode.CONDITION and (is_mark(before, "/") or is_mark(shape, "/")):
        return False
    if mode not in (Mode.CONDITION, Mode.SET) and (is_mark(before, "-") or is_mark(shape, "-")):
        return False
    if mode is Mode.TYPE and is_mark(shape, ":"):
        return False
    if isinstance(shape, Bracket):
        if shape.open.text == "[":
            return False
        if shape.open.text == "(" and isinstance(before, Word):
            return not (before.kind == "name" or (mode is Mode.TYPE and before.text in _TYPE_WORDS))
    return True


def _bracket(bracket: Bracket, before: Sequence[Shape], mode: Mode) -> Document:
    if bracket.open.text == "{":
        return listed(bracket)
    if bracket.open.text == "[":
        return arguments(bracket, Mode.PREDICATE)
    if mode is Mode.TYPE:
        return arguments(bracket, Mode.TYPE)
    previous = before[-1] if before else None
    if isinstance(previous, Word) and previous.kind == "name":
        return arguments(bracket, Mode.PREDICATE)
    if mode is Mode.ITEMS or (previous is not None and is_keyword(previous, "in", "except")):
        return listed(bracket)
    if previous is not None and is_keyword(previous, "matches"):
        return arguments(bracket, Mode.ITEMS)
    inner = mode
    if previous is not None and is_keyword(previous, "of"):
        counted = len(before) > 1 and isinstance(before[-2], Word) and before[-2].kind == "number"
        inner = Mode.CONDITION if counted else Mode.PREDICATE
    if has_comma(bracket.inside):
        return arguments(bracket, Mode.CONDITION if inner is Mode.CONDITION else Mode.PREDICATE)
    return _between(bracket, chain(bracket.inside, inner))
