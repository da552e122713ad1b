"""What predicates and conditions share: and, or, not, comparisons, ``in``, lookups, maps, constants."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Final

from flowrules.check import collections, lookups
from flowrules.check.builtin import EITHER_END
from flowrules.check.listed import Unbound
from flowrules.check.literals import literal_value, natural_type
from flowrules.check.misuses import not_a_value
from flowrules.check.nouns import type_noun, type_plural
from flowrules.check.stand_ins import poison, unknown_truth
from flowrules.check.symbols import (
    CheckedProfile,
    CheckedTable,
    Constant,
    FileScope,
    Positions,
)
from flowrules.check.words import bare_word
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.types import Type
from flowrules.syntax import tree

FLIPPED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}

SCALARS: Final = frozenset(
    (
        "count",
        "bytes",
        "number",
        "percent",
        "duration",
        "time",
        "address",
        "block",
        "port",
        "protocol",
        "label",
    )
)
"""Types of parameters that stand for one value."""

BOUNDED: Final = {
    "share": "a share",
    "fraction": "a fraction",
    "sequential": "sequential",
    "cumulative": "a share",
}
"""Measures that never pass 100%."""


def comparable(one: Type, other: Type) -> bool:
    """Whether two values can be compared at all."""
    if one == other or t.POISON in (one, other):
        return True
    kinds = {one, other}
    return kinds in ({t.COUNT, t.NUMBER}, {t.NUMBER, t.PERCENT}, {t.PORT, t.APPLICATION})


class Expressions(ABC):
    """One place in a file where expressions stand; subclasses know which names and measures it has."""

    what: str
    """What a condition is about here, for messages: ``one flow``, ``a row of hourly``."""
    equal_percents = False
    """Whether percents may be compared with = (in tests)."""
    counts_anomalies = False
    """Whether `count` takes an anomaly at file level: only tests ask what was found."""

    def __init__(self, ws: Workspace, scope: FileScope) -> None:
        self.ws = ws
        self.scope = scope

    # ---- what subclasses say ---------------------------------------------------------------------

    @abstractmethod
    def operand(self, node: tree.Expression) -> ex.Expression:
        """A value; ``POISON`` where it is faulty."""

    @abstractmethod
    def truth(self, node: tree.Expression) -> ex.Expression:
        """A condition that is neither a comparison nor put together from others."""

    @abstractmethod
    def local_names(self) -> list[str]:
        """The names that this place brings, for "did you mean"."""

    def verdicts(self, of: ex.Expression) -> tuple[str, ...] | None:
        """The names that ``of`` can have, where it is a verdict."""
        if isinstance(of, ex.Lookup) and of.column == "verdict":
            profile = next(
                (
                    c
                    for s, c in self.ws.known.items()
                    if s.qualified == of.owner and isinstance(c, CheckedProfile)
                ),
                None,
            )
            if profile is not None:
                return (*(v.short for v in profile.declaration.verdicts), "unclassified")
        return None

    # ---- logic -----------------------------------------------------------------------------------

    def condition(self, node: tree.Expression) -> ex.Expression:
        """A condition, of type truth whatever is wrong in it."""
        match node:
            case tree.Or() | tree.And():
                kind = ex.Or if isinstance(node, tree.Or) else ex.And
                items = [self.condition(i) for i in node.items]
                flat: list[ex.Expression] = []
                for item in items:
                    flat.extend(item.items if isinstance(item, kind) else (item,))
                return kind(type=t.TRUTH, span=node.span, items=tuple(flat))
            case tree.Not():
                return ex.Not(type=t.TRUTH, span=node.span, of=self.condition(node.of))
            case tree.NOf():
                return self._n_of(node)
            case tree.Compare():
                return self._compare(node)
            case tree.In():
                return self._membership(node)
            case tree.Call() if node.function.parts == ("known",):
                return self._known(node)
            case tree.Literal():
                self.ws.faults.report(
                    "FR204",
                    f"{node.text} is a value, not a condition",
                    node.span,
                    hint="compare it with something",
                )
                return unknown_truth(node.span)
        return self.truth(node)

    def _n_of(self, node: tree.NOf) -> ex.Expression:
        items = tuple(self.condition(i) for i in node.items)
        n = node.n.value
        if not isinstance(n, int) or not 1 <= n <= len(items):
            always = isinstance(n, int) and n < 1
            self.ws.faults.report(
                "FR242",
                f"{node.n.text} of {len(items)} conditions {'always' if always else 'never'} hold",
                node.n.span,
                hint=f"write a number from 1 to {len(items)}",
            )
            n = 1
        return ex.NOf(type=t.TRUTH, span=node.span, n=n, items=items)

    def _known(self, node: tree.Call) -> ex.Expression:
        if len(node.args) != 1:
            self.wrong_arguments(node, "known takes one value: known(zone(sip))")
            return unknown_truth(node.span)
        arg = node.args[0]
        if isinstance(arg, tree.Call) and arg.function.parts == ("previous",):
            return lookups.previous_known(self, arg, node.span)
        return ex.Known(type=t.TRUTH, span=node.span, of=self.finding(arg) or self.operand(arg))

    def finding(self, node: tree.Expression) -> ex.Expression | None:
        """What came of the check or anomaly that is named; only tests ask it."""
        return None

    def previous_name(self, call: tree.Call) -> tree.Name | None:
        """The argument of ``previous(x)``."""
        if len(call.args) == 1 and isinstance(call.args[0], tree.Name):
            return call.args[0]
        self.wrong_arguments(call, "previous takes one name: previous(web_clients)")
        return None

    # ---- comparisons -----------------------------------------------------------------------------

    def _compare(self, node: tree.Compare) -> ex.Expression:
        left, right, operator = node.left, node.right, node.operator
        if isinstance(left, tree.Literal):
            if isinstance(right, tree.Literal):
                self.ws.faults.report(
                    "FR217", f"{self.ws.text(node.span)} compares two constants", node.span,
                    hint="compare a field, a measure or a feature",
                )  # fmt: skip
                return unknown_truth(node.span)
            left, right, operator = right, left, FLIPPED[operator]
        ends = self.either_end(left)
        if ends is not None:
            return self._compare_either(node, left, right, operator, ends)
        typed = self.operand(left)
        if typed.type == t.POISON:
            if isinstance(right, tree.Call | tree.Lookup | tree.Arithmetic | tree.Total):
                self.operand(right)
            return unknown_truth(node.span)
        return self.compare_values(node, typed, left, right, operator)

    def compare_values(
        self,
        node: tree.Compare,
        typed: ex.Expression,
        left: tree.Expression,
        right: tree.Expression,
        operator: str,
    ) -> ex.Expression:
        """The comparison of a value with what stands on its other side."""
        if not self._has_operator(node, typed, left, right, operator):
            return unknown_truth(node.span)
        other = self.value_as(right, typed, self.ws.text(left.span))
        if other is None:
            return unknown_truth(node.span)
        if isinstance(other, ex.Literal) and not self._within_bound(right, other, typed):
            return unknown_truth(node.span)
        return ex.Compare(type=t.TRUTH, span=node.span, op=operator, left=typed, right=other)

    def _compare_either(
        self,
        node: tree.Compare,
        left: tree.Expression,
        right: tree.Expression,
        operator: str,
        ends: tuple[str, str],
    ) -> ex.Expression:
        word, value = self.ws.text(left.span), self.ws.text(right.span)
        if operator != "=":
            hint = (
                f"write not {word} = {value} for neither end"
                if operator == "!="
                else f"write one end: {ends[0]}"
            )
            self.ws.faults.report(
                "FR223", f"{word} means either end, and {operator} would be true of one or of both", node.operator_span,
                hint=hint,
            )  # fmt: skip
            return unknown_truth(node.span)
        sides: list[ex.Expression] = []
        for end in ends:
            typed = self.operand(tree.Name(parts=(end,), span=left.span))
            if typed.type == t.POISON:
                return unknown_truth(node.span)
            other = self.value_as(right, typed, word)
            if other is None:
                return unknown_truth(node.span)
            sides.append(ex.Compare(type=t.TRUTH, span=node.span, op="=", left=typed, right=other))
        return ex.Or(type=t.TRUTH, span=node.span, items=tuple(sides))

    def _has_operator(
        self,
        node: tree.Compare,
        typed: ex.Expression,
        left: tree.Expression,
        right: tree.Expression,
        operator: str,
    ) -> bool:
        name, text, value = typed.type.name, self.ws.text(left.span), self.ws.text(right.span)
        hint: str | None
        if typed.type in (t.FLAGS, t.ATTRIBUTES):
            bits = value if value.isupper() and value.isalpha() else "S"
            hint = f"write {text} has {bits}, {text} lacks {bits} or {text} matches {bits}/{bits}"
            message = f"{operator} does not test {type_plural(typed.type)}"
        elif typed.type == t.TRUTH:
            message, hint = f"{text} is a condition: it holds or not", f"write {text} or not {text}"
        elif name in ("list", "schedule", "set", "tuple"):
            message = (
                f"{text} is {type_noun(typed.type)}: {operator} does not compare {type_plural(typed.type)}"
            )
            hint = "write in" if name == "tuple" else None
        elif operator in ("=", "!=") and typed.type == t.PERCENT and not self.equal_percents:
            message = f"{text} is a percent, and a percent is hardly ever equal to another"
            hint = f"write {text} >= {value} or {text} <= {value}"
        elif operator not in ("=", "!=") and name not in t.ORDERED:
            message = f"{text} is {type_noun(typed.type)}, and {type_plural(typed.type)} have no order"
            hint = f"write {text} = {value} or {text} in (…)"
        else:
            return True
        self.ws.faults.report("FR213", message, node.operator_span, hint=hint)
        return False

    def _within_bound(self, node: tree.Expression, value: ex.Literal, typed: ex.Expression) -> bool:
        bound = self.bounded(typed)
        if bound is None or not isinstance(value.value, Fraction) or value.value <= 1:
            return True
        self.ws.faults.report(
            "FR212", f"{self.ws.text(node.span)} is more than 100%, and {bound} never is", node.span,
            hint="write a percent from 0% to 100%",
        )  # fmt: skip
        return False

    def bounded(self, typed: ex.Expression) -> str | None:
        """How to call a value that never passes 100%; ``None`` for others."""
        return BOUNDED.get(typed.name) if isinstance(typed, ex.Measure) else None

    def value_as(self, node: tree.Expression, typed: ex.Expression, about: str) -> ex.Expression | None:
        """``node`` as a value to compare with ``typed``; ``None`` where it is none (reported)."""
        if isinstance(node, tree.Literal):
            value = literal_value(self.ws, node, typed.type, about)
            if value is None:
                return None
            # a number against a percent keeps what was written: part >= 90%
            percent = typed.type == t.NUMBER and node.kind == "percent"
            return ex.Literal(type=t.PERCENT if percent else typed.type, span=node.span, value=value)
        if isinstance(node, tree.Name) and len(node.parts) == 1:
            word = bare_word(self, node, typed)
            if word is not None:
                return word if word.type != t.POISON else None
        if isinstance(node, tree.Name) and node.parts[0] in EITHER_END:
            self._no_either_end(node)
            return None
        other = self.operand(node)
        if other.type == t.POISON:
            return None
        if isinstance(other, ex.Literal):
            return self._constant_as(node, other, typed, about)
        if comparable(typed.type, other.type):
            return other
        self.mismatch(node, other.type, typed.type, about)
        return None

    def _constant_as(
        self, node: tree.Expression, other: ex.Literal, typed: ex.Expression, about: str
    ) -> ex.Expression | None:
        """A parameter against ``typed``: the value as that type, where it can be."""
        found, wanted = other.type, typed.type
        plain = (
            wanted == t.PERCENT and found in (t.NUMBER, t.COUNT) and isinstance(typed, ex.Measure | ex.Column)
        )
        whole = found == t.COUNT and wanted in (t.NUMBER, t.BYTES)
        if plain or not (comparable(found, wanted) or whole):
            self.mismatch(node, found, wanted, about)
            return None
        value = other.value
        if value is not None and wanted == t.NUMBER and found == t.COUNT:
            assert isinstance(value, int | Fraction)
            value = Fraction(value)
        kept = found if {found, wanted} in ({t.COUNT, t.NUMBER}, {t.NUMBER, t.PERCENT}) else wanted
        return ex.Literal(type=wanted if whole else kept, span=node.span, value=value)

    def mismatch(self, node: tree.Expression, found: Type, wanted: Type, about: str) -> None:
        """Report two values that have nothing in common."""
        hint = None
        if {found, wanted} == {t.ADDRESS, t.BLOCK}:
            hint = "an address lies in a block: write in"
        self.ws.faults.report(
            "FR210",
            f"{about} is {type_noun(wanted)}, and {self.ws.text(node.span)} is {type_noun(found)}",
            node.span,
            hint=hint,
        )

    # ---- membership ------------------------------------------------------------------------------

    def either_end(self, node: tree.Expression) -> tuple[str, str] | None:
        """The two fields that ``aip`` or ``aport`` means."""
        if isinstance(node, tree.Name) and len(node.parts) == 1 and node.parts[0] not in self.scope.symbols:
            return EITHER_END.get(node.parts[0])
        return None

    def _no_either_end(self, node: tree.Name) -> None:
        one, other = EITHER_END[node.parts[0]]
        self.ws.faults.report(
            "FR223", f"{node.text} means either end: it stands only before = and in", node.span,
            hint=f"write {one} or {other}",
        )  # fmt: skip

    def _membership(self, node: tree.In) -> ex.Expression:
        ends = self.either_end(node.left)
        if ends is not None:
            sides: list[ex.Expression] = []
            for end in ends:
                item = self.operand(tree.Name(parts=(end,), span=node.left.span))
                if item.type == t.POISON:
                    return unknown_truth(node.span)
                side = self._in((item,), node)
                if side is None:
                    return unknown_truth(node.span)
                sides.append(side)
            held: ex.Expression = ex.Or(type=t.TRUTH, span=node.span, items=tuple(sides))
            return ex.Not(type=t.TRUTH, span=node.span, of=held) if node.negated else held
        nodes = node.left.items if isinstance(node.left, tree.Tuple) else (node.left,)
        items: list[ex.Expression] = []
        for part in nodes:
            items.append(self._item(part, node))
        if any(i.type == t.POISON for i in items):
            return unknown_truth(node.span)
        found = self._in(tuple(items), node)
        if found is None:
            return unknown_truth(node.span)
        return ex.Not(type=t.TRUTH, span=node.span, of=found) if node.negated else found

    def _item(self, node: tree.Expression | tree.Item, whole: tree.In) -> ex.Expression:
        if isinstance(node, tree.Name) and self.either_end(node) is not None:
            self._no_either_end(node)
            return poison(node.span)
        if isinstance(node, tree.Literal):
            type_ = natural_type(node)
            if node.kind == "cidr":
                return ex.Literal(type=t.BLOCK, span=node.span, value=literal_value(self.ws, node, t.BLOCK))
            value = literal_value(self.ws, node, type_)
            return poison(node.span) if value is None else ex.Literal(type=type_, span=node.span, value=value)
        if isinstance(node, tree.Range | tree.Tuple):
            self.ws.faults.report("FR215", "a list stands before in", node.span, hint="write the value first")
            return poison(node.span)
        return self.operand(node)

    def _in(self, items: tuple[ex.Expression, ...], node: tree.In) -> ex.Expression | None:
        found = collections.collection(self, items, node.collection, self.ws.text(node.left.span))
        if found is None:
            return None
        if isinstance(found, Unbound):
            return unknown_truth(node.span)
        members, items = found
        if len(members) == 1:
            return ex.In(type=t.TRUTH, span=node.span, items=items, collection=members[0])
        return ex.Or(
            type=t.TRUTH,
            span=node.span,
            items=tuple(ex.In(type=t.TRUTH, span=node.span, items=items, collection=m) for m in members),
        )

    # ---- values that both languages have ---------------------------------------------------------

    def constant(self, node: tree.Name) -> ex.Expression:
        """A name of file scope as a value: a scalar parameter, else a message that says how it is used."""
        symbol, rest, reported = self.ws.find(self.scope, node)
        if symbol is None:
            if not reported:
                self.unknown(node)
            return poison(node.span)
        checked = self.ws.refer(symbol, node.span)
        if checked is None:
            return poison(node.span)
        if isinstance(checked, Constant) and not rest and checked.type.name in SCALARS:
            value = checked.value
            assert value is None or isinstance(value, int | str | Fraction | tuple)
            return ex.Literal(type=checked.type, span=node.span, value=value)
        if isinstance(checked, CheckedTable) and not checked.keys and rest:
            return lookups.lookup(self, tree.Lookup(of=node, keys=(), span=node.span))
        not_a_value(self, node, symbol, checked, rest)
        return poison(node.span)

    def unknown(self, node: tree.Name) -> None:
        """Report a name that is neither built in nor declared."""
        candidates = [*self.local_names(), *self.ws.names(self.scope)]
        self.ws.unknown_name(node, candidates)

    def key_names(self, keys: Positions) -> str:
        """How the keys of a lookup could be written here."""
        return ", ".join(k.name for k in keys) or "…"

    def set_hint(self, name: str) -> str:
        """How a set could be used here."""
        return f"write sip in {name}"

    def argument(self, node: tree.Expression) -> ex.Expression:
        """An argument that is a value; either end is refused."""
        if isinstance(node, tree.Name) and self.either_end(node) is not None:
            self._no_either_end(node)
            return poison(node.span)
        return self.operand(node)

    def wrong_arguments(self, node: tree.Call, message: str, hint: str | None = None) -> None:
        """Report a call with what it does not take."""
        self.ws.faults.report("FR220", message, node.span, hint=hint)
