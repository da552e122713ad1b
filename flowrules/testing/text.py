"""What came of tests as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from flowrules.testing.coverage import Coverage, Item
from flowrules.testing.mutants import Mutant
from flowrules.testing.mutation import Mutation
from flowrules.testing.running import Outcome

_MARKS: Final = {
    "passed": ("ok  ", "32"),
    "failed": ("FAIL", "31"),
    "todo": ("todo", "33"),
    "done": ("done", "36"),
}


def outcome_lines(outcome: Outcome, verbose: bool = False, color: bool = False) -> Iterator[str]:
    """A test that does not pass and why, or is marked ``@todo``; others only where ``verbose``."""
    if outcome.state == "passed" and not verbose:
        return
    mark, code = _MARKS[outcome.state]
    test = outcome.test
    yield f"{_paint(mark, code, color)} {test.ruleset}: {test.name}"
    if outcome.state == "done":
        yield f"     {_place(outcome)}: it passes: leave @todo out"
    elif test.todo is not None:
        yield f"     {_place(outcome)}: {test.todo}"
    if outcome.state == "failed" or verbose:
        yield from (f"     {f.path}:{f.line}: {f.message}" for f in outcome.failures)


def _place(outcome: Outcome) -> str:
    span = outcome.test.span
    return f"{span.path}:{span.line}" if span else ""


def summary(outcomes: Sequence[Outcome]) -> str:
    """``12 passed, 1 failed, 2 todo``."""
    states = [o.state for o in outcomes]
    passed = states.count("passed") + states.count("done")
    parts = [f"{passed} passed", f"{states.count('failed')} failed"]
    if "todo" in states:
        parts.append(f"{states.count('todo')} todo")
    return ", ".join(parts)


def coverage_lines(coverage: Coverage, color: bool = False) -> Iterator[str]:
    """How much was reached, and what was not."""
    sides = 2 * len(coverage.items)
    yield _paint(f"coverage: {coverage.reached} of {sides} sides, {_percent(coverage.share)}", "1", color)
    for item in coverage.items:
        holds, fails = coverage.sides(item)
        if not (holds and fails):
            yield f"  {item.span.path}:{item.span.line}: {_named(item)} {_missing(holds, fails)}"


def _named(item: Item) -> str:
    if item.kind in ("threshold", "alternative"):
        return f"{item.declaration}: {item.kind} {item.text}"
    if item.kind in ("filter", "check") or item.declaration == item.text:
        return f"{item.kind} {item.text}"
    return f"{item.declaration}: {item.kind} {item.text}"


def _missing(holds: bool, fails: bool) -> str:
    if holds:
        return "never fails"
    return "never holds" if fails else "is never reached"


def mutation_lines(mutation: Mutation, color: bool = False) -> Iterator[str]:
    """How many changes a test notices, and those that none does."""
    noticed = len(mutation.tried) - len(mutation.survivors)
    yield _paint(
        f"changes: {noticed} of {len(mutation.tried)} noticed, {_percent(mutation.share)}", "1", color
    )
    for mutant in mutation.survivors:
        yield f"  {mutant.span.path}:{mutant.span.line}: {change_text(mutant)}"


def change_text(mutant: Mutant) -> str:
    """``volume_in: share >= 1% could be share >= 2%``."""
    short = mutant.name.partition(":")[2]
    if mutant.after == "nothing":
        return f"{short}: {mutant.before} could be left out"
    return f"{short}: {mutant.before} could be {mutant.after}"


def _percent(share: float) -> str:
    # never 100% while something is missing
    return f"{int(share * 1000) / 10:g}%"


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text
