"""Predicates and conditions as two-valued formulas: when they are true, and when they are false.

Unknown is neither.  What proofs do not look into (sets of other flows, schedules, parameters, maps that the site
binds) becomes an opaque variable, the same for equal expressions, so that it may be anything: what is
proved holds whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any, Final

from attrs import Factory, define, field, frozen

from flowrules.lint.domains import (
    ANY_LABEL,
    Domain,
    Hosts,
    Labels,
    Numbers,
    Variable,
    compared,
    every_address,
    hosts,
    labels,
    listed,
    masked_bytes,
    whole_numbers,
)
from flowrules.lint.facts import WIRE, Fact, among, at_least, direction_by_nets, ipv4_hosts, variable
from flowrules.lint.formulas import (
    FALSE,
    TRUE,
    All,
    Formula,
    NotDecided,
    Some,
    either,
    every,
    holds,
    negate,
    states,
)
from flowrules.lint.parameters import ParameterUses
from flowrules.lint.universes import measure_universe, universe_of_type
from flowrules.model import expression as ex
from flowrules.model.address_text import is_ipv4
from flowrules.model.fields import IPV4_MAPPED
from flowrules.model.program import FeatureDeclaration, Program, TableDeclaration, VerdictDeclaration
from flowrules.model.reversal import reverse

MOST_ALTERNATIVES: Final = 64
"""``n of`` and lists of tuples with more cases than this are not looked into."""

MOST_STATES: Final = 64
"""A projection over more cases than this is given up."""

_ORDER: Final = labels(("<", "=", ">"))
_MEANS: Final = {
    "=": ("=",), "!=": ("<", ">"), "<": ("<",), "<=": ("<", "="), ">": (">",), ">=": (">", "="),
}  # fmt: skip
_FLIPPED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_YES: Final = labels(("true", "false"))
_INSIDE: Final = {
    "inside": ("sip", "dip"), "outside": ("dip", "sip"),
    "inside_port": ("sport", "dport"), "outside_port": ("dport", "sport"),
}  # fmt: skip
_RATIOS: Final = {
    "bytes_per_packet": "packets",
    "bytes_per_second": "duration",
    "packets_per_second": "duration",
}


@frozen
class Place:
    """Where a condition stands, and so what its names are.

    ``source`` and ``grouped`` belong to measures without their own ``of``.
    """

    features: Mapping[str, FeatureDeclaration] = Factory(dict)
    verdicts: tuple[VerdictDeclaration, ...] = ()
    table: TableDeclaration | None = None
    source: ex.Source | None = None
    grouped: bool = False


FLOWS: Final = Place()


@define(eq=False)
class Premises:
    """The program that predicates are judged in, and what is free in it."""

    program: Program
    uses: ParameterUses | None = None
    _filters: dict[tuple[str, bool, bool], Formula] = field(factory=dict)
    _projections: dict[Any, Any] = field(factory=dict)
    _open: set[Any] = field(factory=set)
    _claims: dict[int, Claims] = field(factory=dict)
    _places: dict[str, Place] = field(factory=dict)
    _facts: tuple[Fact, ...] | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is true of every flow; the site's networks are a fact where directions follow from them."""
        if self._facts is None:
            self._facts = WIRE
            if self.program.direction == "nets" and self.program.internal is not None:
                self._facts = (*WIRE, direction_by_nets(Hosts(self.program.internal)))
        return self._facts

    def free(self, node: ex.Expression, start: int | None = None) -> str | None:
        """The parameter that a piece of an expression's text names, if it does."""
        return self.uses.within(node.span, start) if self.uses is not None else None

    def claims(self, place: Place = FLOWS) -> Claims:
        """The reader of predicates and conditions that stand at a place."""
        held = self._claims.get(id(place))
        if held is None:
            held = self._claims[id(place)] = Claims(self, place)
        return held

    def filter_claim(self, name: str, reversed_: bool, want: bool) -> Formula:
        """A named filter, or its reverse, as a formula."""
        key = (name, reversed_, want)
        held = self._filters.get(key)
        if held is None:
            declaration = self.program.filters.get(name)
            if declaration is None or key in self._open:
                return _opaque(("filter", name, reversed_), want)
            self._open.add(key)
            predicate = reverse(declaration.predicate) if reversed_ else declaration.predicate
            held = self.claims().claim(predicate, want)
            self._open.discard(key)
            self._filters[key] = held
        return held

    def project(self, node: ex.Expression, source: ex.Source | None) -> Any:
        """The values that a field or column takes over the flows of a source; ``None``: anything."""
        if source is None:
            return None
        key = (node, source)
        if key in self._projections:
            return self._projections[key]
        if key in self._open:
            return None
        self._open.add(key)
        try:
            self._projections[key] = self._project(node, source)
        finally:
            self._open.discard(key)
        return self._projections[key]

    def _project(self, node: ex.Expression, source: ex.Source) -> Any:
        place = self.place_of(source)
        claims = self.claims(place)
        if isinstance(node, ex.Field) and node.name in (*_INSIDE, "icmp_type", "icmp_code", *_RATIOS):
            return None
        if not isinstance(node, ex.Field | ex.Column | ex.Clock | ex.MapLookup):
            return None
        at = claims.variable(node)
        out: Any = None
        try:
            for count, state in enumerate(states([claims.true(source.predicate)], steps=MOST_STATES * 4)):
                if count >= MOST_STATES:
                    return None
                values = state.get(at, at.universe).values
                out = values if out is None else out | values
        except NotDecided:
            return None
        return out

    def place_of(self, source: ex.Source) -> Place:
        """The place of a predicate on a source's flows or rows."""
        if source.table is None:
            return FLOWS
        held = self._places.get(source.table)
        if held is None:
            held = self._places[source.table] = Place(table=self.program.tables.get(source.table))
        return held


