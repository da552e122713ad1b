"""What stands after ``in``: lists, named ports and networks, schedules, sets."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from flowrules.check.builtin import BARE_LABELS
from flowrules.check.listed import (
    INTEGERS,
    Unbound,
    address_items,
    addresses_of,
    holds,
    label_items,
    merged,
    number_ranges,
    tuple_rows,
)
from flowrules.check.nouns import type_noun, type_plural
from flowrules.check.references import SetReference, members_text, set_reference
from flowrules.check.symbols import Constant, Positions
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.check.expressions import Expressions


Found: TypeAlias = tuple[tuple[ex.Collection, ...], tuple[ex.Expression, ...]]


def collection(
    place: Expressions, items: tuple[ex.Expression, ...], node: tree.Collection, about: str
) -> Found | Unbound | None:
    """The collections of which one must hold the items, and the items; ``None``: faulty, and reported.

    A literal item takes the type of the set that it is looked for in.
    """
    types = _types(items)
    match node:
        case tree.Name() if not _is_word(place, node, items):
            return _named(place, items, types, node, about)
        case tree.Call():
            reference = place_set_call(place, node)
            return None if reference is None else _in_set(place, items, types, reference, node, about)
        case tree.Literal() if node.kind == "string" and len(types) == 1 and types[0] == t.LABEL:
            listed: tuple[tree.Item, ...] = (node,)
        case tree.Literal() | tree.Name():
            listed = (node,)
        case tree.List():
            listed = node.items
    if len(types) > 1:
        rows = tuple_rows(place, listed, types, about)
        return None if rows is None else ((ex.Tuples(rows),), items)
    return _listed(place, items, types[0], listed, about)


def _types(items: tuple[ex.Expression, ...]) -> tuple[Type, ...]:
    if len(items) == 1 and items[0].type.name == "tuple":
        return items[0].type.parts
    return tuple(i.type for i in items)


def _is_word(place: Expressions, node: tree.Name, items: tuple[ex.Expression, ...]) -> bool:
    """Whether a single name is a value and not a collection: ``protocol in tcp``, ``type in in``."""
    if len(items) != 1 or len(node.parts) != 1 or place.ws.find(place.scope, node)[0] is not None:
        return False
    typed = items[0]
    named = isinstance(typed, ex.Field | ex.Column) and typed.name in BARE_LABELS
    return named or typed.type in (t.PROTOCOL, t.WEEKDAY) or place.verdicts(typed) is not None


def _named(
    place: Expressions, items: tuple[ex.Expression, ...], types: tuple[Type, ...], node: tree.Name, about: str
) -> Found | Unbound | None:
    ws = place.ws
    symbol, _, reported = ws.find(place.scope, node)
    if symbol is None:
        if not reported:
            if node.parts[0] in place.local_names():
                ws.faults.report(
                    "FR215", f"{node.text} is one value, and in looks in many", node.span,
                    hint=f"write {about} = {node.text}",
                )  # fmt: skip
            else:
                ws.unknown_name(node, ws.names(place.scope), "no list or set")
        return None
    reference = set_reference(ws, place.scope, node)
    if reference is None:
        return None
    if isinstance(reference, SetReference):
        return _in_set(place, items, types, reference, node, about)
    return _in_constant(place, items, types, reference, node, about)


def _in_constant(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    types: tuple[Type, ...],
    constant: Constant,
    node: tree.Name,
    about: str,
) -> Found | Unbound | None:
    value = constant.value
    wanted = _parts(constant.type)
    items = _fitted(place, items, wanted) if wanted is not None else items
    types = _types(items)
    if not holds(constant.type, types):
        place.ws.faults.report(
            "FR215",
            f"{about} is {_noun(types)}, and {node.text} is {type_noun(constant.type)}",
            node.span,
            hint=_instead(constant.type, node.text),
        )
        return None
    if value is None:
        return Unbound()
    collection_: ex.Collection
    addresses = addresses_of(value) if types[0] in (t.ADDRESS, t.BLOCK) else None
    match value:
        case _ if addresses is not None:
            collection_ = ex.Blocks(addresses) if types[0] == t.BLOCK else ex.Addresses(addresses)
        case Schedule():
            collection_ = ex.InSchedule(value)
        case ex.Ranges() | ex.Tuples() | ex.Labels():
            collection_ = value
        case int():
            collection_ = ex.Ranges(((value, value),))
        case str():
            collection_ = ex.Labels(frozenset((value,)))
        case Fraction():
            collection_ = ex.Numbers(((value, value),))
        case _:
            raise TypeError(f"a constant of type {constant.type} holds {type(value).__name__}")
    return (collection_,), items


def _parts(type_: Type) -> tuple[Type, ...] | None:
    if type_.name == "set":
        return type_.parts
    element = {"ports": t.PORT, "nets": t.ADDRESS, "schedule": t.TIME, "times": t.TIME}.get(type_.name)
    return None if element is None else (element,)


def _instead(type_: Type, name: str) -> str | None:
    match type_.name:
        case "ports":
            return f"write sport in {name} or dport in {name}"
        case "nets":
            return f"write sip in {name} or dip in {name}"
        case "schedule" | "times":
            return f"write stime in {name}"
        case "set" if type_.parts == (t.BLOCK,):
            return f"write sip/24 in {name}, with the length that its blocks have"
    return None


def _noun(types: tuple[Type, ...]) -> str:
    return type_noun(types[0]) if len(types) == 1 else type_noun(t.tuple_of(*types))


def _in_set(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    types: tuple[Type, ...],
    reference: SetReference,
    node: tree.Node,
    about: str,
) -> Found | None:
    wanted = tuple(p.type for p in reference.positions)
    items = _fitted(place, items, wanted)
    if _types(items) != wanted and not (_types(items) == (t.BLOCK,) and wanted == (t.ADDRESS,)):
        members = members_text(reference.positions)
        place.ws.faults.report(
            "FR215",
            f"{about} is {_noun(types)}, and {place.ws.text(node.span)} holds {members}",
            node.span,
            hint=_other_members(about, types, reference.positions, place.ws.text(node.span)),
        )
        return None
    return (ex.InSet(reference.expression),), items


def _other_members(about: str, types: tuple[Type, ...], positions: Positions, text: str) -> str | None:
    if types == (t.ADDRESS,) and [p.type for p in positions] == [t.BLOCK]:
        return f"write {about}/24 in {text}, with the length that its blocks have"
    if len(types) == 1 and len(positions) > 1:
        fitting = [p.name for p in positions if p.type == types[0]]
        if fitting:
            return f"write in {text}.{fitting[0]}"
    return f"write ({', '.join(p.name for p in positions)}) in {text}" if len(positions) > 1 else None


def _fitted(
    place: Expressions, items: tuple[ex.Expression, ...], wanted: tuple[Type, ...]
) -> tuple[ex.Expression, ...]:
    """Literal items as members of the set: 80 is a port where ports are wanted."""
    if len(items) != len(wanted):
        return items
    out: list[ex.Expression] = []
    for item, type_ in zip(items, wanted, strict=True):
        if isinstance(item, ex.Literal) and item.type == t.COUNT and type_ in INTEGERS:
            item = ex.Literal(type=type_, span=item.span, value=item.value)
        out.append(item)
    return tuple(out)


def place_set_call(place: Expressions, node: tree.Call) -> SetReference | None:
    """``previous(s)`` or ``blocks(s, 24, 64)`` after ``in``."""
    from flowrules.check.sets import set_call

    return set_call(place.ws, place.scope, node)


def _listed(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    type_: Type,
    listed: tuple[tree.Item, ...],
    about: str,
) -> Found | Unbound | None:
    if type_ == t.LABEL:
        labels = label_items(place, items[0], listed)
        return None if labels is None else ((ex.Labels(frozenset(labels)),), items)
    if type_ in (t.ADDRESS, t.BLOCK):
        return _addresses(place, items, type_, listed, about)
    if type_ in INTEGERS or type_ in (t.NUMBER, t.PERCENT):
        found = number_ranges(place, items[0], type_, listed, about)
        if found is None or isinstance(found, Unbound):
            return found
        whole = [(low, high) for low, high in found if isinstance(low, int) and isinstance(high, int)]
        if type_ in INTEGERS and len(whole) == len(found):
            return (ex.Ranges(merged(whole)),), items
        return (ex.Numbers(tuple((Fraction(low), Fraction(high)) for low, high in sorted(found))),), items
    hint = "write flags has S" if type_ == t.FLAGS else None
    place.ws.faults.report("FR215", f"in does not test {type_plural(type_)}", listed[0].span, hint=hint)
    return None


def _addresses(
    place: Expressions,
    items: tuple[ex.Expression, ...],
    type_: Type,
    listed: tuple[tree.Item, ...],
    about: str,
) -> Found | Unbound | None:
    found = address_items(place, listed, type_, about)
    if found is None or isinstance(found, Unbound):
        return found
    members, wildcards = found
    out: list[ex.Collection] = []
    if members or not wildcards:
        out.append(ex.Blocks(members) if type_ == t.BLOCK else ex.Addresses(members))
    if wildcards:
        out.append(ex.Wildcards(tuple(wildcards)))
    return tuple(out), items
