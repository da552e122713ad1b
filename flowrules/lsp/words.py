"""What the words of the language mean, for hovering and for completion."""

from __future__ import annotations

from typing import Final

from flowrules.check.builtin import FIELDS
from flowrules.model.fields import PROTOCOLS, STORED
from flowrules.model.measures import MEASURES, MeasureKind

_DERIVED: Final = {
    "etime": "end time: stime + duration",
    "bytes_per_packet": "bytes / packets",
    "bytes_per_second": "bytes / duration; unknown where the duration is 0",
    "packets_per_second": "packets / duration; unknown where the duration is 0",
    "icmp_type": "ICMP type; unknown outside ICMP",
    "icmp_code": "ICMP code; unknown outside ICMP",
    "class": "SiLK class of the flow's type",
    "inside": "the home end: sip of outbound flows, dip of inbound ones, else unknown",
    "outside": "the far end: dip of outbound flows, sip of inbound ones, else unknown",
    "inside_port": "the port of the home end",
    "outside_port": "the port of the far end",
    "aip": "either end's address, only with `in` and `=`; `aip not in x`: neither end",
    "aport": "either end's port, only with `in` and `=`",
}

_FILTERS: Final = {
    "all": "every flow",
    "inbound": "flows from outside to inside, web, ICMP and null types included",
    "outbound": "flows from inside to outside, web, ICMP and null types included",
    "internal": "flows between inside hosts",
    "external": "flows between outside hosts",
    "blocked": "SiLK's null types, or flows that a firewall rejected",
}

_FUNCTIONS: Final = {
    "bin": ("bin(time, width)", "the bin of a time, from 1970 UTC"),
    "hour": ("hour(time, schedule)", "the hour of the day, in UTC or in the schedule's zone"),
    "weekday": ("weekday(time, schedule)", "the day of the week, in UTC or in the schedule's zone"),
    "spread": ("spread(width, scheme)", "a flow's bytes and packets spread over bins, as rwcount does"),
    "country": ("country(address)", "the country of an address, by the site's map"),
    "asn": ("asn(address)", "the network number of an address, by the site's map"),
    "name": ("name(address)", "the site's name of an address"),
    "known": ("known(x)", "whether a value is known"),
    "known_or": ("known_or(x, y)", "x, or y where x is unknown"),
    "count": ("count(set)", "how many members a set has"),
    "blocks": ("blocks(set, v4, v6)", "the blocks that hold a set's addresses"),
    "block_starts": ("block_starts(set, v4, v6)", "the first addresses of those blocks"),
    "fill_blocks": ("fill_blocks(set, v4, v6)", "every address of those blocks"),
    "previous": ("previous(x)", "a set, column or feature in the earlier results given to the run"),
    "unit_share": ("unit_share(m)", "a share, its limit rounded down to whole units as rwstats does"),
}

KEYWORDS: Final = {
    "ruleset": 'ruleset name { version "1.0.0" title "…" license "…" tlp clear reference "…" }',
    "import": "import ruleset (name, name as other) as alias",
    "param": 'param name "title" : type = value in low .. high',
    "ports": "ports name = 80, 443, 8000-8080 except (8001)",
    "nets": "nets name = 10.0.0.0/8, 2001:db8::/32 except (10.9.0.0/16)",
    "schedule": "schedule name = mon-fri 08:00-18:00 Europe/Berlin except (2026-12-25)",
    "map": 'map name : port, protocol { "label" = (53, udp), (53, tcp) }',
    "filter": "filter name = outbound and tcp and dport in (80, 443)",
    "set": "set name = sip of filter where … | other except {…} keep …",
    "table": "table name = measure, … of filter where … per key, … fill keep … order by …",
    "profile": "profile name { hosts set  feature …  verdict …  anomaly …  entry … }",
    "hosts": "hosts set: who is profiled",
    "feature": "feature name = measure of filter where … per sip, or a condition over other features",
    "verdict": 'verdict name "title" drop when condition because "…{feature}…"',
    "anomaly": 'anomaly name : warning in table when condition because "…"',
    "entry": "entry of filter per key, … when condition { internal host : any  external any : values(dport) }",
    "check": 'check name : warning = condition because "…": what must hold of the data',
    "test": 'test "what it shows" { param …  flows """…"""  expect … }',
    "tune": "tune ruleset { param …  set …  filter …  severity …  disable … }: the site's overlay",
    "of": "of filter: which flows are measured",
    "where": "where predicate: which of these flows",
    "per": "per key, …: one group for each value of the keys",
    "keep": "keep condition, keep top 10 by measure with ties, keep cover 95%: which groups remain",
    "fill": "fill: a row for every bin, also those without flows",
    "order": "order by measure desc, key: how rows are sorted",
    "reverse": "reverse of filter: the other direction of the same conversations",
    "has": "flags has SA: all of these are set",
    "lacks": "flags lacks RF: none of these is set",
    "matches": "flags matches S/SAFR: of the flags after the stroke, exactly those before it are set",
    "when": "when condition: must be true; unknown is not",
    "because": 'because "text with {value}": what is told of it',
    "otherwise": "otherwise: the verdict of all that are left",
    "previous": "previous set = {…}: the earlier results of a test",
    "expect": "expect condition: what a test's flows must come to",
    "flows": 'flows """…""" or flows file "…": the flows of a test',
    "except": "except (…) or {…}: without these",
    "optional": "optional: unknown where the source lacks a field, instead of an error",
    "drop": "drop: a host with this verdict gets no entry",
}
"""What stands behind a keyword, as one writes it."""


