"""Bare words as values: protocols, days, sensors and verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.check.builtin import BARE_LABELS, WEEKDAYS
from flowrules.check.faults import did_you_mean
from flowrules.check.nouns import type_noun
from flowrules.check.stand_ins import poison
from flowrules.check.symbols import (
    Constant,
)
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.fields import PROTOCOLS
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.check.expressions import Expressions


def bare_word(place: Expressions, node: tree.Name, typed: ex.Expression) -> ex.Expression | None:
    """A bare word as the value of ``typed``: a protocol, a day, a sensor, a verdict.

    ``None``: it is none of these and has to be looked up; ``POISON``: reported.
    """
    word, type_ = node.parts[0], typed.type
    if type_ == t.PROTOCOL and word in PROTOCOLS:
        return ex.Literal(type=type_, span=node.span, value=PROTOCOLS[word])
    if type_ == t.WEEKDAY and word in WEEKDAYS:
        return ex.Literal(type=type_, span=node.span, value=WEEKDAYS.index(word))
    if type_ == t.LABEL:
        symbol, _, _ = place.ws.find(place.scope, node)
        checked = place.ws.resolve(symbol) if symbol is not None and symbol.kind == "param" else None
        if isinstance(checked, Constant) and checked.type == t.LABEL:
            return None
        verdicts = place.verdicts(typed)
        if verdicts is not None and word not in place.local_names():
            if word not in verdicts:
                place.ws.faults.report(
                    "FR201", f"no verdict is called {word}", node.span,
                    hint=did_you_mean(word, verdicts) or f"the verdicts are {', '.join(dict.fromkeys(verdicts))}",
                )  # fmt: skip
                return poison(node.span)
            return ex.Literal(type=type_, span=node.span, value=word)
        if isinstance(typed, ex.Field | ex.Column) and typed.name in BARE_LABELS:
            return ex.Literal(type=type_, span=node.span, value=word)
        if symbol is None and word not in place.local_names():
            place.ws.faults.report(
                "FR210", f"{word} is a name, and a label is wanted", node.span,
                hint=f'write it in quotes: "{word}"', fix=f'"{word}"',
            )  # fmt: skip
            return poison(node.span)
    if type_ in (t.PROTOCOL, t.WEEKDAY) and place.ws.find(place.scope, node)[0] is None:
        known = list(PROTOCOLS) if type_ == t.PROTOCOL else list(WEEKDAYS)
        if word in place.local_names():
            return None
        near = did_you_mean(word, known)
        if type_ == t.PROTOCOL:
            near = near or "write its number; the words are " + ", ".join(known)
        place.ws.faults.report(
            "FR201", f"no {type_noun(type_).split(' ', 1)[1]} is called {word}", node.span, hint=near
        )
        return poison(node.span)
    return None
