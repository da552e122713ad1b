"""Which small changes of rules no test notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import evolve, frozen

from flowrules.flows.flow_text import FlowText
from flowrules.flows.sources import FlowSources
from flowrules.model.program import Program, TestDeclaration
from flowrules.testing.mutants import Mutant, mutants_of
from flowrules.testing.replacing import KINDS, only
from flowrules.testing.running import TestProblem, failures_of, flows_of, results_of


@frozen(eq=False)
class Tried:
    """A mutant, and the name of a test that fails with it (``None``: none does)."""

    mutant: Mutant
    noticed_by: str | None


@frozen(eq=False)
class Mutation:
    """All mutants of some rulesets with what came of them; ``tests`` is how many tests took part."""

    tried: Sequence[Tried]
    tests: int

    @property
    def survivors(self) -> list[Mutant]:
        """What no test notices."""
        return [t.mutant for t in self.tried if t.noticed_by is None]

    @property
    def share(self) -> float:
        """The share of changes that a test notices; 1 where there is nothing to change."""
        return 1 - len(self.survivors) / len(self.tried) if self.tried else 1.0


@frozen(eq=False)
class _Ready:
    """A test that passes, with nothing in its program but what its expectations need, and its flows read."""

    test: TestDeclaration
    flows: FlowText | FlowSources


def mutate(
    mutants: Iterable[Mutant],
    tests: Iterable[TestDeclaration],
    progress: Callable[[int], None] | None = None,
) -> Mutation:
    """Try mutants on tests, all of which pass without them; ``progress`` is told how many were tried."""
    ready = [_ready(test) for test in tests]
    tried: list[Tried] = []
    for mutant in mutants:
        tried.append(Tried(mutant, _noticed(mutant, ready)))
        if progress is not None:
            progress(len(tried))
    return Mutation(tried, len(ready))


def every_mutant(
    program: Program, tests: Sequence[TestDeclaration], rulesets: frozenset[str]
) -> list[Mutant]:
    """The mutants of each declaration as a test has it, with parameters bound; else as the rules stand."""
    bound: dict[str, dict[str, object]] = {kind: dict(getattr(program, kind)) for kind in KINDS}
    for test in reversed(tests):
        for kind in KINDS:
            held = getattr(test.program, kind)
            bound[kind].update({name: held[name] for name in held if name in bound[kind]})
    return list(mutants_of(evolve(program, **bound), rulesets))  # type: ignore[arg-type]


def _ready(test: TestDeclaration) -> _Ready:
    return _Ready(evolve(test, program=only(test.program, test.needs)), flows_of(test))


def _noticed(mutant: Mutant, ready: Sequence[_Ready]) -> str | None:
    for one in ready:
        if mutant.name not in one.test.needs:
            continue
        changed = mutant.of(one.test.program)
        if changed is not None and _fails(evolve(one.test, program=changed), one.flows):
            return one.test.name
    return None


def _fails(test: TestDeclaration, flows: FlowText | FlowSources) -> bool:
    try:
        return bool(failures_of(test, results_of(test, flows)))
    except TestProblem:
        return True
    except (ArithmeticError, LookupError, TypeError, ValueError, AssertionError, AttributeError):
        # the checker would have refused such rules, so a change like this is noticed without a test
        return True
