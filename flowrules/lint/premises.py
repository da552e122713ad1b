"""What predicates are judged in: the program, the place where a condition stands, and what is free in its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, define, field, frozen

from flowrules.lint.domains import hosts_of
from flowrules.lint.facts import WIRE, Fact, direction_by_nets
from flowrules.lint.formulas import Formula, NotDecided, states
from flowrules.lint.parameters import ParameterUses
from flowrules.lint.terms import IN_ICMP, INSIDE, RATIOS, opaque
from flowrules.model import expression as ex
from flowrules.model.program import FeatureDeclaration, Program, TableDeclaration, VerdictDeclaration
from flowrules.model.reversal import reverse

if TYPE_CHECKING:
    from flowrules.lint.claims import Claims

MOST_STATES: Final = 64
"""A projection over more cases than this is given up."""


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
                self._facts = (*WIRE, direction_by_nets(hosts_of(self.program.internal)))
        return self._facts

    def free(self, node: ex.Expression, start: int | None = None) -> str | None:
        """The parameter that a piece of an expression's text names, if it does."""
        return self.uses.within(node.span, start) if self.uses is not None else None

    def claims(self, place: Place = FLOWS) -> Claims:
        """The reader of predicates and conditions that stand at a place."""
        held = self._claims.get(id(place))
        if held is None:
            from flowrules.lint.claims import Claims

            held = self._claims[id(place)] = Claims(self, place)
        return held

    def filter_claim(self, name: str, reversed_: bool, want: bool) -> Formula:
        """A named filter, or its reverse, as a formula."""
        key = (name, reversed_, want)
        held = self._filters.get(key)
        if held is None:
            declaration = self.program.filters.get(name)
            if declaration is None or key in self._open:
                return opaque(("filter", name, reversed_), want)
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
        if isinstance(node, ex.Field) and node.name in (*INSIDE, *IN_ICMP, *RATIOS):
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
