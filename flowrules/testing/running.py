"""Running the tests of rulesets: their flows through the engine, their expectations against the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

from attrs import evolve, frozen

from flowrules.engine.conditions import TRUE, UNKNOWN, Scope, truth, value
from flowrules.engine.errors import LimitExceeded, SumOverflow
from flowrules.engine.results import Frame, Results, Scalar, SetResult
from flowrules.engine.run import run
from flowrules.engine.set_algebra import members
from flowrules.engine.world import Earlier, Found
from flowrules.flows.byte_source import unreadable
from flowrules.flows.errors import FlowFileError
from flowrules.flows.flow_text import FlowText, FlowTextError, parse_flow_text
from flowrules.flows.sources import FlowSources, open_sources
from flowrules.flows.table import FlowSource
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.model.program import CheckDeclaration, Expectation, Program, TestDeclaration
from flowrules.model.resources import real_path
from flowrules.model.value_text import format_value
from flowrules.plan.missing import MissingField
from flowrules.profile.build import host_scope
from flowrules.profile.entries import cell_text, entry_rows


@frozen
class Failure:
    """An expectation that does not hold, or why a test could not be run, and where that stands."""

    path: str
    line: int
    message: str


@frozen(eq=False)
class Outcome:
    """What came of a test: it passed where there is no failure.

    A test that is marked ``@todo`` and fails, or has nothing to run, is no failure of the rules.
    """

    test: TestDeclaration
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every expectation holds; a test without any does not pass."""
        return not self.failures and bool(self.test.expectations)

    @property
    def state(self) -> str:
        """``passed``, ``failed``, ``todo`` (as its author says), or ``done``: marked todo, and it passes."""
        if self.test.todo is None:
            return "passed" if self.passed else "failed"
        return "done" if self.passed else "todo"


@frozen(eq=False)
class Run:
    """A test's results, for whoever looks further into them: what was found, of which flows."""

    flows: FlowText | FlowSources
    results: Results
    world: Found

    @property
    def sources(self) -> Sequence[FlowSource]:
        """The flows as sources that can be read again."""
        return [self.flows.source()] if isinstance(self.flows, FlowText) else self.flows


class TestProblem(Exception):
    """Why a test could not be run: its flows cannot be read, or lack what the rules need."""

    __test__ = False

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(path, line, message)


def run_test(test: TestDeclaration) -> Outcome:
    """Run one test; what goes wrong with its flows is a failure of the test."""
    begin = perf_counter()
    if test.todo is not None and not test.expectations:
        return Outcome(test)
    try:
        failures = failures_of(test, results_of(test))
    except TestProblem as problem:
        failures = (problem.failure,)
    return Outcome(test, failures, perf_counter() - begin)


def results_of(test: TestDeclaration, flows: FlowText | FlowSources | None = None) -> Run:
    """Put the flows of a test through its rules; raises ``TestProblem``.  ``flows``: read before."""
    path, line = _place(test)
    if flows is None:
        flows = flows_of(test)
    try:
        earlier = _earlier(test)
        sources = [flows.source()] if isinstance(flows, FlowText) else flows
        program = _asking(test)
        wanted = tuple(program.rulesets)
        results = run(program, sources, conf=flows.conf, threads=1, previous=earlier, wanted=wanted)
    except FlowFileError as error:
        raise TestProblem(error.path, error.line or 1, f"flows: {error.reason}") from None
    except (MissingField, LimitExceeded, SumOverflow) as error:
        raise TestProblem(path, line, str(error)) from None
    world = Found(
        test.program,
        dict(results.sets),
        dict(results.tables),
        dict(results.profiles),
        dict(results.totals),
        earlier,
    )
    world.cells = partial(_cell, results, world)
    return Run(flows, results, world)


def _cell(results: Results, world: Found, profile: str, column: str, keys: tuple[Scalar, ...]) -> str | None:
    """A cell of a host's entry; of several entries each different text once, in their order."""
    declared, result = world.program.profiles[profile], results.profiles[profile]
    rows = entry_rows(declared, results, host_scope(declared, result, world))
    width = len(declared.parts)
    wanted = [
        row
        for row in rows
        if row.host == keys[:width] and (len(keys) == width or row.protocol == keys[width])
    ]
    texts = dict.fromkeys(cell_text(getattr(row, column)) for row in wanted)
    return "; ".join(texts) if texts else None


