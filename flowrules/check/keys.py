"""Grouping keys: fields, blocks, bins, hours and labels of maps."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowrules.check.builtin import (
    BARE_MEASURES,
    DIRECTIONS,
    EITHER_END,
    KEY_FUNCTIONS,
    VALUE_WORDS,
    WORDS,
)
from flowrules.check.constant_arguments import duration_constant, scalar_constant
from flowrules.check.directions import side_of
from flowrules.check.faults import did_you_mean
from flowrules.check.flows import FlowExpressions
from flowrules.check.nouns import kind_noun
from flowrules.check.symbols import Position
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.fields import PROTOCOLS
from flowrules.model.measures import MEASURES, SPREAD_SCHEMES
from flowrules.syntax import tree

KEY_TYPES: Final = frozenset(
    (
        *("address", "block", "port", "protocol", "icmp_type", "icmp_code", "application", "interface"),
        *("label", "time", "count", "bytes", "duration", "flags", "attributes", "asn", "weekday", "number"),
    )
)
"""Types of what can be a key; numbers only where they are a field's own (ip_version)."""


@frozen(eq=False)
class CheckedKey:
    """A key and what its position holds."""

    key: ex.Key
    position: Position


def grouping_key(place: FlowExpressions, node: tree.Key, direction: str | None = None) -> CheckedKey | None:
    """A grouping key; ``None`` where it is faulty (reported)."""
    of = _spread(place, node.of) if _is_spread(place, node.of) else _key_value(place, node.of)
    if of is None or of.type == t.POISON:
        return None
    name = node.name.text if node.name is not None else _default_name(place, node.of)
    mask = (of.v4, of.v6) if isinstance(of, ex.Mask) else None
    if isinstance(of, ex.Column) and place.table is not None:
        mask = next((p.mask for p in place.table.keys if p.name == of.name), None)
    return CheckedKey(ex.Key(name, of), Position(name, of.type, mask, side_of(of, direction, place.table)))


def _key_value(place: FlowExpressions, node: tree.Expression) -> ex.Expression | None:
    if isinstance(node, tree.Name) and len(node.parts) == 1:
        word = node.parts[0]
        if word in EITHER_END:
            place.ws.faults.report(
                "FR223", f"{word} means either end, and a key needs one", node.span,
                hint=f"write {EITHER_END[word][0]} or {EITHER_END[word][1]}, or inside for the home end of both directions",
            )  # fmt: skip
            return None
        if word == "host":
            place.ws.faults.report(
                "FR224", "host is whom the profile is about: which field of the flow holds it?", node.span,
                hint="write per sip, per dip or per inside",
            )  # fmt: skip
            return None
        if place.table is None and (word in DIRECTIONS or word in PROTOCOLS):
            place.ws.faults.report(
                "FR224", f"{word} is a condition, and flows are grouped by fields", node.span,
                hint=f"write per {'protocol' if word in PROTOCOLS else 'type'}, or of {word}",
            )  # fmt: skip
            return None
        local = word in place.local_names()
        if not local and word in VALUE_WORDS | BARE_MEASURES:
            _measure_as_key(place, node, word)
            return None
        if not local and word not in WORDS | VALUE_WORDS:
            symbol, _, reported = place.ws.find(place.scope, node)
            if symbol is None:
                if not reported:
                    place.unknown(node)
                return None
            place.ws.faults.report(
                "FR224", f"{word} is {kind_noun(symbol.kind)}, and flows are grouped by fields", node.span,
                hint="write a field such as sip, a block sip/24, a bin(stime, 1h) or a map zone(sip)",
            )  # fmt: skip
            return None
    if isinstance(node, tree.Call) and node.function.text in MEASURES:
        _measure_as_key(place, node, place.ws.text(node.span))
        return None
    of = place.operand(node)
    if of.type != t.POISON and (isinstance(of, ex.Literal | ex.Lookup) or of.type.name not in KEY_TYPES):
        place.ws.faults.report(
            "FR224",
            f"{place.ws.text(node.span)} cannot be a key",
            node.span,
            hint="write a field, a block, a bin or a map",
        )
        return None
    return of


def _measure_as_key(place: FlowExpressions, node: tree.Expression, text: str) -> None:
    place.ws.faults.report(
        "FR224", f"{text} measures a group, and keys make the groups", node.span,
        hint=f"write a table: table volume = {text} of … per sip",
    )  # fmt: skip


def _is_spread(place: FlowExpressions, node: tree.Expression) -> bool:
    return isinstance(node, tree.Call) and node.function.parts == ("spread",)


def _spread(place: FlowExpressions, node: tree.Expression) -> ex.Expression | None:
    assert isinstance(node, tree.Call)
    call = "write spread(1h, time)"
    if place.table is not None:
        place.ws.faults.report(
            "FR225", "rows of a table have no duration to spread", node.span, hint="write bin(…)"
        )
        return None
    if not 2 <= len(node.args) <= 4:
        place.wrong_arguments(
            node, "spread is called with a width and a scheme, and a start and an end if need be", call
        )
        return None
    width = duration_constant(place, node.args[0], "the width of a bin")
    scheme = node.args[1]
    if not isinstance(scheme, tree.Name) or scheme.text not in SPREAD_SCHEMES:
        text = place.ws.text(scheme.span)
        place.ws.faults.report(
            "FR220", f"{text} is no way to spread a flow over bins", scheme.span,
            hint=did_you_mean(text, SPREAD_SCHEMES) or f"the schemes are {', '.join(SPREAD_SCHEMES)}",
        )  # fmt: skip
        return None
    limits: list[int | None] = []
    for arg in node.args[2:]:
        if isinstance(arg, tree.Call) and arg.function.parts == ("until",) and len(node.args) == 3:
            limits.append(None)
            if len(arg.args) != 1:
                place.wrong_arguments(arg, "until is called with a time", "write until(2012-02-01T18:00)")
                return None
            arg = arg.args[0]
        limit = scalar_constant(place, arg, t.TIME, "a limit of spread")
        if not isinstance(limit, int):
            return None
        limits.append(limit)
    if width is None:
        return None
    start, end = [*limits, None, None][:2]
    return ex.Spread(type=t.TIME, span=node.span, width=width, scheme=scheme.text, start=start, end=end)


def _default_name(place: FlowExpressions, node: tree.Expression) -> str:
    match node:
        case tree.Name():
            return node.parts[-1]
        case tree.Masked():
            return node.of.parts[-1]
        case tree.Call(function=function, args=args):
            word = function.parts[-1]
            if word == "bin" and args:
                return _default_name(place, args[0])
            if word in KEY_FUNCTIONS and word in ("hour", "weekday", "spread"):
                return word
            return "_".join([word, *(_default_name(place, a) for a in args)])
    return "key"
