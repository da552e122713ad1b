"""One scan file by file: what a state holds of a file is taken, the rest is counted and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen

from flowrules.engine.aggregate import Grouping
from flowrules.engine.direction import DirectionRule
from flowrules.engine.facts import Facts
from flowrules.engine.grouped import Grouped
from flowrules.engine.key_codes import Coders
from flowrules.engine.scan import Progress, Scanned, scan
from flowrules.engine.state.digests import Undigestible, digest, grouping_digest
from flowrules.engine.state.folder import KnownFile, State
from flowrules.engine.state.merging import Merging
from flowrules.engine.state.part_file import Damaged, Writer, groups_header, groups_of
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.task import Task
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.sources import FlowSources
from flowrules.flows.table import FlowSource
from flowrules.model.program import Program
from flowrules.plan.plan import GroupingPlan

FORM: Final = 1
"""The form of what is kept: raised with every change of what a part means."""

_NUMBERS: Final = ("records", "first_start", "last_start", "first_end", "last_end", "timed")


@frozen(eq=False)
class KeptScan:
    """How the scans of one run use a state."""

    state: State
    program: Program
    sources: Sequence[FlowSource]
    around: Surroundings
    context: str

    @classmethod
    def of(
        cls,
        state: State,
        program: Program,
        sources: Sequence[FlowSource],
        around: Surroundings,
        rule: DirectionRule,
    ) -> KeptScan | None:
        """The scans of a run; ``None`` where what decides its meaning has no digest."""
        try:
            internal = None if rule.by_types else program.internal
            site = (rule.by, internal, program.internal is None, dict(program.assume))
            context = digest(*_version(), *site, evolve(around.conf, path=None))
        except Undigestible:
            return None
        return cls(state, program, sources, around, context)

    def digests(self, planned: Sequence[GroupingPlan]) -> list[str | None]:
        """The digest of each grouping; ``None`` where it asks for what other files decide."""
        return [grouping_digest(p, self.context, self.program.maps) for p in planned]

    def scan(
        self,
        planned: Sequence[GroupingPlan],
        digests: Sequence[str],
        fields: frozenset[str],
        facts: bool,
        make_task: Callable[[Sequence[int], bool], Task],
        threads: int,
        rows: int | None,
        progress: Progress | None,
    ) -> Scanned:
        """The groups of each grouping over all sources, and the facts of these if they are asked for.

        ``make_task`` gives the task of counting some of the groupings (by place), with the facts or without.
        """
        merging = [Merging() for _ in planned]
        whole = Facts()
        records = []
        done = 0
        for source in self.sources:
            told = None if progress is None else _from(progress, done)
            groups, own = self._source(
                source, planned, digests, fields, facts, make_task, threads, rows, told
            )
            for merged, found in zip(merging, groups, strict=True):
                merged.add(found)
            whole.merge(own)
            records.append(own.records)
            done += own.records
            if progress is not None:
                progress(done)
        return Scanned([m.whole() for m in merging], [], [], whole, records)

    def _source(
        self,
        source: FlowSource,
        planned: Sequence[GroupingPlan],
        digests: Sequence[str],
        fields: frozenset[str],
        facts: bool,
        make_task: Callable[[Sequence[int], bool], Task],
        threads: int,
        rows: int | None,
        progress: Progress | None,
    ) -> tuple[list[Grouped], Facts]:
        file = self.state.file_of(source, self.sources)
        shape = (source.format, sorted(source.fields))
        names = [digest(d, *shape) for d in digests]
        of_facts = digest("facts", self.context, *shape, sorted(fields & _TOLD))
        held: list[Grouped | None] = [
            None if file is None else self._groups(file, name, p)
            for name, p in zip(names, planned, strict=True)
        ]
        own = None if file is None or not facts else self._facts(file, of_facts)
        missing = [place for place, groups in enumerate(held) if groups is None]
        self.state.read += len(held) - len(missing)
        self.state.counted += len(missing)
        if missing or (facts and own is None):
            task = make_task(missing, facts and own is None)
            found = scan(task, [source], self.around, threads=threads, rows=rows, progress=progress)
            keep = file is not None and not _skipped(self.sources, source)
            for place, groups in zip(missing, found.groups, strict=True):
                held[place] = groups
                if file is not None and keep:
                    self._keep_groups(file, names[place], groups)
            if facts and own is None:
                own = found.facts
                if file is not None and keep:
                    self._keep_facts(file, of_facts, own)
        return [g for g in held if g is not None], Facts() if own is None else own

    # ---- parts

    def _groups(self, file: KnownFile, name: str, planned: GroupingPlan) -> Grouped | None:
        reader = self.state.load(file, name)
        if reader is None:
            return None
        # the parts of a grouping are more than the plan's where flows are spread
        aggregates = Grouping(
            planned.keys, planned.inside, planned.aggregates, Coders(self.around)
        ).aggregates
        try:
            return groups_of(reader.header["groups"], reader, planned.keys, aggregates)
        except (Damaged, KeyError, IndexError, ValueError, TypeError) as damage:
            self.state.damaged(file, name, str(damage))
            return None

    def _keep_groups(self, file: KnownFile, name: str, groups: Grouped) -> None:
        writer = Writer()
        try:
            header = {"groups": groups_header(groups, writer)}
        except TypeError:
            return
        self.state.keep(file, name, writer, header)

    def _facts(self, file: KnownFile, name: str) -> Facts | None:
        reader = self.state.load(file, name)
        if reader is None:
            return None
        try:
            numbers: dict[str, Any] = {n: reader.header[n] for n in _NUMBERS}
            return Facts(**numbers, directions=np.array(reader.header["directions"], np.int64))
        except (KeyError, ValueError, TypeError) as damage:
            self.state.damaged(file, name, str(damage))
            return None

    def _keep_facts(self, file: KnownFile, name: str, facts: Facts) -> None:
        header: dict[str, Any] = {n: getattr(facts, n) for n in _NUMBERS}
        self.state.keep(file, name, Writer(), {**header, "directions": facts.directions.tolist()})


_TOLD: Final = frozenset({"stime", "duration", "type", "sip", "dip"})
"""The fields that facts are told from, where a scan reads them."""


def types_within(state: State, sources: Sequence[FlowSource], conf: SilkConf) -> Mapping[int, list[int]]:
    """The first two different types of each source with types, by its place; from the state where it knows."""
    out: dict[int, list[int]] = {}
    met: set[int] = set()
    for place, source in enumerate(sources):
        if "type" not in source.fields:
            continue
        file = state.file_of(source, sources)
        name = digest("types", *_version(), source.format, evolve(conf, path=None))
        reader = None if file is None else state.load(file, name)
        types = None if reader is None else reader.header.get("types")
        if not isinstance(types, list):
            types = _first_types(source)
            if file is not None and not _skipped(sources, source):
                state.keep(file, name, Writer(), {"types": types})
        out[place] = types
        met.update(types)
        if len(met) > 1:
            break
    return out


def _first_types(source: FlowSource) -> list[int]:
    met: list[int] = []
    for chunk in source.chunks(frozenset({"type"})):
        counts = np.bincount(chunk["type"], minlength=256)
        met = sorted({*met, *np.flatnonzero(counts).tolist()})
        if len(met) > 1:
            break
    return met[:2]


def _version() -> tuple[str, int]:
    from flowrules import __version__

    return __version__, FORM


def _skipped(sources: Sequence[FlowSource], source: FlowSource) -> bool:
    """Whether a source turned out to be damaged: the next run has to say so again."""
    return isinstance(sources, FlowSources) and any(s.path == source.path for s in sources.skipped)


def _from(progress: Progress, done: int) -> Progress:
    return lambda more: progress(done + more)
