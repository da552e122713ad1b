"""What pipelines of SiLK's tools need of the language: constants for unknown keys, bins of durations, ends of counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrules.check.bindings import Bindings
from flowrules.check.check import check
from flowrules.engine.results import Frame
from flowrules.engine.run import run
from flowrules.flows.sources import open_sources
from flowrules.flows.table import Chunk, FlowSource
from flowrules.model.source_text import SourceText

RICH = Path(__file__).parent.parent / "data" / "silk" / "rich.rw"


def frame(body: str) -> Frame:
    result = check(
        [SourceText("a.frules", f'ruleset a.b {{ title "x" }}\n{body}\n')], bindings=Bindings(), mode="run"
    )
    assert [d.message for d in result.diagnostics if d.is_error] == []
    assert result.program is not None
    sources = open_sources([str(RICH)])
    return run(result.program, sources, conf=sources.conf).tables["a.b:t"].frame


def test_an_unknown_key_is_one_group_with_the_constant() -> None:
    plain = frame("table t = flows of all per icmp_type")
    held = frame("table t = flows of all per known_or(icmp_type, 0) as kind")
    counts = {plain["icmp_type"].scalar(r): plain["flows"].scalar(r) for r in range(plain.rows)}
    found = {held["kind"].scalar(r): held["flows"].scalar(r) for r in range(held.rows)}
    assert counts[None] and counts[0]
    assert found.pop(0) == counts.pop(None) + counts.pop(0)
    assert found == counts


def test_durations_in_bins() -> None:
    held = frame("table t = flows, min(duration), max(duration) of all per bin(duration, 10min) as length")
    for row in range(held.rows):
        start = held["length"].scalar(row)
        assert start % 600_000 == 0
        assert start <= held["min_duration"].scalar(row) <= held["max_duration"].scalar(row) < start + 600_000


def test_counts_that_end() -> None:
    whole = frame("table t = flows of all per spread(1h, start) as date")
    cut = frame("table t = flows of all per spread(1h, start, until(2009-02-12T05:59:59.999Z)) as date")
    limit = 1_234_396_800_000 + 6 * 3_600_000
    early = [whole["flows"].scalar(r) for r in range(whole.rows) if whole["date"].scalar(r) < limit]
    assert [cut["flows"].scalar(r) for r in range(cut.rows)] == early


@pytest.mark.parametrize("part", ["5-9:0:1:2", "0:1:2:5-9"])
def test_a_pattern_of_eight_groups_with_a_range(part: str) -> None:
    result = check(
        [SourceText("a.frules", f'ruleset a.b {{ title "x" }}\nfilter f = sip in (2001:db8:a:3:{part})\n')],
        bindings=Bindings(),
        mode="run",
    )
    assert [d.message for d in result.diagnostics if d.is_error] == []


def test_a_range_of_two_addresses_is_no_pattern() -> None:
    body = "table t = flows of (sip in (2001:db8:0:0:0:0:0:1-2001:db8:0:0:0:0:0:5)) "
    assert frame(body).rows == 1


@pytest.mark.parametrize("rows", [7, None])
@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ("table t = flows of tcp per sport", False),
        ("table t = flows of (duration >= 1s) per sport", True),
        ("table t = flows, min(stime) of tcp per sport", True),
        ("table t = flows of all per bin(etime, 1h) as hour fill", True),
    ],
)
def test_times_of_all_flows_are_told_with_columns_and_without(
    body: str, columns: bool, rows: int | None
) -> None:
    (given,) = open_sources([str(RICH)])
    asked: set[str] = set()

    def read(fields: frozenset[str], count: int) -> Iterator[Chunk]:
        asked.update(fields)
        return given.chunks(fields, count)

    by_span = FlowSource("rich", "silk", given.fields, read, spans=True)
    by_columns = FlowSource("rich", "silk", given.fields, lambda fields, count: given.chunks(fields, count))
    result = check(
        [SourceText("a.frules", f'ruleset a.b {{ title "x" }}\n{body}\n')], bindings=Bindings(), mode="run"
    )
    assert result.program is not None
    first, second = (
        run(result.program, [source], threads=threads, rows=rows)
        for source, threads in ((by_span, 2), (by_columns, 1))
    )
    assert ("stime" in asked, "span" in asked) == (columns, not columns)
    assert (first.flows.first, first.flows.last) == (second.flows.first, second.flows.last)
    assert first.tables["a.b:t"].frame.rows == second.tables["a.b:t"].frame.rows
