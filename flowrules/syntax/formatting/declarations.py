"""Each kind of declaration: the layouts that it may have, from one line to all its clauses on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import evolve, frozen

from flowrules.syntax.formatting.documents import (
    HARD,
    SPACE,
    Document,
    Group,
    Join,
    Layout,
    Nest,
    OutLine,
    joined,
    lay_out,
)
from flowrules.syntax.formatting.expressions import (
    Mode,
    chain,
    clause,
    comma_fill,
    has_comma,
    is_chain,
    mixes,
    run,
    text,
)
from flowrules.syntax.formatting.shapes import Item, Shape, first_word, is_keyword, is_mark, split
from flowrules.syntax.formatting.words import Word


@frozen
class Cells:
    """A one-line item in the pieces that are aligned with those of its neighbours.

    Neighbours of one ``kind`` are aligned; ``titled`` ones have a title as their second piece.
    """

    kind: str
    texts: tuple[str, ...]
    titled: bool = False


@frozen
class Laid:
    """An item laid out, up to its block; ``cells`` where it is one line that can be aligned."""

    lines: tuple[OutLine, ...]
    cells: Cells | None = None


def lay_out_item(item: Item, indent: int) -> Laid:
    """The lines of an item without its attributes, and of its block only the brace that opens it.

    The comments above the item are not among them.
    """
    item = _without_remarks(item)
    layouts = list(_LAYOUTS.get(item.kind, _plain)(item))
    if item.block is not None:
        layouts = [Join((document, SPACE, text(item.block.open))) for document in layouts]
    for document in layouts[:-1]:
        laid = lay_out(document, indent)
        if laid.natural:
            return Laid(laid.lines, _cells(item, laid))
    laid = lay_out(layouts[-1], indent)
    return Laid(laid.lines, _cells(item, laid))


def lay_out_attribute(shapes: Sequence[Shape], indent: int) -> tuple[OutLine, ...]:
    """The lines of an attribute, without the comments above it."""
    mark = first_word(shapes[0])
    plain = (evolve(mark, before=()), *shapes[1:])
    return lay_out(run(plain, Mode.ITEMS), indent).lines


def _without_remarks(item: Item) -> Item:
    first = item.shapes[0]
    assert isinstance(first, Word)
    return evolve(item, shapes=(evolve(first, before=()), *item.shapes[1:]))


# ---- parts --------------------------------------------------------------------------------------------


def _cut(shapes: Sequence[Shape], *keywords: str) -> tuple[list[Shape], list[list[Shape]]]:
    """What stands before the first of these keywords, and the clauses that they begin."""
    parts = split(shapes, lambda s: is_keyword(s, *keywords))
    if parts and is_keyword(parts[0][0], *keywords):
        return [], parts
    return parts[0], parts[1:]


def _at_equals(shapes: Sequence[Shape]) -> tuple[list[Shape], list[Shape]]:
    """The shapes up to ``=`` with it, and those after it (none where there is no ``=``)."""
    for n, shape in enumerate(shapes):
        if is_mark(shape, "="):
            return list(shapes[: n + 1]), list(shapes[n + 1 :])
    return list(shapes), []


def _in_one_line(*documents: Document) -> Document:
    return joined(documents, SPACE)


def _below(*documents: Document) -> Document:
    """Documents on lines of their own, one step in."""
    return Nest(tuple(d for document in documents for d in (HARD, document)))


def _after_equals(
    head: Document, body: Sequence[Shape], mode: Mode, clauses: Sequence[Document] = ()
) -> Iterator[Document]:
    """``head`` (with its ``=``) and a body: beside it where it fits or is but one bracket, else below it.

    ``clauses`` go to lines of their own where not all fits on one.
    """
    beside = run(body, mode)
    if clauses:
        yield _in_one_line(head, beside, *clauses)
    yield Join((_in_one_line(head, beside), _below(*clauses)))
    if has_comma(body) and mode is Mode.ITEMS:
        yield Join((head, _below(comma_fill(body, mode), *clauses)))
    elif is_chain(body, mode):
        lines = chain(body, mode)
        yield Join((head, _below(lines if mixes(body, mode) else Group((lines,)), *clauses)))


# ---- kinds --------------------------------------------------------------------------------------------


def _plain(item: Item) -> Iterator[Document]:
    yield run(item.shapes, Mode.ITEMS)


def _import(item: Item) -> Iterator[Document]:
    # Each by itself: the parenthesis after the name is no call's.
    yield _in_one_line(*(run((shape,), Mode.ITEMS) for shape in item.shapes))


def _param(item: Item) -> Iterator[Document]:
    head, value = _at_equals(item.shapes)
    colon = next((n for n, s in enumerate(head) if is_mark(s, ":")), len(head))
    if colon == len(head):
        yield from _after_equals(run(head, Mode.ITEMS), value, Mode.ITEMS)
        return
    equals = head[-1:] if value else []
    kind = head[colon + 1 : len(head) - len(equals)]
    name = run(head[:colon], Mode.ITEMS)
    typed = _in_one_line(*(run(part, mode) for part, mode in (
        (head[colon : colon + 1], Mode.ITEMS), (kind, Mode.TYPE), (equals, Mode.ITEMS)) if part))  # fmt: skip
    if value:
        yield from _after_equals(_in_one_line(name, typed), value, Mode.ITEMS)
        typed = _in_one_line(typed, run(value, Mode.ITEMS))
    else:
        yield _in_one_line(name, typed)
    yield Join((name, _below(typed)))


def _items(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    value, exceptions = _cut(body, "except")
    yield from _after_equals(
        run(head, Mode.ITEMS), value, Mode.ITEMS, [run(e, Mode.ITEMS) for e in exceptions]
    )


def _filter(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    yield from _after_equals(run(head, Mode.ITEMS), body, Mode.PREDICATE)


def _set(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    value, clauses = _cut(body, "except", "keep")
    exceptions = [c for c in clauses if is_keyword(c[0], "except")]
    keeps = [clause(c, Mode.CONDITION) for c in clauses if is_keyword(c[0], "keep")]
    name = run(head, Mode.ITEMS)
    if exceptions:
        beside = run([*value, *exceptions[0]], Mode.SET)
        yield _in_one_line(name, beside, *keeps)
        yield Join((_in_one_line(name, beside), _below(*keeps)))
    documents = [run(e, Mode.ITEMS) for e in exceptions] + keeps
    yield from _after_equals(name, value, Mode.SET, documents)
    if not is_chain(value, Mode.SET):
        measured, of = _source_clauses(value)
        keys = _in_one_line(name, run(measured, Mode.SET))
        if of:
            yield Join((keys, _below(_in_one_line(*_clauses(of)), *documents)))
        yield Join((keys, _below(*_clauses(of), *documents)))


def _source_clauses(shapes: Sequence[Shape]) -> tuple[list[Shape], list[list[Shape]]]:
    """What stands before a source, and the clauses ``of``, ``where`` and ``per``."""
    of = next((n for n, s in enumerate(shapes) if is_keyword(s, "of")), len(shapes))
    rest = split(shapes[of:], lambda s: is_keyword(s, "where", "per"))
    return list(shapes[:of]), [part for part in rest if part]


def _clauses(parts: Sequence[Sequence[Shape]], mode: Mode = Mode.PREDICATE) -> list[Document]:
    return [clause(part, mode) for part in parts]


def _of_source(
    head: Document, measures: Sequence[Shape], of: Sequence[Document], rest: Sequence[Document]
) -> Iterator[Document]:
    """Measures, their source and what is kept: broken at the keeps first, then at the source, then everywhere."""
    beside = _in_one_line(head, run(measures, Mode.ITEMS))
    source = _in_one_line(*of)
    yield _in_one_line(beside, source, *rest)
    if rest:
        yield Join((_in_one_line(beside, source), _below(*rest)))
    yield Join((beside, _below(source, *rest)))
    yield Join((beside, _below(*of, *rest)))
    below = comma_fill(measures, Mode.ITEMS)
    yield Join((head, _below(below, source, *rest)))
    yield Join((head, _below(below, *of, *rest)))


def _table(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    selection, clauses = _cut(body, "keep", "order")
    measures, source = _source_clauses(selection)
    fill = [source[-1].pop()] if is_keyword(source[-1][-1], "fill") else []
    of = _clauses(source)
    if fill:
        of[-1] = _in_one_line(of[-1], run(fill, Mode.ITEMS))
    yield from _of_source(run(head, Mode.ITEMS), measures, of, _clauses(clauses, Mode.CONDITION))


def _feature(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    if any(is_keyword(s, "per") for s in body):
        measures, source = _source_clauses(body)
        yield from _of_source(run(head, Mode.ITEMS), measures, _clauses(source), ())
    else:
        yield from _after_equals(run(head, Mode.ITEMS), body, Mode.CONDITION)


def _check(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    condition, because = _cut(body, "because")
    yield from _after_equals(
        run(head, Mode.ITEMS), condition, Mode.CONDITION, [run(b, Mode.ITEMS) for b in because]
    )


def _verdict(item: Item) -> Iterator[Document]:
    head, clauses = _cut(item.shapes, "when", "because")
    name, lines = run(head, Mode.ITEMS), _clauses(clauses, Mode.CONDITION)
    if is_keyword(head[-1], "otherwise"):
        yield _in_one_line(name, *lines)
    yield Join((name, _below(*lines)))


def _anomaly(item: Item) -> Iterator[Document]:
    head, clauses = _cut(item.shapes, "when", "because")
    name, lines = run(head, Mode.ITEMS), _clauses(clauses, Mode.CONDITION)
    yield _in_one_line(name, *lines)
    yield Join((name, _below(*lines)))


def _entry(item: Item) -> Iterator[Document]:
    selection, when = _cut(item.shapes, "when")
    head, source = _source_clauses(selection)
    keyword = run(head, Mode.ITEMS)
    of, condition = _clauses(source), _clauses(when, Mode.CONDITION)
    yield _in_one_line(keyword, *of, *condition)
    yield Join((_in_one_line(keyword, *of), _below(*condition)))
    yield Join((keyword, _below(*of, *condition)))


def _hosts(item: Item) -> Iterator[Document]:
    yield run(item.shapes, Mode.SET)
    yield clause(item.shapes, Mode.SET)


def _expect(item: Item) -> Iterator[Document]:
    yield run(item.shapes, Mode.CONDITION)
    yield clause(item.shapes, Mode.CONDITION)


def _previous(item: Item) -> Iterator[Document]:
    head, body = _at_equals(item.shapes)
    yield from _after_equals(run(head, Mode.ITEMS), body, Mode.ITEMS)


def _metadata(item: Item) -> Iterator[Document]:
    name, values = run(item.shapes[:1], Mode.ITEMS), item.shapes[1:]
    yield _in_one_line(name, run(values, Mode.ITEMS))
    yield _in_one_line(name, Nest((comma_fill(values, Mode.ITEMS),)))


def _column(item: Item) -> Iterator[Document]:
    name, cells = run(item.shapes[:1], Mode.ITEMS), item.shapes[1:]
    yield _in_one_line(name, run(cells, Mode.PREDICATE))
    parts = [_source_clauses(part) for part in split(cells, lambda s: is_mark(s, ":"))]
    documents = [_in_one_line(run(measure, Mode.PREDICATE), *_clauses(of)) for measure, of in parts]
    yield Join((name, SPACE, documents[0], _below(*documents[1:])))


def _tuned(item: Item) -> Iterator[Document]:
    change, reasons = _cut(item.shapes, "because", "until")
    document = run(change, Mode.ITEMS)
    if is_keyword(change[0], "filter"):
        target, exceptions = _cut(change, "except")
        document = _in_one_line(run(target, Mode.ITEMS), *_clauses(exceptions))
    why = [run(r, Mode.ITEMS) for r in reasons]
    yield _in_one_line(document, *why)
    if why:
        yield Join((document, _below(_in_one_line(*why))))


_LAYOUTS: Final[dict[str, Callable[[Item], Iterator[Document]]]] = {
    "import": _import,
    "param": _param,
    "ports": _items,
    "nets": _items,
    "schedule": _items,
    "label": _items,
    "filter": _filter,
    "set": _set,
    "table": _table,
    "hosts": _hosts,
    "feature": _feature,
    "verdict": _verdict,
    "anomaly": _anomaly,
    "entry": _entry,
    "check": _check,
    "expect": _expect,
    "previous": _previous,
    "metadata": _metadata,
    "column": _column,
    "tuned": _tuned,
}


# ---- cells --------------------------------------------------------------------------------------------


def _cells(item: Item, laid: Layout) -> Cells | None:
    """What of a one-line item is aligned with its neighbours: its name, title, type, and what follows ``=``."""
    if len(laid.lines) != 1 or item.block is not None or item.attributes or "\n" in laid.lines[0].text:
        return None
    heads = _heads(item)
    if heads is None:
        return None
    line = laid.lines[0].text
    texts = [lay_out(run(head, mode), 0).lines[0].text for head, mode in heads if head]
    begin = " ".join(texts)
    if not line.startswith(begin):
        return None
    if len(begin) < len(line):
        texts.append(line[len(begin) + 1 :])
    elif item.kind == "param":
        texts.append("")  # the type is a piece too where no default follows
    titled = len(heads) > 1 and item.kind != "tuned" and bool(heads[1][0])
    return Cells(item.kind, tuple(texts), titled)


_ALIGNED: Final = frozenset(
    {"param", "ports", "nets", "schedule", "filter", "set", "table", "feature", "check"}
)


def _heads(item: Item) -> list[tuple[list[Shape], Mode]] | None:
    """The pieces before the last one: of those that have none, nothing is aligned."""
    if item.kind in ("metadata", "column", "label"):
        return [(list(item.shapes[:1]), Mode.ITEMS)]
    if item.kind == "tuned":
        change, reasons = _cut(item.shapes, "because", "until")
        first = [(change[:1], Mode.ITEMS)]
        return [*first, (change[1:], Mode.ITEMS)] if reasons else first
    if item.kind not in _ALIGNED:
        return None
    head, _ = _at_equals(item.shapes)
    if is_mark(head[-1], "="):
        head.pop()
    colon = next((n for n, s in enumerate(head) if is_mark(s, ":")), len(head))
    title = 2 if len(head) > 2 and isinstance(head[2], Word) and head[2].kind == "string" else colon
    heads = [(head[:title], Mode.ITEMS), (head[title:colon], Mode.ITEMS)]
    if colon < len(head):
        heads.append((head[colon:], Mode.TYPE))
    return heads
