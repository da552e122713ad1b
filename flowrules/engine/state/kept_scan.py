"""One scan with a state: what is held of files, one or several together, is taken; the rest is counted and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
from attrs import define, evolve, field, frozen

from flowrules.engine.aggregate import Grouping
from flowrules.engine.direction import DirectionRule
from flowrules.engine.facts import Facts
from flowrules.engine.grouped import Grouped
from flowrules.engine.key_codes import Coders
from flowrules.engine.merging import Merging, merged, size_of
from flowrules.engine.scan import Progress, Scanned
from flowrules.engine.stage import Executor, Stage
from flowrules.engine.state.cover import FEW, bundles, cover
from flowrules.engine.state.digests import Undigestible, digest, grouping_digests
from flowrules.engine.state.folder import Keep, State, version
from flowrules.engine.state.node import Node
from flowrules.engine.state.part_file import Damaged, Reader, Writer, groups_header, groups_of
from flowrules.engine.state.pieces import Piece, is_skipped, pieces_of
from flowrules.engine.surroundings import Surroundings
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.sources import FlowSources
from flowrules.flows.table import FlowSource
from flowrules.model.program import Program
from flowrules.plan.plan import GroupingPlan

_NUMBERS: Final = ("records", "first_start", "last_start", "first_end", "last_end", "timed")
_TOLD: Final = frozenset({"stime", "duration", "type", "sip", "dip"})
"""The fields that facts are told from, where a scan reads them."""

_SMALL: Final = 8
"""What has fewer than this part of the groups of the others is added to them in each run, and not kept with them."""

MakeStage = Callable[[Sequence[int], bool], Stage]
"""The stage of counting some of the groupings (by place), with the facts or without."""


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
            context = digest(version(), *site, evolve(around.conf, path=None))
        except Undigestible:
            return None
        return cls(state, program, sources, around, context)

    def alone(self, sources: Sequence[FlowSource]) -> Sequence[FlowSource]:
        """Some sources, whose damage is noted where that of all is."""
        return self.sources.of(sources) if isinstance(self.sources, FlowSources) else sources

    def digests(self, planned: Sequence[GroupingPlan]) -> list[str | None]:
        """The digest of each grouping; ``None`` where it asks for what other files decide."""
        return grouping_digests(planned, self.context, self.program.maps)

    def scan(
        self,
        planned: Sequence[GroupingPlan],
        digests: Sequence[str],
        fields: frozenset[str],
        facts: bool,
        make_stage: MakeStage,
        executor: Executor,
        progress: Progress | None,
    ) -> Scanned:
        """The groups of each grouping over all sources, and the facts of these if they are asked for."""

        told = digest("facts", self.context, sorted(fields & _TOLD))
        one = _Scan(self, planned, digests, told if facts else "", make_stage, executor, progress)
        one.pieces = pieces_of(self.state, self.sources, fields)
        one.go()
        groups = [one.found[name] for name in digests]
        return Scanned(groups, [], [], one.facts, one.records() if facts else [])


@define(eq=False)
class _Scan:
    """What is known so far of the parts of one scan; parts are named by the digests of groupings."""

    by: KeptScan
    planned: Sequence[GroupingPlan]
    digests: Sequence[str]
    told: str
    """The name of the facts; empty where they are not asked for."""
    make_stage: MakeStage
    executor: Executor
    progress: Progress | None
    pieces: Sequence[Piece] = ()
    facts: Facts = field(factory=Facts)
    found: dict[str, Grouped] = field(factory=dict)
    done: int = 0
    _kept: dict[str, Merging] = field(factory=dict)
    """Counted in this run, and kept."""
    _counted: dict[str, Counter[str]] = field(factory=dict)
    """The files that these are of, with how often."""
    _loose: dict[str, Merging] = field(factory=dict)
    """Counted in this run, of what cannot be kept: it is known by no name, or turned out to be damaged."""
    _records: dict[str, int] = field(factory=dict)
    """How many records the files have, by name."""
    _own_records: dict[int, int] = field(factory=dict)
    """How many records those pieces have that cannot be kept, by place."""
    _own_facts: list[Facts] = field(factory=list)
    _counted_facts: Facts = field(factory=Facts)
    _kept_wholes: bool = False

    @property
    def state(self) -> State:
        return self.by.state

    def go(self) -> None:
        """Find the groups of all names: what is held and what is counted, until nothing is damaged."""
        todo = [*self.digests, *([self.told] if self.told else [])]
        todo = list(dict.fromkeys(todo))
        self.state.ask([*todo, *(p.leaf for p in self.pieces if p.leaf)])
        while todo:
            merged = sorted(self.state.merged(), key=lambda node: -len(node.leaves))
            covered = {name: cover(self._leaves(), merged, name) for name in todo}
            held = {name: self._leaf_nodes(left, name) for name, (_, left) in covered.items()}
            self._count_all({name: missing for name, (_, missing) in held.items()})
            todo = self._put_together({n: [*covered[n][0], *held[n][0]] for n in todo})
        if self.progress is not None:
            self.progress(sum(self.records()) if self.told else self.done)

    def records(self) -> list[int]:
        """How many records each source has."""
        out = [0] * len(self.by.sources)
        for place, piece in enumerate(self.pieces):
            own = self._own_records.get(place)
            out[piece.place] += self._records.get(piece.leaf or "", 0) if own is None else own
        return out

    def _leaves(self) -> list[str]:
        """The names of all files that are kept, copies too."""
        return [p.leaf for place, p in enumerate(self.pieces) if p.leaf and place not in self._own_records]

    def _leaf_nodes(self, left: Counter[str], name: str) -> tuple[list[Node], Counter[str]]:
        """The nodes of single files that hold a part (copies: several times), and the files that do not."""
        nodes: list[Node] = []
        missing: Counter[str] = Counter()
        for leaf, times in left.items():
            node = self.state.leaf(leaf)
            if node.has(name):
                nodes += [node] * times
            else:
                missing[leaf] = times
        return nodes, missing

    # ---- counting

    def _count_all(self, missing: Mapping[str, Counter[str]]) -> None:
        """Count what is missing, each file once for all parts that lack it."""
        self._kept, self._counted_facts = {}, Facts()
        self._counted = {name: Counter() for name in missing}
        wanted: dict[tuple[str, ...], list[int]] = {}
        met: set[str] = set()
        for place, piece in enumerate(self.pieces):
            if place in self._own_records or piece.leaf in met:
                continue
            if piece.leaf is None:
                lacking = tuple(missing)
            else:
                met.add(piece.leaf)
                lacking = tuple(name for name, leaves in missing.items() if leaves[piece.leaf])
            if lacking:
                wanted.setdefault(lacking, []).append(place)
        for names, places in wanted.items():
            most = self.executor.files_at_once
            for start in range(0, len(places), most):
                self._count(names, places[start : start + most], missing)

    def _count(
        self, names: Sequence[str], places: Sequence[int], missing: Mapping[str, Counter[str]]
    ) -> None:
        """Count parts of some files, and keep them."""
        own = {name: place for place, name in enumerate(self.digests)}
        groupings = [n for n in names if n != self.told]
        stage = self.make_stage([own[n] for n in groupings], self.told in names)
        left = list(places)
        while left:
            begin, progress = self.done, self.progress
            told = None if progress is None else (lambda n, b=begin, p=progress: p(b + n))
            some, left = left, []
            founds = self.executor.each(stage, self.by.alone([self.pieces[p].source for p in some]), told)
            for place, found in zip(some, founds, strict=True):
                piece = self.pieces[place]
                self.done += found.facts.records
                self.state.counted += len(groupings)
                if piece.leaf is None:
                    self._loosen(place, names, found)
                elif piece.unchanged() and not is_skipped(self.by.sources, piece):
                    self._keep_leaf(piece.leaf, names, found, missing)
                else:
                    self._loosen(place, names, found)
                    copies = [p for p, one in enumerate(self.pieces) if one.leaf == piece.leaf]
                    left += [p for p in copies if p not in self._own_records]
                    for name in names:
                        missing[name][piece.leaf] -= 1

    def _loosen(self, place: int, names: Sequence[str], found: Scanned) -> None:
        """Take what was counted of a piece for this run alone."""
        self._own_records[place] = found.facts.records
        for name, groups in zip((n for n in names if n != self.told), found.groups, strict=True):
            self._loose.setdefault(name, Merging()).add(groups)
        if self.told in names:
            self._own_facts.append(found.facts)

    def _keep_leaf(
        self, leaf: str, names: Sequence[str], found: Scanned, missing: Mapping[str, Counter[str]]
    ) -> None:
        """Keep what was counted of a file, and take it for each of its copies."""
        with self.state.keeping(self.state.leaf(leaf), names) as keep:
            for name, groups in zip((n for n in names if n != self.told), found.groups, strict=True):
                _keep_groups(keep, name, groups)
                for _ in range(missing[name][leaf]):
                    self._kept.setdefault(name, Merging()).add(groups)
            if self.told in names:
                self._records[leaf] = found.facts.records
                _keep_facts(keep, self.told, found.facts, {leaf: found.facts.records})
                for _ in range(missing[self.told][leaf]):
                    self._counted_facts.merge(found.facts)
        for name in names:
            self._counted[name][leaf] = missing[name][leaf]

    # ---- putting together

    def _put_together(self, chosen: Mapping[str, list[Node]]) -> list[str]:
        """Add up what is held and what was counted, keep the sums, and name the parts that turned out damaged."""
        leaves = self._leaves()
        whole = self.state.together(leaves) if len(leaves) > 1 else None
        again = []
        lacking = []
        if whole is not None:
            times = Counter(leaves)
            lacking = [
                n for n, nodes in chosen.items() if nodes != [whole] and self._made_of(n, nodes) == times
            ]
        places = {leaf: place for place, leaf in reversed(list(enumerate(leaves)))}
        runs = {n: bundles(nodes, places) if len(nodes) > FEW else [] for n, nodes in chosen.items()}
        with ExitStack() as stack:
            keeps: dict[str, Keep] = {}
            if whole is not None:
                keeps[whole.folder.name] = stack.enter_context(self.state.keeping(whole, lacking, whole=True))
            for bundle, names in _bundled(self.state, runs):
                keeps.setdefault(bundle.folder.name, stack.enter_context(self.state.keeping(bundle, names)))
            for name, nodes in chosen.items():
                keep = keeps[whole.folder.name] if whole is not None and name in lacking else None
                ready = (
                    self._facts(nodes, runs[name], keep, keeps)
                    if name == self.told
                    else self._groups(name, nodes, runs[name], keep, keeps)
                )
                if not ready:
                    again.append(name)
        if whole is not None and lacking:
            self.state.forget_wholes()
        return again

    def _made_of(self, name: str, nodes: Sequence[Node]) -> Counter[str]:
        """The files that a part of all is put together from, with how often."""
        made_of = Counter(self._counted[name])
        for node in nodes:
            made_of.update(node.times)
        return made_of

    def _groups(
        self,
        name: str,
        nodes: Sequence[Node],
        runs: Sequence[Sequence[Node]],
        keep: Keep | None,
        keeps: Mapping[str, Keep],
    ) -> bool:
        """The groups of a name over all pieces; false where a part is damaged."""
        held: dict[int, Grouped] = {}
        for node in nodes:
            groups = held.get(id(node)) or self._load(name, node)
            if groups is None:
                return False
            held[id(node)] = groups
        self.state.read += len(held)
        merging = Merging()
        bundled: Counter[int] = Counter()
        for run in runs:
            groups = merged([held[id(node)] for node in run])
            bundled.update(id(node) for node in run)
            bundle = self.state.together([leaf for node in run for leaf in node.leaves])
            _keep_groups(keeps[bundle.folder.name], name, groups)
            merging.add(groups)
        for node in nodes:
            if bundled[id(node)]:
                bundled[id(node)] -= 1
            else:
                merging.add(held[id(node)])
        if name in self._kept:
            merging.add(self._kept[name].whole())
        if keep is not None and self._is_worth_keeping(name, [size_of(held[id(node)]) for node in nodes]):
            _keep_groups(keep, name, merging.whole())
            self._kept_wholes = True
        if name in self._loose:
            merging.add(self._loose[name].whole())
        self.found[name] = merging.whole()
        return True

    def _is_worth_keeping(self, name: str, sizes: Sequence[int]) -> bool:
        """Whether what a part was put together from is so much that it had better not be done again.

        A day is a small share of what has very many groups: only after some days is all of it written anew.
        """
        counted = sum(self._counted[name].values())
        if not sizes:
            return counted > 1
        if counted:
            sizes = [*sizes, size_of(self._kept[name].whole())]
        return len(sizes) + counted > FEW + 2 or _SMALL * (sum(sizes) - max(sizes)) >= max(sizes)

    def _load(self, name: str, node: Node) -> Grouped | None:
        reader = node.load(name)
        if reader is None:
            return None
        planned = self.planned[self.digests.index(name)]
        # the parts of a grouping are more than the plan's where flows are spread
        aggregates = Grouping(
            planned.keys, planned.inside, planned.aggregates, Coders(self.by.around)
        ).aggregates
        try:
            return groups_of(reader.header["groups"], reader, planned.keys, aggregates)
        except (Damaged, KeyError, IndexError, ValueError, TypeError) as damage:
            node.refuse(name, str(damage))
            return None

    def _facts(
        self,
        nodes: Sequence[Node],
        runs: Sequence[Sequence[Node]],
        keep: Keep | None,
        keeps: Mapping[str, Keep],
    ) -> bool:
        """The facts of all pieces; false where a part is damaged."""
        held: dict[int, tuple[Facts, dict[str, int]]] = {}
        for node in nodes:
            reader = node.load(self.told) if id(node) not in held else None
            try:
                if reader is not None:
                    held[id(node)] = _facts_of(reader)
                elif id(node) not in held:
                    return False
            except (KeyError, ValueError, TypeError, AttributeError) as damage:
                node.refuse(self.told, str(damage))
                return False
        for run in runs:
            bundle = self.state.together([leaf for node in run for leaf in node.leaves])
            _keep_facts(keeps[bundle.folder.name], self.told, *_added([held[id(node)] for node in run]))
        mine = {leaf: self._records[leaf] for leaf in self._counted[self.told]}
        self.facts, self._records = _added([(self._counted_facts, mine), *(held[id(node)] for node in nodes)])
        if keep is not None and (self._kept_wholes or not self.digests):
            _keep_facts(keep, self.told, self.facts, self._records)
        for own in self._own_facts:
            self.facts.merge(own)
        return True


def _bundled(state: State, runs: Mapping[str, list[list[Node]]]) -> list[tuple[Node, list[str]]]:
    """The nodes to be made of several, with the names of the parts that each gets."""
    out: dict[str, tuple[Node, list[str]]] = {}
    for name, bundles_ in runs.items():
        for run in bundles_:
            node = state.together([leaf for one in run for leaf in one.leaves])
            out.setdefault(node.folder.name, (node, []))[1].append(name)
    return list(out.values())


# ---- parts


def _keep_groups(keep: Keep, name: str, groups: Grouped) -> None:
    writer = Writer()
    try:
        header = {"groups": groups_header(groups, writer)}
    except TypeError:
        return
    keep(name, writer, header)


def _keep_facts(keep: Keep, name: str, facts: Facts, records: Mapping[str, int]) -> None:
    header: dict[str, Any] = {n: getattr(facts, n) for n in _NUMBERS}
    keep(name, Writer(), {**header, "directions": facts.directions.tolist(), "files": dict(records)})


def _facts_of(reader: Reader) -> tuple[Facts, dict[str, int]]:
    """Facts, and how many records the files have that they are of."""
    numbers: dict[str, Any] = {n: reader.header[n] for n in _NUMBERS}
    facts = Facts(**numbers, directions=np.array(reader.header["directions"], np.int64))
    return facts, {leaf: int(count) for leaf, count in reader.header["files"].items()}


def _added(held: Sequence[tuple[Facts, Mapping[str, int]]]) -> tuple[Facts, dict[str, int]]:
    facts = Facts()
    records: dict[str, int] = {}
    for one, own in held:
        facts.merge(one)
        records.update(own)
    return facts, records


# ---- types


def types_within(state: State, sources: Sequence[FlowSource], conf: SilkConf) -> Mapping[int, list[int]]:
    """The first two different types of each source with types, by its place; from the state where it knows."""
    out: dict[int, list[int]] = {}
    met: set[int] = set()
    name = digest("types", version(), evolve(conf, path=None))
    state.ask([name])
    for piece in pieces_of(state, sources, frozenset({"type"})):
        if "type" not in piece.source.fields:
            continue
        node = None if piece.leaf is None else state.leaf(piece.leaf)
        reader = None if node is None else node.load(name)
        types = None if reader is None else reader.header.get("types")
        if not isinstance(types, list):
            types = _first_types(piece.source)
            if node is not None and piece.unchanged() and not is_skipped(sources, piece):
                with state.keeping(node, [name]) as keep:
                    keep(name, Writer(), {"types": types})
        out[piece.place] = sorted({*out.get(piece.place, []), *types})[:2]
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
