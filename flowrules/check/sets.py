"""Sets: keys of flows, listed members, and their algebra."""

from __future__ import annotations

from pathlib import PurePath

from flowrules.check.bindings import BinderError
from flowrules.check.flows import FlowExpressions
from flowrules.check.keys import CheckedKey, grouping_key
from flowrules.check.listed import INTEGERS, Unbound, address_items, addresses_of, number_ranges, tuple_rows
from flowrules.check.literals import natural_type
from flowrules.check.nouns import type_noun
from flowrules.check.references import (
    SetReference,
    members_text,
    same_positions,
    set_reference,
    unnamed,
)
from flowrules.check.sources import source
from flowrules.check.symbols import CheckedSet, Constant, FileScope, Position, Positions, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import PROTOCOLS
from flowrules.model.source_text import Span
from flowrules.model.types import Type
from flowrules.syntax import tree


def check_set(ws: Workspace, symbol: Symbol) -> CheckedSet | None:
    """A ``set`` declaration."""
    from flowrules.check.attributes import declared

    node = symbol.node
    assert isinstance(node, tree.SetDeclaration)
    if node.keeps and not isinstance(node.set, tree.Members):
        ws.faults.report(
            "FR232", "keep follows one `of`: what it would measure here is not one group of flows", node.keeps[0].span,
            hint="give the part with the threshold a set of its own",
        )  # fmt: skip
        set_expression(ws, symbol.scope, node.set)
        return None
    found = set_expression(ws, symbol.scope, node.set, keeps=node.keeps)
    if found is None:
        return None
    expression, positions = found.expression, found.positions
    if node.exceptions:
        place = FlowExpressions(ws, symbol.scope)
        listed = list_members(place, node.exceptions, positions, node.span)
        if listed is None:
            return None
        parts = tuple(p.type for p in positions)
        expression = ex.SetAlgebra(
            parts=parts, span=node.span, op="-", left=expression, right=listed.expression
        )
    declaration = pr.SetDeclaration(
        **declared(ws, symbol),
        names=tuple(p.name for p in positions),
        parts=tuple(p.type for p in positions),
        set=expression,
    )
    return CheckedSet(declaration, positions)


def set_expression(
    ws: Workspace,
    scope: FileScope,
    node: tree.SetExpression,
    wanted: Positions | None = None,
    keeps: tuple[tree.KeepStep, ...] = (),
) -> SetReference | None:
    """A set and its positions; ``None`` where it is faulty (reported).

    ``wanted`` are the positions of what a literal is combined with, so that ``{}`` and ``{80}`` take their type.
    """
    match node:
        case tree.Members():
            return _members(ws, scope, node, keeps)
        case tree.SetOperation():
            return _operation(ws, scope, node, wanted)
        case tree.Name():
            found = set_reference(ws, scope, node)
            return constant_set(ws, node, found) if isinstance(found, Constant) else found
        case tree.Call():
            return set_call(ws, scope, node)
        case tree.SetLiteral():
            return list_members(FlowExpressions(ws, scope), node.items, wanted, node.span)
        case tree.FileValue():
            return _file(ws, scope, node)


def _members(
    ws: Workspace, scope: FileScope, node: tree.Members, keeps: tuple[tree.KeepStep, ...]
) -> SetReference | None:
    from flowrules.check.keeps import keep_steps

    found = source(ws, scope, node.source)
    place = FlowExpressions(ws, scope, found.table if found is not None else None)
    if found is None:
        return None
    keys = [grouping_key(place, k, found.source.direction) for k in node.keys]
    sound = [k for k in keys if k is not None]
    if len(sound) < len(keys):
        return None
    if any(isinstance(k.key.of, ex.Spread) for k in sound):
        ws.faults.report("FR224", "a set has no spread bins", node.keys[0].span, hint="write bin(stime, 1h)")
        return None
    sound = [_renamed(k, i, sound) for i, k in enumerate(sound)]
    positions = tuple(k.position for k in sound)
    steps = keep_steps(ws, scope, keeps, place, positions, {}, None)
    if steps is None:
        return None
    members = ex.Members(
        parts=tuple(p.type for p in positions),
        span=node.span,
        keys=tuple(k.key for k in sound),
        source=found.source,
        keeps=steps,
    )
    return SetReference(members, positions)


