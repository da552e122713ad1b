"""What a plan really took, as a document: ``flowrules explain plan --profile``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flowrules.engine.watch import ScanWatch, Step
from flowrules.model import expression as ex
from flowrules.model.expression_text import expression_text
from flowrules.plan.cost import cost, price
from flowrules.plan.explain import users_of
from flowrules.plan.plan import Plan
from flowrules.report.document import Block, Grid, Heading, Note

_LONGEST = 72


def profile_blocks(plan: Plan, scans: Sequence[ScanWatch]) -> Iterator[Block]:
    """Tables of what each scan did: its steps, columns, predicates and groups, with rows and CPU time.

    Times are of one thread, and count for the innermost step alone: what a predicate fetches is the column's.
    """
    for scan in scans:
        records = sum(n for _, n in scan.records)
        total = sum(step.nanoseconds for _, step in _steps_of(scan))
        yield Heading(1, f"scan {scan.number}, as it was")
        yield Note(
            f"{records:,} records in {scan.pieces:,} pieces, {_seconds(total)} s of CPU, {_each(total, records)} ns a record"
        )
        if scan.skips is not None and scan.skips.zones:
            yield Note(
                f"{scan.skips.skipped:,} of {scan.skips.zones:,} segments were not read, with {scan.skips.records:,} records: "
                "by their bounds nothing in them counts"
            )
        if len(scan.records) > 1:
            yield Heading(2, "sources")
            yield Grid(("source", "records"), [(p, f"{n:,}") for p, n in scan.records], (False, True))
        yield Heading(2, "steps")
        yield _steps(scan, total)
        if scan.columns:
            yield Heading(2, "columns fetched")
            yield _columns(scan)
        if scan.predicates:
            yield Heading(2, "predicates tested on rows")
            yield _predicates(scan)
        if scan.groups or scan.collections or scan.cells:
            yield Heading(2, "groups counted")
            yield _groups(plan, scan)


def _steps_of(scan: ScanWatch) -> list[tuple[str, Step]]:
    """The steps of a scan by kind."""
    return [
        ("reading and decoding", scan.reading),
        ("fetching columns", _sum(scan.columns.values())),
        ("testing predicates", _sum(scan.predicates.values())),
        ("counting by groups", _sum(scan.groups.values())),
        ("counting by cells", _sum(scan.cells.values())),
        ("collecting rows", _sum(scan.collections.values())),
        ("times and directions of all flows", scan.facts),
        ("what is between these", scan.rest),
        ("putting groups together", scan.finishing),
        ("sets, tables and verdicts", scan.working_out),
    ]


def _sum(steps: Iterable[Step]) -> Step:
    whole = Step()
    for step in steps:
        whole.times += step.times
        whole.rows += step.rows
        whole.nanoseconds += step.nanoseconds
    return whole


def _steps(scan: ScanWatch, total: int) -> Grid:
    rows = [
        (name, f"{step.times:,}", _seconds(step.nanoseconds), f"{step.nanoseconds / max(total, 1):.1%}")
        for name, step in _steps_of(scan)
        if step.times
    ]
    return Grid(("step", "times", "CPU s", "share"), rows, (False, True, True, True))


def _columns(scan: ScanWatch) -> Grid:
    rows = [
        (name, f"{step.rows:,}", f"{step.bytes:,}", _seconds(step.nanoseconds))
        for name, step in sorted(scan.columns.items())
    ]
    return Grid(("column", "rows", "bytes", "CPU s"), rows, (False, True, True, True))


def _predicates(scan: ScanWatch) -> Grid:
    rows = [
        (
            _text(predicate),
            f"{step.rows:,}",
            f"{step.passed:,}",
            f"{price(predicate):.2f}",
            _each(step.nanoseconds, step.rows),
            _seconds(step.nanoseconds),
            f"{step.always + step.never:,}",
        )
        for predicate, step in sorted(scan.predicates.items(), key=lambda pair: cost(pair[0]))
    ]
    columns = ("predicate", "rows", "passed", "estimated ns", "ns a row", "CPU s", "pieces told by bounds")
    return Grid(columns, rows, (False, True, True, True, True, True, True))


def _groups(plan: Plan, scan: ScanWatch) -> Grid:
    rows = []
    for place, step in sorted(scan.groups.items()):
        what = f"group {place + 1}"
        rows.append((what, step, ", ".join(users_of(plan, place))))
    for place, step in sorted(scan.collections.items()):
        users = dict.fromkeys(q.demand.owner for q in plan.queries.values() if q.collection == place)
        rows.append((f"rows {place + 1}", step, ", ".join(users)))
    for number, step in sorted(scan.cells.items()):
        rows.append((f"cells {number + 1}", step, "the groups that are counted by cells"))
    cells = [
        (
            name,
            f"{step.rows:,}" if step.times else "",
            f"{step.found:,}",
            _each(step.nanoseconds, step.rows),
            _seconds(step.nanoseconds) if step.times else "",
            users,
        )
        for name, step, users in rows
    ]
    columns = ("what", "rows", "found", "ns a row", "CPU s", "for")
    return Grid(columns, cells, (False, True, True, True, True, False))


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.3f}"


def _each(nanoseconds: int, rows: int) -> str:
    return f"{nanoseconds / rows:.2f}" if rows else ""


def _text(expression: ex.Expression) -> str:
    text = expression_text(expression)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
