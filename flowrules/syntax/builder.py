"""Nodes from what the grammar's rules matched: one method for each rule, called as the parser reduces.

The parser keeps every token, so each method gets exactly what its rule in ``frules.lark`` says, with ``None``
for what is optional and absent; spans come from the first and the last of it.
"""

# ruff: noqa: D102  (one method for each rule of the grammar, named after it)

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import attrs
from attrs import frozen

from flowrules.model.address_text import is_ipv4
from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.syntax import literals, strings, tree
from flowrules.syntax.diagnostics import Diagnostic, diagnostic
from flowrules.syntax.literals import LiteralError
from flowrules.syntax.machine import Token
from flowrules.syntax.places import Places

T = TypeVar("T")


@frozen(eq=False, repr=False)
class Part(Structural):
    """Something matched that is no node of the tree: a value, and where it stood."""

    value: Any
    start: int
    end: int


Child = Token | tree.Node | Part | None
Children = list[Any]
Tokens = list[Token]
Parts = list[str | tree.Expression]
Findings = list[Diagnostic]

_KINDS = {
    "NUMBER": "number",
    "COUNT": "count",
    "SIZE": "size",
    "PERCENT": "percent",
    "DURATION": "duration",
    "TIME": "time",
    "IPV4": "ipv4",
    "IPV6": "ipv6",
    "CIDR": "cidr",
    "WILD": "wild",
}
_NO_VALUE: dict[str, tree.LiteralValue] = {"time": tree.TimeValue(0, 0, "day"), "cidr": (0, 0), "wild": ()}
_FAMILIES = (
    {"number", "count"},
    {"number", "size"},
    {"percent"},
    {"duration"},
    {"time"},
    {"ipv4", "ipv6"},
)