def _renamed(key: CheckedKey, index: int, keys: list[CheckedKey]) -> CheckedKey:
    """A second key of the same name gets a number: ``(sip, sip/24)`` has ``sip`` and ``sip2``."""
    earlier = sum(k.key.name == key.key.name for k in keys[:index])
    if not earlier:
        return key
    name = f"{key.key.name}{earlier + 1}"
    p = key.position
    return CheckedKey(ex.Key(name, key.key.of), Position(name, p.type, p.mask, p.side))


def _operation(
    ws: Workspace, scope: FileScope, node: tree.SetOperation, wanted: Positions | None
) -> SetReference | None:
    literal_left = isinstance(node.left, tree.SetLiteral)
    first_node, second_node = (node.right, node.left) if literal_left else (node.left, node.right)
    first = set_expression(ws, scope, first_node, wanted)
    second = set_expression(ws, scope, second_node, first.positions if first is not None else wanted)
    if first is None or second is None:
        return None
    left, right = (second, first) if literal_left else (first, second)
    if not same_positions(left.positions, right.positions):
        ws.faults.report(
            "FR232",
            f"{node.operator} combines sets of one kind, and here {members_text(left.positions)} meet "
            f"{members_text(right.positions)}",
            node.operator_span,
            hint=_meeting(ws, node, left.positions, right.positions),
        )
        return None
    positions = tuple(_met(a, b, node.operator) for a, b in zip(left.positions, right.positions, strict=True))
    algebra = ex.SetAlgebra(
        parts=tuple(p.type for p in positions),
        span=node.span,
        op=node.operator,
        left=left.expression,
        right=right.expression,
    )
    return SetReference(algebra, positions)


def _met(a: Position, b: Position, operator: str) -> Position:
    """A position of the result: its side is what both prove, or what one proves of an intersection."""
    if operator == "-":
        side = a.side
    elif operator == "&":
        side = a.side or b.side
    else:
        side = a.side if a.side == b.side else None
    return Position(a.name, a.type, a.mask or b.mask, side)


def _meeting(ws: Workspace, node: tree.SetOperation, left: Positions, right: Positions) -> str | None:
    for one, other, part in ((left, right, node.right), (right, left, node.left)):
        if len(one) == 1 and len(other) > 1 and isinstance(part, tree.Name) and len(part.parts) == 1:
            fitting = [p.name for p in other if p.type == one[0].type]
            if fitting:
                return f"write {part.text}.{fitting[0]}"
    return None


def constant_set(ws: Workspace, node: tree.Name, constant: Constant) -> SetReference | None:
    """A bound parameter, list of ports or networks as a set."""
    value, type_ = constant.value, constant.type
    match type_.name:
        case "set":
            parts = type_.parts
        case "nets" | "address" | "block":
            parts = (t.ADDRESS,)
        case "ports":
            parts = (t.PORT,)
        case _:
            ws.faults.report("FR204", f"{node.text} is {type_noun(type_)}, not a set", node.span)
            return None
    literal = members_literal(parts, value, node.span)
    return SetReference(literal, unnamed(parts))


def members_literal(parts: tuple[Type, ...], value: object, span: Span | None) -> ex.SetLiteral:
    """Listed members; ``None`` (not bound) holds nothing."""
    match value:
        case AddressSet():
            return ex.SetLiteral(parts=parts, span=span, addresses=value)
        case int() | tuple():
            return ex.SetLiteral(parts=parts, span=span, addresses=addresses_of(value))
        case ex.Ranges(ranges=ranges):
            return ex.SetLiteral(parts=parts, span=span, rows=tuple((r,) for r in ranges))
        case ex.Tuples(rows=rows):
            return ex.SetLiteral(parts=parts, span=span, rows=rows)
        case ex.Labels(labels=labels):
            return ex.SetLiteral(parts=parts, span=span, labels=tuple(sorted(labels)))
    if parts in ((t.ADDRESS,), (t.BLOCK,)):
        return ex.SetLiteral(parts=parts, span=span, addresses=AddressSet.from_ranges(()))
    return ex.SetLiteral(parts=parts, span=span)


