"""Parameters: their types and bounds, and the values that the site, the command line or a test give them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from attrs import frozen

from flowrules.check.bindings import Binding
from flowrules.check.constants import map_keys
from flowrules.check.faults import did_you_mean
from flowrules.check.map_tables import empty_map
from flowrules.check.nouns import type_noun
from flowrules.check.parameter_values import OUTSIDE, Given, value_of
from flowrules.check.symbols import CheckedMap, CheckedTable, Constant, FileScope, Position, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import types as t
from flowrules.model.map_table import MapTable
from flowrules.model.source_text import SourceText
from flowrules.model.structural import Structural
from flowrules.model.types import Type
from flowrules.syntax import tree
from flowrules.syntax.parser import parse_value

SCALARS: Final[dict[str, Type]] = {
    x.name: x for x in (t.COUNT, t.NUMBER, t.BYTES, t.PERCENT, t.DURATION, t.TIME, t.ADDRESS, t.BLOCK, t.PORT)
} | {"protocol": t.PROTOCOL, "label": t.LABEL}
LISTS: Final = {"times": t.TIMES, "nets": t.NETS, "ports": t.PORTS, "schedule": t.SCHEDULE}
MEMBERS: Final = {
    "address": t.ADDRESS, "port": t.PORT, "protocol": t.PROTOCOL, "block": t.BLOCK, "label": t.LABEL,
    "application": t.APPLICATION,
}  # fmt: skip
CELLS: Final = {**SCALARS, "application": t.APPLICATION}
_LEADING_KEYS: Final = ("address", "block", "port", "protocol", "label", "application")
_ALL: Final = (*SCALARS, *LISTS, "set", "map", "table")


@frozen(eq=False, repr=False)
class ParameterShape(Structural):
    """The declared type; of a table its columns by name, the keys first."""

    type: Type
    columns: tuple[tuple[str, Type], ...] = ()
    keys: int = 0


def parameter_shape(ws: Workspace, node: tree.TypeName) -> ParameterShape | None:
    """The type of a parameter; ``None`` where there is no such type (reported)."""
    name = node.name
    if name in SCALARS or name in LISTS:
        if node.args:
            ws.faults.report(
                "FR240", f"the type {name} takes nothing in parentheses", node.span, hint=f"write {name}"
            )
            return None
        return ParameterShape(SCALARS.get(name) or LISTS[name])
    if name == "set":
        types = [_member(ws, a, MEMBERS, "a set") for a in node.args]
        if any(x is None for x in types):
            return None
        return ParameterShape(
            t.set_of(*(x for x in types if x is not None)) if types else t.set_of(t.ADDRESS)
        )
    if name == "map":
        if not node.args:
            ws.faults.report(
                "FR240", "a map of what?", node.span, hint="write map(address) or map(port, protocol)"
            )
            return None
        keys = map_keys(ws, tuple(a.type for a in node.args))
        return None if keys is None else ParameterShape(t.map_of(*keys))
    if name == "table":
        return _table_shape(ws, node)
    also = {"int": "count", "integer": "count", "float": "number", "string": "label", "text": "label", "size": "bytes",
            "ip": "address", "cidr": "nets", "network": "nets", "networks": "nets", "date": "time", "port": "ports",
            "hours": "schedule", "list": "set", "addresses": "set"}  # fmt: skip
    near = also.get(name.lower())
    ws.faults.report(
        "FR240", f"there is no type {name}", node.span,
        hint=f"did you mean {near}?" if near else did_you_mean(name, _ALL) or f"the types are {', '.join(_ALL)}",
    )  # fmt: skip
    return None


def _member(ws: Workspace, node: tree.TypeArgument, known: dict[str, Type], where: str) -> Type | None:
    found = known.get(node.type.text)
    if found is None:
        ws.faults.report(
            "FR240", f"{where} holds no {node.type.text}", node.type.span,
            hint=did_you_mean(node.type.text, known) or f"it holds {', '.join(known)}",
        )  # fmt: skip
    return found


def _table_shape(ws: Workspace, node: tree.TypeName) -> ParameterShape | None:
    columns: list[tuple[str, Type]] = []
    for arg in node.args:
        type_ = _member(ws, arg, CELLS, "a table")
        if type_ is None:
            return None
        if arg.name is None:
            ws.faults.report(
                "FR240", "a column of a table has a name", arg.span, hint=f"write name: {arg.type.text}"
            )
            return None
        if any(n == arg.name.text for n, _ in columns):
            ws.faults.report("FR230", f"two columns are called {arg.name.text}", arg.name.span)
            return None
        columns.append((arg.name.text, type_))
    if len(columns) < 2:
        ws.faults.report(
            "FR240",
            "a table has a key and at least one value",
            node.span,
            hint="write table(host: address, bytes: bytes)",
        )
        return None
    leading = next((i for i, (_, x) in enumerate(columns) if x.name not in _LEADING_KEYS), len(columns) - 1)
    if leading == 0:
        ws.faults.report(
            "FR240", f"a table begins with its key, and {columns[0][0]} is {type_noun(columns[0][1])}", node.args[0].span,
            hint="put the address, port or label first",
        )  # fmt: skip
        return None
    return ParameterShape(Type("table", tuple(x for _, x in columns)), tuple(columns), leading)


def check_parameter(ws: Workspace, symbol: Symbol) -> Constant | CheckedMap | CheckedTable | None:
    """A ``param`` declaration with the value that it has in this run."""
    node = symbol.node
    assert isinstance(node, tree.Param)
    shape = parameter_shape(ws, node.type)
    if shape is None:
        return None
    bounds = _bounds(ws, symbol.scope, node, shape.type)
    value: object = None
    binding = binding_of(ws, symbol)
    # a file that stands in by default is not opened where another value is given
    if node.value is not None and not (binding is not None and isinstance(node.value, tree.FileValue)):
        default = value_of(
            ws, symbol, shape, Given(node.value, "default", symbol.scope.path, node.value.span)
        )
        if default is None:
            return _checked(ws, symbol, shape, None)
        if default is not OUTSIDE and _in_bounds(ws, node, default, bounds, node.value, None):
            value = default
    if binding is not None:
        value = _bound_value(ws, symbol, shape, binding, bounds)
    elif node.value is None:
        ws.unbound[symbol] = node.name.span
    ws.origins[symbol] = binding.origin if binding is not None else "default"
    return _checked(ws, symbol, shape, value)


def _checked(
    ws: Workspace, symbol: Symbol, shape: ParameterShape, value: object
) -> Constant | CheckedMap | CheckedTable:
    type_ = shape.type
    if type_.name == "map":
        kind = ", ".join(str(k) for k in type_.parts)
        ws.maps[symbol.qualified] = (
            value if isinstance(value, MapTable) else empty_map(symbol.qualified, kind)
        )
        return CheckedMap(symbol.qualified, type_.parts, t.LABEL)
    if type_.name == "table":
        ws.bound_tables[symbol.qualified] = value if isinstance(value, dict) else {}
        keys = tuple(Position(n, x) for n, x in shape.columns[: shape.keys])
        return CheckedTable(symbol.qualified, keys, dict(shape.columns[shape.keys :]))
    return Constant(type_, value, symbol.name, symbol)


# ---- bounds --------------------------------------------------------------------------------------------


def _bounds(
    ws: Workspace, scope: FileScope, node: tree.Param, type_: Type
) -> tuple[int | Fraction, int | Fraction] | None:
    from flowrules.check.literals import literal_value

    if node.low is None or node.high is None:
        return None
    if type_.name not in t.ORDERED:
        ws.faults.report(
            "FR240", f"{type_noun(type_)} has no bounds", node.low.span, hint="leave `in … .. …` away"
        )
        return None
    low = literal_value(ws, node.low, type_, node.name.text)
    high = literal_value(ws, node.high, type_, node.name.text)
    if not isinstance(low, int | Fraction) or not isinstance(high, int | Fraction):
        return None
    if low > high:
        ws.faults.report(
            "FR240", f"no value lies between {node.low.text} and {node.high.text}", node.low.span,
            hint=f"write in {node.high.text} .. {node.low.text}",
        )  # fmt: skip
        return None
    return low, high


def _in_bounds(
    ws: Workspace,
    node: tree.Param,
    value: object,
    bounds: tuple[int | Fraction, int | Fraction] | None,
    given: tree.Node | None,
    binding: Binding | None,
) -> bool:
    if bounds is None or not isinstance(value, int | Fraction) or bounds[0] <= value <= bounds[1]:
        return True
    if binding is not None and binding.origin == "test":
        return True  # two hosts are enough to test a threshold of fifty
    assert node.low is not None and node.high is not None
    span = binding.span if binding is not None else given.span if given is not None else None
    text = binding.text if binding is not None else ws.text(span)
    where = f"{binding.place}: " if binding is not None and binding.span is None and binding.place else ""
    ws.faults.report(
        "FR602" if binding is not None else "FR240",
        f"{where}{node.name.text} goes from {node.low.text} to {node.high.text}, and {text} lies outside",
        span,
        hint=f"write a value from {node.low.text} to {node.high.text}",
        related=[(node.span, "declared here")] if binding is not None else (),
    )
    return False


# ---- bindings ------------------------------------------------------------------------------------------


def binding_of(ws: Workspace, symbol: Symbol) -> Binding | None:
    """What the command line, a test or the site gives to a parameter."""
    full = f"{symbol.scope.ruleset}.{symbol.name}"
    for table in (ws.bindings.given, ws.bindings.parameters):
        for key in (full, symbol.name):
            if key in table:
                return table[key]
    return None


def _bound_value(
    ws: Workspace,
    symbol: Symbol,
    shape: ParameterShape,
    binding: Binding,
    bounds: tuple[int | Fraction, int | Fraction] | None,
) -> object | None:
    node = symbol.node
    assert isinstance(node, tree.Param)
    parsed: tree.Value | None = None
    text = ""
    messages: list[tuple[str, str | None]] = []
    path = binding.place or f"the value of {symbol.name}"
    for text in _spellings(binding.text, shape.type):
        parsed, found = parse_value(SourceText(path, text))
        messages = messages or [(d.message, d.hint) for d in found]
        if parsed is not None:
            break
    if parsed is None:
        message, hint = messages[0] if messages else ("it cannot be read", None)
        _refuse_binding(ws, symbol, shape, binding, message, hint)
        return None
    given = Given(parsed, binding.origin, binding.folder, binding.span, folder=True)
    with ws.aside(SourceText(path, text)) as faults:
        value = value_of(ws, symbol, shape, given)
    for d in faults.found[:1]:
        if d.code == "FR604":
            ws.faults.report("FR604", _placed(binding, d.message), binding.span, d.hint)
        else:
            _refuse_binding(ws, symbol, shape, binding, d.message, d.hint)
    if value is None or value is OUTSIDE:
        return None
    return value if _in_bounds(ws, node, value, bounds, None, binding) else None


def _spellings(text: str, type_: Type) -> Iterator[str]:
    """What was given, then with the brackets or quotes that its type lets one leave out."""
    text = text.strip()
    bare = not text.startswith(("(", "{", "file "))
    if type_.name in ("nets", "ports", "times") and bare:
        yield f"({text})"
    if type_.name == "set" and bare:
        yield f"{{{text}}}"
    if type_ == t.LABEL and not text.startswith('"'):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{")
        yield f'"{escaped}"'
        return
    yield text


def _placed(binding: Binding, message: str) -> str:
    return message if binding.span is not None or not binding.place else f"{binding.place}: {message}"


def _refuse_binding(
    ws: Workspace, symbol: Symbol, shape: ParameterShape, binding: Binding, message: str, hint: str | None
) -> None:
    if not message.startswith(f"{symbol.name} is "):
        message = (
            f"{symbol.name} is {type_noun(shape.type)}, and {binding.text or 'nothing'} is not: {message}"
        )
    ws.faults.report(
        "FR602",
        _placed(binding, message),
        binding.span,
        hint=hint,
        related=[(symbol.node.span, "declared here")],
    )


def unknown_bindings(ws: Workspace) -> None:
    """Report values for parameters that no loaded ruleset has.

    The site serves many rulesets, so its bare names and the rulesets that are not loaded are left alone;
    what the command line or a test says must fit exactly one parameter.
    """
    if not ws.bindings.given and not ws.bindings.parameters:
        return
    names: dict[str, list[str]] = {}
    for scope in ws.scopes.values():
        for symbol in scope.symbols.values():
            if symbol.kind == "param":
                names.setdefault(symbol.name, []).append(f"{scope.ruleset}.{symbol.name}")
    full = {f for fulls in names.values() for f in fulls}
    for key, binding in ws.bindings.given.items():
        if key in full:
            continue
        known = sorted(full) if "." in key else sorted(names)
        if key not in names:
            message, hint = f"no parameter is called {key}", did_you_mean(key, known)
            if hint is None:
                hint = f"the parameters are {', '.join(known[:8])}" if names else "there are no parameters"
        elif len(names[key]) > 1:
            message = (
                f"{key} is a parameter of {' and of '.join(f.rpartition('.')[0] for f in sorted(names[key]))}"
            )
            hint = f"say which: {sorted(names[key])[0]}"
        else:
            continue
        ws.faults.report("FR603", _placed(binding, message), binding.named or binding.span, hint=hint)
    for key, binding in ws.bindings.parameters.items():
        ruleset, _, short = key.rpartition(".")
        if ruleset in ws.scopes and key not in full:
            own = [s.name for s in ws.scopes[ruleset].symbols.values() if s.kind == "param"]
            ws.faults.report(
                "FR603", _placed(binding, f"{ruleset} has no parameter {short}"), binding.span,
                hint=did_you_mean(short, own),
            )  # fmt: skip
        elif ruleset and ruleset not in ws.scopes and short in names:
            near = did_you_mean(ruleset, ws.scopes)
            if near is not None:
                ws.faults.report(
                    "FR603", _placed(binding, f"no ruleset here is called {ruleset}, so {short} is not bound"),
                    binding.span, hint=near, severity="warning",
                )  # fmt: skip
