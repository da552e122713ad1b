"""Two-valued formulas over domains, and the search for a state that makes some of them true together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, TypeAlias

from attrs import frozen

from flowrules.lint.domains import Domain, Variable

MOST_STEPS: Final = 3000
"""A search that needs more steps than this is given up: nothing is claimed then."""


@frozen(cache_hash=True)
class Holds:
    """The variable's value lies in the domain."""

    variable: Variable
    domain: Domain

    @cached_property
    def otherwise(self) -> Domain:
        """What the variable may be where this does not hold."""
        return self.domain.within(self.variable.universe)

    @cached_property
    def negation(self) -> Formula:
        """The formula that is true where this one is not."""
        return holds(self.variable, self.otherwise)

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """What it speaks about."""
        return frozenset((self.variable,))

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields of flows among its variables."""
        return frozenset((self.variable.key,)) if isinstance(self.variable.key, str) else frozenset()

    @cached_property
    def needing(self) -> frozenset[Variable]:
        """Its variables that are known only where flows of a direction were read."""
        return self.variables if self.variable.needs is not None else frozenset()


@frozen(cache_hash=True)
class _Joined:
    items: tuple[Formula, ...] = ()

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """What it speaks about."""
        return frozenset().union(*(i.variables for i in self.items))

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields of flows among its variables."""
        return frozenset().union(*(i.fields for i in self.items))

    @cached_property
    def needing(self) -> frozenset[Variable]:
        """Its variables that are known only where flows of a direction were read."""
        return frozenset().union(*(i.needing for i in self.items))


@frozen(cache_hash=True)
class All(_Joined):
    """All of several."""

    @cached_property
    def negation(self) -> Formula:
        """The formula that is true where this one is not."""
        return either(i.negation for i in self.items)


@frozen(cache_hash=True)
class Some(_Joined):
    """Any of several."""

    @cached_property
    def negation(self) -> Formula:
        """The formula that is true where this one is not."""
        return every(i.negation for i in self.items)


Formula: TypeAlias = Holds | All | Some

TRUE: Final = All()
FALSE: Final = Some()

State: TypeAlias = dict[Variable, Domain]
"""What is left of each variable's domain; a variable that is not named may be anything."""

Propagator: TypeAlias = Callable[[State], bool]
"""Narrows a state by what ties its variables; false where nothing is left."""


class NotDecided(Exception):
    """The search was given up."""


def every(items: Iterable[Formula]) -> Formula:
    """All of several, flat."""
    out: list[Formula] = []
    for item in items:
        if isinstance(item, All):
            out.extend(item.items)
        elif item == FALSE:
            return FALSE
        else:
            out.append(item)
    return out[0] if len(out) == 1 else All(tuple(out))


def either(items: Iterable[Formula]) -> Formula:
    """Any of several, flat."""
    out: list[Formula] = []
    for item in items:
        if isinstance(item, Some):
            out.extend(item.items)
        elif item == TRUE:
            return TRUE
        else:
            out.append(item)
    return out[0] if len(out) == 1 else Some(tuple(out))


def holds(variable: Variable, domain: Domain) -> Formula:
    """A claim on one variable; ``TRUE`` or ``FALSE`` where its universe decides it."""
    met = variable.universe & domain
    if not met:
        return FALSE
    if met.fills(variable.universe):
        return TRUE
    return Holds(variable, met)


def negate(formula: Formula) -> Formula:
    """The formula that is true where this one is not."""
    return formula.negation


def variables(formula: Formula) -> frozenset[Variable]:
    """Every variable that a formula speaks about."""
    return formula.variables


class _Search:
    def __init__(self, propagators: Sequence[Propagator], steps: int) -> None:
        self.propagators = propagators
        self.left = steps

    def states(self, state: State, pending: list[Formula]) -> Iterator[State]:
        choices: list[Some] = []
        queue = pending
        while queue:
            formula = queue.pop()
            if isinstance(formula, Holds):
                held = state.get(formula.variable)
                met = formula.domain if held is None else held & formula.domain
                if not met:
                    return
                state[formula.variable] = met
            elif isinstance(formula, All):
                queue.extend(formula.items)
            else:
                choices.append(formula)
        self.left -= 1
        if self.left < 0:
            raise NotDecided
        if not all(propagate(state) for propagate in self.propagators):
            return
        best: list[Formula] | None = None
        rest: list[Formula] = []
        chosen: Some | None = None
        for choice in choices:
            open_ = [i for i in choice.items if _possible(i, state)]
            if not open_:
                return
            if any(_certain(i, state) for i in open_):
                continue
            if best is None or len(open_) < len(best):
                if chosen is not None:
                    rest.append(chosen)
                best, chosen = open_, Some(tuple(open_))
            else:
                rest.append(Some(tuple(open_)))
        if best is None:
            yield state
            return
        for alternative in best:
            yield from self.states(dict(state), [*rest, alternative])


def _possible(formula: Formula, state: State) -> bool:
    """Whether a formula might still hold (a quick look, not a proof)."""
    if isinstance(formula, Holds):
        held = state.get(formula.variable)
        return held is None or held.meets(formula.domain)
    enough = all if isinstance(formula, All) else any
    return enough(_possible(i, state) for i in formula.items)


def _certain(formula: Formula, state: State) -> bool:
    """Whether a formula holds already (a quick look)."""
    if isinstance(formula, Holds):
        held = state.get(formula.variable)
        return held is not None and not held.meets(formula.otherwise)
    enough = all if isinstance(formula, All) else any
    return enough(_certain(i, state) for i in formula.items)


def states(
    formulas: Iterable[Formula], propagators: Sequence[Propagator] = (), steps: int = MOST_STEPS
) -> Iterator[State]:
    """States in which all formulas hold, as far as domains tell; together they cover every flow that does.

    No state: nothing satisfies them.  Raises ``NotDecided`` when the search takes too long.
    """
    yield from _Search(propagators, steps).states({}, list(formulas))


def satisfiable(
    formulas: Iterable[Formula], propagators: Sequence[Propagator] = (), steps: int = MOST_STEPS
) -> bool:
    """Whether the formulas may hold together.  ``False`` is a proof that they cannot."""
    return next(states(formulas, propagators, steps), None) is not None
