"""``flowrules fmt``: a ruleset's text in the one layout, or a refusal."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import attrs
from attrs import evolve

from flowrules.model.fields import PROTOCOLS
from flowrules.model.source_text import SourceText
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.syntax.formatting.layout import layout
from flowrules.syntax.parser import parse
from flowrules.syntax.tokens import tokens

_LINE_END = re.compile(r"\r\n|\n|\r")


class LayoutFault(Exception):
    """The layout would have changed more than the layout: a fault of ours, and nothing may be written."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}; the file is left as it is")
        self.path = path
        self.what = what


def format_source(source: SourceText) -> str:
    """The text of a ruleset file in the one layout, with the line ends that its first line has.

    Raises ``RulesetErrors`` where the text has faults, and ``LayoutFault`` where the result would say
    something else, lose a comment, or be laid out otherwise a second time.
    """
    result = parse(source)
    errors = [d for d in result.diagnostics if d.is_error]
    if errors:
        raise RulesetErrors(errors, {source.path: source})
    before = tokens(source)
    text = _with_line_ends(layout(before), source.text)
    if text == source.text:
        return text
    laid = SourceText(source.path, text)
    again = parse(laid)
    if again.diagnostics or meaning(again.file) != meaning(result.file):
        raise LayoutFault(source.path, "the layout would change what it says")
    after = tokens(laid)
    if _comments(before) != _comments(after):
        raise LayoutFault(source.path, "the layout would lose a comment")
    if _with_line_ends(layout(after), text) != text:
        raise LayoutFault(source.path, "the layout is not settled: a second run would change it")
    return text


def _with_line_ends(text: str, original: str) -> str:
    first = _LINE_END.search(original)
    return text if first is None or first[0] == "\n" else text.replace("\n", first[0])


def _comments(found: list[Any]) -> Counter[str]:
    return Counter(token.text.rstrip() for token in found if token.kind == "comment")


# ---- what a file says ---------------------------------------------------------------------------------

_PROTOCOL_OF = {number: name for name, number in PROTOCOLS.items()}


def meaning(node: Any) -> Any:
    """A node with the two things alike that the layout may write otherwise.

    IPv6 stands in lower case; the number of a protocol that has a name, compared with the field
    ``protocol``, stands as its name.
    """
    if isinstance(node, tuple):
        return tuple(meaning(part) for part in node)
    if not isinstance(node, tree.Node):
        return node
    if isinstance(node, tree.Literal):
        return evolve(node, text=node.text.lower()) if ":" in node.text and node.kind != "string" else node
    if isinstance(node, tree.Compare) and node.operator in ("=", "!=") and _is_protocol(node.left):
        node = evolve(node, right=_named(node.right))
    elif isinstance(node, tree.In) and _is_protocol(node.left) and isinstance(node.collection, tree.List):
        items = tuple(_named(item) for item in node.collection.items)
        node = evolve(node, collection=evolve(node.collection, items=items))
    changed = {
        field.name: meaning(getattr(node, field.name))
        for field in attrs.fields(type(node))
        if field.name not in ("span", "operator_span")
    }
    return evolve(node, **changed)


def _is_protocol(node: tree.Node) -> bool:
    return isinstance(node, tree.Name) and node.parts == ("protocol",)


def _named(node: Any) -> Any:
    if isinstance(node, tree.Literal) and node.kind == "number" and isinstance(node.value, int):
        name = _PROTOCOL_OF.get(node.value)
        return node if name is None else tree.Name((name,), span=node.span)
    return node
