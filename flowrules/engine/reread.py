"""Sources that can be read only once, kept in memory so that a plan of several scans can read them again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource
from flowrules.model.program import Program
from flowrules.plan.planner import make_plan


def rereadable(
    program: Program, sources: Sequence[FlowSource], wanted: Collection[str] | None
) -> Sequence[FlowSource]:
    """The sources, those that are read once (standard input) replaced by what they hold of the fields needed."""
    if not any(s.once for s in sources):
        return sources
    fields: set[str] = set()
    for by in ("types", "nets"):
        for planned in make_plan(program, wanted, None, by).scans:
            fields |= planned.fields
    return [_kept(s, frozenset(fields) & s.fields) if s.once else s for s in sources]


def _kept(source: FlowSource, fields: frozenset[str]) -> FlowSource:
    held = list(source.chunks(fields))

    def read(asked: frozenset[str] | None, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
        for chunk in held:
            for start in range(0, chunk.rows, rows):
                part = chunk.slice(start, min(start + rows, chunk.rows))
                columns = {n: c for n, c in part.columns.items() if asked is None or n in asked}
                yield Chunk(columns, part.rows, part.first, part.source)

    return FlowSource(
        source.path, source.format, source.fields, read, records=sum(c.rows for c in held), let_go=held.clear
    )