class Claims:
    """Reads predicates and conditions that stand at one place."""

    def __init__(self, premises: Premises, place: Place) -> None:
        self.premises = premises
        self.place = place
        self._known_claims: dict[tuple[int, bool], tuple[ex.Expression, Formula]] = {}
        self._denied: dict[int, tuple[ex.Expression, Formula]] = {}
        self._variables: dict[ex.Expression, Variable] = {}

    def true(self, node: ex.Expression) -> Formula:
        """When the condition is true."""
        return self.claim(node, True)

    def false(self, node: ex.Expression) -> Formula:
        """When the condition is false."""
        return self.claim(node, False)

    def not_true(self, node: ex.Expression) -> Formula:
        """When the condition is false or unknown."""
        held = self._denied.get(id(node))
        if held is None:
            held = node, negate(self.claim(node, True))
            if not self.premises._open:
                self._denied[id(node)] = held
        return held[1]

    def claim(self, node: ex.Expression, want: bool) -> Formula:
        """When the condition is true (``want``), or false."""
        held = self._known_claims.get((id(node), want))
        if held is not None:
            return held[1]
        found = self._claim(node, want)
        if not self.premises._open:  # within a circle of definitions less is looked into
            self._known_claims[id(node), want] = (node, found)
        return found

    def _claim(self, node: ex.Expression, want: bool) -> Formula:
        match node:
            case ex.And(items=items):
                parts = (self.claim(i, want) for i in items)
                return every(parts) if want else either(parts)
            case ex.Or(items=items):
                parts = (self.claim(i, want) for i in items)
                return either(parts) if want else every(parts)
            case ex.Not(of=of):
                return self.claim(of, not want)
            case ex.NOf(n=n, items=items):
                return self._n_of(node, n, items, want)
            case ex.FilterRef(name=name, reversed=reversed_):
                return self.premises.filter_claim(name, reversed_, want)
            case ex.Direction(name="all"):
                return TRUE if want else FALSE
            case ex.Direction(name="blocked"):
                return among("blocked", "yes" if want else "no")
            case ex.Direction(name=name):
                claim = among("direction", name)
                return claim if want else negate(claim)
            case ex.Literal(value=value):
                if value is None or self.premises.free(node):
                    return _opaque(("parameter", self.premises.free(node) or node), want)
                return TRUE if bool(value) == want else FALSE
            case ex.FlagTest(name=name, pairs=pairs):
                return self._flags(node, name, pairs, want)
            case ex.Compare():
                return self._compare(node, want)
            case ex.In():
                return self._in(node, want)
            case ex.Known(of=of):
                return self._known(of, want)
            case ex.Feature(name=name):
                return self._truth_feature(node, name, want)
        return _opaque(node, want)

    # ---- combinations ----------------------------------------------------------------------------

    def _n_of(self, node: ex.Expression, n: int, items: tuple[ex.Expression, ...], want: bool) -> Formula:
        size = n if want else len(items) - n + 1
        if comb(len(items), size) > MOST_ALTERNATIVES:
            return _opaque(node, want)
        claims = [self.claim(i, want) for i in items]
        return either(every(chosen) for chosen in combinations(claims, size))

    def _truth_feature(self, node: ex.Expression, name: str, want: bool) -> Formula:
        declaration = self.place.features.get(name)
        key = ("feature", name, id(self.place.features))
        if declaration is None or declaration.condition is None or key in self.premises._open:
            return _opaque(node, want)
        self.premises._open.add(key)
        try:
            return self.claim(declaration.condition, want)
        finally:
            self.premises._open.discard(key)

    # ---- comparisons -----------------------------------------------------------------------------

    def _compare(self, node: ex.Compare, want: bool) -> Formula:
        left, right, op = node.left, node.right, node.op
        if isinstance(left, ex.Literal) and not isinstance(right, ex.Literal):
            left, right, op = right, left, _FLIPPED[op]
        if left.type.name == "truth":
            return _opaque(node, want)
        if not isinstance(right, ex.Literal) or right.value is None or self.premises.free(right):
            return self._against(left, right, op, want)
        value: Any = right.value
        if isinstance(left, ex.Mask):
            return self._block_equals(left, value, op, want)
        if isinstance(left, ex.Verdict) and op in ("=", "!="):
            return self._verdict_is(left, str(value), (op == "=") == want)

        def select(universe: Any) -> Any:
            match universe:
                case Numbers() if isinstance(value, int | Fraction):
                    return compared(universe, op, value)
                case Labels():
                    one = Labels(frozenset((value,)), False, universe.universe) & universe
                    return one if op == "=" else ~one
                case Hosts() if isinstance(value, int):
                    one_host = hosts([(value, value)])
                    return one_host if op == "=" else ~one_host
            return None

        return self._selected(node, left, select, want)

    def _against(self, left: ex.Expression, right: ex.Expression, op: str, want: bool) -> Formula:
        """A comparison with what is not a constant: one variable for each pair, its order."""
        parameter = self.premises.free(right) if isinstance(right, ex.Literal) else None
        other: Any = ("parameter", parameter) if parameter else right
        one: Any = left
        if not parameter and not isinstance(right, ex.Literal) and repr(left) > repr(right):
            one, other, op = right, left, _FLIPPED[op]
        maybe = self._may_be_unknown(left) or (parameter is None and self._may_be_unknown(right))
        at = Variable(("order", one, other), Domain(_ORDER, maybe), opaque=True)
        chosen = Labels(frozenset(_MEANS[op]), False, _ORDER.universe)
        return holds(at, Domain(chosen if want else ~chosen))

    def _may_be_unknown(self, node: ex.Expression) -> bool:
        if isinstance(node, ex.Field):
            return node.name in (*_INSIDE, *_RATIOS, "icmp_type", "icmp_code", "gap")
        return not isinstance(node, ex.Literal) or node.value is None

    def _block_equals(self, left: ex.Mask, value: Any, op: str, want: bool) -> Formula:
        first = value[0] if isinstance(value, tuple) else value
        if not isinstance(first, int) or op not in ("=", "!="):
            return _opaque(("block", left, value), (op == "=") == want)
        four = is_ipv4(first)
        size = 1 << 128 - (96 + left.v4 if four else left.v6)
        members = hosts([(first, first + size - 1)]) if first % size == 0 else ~every_address()
        members = members if four else members & ~ipv4_hosts()
        return self.selected(left.of, lambda universe: members, (op == "=") == want)

    def _verdict_is(self, node: ex.Expression, name: str, want: bool) -> Formula:
        """``verdict = name``: its own condition holds, and no earlier one does."""
        universe = self._verdict_names()
        at = Variable(node, Domain(universe))
        chosen = Labels(frozenset((name,)), False, universe.universe)
        claim = holds(at, Domain(chosen if want else ~chosen))
        if not want or ("verdict", name) in self.premises._open:
            return claim
        parts = [claim]
        self.premises._open.add(("verdict", name))
        try:
            for verdict in self.place.verdicts:
                if verdict.short.rpartition(".")[2] == name:
                    if verdict.condition is not None:
                        parts.append(self.true(verdict.condition))
                    break
                if verdict.condition is not None:
                    parts.append(self.not_true(verdict.condition))
        finally:
            self.premises._open.discard(("verdict", name))
        return every(parts)

    def _verdict_names(self) -> Labels:
        if not self.place.verdicts:
            return ANY_LABEL
        return labels((*(v.short.rpartition(".")[2] for v in self.place.verdicts), "unclassified"))

    def _flags(
        self, node: ex.Expression, name: str, pairs: tuple[tuple[int, int], ...], want: bool
    ) -> Formula:
        if self.place.table is not None:
            return _opaque(node, want)
        chosen = masked_bytes(pairs)
        return holds(variable(name), Domain(chosen if want else ~chosen))

    # ---- membership ------------------------------------------------------------------------------

    def _in(self, node: ex.In, want: bool) -> Formula:
        last = node.items[-1]
        after = last.span.end if last.span is not None else None
        parameter = self.premises.free(node, after)
        if parameter is not None:
            assert self.premises.uses is not None and node.span is not None
            return _opaque(("in", node.items, self.premises.uses.text(node.span, after)), want)
        if isinstance(node.collection, ex.Tuples):
            return self._in_tuples(node, node.collection, want)
        if len(node.items) != 1:
            return _opaque(node, want)
        item = node.items[0]
        if isinstance(item, ex.Mask):
            return self._block_in(node, item, want)
        match node.collection:
            case ex.InSet(set=members):
                return self._in_set(node, item, members, want)
            case ex.InSchedule() | ex.Wildcards():
                return _opaque(node, want)
            case ex.Labels(labels=names) if isinstance(item, ex.Verdict) and want:
                return either(self._verdict_is(item, str(n), True) for n in sorted(names))

        def select(universe: Any) -> Any:
            match node.collection, universe:
                case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges), Numbers():
                    return listed(universe, ranges)
                case ex.Labels(labels=names), Labels():
                    return Labels(frozenset(names), False, universe.universe) & universe
                case ex.Addresses(set=members) | ex.Blocks(set=members), Hosts():
                    return Hosts(members)
            return None

        return self._selected(node, item, select, want)

    def _block_in(self, node: ex.In, item: ex.Mask, want: bool) -> Formula:
        if not isinstance(node.collection, ex.Blocks | ex.Addresses):
            return _opaque(node, want)
        four, outside = ipv4_hosts().set, every_address().set - node.collection.set
        touched = (outside & four).fill(item.v4, 0) | ((outside - four).fill(0, item.v6) - four)
        covered = Hosts(every_address().set - touched)
        return self.selected(item.of, lambda universe: covered, want)

    def _in_set(self, node: ex.In, item: ex.Expression, members: ex.SetExpression, want: bool) -> Formula:
        if isinstance(members, ex.SetLiteral) and members.addresses is not None:
            found = Hosts(members.addresses)
            return self._selected(node, item, lambda u: found if isinstance(u, Hosts) else None, want)
        claim = _opaque(node, want)
        if not want:
            return claim
        values = self._member_values(members)
        if values is None:
            return claim
        within = self._selected(node, item, lambda u: values if type(u) is type(values) else None, True)
        return every((claim, within))

    def _member_values(self, members: ex.SetExpression) -> Any:
        """What the members of a set of single values can be, by the flows they are taken from."""
        match members:
            case ex.Members(keys=(key,), source=source):
                return self.premises.project(key.of, source)
            case ex.SetNamed(name=name, previous=False):
                declared = self.premises.program.sets.get(name)
                key_ = ("set", name)
                if declared is None or key_ in self.premises._open:
                    return None
                self.premises._open.add(key_)
                try:
                    return self._member_values(declared.set)
                finally:
                    self.premises._open.discard(key_)
            case ex.SetAlgebra(op="|", left=left, right=right):
                one, other = self._member_values(left), self._member_values(right)
                return one | other if type(one) is type(other) and one is not None else None
            case ex.SetAlgebra(op="-", left=left):
                return self._member_values(left)
        return None

    def _in_tuples(self, node: ex.In, collection: ex.Tuples, want: bool) -> Formula:
        if len(collection.rows) > MOST_ALTERNATIVES or len(node.items) != len(
            collection.rows[0] if collection.rows else node.items
        ):
            return _opaque(node, want)
        rows: list[Formula] = []
        for row in collection.rows:
            cells = []
            for item, (low, high) in zip(node.items, row, strict=True):

                def select(universe: Any, low: int = low, high: int = high) -> Any:
                    if isinstance(universe, Hosts):
                        return hosts([(low, high)])
                    return listed(universe, [(low, high)]) if isinstance(universe, Numbers) else None

                cells.append(self._selected(node, item, select, want))
            rows.append(every(cells) if want else either(cells))
        return either(rows) if want else every(rows)

    # ---- values ----------------------------------------------------------------------------------

    def _known(self, of: ex.Expression, want: bool) -> Formula:
        match of:
            case ex.Field(name=name) if name in _INSIDE:
                claim = among("direction", "inbound", "outbound")
                return claim if want else negate(claim)
            case ex.Field(name=name) if name in _RATIOS:
                claim = at_least(_RATIOS[name], 1)
                return claim if want else negate(claim)
            case ex.Field(name="icmp_type" | "icmp_code"):
                return _icmp() if want else negate(_icmp())
            case ex.Literal() | ex.Lookup():
                return _opaque(("known", of), want)
        if of.type.name == "truth":
            return _opaque(("known", of), want)
        mapped = self._map_hosts(of, lambda u: u)
        if mapped is not None and isinstance(of, ex.MapLookup):
            return self.selected(of.args[0], lambda u: mapped, want)
        at = self.variable(of)
        if at.universe.values is None:
            return _opaque(("known", of), want)
        values = at.universe.values if want else ~at.universe.values & at.universe.values
        return holds(at, Domain(values, not want))

    def _selected(
        self, node: ex.Expression, item: ex.Expression, select: Callable[[Any], Any], want: bool
    ) -> Formula:
        """A claim on an item's values; opaque where ``select`` does not know them."""
        if isinstance(item, ex.Literal) or select(self.variable(item).universe.values) is None:
            return _opaque(node, want)
        return self.selected(item, select, want)

    def selected(self, item: ex.Expression, select: Callable[[Any], Any], want: bool) -> Formula:
        """That an item is known, and its value is one that ``select`` picks from all (or is not)."""
        match item:
            case ex.Field(name=name) if name in _INSIDE and self.place.table is None:
                outbound, inbound = (ex.Field(type=item.type, name=n) for n in _INSIDE[name])
                return either(
                    (
                        every((among("direction", "outbound"), self.selected(outbound, select, want))),
                        every((among("direction", "inbound"), self.selected(inbound, select, want))),
                    )
                )
            case ex.Field(name="icmp_type" | "icmp_code" as name) if self.place.table is None:
                return every((_icmp(), self._icmp_part(name, select, want)))
            case ex.MapLookup():
                members = self._map_hosts(item, select)
                if members is not None:
                    known = self._map_hosts(item, lambda u: u)
                    chosen = members if want else known & ~members
                    return self.selected(item.args[0], lambda u: chosen, True)
        at = self.variable(item)
        universe = at.universe.values
        chosen_values = select(universe)
        claim = holds(at, Domain(chosen_values if want else ~chosen_values & universe))
        if isinstance(item, ex.Field) and item.name in _RATIOS and self.place.table is None:
            return every((at_least(_RATIOS[item.name], 1), claim))
        return claim

    def _icmp_part(self, name: str, select: Callable[[Any], Any], want: bool) -> Formula:
        universe = whole_numbers(0, 255)
        chosen: Numbers = select(universe)
        if not want:
            chosen = ~chosen
        ports = variable("dport").universe.values
        if name == "icmp_type":
            spans = [(low * 256, high * 256 - 1) for low, high in chosen.stretches]
        else:
            spans = [
                (t * 256 + low, t * 256 + high - 1) for t in range(256) for low, high in chosen.stretches
            ]
        return holds(variable("dport"), Domain(listed(ports, spans)))

    def _map_hosts(self, item: ex.Expression, select: Callable[[Any], Any]) -> Any:
        """The addresses whose label in a map of the rules is one that ``select`` picks; ``None``: not known."""
        if not isinstance(item, ex.MapLookup) or len(item.args) != 1:
            return None
        program = self.premises.program
        table = program.maps.get(item.map)
        if table is None or item.map in program.parameters or ":" not in item.map or table.kind != "address":
            return None
        if len(table.index) > 4096:
            return None
        universe = labels(table.labels)
        chosen = select(universe)
        starts, ends = _numbers(table.starts), _numbers(table.ends)
        return hosts(
            (a, b)
            for a, b, i in zip(starts, ends, table.index.tolist(), strict=True)
            if table.labels[i] in chosen
        )

    def variable(self, node: ex.Expression) -> Variable:
        """The variable that stands for a value."""
        if isinstance(node, ex.Field) and self.place.table is None:
            return variable(node.name)
        if isinstance(node, ex.Measure) and node.source is None and self.place.table is not None:
            node = self._as_column(node, self.place.table)
        held = self._variables.get(node)
        if held is None:
            opaque = not isinstance(node, ex.Feature | ex.Measure)
            needs, counted = self._needs(node)
            held = Variable(node, self.universe(node), opaque, needs, counted)
            if not self.premises._open:
                self._variables[node] = held
        return held

    def _as_column(self, node: ex.Measure, table: TableDeclaration) -> ex.Expression:
        """A measure of a table's row, as the column that holds it: the same variable by both names."""
        name = next((c.name for c in table.columns if c.measure == node), None)
        return node if name is None else ex.Column(type=node.type, name=name)

    def _needs(self, node: ex.Expression) -> tuple[str | None, bool]:
        """The direction that a measure needs flows of, and whether it is known wherever there are some."""
        measure, source, optional = None, None, False
        if isinstance(node, ex.Measure):
            measure, source = node, node.source if node.source is not None else self.place.source
        elif isinstance(node, ex.Feature):
            declaration = self.place.features.get(node.name)
            if declaration is not None:
                measure, source = declaration.measure, declaration.source
                optional = declaration.optional
        if measure is None or source is None or source.direction is None or source.table is not None:
            return None, False
        counted = measure.name in ("flows", "sum", "distinct") and not optional
        return source.direction, counted

    def universe(self, node: ex.Expression) -> Domain:
        """What a value can be."""
        project = self.premises.project
        match node:
            case ex.Field():
                return variable(node.name).universe
            case ex.Measure():
                source = node.source if node.source is not None else self.place.source
                grouped = self.place.grouped and node.source is None
                return self.measured(node, source, grouped)
            case ex.Feature(name=name):
                return self._feature(node, name)
            case ex.Column(name=name) if self.place.table is not None:
                return self._column(node, name, self.place.table)
            case ex.Verdict():
                return Domain(self._verdict_names())
            case ex.Clock(part=part, of=of):
                return Domain(whole_numbers(0, 23 if part == "hour" else 6), self._may_be_unknown(of))
            case ex.CountOf():
                return Domain(whole_numbers(0, 1 << 130))
            case ex.MapLookup(map=name):
                return Domain(self._map_labels(name), True)
        assert project is not None
        return Domain(universe_of_type(node.type), True)

    def measured(self, node: ex.Measure, source: ex.Source | None, grouped: bool) -> Domain:
        """What a measure can be over a source."""
        premises = self.premises
        universe = measure_universe(node, source, grouped, premises.project)
        if node.name == "fraction" and source is not None:
            return _fraction(premises, node.args[0], source, universe)
        return universe

    def _feature(self, node: ex.Expression, name: str) -> Domain:
        declaration = self.place.features.get(name)
        if declaration is None:
            return Domain(universe_of_type(node.type), True)
        if declaration.measure is not None:
            domain = self.measured(declaration.measure, declaration.source, False)
            return Domain(domain.values, domain.unknown or declaration.optional)
        if isinstance(declaration.condition, ex.Measure | ex.CountOf | ex.MapLookup | ex.Feature):
            key = ("universe", name, id(self.place.features))
            if key not in self.premises._open:
                self.premises._open.add(key)
                try:
                    domain = self.universe(declaration.condition)
                finally:
                    self.premises._open.discard(key)
                return Domain(domain.values, True)
        return Domain(universe_of_type(node.type), True)

    def _column(self, node: ex.Expression, name: str, table: TableDeclaration) -> Domain:
        for column in table.columns:
            if column.name == name:
                grouped = bool(table.keys) and table.fill is None
                return self.measured(column.measure, column.measure.source or table.source, grouped)
        for key in table.keys:
            if key.name == name:
                values = self.premises.project(key.of, table.source)
                if values is not None:
                    return Domain(values, True)
                if isinstance(key.of, ex.Field):
                    return Domain(self.premises.claims().universe(key.of).values, True)
        return Domain(universe_of_type(node.type), True)

    def _map_labels(self, name: str) -> Labels:
        program = self.premises.program
        table = program.maps.get(name)
        if table is None or name in program.parameters or ":" not in name:
            return ANY_LABEL
        return labels(table.labels)


