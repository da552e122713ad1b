"""Predicates: what one flow, or one row of a table, must be; and the keys that group flows or rows."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from attrs import frozen

from flowrules.check.builtin import (
    ALSO_CALLED,
    BARE_MEASURES,
    DIRECTIONS,
    EITHER_END,
    FIELDS,
    KEY_FUNCTIONS,
    VALUE_WORDS,
    WORDS,
)
from flowrules.check.directions import one_sided, proved_direction, side_of
from flowrules.check.expressions import Expressions, poison, unknown_truth
from flowrules.check.faults import did_you_mean
from flowrules.check.literals import literal_value, natural_type
from flowrules.check.nouns import kind_noun, type_noun
from flowrules.check.symbols import CheckedFilter, CheckedTable, Constant, FileScope, Position, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.fields import ATTRIBUTES, PROTOCOLS, TCP_FLAGS
from flowrules.model.measures import MEASURES, SPREAD_SCHEMES
from flowrules.model.reversal import reverse
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.syntax import tree

KEY_TYPES: Final = frozenset(
    (
        *("address", "block", "port", "protocol", "icmp_type", "icmp_code", "application", "interface"),
        *("label", "time", "count", "bytes", "duration", "flags", "attributes", "asn", "weekday", "number"),
    )
)
"""Types of what can be a key; numbers only where they are a field's own (ip_version)."""


@frozen(eq=False)
class CheckedSource:
    """Which flows or rows: the source, and the table whose rows they are."""

    source: ex.Source
    table: CheckedTable | None


@frozen(eq=False)
class CheckedKey:
    """A key and what its position holds."""

    key: ex.Key
    position: Position


