"""The ruleset under construction: names, declarations, and which files hold what was made before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field, frozen

from flowrules.check.builtin import FUNCTIONS, VALUE_WORDS, WORDS
from flowrules.flows.silk_conf import SilkConf
from flowrules.syntax.marks import RESERVED
from flowrules.translate.bags import Bag
from flowrules.translate.errors import TranslationError
from flowrules.translate.outputs import Output
from flowrules.translate.rwfilter import FilterContext, load_map
from flowrules.translate.switches import Switches

_TAKEN: Final = RESERVED | frozenset(WORDS) | frozenset(VALUE_WORDS) | FUNCTIONS
STDIN: Final = ("-", "stdin")
STDOUT: Final = ("-", "stdout")

_VERSIONS: Final = {
    "ignore": ("ipv4_flows", "ip_version = 4"),
    "asv4": (
        "as_ipv4",
        "(ip_version = 4 or sip in (0.0.0.0/0) and dip in (0.0.0.0/0) and nhip in (0.0.0.0/0))",
    ),
    "only": ("ipv6_flows", "ip_version = 6"),
}


@frozen
class Flows:
    """A stream of flow records: those that pass a declared filter (``all`` where none was given).

    ``most`` of them at most, where ``--max-pass-records`` or its like bounds them.
    """

    filter: str
    most: int | None = None


@frozen
class SetOf:
    """A stream that is a set: its declared name."""

    name: str


Stream = Flows | SetOf | Bag


@define
class Builder:
    """Collects declarations while pipelines are walked through."""

    conf: SilkConf
    map_kind: Callable[[str], str]
    """Path of a prefix map to ``address`` or ``port, protocol``."""
    map_name: Callable[[str], str]
    """Path of a prefix map to the name within it, empty where it has none."""
    lines: list[str] = field(factory=list)
    asides: list[str] = field(factory=list)
    """Declarations that only the form of what is printed depends on."""
    unmixed: list[tuple[str, Switches, str]] = field(factory=list)
    """Sets of the asides that may not hold addresses of both versions, with the switch that may not meet them."""
    names: set[str] = field(factory=set)
    files: dict[str, Stream] = field(factory=dict)
    parameters: dict[str, str] = field(factory=dict)
    inputs: tuple[str, ...] | None = None
    outputs: list[Output] = field(factory=list)
    maps: dict[str, tuple[str, str]] = field(factory=dict)

    def name(self, base: str) -> str:
        """A name of the language made of ``base`` that nothing else has."""
        plain = re.sub(r"\W+", "_", base, flags=re.ASCII).strip("_") or "answer"
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
        if path in STDIN:
            raise TranslationError(tool, switch, "a set is read from a file here, not from the pipe")
        if path in self.files:
            found = self.files[path]
            if not isinstance(found, SetOf):
                raise TranslationError(tool, switch, f"{path} holds no set")
            return found.name
        if path not in self.parameters:
            name = self.name(stem(path))
            self.parameters[path] = name
            self.declare(f'param {name} : set = file "{_quoted(path)}"')
        return self.parameters[path]

    def map_file(self, tool: str, switch: str, name: str, path: str) -> tuple[str, str]:
        """The declared prefix map that a file holds, and its kind."""
        if path not in self.maps:
            kind = self.map_kind(path)
            declared = self.name(name or stem(path))
            keys = "address" if kind == "address" else "port, protocol"
            self.declare(f'param {declared} : map({keys}) = file "{_quoted(path)}"')
            self.maps[path] = (declared, kind)
        return self.maps[path]

    def context(self, switches: Switches) -> FilterContext:
        """What a command's switches may name, with its prefix maps loaded."""
        context = FilterContext(self.conf, self.set_file, self.map_file, self.map_name)
        for value in switches.all("pmap-file"):
            load_map(switches, value, context)
        return context

    def read_flows(self, switches: Switches, stream: Stream | None) -> str:
        """The filter whose flows a tool reads; raises where only some of them would be read."""
        found = self.read_stream(switches, stream)
        if found.most is not None:
            raise TranslationError(
                switches.tool, "", "it would read only the first records, which cannot be said"
            )
        return found.filter

    def read_stream(self, switches: Switches, stream: Stream | None) -> Flows:
        """What a tool reads: the pipe's flows, a file made before, or the inputs', by ``--ipv6-policy``."""
        found = self._source(switches, stream)
        policy = switches.get("ipv6-policy", "mix")
        if policy == "mix":
            return found
        if policy not in _VERSIONS or (policy == "asv4" and switches.tool == "rwcut"):
            known = policy in ("force", "asv4")
            why = "addresses are not rewritten" if known else "expected ignore, asv4, mix or only"
            raise switches.refuse("ipv6-policy", f"found {policy!r}: {why}")
        base, condition = _VERSIONS[policy]
        if found.most is not None:
            raise switches.refuse("ipv6-policy", "it would choose among the first records only")
        name = self.name(base)
        self.declare(filter_text(name, [condition] if found.filter == "all" else [found.filter, condition]))
        return Flows(name)

    def _source(self, switches: Switches, stream: Stream | None) -> Flows:
        operands = [o for o in switches.operands if o not in STDIN]
        if not operands:
            if stream is None and not switches.operands:
                raise TranslationError(
                    switches.tool, "", "no flow file and no pipe to read", "name the flow file"
                )
            if stream is None:
                self._inputs(switches, ("-",))
                return Flows("all")
            if not isinstance(stream, Flows):
                raise TranslationError(switches.tool, "", "it reads flow records, and the pipe brings none")
            return stream
        if len(operands) != len(switches.operands):
            raise TranslationError(switches.tool, "-", "the pipe and files cannot be read together")
        made = [self.files[o] for o in operands if o in self.files]
        if made:
            flows = [m for m in made if isinstance(m, Flows)]
            if len(flows) != len(operands):
                raise TranslationError(
                    switches.tool, operands[0], "flow files made here cannot be mixed with others"
                )
            if len(flows) == 1:
                return flows[0]
            raise TranslationError(
                switches.tool, operands[0], "several flow files made here cannot be read together"
            )
        self._inputs(switches, tuple(operands))
        return Flows("all")

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


def filter_text(name: str, conditions: Sequence[str]) -> str:
    """A filter declaration, broken before ``and`` where it is long."""
    one = f"filter {name} = {' and '.join(conditions)}"
    if len(one) <= 100:
        return one
    return f"filter {name} = " + "\n    and ".join(conditions)


def stem(path: str) -> str:
    """A file's name without folder and ending."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{")
