"""The codes of the checker: names, types and structure (FR2xx), the site and its data (FR6xx)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flowrules.syntax.codes import CODES, Code


def _error(code: str, name: str, what: str, why: str, bad: str = "", good: str = "") -> Code:
    return Code(code, name, "error", what, why, bad, good)


NAMES: Final[tuple[Code, ...]] = (
    _error(
        "FR201",
        "unknown-name",
        "a name that nothing has",
        "Names are fields of a flow, declarations of this file, and what it imports; the nearest is offered.",
        "filter web = tcp and dports in (80, 443)",
        "filter web = tcp and dport in (80, 443)",
    ),
    _error(
        "FR202",
        "duplicate-name",
        "two things have one name",
        "A name means one thing in a file; an import can be renamed with `as`.",
        "filter web = dport = 80\nports web = 80, 443",
        "filter web = dport = 80\nports web_ports = 80, 443",
    ),
    _error(
        "FR203",
        "built-in-name",
        "a declaration takes a name of the language",
        "Fields, directions, protocols and measures mean the same in every ruleset.",
        "set sip = sip of inbound",
        "set sources = sip of inbound",
    ),
    _error(
        "FR204",
        "wrong-kind",
        "a name stands where its kind of thing cannot",
        "A filter selects flows, a set holds keys, ports and nets are lists, a table has rows.",
        "set clients = sip of outbound\nfilter theirs = outbound and clients",
        "set clients = sip of outbound\nfilter theirs = outbound and sip in clients",
    ),
    _error(
        "FR205",
        "cycle",
        "declarations need each other",
        "Every value is computed from what stands before it; a circle has no beginning.",
        "filter a = sip in s\nset s = sip of a",
        "filter a = outbound\nset s = sip of a",
    ),
    _error(
        "FR206",
        "import",
        "an import that cannot be followed",
        "Imports name a ruleset on the search path and what to take of it; rulesets cannot import each other.",
        "import sei.nowhere (web)",
    ),
    _error(
        "FR207",
        "same-ruleset",
        "two files are one ruleset",
        "Results are told apart by the ruleset's name.",
    ),
    _error(
        "FR208",
        "metadata",
        "a line of the ruleset block that is twice there or cannot be",
        "The version decides about updates, the licence and tlp about who may have the rules.",
        'ruleset a { version "one" }',
        'ruleset a { version "1.0.0" }',
    ),
    _error(
        "FR209",
        "attribute",
        "an attribute that does not exist, or with values that it does not take",
        'The attributes are @replaces(name), @deprecated("use x"), @tags(words), @review(date) and @private; '
        'a test takes @todo("reason").',
        "@tag(web)\nfilter web = dport = 80",
        "@tags(web)\nfilter web = dport = 80",
    ),
)

TYPES: Final[tuple[Code, ...]] = (
    _error(
        "FR210",
        "type-mismatch",
        "two values are compared that have nothing in common",
        "Packets are counted, bytes are sizes, ports and addresses are names: each compares with its own kind.",
        "filter odd = packets >= 10kB",
        "filter odd = bytes >= 10kB",
    ),
    _error(
        "FR211",
        "missing-unit",
        "a number lacks its unit",
        "5 could be seconds or minutes, 1 could be 1% or 100%.",
        "filter short = duration < 5",
        "filter short = duration < 5s",
    ),
    _error(
        "FR212",
        "out-of-range",
        "a number is larger or smaller than such a thing can be",
        "Ports end at 65535, protocols at 255, a share at 100%.",
        "filter odd = dport = 65536",
        "filter odd = dport = 65535",
    ),
    _error(
        "FR213",
        "operator",
        "an operator that this kind of value does not have",
        "Addresses and protocols are names without an order; flags are tested by has, lacks and matches.",
        "filter odd = protocol >= 6",
        "filter odd = protocol = 6",
    ),
    _error(
        "FR214",
        "arithmetic",
        "values are computed with that do not combine",
        "Sizes add to sizes, a percent of something is that something, two sizes give a ratio.",
        "check odd = sum(bytes) of all + flows of all > 0",
        "check odd = sum(bytes) of all / flows of all > 0",
    ),
    _error(
        "FR215",
        "collection",
        "what stands after `in` does not hold such values",
        "Ports lie in lists of ports, addresses in networks and sets, times in schedules.",
        "ports web = 80, 443\nfilter odd = sip in web",
        "ports web = 80, 443\nfilter odd = dport in web",
    ),
    _error(
        "FR216",
        "flags",
        "flags that do not exist, or a test of flags on something else",
        "TCP flags are F S R P A U E C, attributes T C F S.",
        "filter odd = attributes has R",
        "filter odd = flags has R",
    ),
    _error(
        "FR217",
        "constants-only",
        "nothing of the flow, the group or the host is asked",
        "A comparison of two constants is true of everything or of nothing.",
        "filter odd = 80 = 443",
        "filter odd = dport = 443",
    ),
)

CALLS: Final[tuple[Code, ...]] = (
    _error(
        "FR220",
        "arguments",
        "a measure or function is called with what it does not take",
        "Each measure says of what it is taken: sum(bytes), distinct(dip), quantile(duration, 95%).",
        "table t = sum(sip) of all per dport",
        "table t = distinct(sip) of all per dport",
    ),
    _error(
        "FR221",
        "measure-place",
        "a measure stands where there is no group to measure, or a field where one is needed",
        "A filter sees one flow at a time; sums and counts belong to tables, features and thresholds.",
        "filter big = sum(bytes) > 1GB",
        "set big = sip of all keep sum(bytes) > 1GB",
    ),
    _error(
        "FR222",
        "no-reverse",
        "the reverse of a filter that looks at something without another side",
        "The next hop and ICMP's type and code belong to one direction.",
        "filter ping = icmp and icmp_type = 8\nfilter pong = reverse of ping",
        "filter ping = icmp and icmp_type = 8\nfilter pong = icmp and icmp_type = 0",
    ),
    _error(
        "FR223",
        "either-end",
        "aip or aport stands where it has no meaning",
        "Either end can be compared with = and in; a key or a measure needs one end.",
        "set hosts_seen = aip of all",
        "set hosts_seen = sip of all | dip of all",
    ),
    _error(
        "FR224",
        "key",
        "flows are grouped by what cannot be a key",
        "Keys are fields, blocks, bins, hours and labels of maps.",
        "filter web = dport = 80\ntable t = flows of all per web",
        "filter web = dport = 80\ntable t = flows of web per dport",
    ),
    _error(
        "FR225",
        "one-direction",
        "a row of a table is asked what only a flow has",
        "Where the source is a table, its columns are the fields.",
        "table t = flows of all per sip\ntable u = rows of t where dport = 80",
        "table t = flows of all per sip, dport\ntable u = rows of t where dport = 80",
    ),
    _error(
        "FR226",
        "lookup",
        "a value is looked up that the table or profile does not have, or with the wrong keys",
        "The keys in brackets are those of the table, in its order.",
        "table t = flows of all per sip, dport\ncheck c = t.flows[10.0.0.1] > 0",
        "table t = flows of all per sip, dport\ncheck c = t.flows[10.0.0.1, 80] > 0",
    ),
    _error(
        "FR227",
        "previous",
        "earlier results are asked for what they do not hold",
        "previous(x) is a set, a column of a table, or a profile's hosts, verdict or feature.",
        "filter web = dport = 80\nset gone = previous(web)",
        "set web = sip of inbound\nset gone = previous(web) - web",
    ),
)

STRUCTURE: Final[tuple[Code, ...]] = (
    _error(
        "FR230",
        "column",
        "columns of a table that cannot be told apart",
        "A column's default name is that of what it measures; `as` gives another.",
        "table t = sum(bytes) as n, flows as n of all per sip",
        "table t = sum(bytes) as volume, flows as n of all per sip",
    ),
    _error(
        "FR231",
        "table",
        "clauses of a table that do not fit together",
        "fill needs one key of time, cover a share below 100%, a rank a whole number of rows.",
        "table t = flows of all per sip fill",
        "table t = flows of all per sip, bin(stime, 1h) fill",
    ),
    _error(
        "FR232",
        "set",
        "sets of different things are combined, or a clause does not fit",
        "Sets of addresses meet sets of addresses; tuples agree position by position.",
        "set a = sip of inbound | dport of inbound",
        "set a = sip of inbound | dip of inbound",
    ),
    _error(
        "FR233",
        "profile",
        "a profile whose parts do not fit together",
        "A profile has one hosts clause; its verdicts are tried in order and `otherwise` stands last.",
        "profile p {\n    feature f = flows of all per sip\n}",
        "profile p {\n    hosts sip of all\n    feature f = flows of all per sip\n}",
    ),
    _error(
        "FR234",
        "side",
        "a feature measures the hosts of the other side",
        "Where the filter proves the direction, sip and dip are inside or outside; the wrong one would be 0 for everybody.",
        "profile p {\n    hosts sip of outbound\n    feature got = sum(bytes) of inbound per sip\n}",
        "profile p {\n    hosts sip of outbound\n    feature got = sum(bytes) of inbound per dip\n}",
    ),
    _error(
        "FR235",
        "entry",
        "an entry with columns or cells that it cannot have",
        "An entry's columns are protocol, internal, external, name and comment.",
        "profile p {\n    hosts sip of outbound\n    entry { inner host : any }\n}",
        "profile p {\n    hosts sip of outbound\n    entry { internal host : any }\n}",
    ),
    _error(
        "FR236",
        "severity",
        "a severity that does not exist",
        "Severities are info, notice, warning and error.",
        "check c : critical = flows of all > 0",
        "check c : error = flows of all > 0",
    ),
    _error(
        "FR237",
        "file-in-rules",
        "a ruleset that others can import names a file",
        "A shared rule runs on many sites; files come in through parameters.",
        'ruleset a { version "1.0.0" }\nset s = file "hosts.set"',
        'ruleset a { version "1.0.0" }\nparam s : set',
    ),
    _error(
        "FR238",
        "test",
        "a test that cannot run",
        "A test gives flows and says what must come out.",
        'test "nothing" {\n    expect count(s) = 0\n}\nset s = sip of all',
        'test "nothing" {\n    flows """\n    sip\n    """\n    expect count(s) = 0\n}\nset s = sip of all',
    ),
    _error(
        "FR239",
        "constant",
        "a list, map or schedule that contradicts itself",
        "Two labels for one prefix, or hours that never come, cannot be meant.",
        'map m : port {\n    "a" = 80\n    "b" = 80\n}',
        'map m : port {\n    "a" = 80\n    "b" = 81\n}',
    ),
    _error(
        "FR240",
        "parameter",
        "a parameter whose type, bounds or default do not fit",
        "The type says what a site may bind, the bounds in which range.",
        "param p : percent = 30% in 0.1% .. 20%",
        "param p : percent = 10% in 0.1% .. 20%",
    ),
    _error(
        "FR241",
        "tune",
        "an overlay, which this edition does not run yet",
        "Overlays change the rules of others; bind parameters in the site file instead.",
        "tune a.b {\n    param p = 1%\n}",
    ),
    _error(
        "FR242",
        "always-or-never",
        "a condition that can only be true, or only be false, as it is written",
        "`n of` needs at least one and at most all of its conditions.",
        "check c = 3 of (flows of inbound > 0, flows of outbound > 0)",
        "check c = 2 of (flows of inbound > 0, flows of outbound > 0)",
    ),
    _error(
        "FR243",
        "too-far-reaching",
        "a declaration needs a chain of more than 200 others, or a filter stands for more than 200,000 tests",
        "Filters are written out where they are named; a few lines that double each other would fill the memory.",
    ),
    Code(
        "FR290",
        "deprecated",
        "warning",
        "a name is used that its author has replaced",
        "The text of @deprecated says what to use instead.",
        '@deprecated("use web, since 1.2.0")\nfilter www = dport = 80\nset s = sip of www',
        "filter web = dport = 80\nset s = sip of web",
    ),
)

SITE: Final[tuple[Code, ...]] = (
    _error(
        "FR601",
        "unbound-parameter",
        "a parameter that the site must bind is not bound",
        "It has no default because only the site knows: its hours, its servers, its networks.",
    ),
    _error(
        "FR602",
        "bound-value",
        "a parameter is bound to a value of the wrong type or outside its bounds",
        "The message says what the ruleset asks for and what was given.",
    ),
    _error(
        "FR603",
        "unknown-parameter",
        "a value is bound to a parameter that no ruleset has",
        "A slip in the name would silently leave the default in force.",
    ),
    _error(
        "FR604",
        "bound-file",
        "a file that a parameter names cannot be read",
        "Lists of addresses, maps and baselines come in through files.",
    ),
    _error(
        "FR605",
        "unbound-map",
        "country, asn or name is asked, and the site binds no such map",
        "They come from a prefix map, a table of networks or a MaxMind file that the site file names under maps.",
    ),
)

CHECK_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {c.code: c for c in (*NAMES, *TYPES, *CALLS, *STRUCTURE, *SITE)}
)
"""The codes of the checker by number."""

ALL_CODES: Final[Mapping[str, Code]] = MappingProxyType({**CODES, **CHECK_CODES})
"""Codes of the parser and of the checker."""