class FlowExpressions(Expressions):
    """Expressions about one flow, or about one row of ``table``."""

    def __init__(self, ws: Workspace, scope: FileScope, table: CheckedTable | None = None) -> None:
        super().__init__(ws, scope)
        self.table = table
        self.what = "one flow" if table is None else f"one row of {table.name.rpartition(':')[2]}"

    def local_names(self) -> list[str]:
        """Fields and words of a flow, or the columns of the table."""
        if self.table is not None:
            return list(_row_types(self.table))
        return [*FIELDS, *EITHER_END, *DIRECTIONS, *PROTOCOLS]

    # ---- values ----------------------------------------------------------------------------------

    def operand(self, node: tree.Expression) -> ex.Expression:
        """A value of the flow or row, or a constant."""
        match node:
            case tree.Literal():
                type_ = natural_type(node)
                value = literal_value(self.ws, node, type_)
                return (
                    poison(node.span)
                    if value is None
                    else ex.Literal(type=type_, span=node.span, value=value)
                )
            case tree.Name():
                return self._name(node)
            case tree.Masked():
                return self._masked(node)
            case tree.Call():
                return self._call(node)
            case tree.Lookup():
                return self.lookup(node)
        self.ws.faults.report(
            "FR204", f"{self.ws.text(node.span)} is a condition, not a value", node.span,
            hint="compare a field, or join conditions with and, or",
        )  # fmt: skip
        return poison(node.span)

    def _name(self, node: tree.Name) -> ex.Expression:
        word = node.parts[0]
        if len(node.parts) == 1:
            if self.table is not None:
                types = _row_types(self.table)
                if word in types:
                    return ex.Column(type=types[word], span=node.span, name=word)
                if word in WORDS | VALUE_WORDS:
                    self._not_in_row(node, types)
                    return poison(node.span)
            elif word in FIELDS:
                return ex.Field(type=FIELDS[word], span=node.span, name=word)
            elif word in EITHER_END:
                self.ws.faults.report(
                    "FR223", f"{word} means either end: it stands only before = and in", node.span,
                    hint=f"write {EITHER_END[word][0]} or {EITHER_END[word][1]}",
                )  # fmt: skip
                return poison(node.span)
            elif word in DIRECTIONS or word in PROTOCOLS:
                self._condition_as_value(node)
                return poison(node.span)
            elif word in VALUE_WORDS:
                self._measure_as_value(node)
                return poison(node.span)
        return self.constant(node)

    def _not_in_row(self, node: tree.Name, types: dict[str, Type]) -> None:
        assert self.table is not None
        table = self.table.name.rpartition(":")[2]
        word = node.parts[0]
        hint = f"it has {', '.join(types)}"
        if word in ("flows", "share"):
            hint = f"write rows to count rows; {hint}"
        self.ws.faults.report("FR225", f"a row of {table} has no {word}", node.span, hint=hint)

    def _condition_as_value(self, node: tree.Name) -> None:
        hint = f"write protocol = {node.text}" if node.text in PROTOCOLS else f"write {node.text} alone"
        self.ws.faults.report("FR204", f"{node.text} is a condition, not a value", node.span, hint=hint)

    def _measure_as_value(self, node: tree.Name) -> None:
        self.ws.faults.report(
            "FR221",
            f"{node.text} measures a group, and a predicate sees one flow",
            node.span,
            hint="measure in a table, a feature or a keep",
        )

    def unknown(self, node: tree.Name) -> None:
        """Report a name that neither the flow nor the file has."""
        candidates = [*self.local_names(), *self.ws.names(self.scope)]
        if self.table is not None and len(node.parts) == 1:
            table = self.table.name.rpartition(":")[2]
            names = list(_row_types(self.table))
            near = did_you_mean(node.parts[0], candidates)
            self.ws.faults.report(
                "FR201",
                f"a row of {table} has no {node.parts[0]}",
                node.span,
                hint=near or f"it has {', '.join(names)}",
            )
            return
        self.ws.unknown_name(node, candidates)

    def _masked(self, node: tree.Masked) -> ex.Expression:
        of = self.argument(node.of)
        if of.type == t.POISON:
            return of
        if of.type != t.ADDRESS:
            self.ws.faults.report(
                "FR210", f"{node.of.text} is {type_noun(of.type)}, and only addresses have blocks", node.span,
                hint="write sip/24 or dip/24",
            )  # fmt: skip
            return poison(node.span)
        return ex.Mask(type=t.BLOCK, span=node.span, of=of, v4=node.v4, v6=64 if node.v6 is None else node.v6)

    def _call(self, node: tree.Call) -> ex.Expression:
        name = node.function.text
        match name:
            case "bin":
                return self._bin(node)
            case "hour" | "weekday":
                return self._clock(node, name)
            case "spread":
                self.ws.faults.report(
                    "FR224", "spread is a key: a flow can lie in several of its bins", node.span,
                    hint="write per spread(1h, time), or bin(stime, 1h)",
                )  # fmt: skip
                return poison(node.span)
            case "previous" | "blocks" | "block_starts" | "fill_blocks" | "count":
                self.ws.faults.report(
                    "FR204", f"{self.ws.text(node.span)} is no value of a flow", node.span,
                    hint=f"write in {self.ws.text(node.span)}" if name != "count" else None,
                )  # fmt: skip
                return poison(node.span)
            case "known":
                self.ws.faults.report(
                    "FR204", f"{self.ws.text(node.span)} is a condition, not a value", node.span,
                    hint="it holds or not: write it alone, or after not",
                )  # fmt: skip
                return poison(node.span)
        if name in MEASURES or name == "unit_share":
            self.ws.faults.report(
                "FR221",
                f"{name} measures a group, and this is about {self.what}",
                node.span,
                hint="measure in a table, a feature or a keep: keep " + self.ws.text(node.span),
            )
            return poison(node.span)
        found = self.map_call(node)
        if found is None:
            self.unknown_function(node)
            return poison(node.span)
        return found

    def _time_argument(self, node: tree.Call) -> ex.Expression | None:
        if not node.args:
            self.wrong_arguments(
                node, f"{node.function.text} is called with a time", f"write {node.function.text}(stime…)"
            )
            return None
        of = self.argument(node.args[0])
        if of.type == t.POISON:
            return None
        if of.type != t.TIME:
            self.ws.faults.report(
                "FR220",
                f"{node.function.text} is taken of a time, and {self.ws.text(node.args[0].span)} is {type_noun(of.type)}",
                node.args[0].span,
                hint="write stime or etime",
            )
            return None
        return of

    def _bin(self, node: tree.Call) -> ex.Expression:
        of = self._time_argument(node)
        if of is None:
            return poison(node.span)
        if len(node.args) != 2:
            self.wrong_arguments(node, "bin is called with a time and a width", "write bin(stime, 1h)")
            return poison(node.span)
        width = duration_constant(self, node.args[1], "the width of a bin")
        return poison(node.span) if width is None else ex.Bin(type=t.TIME, span=node.span, of=of, width=width)

    def _clock(self, node: tree.Call, part: str) -> ex.Expression:
        of = self._time_argument(node)
        if of is None:
            return poison(node.span)
        if len(node.args) > 2:
            self.wrong_arguments(
                node, f"{part} is called with a time and a schedule at most", f"write {part}(stime)"
            )
            return poison(node.span)
        zone = "UTC"
        if len(node.args) == 2:
            schedule = schedule_constant(self, node.args[1])
            if schedule is None:
                return poison(node.span)
            zone = schedule.zone_name if isinstance(schedule, Schedule) else "UTC"
        type_ = t.WEEKDAY if part == "weekday" else t.COUNT
        return ex.Clock(type=type_, span=node.span, part=part, of=of, zone=zone)

    # ---- conditions ------------------------------------------------------------------------------

    def truth(self, node: tree.Expression) -> ex.Expression:
        """A filter, a direction, a protocol, a test of flags, or the reverse of a filter."""
        match node:
            case tree.Name():
                return self._named_condition(node)
            case tree.FlagTest():
                return self._flags(node)
            case tree.Reverse():
                return self._reverse(node)
        value = self.operand(node)
        if value.type not in (t.POISON, t.TRUTH):
            text = self.ws.text(node.span)
            self.ws.faults.report(
                "FR204", f"{text} is {type_noun(value.type)}, not a condition", node.span,
                hint=f"compare it: {text} = … or known({text})",
            )  # fmt: skip
        return unknown_truth(node.span)

    def _named_condition(self, node: tree.Name) -> ex.Expression:
        word = node.parts[0]
        if len(node.parts) == 1 and self.table is None:
            if word in DIRECTIONS:
                return ex.Direction(type=t.TRUTH, span=node.span, name=word)
            if word in PROTOCOLS:
                return ex.Compare(
                    type=t.TRUTH, span=node.span, op="=",
                    left=ex.Field(type=t.PROTOCOL, span=node.span, name="protocol"),
                    right=ex.Literal(type=t.PROTOCOL, span=node.span, value=PROTOCOLS[word]),
                )  # fmt: skip
        if len(node.parts) == 1 and (word in self.local_names() or word in WORDS | VALUE_WORDS):
            value = self.operand(node)
            if value.type != t.POISON:
                self.ws.faults.report(
                    "FR204",
                    f"{word} is {type_noun(value.type)}, not a condition",
                    node.span,
                    hint=_compared(word, value.type),
                )
            return unknown_truth(node.span)
        symbol, rest, reported = self.ws.find(self.scope, node)
        if symbol is None:
            if not reported:
                self.unknown(node)
            return unknown_truth(node.span)
        if self.table is not None and symbol.kind == "filter":
            self.ws.faults.report(
                "FR225", f"{node.text} is a filter of flows, and this is about {self.what}", node.span,
                hint="put the filter where the table takes its flows",
            )  # fmt: skip
            return unknown_truth(node.span)
        checked = self.ws.refer(symbol, node.span)
        if checked is None:
            return unknown_truth(node.span)
        if isinstance(checked, CheckedFilter) and not rest:
            return ex.FilterRef(type=t.TRUTH, span=node.span, name=symbol.qualified)
        self._not_a_filter(node, symbol, checked, rest)
        return unknown_truth(node.span)

    def _not_a_filter(self, node: tree.Name, symbol: Symbol, checked: object, rest: tuple[str, ...]) -> None:
        what = type_noun(checked.type) if isinstance(checked, Constant) else kind_noun(symbol.kind)
        hint: str | None = None
        if symbol.kind == "set" or (rest and symbol.kind in ("table", "profile")):
            what, hint = "a set", f"write sip in {node.text}"
        elif isinstance(checked, Constant):
            field = {
                "ports": "dport",
                "nets": "dip",
                "schedule": "stime",
                "times": "stime",
                "set": "sip",
            }.get(checked.type.name)
            hint = (
                f"write {field} in {node.text}"
                if field
                else f"compare a field with it: packets >= {node.text}"
            )
        elif symbol.kind == "table":
            hint = "a table's rows are a source: of " + node.text
        elif symbol.kind == "profile":
            hint = f"write sip in {node.text}.hosts"
        elif symbol.kind == "map":
            hint = f'call it and compare: {node.text}(…) = "…"'
        self.ws.faults.report(
            "FR204", f"{node.text} is {what}, not a condition on {self.what}", node.span, hint=hint
        )

    def _flags(self, node: tree.FlagTest) -> ex.Expression:
        of = self.argument(node.of)
        if of.type == t.POISON:
            return unknown_truth(node.span)
        text = self.ws.text(node.of.span)
        if of.type not in (t.FLAGS, t.ATTRIBUTES) or not isinstance(of, ex.Field | ex.Column):
            self.ws.faults.report(
                "FR216", f"{text} is {type_noun(of.type)}, and {node.word} tests TCP flags", node.of.span,
                hint="write flags, initial_flags, session_flags or attributes",
            )  # fmt: skip
            return unknown_truth(node.span)
        letters = TCP_FLAGS if of.type == t.FLAGS else ATTRIBUTES
        pairs: list[tuple[int, int]] = []
        for mask in node.masks:
            wrong = [c for c in dict.fromkeys(mask.high + mask.mask) if c not in letters]
            if wrong:
                what = "TCP flag" if of.type == t.FLAGS else "attribute"
                self.ws.faults.report(
                    "FR216", f"there is no {what} {', '.join(wrong)}", mask.span,
                    hint=f"the {what}s are {' '.join(letters)}",
                )  # fmt: skip
                return unknown_truth(node.span)
            pairs.append((sum(letters[c] for c in mask.high), sum(letters[c] for c in mask.mask)))
        return ex.FlagTest(type=t.TRUTH, span=node.span, name=of.name, pairs=tuple(pairs))

    def _reverse(self, node: tree.Reverse) -> ex.Expression:
        if self.table is not None:
            self.ws.faults.report(
                "FR225", f"a row of a table has no reverse, and this is about {self.what}", node.span
            )
            return unknown_truth(node.span)
        found = source(self.ws, self.scope, node.of)
        if found is None:
            return unknown_truth(node.span)
        if found.table is not None:
            self.ws.faults.report(
                "FR204",
                f"{self.ws.text(node.of.span)} is a table, and only filters have a reverse",
                node.of.span,
            )
            return unknown_truth(node.span)
        field = one_sided(self.ws, found.source.predicate)
        if field is not None:
            self.ws.faults.report(
                "FR222", f"{self.ws.text(node.of.span)} looks at {field}, which has no other side", node.span,
                hint="write the other direction out",
            )  # fmt: skip
            return unknown_truth(node.span)
        return reverse(found.source.predicate)

    # ---- keys ------------------------------------------------------------------------------------

    def key(self, node: tree.Key, direction: str | None = None) -> CheckedKey | None:
        """A grouping key; ``None`` where it is faulty (reported)."""
        of = self._spread(node.of) if self._is_spread(node.of) else self._key_value(node.of)
        if of is None or of.type == t.POISON:
            return None
        name = node.name.text if node.name is not None else self._default_name(node.of)
        mask = (of.v4, of.v6) if isinstance(of, ex.Mask) else None
        if isinstance(of, ex.Column) and self.table is not None:
            mask = next((p.mask for p in self.table.keys if p.name == of.name), None)
        return CheckedKey(ex.Key(name, of), Position(name, of.type, mask, side_of(of, direction, self.table)))

    def _key_value(self, node: tree.Expression) -> ex.Expression | None:
        if isinstance(node, tree.Name) and len(node.parts) == 1:
            word = node.parts[0]
            if word in EITHER_END:
                self.ws.faults.report(
                    "FR223", f"{word} means either end, and a key needs one", node.span,
                    hint=f"write {EITHER_END[word][0]} or {EITHER_END[word][1]}, or inside for the home end of both directions",
                )  # fmt: skip
                return None
            if self.table is None and (word in DIRECTIONS or word in PROTOCOLS):
                self.ws.faults.report(
                    "FR224", f"{word} is a condition, and flows are grouped by fields", node.span,
                    hint=f"write per {'protocol' if word in PROTOCOLS else 'type'}, or of {word}",
                )  # fmt: skip
                return None
            local = word in self.local_names()
            if not local and word in VALUE_WORDS | BARE_MEASURES:
                self._measure_as_key(node, word)
                return None
            if not local and word not in WORDS | VALUE_WORDS:
                symbol, _, reported = self.ws.find(self.scope, node)
                if symbol is None:
                    if not reported:
                        self.unknown(node)
                    return None
                self.ws.faults.report(
                    "FR224", f"{word} is {kind_noun(symbol.kind)}, and flows are grouped by fields", node.span,
                    hint="write a field such as sip, a block sip/24, a bin(stime, 1h) or a map zone(sip)",
                )  # fmt: skip
                return None
        if isinstance(node, tree.Call) and node.function.text in MEASURES:
            self._measure_as_key(node, self.ws.text(node.span))
            return None
        of = self.operand(node)
        if of.type != t.POISON and (isinstance(of, ex.Literal | ex.Lookup) or of.type.name not in KEY_TYPES):
            self.ws.faults.report(
                "FR224",
                f"{self.ws.text(node.span)} cannot be a key",
                node.span,
                hint="write a field, a block, a bin or a map",
            )
            return None
        return of

    def _measure_as_key(self, node: tree.Expression, text: str) -> None:
        self.ws.faults.report(
            "FR224", f"{text} measures a group, and keys make the groups", node.span,
            hint=f"write a table: table volume = {text} of … per sip",
        )  # fmt: skip

    def _is_spread(self, node: tree.Expression) -> bool:
        return isinstance(node, tree.Call) and node.function.parts == ("spread",)

    def _spread(self, node: tree.Expression) -> ex.Expression | None:
        assert isinstance(node, tree.Call)
        call = "write spread(1h, time)"
        if self.table is not None:
            self.ws.faults.report(
                "FR225", "rows of a table have no duration to spread", node.span, hint="write bin(…)"
            )
            return None
        if not 2 <= len(node.args) <= 4:
            self.wrong_arguments(
                node, "spread is called with a width and a scheme, and a start and an end if need be", call
            )
            return None
        width = duration_constant(self, node.args[0], "the width of a bin")
        scheme = node.args[1]
        if not isinstance(scheme, tree.Name) or scheme.text not in SPREAD_SCHEMES:
            text = self.ws.text(scheme.span)
            self.ws.faults.report(
                "FR220", f"{text} is no way to spread a flow over bins", scheme.span,
                hint=did_you_mean(text, SPREAD_SCHEMES) or f"the schemes are {', '.join(SPREAD_SCHEMES)}",
            )  # fmt: skip
            return None
        limits: list[int] = []
        for arg in node.args[2:]:
            limit = scalar_constant(self, arg, t.TIME, "a limit of spread")
            if not isinstance(limit, int):
                return None
            limits.append(limit)
        if width is None:
            return None
        start, end = [*limits, None, None][:2]
        return ex.Spread(type=t.TIME, span=node.span, width=width, scheme=scheme.text, start=start, end=end)

    def _default_name(self, node: tree.Expression) -> str:
        match node:
            case tree.Name():
                return node.parts[-1]
            case tree.Masked():
                return node.of.parts[-1]
            case tree.Call(function=function, args=args):
                word = function.parts[-1]
                if word == "bin" and args:
                    return self._default_name(args[0])
                if word in KEY_FUNCTIONS and word in ("hour", "weekday", "spread"):
                    return word
                return "_".join([word, *(self._default_name(a) for a in args)])
        return "key"


