"""Attributes of declarations (``@deprecated``, ``@review`` …), and what every declaration carries on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from flowrules.check.faults import Faults, did_you_mean
from flowrules.check.symbols import Symbol
from flowrules.check.workspace import Workspace
from flowrules.model.source_text import Span
from flowrules.syntax import tree

_VALUES: Final = {
    "replaces": ("a name", "@replaces(old_name)"),
    "deprecated": ("a text", '@deprecated("use web_clients, since 1.2.0")'),
    "tags": ("words", "@tags(web, proxy)"),
    "review": ("a date", "@review(2027-01-01)"),
    "private": ("nothing", "@private"),
    "todo": ("a text", '@todo("the proxy is not told yet")'),
}
_OF_TESTS: Final = frozenset({"todo", "tags", "review"})


class Declared(TypedDict):
    """The arguments that every ``model.program.Declaration`` takes."""

    name: str
    title: str
    text: str
    attributes: Mapping[str, tuple[object, ...]]
    span: Span


def declared(ws: Workspace, symbol: Symbol) -> Declared:
    """What a symbol's declaration carries on: its qualified name, title, text, attributes and place."""
    return inner(symbol.qualified, symbol.node)


def inner(name: str, node: tree.Declaration) -> Declared:
    """The same of a declaration inside a profile."""
    return Declared(
        name=name,
        title=str(node.title.value) if node.title is not None else "",
        text=node.text,
        attributes={a.name.text: tuple(_plain(i) for i in a.items) for a in node.attributes},
        span=node.span,
    )


def _plain(item: tree.Item) -> object:
    match item:
        case tree.Literal(value=tree.TimeValue() as time):
            return time.start
        case tree.Literal(value=value):
            return value
        case tree.Name():
            return item.text
    return str(item)


def check_attributes(faults: Faults, attributes: tuple[tree.Attribute, ...], of_test: bool = False) -> None:
    """Report attributes that do not exist, stand twice, do not belong there, or have values that they do not take."""
    seen: dict[str, tree.Attribute] = {}
    for attribute in attributes:
        name = attribute.name.text
        if name not in _VALUES:
            faults.report(
                "FR209", f"there is no attribute @{name}", attribute.span,
                hint=did_you_mean(name, _VALUES) or f"the attributes are {', '.join('@' + v for v in _VALUES)}",
            )  # fmt: skip
            continue
        if name not in _OF_TESTS if of_test else name == "todo":
            what = "a test takes " + ", ".join(f"@{n}" for n in sorted(_OF_TESTS))
            hint = what if of_test else "it stands before a test that does not pass yet"
            faults.report("FR209", f"@{name} does not belong here", attribute.span, hint=hint)
            continue
        if name in seen:
            faults.report(
                "FR209", f"@{name} stands twice", attribute.span, related=[(seen[name].span, "here first")]
            )
            continue
        seen[name] = attribute
        if not _fits(name, attribute.items):
            what, example = _VALUES[name]
            faults.report("FR209", f"@{name} takes {what}", attribute.span, hint=f"write {example}")


def _fits(name: str, items: tuple[tree.Item, ...]) -> bool:
    match name:
        case "private":
            return not items
        case "tags":
            return bool(items) and all(_is_word(i) for i in items)
        case "replaces":
            return len(items) == 1 and isinstance(items[0], tree.Name)
        case "deprecated" | "todo":
            return len(items) == 1 and isinstance(items[0], tree.Literal) and items[0].kind == "string"
    return len(items) == 1 and isinstance(items[0], tree.Literal) and items[0].kind == "time"


def _is_word(item: tree.Item) -> bool:
    return isinstance(item, tree.Name) or (isinstance(item, tree.Literal) and item.kind == "string")


def deprecation(attributes: tuple[tree.Attribute, ...]) -> str | None:
    """The text of ``@deprecated``, if it stands."""
    for attribute in attributes:
        if attribute.name.text == "deprecated" and attribute.items:
            item = attribute.items[0]
            return str(item.value) if isinstance(item, tree.Literal) else ""
    return None


def todo_reason(attributes: tuple[tree.Attribute, ...]) -> str | None:
    """The text of ``@todo``, if it stands."""
    for attribute in attributes:
        if attribute.name.text == "todo":
            return str(getattr(attribute.items[0], "value", "")) if attribute.items else ""
    return None


def is_private(attributes: tuple[tree.Attribute, ...]) -> bool:
    """Whether ``@private`` stands."""
    return any(a.name.text == "private" for a in attributes)
