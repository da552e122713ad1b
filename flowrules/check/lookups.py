"""Values that are fetched: ``table.column[key]``, ``zone(sip)``, and whether earlier results hold something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.check.builtin import SITE_MAPS
from flowrules.check.literals import literal_value
from flowrules.check.map_tables import empty_map
from flowrules.check.nouns import example_field, kind_noun, type_noun
from flowrules.check.references import lookup_target, set_reference
from flowrules.check.stand_ins import poison, unknown_truth
from flowrules.check.symbols import (
    CheckedMap,
    CheckedProfile,
    CheckedSet,
    CheckedTable,
    Positions,
)
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.source_text import Span
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.check.expressions import Expressions


def lookup(place: Expressions, node: tree.Lookup) -> ex.Expression:
    """``table.column[key, …]``."""
    previous = isinstance(node.of, tree.Call)
    if isinstance(node.of, tree.Call):
        if node.of.function.parts != ("previous",):
            place.ws.faults.report(
                "FR226", f"{place.ws.text(node.of.span)} cannot be looked up in", node.of.span,
                hint="write table.column[key] or previous(table.column)[key]",
            )  # fmt: skip
            return poison(node.span)
        name = place.previous_name(node.of)
        if name is None:
            return poison(node.span)
    else:
        name = node.of
    target = lookup_target(place.ws, place.scope, name, previous)
    if target is None:
        return poison(node.span)
    keys = lookup_keys(place, node, target.keys)
    if keys is None:
        return poison(node.span)
    return ex.Lookup(
        type=target.type,
        span=node.span,
        owner=target.owner,
        column=target.column,
        keys=keys,
        previous=previous,
    )


def lookup_keys(place: Expressions, node: tree.Lookup, wanted: Positions) -> tuple[ex.Expression, ...] | None:
    """The keys of a look-up, one for each position; ``None``: faulty, and reported."""
    if len(node.keys) == 1 and len(wanted) > 1 and not isinstance(node.keys[0], tree.Literal):
        only = place.operand(node.keys[0])
        if only.type == t.POISON:
            return None
        if only.type == t.tuple_of(*(p.type for p in wanted)):
            return (only,)
    if len(node.keys) != len(wanted):
        names = ", ".join(p.name for p in wanted)
        place.ws.faults.report(
            "FR226",
            f"{place.ws.text(node.of.span)} is looked up by {len(wanted) or 'no'} key{'' if len(wanted) == 1 else 's'}, "
            f"not {len(node.keys)}",
            node.span,
            hint=f"write {place.ws.text(node.of.span)}[{names}]"
            if wanted
            else f"it has one row, without keys: write {place.ws.text(node.of.span)}",
        )
        return None
    keys: list[ex.Expression] = []
    for part, position in zip(node.keys, wanted, strict=True):
        shape = ex.Literal(type=position.type, value=None)
        if isinstance(part, tree.Literal) and part.kind == "cidr" and position.type == t.BLOCK:
            key: ex.Expression | None = ex.Literal(
                type=t.BLOCK, span=part.span, value=literal_value(place.ws, part, t.BLOCK)
            )
        else:
            key = place.value_as(part, _labelled(shape, position.name), f"the key {position.name}")
        if key is None:
            return None
        keys.append(key)
    return tuple(keys)


def map_call(place: Expressions, node: tree.Call) -> ex.Expression | None:
    """``zone(sip)``, ``service(dport, protocol)``; ``None``: the name is no map (not reported)."""
    function = node.function
    if len(function.parts) == 1 and function.parts[0] in SITE_MAPS:
        word = function.parts[0]
        checked: object = site_map(place, word, node.span)
    else:
        symbol, rest, reported = place.ws.find(place.scope, function)
        if symbol is None:
            return poison(node.span) if reported else None
        checked = place.ws.refer(symbol, function.span)
        if checked is None:
            return poison(node.span)
        if not isinstance(checked, CheckedMap) or rest:
            place.ws.faults.report(
                "FR204", f"{function.text} is {kind_noun(symbol.kind)}, and only maps and measures are called",
                function.span,
            )  # fmt: skip
            return poison(node.span)
    assert isinstance(checked, CheckedMap)
    args = _map_arguments(place, node, checked)
    if args is None:
        return poison(node.span)
    return ex.MapLookup(type=checked.label, span=node.span, map=checked.name, args=args)


def site_map(place: Expressions, word: str, span: Span) -> CheckedMap:
    """``country``, ``asn`` or ``name``; a use of one that is not bound is noted, and holds nothing."""
    if word not in place.ws.maps:
        bound = place.ws.bindings.maps.get(word)
        place.ws.maps[word] = bound if bound is not None else empty_map(word, "address")
    if word != "name" and word not in place.ws.bindings.maps:
        place.ws.note_unbound_map(word, span)
    return CheckedMap(word, (t.ADDRESS,), SITE_MAPS[word])


def _map_arguments(
    place: Expressions, node: tree.Call, checked: CheckedMap
) -> tuple[ex.Expression, ...] | None:
    call = f"{node.function.text}({', '.join(example_field(k) for k in checked.keys)})"
    if len(node.args) != len(checked.keys):
        place.wrong_arguments(
            node,
            f"{node.function.text} is looked up by {' and '.join(map(str, checked.keys))}: {call}",
        )
        return None
    found: list[ex.Expression] = []
    for arg, wanted in zip(node.args, checked.keys, strict=True):
        value = place.value_as(arg, ex.Literal(type=wanted, value=None), f"a key of {node.function.text}") if isinstance(
            arg, tree.Literal
        ) else place.argument(arg)  # fmt: skip
        if value is None or value.type == t.POISON:
            return None
        if value.type != wanted and not (wanted == t.ADDRESS and value.type == t.BLOCK):
            place.ws.faults.report(
                "FR220",
                f"{node.function.text} is a map of {' and '.join(map(str, checked.keys))}, and "
                f"{place.ws.text(arg.span)} is {type_noun(value.type)}",
                arg.span,
                hint=f"write {call}",
            )
            return None
        found.append(value)
    return tuple(found)


def previous_known(place: Expressions, call: tree.Call, span: Span) -> ex.Expression:
    """``known(previous(x))``: whether the run was given earlier results that hold x."""
    name = place.previous_name(call)
    if name is None:
        return unknown_truth(span)
    symbol, rest, reported = place.ws.find(place.scope, name)
    if symbol is None:
        if not reported:
            place.ws.unknown_name(name, place.ws.names(place.scope), "no set, table or profile")
        return unknown_truth(span)
    checked = place.ws.refer(symbol, name.span)
    if checked is None:
        return unknown_truth(span)
    column: str | None = None
    if isinstance(checked, CheckedTable) and rest:
        if lookup_target(place.ws, place.scope, name, previous=True) is None:
            return unknown_truth(span)
        column = rest[0]
    elif isinstance(checked, CheckedProfile) and rest:
        if rest[0] in checked.features or rest[0] == "verdict":
            column = rest[0]
        elif set_reference(place.ws, place.scope, name, previous=True) is None:
            return unknown_truth(span)
    elif not isinstance(checked, CheckedSet | CheckedTable | CheckedProfile):
        place.ws.faults.report(
            "FR227", f"{name.text} is {kind_noun(symbol.kind)}: earlier results do not hold it", name.span
        )
        return unknown_truth(span)
    return ex.PreviousKnown(type=t.TRUTH, span=span, owner=symbol.qualified, column=column)


def _labelled(shape: ex.Literal, name: str) -> ex.Expression:
    """A stand-in for a key: its name says whether bare labels may stand for it."""
    return ex.Column(type=shape.type, name=name)
