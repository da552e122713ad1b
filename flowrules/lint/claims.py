"""Predicates and conditions as two-valued formulas: when they are true, and when they are false.

Unknown is neither.  What proofs do not look into (sets of other flows, schedules, parameters, maps that the site
binds) becomes an opaque variable, the same for equal expressions, so that it may be anything: what is
proved holds whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any, Final

from flowrules.lint.domains import (
    EVERY_ADDRESS,
    Domain,
    Hosts,
    Labels,
    Numbers,
    Variable,
    compared,
    hosts,
    hosts_of,
    labels,
    listed,
    masked_bytes,
    whole_numbers,
)
from flowrules.lint.facts import among, at_least, ipv4_hosts, variable
from flowrules.lint.formulas import FALSE, TRUE, Formula, either, every, holds, negate
from flowrules.lint.premises import Place, Premises
from flowrules.lint.terms import INSIDE, RATIOS, Terms, is_icmp, opaque
from flowrules.model import expression as ex
from flowrules.model.address_text import is_ipv4

MOST_ALTERNATIVES: Final = 64
"""``n of`` and lists of tuples with more cases than this are not looked into."""

_ORDER: Final = labels(("<", "=", ">"))
_MEANS: Final = {
    "=": ("=",), "!=": ("<", ">"), "<": ("<",), "<=": ("<", "="), ">": (">",), ">=": (">", "="),
}  # fmt: skip
_FLIPPED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


class Claims(Terms):
    """Reads predicates and conditions that stand at one place."""

    def __init__(self, premises: Premises, place: Place) -> None:
        super().__init__(premises, place)
        self._known_claims: dict[tuple[int, bool], tuple[ex.Expression, Formula]] = {}
        self._equal_claims: dict[tuple[ex.Expression, bool], Formula] = {}
        self._denied: dict[int, tuple[ex.Expression, Formula]] = {}

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
        # equal nodes claim the same, but where a parameter stands in the text of one
        alike = (node, want) if self.premises.free(node) is None else None
        found = self._equal_claims.get(alike) if alike is not None else None
        if found is None:
            found = self._claim(node, want)
        if not self.premises._open:  # within a circle of definitions less is looked into
            self._known_claims[id(node), want] = node, found
            if alike is not None:
                self._equal_claims[alike] = found
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
                    return opaque(("parameter", self.premises.free(node) or node), want)
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
        return opaque(node, want)

    # ---- combinations ----------------------------------------------------------------------------

    def _n_of(self, node: ex.Expression, n: int, items: tuple[ex.Expression, ...], want: bool) -> Formula:
        size = n if want else len(items) - n + 1
        if comb(len(items), size) > MOST_ALTERNATIVES:
            return opaque(node, want)
        claims = [self.claim(i, want) for i in items]
        return either(every(chosen) for chosen in combinations(claims, size))

    def _truth_feature(self, node: ex.Expression, name: str, want: bool) -> Formula:
        declaration = self.place.features.get(name)
        key = ("feature", name, id(self.place.features))
        if declaration is None or declaration.condition is None or key in self.premises._open:
            return opaque(node, want)
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
            return opaque(node, want)
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
        maybe = self.may_be_unknown(left) or (parameter is None and self.may_be_unknown(right))
        at = Variable(("order", one, other), Domain(_ORDER, maybe), opaque=True)
        chosen = Labels(frozenset(_MEANS[op]), False, _ORDER.universe)
        return holds(at, Domain(chosen if want else ~chosen))

    def _block_equals(self, left: ex.Mask, value: Any, op: str, want: bool) -> Formula:
        first = value[0] if isinstance(value, tuple) else value
        if not isinstance(first, int) or op not in ("=", "!="):
            return opaque(("block", left, value), (op == "=") == want)
        four = is_ipv4(first)
        size = 1 << 128 - (96 + left.v4 if four else left.v6)
        members = hosts([(first, first + size - 1)]) if first % size == 0 else ~EVERY_ADDRESS
        members = members if four else members & ~ipv4_hosts()
        return self.selected(left.of, lambda universe: members, (op == "=") == want)

    def _verdict_is(self, node: ex.Expression, name: str, want: bool) -> Formula:
        """``verdict = name``: its own condition holds, and no earlier one does."""
        universe = self.verdict_names()
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

    def _flags(
        self, node: ex.Expression, name: str, pairs: tuple[tuple[int, int], ...], want: bool
    ) -> Formula:
        if self.place.table is not None:
            return opaque(node, want)
        chosen = masked_bytes(pairs)
        return holds(variable(name), Domain(chosen if want else ~chosen))

    # ---- membership ------------------------------------------------------------------------------

    def _in(self, node: ex.In, want: bool) -> Formula:
        last = node.items[-1]
        after = last.span.end if last.span is not None else None
        parameter = self.premises.free(node, after)
        if parameter is not None:
            assert self.premises.uses is not None and node.span is not None
            return opaque(("in", node.items, self.premises.uses.text(node.span, after)), want)
        if isinstance(node.collection, ex.Tuples):
            return self._in_tuples(node, node.collection, want)
        if len(node.items) != 1:
            return opaque(node, want)
        item = node.items[0]
        if isinstance(item, ex.Mask):
            return self._block_in(node, item, want)
        match node.collection:
            case ex.InSet(set=members):
                return self._in_set(node, item, members, want)
            case ex.InSchedule() | ex.Wildcards():
                return opaque(node, want)
            case ex.Labels(labels=names) if isinstance(item, ex.Verdict) and want:
                return either(self._verdict_is(item, str(n), True) for n in sorted(names))

        def select(universe: Any) -> Any:
            match node.collection, universe:
                case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges), Numbers():
                    return listed(universe, ranges)
                case ex.Labels(labels=names), Labels():
                    return Labels(frozenset(names), False, universe.universe) & universe
                case ex.Addresses(set=members) | ex.Blocks(set=members), Hosts():
                    return hosts_of(members)
            return None

        return self._selected(node, item, select, want)

    def _block_in(self, node: ex.In, item: ex.Mask, want: bool) -> Formula:
        if not isinstance(node.collection, ex.Blocks | ex.Addresses):
            return opaque(node, want)
        four, outside = ipv4_hosts().set, EVERY_ADDRESS.set - node.collection.set
        touched = (outside & four).fill(item.v4, 0) | ((outside - four).fill(0, item.v6) - four)
        covered = ~hosts_of(touched)
        return self.selected(item.of, lambda universe: covered, want)

    def _in_set(self, node: ex.In, item: ex.Expression, members: ex.SetExpression, want: bool) -> Formula:
        if isinstance(members, ex.SetLiteral) and members.addresses is not None:
            found = hosts_of(members.addresses)
            return self._selected(node, item, lambda u: found if isinstance(u, Hosts) else None, want)
        claim = opaque(node, want)
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
            return opaque(node, want)
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
            case ex.Field(name=name) if name in INSIDE:
                claim = among("direction", "inbound", "outbound")
                return claim if want else negate(claim)
            case ex.Field(name=name) if name in RATIOS:
                claim = at_least(RATIOS[name], 1)
                return claim if want else negate(claim)
            case ex.Field(name="icmp_type" | "icmp_code"):
                return is_icmp() if want else negate(is_icmp())
            case ex.Literal() | ex.Lookup():
                return opaque(("known", of), want)
        if of.type.name == "truth":
            return opaque(("known", of), want)
        mapped = self.map_hosts(of, lambda u: u)
        if mapped is not None and isinstance(of, ex.MapLookup):
            return self.selected(of.args[0], lambda u: mapped, want)
        at = self.variable(of)
        if at.universe.values is None:
            return opaque(("known", of), want)
        values = at.universe.values if want else ~at.universe.values & at.universe.values
        return holds(at, Domain(values, not want))

    def _selected(
        self, node: ex.Expression, item: ex.Expression, select: Callable[[Any], Any], want: bool
    ) -> Formula:
        """A claim on an item's values; opaque where ``select`` does not know them."""
        if isinstance(item, ex.Literal) or select(self.variable(item).universe.values) is None:
            return opaque(node, want)
        return self.selected(item, select, want)

    def selected(self, item: ex.Expression, select: Callable[[Any], Any], want: bool) -> Formula:
        """That an item is known, and its value is one that ``select`` picks from all (or is not)."""
        match item:
            case ex.Field(name=name) if name in INSIDE and self.place.table is None:
                outbound, inbound = (ex.Field(type=item.type, name=n) for n in INSIDE[name])
                return either(
                    (
                        every((among("direction", "outbound"), self.selected(outbound, select, want))),
                        every((among("direction", "inbound"), self.selected(inbound, select, want))),
                    )
                )
            case ex.Field(name="icmp_type" | "icmp_code" as name) if self.place.table is None:
                return every((is_icmp(), self._icmp_part(name, select, want)))
            case ex.MapLookup():
                members = self.map_hosts(item, select)
                if members is not None:
                    known = self.map_hosts(item, lambda u: u)
                    chosen = members if want else known & ~members
                    return self.selected(item.args[0], lambda u: chosen, True)
        at = self.variable(item)
        universe = at.universe.values
        chosen_values = select(universe)
        claim = holds(at, Domain(chosen_values if want else ~chosen_values & universe))
        if isinstance(item, ex.Field) and item.name in RATIOS and self.place.table is None:
            return every((at_least(RATIOS[item.name], 1), claim))
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