def set_call(ws: Workspace, scope: FileScope, node: tree.Call) -> SetReference | None:
    """``previous(s)``, ``blocks(s, 24, 64)``, ``block_starts(s, 24, 64)`` or ``fill_blocks(s, 24, 64)``."""
    match node.function.text:
        case "previous":
            if len(node.args) != 1 or not isinstance(node.args[0], tree.Name):
                ws.faults.report(
                    "FR220", "previous takes one name", node.span, hint="write previous(web_clients)"
                )
                return None
            found = set_reference(ws, scope, node.args[0], previous=True)
            return found if isinstance(found, SetReference) else None
        case "blocks" | "block_starts" | "fill_blocks":
            return _blocks(ws, scope, node)
    ws.faults.report(
        "FR204", f"{ws.text(node.span)} is no set", node.span,
        hint="sets are keys of flows, names, listed members, previous(s) and blocks(s, 24)",
    )  # fmt: skip
    return None


def _blocks(ws: Workspace, scope: FileScope, node: tree.Call) -> SetReference | None:
    lengths = [a.value for a in node.args[1:] if isinstance(a, tree.Literal) and isinstance(a.value, int)]
    if (
        not 2 <= len(node.args) <= 3
        or len(lengths) != len(node.args) - 1
        or not isinstance(node.args[0], tree.Name | tree.Call)
    ):
        ws.faults.report(
            "FR220",
            f"{node.function.text} takes a set and one or two prefix lengths",
            node.span,
            hint=f"write {node.function.text}(active, 24, 64)",
        )
        return None
    v4, v6 = (int(str(n)) for n in [*lengths, 64][:2])
    if v4 > 32 or v6 > 128:
        ws.faults.report(
            "FR212",
            "a prefix has at most 32 bits of IPv4 and 128 of IPv6",
            node.span,
            hint=f"write {node.function.text}(active, 24, 64)",
        )
        return None
    of = set_expression(ws, scope, node.args[0])
    if of is None:
        return None
    if len(of.positions) != 1 or of.positions[0].type not in (t.ADDRESS, t.BLOCK):
        ws.faults.report(
            "FR232", f"blocks are of addresses, and {ws.text(node.args[0].span)} holds {members_text(of.positions)}",
            node.args[0].span,
        )  # fmt: skip
        return None
    position = Position(of.positions[0].name, t.BLOCK, (v4, v6), of.positions[0].side)
    form = node.function.text
    if form == "blocks":
        blocks = ex.SetBlocks(parts=(t.BLOCK,), span=node.span, of=of.expression, v4=v4, v6=v6)
        return SetReference(blocks, (position,))
    if of.positions[0].type != t.ADDRESS:
        ws.faults.report(
            "FR232", f"{form} takes addresses, and {ws.text(node.args[0].span)} holds {members_text(of.positions)}",
            node.args[0].span,
        )  # fmt: skip
        return None
    addresses = ex.SetBlocks(parts=(t.ADDRESS,), span=node.span, of=of.expression, v4=v4, v6=v6, form=form)
    return SetReference(addresses, (of.positions[0],))


def _file(ws: Workspace, scope: FileScope, node: tree.FileValue) -> SetReference | None:
    if not scope.own:
        ws.faults.report(
            "FR237", f"{scope.ruleset} can be imported, so it names no files", node.span,
            hint="declare a parameter: param hosts_known : set",
        )  # fmt: skip
        return None
    addresses = AddressSet.from_ranges(())
    if ws.binder is not None:
        path = beside(scope.path, str(node.path.value))
        try:
            addresses = ws.binder.read_set(path)
        except BinderError as error:
            ws.faults.report("FR604", str(error), node.path.span)
            return None
    return SetReference(
        ex.SetLiteral(parts=(t.ADDRESS,), span=node.span, addresses=addresses), unnamed((t.ADDRESS,))
    )


def beside(path: str, named: str) -> str:
    """A file that the file ``path`` names: relative names begin in its folder."""
    folder = PurePath(path).parent
    return str(folder / named)


# ---- listed members ------------------------------------------------------------------------------------


