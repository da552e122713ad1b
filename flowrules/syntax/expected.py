"""The grammar's terminals in the language's own words, for a message that no better one could be found for."""

from __future__ import annotations

from typing import Final

from flowrules.syntax.stuck import Fault, Stuck

_VALUES: Final = frozenset("NUMBER COUNT SIZE PERCENT DURATION TIME IPV4 IPV6 CIDR WILD".split())  # noqa: SIM905
_ADDRESSES: Final = frozenset({"IPV4", "IPV6", "CIDR", "WILD"})
_COMPARATORS: Final = frozenset({"EQUAL", "NE", "LESSTHAN", "LE", "MORETHAN", "GE"})
_ARITHMETIC: Final = frozenset({"PLUS", "MINUS", "STAR", "SLASH"})
_SET_OPERATORS: Final = frozenset({"VBAR", "MINUS", "CIRCUMFLEX", "AMPERSAND"})

_WORDS: Final = {
    "NAME": "a name",
    "REF": "a name",
    "STRING": 'text in "…"',
    "NUMBER": "a number",
    "COUNT": "a count",
    "SIZE": "a size",
    "PERCENT": "a percent",
    "DURATION": "a duration",
    "TIME": "a time",
    "IPV4": "an address",
    "IPV6": "an address",
    "CIDR": "a block",
    "WILD": "a wildcard",
    "DAYS": "days such as mon-fri",
    "CLOCK": "a time of day such as 08:00",
    "ZONE": "a time zone such as Europe/Berlin",
    "FLAGS": "flags such as SA",
    "FLAGMASK": "flags as HIGH/MASK, such as S/SA",
    "VERSION": "a version such as @^1.0",
    "EQUAL": "`=`",
    "NE": "`!=`",
    "LESSTHAN": "`<`",
    "LE": "`<=`",
    "MORETHAN": "`>`",
    "GE": "`>=`",
    "DOTS": "`..`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "VBAR": "`|`",
    "AMPERSAND": "`&`",
    "CIRCUMFLEX": "`^`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "AT": "`@`",
}
_FIRST: Final = (
    "NAME REF STRING EQUAL COLON LBRACE LPAR OF WHERE PER KEEP ORDER WHEN OTHERWISE BECAUSE HOSTS FEATURE "
    "VERDICT ANOMALY ENTRY EXPECT FLOWS PREVIOUS PARAM AND OR IN NOT HAS LACKS MATCHES COMMA"
)
_ORDER: Final = {name: n for n, name in enumerate(_FIRST.split())}
_MOST = 6

NOUNS: Final = {
    "ruleset": "the ruleset block",
    "import": "the import",
    "param": "the parameter",
    "ports": "the list of ports",
    "nets": "the list of nets",
    "schedule": "the schedule",
    "map": "the map",
    "filter": "the filter",
    "set": "the set",
    "table": "the table",
    "profile": "the profile",
    "hosts": "the hosts clause",
    "feature": "the feature",
    "verdict": "the verdict",
    "anomaly": "the anomaly",
    "entry": "the entry",
    "check": "the check",
    "test": "the test",
    "tune": "the overlay",
    "value": "the value",
    "cond": "the condition",
    "flows": "the flows of the test",
    "expect": "the expectation",
    "previous": "the previous results of the test",
    "severity": "the line",
    "disable": "the line",
    "map_entry": "the line of the map",
}
"""What a declaration, a line or a text is called in messages, by its word."""


def keyword(terminal: str) -> str:
    """The word of a keyword's terminal (``WHERE`` is ``where``)."""
    return terminal.lower()