def _fraction(premises: Premises, predicate: ex.Expression, source: ex.Source, universe: Domain) -> Domain:
    """A fraction is 0 where no flow of the source can match, and 1 where every one does."""
    claims = premises.claims(premises.place_of(source))
    given = claims.true(source.predicate)
    try:
        some = next(states([given, claims.true(predicate)]), None) is not None
        others = next(states([given, claims.not_true(predicate)]), None) is not None
    except NotDecided:
        return universe
    if some and others:
        return universe
    at = Fraction(1 if some else 0)
    return Domain(universe.values.between(at, at), universe.unknown)


def _icmp() -> Formula:
    return either((among("protocol", 1), every((among("protocol", 58), among("ip_version", 6)))))


def _opaque(key: Any, want: bool) -> Formula:
    """Something that may be true, false or unknown, for all that is known of it."""
    at = Variable(("truth", key), Domain(_YES, True), opaque=True)
    return holds(at, Domain(Labels(frozenset(("true" if want else "false",)), False, _YES.universe)))


def _numbers(values: Any) -> Iterable[int]:
    if values.dtype.names:
        highs, lows = values["high"].tolist(), values["low"].tolist()
        return [h << 64 | lo for h, lo in zip(highs, lows, strict=True)]
    return [IPV4_MAPPED + int(v) for v in values.tolist()]


__all__ = ["FLOWS", "All", "Claims", "Place", "Premises", "Some"]
