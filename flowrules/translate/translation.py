"""From pipelines to a ruleset: what each tool declares, and what the last one would print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from flowrules.flows.silk_conf import SilkConf
from flowrules.model.source_text import SourceText
from flowrules.syntax.formatting.formatter import format_source
from flowrules.translate import aggregate
from flowrules.translate.bags import Bag, bag_files, cover_text, inverted, limited
from flowrules.translate.builder import STDIN, STDOUT, Builder, Flows, SetOf, Stream, filter_text, stem
from flowrules.translate.cut import record_fields
from flowrules.translate.errors import TranslationError
from flowrules.translate.outputs import BagText, Output, Records, SetText, Statistics
from flowrules.translate.rwfilter import predicates
from flowrules.translate.shell import Pipeline, pipelines
from flowrules.translate.switches import Switches, parse

RULESET: Final = "silk.pipeline"
"""The name of the ruleset that a translation makes."""


@frozen
class Translation:
    """A ruleset and what its pipelines would print."""

    text: str
    outputs: tuple[Output, ...]
    inputs: tuple[str, ...]
    """The flow files that the pipelines read; ``-`` is standard input."""
    asides: str = ""
    """Declarations that only the form of what is printed depends on; no part of the ruleset."""
    unmixed: tuple[tuple[str, Switches, str], ...] = ()
    """Sets of the asides that may not hold addresses of both versions, with the switch that may not meet them."""


def translate(
    script: str,
    conf: SilkConf,
    map_kind: Callable[[str], str],
    map_name: Callable[[str], str] = lambda path: "",
) -> Translation:
    """Translate a pipeline, or a script of pipelines joined by files; raises ``TranslationError``.

    ``map_kind`` and ``map_name`` say of a prefix map's path what it is asked by and what it calls itself.
    """
    builder = Builder(conf, map_kind, map_name)
    found = pipelines(script)
    parts: list[str] = []
    for pipeline in found:
        before = len(builder.lines)
        _pipeline(builder, pipeline)
        parts += ["", *(f"# {line}" for line in _wrapped(pipeline.text)), *builder.lines[before:]]
    title = "A SiLK pipeline" if len(found) == 1 else "SiLK pipelines"
    text = "\n".join([f'ruleset {RULESET} {{ title "{title}" }}', *parts]) + "\n"
    return Translation(
        format_source(SourceText("pipeline.frules", text)),
        tuple(builder.outputs),
        builder.inputs or (),
        "".join(f"{line}\n" for line in builder.asides),
        tuple(builder.unmixed),
    )


def _wrapped(text: str) -> list[str]:
    return [
        " ".join(part.split()) + (" |" if i < text.count("|") else "")
        for i, part in enumerate(text.split("|"))
    ]


def _pipeline(builder: Builder, pipeline: Pipeline) -> None:
    stream: Stream | None = None
    last = len(pipeline.commands) - 1
    for number, command in enumerate(pipeline.commands):
        switches = parse(command)
        if stream is None and number > 0:
            raise TranslationError(command.tool, "", "the tool before it sends nothing down the pipe")
        stream = _STEPS[command.tool](builder, switches, stream, number == last)


def _rwfilter(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    conditions = predicates(switches, builder.context(switches))
    if source != "all":
        conditions.insert(0, source)
    passed = source
    if conditions and conditions != [source]:
        passed = builder.name("selected")
        builder.declare(filter_text(passed, conditions))
    destinations = {"pass": passed, "all": source}
    if switches.has("fail-destination"):
        failed = builder.name("failed")
        rest = [f"not {passed}"] if source == "all" else [source, f"not {passed}"]
        builder.declare(filter_text(failed, rest))
        destinations["fail"] = failed
    down = _destinations(builder, switches, destinations)
    _filter_statistics(builder, switches, source, passed, down is not None)
    if down is not None and last:
        builder.outputs.append(Records(down.filter, None, switches, most=down.most))
    return down


def _destinations(builder: Builder, switches: Switches, destinations: dict[str, str]) -> Flows | None:
    """Where records go: files of this translation, and what goes down the pipe."""
    down: Flows | None = None
    for kind in ("pass", "fail", "all"):
        limit = switches.get(f"max-{kind}-records")
        if limit is not None and not limit.isdigit():
            raise switches.refuse(f"max-{kind}-records", f"found {limit!r}, expected a whole number")
        if limit is not None and not switches.has(f"{kind}-destination"):
            raise switches.refuse(f"max-{kind}-records", f"there is no --{kind}-destination")
        paths = switches.all(f"{kind}-destination")
        for path in paths:
            if path in STDOUT:
                if down is not None:
                    raise switches.refuse(f"{kind}-destination", "two outputs go to stdout")
                # a limit of 0 is none
                down = Flows(destinations[kind], int(limit) or None if limit else None)
            else:
                builder.files[path] = Flows(destinations[kind], int(limit) or None if limit else None)
        if len(paths) != len(set(paths)):
            raise switches.refuse(f"{kind}-destination", "two outputs go to one file")
    return down


def _filter_statistics(
    builder: Builder, switches: Switches, source: str, passed: str, records_printed: bool
) -> None:
    names = [n for n in ("print-statistics", "print-volume-statistics") if switches.has(n)]
    if len(names) == 2:
        raise switches.refuse(
            names[1], "only one of --print-statistics and --print-volume-statistics is allowed"
        )
    for name in names:
        path = switches.get(name) or ""
        if path in STDOUT and records_printed:
            raise switches.refuse(name, "two outputs go to stdout")
        if any(switches.has(f"max-{kind}-records") for kind in ("pass", "fail")):
            raise switches.refuse(name, "counts up to a record's number cannot be said")
        # without a path they go to standard error, where they are no part of what is piped or printed
        if (path == "" and records_printed) or path not in ("", "stderr", *STDOUT):
            continue
        columns = "flows, sum(packets), sum(bytes)"
        total, table = builder.name("read"), builder.name("passed")
        builder.declare(f"table {total} = {columns} of {source}")
        builder.declare(f"table {table} = {columns} of {passed}")
        builder.outputs.append(Statistics(table, total, name == "print-volume-statistics"))


def _rwset(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    switches.once()
    source = builder.read_flows(switches, stream)
    down: Stream | None = None
    for name, path in switches.given:
        if not name.endswith("-file"):
            continue
        key = name.removesuffix("-file")
        text = f"sip of {source} | dip of {source}" if key == "any" else f"{key} of {source}"
        piped = path in STDOUT
        declared = builder.name(f"{key}_addresses" if piped else stem(path))
        builder.declare(f"set {declared} = {text}")
        if piped:
            if down is not None:
                raise switches.refuse(name, "two outputs go to stdout")
            down = SetOf(declared)
        else:
            builder.files[path] = SetOf(declared)
    if not any(n.endswith("-file") for n, _ in switches.given):
        raise TranslationError("rwset", "", "no output file named", "add --sip-file=stdout or its like")
    return down


def _rwsetbuild(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    switches.once()
    delimiter = switches.get("ip-ranges", "") or "-"
    if delimiter != "-":
        raise switches.refuse("ip-ranges", f"found {delimiter!r} between two addresses, expected -")
    if len(switches.operands) > 2:
        raise TranslationError("rwsetbuild", switches.operands[2], "it reads one text and writes one set")
    text, path = (*switches.operands, "-", "-")[:2]
    if stream is not None:
        raise TranslationError("rwsetbuild", "", "it reads a text, and no tool here prints one into the pipe")
    made = SetOf(builder.set_file("rwsetbuild", text, text))
    if path in STDOUT:
        return made
    builder.files[path] = made
    return None


def _operand_sets(builder: Builder, switches: Switches, stream: Stream | None) -> list[tuple[str, str]]:
    """The sets that a tool reads: path and declared name."""
    operands = switches.operands or ("-",)
    names: list[tuple[str, str]] = []
    for path in operands:
        if path in STDIN:
            if not isinstance(stream, SetOf):
                raise TranslationError(switches.tool, path, "it reads a set, and the pipe brings none")
            names.append((path, stream.name))
        else:
            names.append((path, builder.set_file(switches.tool, path, path)))
    return names


_SET_OPERATORS: Final = {"union": "|", "intersect": "&", "difference": "-", "symmetric-difference": "^"}


def _rwsettool(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    switches.once()
    if switches.has("sample"):
        raise switches.refuse(
            "sample", "a random choice cannot be said: the same flows must give the same answer"
        )
    chosen = [n for n, _ in switches.given if n in _SET_OPERATORS or n in ("mask", "fill-blocks")]
    if len(chosen) == 2 and "union" in chosen and not set(chosen) <= set(_SET_OPERATORS):
        chosen.remove("union")
    if len(chosen) != 1:
        raise TranslationError(
            "rwsettool", "", "one operation is needed: --union, --intersect, --difference, …"
        )
    names = [n for _, n in _operand_sets(builder, switches, stream)]
    path = switches.get("output-path", "stdout") or "stdout"
    piped = path in STDOUT
    if chosen[0] in ("mask", "fill-blocks"):
        value = switches.get(chosen[0]) or ""
        if not value.isdigit() or not 1 <= int(value) <= 128:
            raise switches.refuse(chosen[0], f"found {value!r}, expected a prefix length")
        word = "block_starts" if chosen[0] == "mask" else "fill_blocks"
        if len(names) > 1:
            union = builder.name("union")
            builder.declare(f"set {union} = {' | '.join(names)}")
            names = [union]
        text = f"{word}({names[0]}, {min(int(value), 32)}, {value})"
        whole = builder.name("whole")
        builder.asides.append(f"set {whole} = {names[0]}")
        builder.unmixed.append((whole, switches, chosen[0]))
    else:
        text = f" {_SET_OPERATORS[chosen[0]]} ".join(names)
    declared = builder.name(chosen[0] if piped else stem(path))
    builder.declare(f"set {declared} = {text}")
    if piped:
        return SetOf(declared)
    builder.files[path] = SetOf(declared)
    return None


def _rwsetcat(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    sets = _operand_sets(builder, switches, stream)
    asked = [n for n in ("count-ips", "print-statistics") if switches.has(n)]
    shown = switches.get("print-filenames")
    if shown not in (None, "", "0", "1"):
        raise switches.refuse("print-filenames", f"found {shown!r}, expected 0 or 1")
    headed = shown in ("", "1") or (shown is None and len(sets) > 1 and bool(asked))
    for path, name in sets:
        heading = ("-" if path in STDIN else path) if headed else None
        if name in builder.parameters.values():  # results hold what is declared, not what is given
            given, name = name, builder.name(f"{name}_printed")
            builder.declare(f"set {name} = {given}")
        builder.outputs.append(SetText(name, switches, heading))
    return None


def _table_tool(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    context = builder.context(switches)
    tools = {"rwstats": aggregate.rwstats, "rwuniq": aggregate.rwuniq, "rwcount": aggregate.rwcount}
    declarations, output = tools[switches.tool](switches, source, builder.name, context.maps)
    for line in declarations:
        builder.declare(line)
    builder.outputs.append(output)
    return None


def _rwbag(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    down: Stream | None = None
    for bag, path in bag_files(switches, source, builder.context(switches).maps):
        if path in STDOUT:
            if down is not None:
                raise switches.refuse("bag-file", "two outputs go to stdout")
            down = bag
        else:
            builder.files[path] = bag
    return down


def _operand_bag(builder: Builder, switches: Switches, stream: Stream | None) -> Bag:
    operands = switches.operands
    if len(operands) > 1:
        raise TranslationError(
            switches.tool,
            " ".join(operands),
            "several bags cannot be combined",
            "put the counters side by side in a profile",
        )
    piped = not operands or operands[0] in STDIN
    found = stream if piped else builder.files.get(operands[0])
    if not isinstance(found, Bag):
        raise TranslationError(
            switches.tool, operands[0] if operands else "", "it reads a bag made by rwbag here"
        )
    return found


_ARITHMETIC: Final = ("add", "subtract", "minimize", "maximize", "divide", "compare", "scalar-multiply")


def _rwbagtool(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    for name in _ARITHMETIC:
        if switches.has(name):
            hint = "put the counters side by side in a profile"
            raise switches.refuse(name, "arithmetic between bags cannot be said", hint)
    bag = limited(switches, _operand_bag(builder, switches, stream), builder.set_file)
    path = switches.get("output-path", "stdout") or "stdout"
    result: Stream = bag
    if switches.has("coverset"):
        if switches.has("invert"):
            raise switches.refuse("coverset", "counters are no addresses")
        table = builder.name("bag")
        builder.declare(bag.declaration(table))
        declared = builder.name("cover" if path in STDOUT else stem(path))
        builder.declare(f"set {declared} = {cover_text(switches, bag, table)}")
        result = SetOf(declared)
    elif switches.has("invert"):
        result = _inverted(builder, bag)
    if path in STDOUT:
        return result
    builder.files[path] = result
    return None


def _inverted(builder: Builder, bag: Bag) -> Bag:
    """The bag of a bag's counters: how many keys have each."""
    table = builder.name("bag")
    builder.declare(bag.declaration(table))
    return inverted(bag, table)


