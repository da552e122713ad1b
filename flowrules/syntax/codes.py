"""Every diagnostic code there is, in one place: ``flowrules explain code`` and the docs are made from it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from attrs import frozen

from flowrules.model.structural import Structural


@frozen(eq=False, repr=False)
class Code(Structural):
    """One kind of finding.

    ``what`` says in one line what is reported, ``why`` why it matters; ``bad`` shows text that is reported,
    ``good`` the same text put right (empty where no text can show it).  Tests hold every pair to it.
    """

    code: str
    name: str
    severity: str
    what: str
    why: str
    bad: str = ""
    good: str = ""


def _error(code: str, name: str, what: str, why: str, bad: str = "", good: str = "") -> Code:
    return Code(code, name, "error", what, why, bad, good)


SYNTAX: Final[tuple[Code, ...]] = (
    _error(
        "FR101",
        "unexpected-text",
        "something stands where the language has no place for it",
        "The parser stopped here; the message says what could stand instead.",
        "filter web = dport in (80, 443) tcp",
        "filter web = dport in (80, 443) and tcp",
    ),
    _error(
        "FR102",
        "unterminated-string",
        "a string is opened and never closed",
        'A string between "…" ends on its own line; text of several lines stands between """ and """.',
        'check any : warning = flows of all > 0 because "nothing was seen',
        'check any : warning = flows of all > 0 because "nothing was seen"',
    ),
    _error(
        "FR103",
        "unclosed-bracket",
        "a bracket is opened and never closed",
        "Everything after it would be read as its contents.",
        "filter web = (tcp or udp and dport in (80, 443)",
        "filter web = (tcp or udp) and dport in (80, 443)",
    ),
    _error(
        "FR104",
        "unmatched-bracket",
        "a bracket closes one that was never opened, or one of another kind",
        "What belongs together cannot be told.",
        "filter web = tcp or udp) and dport in (80, 443)",
        "filter web = (tcp or udp) and dport in (80, 443)",
    ),
    _error(
        "FR105",
        "reserved-word",
        "a reserved word is used as a name",
        "The words that begin declarations and clauses are kept out of names, so that an unfinished line is "
        "blamed on itself and not on the next one.",
        "ports check = 80, 443",
        "ports check_ports = 80, 443",
    ),
    _error(
        "FR106",
        "unknown-declaration",
        "a line begins with a word that declares nothing",
        "A file holds ruleset, import, param, ports, nets, schedule, map, filter, set, table, profile, anomaly, "
        "check, test and tune.",
        "fliter web = tcp and dport = 80",
        "filter web = tcp and dport = 80",
    ),
    _error(
        "FR107",
        "foreign-operator",
        "an operator of another language",
        "Conditions are words, so that they can be read aloud: and, or, not, in; equality is one =.",
        "filter web = tcp && dport = 80",
        "filter web = tcp and dport = 80",
    ),
    _error(
        "FR108",
        "foreign-condition",
        "a condition as rwfilter, nfdump or tcpdump write it",
        "Fields have SiLK's names, without dashes, and every comparison has its operator.",
        "filter web = tcp and --dport=80,443",
        "filter web = tcp and dport in (80, 443)",
    ),
    _error(
        "FR109",
        "foreign-character",
        "a character or a mark that the language does not use",
        "Comments begin with #, strings stand in double quotes, lines need no semicolon.",
        "filter web = tcp and dport = 80;",
        "filter web = tcp and dport = 80",
    ),
    _error(
        "FR110",
        "missing-of",
        "`of` is missing between what is asked and which flows",
        "The whole language in one line: what of which flows per keys keep threshold.",
        "set clients = sip outbound",
        "set clients = sip of outbound",
    ),
    _error(
        "FR111",
        "missing-parentheses",
        "a list stands without its parentheses",
        "Without them nobody can tell where the list ends.",
        "filter web = dport in 80, 443 and tcp",
        "filter web = dport in (80, 443) and tcp",
    ),
    _error(
        "FR112",
        "wrong-brackets",
        "a list stands in brackets of another kind",
        "Round brackets hold the list after `in`, braces hold a set, square brackets look up one value.",
        "filter web = dport in [80, 443]",
        "filter web = dport in (80, 443)",
    ),
    _error(
        "FR113",
        "open-range",
        "a range lacks one of its ends",
        "Both ends of a range are written; without a bound, a comparison says it.",
        "filter big = packets >= 4-",
        "filter big = packets >= 4",
    ),
    _error(
        "FR114",
        "unknown-unit",
        "a number has a unit that the language does not know, or one with two meanings",
        "Units decide by factors of thousands; 5m could be minutes or millions.",
        "filter long = duration > 5m",
        "filter long = duration > 5min",
    ),
    _error(
        "FR115",
        "malformed-number",
        "a number is written in a way that the language does not know",
        "Numbers are decimal digits, with a point or a unit; there is no sign, exponent or separator.",
        "filter big = packets > 1e6",
        "filter big = packets > 1M",
    ),
    _error(
        "FR116",
        "inexact-literal",
        "a literal is finer than what its type can hold",
        "Counts and sizes are whole, times and durations are whole milliseconds; nothing is rounded silently.",
        "filter some = packets > 1.2345k",
        "filter some = packets > 1234",
    ),
    _error(
        "FR117",
        "malformed-address",
        "an address cannot exist",
        "IPv4 has four numbers up to 255, IPv6 eight groups or one ::.",
        "filter one = sip = 300.1.1.1",
        "filter one = sip = 30.1.1.1",
    ),
    _error(
        "FR118",
        "host-bits-set",
        "a block has bits set behind its prefix length",
        "Either the address or the length is a slip; the block that was meant is said.",
        "nets lab = 10.20.1.5/16",
        "nets lab = 10.20.0.0/16",
    ),
    _error(
        "FR119",
        "prefix-length",
        "a prefix length is longer than an address",
        "IPv4 has 32 bits, IPv6 128.",
        "nets lab = 10.20.0.0/33",
        "nets lab = 10.20.0.0/32",
    ),
    _error(
        "FR120",
        "reversed-range",
        "a range ends before it begins",
        "It would hold nothing.",
        "ports mail = 8080-8000",
        "ports mail = 8000-8080",
    ),
    _error(
        "FR121",
        "mixed-range",
        "the two ends of a range are of different kinds, or are joined by the wrong mark",
        "Numbers and addresses are joined by -, times by .. between spaces.",
        "filter day = stime in (2026-01-05-2026-01-06)",
        "filter day = stime in (2026-01-05 .. 2026-01-06)",
    ),
    _error(
        "FR122",
        "malformed-time",
        "a time that no calendar or clock has, or in a form that the language does not know",
        "Times are written as 2026-01-31T10:00Z or as SiLK's 2009/09/01:13.",
        "filter day = stime >= 2026-13-40",
        "filter day = stime >= 2026-12-31",
    ),
    _error(
        "FR123",
        "malformed-hours",
        "the hours of a schedule cannot be read",
        "A slot is days, a start and an end: mon-fri 08:00-18:00; the zone has its IANA name.",
        "schedule work = Monday-Friday 08:00-18:00",
        "schedule work = mon-fri 08:00-18:00",
    ),
    _error(
        "FR124",
        "malformed-flags",
        "flags are written in a way that no flow can match, or that the language does not know",
        "`has` and `lacks` take letters, `matches` takes HIGH/MASK with HIGH within MASK.",
        "filter syn = tcp and flags matches SA/S",
        "filter syn = tcp and flags matches S/SA",
    ),
    _error(
        "FR125",
        "unknown-escape",
        "a backslash stands before a character that it does not change",
        'Strings know \\" \\\\ \\n and \\{.',
        r'check any : warning = flows of all > 0 because "see C:\flows"',
        r'check any : warning = flows of all > 0 because "see C:\\flows"',
    ),
    _error(
        "FR126",
        "malformed-text",
        "braces in a text do not hold a name, count(…) or a map",
        "Texts show values, they compute nothing; a brace that means itself is written \\{.",
        'anomaly many : notice when count(silent) > 3 because "{count(silent) + 1} sensors"',
        'anomaly many : notice when count(silent) > 3 because "{count(silent)} sensors"',
    ),
    _error(
        "FR127",
        "nested-too-deep",
        "brackets or operations are nested deeper than 200",
        "No person writes such a rule; the limit keeps hostile files from exhausting the parser.",
    ),
    _error(
        "FR128",
        "file-too-large",
        "a ruleset is larger than 8 MiB",
        "Long lists of addresses belong in a set file that a parameter names.",
    ),
    _error(
        "FR129",
        "not-utf8",
        "a file is not UTF-8 text",
        "Bytes that are no text cannot be shown or compared; save the file as UTF-8.",
    ),
    _error(
        "FR130",
        "control-character",
        "a NUL or another control character stands in a file",
        "It is invisible and means nothing; the file is perhaps no text, or UTF-16.",
    ),
    _error(
        "FR131",
        "second-ruleset",
        "a file has more than one ruleset block",
        "A file is one ruleset: its name is what others import.",
        'ruleset a { version "1" }\nruleset b { version "1" }',
        'ruleset a { version "1" }',
    ),
    _error(
        "FR132",
        "misplaced-clause",
        "a clause or declaration stands where it cannot",
        "Clauses have one order, so that rules read alike: of, where, per, fill, keep, order.",
        "table t = flows of all keep top 10 per sip",
        "table t = flows of all per sip keep top 10",
    ),
    _error(
        "FR133",
        "arithmetic-in-filter",
        "a predicate about one flow computes",
        "Filters compare fields as they are; bytes_per_packet and its kin are fields, and sums of groups are "
        "computed in tables and features.",
        "filter big = bytes / packets > 1000",
        "filter big = bytes_per_packet > 1000",
    ),
    _error(
        "FR134",
        "chained-comparison",
        "two comparisons share an operand",
        "Each comparison stands alone; `and` joins them.",
        "filter mid = 4 < packets < 10",
        "filter mid = packets > 4 and packets < 10",
    ),
)
"""Codes of the parser, FR101 to FR199."""

CODES: Final = MappingProxyType({c.code: c for c in SYNTAX})
"""Every code by its number."""
