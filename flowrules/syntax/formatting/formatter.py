"""``flowrules fmt``: a ruleset's text in the one layout, or a refusal."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

import attrs
from attrs import evolve

from flowrules.model.fields import PROTOCOLS
from flowrules.model.source_text import SourceText
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.syntax.formatting.layout import layout
from flowrules.syntax.parser import parse
from flowrules.syntax.tokens import Token, tokens

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
    something else, lose a comment, or be laid out otherwise by every further run.
    """
    result = parse(source)
    errors = [d for d in result.diagnostics if d.is_error]
    if errors:
        raise RulesetErrors(errors, {source.path: source})
    before = tokens(source)
    text = _with_line_ends(layout(before), source.text)
    if text == source.text:
        return text
    text, after = _settled(SourceText(source.path, text))
    again = parse(SourceText(source.path, text))
    if again.diagnostics or meaning(again.file) != meaning(result.file):
        raise LayoutFault(source.path, "the layout would change what it says")
    if _comments(before) != _comments(after):
        raise LayoutFault(source.path, "the layout would lose a comment")
    return text


_MOST_ROUNDS: Final = 5


def _settled(source: SourceText) -> tuple[str, list[Token]]:
    """A text laid out until another run changes nothing, and its tokens.

    That is nearly always so at once; comments between tokens that belong on one line may move twice.
    """
    for _ in range(_MOST_ROUNDS):
        found = tokens(source)
        text = _with_line_ends(layout(found), source.text)
        if text == source.text:
            return text, found
        source = SourceText(source.path, text)
    raise LayoutFault(source.path, "the layout does not settle: every run would change it")


def _with_line_ends(text: str, original: str) -> str:
    first = _LINE_END.search(original)
    return text if first is None or first[0] == "\n" else text.replace("\n", first[0])


def _comments(found: list[Token]) -> Counter[str]:
    return Counter(token.text.rstrip() for token in found if token.kind == "comment")


# ---- what a file says ---------------------------------------------------------------------------------

_PROTOCOL_OF = {number: name for name, number in PROTOCOLS.items()}


def meaning(node: Any) -> Any:
    """A node with what the layout may write otherwise written in one way.

    IPv6 stands in lower case; the number of a protocol that has a name, compared with the field
    ``protocol``, stands as its name; lines of a text end with ``\\n``.
    """
    if isinstance(node, tuple):
        return tuple(meaning(part) for part in node)
    if not isinstance(node, tree.Node):
        return node
    if isinstance(node, tree.Literal):
        if node.kind == "string":
            return evolve(node, text=_LINE_END.sub("\n", node.text))
        return evolve(node, text=node.text.lower()) if ":" in node.text else node
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
    if isinstance(node, tree.Template):
        changed["text"] = _LINE_END.sub("\n", node.text)
    return evolve(node, **changed)


def _is_protocol(node: tree.Node) -> bool:
    return isinstance(node, tree.Name) and node.parts == ("protocol",)


def _named(node: Any) -> Any:
    if isinstance(node, tree.Literal) and node.kind == "number" and isinstance(node.value, int):
        name = _PROTOCOL_OF.get(node.value)
        return node if name is None else tree.Name((name,), span=node.span)
    return node