def _rwbagcat(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    bag = limited(switches, _operand_bag(builder, switches, stream), builder.set_file)
    maps = builder.context(switches).maps
    if bag.key.map and switches.has("pmap-file") and bag.key.map not in [d for d, _ in maps.values()]:
        raise switches.refuse("pmap-file", "it is not the map that the bag was made with")
    table = builder.name("bag")
    builder.declare(bag.declaration(table, ordered=True))
    members: str | None = None
    if bag.addresses and not bag.six and (bag.wheres or bag.keeps):
        # a bag is printed as IPv6 where any of its keys is, also one that the limits leave out
        members = builder.name(f"{bag.key.column}_keys")
        builder.asides.append(f"set {members} = {bag.key.text} of {bag.source}")
    builder.outputs.append(BagText(table, bag.key, switches, bag.six, members, bag.numbers))
    return None


def _rwcut(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_stream(switches, stream)
    fields = record_fields(switches, builder.context(switches).maps)
    builder.outputs.append(Records(source.filter, fields, switches, most=source.most))
    return None


_STEPS: dict[str, Callable[[Builder, Switches, Stream | None, bool], Stream | None]] = {
    "rwfilter": _rwfilter,
    "rwset": _rwset,
    "rwsetbuild": _rwsetbuild,
    "rwsettool": _rwsettool,
    "rwsetcat": _rwsetcat,
    "rwstats": _table_tool,
    "rwuniq": _table_tool,
    "rwcount": _table_tool,
    "rwbag": _rwbag,
    "rwbagtool": _rwbagtool,
    "rwbagcat": _rwbagcat,
    "rwcut": _rwcut,
}
