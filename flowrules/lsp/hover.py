"""What hovering over a name, a literal or a keyword shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from flowrules.check.check import CheckResult
from flowrules.check.nouns import kind_noun
from flowrules.check.symbols import (
    CheckedFilter,
    CheckedMap,
    CheckedProfile,
    CheckedSet,
    CheckedTable,
    Constant,
    FileScope,
    Symbol,
)
from flowrules.lsp.names import Names, Occurrence, Target
from flowrules.lsp.values import size_text, value_text
from flowrules.lsp.words import keyword_text, word_text
from flowrules.model import expression as ex
from flowrules.model.address_text import format_address
from flowrules.model.fields import PROTOCOLS
from flowrules.model.source_text import SourceText, Span
from flowrules.model.value_text import format_time
from flowrules.plan.field_use import NETS, TYPES, directions_in, fields_of
from flowrules.syntax import tree
from flowrules.syntax.tokens import Token


def hover(
    result: CheckResult, scope: FileScope, names: Names, tokens: Iterable[Token], offset: int
) -> tuple[str, Span] | None:
    """What to show at an offset, in Markdown, and what it speaks of; ``None``: nothing."""
    occurrence = names.at(offset)
    if occurrence is not None and occurrence.span.start <= offset < occurrence.span.end:
        text = _of_name(result, occurrence)
        return (text, occurrence.span) if text else None
    token = next((t for t in tokens if t.span.start <= offset < t.span.end), None)
    if token is None:
        return None
    if token.kind in ("keyword", "name"):
        text = keyword_text(token.text) if token.kind == "keyword" else None
    else:
        text = _of_literal(scope.file, token)
    return (text, token.span) if text else None


# ---- names --------------------------------------------------------------------------------------------


def _of_name(result: CheckResult, occurrence: Occurrence) -> str | None:
    target = occurrence.target
    if target is None:
        return word_text(occurrence.text)
    if target.kind == "module":
        return _module(result, target)
    if target.symbol is not None:
        return symbol_text(result, target.symbol)
    return _member(result, target)


def _module(result: CheckResult, target: Target) -> str:
    if not isinstance(target.node, tree.Ruleset):
        return f"**{target.name}** · the rules of {target.path}"
    lines = [f"**{target.name}** · ruleset", ""]
    for metadata in target.node.metadata:
        values = ", ".join(str(v.value if isinstance(v, tree.Literal) else v.text) for v in metadata.values)
        lines.append(f"- {metadata.name.text}: {values}")
    return "\n".join([*lines, "", target.node.text] if target.node.text else lines)


def symbol_text(result: CheckResult, symbol: Symbol) -> str:
    """A declaration: what it is, its title and description, its value and size or what it needs."""
    noun = kind_noun(symbol.kind).split(" ", 1)[1]
    where = "" if result.scopes.get(symbol.scope.ruleset) is None else f" of {symbol.scope.ruleset}"
    parts = [f"**{symbol.name}** · {noun}{where}", f"```frules\n{_written(result, symbol.node)}\n```"]
    if symbol.node.title is not None:
        parts.append(str(symbol.node.title.value))
    if symbol.node.text:
        parts.append(symbol.node.text)
    if symbol.deprecated is not None:
        parts.append(f"Deprecated: {symbol.deprecated}")
    return "\n\n".join([*parts, *_known(result, symbol)])


def _known(result: CheckResult, symbol: Symbol) -> Iterator[str]:
    """What the checker knows of a symbol."""
    checked = result.known.get(symbol)
    match checked:
        case Constant():
            value = value_text(result, symbol)
            yield f"Value: `{value}`" if value is not None else "No value: the site binds it."
            size = size_text(result, symbol)
            if size is not None:
                yield f"Size: {size}"
        case CheckedMap():
            yield f"From {' and '.join(map(str, checked.keys))} to {checked.label}"
        case CheckedFilter():
            yield from _needs([checked.declaration.predicate], result)
        case CheckedSet():
            held = ", ".join(f"{p.name} ({p.type})" for p in checked.positions)
            yield f"Holds: {held}"
            yield from _needs([checked.declaration.set], result)
        case CheckedTable():
            keys = ", ".join(f"{p.name} ({p.type})" for p in checked.keys) or "none"
            columns = ", ".join(f"{name} ({type_})" for name, type_ in checked.columns.items())
            yield f"Keys: {keys}"
            yield f"Columns: {columns}"
        case CheckedProfile():
            verdicts = ", ".join(v.short for v in checked.declaration.verdicts)
            yield f"Features: {', '.join(checked.features) or 'none'}"
            yield f"Verdicts: {verdicts or 'none'}"


def _needs(expressions: Iterable[object], result: CheckResult) -> Iterator[str]:
    """Which fields a filter reads, through every filter that it names, and which directions it asks for."""
    found = list(_with_named(expressions, result))
    fields = sorted(fields_of(found, TYPES))
    if fields:
        yield f"Needs: {', '.join(fields)}"
    asked = sorted({d for e in found for d in directions_in(e)})
    if asked:
        by_nets = sorted(fields_of(found, NETS))
        yield f"Direction: {', '.join(asked)} (where nets tell it: {', '.join(by_nets)})"


def _with_named(expressions: Iterable[object], result: CheckResult) -> Iterator[ex.Expression]:
    """Expressions and the predicates of all filters that they name."""
    filters = {
        symbol.qualified: checked.declaration.predicate
        for symbol, checked in result.known.items()
        if isinstance(checked, CheckedFilter)
    }
    todo = [e for e in expressions if isinstance(e, ex.Expression)]
    sources = [e for e in expressions if isinstance(e, ex.SetExpression)]
    todo += [p for s in sources for p in _predicates(s)]
    seen: set[str] = set()
    while todo:
        expression = todo.pop()
        yield expression
        for node in expression.walk():
            if isinstance(node, ex.FilterRef) and node.name not in seen and node.name in filters:
                seen.add(node.name)
                todo.append(filters[node.name])


def _predicates(node: ex.SetExpression) -> Iterator[ex.Expression]:
    if isinstance(node, ex.Members):
        yield from (key.of for key in node.keys)
        if node.source.predicate is not None:
            yield node.source.predicate
    elif isinstance(node, ex.SetAlgebra):
        yield from _predicates(node.left)
        yield from _predicates(node.right)


def _member(result: CheckResult, target: Target) -> str | None:
    if target.kind == "alias":
        return f"**{target.name}** · a name given here"
    owner = f" of {target.owner.name}" if target.owner is not None else ""
    parts = [f"**{target.name}** · {target.kind}{owner}"]
    if isinstance(target.node, tree.Declaration):
        parts.append(f"```frules\n{_written(result, target.node)}\n```")
        if target.node.title is not None:
            parts.append(str(target.node.title.value))
        if target.node.text:
            parts.append(target.node.text)
    type_ = _type_of(result, target)
    if type_ is not None:
        parts.append(f"Type: {type_}")
    return "\n\n".join(parts)


def _type_of(result: CheckResult, target: Target) -> object | None:
    checked = result.known.get(target.owner) if target.owner is not None else None
    if isinstance(checked, CheckedProfile):
        return checked.features.get(target.name)
    if isinstance(checked, CheckedTable):
        keys = {p.name: p.type for p in checked.keys}
        return checked.columns.get(target.name) or keys.get(target.name)
    if isinstance(checked, CheckedSet):
        return next((p.type for p in checked.positions if p.name == target.name), None)
    return None


_MOST_LINES = 12


def _written(result: CheckResult, node: tree.Declaration) -> str:
    """A declaration as its author wrote it, without attributes, and not too much of it."""
    source: SourceText | None = result.sources.get(node.span.path)
    if source is None:
        return node.name.text
    start = node.span.start
    if node.attributes:
        start = node.attributes[-1].span.end
    lines = source.text[start : node.span.end].strip().splitlines()
    return "\n".join(lines[:_MOST_LINES] + (["…"] if len(lines) > _MOST_LINES else []))


# ---- literals -----------------------------------------------------------------------------------------


def _of_literal(file: tree.File, token: Token) -> str | None:
    """What a literal means in numbers, where that is more than it says itself."""
    literal = next(
        (n for n in file.walk() if isinstance(n, tree.Literal) and n.span.start == token.span.start), None
    )
    if literal is None or literal.span.end != token.span.end:
        return None
    value = literal.value
    match literal.kind:
        case "size" if isinstance(value, int):
            return f"{value:,} bytes"
        case "count" if isinstance(value, int):
            return f"{value:,}"
        case "duration" if isinstance(value, int):
            return f"{Fraction(value, 1000):,} seconds" if value % 1000 == 0 else f"{value:,} milliseconds"
        case "percent" if isinstance(value, Fraction):
            return f"{float(value):g}"
        case "time" if isinstance(value, tree.TimeValue):
            return f"{format_time(value.start)} to {format_time(value.end)}"
        case "cidr" if isinstance(value, tuple):
            first, prefix = value
            assert isinstance(first, int)
            assert isinstance(prefix, int)
            count = 1 << (128 - prefix)
            return f"{format_address(first)} to {format_address(first + count - 1)}, {count:,} addresses"
        case "number" if isinstance(value, int):
            name = next((name for name, number in PROTOCOLS.items() if number == value), None)
            return f"as a protocol: {name}" if name is not None else None
    return None