def _row_types(table: CheckedTable) -> dict[str, Type]:
    return {**{p.name: p.type for p in table.keys}, **table.columns}


def _compared(word: str, type_: Type) -> str:
    match type_.name:
        case "flags" | "attributes":
            return f"write {word} has S"
        case "address":
            return f"write {word} in (…) or {word} = …"
        case "port":
            return f"write {word} = 80 or {word} in (80, 443)"
        case "label":
            return f'write {word} = "…"'
    return f"write {word} >= …"


# ---- constants ------------------------------------------------------------------------------------------


def scalar_constant(place: Expressions, node: tree.Expression, type_: Type, about: str) -> object | None:
    """A literal or parameter of a type where only a constant can stand; ``None``: faulty, reported.

    A parameter that is not bound gives its type's 1 (1 ms, 1, 100%, the epoch).
    """
    value = place.value_as(node, ex.Literal(type=type_, value=None), about) if isinstance(
        node, tree.Literal | tree.Name
    ) else None  # fmt: skip
    if not isinstance(node, tree.Literal | tree.Name):
        place.ws.faults.report("FR220", f"{about} is a constant", node.span)
        return None
    if value is None:
        return None
    if not isinstance(value, ex.Literal):
        place.ws.faults.report(
            "FR220", f"{about} is a constant, and {place.ws.text(node.span)} is not", node.span,
            hint="write a literal or a parameter",
        )  # fmt: skip
        return None
    if value.value is None:
        return Fraction(1) if type_ == t.PERCENT else 1
    return value.value


