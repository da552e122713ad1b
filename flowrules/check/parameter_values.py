"""Values that parameters are given, by the type that each declares."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from attrs import frozen

from flowrules.check.bindings import BinderError
from flowrules.check.constants import hours, net_addresses, port_ranges
from flowrules.check.flows import FlowExpressions
from flowrules.check.listed import Unbound
from flowrules.check.literals import literal_range, literal_value
from flowrules.check.nouns import type_noun
from flowrules.check.sets import beside, member_values
from flowrules.check.symbols import Constant, Symbol
from flowrules.check.words import bare_word
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.model.types import Type
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.check.parameters import ParameterShape

OUTSIDE: Final = object()
"""A value that is known to exist and is not here: a file where files are not read, an unbound parameter."""


@frozen(eq=False, repr=False)
class Given(Structural):
    """A value as written, by whom, and where relative paths of files begin (``folder``: a folder, not a file)."""

    value: tree.Value
    origin: str
    path: str
    span: Span | None
    folder: bool = False


def value_of(ws: Workspace, symbol: Symbol, shape: ParameterShape, given: Given) -> object | None:
    """The value, as ``check.symbols.Constant`` says for its type, a ``MapTable``, or the rows of a table.

    ``None`` where it does not fit the type (reported).
    """
    node = given.value
    type_ = shape.type
    if isinstance(node, tree.FileValue):
        return _from_file(ws, symbol, shape, given, node)
    if isinstance(node, tree.Name):
        found = _named(ws, symbol, type_, node)
        if found is not _NOT_A_CONSTANT:
            return found
    match type_.name:
        case "schedule":
            if isinstance(node, tree.Hours):
                return hours(ws, node)
        case "map" | "table":
            if isinstance(node, tree.SetLiteral) and not node.items:
                return OUTSIDE
        case "nets":
            items = _items(node)
            if items is not None:
                return _known(net_addresses(ws, symbol.scope, items))
        case "ports":
            items = _items(node)
            if items is not None:
                return _known(port_ranges(ws, symbol.scope, items))
        case "times":
            items = _items(node)
            if items is not None:
                return _times(ws, symbol, items)
        case "set":
            items = _items(node)
            if items is not None:
                place = FlowExpressions(ws, symbol.scope)
                return _known(member_values(place, items, type_.parts))
        case _:
            if (
                isinstance(node, tree.List)
                and len(node.items) == 1
                and isinstance(node.items[0], tree.Literal)
            ):
                node = node.items[0]
            if isinstance(node, tree.Literal):
                return literal_value(ws, node, type_, symbol.name)
    _wrong(ws, symbol, type_, node)
    return None


_NOT_A_CONSTANT: Final = object()


def _named(ws: Workspace, symbol: Symbol, type_: Type, node: tree.Name) -> object | None:
    """The value of another constant or parameter; a label may be a bare word."""
    found, rest, reported = ws.find(symbol.scope, node)
    if found is None:
        if type_ == t.LABEL and len(node.parts) == 1:
            return node.text
        if type_ == t.PROTOCOL or reported:
            return None if reported else _protocol(ws, symbol, node)
        if type_.name in ("nets", "ports", "set"):
            return _NOT_A_CONSTANT  # listed by name, reported there
        ws.unknown_name(node, ws.names(symbol.scope))
        return None
    checked = ws.refer(found, node.span)
    if checked is None:
        return None
    if isinstance(checked, Constant) and not rest:
        fits = checked.type == type_ or {checked.type, type_} == {t.NETS, t.set_of(t.ADDRESS)}
        if fits:
            return OUTSIDE if checked.value is None else checked.value
        ws.faults.report(
            "FR240",
            f"{symbol.name} is {type_noun(type_)}, and {node.text} is {type_noun(checked.type)}",
            node.span,
        )
        return None
    ws.faults.report(
        "FR240", f"{node.text} is computed, and a parameter takes a constant", node.span,
        hint="leave the default away, or bind a file",
    )  # fmt: skip
    return None


def _protocol(ws: Workspace, symbol: Symbol, node: tree.Name) -> object | None:
    place = FlowExpressions(ws, symbol.scope)
    word = bare_word(place, node, ex.Literal(type=t.PROTOCOL, value=None))
    return word.value if isinstance(word, ex.Literal) and word.type == t.PROTOCOL else None


def _items(node: tree.Value) -> tuple[tree.Item, ...] | None:
    match node:
        case tree.List(items=items) | tree.SetLiteral(items=items):
            return items
        case tree.Literal() | tree.Range() | tree.Name():
            return (node,)
    return None


def _known(found: object) -> object | None:
    return OUTSIDE if isinstance(found, Unbound) else found


def _times(ws: Workspace, symbol: Symbol, items: tuple[tree.Item, ...]) -> object | None:
    from flowrules.check.listed import merged

    ranges: list[tuple[int, int]] = []
    for item in items:
        if not isinstance(item, tree.Literal | tree.Range):
            ws.faults.report("FR210", f"{ws.text(item.span)} is no time", item.span)
            return None
        pair = literal_range(ws, item, t.TIME, symbol.name)
        if pair is None:
            return None
        ranges.append((int(pair[0]), int(pair[1])))
    return ex.Ranges(merged(ranges))


def _wrong(ws: Workspace, symbol: Symbol, type_: Type, node: tree.Value) -> None:
    hint = {
        "schedule": "write mon-fri 08:00-18:00",
        "map": 'write file "zones.csv", or {} for none',
        "table": 'write file "usual.csv", or {} for none',
        "nets": "write (10.0.0.0/8, 2001:db8::/32)",
        "ports": "write (80, 443, 8000-8080)",
        "set": "write {10.0.0.1, 10.0.0.2}",
        "times": "write (2026-01-31 .. 2026-02-02)",
    }.get(type_.name)
    ws.faults.report(
        "FR240", f"{symbol.name} is {type_noun(type_)}, and {ws.text(node.span)} is not", node.span, hint=hint
    )


# ---- files ---------------------------------------------------------------------------------------------


def _from_file(
    ws: Workspace, symbol: Symbol, shape: ParameterShape, given: Given, node: tree.FileValue
) -> object | None:
    type_ = shape.type
    if type_.name not in ("set", "nets", "map", "table"):
        ws.faults.report(
            "FR240", f"{symbol.name} is {type_noun(type_)}, and files hold sets, networks, maps and tables", node.span,
            hint="write the value itself",
        )  # fmt: skip
        return None
    if ws.binder is None:
        return OUTSIDE
    named = str(node.path.value)
    path = beside(f"{given.path}/x" if given.folder else given.path, named)
    try:
        return _read(ws, symbol, shape, path)
    except BinderError as error:
        # a default that this machine does not have is no fault of the rules
        severity = "warning" if given.origin == "default" and ws.mode != "run" else None
        ws.faults.report("FR604", str(error), node.path.span, severity=severity)
        return OUTSIDE if severity else None


def _read(ws: Workspace, symbol: Symbol, shape: ParameterShape, path: str) -> object:
    binder, type_ = ws.binder, shape.type
    assert binder is not None
    if type_.name == "map":
        return binder.read_map(path, tuple(str(k) for k in type_.parts), symbol.qualified)
    if type_.name == "table":
        rows = binder.read_table(path, shape.columns)
        names = [n for n, _ in shape.columns[shape.keys :]]
        return {tuple(row[: shape.keys]): dict(zip(names, row[shape.keys :], strict=True)) for row in rows}
    if type_ in (t.NETS, t.set_of(t.ADDRESS)):
        return binder.read_set(path)
    members = binder.read_tuples(path, type_.parts)
    if type_ == t.set_of(t.LABEL):
        return ex.Labels(frozenset(str(m[0]) for m in members))
    if type_ == t.set_of(t.BLOCK):
        return AddressSet.from_ranges(_extent(m[0]) for m in members)
    rows_of = tuple(tuple(_extent(v) for v in m) for m in members)
    if len(type_.parts) == 1:
        return ex.Ranges(_merged_rows(rows_of))
    return ex.Tuples(tuple(dict.fromkeys(rows_of)))


def _extent(value: object) -> tuple[int, int]:
    match value:
        case int():
            return value, value
        case (int() as first, int() as length):
            return first, first + (1 << 128 - length) - 1
    raise BinderError(f"{value} is no number")


def _merged_rows(rows: tuple[tuple[tuple[int, int], ...], ...]) -> tuple[tuple[int, int], ...]:
    points = sorted({row[0] for row in rows})
    if all(a[1] + 1 < b[0] for a, b in pairwise(points)):
        return tuple(points)
    from flowrules.check.listed import merged

    return merged(points)
