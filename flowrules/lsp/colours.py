"""Semantic tokens: colours by what names mean, not by how they look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from flowrules.lsp.names import Names, Occurrence
from flowrules.lsp.positions import Positions
from flowrules.syntax.tokens import Token

TYPES: Final = (
    *("namespace", "variable", "property", "function", "method", "enumMember", "event", "struct", "class"),
    *("keyword", "operator", "string", "number", "comment", "decorator", "type"),
)
"""The legend: token types by their index."""

MODIFIERS: Final = ("declaration", "readonly", "deprecated", "defaultLibrary", "documentation")
"""Modifiers by their bit."""

_OF_NAMES: Final = {
    "module": "namespace", "param": "variable", "ports": "variable", "nets": "variable", "schedule": "variable",
    "map": "function", "filter": "function", "set": "struct", "table": "struct", "profile": "class",
    "anomaly": "event", "check": "event", "feature": "property", "verdict": "enumMember", "column": "property",
    "hosts": "property", "entries": "property", "field": "property", "measure": "method", "function": "function",
    "value": "variable", "alias": "variable",
}  # fmt: skip
_CONSTANT: Final = frozenset({"ports", "nets", "schedule", "map", "param"})
_OPERATORS: Final = frozenset({"and", "or", "not", "in", "has", "lacks", "matches"})
_NUMBERS: Final = frozenset(
    {"number", "count", "size", "percent", "duration", "time", "ipv4", "ipv6", "cidr", "wild", "flags"}
    | {"flagmask", "days", "clock", "zone", "version"}
)


@frozen
class Coloured:
    """A stretch of text with its type and modifiers."""

    start: int
    end: int
    type: str
    modifiers: tuple[str, ...] = ()


def coloured(tokens: Iterable[Token], names: Names) -> list[Coloured]:
    """The stretches of a file that have a colour, in order; none overlaps another."""
    by_start = {o.span.start: o for o in names.occurrences}
    out: list[Coloured] = []
    for token in tokens:
        out += _of_token(token, by_start)
    return out


def _of_token(token: Token, by_start: dict[int, Occurrence]) -> Iterator[Coloured]:
    start, end = token.span.start, token.span.end
    match token.kind:
        case "name":
            yield from _of_name(token, by_start)
        case "keyword":
            yield Coloured(start, end, "operator" if token.text in _OPERATORS else "keyword")
        case "comment":
            described = token.text.startswith("##") and not token.text.startswith("###")
            yield Coloured(start, end, "comment", ("documentation",) if described else ())
        case "string":
            yield from _of_text(token, by_start)
        case kind if kind in _NUMBERS:
            yield Coloured(start, end, "number")


def _of_name(token: Token, by_start: dict[int, Occurrence]) -> Iterator[Coloured]:
    """The parts of a dotted name, each by what it means."""
    at = token.span.start
    while at < token.span.end:
        occurrence = by_start.get(at)
        if occurrence is None:
            return
        found = _of_occurrence(occurrence)
        if found is not None:
            yield found
        at = occurrence.span.end + 1


def _of_occurrence(occurrence: Occurrence) -> Coloured | None:
    kind = _OF_NAMES.get(occurrence.kind)
    if kind is None:
        return None
    modifiers = ["declaration"] if occurrence.declares else []
    if occurrence.kind in _CONSTANT:
        modifiers.append("readonly")
    target = occurrence.target
    if target is None:
        modifiers.append("defaultLibrary")
    elif target.symbol is not None and target.symbol.deprecated is not None:
        modifiers.append("deprecated")
    return Coloured(occurrence.span.start, occurrence.span.end, kind, tuple(modifiers))


def _of_text(token: Token, by_start: dict[int, Occurrence]) -> Iterator[Coloured]:
    """A string; names in its braces have their own colours."""
    at = token.span.start
    inside = sorted(n for n in by_start if token.span.start < n < token.span.end)
    for n in inside:
        found = _of_occurrence(by_start[n])
        if found is None or found.start < at:
            continue
        yield Coloured(at, found.start, "string")
        yield found
        at = found.end
    if at < token.span.end:
        yield Coloured(at, token.span.end, "string")


def encoded(found: Iterable[Coloured], positions: Positions) -> list[int]:
    """The five numbers of each token, as the protocol wants them: a token lies on one line."""
    data: list[int] = []
    line = character = 0
    for stretch in found:
        bits = sum(1 << MODIFIERS.index(m) for m in stretch.modifiers)
        for start, end in positions.lines(stretch.start, stretch.end):
            at = positions.position(start)
            step = at.character if at.line != line else at.character - character
            width = positions.width(start, end)
            data += (at.line - line, step, width, TYPES.index(stretch.type), bits)
            line, character = at.line, at.character
    return data