def duration_constant(place: Expressions, node: tree.Expression, about: str) -> int | None:
    """A duration above 0 as ms."""
    value = scalar_constant(place, node, t.DURATION, about)
    if not isinstance(value, int):
        return None
    if value <= 0:
        place.ws.faults.report(
            "FR212", f"{about} is more than 0", node.span, hint="write a duration such as 1h"
        )
        return None
    return value


def schedule_constant(place: Expressions, node: tree.Expression) -> Schedule | Constant | None:
    """A schedule by name; the ``Constant`` where it is not bound."""
    if isinstance(node, tree.Name):
        symbol, rest, reported = place.ws.find(place.scope, node)
        if symbol is None:
            if not reported:
                schedules = [n for n, s in place.scope.symbols.items() if s.kind in ("schedule", "param")]
                place.ws.unknown_name(node, schedules, "no schedule")
            return None
        checked = place.ws.refer(symbol, node.span)
        if checked is None:
            return None
        if isinstance(checked, Constant) and checked.type == t.SCHEDULE and not rest:
            return checked.value if isinstance(checked.value, Schedule) else checked
    place.ws.faults.report(
        "FR220", f"{place.ws.text(node.span)} is no schedule", node.span,
        hint="declare one: schedule office = mon-fri 08:00-18:00",
    )  # fmt: skip
    return None


