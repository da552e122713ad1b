"""A file's words as its lines: declarations in the order written, blocks indented, neighbours aligned."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from flowrules.syntax.formatting.alignment import aligned, written
from flowrules.syntax.formatting.declarations import Laid, lay_out_attribute, lay_out_item
from flowrules.syntax.formatting.documents import STEP, OutLine
from flowrules.syntax.formatting.shapes import Block, Item, items_of
from flowrules.syntax.formatting.words import Remark, Word, words
from flowrules.syntax.tokens import Token

_BLANK = OutLine(0, "")


def layout(tokens: Sequence[Token]) -> str:
    """The text of a file that has been parsed without a fault, in the one layout."""
    found, remarks = words(tokens)
    lines = _item_lines(items_of(found), 0)
    lines += _remark_lines(remarks, 0, bool(lines))
    return "".join(f"{line}\n" for line in written(lines))


def _item_lines(items: Sequence[Item], indent: int) -> list[OutLine]:
    """The lines of the items of a file (``indent`` 0) or of a block."""
    laid = _in_columns(items, [lay_out_item(item, indent) for item in items], indent)
    lines: list[OutLine] = []
    for n, (item, own) in enumerate(zip(items, laid, strict=True)):
        set_off = indent == 0 and n > 0 and (item.has_block or items[n - 1].has_block)
        if n > 0 and (set_off or item.first.has_blank):
            lines.append(_BLANK)
        lines += _above(item.first, indent)
        for k, attribute in enumerate(item.attributes):
            if k:
                lines += _above(_first_of(attribute), indent)
            lines += lay_out_attribute(attribute, indent)
        if item.attributes:
            lines += _above(_first_of(item.shapes), indent)
        lines += own.lines
        if item.block is not None:
            lines = _with_block(lines, item.block, indent)
    return lines


def _with_block(lines: list[OutLine], block: Block, indent: int) -> list[OutLine]:
    """Lines that end with the brace of a block, with the block's lines and its end."""
    inside = _item_lines(block.items, indent + STEP)
    inside += _remark_lines(block.close.before, indent + STEP, bool(inside))
    opening = lines[-1]
    if not inside and not opening.comment:
        return [*lines[:-1], evolve(opening, text=opening.text + "}", comment=block.close.after)]
    ends_with_comments = not opening.text or len(opening.comment) > 1
    if ends_with_comments and inside and inside[0] != _BLANK:
        lines.append(_BLANK)  # so that none of the comments behind the brace describes the first line
    return [*lines, *inside, OutLine(indent, "}", block.close.after)]


def _first_of(shapes: Sequence[object]) -> Word:
    first = shapes[0]
    assert isinstance(first, Word)
    return first


def _above(word: Word, indent: int) -> list[OutLine]:
    """The comments above an item, and the blank line between them and it."""
    lines = _remark_lines(word.before, indent, False)
    if word.before and word.blank:
        lines.append(_BLANK)
    return lines


def _remark_lines(remarks: Sequence[Remark], indent: int, follows: bool) -> list[OutLine]:
    """Comments on lines of their own; ``follows``: a blank line may stand before the first."""
    lines: list[OutLine] = []
    for remark in remarks:
        if remark.blank and (lines or follows):
            lines.append(_BLANK)
        lines.append(OutLine(indent, "", (remark.text,)))
    return lines


def _in_columns(items: Sequence[Item], laid: list[Laid], indent: int) -> list[Laid]:
    """Items with those of neighbours that are alike aligned: no blank line, nothing else between them."""
    n = 0
    while n < len(items):
        first, end = laid[n].cells, n + 1
        if first is not None:
            while end < len(items) and _goes_on(items[end], laid[end], laid[n]):
                end += 1
            run = laid[n:end]
            texts = aligned([own.cells for own in run if own.cells is not None], indent)
            laid[n:end] = [
                evolve(own, lines=(evolve(own.lines[0], text=text),))
                for own, text in zip(run, texts, strict=True)
            ]
        n = end
    return laid


def _goes_on(item: Item, own: Laid, first: Laid) -> bool:
    if own.cells is None or first.cells is None or own.cells.kind != first.cells.kind:
        return False
    return not (item.first.blank or any(remark.blank for remark in item.first.before))
