"""Running the tests inside rulesets: their flows through the engine, their expectations against the results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from flowrules.engine.conditions import TRUE, UNKNOWN, Scope, truth, value
from flowrules.engine.results import Frame, Results, SetResult
from flowrules.engine.run import run
from flowrules.engine.set_algebra import members
from flowrules.engine.world import Earlier, Found
from flowrules.flows.flow_text import FlowTextError, parse_flow_text
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.program import CheckDeclaration, Expectation, Program, TestDeclaration
from flowrules.model.value_text import format_value
from flowrules.plan.missing import MissingField


@frozen
class Failure:
    """An expectation that does not hold, or why a test could not be run; ``line`` is in the ruleset file."""

    line: int
    message: str


@frozen
class TestOutcome:
    """A test's outcome: it passed where there is no failure."""

    test: TestDeclaration
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation holds."""
        return not self.failures


def run_test(test: TestDeclaration) -> TestOutcome:
    """Run one test; what goes wrong with its flows is a failure of the test."""
    try:
        text = test.flows if test.flows_file is None else Path(test.flows_file).read_text(encoding="utf-8")
        flows = parse_flow_text(text)
        earlier = _earlier(test)
        results = run(_asking(test), [flows.source()], conf=flows.conf, threads=1, previous=earlier)
    except FlowTextError as error:
        start = test.flows_span.line if test.flows_span and test.flows_file is None else 1
        return TestOutcome(test, (Failure(start + error.line - 1, f"flows: {error.message}"),))
    except OSError as error:
        return TestOutcome(
            test, (Failure(_line(test), f"flows: {test.flows_file}: {(error.strerror or '').lower()}"),)
        )
    except MissingField as error:
        return TestOutcome(test, (Failure(_line(test), str(error)),))
    world = Found(
        test.program,
        dict(results.sets),
        dict(results.tables),
        dict(results.profiles),
        dict(results.totals),
        earlier,
    )
    failures = [f for e in test.expectations if (f := _failure(e, world, results)) is not None]
    return TestOutcome(test, tuple(failures))


def _line(test: TestDeclaration) -> int:
    return test.span.line if test.span else 0


def _asking(test: TestDeclaration) -> Program:
    """The program with the expectations as checks, so that the run works out the totals that they name."""
    checks = {
        f"{test.ruleset}:expect {number}": CheckDeclaration(
            name=f"{test.ruleset}:expect {number}", severity="info", condition=e.condition, span=e.span
        )
        for number, e in enumerate(test.expectations)
        if e.condition is not None
    }
    return evolve(test.program, checks={**test.program.checks, **checks})


def _earlier(test: TestDeclaration) -> Earlier | None:
    """The ``previous`` sets of a test as earlier results."""
    if not test.previous:
        return None
    world = Found(test.program)
    sets: dict[str, SetResult] = {}
    for name, expression in test.previous.items():
        found = world.set_of(expression)
        assert found is not None
        sets[name] = found
    return Earlier(sets, {})


def _failure(expectation: Expectation, world: Found, results: Results) -> Failure | None:
    line = expectation.span.line if expectation.span else 0
    if expectation.set_left is not None and expectation.set_right is not None:
        return _set_failure(expectation, world, line)
    assert expectation.condition is not None
    scope = Scope(1, world)
    code = int(truth(expectation.condition, scope)[0])
    if code == TRUE:
        return None
    state = "is unknown" if code == UNKNOWN else "does not hold"
    written = expectation.text or expression_text(expectation.condition)
    seen = _seen(expectation.condition, scope)
    return Failure(line, f"expect {written}: {state}" + (f" ({seen})" if seen else ""))


def _seen(condition: ex.Expression, scope: Scope) -> str:
    """The values on the left side of comparisons."""
    shown: list[str] = []
    for node in condition.walk():
        if isinstance(node, ex.Compare):
            series = value(node.left, scope)
            shown.append(f"{expression_text(node.left)} is {format_value(series.type, series.scalar(0))}")
    return ", ".join(shown[:3])


def _set_failure(expectation: Expectation, world: Found, line: int) -> Failure | None:
    assert expectation.set_left is not None and expectation.set_right is not None
    found, wanted = world.set_of(expectation.set_left), world.set_of(expectation.set_right)
    if found is None or wanted is None:
        return Failure(line, f"expect {expectation.text}: is unknown (no earlier results)")
    left, right = _rows(found), _rows(wanted)
    if (left.keys() == right.keys()) != expectation.negated:
        return None
    if expectation.negated:
        return Failure(line, f"expect {expectation.text}: does not hold, both are the same")
    parts = []
    missing = [text for row, text in right.items() if row not in left]
    extra = [text for row, text in left.items() if row not in right]
    if missing:
        parts.append(f"missing {_few(missing)}")
    if extra:
        parts.append(f"unexpected {_few(extra)}")
    return Failure(line, f"expect {expectation.text}: {'; '.join(parts)}")


def _few(texts: list[str]) -> str:
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _rows(found: SetResult) -> Mapping[tuple[object, ...], str]:
    columns = members(found)
    frame = Frame({str(i): c for i, c in enumerate(columns)}, len(columns[0]) if columns else 0)
    rows: dict[tuple[object, ...], str] = {}
    for row in range(frame.rows):
        key = tuple(c.scalar(row) for c in columns)
        text = ", ".join(format_value(c.type, c.scalar(row)) for c in columns)
        rows[key] = text if len(columns) == 1 else f"({text})"
    return rows