# ---- sources --------------------------------------------------------------------------------------------


def source(ws: Workspace, scope: FileScope, node: tree.Source) -> CheckedSource | None:
    """Which flows or rows a source means; ``None`` where it is faulty (reported)."""
    table: CheckedTable | None = None
    if isinstance(node.of, tree.Name):
        found = _named_source(ws, scope, node.of)
        if found is None:
            return None
        predicate, table = found
    else:
        predicate = FlowExpressions(ws, scope).condition(node.of)
    if node.where is not None:
        where = FlowExpressions(ws, scope, table).condition(node.where)
        if table is not None:
            predicate = where
        else:
            items = [i for p in (predicate, where) for i in (p.items if isinstance(p, ex.And) else (p,))]
            predicate = ex.And(type=t.TRUTH, span=node.span, items=tuple(items))
    direction = None if table is not None else proved_direction(ws, predicate)
    name = table.name if table is not None else None
    return CheckedSource(ex.Source(predicate, name, direction, node.span), table)


def _named_source(
    ws: Workspace, scope: FileScope, node: tree.Name
) -> tuple[ex.Expression, CheckedTable | None] | None:
    word = node.parts[0]
    flows = FlowExpressions(ws, scope)
    if len(node.parts) == 1 and (word in DIRECTIONS or word in PROTOCOLS):
        return flows.condition(node), None
    if len(node.parts) == 1 and word in {*FIELDS, *EITHER_END, *VALUE_WORDS} and word not in scope.symbols:
        ws.faults.report(
                "FR204", f"{word} is {'a measure' if word in VALUE_WORDS else 'a field'}, and of names which flows", node.span,
                hint="write of a filter, a table, or a condition in parentheses: of (outbound and tcp)",
            )  # fmt: skip
        return None
    symbol, rest, reported = ws.find(scope, node)
    if symbol is None:
        if not reported:
            filters = [n for n, s in scope.symbols.items() if s.kind in ("filter", "table")]
            others = [*DIRECTIONS, *PROTOCOLS, *scope.imported, *scope.modules]
            word_is_known = ALSO_CALLED.get(word) in ("all",)
            ws.unknown_name(
                node,
                ["all", *filters, *others] if word_is_known else [*filters, *others],
                "no filter or table",
            )
        return None
    checked = ws.refer(symbol, node.span)
    if checked is None:
        return None
    if isinstance(checked, CheckedTable) and not rest:
        if checked.declaration is None:
            ws.faults.report(
                "FR204", f"{node.text} is bound from outside: it can be looked up in, not grouped", node.span,
                hint=f"write {node.text}.{next(iter(checked.columns), 'value')}[…]",
            )  # fmt: skip
            return None
        return ex.Literal(type=t.TRUTH, span=node.span, value=True), checked
    if isinstance(checked, CheckedFilter) and not rest:
        return ex.FilterRef(type=t.TRUTH, span=node.span, name=symbol.qualified), None
    what = type_noun(checked.type) if isinstance(checked, Constant) else kind_noun(symbol.kind)
    hint: str | None = None
    if symbol.kind == "set":
        hint = f"write of (sip in {node.text})"
    elif symbol.kind == "profile" or rest:
        hint = f"write of (sip in {symbol.name}.hosts)"
    elif symbol.kind in ("ports", "nets"):
        hint = f"write of ({'dport' if symbol.kind == 'ports' else 'dip'} in {node.text})"
    ws.faults.report("FR204", f"{node.text} is {what}, and of names which flows", node.span, hint=hint)
    return None
