"""Conditions on groups, hosts and totals: ``keep``, ``when``, derived features, checks, ``expect``."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from attrs import Factory, frozen

from flowrules.check.arithmetic import result_type, why_not
from flowrules.check.builtin import BARE_MEASURES, FIELDS, SET_CALLS
from flowrules.check.constant_arguments import scalar_constant
from flowrules.check.expressions import Expressions
from flowrules.check.flows import FlowExpressions
from flowrules.check.literals import literal_value, natural_type
from flowrules.check.lookups import lookup, map_call
from flowrules.check.measures import bare_share, measure
from flowrules.check.misuses import unknown_function
from flowrules.check.nouns import kind_noun, type_noun
from flowrules.check.references import set_reference
from flowrules.check.sets import set_call
from flowrules.check.sources import CheckedSource, source
from flowrules.check.stand_ins import poison, unknown_truth
from flowrules.check.symbols import CheckedTable, Constant, FileScope, Positions
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.measures import GAP, MEASURES
from flowrules.model.types import Type
from flowrules.syntax import tree


@frozen(eq=False)
class Names:
    """What a condition may name where it stands, besides file scope.

    ``columns`` are keys and columns (or positions of a set), ``features`` those of the profile, ``bounded``
    the ones that never pass 100%.  ``group`` is the place where measures of the group are taken (``None``:
    there is no group), ``taken`` the columns that already hold a measure, ``first`` a table's first
    measure.  ``host`` are the positions of a profile's hosts; ``verdicts`` the names that ``verdict`` can be.
    """

    what: str
    columns: Mapping[str, ex.Expression] = Factory(dict)
    bounded: Mapping[str, str] = Factory(dict)
    group: FlowExpressions | None = None
    taken: Mapping[ex.Measure, str] = Factory(dict)
    first: ex.Measure | None = None
    ranked: bool = False
    """In a table: ``cumulative`` and ``unit_share`` have a meaning."""
    host: Positions = ()
    verdicts: tuple[str, ...] | None = None
    in_profile: bool = False


class Conditions(Expressions):
    """Conditions at one place."""

    def __init__(self, ws: Workspace, scope: FileScope, names: Names) -> None:
        super().__init__(ws, scope)
        self.names = names
        self.what = names.what

    def local_names(self) -> list[str]:
        """Columns, features, ``host``, and measures where there is a group."""
        extra = ["host"] if self.names.host else []
        return [*self.names.columns, *extra]

    def verdicts(self, of: ex.Expression) -> tuple[str, ...] | None:
        """The names that a verdict can be."""
        return self.names.verdicts if isinstance(of, ex.Verdict) else super().verdicts(of)

    def key_names(self, keys: Positions) -> str:
        """How the keys of a lookup could be written here."""
        if self.names.host and tuple(k.type for k in keys) == tuple(p.type for p in self.names.host):
            return "host"
        named = {
            "address": "192.0.2.1",
            "port": "80",
            "protocol": "tcp",
            "label": '"…"',
            "block": "192.0.2.0/24",
        }
        return (
            ", ".join(k.name if k.name in self.names.columns else named.get(k.type.name, "…") for k in keys)
            or "…"
        )

    def set_hint(self, name: str) -> str:
        """How a set could be used here."""
        return f"write host in {name}, or count({name})" if self.names.host else f"write count({name})"

    def bounded(self, typed: ex.Expression) -> str | None:
        """How to call a value that never passes 100%."""
        if isinstance(typed, ex.Column | ex.Feature):
            return self.names.bounded.get(typed.name)
        return super().bounded(typed)

    # ---- values ----------------------------------------------------------------------------------

    def operand(self, node: tree.Expression) -> ex.Expression:
        """A value of the group, the host or the network, or a constant."""
        match node:
            case tree.Literal():
                type_ = natural_type(node)
                value = literal_value(self.ws, node, type_)
                if value is None:
                    return poison(node.span)
                if type_ == t.BLOCK:
                    return ex.Literal(type=type_, span=node.span, value=literal_value(self.ws, node, t.BLOCK))
                return ex.Literal(type=type_, span=node.span, value=value)
            case tree.Name():
                return self._name(node)
            case tree.Call():
                return self._call(node)
            case tree.Lookup():
                return lookup(self, node)
            case tree.Total():
                return self._total(node)
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.VerdictValue():
                return self._verdict(node)
            case tree.SetLiteral():
                self.ws.faults.report(
                    "FR204", f"{self.ws.text(node.span)} is a set, not a value", node.span,
                    hint="write x in (…), or compare sets in a test: expect s = {…}",
                )  # fmt: skip
                return poison(node.span)
        self.ws.faults.report(
            "FR204", f"{self.ws.text(node.span)} is a condition, not a value", node.span,
            hint="join conditions with and, or, not",
        )  # fmt: skip
        return poison(node.span)

    def _verdict(self, node: tree.VerdictValue) -> ex.Expression:
        if self.names.verdicts is not None:
            return ex.Verdict(type=t.LABEL, span=node.span)
        if self.names.in_profile:
            self.ws.faults.report(
                "FR233", "the verdict is not known yet here: anomalies and entries may ask for it", node.span
            )
        else:
            self.ws.faults.report(
                "FR204", f"{self.what} has no verdict", node.span, hint="write profile.verdict[host]"
            )
        return poison(node.span)

    def _name(self, node: tree.Name) -> ex.Expression:
        word = node.parts[0]
        if len(node.parts) > 1:
            return self.constant(node)
        if word in self.names.columns:
            found = self.names.columns[word]
            return found if found.type == t.POISON else _placed(found, node)
        if word == "host":
            return self._host(node)
        if word == "share" and self.names.group is not None:
            return self._folded(
                bare_share(self.names.group, node, self.names.first if self.names.ranked else None)
            )
        if word in BARE_MEASURES or word == "share":
            return self._group_measure(node)
        if word == GAP or (word in FIELDS and word not in self.scope.symbols):
            self._field(node)
            return poison(node.span)
        return self.constant(node)

    def _host(self, node: tree.Name) -> ex.Expression:
        if not self.names.host:
            self.ws.faults.report("FR201", f"there is no host here: this is about {self.what}", node.span)
            return poison(node.span)
        parts = tuple(p.type for p in self.names.host)
        return ex.Host(type=parts[0] if len(parts) == 1 else t.tuple_of(*parts), span=node.span)

    def _field(self, node: tree.Name) -> None:
        word = node.text
        if self.names.columns and self.names.group is None and not self.names.in_profile:
            hint: str | None = f"it has {', '.join(self.names.columns)}"
            message = f"{self.what} has no {word}"
        elif self.names.in_profile:
            message = f"{word} is a field of one flow, and this is about {self.what}"
            hint = f"measure it in a feature: feature x = max({word}) of … per …"
        elif self.names.group is not None:
            summed = FIELDS.get(word) in (t.COUNT, t.BYTES, t.DURATION)
            message = f"{word} is a field of one flow, and this is about {self.what}"
            hint = f"measure it: {'sum' if summed else 'distinct'}({word})"
        else:
            message = f"{word} is a field of one flow, and this is about {self.what}"
            hint = f"measure it: max({word}) of all"
        self.ws.faults.report("FR221", message, node.span, hint=hint)

    def unknown(self, node: tree.Name) -> None:
        """Report a name that neither this place nor the file has."""
        candidates = [*self.local_names(), *self.ws.names(self.scope)]
        if self.names.group is not None:
            candidates += [m for m in MEASURES if not MEASURES[m].args]
        self.ws.unknown_name(node, candidates)

    def _call(self, node: tree.Call) -> ex.Expression:
        name = node.function.text
        match name:
            case "count":
                return self._count(node)
            case "unit_share":
                return self._unit_share(node)
            case "known":
                self.ws.faults.report(
                    "FR204", f"{self.ws.text(node.span)} is a condition, not a value", node.span,
                    hint="it holds or not: write it alone, or after not",
                )  # fmt: skip
                return poison(node.span)
            case "previous" if self.of_one_row(node):
                return lookup(self, tree.Lookup(of=node, keys=(), span=node.span))
            case "previous" | "blocks" | "block_starts" | "fill_blocks":
                self.ws.faults.report(
                    "FR204", f"{self.ws.text(node.span)} is a set, not a value", node.span,
                    hint=f"write count({self.ws.text(node.span)}), or in {self.ws.text(node.span)}",
                )  # fmt: skip
                return poison(node.span)
            case "bin" | "hour" | "weekday" | "spread":
                self.ws.faults.report(
                    "FR221", f"{name} is a key of flows, and this is about {self.what}", node.span,
                    hint=f"group by it: per {self.ws.text(node.span)}",
                )  # fmt: skip
                return poison(node.span)
        if name in MEASURES:
            return self._group_measure(node)
        found = map_call(self, node)
        if found is None:
            unknown_function(self, node)
            return poison(node.span)
        return found

    def of_one_row(self, node: tree.Expression) -> bool:
        """Whether ``table.column`` or ``previous(table.column)`` names the one value of a table without keys."""
        if isinstance(node, tree.Call):
            if node.function.text != "previous" or len(node.args) != 1:
                return False
            node = node.args[0]
        if not isinstance(node, tree.Name):
            return False
        symbol, rest, _ = self.ws.find(self.scope, node)
        if symbol is None or symbol.kind != "table" or len(rest) != 1:
            return False
        checked = self.ws.refer(symbol, node.span)
        return isinstance(checked, CheckedTable) and not checked.keys and rest[0] in checked.columns

    # ---- measures --------------------------------------------------------------------------------

    def _group_measure(self, node: tree.Name | tree.Call) -> ex.Expression:
        word = node.text if isinstance(node, tree.Name) else node.function.text
        text = self.ws.text(node.span)
        if self.names.group is None:
            if self.names.in_profile:
                hint = f"name it first: feature {word}_of_host = {text} of … per …"
                message = f"{text} of which flows? Here are features and totals"
            elif self.names.columns:
                hint = f"it has {', '.join(self.names.columns)}; a total says of what: {text} of all"
                message = f"{self.what} has no {text}"
            else:
                hint = f"write {text} of all, or of a filter"
                message = f"{text} of which flows?"
            self.ws.faults.report("FR221", message, node.span, hint=hint)
            return poison(node.span)
        if word == "cumulative" and not self.names.ranked:
            self.ws.faults.report("FR221", "cumulative needs the order of a table's rows", node.span)
            return poison(node.span)
        found = measure(self.names.group, node)
        return poison(node.span) if found is None else self._folded(found)

    def _folded(self, found: ex.Expression) -> ex.Expression:
        """The column that already holds a measure, where one does."""
        if isinstance(found, ex.Measure) and found in self.names.taken:
            return ex.Column(type=found.type, span=found.span, name=self.names.taken[found])
        return found

    def _total(self, node: tree.Total) -> ex.Expression:
        found = source(self.ws, self.scope, node.source)
        if found is None:
            return poison(node.span)
        word = node.measure.text if isinstance(node.measure, tree.Name) else node.measure.function.text
        if word in ("share", "cumulative"):
            self.ws.faults.report(
                "FR221",
                f"{word} of everything is always 100%",
                node.measure.span,
                hint="write flows or sum(bytes)",
            )
            return poison(node.span)
        taken = self.measure_of(found, node.measure)
        if taken is None:
            return poison(node.span)
        return ex.Measure(
            type=taken.type, span=node.span, name=taken.name, args=taken.args, source=found.source
        )

    def measure_of(self, found: CheckedSource, node: tree.Name | tree.Call) -> ex.Measure | None:
        """A measure over the flows or rows of a source."""
        place = FlowExpressions(self.ws, self.scope, found.table)
        place.grouped((), found.source.direction)
        return measure(place, node)

    def _unit_share(self, node: tree.Call) -> ex.Expression:
        if not self.names.ranked or self.names.first is None:
            self.ws.faults.report(
                "FR221",
                "unit_share is a limit on a table's first measure",
                node.span,
                hint="write keep flows >= unit_share(1%)",
            )
            return poison(node.span)
        if len(node.args) != 1:
            self.wrong_arguments(node, "unit_share takes one percent", "write unit_share(1%)")
            return poison(node.span)
        percent = scalar_constant(self, node.args[0], t.PERCENT, "the share of unit_share")
        if not isinstance(percent, Fraction):
            return poison(node.span)
        return ex.ShareLimit(type=self.names.first.type, span=node.span, percent=percent)

    def _count(self, node: tree.Call) -> ex.Expression:
        arg = node.args[0] if len(node.args) == 1 else None
        if isinstance(arg, tree.Call) and arg.function.text in SET_CALLS:
            called = set_call(self.ws, self.scope, arg)
            return (
                poison(node.span)
                if called is None
                else ex.CountOf(type=t.COUNT, span=node.span, set=called.expression)
            )
        if not isinstance(arg, tree.Name):
            self.wrong_arguments(node, "count takes one set or table", "write count(web_clients)")
            return poison(node.span)
        symbol, rest, _ = self.ws.find(self.scope, arg)
        if symbol is not None and symbol.kind == "table" and not rest:
            table = self.ws.refer(symbol, arg.span)
            if not isinstance(table, CheckedTable):
                return poison(node.span)
            return ex.CountOf(type=t.COUNT, span=node.span, table=symbol.qualified)
        if symbol is not None and symbol.kind == "anomaly" and not rest and self.counts_anomalies:
            self.ws.refer(symbol, arg.span)
            return ex.Finding(type=t.COUNT, span=node.span, name=symbol.qualified)
        if symbol is None and (arg.text in FIELDS or arg.text in self.names.columns):
            self.ws.faults.report(
                "FR220", f"{arg.text} is {'a field' if arg.text in FIELDS else 'one value'}, and count counts a set or table",
                node.span, hint=f"write distinct({arg.text}), or flows",
            )  # fmt: skip
            return poison(node.span)
        if symbol is not None and symbol.kind == "filter":
            self.ws.faults.report(
                "FR204", f"{arg.text} is {kind_noun(symbol.kind)}, and count counts a set or table", arg.span,
                hint=f"write flows of {arg.text}",
            )  # fmt: skip
            return poison(node.span)
        reference = set_reference(self.ws, self.scope, arg)
        if reference is None:
            return poison(node.span)
        if isinstance(reference, Constant):
            return self._count_constant(arg, reference)
        return ex.CountOf(type=t.COUNT, span=node.span, set=reference.expression)

    def _count_constant(self, node: tree.Name, constant: Constant) -> ex.Expression:
        value = constant.value
        if constant.type.name not in ("set", "nets", "ports"):
            self.ws.faults.report(
                "FR220",
                f"{node.text} is {type_noun(constant.type)}, and count counts a set or table",
                node.span,
            )
            return poison(node.span)
        number: int | None = None
        match value:
            case AddressSet():
                number = value.count
            case ex.Ranges(ranges=ranges):
                number = sum(high - low + 1 for low, high in ranges)
            case ex.Tuples(rows=rows):
                number = len(rows)
            case ex.Labels(labels=labels):
                number = len(labels)
        return ex.Literal(type=t.COUNT, span=node.span, value=number)

    # ---- arithmetic ------------------------------------------------------------------------------

    def _arithmetic(self, node: tree.Arithmetic) -> ex.Expression:
        left, right = self.operand(node.left), self.operand(node.right)
        if t.POISON in (left.type, right.type):
            return poison(node.span)
        left, right = self._adapted(node, left, right)
        type_ = result_type(node.operator, left.type, right.type)
        if type_ is None:
            self.ws.faults.report(
                "FR214",
                f"{self.ws.text(node.left.span)} is {type_noun(left.type)} and {self.ws.text(node.right.span)} is "
                f"{type_noun(right.type)}: {node.operator} does not combine them",
                node.operator_span,
                hint=why_not(node.operator, left.type, right.type),
            )
            return poison(node.span)
        return ex.Arithmetic(type=type_, span=node.span, op=node.operator, left=left, right=right)

    def _adapted(
        self, node: tree.Arithmetic, left: ex.Expression, right: ex.Expression
    ) -> tuple[ex.Expression, ex.Expression]:
        """A plain number is a size beside a size, and 0 is of every type."""
        if node.operator in "+-":
            return self._sized(node.left, left, right.type), self._sized(node.right, right, left.type)
        return left, right

    def _sized(self, node: tree.Expression, value: ex.Expression, other: Type) -> ex.Expression:
        if not isinstance(value, ex.Literal) or not isinstance(node, tree.Literal) or node.kind != "number":
            return value
        if other == t.BYTES or (value.value == 0 and other in (t.PERCENT, t.DURATION)):
            return ex.Literal(type=other, span=value.span, value=value.value)
        return value

    # ---- conditions ------------------------------------------------------------------------------

    def truth(self, node: tree.Expression) -> ex.Expression:
        """A value that is itself a condition: a derived feature, a looked-up one."""
        value = self.operand(node)
        if value.type == t.TRUTH:
            return value
        if value.type != t.POISON:
            text = self.ws.text(node.span)
            self.ws.faults.report(
                "FR204", f"{text} is {type_noun(value.type)}, not a condition", node.span,
                hint=f"compare it: {text} > 0, or known({text})",
            )  # fmt: skip
        return unknown_truth(node.span)

    def value_or_condition(self, node: tree.Expression) -> ex.Expression:
        """A derived feature: a condition, or a value."""
        if isinstance(node, tree.Or | tree.And | tree.Not | tree.NOf | tree.Compare | tree.In):
            return self.condition(node)
        if isinstance(node, tree.Call) and node.function.parts == ("known",):
            return self.condition(node)
        return self.operand(node)


def _placed(found: ex.Expression, node: tree.Name) -> ex.Expression:
    match found:
        case ex.Column():
            return ex.Column(type=found.type, span=node.span, name=found.name)
        case ex.Feature():
            return ex.Feature(type=found.type, span=node.span, name=found.name)
    return found
