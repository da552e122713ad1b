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
from flowrules.flows.table import Chunk, FlowSource
from flowrules.flows.text import record_lines
from flowrules.flows.text_fields import TEXT_FIELDS, parse_fields
from flowrules.model.program import Program
from flowrules.model.source_text import SourceText
from flowrules.share.parameter_files import ParameterFiles
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.translate.builder import RULESET, Translation
from flowrules.translate.errors import TranslationError
from flowrules.translate.outputs import Records
from flowrules.translate.present import delimiter_of, lines_of
from flowrules.translate.shell import pipelines
from flowrules.translate.switches import parse


def map_kind(path: str) -> str:
    """What a prefix map is asked by: ``address`` or ``port, protocol``."""
    return read_prefix_map(path).kind


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
    program = _program(translation)
    sources: Sequence[FlowSource] = ()
    if paths:
        opened = open_sources(paths, silk_config=silk_config)
        sources, conf = opened, opened.conf
    results = run(program, sources, conf=conf, threads=threads)
    if not translation.outputs:
        raise TranslationError(
            "", "", "the last tool prints nothing", "end with rwsetcat, rwuniq, rwstats, rwcut …"
        )
    for output in translation.outputs:
        if isinstance(output, Records):
            yield from _record_lines(output, program, results, sources, conf)
        else:
            yield from lines_of(output, results, RULESET, conf)


def _program(translation: Translation) -> Program:
    source = SourceText("pipeline.frules", translation.text)
    result = check([source], bindings=Bindings(), binder=ParameterFiles(), mode="run")
    if result.program is None or any(d.is_error for d in result.diagnostics):
        raise RulesetErrors(result.diagnostics, result.sources)
    return result.program


def _record_lines(
    output: Records, program: Program, results: Results, sources: Sequence[FlowSource], conf: SilkConf
) -> Iterator[str]:
    switches = output.switches
    if output.maps:
        raise switches.refuse(
            "fields", "fields of prefix maps cannot be printed of single records", "use rwuniq"
        )
    world = Found(
        program, dict(results.sets), dict(results.tables), dict(results.profiles), dict(results.totals)
    )
    name = "all" if output.filter == "all" else f"{RULESET}:{output.filter}"
    fields = tuple(TEXT_FIELDS.values()) if output.fields is None else parse_fields(",".join(output.fields))
    delimiter = delimiter_of(switches)
    style = _style(output)
    lines = _cut(output, select(program, name, sources, conf, world))
    if switches.tool == "rwcut" and not switches.has("no-titles"):
        yield delimiter.join(f.title for f in fields)
    for chunk in lines:
        yield from record_lines(chunk, fields, conf, style, delimiter)


def _style(output: Records) -> str:
    if output.switches.tool != "rwcut" or output.switches.has("epoch-time"):
        return "epoch"
    wanted = (output.switches.get("timestamp-format") or "default").split(",")[0]
    if wanted not in ("default", "iso", "epoch"):
        raise output.switches.refuse("timestamp-format", f"found {wanted!r}, expected default, iso or epoch")
    return wanted


def _cut(output: Records, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The records between ``--start-rec-num`` and ``--end-rec-num``, ``--num-recs`` of them at most."""

    def number(name: str, default: int) -> int:
        value = output.switches.get(name)
        if value is None:
            return default
        if not value.isdigit():
            raise output.switches.refuse(name, f"found {value!r}, expected a whole number")
        return int(value)

    if output.switches.has("tail-recs"):
        raise output.switches.refuse("tail-recs", "the last records cannot be said")
    first = max(number("start-rec-num", 1), 1) - 1
    last = number("end-rec-num", 1 << 62)
    limit = number("num-recs", 0)
    if limit:
        last = min(last, first + limit)
    seen = 0
    for chunk in chunks:
        start, stop = max(first - seen, 0), min(last - seen, chunk.rows)
        if start < stop:
            yield chunk.slice(start, stop)
        seen += chunk.rows
        if seen >= last:
            return
