"""Evaluating a translated pipeline: the ruleset as printed is checked and run, its results are printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flowrules.check.bindings import Bindings
from flowrules.check.check import check
from flowrules.engine.results import Results
from flowrules.engine.run import run
from flowrules.engine.select import select
from flowrules.engine.world import Found
from flowrules.flows.pmap import read_prefix_map
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.sources import open_sources
from flowrules.flows.table import FlowSource
from flowrules.model.program import Program
from flowrules.model.source_text import SourceText
from flowrules.share.parameter_files import ParameterFiles
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.translate.cells import delimiter_of, style_of
from flowrules.translate.cut import ALL_FIELDS, cell_lines, record_range, within
from flowrules.translate.errors import TranslationError
from flowrules.translate.outputs import Records
from flowrules.translate.present import lines_of
from flowrules.translate.shell import pipelines
from flowrules.translate.switches import parse
from flowrules.translate.translation import RULESET, Translation


def map_kind(path: str) -> str:
    """What a prefix map is asked by: ``address`` or ``port, protocol``."""
    return read_prefix_map(path).kind


def map_name(path: str) -> str:
    """The name within a prefix map's file, empty where it has none."""
    found = read_prefix_map(path).name
    # without a name of its own a map is called as its file is
    return "" if found == Path(path).name else found


def silk_paths(script: str) -> list[str]:
    """The files that a script names and that are there: where a silk.conf is looked for."""
    operands = [o for p in pipelines(script) for c in p.commands for o in parse(c).operands]
    return [o for o in operands if o not in ("-", "stdin") and Path(o).exists()]


def output_lines(
    translation: Translation,
    paths: Sequence[str],
    conf: SilkConf,
    silk_config: Path | None = None,
    threads: int | None = None,
) -> Iterator[str]:
    """What the pipelines would print, line by line, from the ruleset of the translation."""
    if not translation.outputs:
        raise TranslationError(
            "", "", "the last tool prints nothing", "end with rwsetcat, rwuniq, rwstats, rwcut …"
        )
    program = _program(translation)
    sources: Sequence[FlowSource] = ()
    if paths:
        opened = open_sources(paths, silk_config=silk_config)
        sources, conf = opened, opened.conf
    results = run(program, sources, conf=conf, threads=threads)
    for name, switches, switch in translation.unmixed:
        members = results.sets[f"{RULESET}:{name}"].addresses
        if members is not None and members.has_ipv6 and len(members.v4_first):
            raise switches.refuse(
                switch,
                "the set holds IPv4 and IPv6 addresses, of which the tool would take the bits as one kind",
                "split it by version first, with --ipv6-policy of rwset",
            )
    labels = {name.rpartition(":")[2]: table.labels for name, table in program.maps.items()}
    for output in translation.outputs:
        if isinstance(output, Records):
            yield from _record_lines(output, program, results, sources, conf)
        else:
            yield from lines_of(output, results, RULESET, conf, labels)


def _program(translation: Translation) -> Program:
    source = SourceText("pipeline.frules", translation.text + translation.asides)
    result = check([source], bindings=Bindings(), binder=ParameterFiles(), mode="run")
    if result.program is None or any(d.is_error for d in result.diagnostics):
        raise RulesetErrors(result.diagnostics, result.sources)
    return result.program


def _record_lines(
    output: Records, program: Program, results: Results, sources: Sequence[FlowSource], conf: SilkConf
) -> Iterator[str]:
    switches = output.switches
    world = Found(
        program, dict(results.sets), dict(results.tables), dict(results.profiles), dict(results.totals)
    )
    name = "all" if output.filter == "all" else f"{RULESET}:{output.filter}"
    cells = ALL_FIELDS if output.fields is None else output.fields
    delimiter = delimiter_of(switches)
    style = style_of(switches) if switches.tool == "rwcut" else "epoch"
    if switches.tool == "rwcut" and not switches.has("no-titles"):
        yield delimiter.join(c.title for c in cells)
    maps = {name.rpartition(":")[2]: table for name, table in program.maps.items()}
    for chunk in within(select(program, name, sources, conf, world), record_range(switches, output.most)):
        yield from cell_lines(chunk, cells, maps, conf, style, delimiter)
