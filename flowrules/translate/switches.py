"""The switches of SiLK's tools: names, abbreviations and arguments, as getopt_long reads them."""

from __future__ import annotations

from typing import Final

from attrs import evolve, field, frozen

from flowrules.translate.errors import TranslationError
from flowrules.translate.shell import Command

_FLAG_SWITCHES: Final = tuple(f"{n}-flag" for n in ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"))
_ADDRESS_SWITCHES: Final = tuple(
    f"{negated}{name}"
    for name in (
        *("scidr", "dcidr", "any-cidr", "nhcidr", "saddress", "daddress", "any-address", "next-hop-id"),
        *("sipset", "dipset", "anyset", "nhipset"),
    )
    for negated in ("", "not-")
)
_PARTITION: Final = (
    *("protocol", "sport", "dport", "aport", "icmp-type", "icmp-code", "bytes", "packets"),
    *("bytes-per-packet", "duration", "stime", "etime", "active-time", "tcp-flags"),
    *("flags-all", "flags-initial", "flags-session", *_FLAG_SWITCHES, *_ADDRESS_SWITCHES),
    *("attributes", "application", "input-index", "output-index", "any-index", "ip-version"),
    *("class", "type", "flowtypes", "sensors", "pmap-file"),
)

_FILES: Final = ("site-config-file", "print-filenames", "xargs", "input-pipe")
_TEXT: Final = ("no-titles", "no-columns", "no-final-delimiter")
_SHOWN: Final = ("column-separator", "timestamp-format", "output-path", "pager")
_INTEGERS: Final = ("integer-ips", "integer-sensors", "integer-tcp-flags", "zero-pad-ips", "epoch-time")
_WRITING: Final = ("note-add", "note-file-add", "compression-method", "record-version")
_COUNTED: Final = ("flows", "bytes", "packets")
_LEGACY_BAGS: Final = tuple(
    f"{key}-{counter}"
    for key in ("sip", "dip", "nhip", "sport", "dport", "proto", "sensor", "input", "output")
    for counter in _COUNTED
)

WITH_VALUE: Final[dict[str, frozenset[str]]] = {
    tool: frozenset(
        (
            *(*names, "site-config-file", "threads", "temp-directory", *_WRITING),
            *(("ipv6-policy",) if tool in ("rwset", "rwstats", "rwuniq", "rwbag", "rwcut") else ()),
        )
    )
    for tool, names in {
        "rwfilter": (
            *(*_PARTITION, "pass-destination", "fail-destination", "all-destination"),
            *("max-pass-records", "max-fail-records", "input-pipe"),
            *("tuple-file", "tuple-fields", "tuple-direction", "tuple-delimiter", "scc", "dcc", "any-cc"),
            *("stype", "dtype", "python-file", "python-expr", "plugin", "start-date", "end-date"),
            "data-rootdir",
        ),
        "rwset": ("sip-file", "dip-file", "nhip-file", "any-file"),
        "rwsetbuild": (),
        "rwsettool": ("mask", "fill-blocks", "output-path", "size", "ratio", "seed"),
        "rwsetcat": (*_SHOWN, "ip-format"),
        "rwstats": (
            *("fields", "values", "count", "threshold", "percentage", "pmap-file", "plugin", "python-file"),
            *("detail-proto-stats", *_SHOWN, "ip-format"),
        ),
        "rwuniq": (
            "fields",
            "values",
            "threshold",
            "pmap-file",
            "plugin",
            "python-file",
            *_SHOWN,
            "ip-format",
        ),
        "rwcount": ("bin-size", "load-scheme", "start-time", "end-time", "start-epoch", "end-epoch", *_SHOWN),
        "rwbag": ("bag-file", "pmap-file", *_LEGACY_BAGS),
        "rwbagcat": (
            *("mincounter", "maxcounter", "minkey", "maxkey", "key-format", "mask-set", "pmap-file", *_SHOWN),
            "ip-format",
        ),
        "rwbagtool": (
            *("mincounter", "maxcounter", "minkey", "maxkey", "intersect", "complement-intersect"),
            *("output-path", "scalar-multiply", "compare"),
        ),
        "rwcut": (
            *("fields", "num-recs", "start-rec-num", "end-rec-num", "tail-recs", "pmap-file", "plugin"),
            *("python-file", *_SHOWN, "ip-format"),
        ),
    }.items()
}
"""Switches that take an argument, ``--name=value`` or ``--name value``."""

WITHOUT_VALUE: Final[dict[str, frozenset[str]]] = {
    tool: frozenset((*names, "invocation-strip", "note-strip", "print-filenames"))
    for tool, names in {
        "rwfilter": ("dry-run", "print-missing-files"),
        "rwset": (),
        "rwsetbuild": (),
        "rwsettool": ("union", "intersect", "difference", "symmetric-difference", "sample"),
        "rwsetcat": ("count-ips", "ip-ranges", "print-ips", "integer-ips", "zero-pad-ips", *_TEXT),
        "rwstats": (
            *("top", "bottom", "no-percents", "overall-stats", *_COUNTED, "presorted-input"),
            *("sport", "dport", "protocol", "icmp", *_INTEGERS, *_TEXT),
        ),
        "rwuniq": ("sort-output", "all-counts", "presorted-input", "stime", "etime", *_INTEGERS, *_TEXT),
        "rwcount": ("skip-zeroes", "epoch-slots", "bin-slots", *_TEXT),
        "rwbag": (),
        "rwbagcat": ("zero-counts", "integer-keys", "zero-pad-ips", *_TEXT),
        "rwbagtool": ("coverset", "invert", "add", "subtract", "minimize", "maximize", "divide"),
        "rwcut": ("dry-run", "all-fields", "icmp-type-and-code", *_INTEGERS, *_TEXT),
    }.items()
}
"""Switches that take none."""

OPTIONAL_VALUE: Final[dict[str, frozenset[str]]] = {
    "rwfilter": frozenset(("print-statistics", "print-volume-statistics", "xargs")),
    "rwset": frozenset(("xargs",)),
    "rwsetbuild": frozenset(("ip-ranges",)),
    "rwsettool": frozenset(),
    "rwsetcat": frozenset(("cidr-blocks", "network-structure", "print-statistics", "delimited", "print-filenames")),
    "rwstats": frozenset(("delimited", "bin-time", "sip", "dip", "legacy-timestamps", "xargs")),
    "rwuniq": frozenset(
        ("delimited", "bin-time", "legacy-timestamps", *_COUNTED, "sip-distinct", "dip-distinct", "xargs")
    ),
    "rwcount": frozenset(("delimited", "legacy-timestamps", "xargs")),
    "rwbag": frozenset(("xargs",)),
    "rwbagcat": frozenset(("network-structure", "bin-ips", "print-statistics", "delimited", "sort-counters")),
    "rwbagtool": frozenset(),
    "rwcut": frozenset(("delimited", "legacy-timestamps", "xargs")),
}  # fmt: skip
"""Switches whose argument may be left out; where it stands it is written ``--name=value``."""

_IGNORED: Final = frozenset(
    (
        *("threads", "site-config-file", "temp-directory", "pager", "invocation-strip", "note-strip"),
        *(*_WRITING, "presorted-input", "print-missing-files"),
    )
)
"""Switches that change neither the answer nor its text here: output is delimited in any case."""

_REFUSED: Final = {
    "xargs": "names of files are taken from the pipeline alone",
    "input-pipe": "write the flow file after the switches, or - for standard input",
    "tuple-file": "files of tuples cannot be read here",
    "tuple-fields": "files of tuples cannot be read here",
    "tuple-direction": "files of tuples cannot be read here",
    "tuple-delimiter": "files of tuples cannot be read here",
    "scc": "country codes need a map of the site",
    "dcc": "country codes need a map of the site",
    "any-cc": "country codes need a map of the site",
    "stype": "address types need a map of the site",
    "dtype": "address types need a map of the site",
    "python-file": "code cannot be translated",
    "python-expr": "code cannot be translated",
    "plugin": "code cannot be translated",
    "start-date": "files are not chosen from a repository",
    "end-date": "files are not chosen from a repository",
    "data-rootdir": "files are not chosen from a repository",
    "integer-ips": "addresses are printed in their usual form",
    "zero-pad-ips": "addresses are printed in their usual form",
    "integer-sensors": "sensors are printed by name",
    "integer-tcp-flags": "flags are printed as letters",
    "icmp-type-and-code": "write the fields iType and iCode",
    "zero-counts": "keys without a counter are in no bag",
    "dry-run": "nothing would be printed",
}
"""Switches that are known and cannot be said, and why."""


_HINTS: Final = {
    **dict.fromkeys(("scc", "dcc", "any-cc"), "bind a map called country, and ask country(sip)"),
    **dict.fromkeys(("start-date", "end-date", "data-rootdir"), "name the flow files"),
}


@frozen
class Switches:
    """The switches of one command in their order, full names, with the words that are not switches."""

    tool: str
    given: tuple[tuple[str, str], ...]
    operands: tuple[str, ...] = field(factory=tuple)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a switch given once; the last one wins."""
        found = [v for n, v in self.given if n == name]
        return found[-1] if found else default

    def all(self, name: str) -> list[str]:
        """The values of a switch that may stand several times."""
        return [v for n, v in self.given if n == name]

    def has(self, name: str) -> bool:
        """Whether a switch stands there."""
        return any(n == name for n, _ in self.given)

    def without(self, *names: str) -> Switches:
        """These switches but some."""
        return evolve(self, given=tuple((n, v) for n, v in self.given if n not in names))

    def once(self, *repeatable: str) -> None:
        """Raise for a switch that stands twice, but for those that may."""
        names = [n for n, _ in self.given]
        for name in names:
            if name not in repeatable and names.count(name) > 1:
                raise self.refuse(name, "it is given twice")

    def refuse(self, name: str, why: str, hint: str = "") -> TranslationError:
        """The error that this switch cannot be said."""
        return TranslationError(self.tool, f"--{name}", why, hint)


def parse(command: Command) -> Switches:
    """Read a command's words; raises ``TranslationError`` for a switch that the tool does not have here."""
    tool = command.tool
    given: list[tuple[str, str]] = []
    operands: list[str] = []
    words = list(command.words)
    while words:
        word = words.pop(0)
        if word == "--":
            operands += words
            break
        if not word.startswith("--"):
            if word.startswith("-") and word != "-":
                raise TranslationError(
                    tool, word, "one-letter switches cannot be translated", "write the long switch"
                )
            operands.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        name = _full_name(tool, name)
        if name in WITH_VALUE[tool] or (tool == "rwfilter" and name.startswith("pmap-")):
            if not equals:
                if not words:
                    raise TranslationError(tool, f"--{name}", "its argument is missing")
                value = words.pop(0)
        elif name not in OPTIONAL_VALUE[tool] and equals:
            raise TranslationError(tool, f"--{name}", f"it takes no argument, found {value}")
        if name in _REFUSED:
            raise TranslationError(
                tool, f"--{name}", f"it cannot be said: {_REFUSED[name]}", _HINTS.get(name, "")
            )
        if name == "ip-format" and value != "canonical":
            raise TranslationError(
                tool, "--ip-format", "it cannot be said: addresses are printed in their usual form"
            )
        if name not in _IGNORED and name != "ip-format":
            given.append((name, value))
    return Switches(tool, tuple(given), tuple(operands))


_ALIASES: Final = {
    ("rwfilter", "pass"): "pass-destination",
    ("rwfilter", "fail"): "fail-destination",
    ("rwfilter", "all"): "all-destination",
    ("rwfilter", "sensor"): "sensors",
    ("rwfilter", "proto"): "protocol",
    ("rwcount", "start"): "start-time",
    ("rwcount", "end"): "end-time",
    ("rwsetcat", "count"): "count-ips",
}


def _full_name(tool: str, name: str) -> str:
    known = WITH_VALUE[tool] | WITHOUT_VALUE[tool] | OPTIONAL_VALUE[tool]
    if name in known or (tool == "rwfilter" and name.startswith(("pmap-src-", "pmap-dst-", "pmap-any-"))):
        return name
    if (tool, name) in _ALIASES:
        return _ALIASES[tool, name]
    candidates = sorted(k for k in known if k.startswith(name) and name)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise TranslationError(tool, f"--{name}", f"ambiguous: {', '.join(candidates)}")
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    raise TranslationError(
        tool, f"--{name}", "this switch cannot be said", f"did you mean --{near[0]}?" if near else ""
    )