def failures_of(test: TestDeclaration, ran: Run) -> tuple[Failure, ...]:
    """The expectations of a test that do not hold."""
    failures = (_failure(e, test, ran.world) for e in test.expectations)
    return tuple(f for f in failures if f is not None)


def flows_of(test: TestDeclaration) -> FlowText | FlowSources:
    """The flows of a test: its table, or those of its file; raises ``TestProblem``.

    A file is a table of the same form, or anything else that flows are read from.
    """
    if test.flows_file is None:
        path = test.flows_span.path if test.flows_span else ""
        start = test.flows_span.line if test.flows_span else 1
        return _table(test.flows, path, start)
    file = real_path(test.flows_file)
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        path, line = _place(test)
        raise TestProblem(path, line, f"flows: {unreadable(test.flows_file, error)}") from None
    text = b"" if b"\0" in data else data
    first = next(
        (one for line in text.splitlines() if (one := line.strip()) and not one.startswith(b"#")), b""
    )
    if b"|" in first:
        return _table(data.decode("utf-8", "replace"), test.flows_file, 1)
    try:
        return open_sources([file])
    except FlowFileError as error:
        raise TestProblem(test.flows_file, error.line or 1, f"flows: {error.reason}") from None


def _table(text: str, path: str, start: int) -> FlowText:
    try:
        return parse_flow_text(text)
    except FlowTextError as error:
        hint = f" (hint: {error.hint})" if error.hint else ""
        raise TestProblem(path, start + error.line - 1, f"flows: {error.message}{hint}") from None


def _place(test: TestDeclaration) -> tuple[str, int]:
    return (test.span.path, test.span.line) if test.span else ("", 0)


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


def _failure(expectation: Expectation, test: TestDeclaration, world: Found) -> Failure | None:
    path, line = (
        (expectation.span.path, expectation.span.line) if expectation.span is not None else _place(test)
    )
    if expectation.set_left is not None and expectation.set_right is not None:
        message = _set_failure(expectation, world)
        return None if message is None else Failure(path, line, message)
    assert expectation.condition is not None
    scope = Scope(1, world)
    code = int(truth(expectation.condition, scope)[0])
    if code == TRUE:
        return None
    state = "is unknown" if code == UNKNOWN else "does not hold"
    written = expectation.text or expression_text(expectation.condition)
    seen = _seen(expectation.condition, scope)
    return Failure(path, line, f"expect {written}: {state}" + (f" ({seen})" if seen else ""))


def _seen(condition: ex.Expression, scope: Scope) -> str:
    """The values on the left side of comparisons."""
    shown: list[str] = []
    for node in condition.walk():
        if isinstance(node, ex.Compare):
            series = value(node.left, scope)
            shown.append(f"{expression_text(node.left)} is {format_value(series.type, series.scalar(0))}")
    return ", ".join(shown[:3])


def _set_failure(expectation: Expectation, world: Found) -> str | None:
    assert expectation.set_left is not None and expectation.set_right is not None
    found, wanted = world.set_of(expectation.set_left), world.set_of(expectation.set_right)
    if found is None or wanted is None:
        return f"expect {expectation.text}: is unknown (no earlier results)"
    left, right = _rows(found), _rows(wanted)
    if (left.keys() == right.keys()) != expectation.negated:
        return None
    if expectation.negated:
        return f"expect {expectation.text}: does not hold, both are the same"
    parts = []
    instead = _verdicts(expectation.set_left, world)
    missing = [
        f"{text} ({instead[row]})" if row in instead else text
        for row, text in right.items()
        if row not in left
    ]
    extra = [text for row, text in left.items() if row not in right]
    if missing:
        parts.append(f"missing {_few(missing)}")
    if extra:
        parts.append(f"unexpected {_few(extra)}")
    return f"expect {expectation.text}: {'; '.join(parts)}"


def _verdicts(expression: ex.SetExpression, world: Found) -> Mapping[tuple[object, ...], str]:
    """The verdicts that hosts got, where hosts with a verdict are expected."""
    if not isinstance(expression, ex.HostsOf) or expression.previous:
        return {}
    frame = world.rows_of(expression.profile, False)
    if frame is None:
        return {}
    keys = [frame[k] for k in frame.keys]
    verdicts = frame["verdict"]
    return {
        tuple(k.scalar(row) for k in keys): f"its verdict is {verdicts.scalar(row)}"
        for row in range(frame.rows)
    }


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
