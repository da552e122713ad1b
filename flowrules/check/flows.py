"""Predicates: what one flow, or one row of a table, must be; and the keys that group flows or rows."""

from __future__ import annotations

from collections.abc import Iterable

from flowrules.check.builtin import (
    DIRECTIONS,
    EITHER_END,
    FIELDS,
    LOWEST_HIGHEST,
    VALUE_WORDS,
    WORDS,
)
from flowrules.check.constant_arguments import duration_constant, schedule_constant
from flowrules.check.directions import one_sided
from flowrules.check.expressions import Expressions
from flowrules.check.faults import did_you_mean
from flowrules.check.literals import literal_value, natural_type
from flowrules.check.lookups import lookup, map_call
from flowrules.check.misuses import unknown_function
from flowrules.check.nouns import kind_noun, type_noun
from flowrules.check.stand_ins import poison, unknown_truth
from flowrules.check.symbols import CheckedFilter, CheckedTable, Constant, FileScope, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.fields import ATTRIBUTES, PROTOCOLS, TCP_FLAGS
from flowrules.model.measures import MEASURES
from flowrules.model.reversal import reverse
from flowrules.model.schedule import Schedule
from flowrules.model.types import Type
from flowrules.syntax import tree


class FlowExpressions(Expressions):
    """Expressions about one flow, or about one row of ``table``."""

    def __init__(self, ws: Workspace, scope: FileScope, table: CheckedTable | None = None) -> None:
        super().__init__(ws, scope)
        self.table = table
        self.keys: tuple[ex.Expression, ...] = ()
        self.direction: str | None = None
        self.what = "one flow" if table is None else f"one row of {table.name.rpartition(':')[2]}"

    def grouped(self, keys: Iterable[ex.Key], direction: str | None) -> None:
        """Say what the measures that stand here are taken per, and the direction that their flows must have."""
        self.keys = tuple(key.of for key in keys)
        self.direction = direction

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
                return lookup(self, node)
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
            case "known_or":
                return self._known_or(node)
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
        found = map_call(self, node)
        if found is None:
            unknown_function(self, node)
            return poison(node.span)
        return found

    def _time_argument(self, node: tree.Call, durations: bool = False) -> ex.Expression | None:
        if not node.args:
            self.wrong_arguments(
                node, f"{node.function.text} is called with a time", f"write {node.function.text}(stime…)"
            )
            return None
        of = self.argument(node.args[0])
        if of.type == t.POISON:
            return None
        if of.type != t.TIME and not (durations and of.type == t.DURATION):
            self.ws.faults.report(
                "FR220",
                f"{node.function.text} is taken of a time, and {self.ws.text(node.args[0].span)} is {type_noun(of.type)}",
                node.args[0].span,
                hint="write stime or etime",
            )
            return None
        return of

    def _bin(self, node: tree.Call) -> ex.Expression:
        of = self._time_argument(node, durations=True)
        if of is None:
            return poison(node.span)
        if len(node.args) != 2:
            self.wrong_arguments(node, "bin is called with a time and a width", "write bin(stime, 1h)")
            return poison(node.span)
        width = duration_constant(self, node.args[1], "the width of a bin")
        return (
            poison(node.span) if width is None else ex.Bin(type=of.type, span=node.span, of=of, width=width)
        )

    def _known_or(self, node: tree.Call) -> ex.Expression:
        hint = 'write known_or(icmp_type, 0) or known_or(zone(sip), "elsewhere")'
        if len(node.args) != 2:
            self.wrong_arguments(
                node, "known_or is called with a value and what stands for it where it is unknown", hint
            )
            return poison(node.span)
        of = self.argument(node.args[0])
        if of.type == t.POISON:
            return of
        other = node.args[1]
        if of.type != t.LABEL and of.type not in LOWEST_HIGHEST:
            text = self.ws.text(node.args[0].span)
            self.ws.faults.report(
                "FR220", f"{text} is {type_noun(of.type)}, which known_or does not take", node.args[0].span,
                hint=hint,
            )  # fmt: skip
            return poison(node.span)
        if not isinstance(other, tree.Literal):
            self.ws.faults.report(
                "FR220", f"{self.ws.text(other.span)} is no constant, and known_or ends with one", other.span,
                hint=hint,
            )  # fmt: skip
            return poison(node.span)
        value = literal_value(self.ws, other, of.type, self.ws.text(node.args[0].span))
        if value is None:
            return poison(node.span)
        literal = ex.Literal(type=of.type, span=other.span, value=value)
        return ex.KnownOr(type=of.type, span=node.span, of=of, other=literal)

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
        from flowrules.check.sources import source

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