def list_members(
    place: FlowExpressions, items: tuple[tree.Item, ...], wanted: Positions | None, span: Span
) -> SetReference | None:
    """``{…}`` as a set; its members take the types that are wanted, else those that they show."""
    positions = wanted or _shown(place, items)
    if positions is None:
        return None
    types = tuple(p.type for p in positions)
    value = member_values(place, items, types)
    if value is None:
        return None
    bound = None if isinstance(value, Unbound) else value
    plain = tuple(Position(p.name, p.type, p.mask) for p in positions)
    return SetReference(members_literal(types, bound, span), plain)


def member_values(
    place: FlowExpressions, items: tuple[tree.Item, ...], types: tuple[Type, ...]
) -> AddressSet | ex.Ranges | ex.Tuples | ex.Labels | Unbound | None:
    """Listed members of the given types; ``None`` where they are faulty (reported)."""
    about = "a member"
    if len(types) > 1:
        rows = tuple_rows(place, items, types, about)
        return None if rows is None else ex.Tuples(rows)
    type_ = types[0]
    if type_ in (t.ADDRESS, t.BLOCK):
        found = address_items(place, items, type_, about)
        if found is None or isinstance(found, Unbound):
            return found
        addresses, wildcards = found
        if wildcards:
            place.ws.faults.report(
                "FR239", f"{wildcards[0].text} stands for {wildcards[0].range_count} separate ranges: too many to list",
                next((i.span for i in items if isinstance(i, tree.Literal) and i.text == wildcards[0].text), None),
                hint="compare the field with it in a filter",
            )  # fmt: skip
            return None
        return addresses
    if type_ == t.LABEL:
        return _label_members(place, items)
    if type_ not in INTEGERS:
        place.ws.faults.report(
            "FR239", f"{type_noun(type_)} cannot be listed in a set", items[0].span if items else None
        )
        return None
    numbers = number_ranges(place, ex.Literal(type=type_, value=None), type_, items, about)
    if numbers is None or isinstance(numbers, Unbound):
        return numbers
    return ex.Ranges(tuple(sorted((int(low), int(high)) for low, high in numbers)))


def _label_members(place: FlowExpressions, items: tuple[tree.Item, ...]) -> ex.Labels | None:
    labels: set[str] = set()
    for item in items:
        if isinstance(item, tree.Literal) and isinstance(item.value, str):
            labels.add(item.value)
        elif isinstance(item, tree.Name) and len(item.parts) == 1:
            labels.add(item.text)
        else:
            place.ws.faults.report(
                "FR210",
                f"a member is a label, and {place.ws.text(item.span)} is not",
                item.span,
                hint="write it in quotes",
            )
            return None
    return ex.Labels(frozenset(labels))


def _shown(place: FlowExpressions, items: tuple[tree.Item, ...]) -> Positions | None:
    """The types that listed members show by themselves: addresses, ports, or tuples of them."""
    if not items:
        return unnamed((t.ADDRESS,))
    first = items[0]
    parts = first.items if isinstance(first, tree.Tuple) else (first,)
    types: list[Type] = []
    for part in parts:
        type_ = _shown_type(place, part)
        if type_ is None:
            return None
        types.append(type_)
    return unnamed(tuple(types))


def _shown_type(place: FlowExpressions, part: tree.Expression | tree.Item) -> Type | None:
    match part:
        case tree.Range(low=low):
            return _shown_type(place, low)
        case tree.Literal(kind="cidr"):
            return t.ADDRESS
        case tree.Literal():
            natural = natural_type(part)
            return t.PORT if natural == t.COUNT else natural
        case tree.Name(parts=(word,)) if word in PROTOCOLS:
            return t.PROTOCOL
        case tree.Name():
            symbol, _, reported = place.ws.find(place.scope, part)
            if symbol is None:
                if not reported:
                    place.ws.unknown_name(part, place.ws.names(place.scope))
                return None
            checked = place.ws.refer(symbol, part.span)
            if checked is None:
                return None
            if isinstance(checked, Constant):
                element = {"ports": t.PORT, "nets": t.ADDRESS}.get(checked.type.name)
                if checked.type.name == "set" and len(checked.type.parts) == 1:
                    element = checked.type.parts[0]
                return element or checked.type
            place.ws.faults.report(
                "FR232", f"{part.text} is no constant, and braces list constants", part.span,
                hint="join sets with | & -",
            )  # fmt: skip
            return None
    place.ws.faults.report("FR232", f"{place.ws.text(part.span)} cannot be a member of a set", part.span)
    return None