def word_text(word: str) -> str | None:
    """What a word of the language means, in Markdown; ``None``: it is none of ours."""
    if word in STORED:
        stored = STORED[word]
        unit = f" · in {stored.unit}" if stored.unit else ""
        other = f" · `reverse of` makes it `{stored.reverse}`" if stored.reverse else ""
        return (
            f"**{word}** · {FIELDS[word]}{unit}\n\n{stored.text}{other}\n\n"
            f"Source: stored in every record; rwcut calls it `{stored.title}`."
        )
    if word in _DERIVED:
        kind = FIELDS.get(word)
        return f"**{word}**{f' · {kind}' if kind else ''}\n\n{_DERIVED[word]}\n\nSource: derived from other fields."
    if word in _FILTERS:
        return f"**{word}** · filter\n\n{_FILTERS[word]}"
    if word in PROTOCOLS:
        return f"**{word}** · filter, and a value of `protocol`\n\nIP protocol {PROTOCOLS[word]}"
    if word in MEASURES:
        return _measure_text(MEASURES[word])
    if word == "gap":
        return "**gap** · duration\n\ntime since the group's previous start; an argument of measures, as in `mean(gap)`"
    if word in _FUNCTIONS:
        shape, text = _FUNCTIONS[word]
        return f"**{shape}** · function\n\n{text}"
    if word == "host":
        return "**host** · the host that is judged"
    return "**any** · any address, or any port" if word == "any" else None


def word_detail(word: str) -> str:
    """The same in one line, for a list of completions."""
    if word in STORED:
        return STORED[word].text
    if word in MEASURES:
        return MEASURES[word].text
    if word in _FUNCTIONS:
        return _FUNCTIONS[word][1]
    if word in PROTOCOLS:
        return f"IP protocol {PROTOCOLS[word]}"
    return _DERIVED.get(word) or _FILTERS.get(word) or KEYWORDS.get(word, "")


def call_shape(word: str) -> str | None:
    """How a measure or function is called, with its arguments; ``None``: it takes none."""
    if word in MEASURES:
        args = MEASURES[word].args
        return f"{word}({', '.join(args)})" if args else None
    return _FUNCTIONS[word][0] if word in _FUNCTIONS else None


def keyword_text(word: str) -> str | None:
    """What stands behind a keyword, in Markdown."""
    return f"```frules\n{KEYWORDS[word]}\n```" if word in KEYWORDS else None


def _measure_text(measure: MeasureKind) -> str:
    shape = f"{measure.name}({', '.join(measure.args)})" if measure.args else measure.name
    empty = "0" if measure.counting else "unknown"
    lines = [f"**{shape}** · measure", "", measure.text, "", f"Where nothing matched: {empty}."]
    if measure.minimum:
        lines.append(f"Below {measure.minimum}: unknown.")
    if measure.connections:
        lines.append("Looks at the flows of a host together, as connections.")
    return "\n".join(lines)
