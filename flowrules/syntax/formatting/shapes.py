"""Words into the shapes that a layout sees: declarations, their blocks, and what stands in brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from attrs import evolve, frozen

from flowrules.syntax.cut import DECLARATIONS, PROFILE_ITEMS
from flowrules.syntax.formatting.words import Word

_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_LINES_OF: Final = {"ruleset": "metadata", "map": "label", "entry": "column", "tune": "tuned"}
_BLOCKS: Final = frozenset({"ruleset", "map", "profile", "entry", "test", "tune"})


@frozen
class Bracket:
    """Brackets and what stands in them."""

    open: Word
    inside: tuple[Shape, ...]
    close: Word


Shape: TypeAlias = Word | Bracket


@frozen
class Item:
    """A declaration, or a line of a block.

    ``kind`` is its keyword (``metadata``, ``label``, ``column`` and ``tuned`` for lines of a ruleset, a
    map, an entry and a tune), ``attributes`` those above it, ``shapes`` the rest up to its block, if it has one.
    """

    kind: str
    attributes: tuple[tuple[Shape, ...], ...]
    shapes: tuple[Shape, ...]
    block: Block | None = None

    @property
    def has_block(self) -> bool:
        """Whether it is a block, or a test."""
        return self.block is not None

    @property
    def first(self) -> Word:
        """Its first word: the comments above belong to the whole."""
        return first_word(self.attributes[0][0] if self.attributes else self.shapes[0])


@frozen
class Block:
    """The lines between the braces of a declaration."""

    open: Word
    items: tuple[Item, ...]
    close: Word


def text_of(shape: Shape) -> str:
    """The text of a word, or of a bracket's opening."""
    return shape.text if isinstance(shape, Word) else shape.open.text


def first_word(shape: Shape) -> Word:
    """The word that a shape begins with."""
    return shape if isinstance(shape, Word) else shape.open


def is_keyword(shape: Shape, *texts: str) -> bool:
    """Whether a shape is one of these keywords."""
    return isinstance(shape, Word) and shape.kind == "keyword" and shape.text in texts


def is_mark(shape: Shape, *texts: str) -> bool:
    """Whether a shape is one of these marks."""
    return isinstance(shape, Word) and shape.kind == "mark" and shape.text in texts


def items_of(found: Sequence[Word]) -> tuple[Item, ...]:
    """The declarations of a file that has been parsed without a fault."""
    shapes = _bracketed(iter(found), None)[0]
    return _items(shapes, "file")


def split(shapes: Sequence[Shape], at: Callable[[Shape], bool]) -> list[list[Shape]]:
    """Shapes cut before each one that ``at`` holds of (but the first)."""
    out: list[list[Shape]] = [[]]
    for shape in shapes:
        if out[-1] and at(shape):
            out.append([])
        out[-1].append(shape)
    return out


def _bracketed(found: Iterator[Word], opening: str | None) -> tuple[tuple[Shape, ...], Word | None]:
    """Shapes up to the bracket that closes ``opening``, and that bracket."""
    out: list[Shape] = []
    for word in found:
        if word.kind == "mark" and word.text in _CLOSING:
            inside, close = _bracketed(found, word.text)
            assert close is not None
            out.append(Bracket(word, inside, close))
        elif opening is not None and word.kind == "mark" and word.text == _CLOSING[opening]:
            return tuple(out), word
        else:
            out.append(word)
    return tuple(out), None


# ---- where items begin --------------------------------------------------------------------------------


def _items(shapes: Sequence[Shape], block: str) -> tuple[Item, ...]:
    starts = _starts(shapes, block)
    return tuple(_item(shapes[a:b], block) for a, b in pairwise((*starts, len(shapes))))


_LINE_WORDS: Final = {
    "file": DECLARATIONS,
    "profile": PROFILE_ITEMS,
    "test": frozenset({"param", "flows", "previous", "expect"}),
    "tune": frozenset({"param", "set", "filter", "severity", "disable"}),
}


def _starts(shapes: Sequence[Shape], block: str) -> list[int]:
    if block == "ruleset":
        return _metadata_starts(shapes)
    if block == "entry":
        return _column_starts(shapes)
    if block == "map":
        return [
            n
            for n, s in enumerate(shapes[:-1])
            if isinstance(s, Word) and s.kind == "string" and is_mark(shapes[n + 1], "=")
        ]
    starts: list[int] = []
    in_attributes = False
    for n, shape in enumerate(shapes):
        if is_mark(shape, "@"):
            if not in_attributes:
                starts.append(n)
            in_attributes = True
        elif is_keyword(shape, *_LINE_WORDS[block]) and _begins(shapes, n):
            if not in_attributes:
                starts.append(n)
            in_attributes = False
    return starts


def _begins(shapes: Sequence[Shape], n: int) -> bool:
    """Whether the keyword at ``n`` begins a line: not as a type, nor ``verdict`` as a value."""
    if n and is_mark(shapes[n - 1], ":"):
        return False
    if text_of(shapes[n]) == "verdict":
        following = shapes[n + 1] if n + 1 < len(shapes) else None
        return isinstance(following, Word) and following.kind == "name"
    return True


def _metadata_starts(shapes: Sequence[Shape]) -> list[int]:
    starts: list[int] = []
    n = 0
    while n < len(shapes):
        starts.append(n)
        n += 2
        while n < len(shapes) and is_mark(shapes[n], ","):
            n += 2
    return starts


def _column_starts(shapes: Sequence[Shape]) -> list[int]:
    """A name begins a column where what stands before it is complete, but not directly after a name that does."""
    starts: list[int] = []
    for n, shape in enumerate(shapes):
        if not isinstance(shape, Word) or shape.kind != "name":
            continue
        if n == 0 or (starts[-1] != n - 1 and _is_complete(shapes[n - 1])):
            starts.append(n)
    return starts


def _is_complete(shape: Shape) -> bool:
    """Whether an operand can end with a shape."""
    return isinstance(shape, Bracket) or shape.kind not in ("mark", "keyword") or shape.text == "verdict"


# ---- one item -----------------------------------------------------------------------------------------


def _item(shapes: Sequence[Shape], block: str) -> Item:
    attributes: list[tuple[Shape, ...]] = []
    at = 0
    while is_mark(shapes[at], "@"):
        end = at + 3 if isinstance(shapes[at + 2], Bracket) else at + 2
        attributes.append(tuple(shapes[at:end]))
        at = end
    rest = tuple(shapes[at:])
    kind = _LINES_OF.get(block) or text_of(rest[0])
    last = rest[-1]
    if kind in _BLOCKS and isinstance(last, Bracket) and last.open.text == "{":
        # The brace ends its line: a comment above it goes behind it.
        behind = (*(remark.text for remark in last.open.before), *last.open.after)
        opening = evolve(last.open, before=(), after=behind)
        body = Block(opening, _items(last.inside, kind), last.close)
        return Item(kind, tuple(attributes), rest[:-1], body)
    return Item(kind, tuple(attributes), rest)
