"""What can be proved of predicates over one flow, and of conditions over groups and hosts.

Every answer is ``True`` (proved), ``False`` (not so, as far as the proof looks) or ``None`` (not decided).
Only ``True`` may be reported to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import Final

from attrs import define, field, frozen

from flowrules.lint.claims import Claims
from flowrules.lint.domains import Domain, Labels, Variable, labels
from flowrules.lint.evaluate import Undetermined, is_real, truth
from flowrules.lint.facts import DEFINITIONS, Fact, formulas_of
from flowrules.lint.formulas import (
    FALSE,
    Formula,
    NotDecided,
    Propagator,
    State,
    either,
    holds,
    negate,
    satisfiable,
    states,
    variables,
)
from flowrules.lint.premises import FLOWS, Place, Premises
from flowrules.lint.witness import Witness, asked_fields, candidates
from flowrules.model import expression as ex
from flowrules.model.reversal import reverse

MOST_PAIRS: Final = 300
_MOST_WITNESS_STATES: Final = 8


@frozen
class Part:
    """One conjunct of a predicate: what it asks, and through which named filters of the predicate it came."""

    node: ex.Expression
    claim: Formula = field(repr=False)
    via: tuple[ex.Expression, ...] = ()


@frozen
class Conflict:
    """Conjuncts that cannot hold together, as few as explain it, and the facts that they go against."""

    parts: tuple[Part, ...]
    facts: tuple[str, ...] = ()


@define(eq=False)
class Prover:
    """Answers questions about predicates of one program."""

    premises: Premises
    undecided: list[ex.Expression] = field(factory=list)
    """Predicates of which something was asked that took too long."""
    _answers: dict[tuple[frozenset[Formula], bool], bool | None] = field(factory=dict)
    _facts: dict[frozenset[str], tuple[Fact, ...]] = field(factory=dict)
    _empty: dict[tuple[int, int], tuple[ex.Expression, bool | None]] = field(factory=dict)
    _parts: dict[tuple[int, int], tuple[ex.Expression, list[Part]]] = field(factory=dict)

    def claims(self, place: Place = FLOWS) -> Claims:
        """Predicates at a place as formulas."""
        return self.premises.claims(place)

    # ---- questions -------------------------------------------------------------------------------

    def impossible(self, formulas: Iterable[Formula], wire: bool = True) -> bool | None:
        """Whether no flow can make all formulas true; ``wire``: no flow that a wire carries."""
        asked = list(formulas)
        key = (frozenset(asked), wire)
        if key not in self._answers:
            self._answers[key] = self._impossible(asked, wire)
        return self._answers[key]

    def _impossible(self, asked: list[Formula], wire: bool) -> bool | None:
        if FALSE in asked:
            return True
        try:
            return not satisfiable(*self._problem([*asked, *presence(asked)], wire))
        except NotDecided:
            return None

    def _problem(self, formulas: list[Formula], wire: bool) -> tuple[list[Formula], Sequence[Propagator]]:
        """The formulas with what is true of every flow; ``wire``: of every flow on a wire."""
        names = _fields_of(formulas)
        return _with_facts(formulas, names, self._relevant(names) if wire else ())

    def _relevant(self, asked: frozenset[str]) -> tuple[Fact, ...]:
        """The facts that have to do with some fields."""
        held = self._facts.get(asked)
        if held is None:
            held = self._facts[asked] = tuple(self._found_facts(asked))
        return held

    def _found_facts(self, asked: frozenset[str]) -> list[Fact]:
        names = set(asked)
        if "bytes_per_packet" in names or names & {"packets_per_second", "bytes_per_second"}:
            names |= {"packets", "bytes"}
        out: list[Fact] = []
        rest = list(self.premises.facts)
        changed = True
        while changed:
            changed = False
            for fact in list(rest):
                if names & fact.about:
                    rest.remove(fact)
                    out.append(fact)
                    changed = True
                    names |= {v.key for f in formulas_of(fact) for v in variables(f)}
        return out

    def unsatisfiable(self, node: ex.Expression, place: Place = FLOWS) -> bool | None:
        """Whether no flow can pass."""
        key = (id(node), id(place))
        held = self._empty.get(key)
        if held is None:
            answer = self._noted(node, self.impossible([self.claims(place).true(node)]))
            held = self._empty[key] = node, answer
        return held[1]

    def always(self, node: ex.Expression, place: Place = FLOWS, wire: bool = True) -> bool | None:
        """Whether every flow passes."""
        return self._noted(node, self.impossible([self.claims(place).not_true(node)], wire))

    def implies(
        self, one: ex.Expression, other: ex.Expression, place: Place = FLOWS, wire: bool = True
    ) -> bool | None:
        """Whether every flow that passes ``one`` passes ``other``."""
        claims = self.claims(place)
        return self._noted(one, self.impossible([claims.true(one), claims.not_true(other)], wire))

    def equivalent(
        self, one: ex.Expression, other: ex.Expression, place: Place = FLOWS, wire: bool = True
    ) -> bool | None:
        """Whether the same flows pass both."""
        there = self.implies(one, other, place, wire)
        return there and self.implies(other, one, place, wire)

    def _noted(self, node: ex.Expression, answer: bool | None) -> bool | None:
        if answer is None and not any(node is n for n in self.undecided):
            self.undecided.append(node)
        return answer

    # ---- why -------------------------------------------------------------------------------------

    def parts(self, node: ex.Expression, place: Place = FLOWS) -> list[Part]:
        """The conjuncts of a predicate, through the filters that it names."""
        key = (id(node), id(place))
        held = self._parts.get(key)
        if held is None:
            claims = self.claims(place)
            found = [Part(n, claims.true(n), via) for n, via in self._conjuncts(node, (), place)]
            held = self._parts[key] = node, found
        return held[1]

    def _conjuncts(
        self, node: ex.Expression, via: tuple[ex.Expression, ...], place: Place
    ) -> Iterator[tuple[ex.Expression, tuple[ex.Expression, ...]]]:
        match node:
            case ex.And(items=items):
                for item in items:
                    yield from self._conjuncts(item, via, place)
                return
            case ex.Not(of=ex.Or(items=items)) if len({i.span for i in items}) == len(items):
                # (the two ends of `aip not in` were written as one, and are shown as one)
                for item in items:
                    yield from self._conjuncts(ex.Not(type=node.type, span=item.span, of=item), via, place)
                return
            case ex.FilterRef(name=name, reversed=reversed_) if len(via) < 30:
                declared = self.premises.program.filters.get(name)
                if declared is not None:
                    predicate = reverse(declared.predicate) if reversed_ else declared.predicate
                    yield from self._conjuncts(predicate, (*via, node), place)
                    return
            case ex.Feature(name=name) if node.type.name == "truth" and len(via) < 30:
                feature = place.features.get(name)
                if feature is not None and feature.condition is not None:
                    yield from self._conjuncts(feature.condition, (*via, node), place)
                    return
        yield node, via

    def conflict(self, node: ex.Expression, place: Place = FLOWS) -> Conflict | None:
        """Why no flow can pass, if that is so: the fewest conjuncts that exclude each other."""
        if not self.unsatisfiable(node, place):
            return None
        parts = self.parts(node, place)
        core = self._core(parts)
        return Conflict(core, self._reason([p.claim for p in core]))

    def _core(self, parts: list[Part]) -> tuple[Part, ...]:
        for part in parts:
            if self.impossible([part.claim]):
                return (part,)
        pairs = list(combinations(parts, 2))
        if len(pairs) <= MOST_PAIRS:
            for one, other in pairs:
                if self.impossible([one.claim, other.claim]):
                    return (one, other)
        core = list(parts)
        for part in parts:
            rest = [p for p in core if p is not part]
            if len(rest) > 1 and self.impossible([p.claim for p in rest]):
                core = rest
        return tuple(core)

    def _reason(self, claims: list[Formula]) -> tuple[str, ...]:
        if self.impossible(claims, wire=False):
            return ()
        names = _fields_of(claims)
        facts = self._relevant(names)
        for size in (1, 2):
            for chosen in combinations(facts, size):
                try:
                    if not satisfiable(*_with_facts(claims, names, chosen)):
                        return tuple(dict.fromkeys(fact.text for fact in chosen))
                except NotDecided:
                    continue
        return tuple(dict.fromkeys(fact.text for fact in facts))

    # ---- examples --------------------------------------------------------------------------------

    def witness(self, passes: Sequence[ex.Expression], fails: Sequence[ex.Expression] = ()) -> Witness | None:
        """A flow that passes all of ``passes`` and none of ``fails``, tried on each; ``None``: none was found."""
        claims = self.claims()
        formulas = [*(claims.true(p) for p in passes), *(claims.not_true(f) for f in fails)]
        program = self.premises.program
        try:
            for count, state in enumerate(self._states(formulas)):
                if count >= _MOST_WITNESS_STATES:
                    return None
                for flow in candidates(state):
                    if not is_real(flow):
                        continue
                    try:
                        held = all(truth(p, flow, program) is True for p in passes)
                        if held and all(truth(f, flow, program) is not True for f in fails):
                            return Witness(flow, asked_fields(v for f in formulas for v in variables(f)))
                    except Undetermined:
                        return None
        except NotDecided:
            return None
        return None

    def _states(self, formulas: list[Formula]) -> Iterator[State]:
        return states(*self._problem([*formulas, *presence(formulas)], wire=True))


def _fields_of(formulas: Iterable[Formula]) -> frozenset[str]:
    return frozenset().union(*(f.fields for f in formulas))


def _with_facts(
    formulas: list[Formula], names: frozenset[str], facts: Sequence[Fact]
) -> tuple[list[Formula], Sequence[Propagator]]:
    definitions = [narrow for name, narrow in DEFINITIONS.items() if name in names]
    return (
        [*formulas, *(f for fact in facts for f in formulas_of(fact))],
        [*definitions, *(p for fact in facts for p in fact.propagators)],
    )


def presence(formulas: Iterable[Formula]) -> list[Formula]:
    """That measures are unknown together: all that need flows of a direction, where none was read."""
    found = frozenset().union(*(f.needing for f in formulas))
    if len(found) < 2:
        return []
    out: list[Formula] = []
    for at in sorted(found, key=_text):
        seen = Variable(("flows seen", at.needs), Domain(_SEEN))
        yes = holds(seen, Domain(Labels(frozenset(("yes",)), False, _SEEN.universe)))
        known = holds(at, Domain(at.universe.values))
        out.append(either((negate(known), yes)))
        if at.counted:
            out.append(either((known, negate(yes))))
    return out


@cache
def _text(at: Variable) -> str:
    return repr(at.key)


_SEEN: Final = labels(("yes", "no"))