class TreeBuilder:
    """Builds the nodes of one text at a time.

    ``places`` makes their spans; ``diagnostics`` gathers what is wrong with literals; ``parse_hole`` parses the
    braces of a text.
    """

    def __init__(self) -> None:
        self.places: Places
        self.diagnostics: Findings = []
        self.parse_hole: Callable[[str, int], tree.Expression | None]

    # ---- places ---------------------------------------------------------------------------------------

    def _span(self, children: Sequence[Child]) -> Span:
        """From the first to the last child that is there."""
        return Span(self.places.source, *_ends(children))

    def _at(self, token: Token) -> Span:
        return Span(self.places.source, token.start, token.end)

    def _part(self, value: Any, children: Sequence[Child]) -> Part:
        return Part(value, *_ends(children))

    def _report(self, error: LiteralError, span: Span) -> None:
        self.diagnostics.append(diagnostic(error.code, error.message, span, hint=error.hint, fix=error.fix))

    def _decode(self, function: Callable[..., T], *args: Any, span: Span, otherwise: T) -> T:
        try:
            return function(*args)
        except LiteralError as error:
            self._report(error, span)
            return otherwise

    # ---- names, literals, lists -----------------------------------------------------------------------

    def _identifier(self, token: Token) -> tree.Identifier:
        return tree.Identifier(token.text, span=self._at(token))

    def _optional_identifier(self, token: Token | None) -> tree.Identifier | None:
        return None if token is None else self._identifier(token)

    def _name(self, token: Token) -> tree.Name:
        return tree.Name(tuple(token.text.split(".")), span=self._at(token))

    def ref(self, c: Tokens) -> tree.Name:
        return self._name(c[0])

    def word_in(self, c: Tokens) -> tree.Name:
        return self._name(c[0])

    def plain(self, c: Tokens) -> tree.Literal:
        token = c[0]
        kind, text, span = _KINDS[token.type], token.text, self._at(token)
        try:
            value = literals.decode(kind, text)
        except LiteralError as error:
            self._report(error, span)
            value = _NO_VALUE.get(kind, 0)
        return tree.Literal(kind, text, value, span=span)

    bound = plain
    time = plain

    def text(self, c: Tokens) -> tree.Literal:
        return self._string(c[0])

    def _string(self, token: Token) -> tree.Literal:
        text = token.text
        value, unknown = strings.decode(text)
        for escape in unknown:
            self._unknown_escape(token, escape)
        return tree.Literal("string", text, value, span=self._at(token))

    def _title(self, token: Token | None) -> tree.Literal | None:
        return None if token is None else self._string(token)

    def _unknown_escape(self, token: Token, escape: strings.UnknownEscape) -> None:
        start = token.start + escape.offset
        self.diagnostics.append(
            diagnostic(
                "FR125",
                f"`{escape.text}` is no escape",
                self.places.span(start, start + 2),
                hint=f"a backslash that means itself is written twice: \\{escape.text}",
                fix="\\" + escape.text,
            )
        )

    def template(self, c: Tokens) -> tree.Template:
        token = c[0]
        parts: Parts = []
        for piece in strings.pieces(token.text):
            if isinstance(piece, strings.UnknownEscape):
                self._unknown_escape(token, piece)
            elif isinstance(piece, strings.Hole):
                hole = self._hole(token, piece)
                if hole is not None:
                    parts.append(hole)
            else:
                parts.append(piece)
        return tree.Template(tuple(parts), token.text, span=self._at(token))

    def _hole(self, token: Token, hole: strings.Hole) -> tree.Expression | None:
        start = token.start + hole.offset
        if not hole.closed:
            span = self.places.span(start - 1, start)
            message, hint = (
                "`{` is not closed by `}` in this text",
                r"a brace that means itself is written \{",
            )
            self.diagnostics.append(diagnostic("FR126", message, span, hint=hint))
            return None
        return self.parse_hole(hole.text, start)

    def range(self, c: Children) -> tree.Range:
        low, high = c[0], c[2]
        found = tree.Range(low, high, span=self._span(c))
        a, b = low.value, high.value
        if not any(low.kind in f and high.kind in f for f in _FAMILIES) and not (
            a == 0 and low.kind == "number"
        ):
            self.diagnostics.append(
                diagnostic("FR121", f"a range from {_a(low.kind)} to {_a(high.kind)}", found.span,
                           hint=_one_unit(low, high))
            )  # fmt: skip
            return found
        if low.kind == "time":
            a, b = a.start, b.end
        elif low.kind in ("ipv4", "ipv6") and is_ipv4(a) != is_ipv4(b):
            self.diagnostics.append(
                diagnostic(
                    "FR121", "a range from one IP version to the other", found.span, hint="write one for each"
                )
            )
            return found
        if a > b and not self._is_reported(found.span):
            joint = " .. " if low.kind == "time" else "-"
            turned = f"{high.text}{joint}{low.text}"
            self.diagnostics.append(
                diagnostic("FR120", f"the range {low.text}{joint}{high.text} ends before it begins", found.span,
                           hint=f"write {turned}", fix=turned)
            )  # fmt: skip
        return found

    def _is_reported(self, span: Span) -> bool:
        """Whether a literal within the span was already found wrong (its value means nothing)."""
        return any(d.span and span.start <= d.span.start < span.end for d in self.diagnostics)

    def tuple_item(self, c: Children) -> Any:
        items = nodes(c)
        if len(items) == 1:
            return attrs.evolve(items[0], span=self._span(c))
        return tree.Tuple(items, span=self._span(c))

    tuple_ = tuple_item

    def items(self, c: Children) -> Part:
        return self._part(nodes(c), c)

    def list(self, c: Children) -> tree.List:
        return tree.List(nodes(c), span=self._span(c))

    def set_literal(self, c: Children) -> tree.SetLiteral:
        return tree.SetLiteral(nodes(c), span=self._span(c))

    def file_value(self, c: Children) -> tree.FileValue:
        return tree.FileValue(self._string(c[1]), span=self._span(c))

    def value(self, c: Children) -> tree.Value:
        found = c[0]
        if type(found) is not Part:
            return found  # type: ignore[no-any-return]
        items, span = found.value, self.places.span(found.start, found.end)
        if len(items) > 1:
            return tree.List(items, span=span)
        if isinstance(items[0], tree.Tuple):
            members: Any = items[0].items
            return tree.List(members, span=span)
        if self.places.source.text.startswith("(", found.start):
            return tree.List(items, span=span)
        return items[0]  # type: ignore[no-any-return]

    # ---- expressions ----------------------------------------------------------------------------------

    def or_(self, c: Children) -> tree.Or:
        return tree.Or(tuple(c[::2]), span=self._span(c))

    def and_(self, c: Children) -> tree.And:
        return tree.And(tuple(c[::2]), span=self._span(c))

    def not_(self, c: Children) -> tree.Not:
        return tree.Not(c[1], span=self._span(c))

    def group(self, c: Children) -> tree.Node:
        inner = c[1]
        if isinstance(inner, tree.SetOperation):
            return attrs.evolve(inner, span=self._span(c), parenthesised=True)
        return attrs.evolve(inner, span=self._span(c))  # type: ignore[no-any-return]

    def comparator(self, c: Tokens) -> Token:
        return c[0]

    def compare(self, c: Children) -> tree.Compare:
        return tree.Compare(c[1].text, c[0], c[2], operator_span=self._at(c[1]), span=self._span(c))

    def in_(self, c: Children) -> tree.In:
        return tree.In(c[0], c[2], span=self._span(c))

    def not_in(self, c: Children) -> tree.In:
        return tree.In(c[0], c[3], negated=True, span=self._span(c))

    def has(self, c: Children) -> tree.FlagTest:
        span = self._span(c[2:])
        letters = self._decode(literals.decode_flags, c[2].text, span=span, otherwise="")
        mask = tree.FlagMask(letters, letters, span=span)
        return tree.FlagTest("has", c[0], (mask,), span=self._span(c))

    def lacks(self, c: Children) -> tree.FlagTest:
        span = self._span(c[2:])
        letters = self._decode(literals.decode_flags, c[2].text, span=span, otherwise="")
        return tree.FlagTest("lacks", c[0], (tree.FlagMask("", letters, span=span),), span=self._span(c))

    def masks(self, c: Tokens) -> Part:
        found = []
        for token in c:
            if token.type == "FLAGMASK":
                span = self._at(token)
                pair = self._decode(literals.decode_flag_mask, token.text, span=span, otherwise=("", ""))
                found.append(tree.FlagMask(*pair, span=span))
        return self._part(tuple(found), c)

    def matches(self, c: Children) -> tree.FlagTest:
        return tree.FlagTest("matches", c[0], c[2].value, span=self._span(c))

    def reverse(self, c: Children) -> tree.Reverse:
        return tree.Reverse(c[2], span=self._span(c))

    def call(self, c: Children) -> tree.Call:
        return tree.Call(self._name(c[0]), nodes(c), span=self._span(c))

    def lookup(self, c: Children) -> tree.Lookup:
        return tree.Lookup(c[0], nodes(c[1:]), span=self._span(c))

    def masked(self, c: Children) -> tree.Masked:
        v4 = self._decode(literals.decode_prefix, c[2].text, 32, span=self._at(c[2]), otherwise=0)
        v6 = None
        if c[4] is not None:
            v6 = self._decode(literals.decode_prefix, c[4].text, 128, span=self._at(c[4]), otherwise=0)
        return tree.Masked(c[0], v4, v6, span=self._span(c))

    def arithmetic(self, c: Children) -> tree.Arithmetic:
        return tree.Arithmetic(c[1].text, c[0], c[2], operator_span=self._at(c[1]), span=self._span(c))

    def total(self, c: Children) -> tree.Total:
        return tree.Total(c[0], c[2], span=self._span(c))

    def verdict_value(self, c: Children) -> tree.VerdictValue:
        return tree.VerdictValue(span=self._span(c))

    def n_of(self, c: Children) -> tree.NOf:
        return tree.NOf(self._whole(c[0]), nodes(c[2:]), span=self._span(c))

    def _whole(self, token: Token) -> tree.Literal:
        literal = self.plain([token])
        if not isinstance(literal.value, int):
            message = f"`{literal.text}` is no whole number"
            self.diagnostics.append(
                diagnostic("FR115", message, literal.span, hint="write how many, such as 2")
            )
        return literal

    # ---- sources, sets, keys --------------------------------------------------------------------------

    def source(self, c: Children) -> tree.Source:
        return tree.Source(c[0] if len(c) == 1 else c[1], span=self._span(c))

    def where(self, c: Children) -> Part:
        return self._part(c[1], c)

    def _source(self, source: tree.Source, where: Part | None) -> tree.Source:
        if where is None:
            return source
        return tree.Source(source.of, where.value, span=self.places.span(source.span.start, where.end))

    def named_key(self, c: Children) -> tree.Key:
        return tree.Key(c[0], self._optional_identifier(c[2]), span=self._span(c))

    def per(self, c: Children) -> Part:
        return self._part(nodes(c), c)

    def tuple_key(self, c: Children) -> Part:
        return self._part(tuple(tree.Key(node, span=node.span) for node in nodes(c)), c)

    def members(self, c: Children) -> tree.Members:
        keys = c[0].value if type(c[0]) is Part else (tree.Key(c[0], span=c[0].span),)
        return tree.Members(keys, self._source(c[2], c[3]), span=self._span(c))

    def set_operation(self, c: Children) -> tree.SetOperation:
        return tree.SetOperation(c[1].text, c[0], c[2], operator_span=self._at(c[1]), span=self._span(c))

    def column(self, c: Children) -> tree.Column:
        return tree.Column(c[0], self._optional_identifier(c[2]), span=self._span(c))

    def keep(self, c: Children) -> tree.Keep:
        return tree.Keep(c[1], span=self._span(c))

    def keep_rank(self, c: Children) -> tree.KeepRank:
        n = self._whole(c[2]) if type(c[2]) is Token else c[2]
        return tree.KeepRank(c[1].type == "BOTTOM", n, c[4], c[5] is not None, span=self._span(c))

    def keep_cover(self, c: Children) -> tree.KeepCover:
        share = self.plain([c[2]]) if type(c[2]) is Token else c[2]
        return tree.KeepCover(share, span=self._span(c))

    def ties(self, c: Children) -> Part:
        return self._part(True, c)

    def order(self, c: Children) -> Part:
        return self._part(nodes(c), c)

    def order_step(self, c: Children) -> tree.OrderStep:
        return tree.OrderStep(c[0], None if c[1] is None else c[1].text, span=self._span(c))


def _ends(children: Sequence[Any]) -> tuple[int, int]:
    """Where the first child starts and the last one that is there ends."""
    first, last = children[0], children[-1]
    if last is None:
        last = next(child for child in reversed(children) if child is not None)
    start: int = first.span.start if isinstance(first, tree.Node) else first.start
    end: int = last.span.end if isinstance(last, tree.Node) else last.end
    return start, end


def nodes(children: Iterable[Any]) -> tuple[Any, ...]:
    """The children that are nodes: the items of a list without its commas and brackets."""
    return tuple(child for child in children if isinstance(child, tree.Node))


def _one_unit(low: tree.Literal, high: tree.Literal) -> str:
    unit = re.fullmatch(r"[\d.]+(\D+)", high.text)
    if low.kind == "number" and unit:
        return f"write {low.text}{unit[1]}-{high.text}"
    return "write both ends with the same unit"


def _a(kind: str) -> str:
    words = {"ipv4": "an IPv4 address", "ipv6": "an IPv6 address", "percent": "a percent"}
    return words.get(kind, f"a {kind}")