def words(accepts: frozenset[str]) -> list[str]:
    """What could stand, in the language's words, the likeliest first."""
    left = set(accepts) - {"$END", "AT"}
    said: list[str] = []
    if left & _COMPARATORS == _COMPARATORS:
        left -= _COMPARATORS | _ARITHMETIC
        said.append("a comparison such as `=` or `>=`")
    elif left >= _ARITHMETIC:
        left -= _ARITHMETIC
    if left >= _SET_OPERATORS:
        left -= _SET_OPERATORS
        said.append("`|`, `&`, `-` or `^` and another set")
    if {"REF", "NUMBER", "SIZE", "TIME"} <= left:
        left -= _VALUES | {"REF", "LPAR", "NOT", "REVERSE", "STRING", "LBRACE", "VERDICT", "IN"}
        said.insert(0, "a field, a name or a value")
    elif left >= _ADDRESSES:
        left -= _ADDRESSES
        said.append("an address or a block")
    if "AND" in left or "$END" in accepts:
        left.discard("LPAR")
    if "NAME" in left:
        left.discard("REF")
    for terminal in sorted(left, key=lambda t: (_ORDER.get(t, 99), t)):
        text = _WORDS.get(terminal) or f"`{keyword(terminal)}`"
        if text not in said:
            said.append(text)
    return said


def listed(said: list[str]) -> str:
    """``a, b or c``, cut where it gets long."""
    if len(said) > _MOST:
        said = said[:_MOST]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


LAYOUTS: Final = {
    "ruleset": 'ruleset name { version "1.0.0"  title "…" }',
    "import": "import ruleset (name, other as alias) as alias",
    "param": "param name : type = value in low .. high",
    "ports": "ports name = 80, 443, 8000-8080 except (8001)",
    "nets": "nets name = 10.0.0.0/8, 2001:db8::/32 except (10.9.0.0/16)",
    "schedule": "schedule name = mon-fri 08:00-18:00 Europe/Berlin except (2026-12-25)",
    "map": 'map name : address { "label" = 10.0.0.0/8 }',
    "filter": "filter name = outbound and tcp and dport in (80, 443)",
    "set": "set name = sip of filter except {10.0.0.1} keep flows >= 10",
    "table": "table name = measure, … of filter where … per key, … fill keep … order by …",
    "profile": "profile name { hosts set  feature …  verdict …  anomaly …  entry … }",
    "hosts": "hosts set | set",
    "feature": "feature name = measure of filter where … per key",
    "verdict": 'verdict name "title" drop when condition because "…"',
    "anomaly": 'anomaly name : severity in table when condition because "…"',
    "entry": "entry of filter per sip, protocol when condition { internal host : any  external any : any }",
    "check": 'check name : severity = condition because "…"',
    "test": 'test "what must hold" { param name = value  flows """…"""  expect condition }',
    "tune": 'tune ruleset@^1.0 { param name = value because "…" }',
    "flows": 'flows """…""" or flows file "sample.rw"',
    "expect": "expect condition",
    "previous": "previous name = {…}",
    "severity": 'severity name = info because "…"',
    "disable": 'disable verdict name because "…"',
    "map_entry": '"label" = 10.0.0.0/8, 10.1.x.x',
}
"""How a declaration or line reads, by its word."""


def unexpected(stuck: Stuck) -> Fault:
    """The message of last resort: what could stand here, and what was found."""
    said = words(stuck.accepts)
    noun = NOUNS.get(stuck.word, "the text")
    layout = LAYOUTS.get(stuck.word)
    hint = f"it reads: {layout}" if layout else None
    if stuck.is_end:
        at = len(stuck.text.rstrip())
        after = f" after `{stuck.previous}`" if stuck.previous and len(stuck.previous) < 40 else ""
        expected = f": expected {listed(said)}{after}" if said else ""
        return Fault("FR101", f"{noun} is not finished{expected}", at, at, hint)
    start, end = stuck.here()
    found = stuck.found if len(stuck.found) <= 40 else stuck.found[:37] + "…"
    if not said:
        return Fault("FR101", f"{noun} has ended before `{found}`", start, end, hint)
    if "$END" in stuck.accepts:
        return Fault(
            "FR101", f"expected {listed(said)}, or the end of {noun}, and found `{found}`", start, end, hint
        )
    return Fault("FR101", f"expected {listed(said)}, and found `{found}`", start, end, hint)
