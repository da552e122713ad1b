"""Nodes without their places, and the parts of a parsed file, for tests of the tree."""

from __future__ import annotations

from typing import Any

from flowrules.model.source_text import SourceText, Span
from flowrules.syntax import tree
from flowrules.syntax.parser import parse

NOWHERE = Span(SourceText("", ""), 0, 0)


def name(text: str) -> tree.Name:
    return tree.Name(tuple(text.split(".")), span=NOWHERE)


def identifier(text: str) -> tree.Identifier:
    return tree.Identifier(text, span=NOWHERE)


def node(kind: type[Any], *values: Any, **named: Any) -> Any:
    if kind in (tree.Compare, tree.Arithmetic, tree.SetOperation):
        named["operator_span"] = NOWHERE
    return kind(*values, span=NOWHERE, **named)


def number(text: str) -> tree.Literal:
    return tree.Literal("number", text, int(text), span=NOWHERE)


def one(text: str) -> Any:
    """The only item of a file that must be right."""
    result = parse(SourceText("test.frules", text))
    assert [d.message for d in result.diagnostics] == []
    (item,) = result.file.items
    return item


def predicate(text: str) -> Any:
    return one(f"filter f = {text}").predicate


def condition(text: str) -> Any:
    return one(f"check c = {text}").condition


def set_expression(text: str) -> Any:
    return one(f"set s = {text}").set


def messages(text: str) -> list[str]:
    return [f"{d.code} {d.message}" for d in parse(SourceText("test.frules", text)).diagnostics]
