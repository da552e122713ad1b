"""From pipelines to a ruleset: declarations in order, and what each pipeline would print."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrs import define, evolve, field, frozen

from flowrules.flows.silk_conf import SilkConf
from flowrules.translate import aggregate
from flowrules.translate.bags import Bag, bag_file, bag_tool, refuse_arithmetic
from flowrules.translate.errors import TranslationError
from flowrules.translate.outputs import BagText, Output, Records, SetText, Statistics
from flowrules.translate.rwfilter import FilterContext, load_map, predicates
from flowrules.translate.shell import Pipeline, pipelines
from flowrules.translate.switches import Switches, parse

_TAKEN = frozenset(
    [
        "ruleset",
        "import",
        "param",
        "ports",
        "nets",
        "schedule",
        "map",
        "filter",
        "set",
        "table",
        "profile",
        "hosts",
        "feature",
        "verdict",
        "anomaly",
        "entry",
        "check",
        "test",
        "tune",
        "and",
        "or",
        "not",
        "in",
        "of",
        "per",
        "keep",
        "where",
        "when",
        "because",
        "otherwise",
        "reverse",
        "all",
        "inbound",
        "outbound",
        "internal",
        "external",
        "blocked",
        "tcp",
        "udp",
        "icmp",
        "icmp6",
        "gre",
        "esp",
        "ah",
        "sctp",
        "sip",
        "dip",
        "aip",
        "nhip",
        "sport",
        "dport",
        "aport",
        "protocol",
        "packets",
        "bytes",
        "flags",
        "initial_flags",
        "session_flags",
        "attributes",
        "stime",
        "etime",
        "duration",
        "sensor",
        "input",
        "output",
        "application",
        "type",
        "class",
        "inside",
        "outside",
        "flows",
        "rows",
        "host",
        "any",
        "count",
        "share",
        "gap",
        "name",
        "country",
        "asn",
    ]
)

RULESET = "silk.pipeline"
"""The name of the ruleset that a translation makes."""

_STDIN = ("-", "stdin")


@frozen
class Flows:
    """A stream of flow records: those that pass a declared filter (``all`` where none was given)."""

    filter: str


@frozen
class SetOf:
    """A stream that is a set: its declared name."""

    name: str


Stream = Flows | SetOf | Bag


@frozen
class Translation:
    """A ruleset and what its pipelines would print."""

    text: str
    outputs: tuple[Output, ...]
    inputs: tuple[str, ...]
    """The flow files that the pipelines read; ``-`` is standard input."""


@define
class Builder:
    """Collects declarations while it walks through the pipelines."""

    conf: SilkConf
    map_kind: Callable[[str], str]
    """Path of a prefix map to ``address`` or ``port, protocol``."""
    lines: list[str] = field(factory=list)
    names: set[str] = field(factory=set)
    files: dict[str, Stream] = field(factory=dict)
    parameters: dict[str, str] = field(factory=dict)
    inputs: tuple[str, ...] | None = None
    outputs: list[Output] = field(factory=list)
    maps: dict[str, tuple[str, str]] = field(factory=dict)

    def name(self, base: str) -> str:
        """A name of the language made of ``base`` that nothing else has."""
        plain = re.sub(r"\W+", "_", base).strip("_") or "answer"
        plain = f"s_{plain}" if plain[0].isdigit() else plain
        if plain in _TAKEN:
            plain = f"{plain}_set"
        name, number = plain, 2
        while name in self.names:
            name, number = f"{plain}_{number}", number + 1
        self.names.add(name)
        return name

    def declare(self, text: str) -> None:
        """Add a declaration."""
        self.lines.append(text)

    def set_file(self, tool: str, switch: str, path: str) -> str:
        """The declared set that a file holds: one made before, or a parameter that reads the file."""
        if path in self.files:
            found = self.files[path]
            if not isinstance(found, SetOf):
                raise TranslationError(tool, switch, f"{path} holds no set")
            return found.name
        if path not in self.parameters:
            name = self.name(_stem(path))
            self.parameters[path] = name
            self.declare(f'param {name} : set = file "{_quoted(path)}"')
        return self.parameters[path]

    def map_file(self, tool: str, switch: str, name: str, path: str) -> tuple[str, str]:
        """The declared prefix map that a file holds, and its kind."""
        if path not in self.maps:
            kind = self.map_kind(path)
            declared = self.name(name or _stem(path))
            keys = "address" if kind == "address" else "port, protocol"
            self.declare(f'param {declared} : map({keys}) = file "{_quoted(path)}"')
            self.maps[path] = (declared, kind)
        return self.maps[path]

    def read_flows(self, switches: Switches, stream: Stream | None) -> str:
        """The filter whose flows a tool reads: the pipe's, a file made before, or the inputs'."""
        operands = [o for o in switches.operands if o not in _STDIN]
        if not operands:
            if stream is None and not switches.operands:
                raise TranslationError(
                    switches.tool, "", "no flow file and no pipe to read", "name the flow file"
                )
            if stream is None:
                self._inputs(switches, ("-",))
                return "all"
            if not isinstance(stream, Flows):
                raise TranslationError(switches.tool, "", "it reads flow records, and the pipe brings none")
            return stream.filter
        made = [self.files[o] for o in operands if o in self.files]
        if made:
            filters = [m.filter for m in made if isinstance(m, Flows)]
            if len(filters) != len(operands):
                raise TranslationError(
                    switches.tool, operands[0], "flow files made here cannot be mixed with others"
                )
            if len(filters) == 1:
                return filters[0]
            raise TranslationError(
                switches.tool, operands[0], "several flow files made here cannot be read together"
            )
        self._inputs(switches, tuple(operands))
        return "all"

    def _inputs(self, switches: Switches, paths: tuple[str, ...]) -> None:
        if self.inputs is None:
            self.inputs = paths
        elif self.inputs != paths:
            raise TranslationError(
                switches.tool,
                " ".join(paths),
                f"a ruleset is run over one set of flows, and the pipeline before reads {' '.join(self.inputs)}",
                "translate the pipelines one by one",
            )


def translate(script: str, conf: SilkConf, map_kind: Callable[[str], str]) -> Translation:
    """Translate a pipeline, or a script of pipelines joined by files; raises ``TranslationError``."""
    builder = Builder(conf, map_kind)
    found = pipelines(script)
    for pipeline in found:
        _pipeline(builder, pipeline)
    head = [f"# {line}" for p in found for line in _wrapped(p.text)]
    title = "A SiLK pipeline" if len(found) == 1 else "SiLK pipelines"
    head += ["", f'ruleset {RULESET} {{ title "{title}" }}', ""]
    return Translation(
        "\n".join([*head, *builder.lines]) + "\n", tuple(builder.outputs), builder.inputs or ()
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
    context = FilterContext(builder.conf, builder.set_file, builder.map_file)
    conditions = predicates(switches, context)
    if source != "all":
        conditions.insert(0, source)
    passed = source
    if conditions and conditions != [source]:
        passed = builder.name("selected")
        builder.declare(filter_text(passed, conditions))
    down: Stream | None = None
    destinations = {"pass": passed, "all": source}
    if switches.has("fail-destination"):
        failed = builder.name("failed")
        rest = [f"not {passed}"] if source == "all" else [source, f"not {passed}"]
        builder.declare(filter_text(failed, rest))
        destinations["fail"] = failed
    for kind in ("pass", "fail", "all"):
        for path in switches.all(f"{kind}-destination"):
            if path in ("stdout", "-"):
                down = Flows(destinations[kind])
            else:
                builder.files[path] = Flows(destinations[kind])
    for name in ("print-statistics", "print-volume-statistics"):
        if switches.has(name):
            columns = "flows, sum(packets), sum(bytes)"
            total, table = builder.name("read"), builder.name("passed")
            builder.declare(f"table {total} = {columns} of {source}")
            builder.declare(f"table {table} = {columns} of {passed}")
            builder.outputs.append(Statistics(table, total, name == "print-volume-statistics"))
    if down is not None and last:
        assert isinstance(down, Flows)
        builder.outputs.append(Records(down.filter, None, switches))
    return down


def filter_text(name: str, conditions: Sequence[str]) -> str:
    """A filter declaration, broken before ``and`` where it is long."""
    one = f"filter {name} = {' and '.join(conditions)}"
    if len(one) <= 100:
        return one
    return f"filter {name} = " + "\n    and ".join(conditions)


def _rwset(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    down: Stream | None = None
    for name, path in switches.given:
        key = name.removesuffix("-file")
        text = f"sip of {source} | dip of {source}" if key == "any" else f"{key} of {source}"
        piped = path in ("stdout", "-")
        declared = builder.name(f"{key}_addresses" if piped else _stem(path))
        builder.declare(f"set {declared} = {text}")
        if piped:
            down = SetOf(declared)
        else:
            builder.files[path] = SetOf(declared)
    if not switches.given:
        raise TranslationError("rwset", "", "no output file named", "add --sip-file=stdout or its like")
    return down


def _operand_sets(builder: Builder, switches: Switches, stream: Stream | None) -> list[str]:
    operands = switches.operands or ("-",)
    names: list[str] = []
    for path in operands:
        if path in _STDIN:
            if not isinstance(stream, SetOf):
                raise TranslationError(switches.tool, path, "it reads a set, and the pipe brings none")
            names.append(stream.name)
        else:
            names.append(builder.set_file(switches.tool, path, path))
    return names


def _rwsettool(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    operators = {"union": "|", "intersect": "&", "difference": "-", "symmetric-difference": "^"}
    chosen = [n for n, _ in switches.given if n in operators or n in ("mask", "fill-blocks", "sample")]
    if len(chosen) != 1:
        raise TranslationError(
            "rwsettool", "", "one operation is needed: --union, --intersect, --difference, …"
        )
    names = _operand_sets(builder, switches, stream)
    if chosen[0] == "sample":
        raise switches.refuse(
            "sample", "a random choice cannot be said: the same flows must give the same answer"
        )
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
    else:
        text = f" {operators[chosen[0]]} ".join(names)
    path = switches.get("output-path", "stdout") or "stdout"
    piped = path in ("stdout", "-")
    declared = builder.name(chosen[0] if piped else _stem(path))
    builder.declare(f"set {declared} = {text}")
    if piped:
        return SetOf(declared)
    builder.files[path] = SetOf(declared)
    return None


def _rwsetcat(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    for name in _operand_sets(builder, switches, stream):
        if not any(f"set {name} =" in line or f"param {name} :" in line for line in builder.lines):
            raise TranslationError("rwsetcat", name, "no such set")
        builder.outputs.append(SetText(name, switches))
    return None


def _table_tool(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    context = FilterContext(builder.conf, builder.set_file, builder.map_file)
    for value in switches.all("pmap-file"):
        load_map(switches, value, context)
    tools = {"rwstats": aggregate.rwstats, "rwuniq": aggregate.rwuniq, "rwcount": aggregate.rwcount}
    declarations, output = tools[switches.tool](switches, source, builder.name, context.maps)
    for line in declarations:
        builder.declare(line)
    builder.outputs.append(output)
    return None


def _rwbag(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    down: Stream | None = None
    if not switches.has("bag-file"):
        raise TranslationError("rwbag", "", "no bag named", "add --bag-file=KEY,COUNTER,stdout")
    for value in switches.all("bag-file"):
        bag, path = bag_file(switches, value, source)
        if path in ("stdout", "-"):
            down = bag
        else:
            builder.files[path] = bag
    return down


def _operand_bag(builder: Builder, switches: Switches, stream: Stream | None) -> Bag:
    operands = [o for o in switches.operands if o not in _STDIN]
    if len(operands) > 1:
        raise TranslationError(switches.tool, " ".join(operands), "several bags cannot be combined")
    found = builder.files.get(operands[0]) if operands else stream
    if not isinstance(found, Bag):
        raise TranslationError(
            switches.tool, operands[0] if operands else "", "it reads a bag made by rwbag here"
        )
    return found


def _rwbagtool(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    refuse_arithmetic(switches)
    bag = bag_tool(switches, _operand_bag(builder, switches, stream), builder.set_file)
    result: Stream = bag
    if switches.has("coverset"):
        table = builder.name("bag")
        builder.declare(bag.declaration(table))
        declared = builder.name("cover")
        builder.declare(f"set {declared} = {table}.{bag.key.column}")
        result = SetOf(declared)
    elif switches.has("invert"):
        result = _inverted(builder, bag)
    path = switches.get("output-path", "stdout") or "stdout"
    if path in ("stdout", "-"):
        return result
    builder.files[path] = result
    return None


def _inverted(builder: Builder, bag: Bag) -> Bag:
    """The bag of a bag's counters: how many keys have each."""
    table = builder.name("bag")
    builder.declare(bag.declaration(table))
    key = evolve(bag.key, title=bag.counter.title, column=bag.counter.column, text=bag.counter.column)
    return Bag(table, key, evolve(bag.counter, title="Records", column="rows", text="rows"))


def _rwbagcat(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    bag = bag_tool(switches, _operand_bag(builder, switches, stream), builder.set_file)
    if switches.has("bin-ips"):
        if switches.get("bin-ips") not in (None, "", "linear"):
            raise switches.refuse("bin-ips", "only linear bins can be said")
        bag = _inverted(builder, bag)
    table = builder.name("bag")
    builder.declare(bag.declaration(table, ordered=True))
    builder.outputs.append(BagText(table, bag.key, switches))
    return None


def _rwcut(builder: Builder, switches: Switches, stream: Stream | None, last: bool) -> Stream | None:
    source = builder.read_flows(switches, stream)
    context = FilterContext(builder.conf, builder.set_file, builder.map_file)
    for value in switches.all("pmap-file"):
        load_map(switches, value, context)
    fields, maps = aggregate.cut_fields(switches, context.maps)
    builder.outputs.append(Records(source, fields, switches, maps))
    return None


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{")


_STEPS: dict[str, Callable[[Builder, Switches, Stream | None, bool], Stream | None]] = {
    "rwfilter": _rwfilter,
    "rwset": _rwset,
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
