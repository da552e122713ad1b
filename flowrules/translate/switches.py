"""The switches of SiLK's tools: names, abbreviations and arguments, as getopt_long reads them."""

from __future__ import annotations

from attrs import field, frozen

from flowrules.translate.errors import TranslationError
from flowrules.translate.shell import Command

_FLAG_SWITCHES = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")

_SIDES = ("s", "d")
_FILTER_VALUES = (
    *(
        "protocol",
        "sport",
        "dport",
        "aport",
        "icmp-type",
        "icmp-code",
        "bytes",
        "packets",
        "bytes-per-packet",
    ),
    *(
        "duration",
        "stime",
        "etime",
        "active-time",
        "tcp-flags",
        "flags-all",
        "flags-initial",
        "flags-session",
    ),
    *(f"{name}-flag" for name in _FLAG_SWITCHES),
    *(f"{n}{s}" for s in ("scidr", "dcidr", "any-cidr", "nhcidr") for n in ("", "not-")),
    *(f"{n}{s}" for s in ("saddress", "daddress", "any-address", "next-hop-id") for n in ("", "not-")),
    *(f"{n}{s}" for s in ("sipset", "dipset", "anyset", "nhipset") for n in ("", "not-")),
    *("attributes", "application", "input-index", "output-index", "any-index", "ip-version"),
    *("class", "type", "flowtypes", "sensors", "pmap-file"),
    *("pass-destination", "fail-destination", "all-destination"),
)

_PLAIN = ("no-titles", "no-columns", "no-final-delimiter")
_FORMS = (
    "column-separator",
    "timestamp-format",
    "ip-format",
    "integer-ips",
    "integer-sensors",
    "output-path",
    "pager",
)
_IGNORED_VALUES = (
    "threads",
    "site-config-file",
    "ipv6-policy",
    "temp-directory",
    "invocation-strip",
    "note-add",
    "compression-method",
    "record-version",
)

WITH_VALUE: dict[str, frozenset[str]] = {
    "rwfilter": frozenset((*_FILTER_VALUES, "input-pipe", "xargs", "max-pass-records", "max-fail-records", *_IGNORED_VALUES)),
    "rwset": frozenset(("sip-file", "dip-file", "nhip-file", "any-file", *_IGNORED_VALUES)),
    "rwsettool": frozenset(("mask", "fill-blocks", "output-path", "sample", "size", "ratio", "seed", *_IGNORED_VALUES)),
    "rwsetcat": frozenset((*_FORMS, *_IGNORED_VALUES)),
    "rwstats": frozenset(("fields", "values", "count", "threshold", "percentage", "bin-time", "pmap-file", "detail-proto-stats", *_FORMS, *_IGNORED_VALUES)),
    "rwuniq": frozenset(("fields", "values", "threshold", "flows", "bytes", "packets", "sip-distinct", "dip-distinct", "bin-time", "pmap-file", *_FORMS, *_IGNORED_VALUES)),
    "rwcount": frozenset(("bin-size", "load-scheme", "start-time", "end-time", "start-epoch", "end-epoch", "column-separator", "timestamp-format", "output-path", "pager", *_IGNORED_VALUES)),
    "rwbag": frozenset(("bag-file", "pmap-file", *_IGNORED_VALUES)),
    "rwbagcat": frozenset(("mincounter", "maxcounter", "minkey", "maxkey", "sort-counters", "key-format", *_FORMS, *_IGNORED_VALUES)),
    "rwbagtool": frozenset(("mincounter", "maxcounter", "minkey", "maxkey", "intersect", "complement-intersect", "output-path", "scalar-multiply", "compare", *_IGNORED_VALUES)),
    "rwcut": frozenset(("fields", "num-recs", "start-rec-num", "end-rec-num", "tail-recs", "pmap-file", *_FORMS, *_IGNORED_VALUES)),
}  # fmt: skip
"""Switches that take an argument, ``--name=value`` or ``--name value``."""

WITHOUT_VALUE: dict[str, frozenset[str]] = {
    "rwfilter": frozenset(("dry-run", "print-filenames")),
    "rwset": frozenset(("invocation-strip",)),
    "rwsettool": frozenset(("union", "intersect", "difference", "symmetric-difference", "invocation-strip", "note-strip")),
    "rwsetcat": frozenset(("count-ips", "ip-ranges", "print-ips", "print-filenames", *_PLAIN)),
    "rwstats": frozenset(("top", "bottom", "no-percents", "overall-stats", "flows", "bytes", "packets", "presorted-input", *_PLAIN)),
    "rwuniq": frozenset(("sort-output", "all-counts", "presorted-input", "stime", "etime", *_PLAIN)),
    "rwcount": frozenset(("skip-zeroes", "epoch-slots", "bin-slots", *_PLAIN)),
    "rwbag": frozenset(("invocation-strip",)),
    "rwbagcat": frozenset(("zero-counts", "delimited-", *_PLAIN)),
    "rwbagtool": frozenset(("coverset", "invert", "add", "subtract", "minimize", "maximize", "divide", "note-strip")),
    "rwcut": frozenset(("dry-run", "legacy-timestamps", "epoch-time", "all-fields", "icmp-type-and-code", *_PLAIN)),
}  # fmt: skip
"""Switches that take none."""

OPTIONAL_VALUE: dict[str, frozenset[str]] = {
    "rwfilter": frozenset(("print-statistics", "print-volume-statistics")),
    "rwsetcat": frozenset(("cidr-blocks", "network-structure", "print-statistics", "delimited")),
    "rwstats": frozenset(("delimited",)),
    "rwuniq": frozenset(("delimited", "bin-time")),
    "rwcount": frozenset(("delimited",)),
    "rwbagcat": frozenset(("network-structure", "bin-ips", "print-statistics", "delimited")),
    "rwcut": frozenset(("delimited",)),
}
"""Switches whose argument may be left out; where it stands it is written ``--name=value``."""

_IGNORED = frozenset(
    ("threads", "site-config-file", "temp-directory", "pager",
     "invocation-strip", "note-add", "note-strip", "compression-method", "presorted-input", "record-version",
     "print-filenames")
)  # fmt: skip
"""Switches that change neither the answer nor its text here: output is delimited in any case."""


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
        elif name not in OPTIONAL_VALUE.get(tool, frozenset()) and equals:
            raise TranslationError(tool, f"--{name}", f"it takes no argument, found {value}")
        if name not in _IGNORED:
            given.append((name, value))
    return Switches(tool, tuple(given), tuple(operands))


def _full_name(tool: str, name: str) -> str:
    known = WITH_VALUE[tool] | WITHOUT_VALUE[tool] | OPTIONAL_VALUE.get(tool, frozenset())
    if name in known or (tool == "rwfilter" and name.startswith(("pmap-src-", "pmap-dst-", "pmap-any-"))):
        return name
    aliases = {
        "pass": "pass-destination",
        "fail": "fail-destination",
        "all": "all-destination",
        "sensor": "sensors",
    }
    if tool == "rwfilter" and name in aliases:
        return aliases[name]
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
