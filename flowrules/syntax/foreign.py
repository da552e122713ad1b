"""What hands used to C, SQL, SiLK, nfdump or tcpdump type, and the text to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from flowrules.model.fields import PROTOCOLS
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.stuck import Fault, Stuck

Guess = Callable[[Stuck], Fault | None]

# ---- operators ----------------------------------------------------------------------------------------

_DOUBLED: Final = {
    "&&": ("and", "AND"),
    "||": ("or", "OR"),
    "==": ("=", ""),
    "=>": (">=", ""),
    "=<": ("<=", ""),
    "<>": ("!=", ""),
    "=!": ("!=", ""),
    "=~": ("=", ""),
    "!~": ("!=", ""),
    ":=": ("=", ""),
}
_NAMED: Final = {
    "eq": "=",
    "equals": "=",
    "is": "=",
    "ne": "!=",
    "neq": "!=",
    "gt": ">",
    "ge": ">=",
    "gte": ">=",
    "lt": "<",
    "le": "<=",
    "lte": "<=",
}
_SIGNS: Final = {
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "×": "*",
    "÷": "/",
    "∈": "in",
    "∧": "and",
    "∨": "or",
    "¬": "not ",
}


def _doubled(stuck: Stuck) -> Fault | None:
    for at in (stuck.at, stuck.at - 1):
        mark = stuck.text[at : at + 2] if at >= 0 else ""
        if mark not in _DOUBLED:
            continue
        meant = _DOUBLED[mark][0]
        end = at + 3 if stuck.text[at : at + 3] in ("===", "!==") else at + 2
        space = " " if meant.isalpha() else ""
        if mark in ("=~", "!~"):
            message, hint = (
                f"`{mark}` is no operator: there are no patterns",
                f"compare with {meant}, or list with `in`",
            )
        else:
            message, hint = f"`{stuck.text[at:end]}` is no operator", f"write {meant}"
        return Fault("FR107", message, at, end, hint, f"{space}{meant}{space}", meant)
    return None


def _single(stuck: Stuck) -> Fault | None:
    """``!``, ``&`` and ``|`` in conditions, and signs that a keyboard lacks."""
    sign = stuck.rest[:1]
    if sign in _SIGNS:
        meant = _SIGNS[sign]
        return Fault(
            "FR107", f"`{sign}` is no operator", stuck.at, stuck.at + 1, f"write {meant}", f" {meant} ", meant
        )
    if sign == "!" and stuck.can("NOT"):
        return Fault("FR107", "`!` is no operator", stuck.at, stuck.at + 1, "write not", " not ", "not ")
    if (
        sign in ("&", "|", "^", "-")
        and re.search(r"\bin\s+[A-Za-z][\w.]*\s*$", stuck.before)
        and stuck.can("AND")
    ):
        hint = "give the set a name: set both = a | b, and write in both"
        return Fault("FR133", "a condition computes no sets", stuck.at, stuck.at + 1, hint)
    if sign == "&" and stuck.previous_word[0] in _FLAGS:
        hint = f"write {stuck.previous_word[0]} has S for set flags, matches S/SA to look at others too"
        return Fault("FR124", "flags are not masked with `&`", stuck.at, stuck.at + 1, hint)
    if sign in ("&", "|") and stuck.can("AND"):
        meant = "and" if sign == "&" else "or"
        message = f"`{sign}` joins sets, not conditions"
        return Fault("FR107", message, stuck.at, stuck.at + 1, f"write {meant}", f" {meant} ", meant)
    if sign == "," and stuck.in_predicate and not re.match(r",\s*$", stuck.rest):
        message = "a comma joins no conditions"
        return Fault("FR107", message, stuck.at, stuck.at + 1, "write and", " and ", " and")
    if sign == "+" and stuck.can("VBAR") and stuck.word in ("set", "hosts"):
        return Fault("FR107", "`+` unites no sets", stuck.at, stuck.at + 1, "write |", "|")
    if sign in ("%", "^") and stuck.can("STAR") and stuck.rest[:2] != "**":
        return Fault(
            "FR107", f"`{sign}` is no operator here", stuck.at, stuck.at + 1, "there are + - * and /"
        )
    return None


def _named(stuck: Stuck) -> Fault | None:
    word = stuck.found.lower()
    start, end = stuck.here()
    if word in _NAMED and stuck.can("EQUAL") and re.match(r"\S+\s+\S", stuck.rest):
        meant = _NAMED[word]
        return Fault("FR107", f"`{stuck.found}` is no operator", start, end, f"write {meant}", meant)
    if word in ("and", "or", "not", "in", "of", "per", "keep", "where", "when") and word != stuck.found:
        return Fault("FR107", f"`{stuck.found}` is written small", start, end, f"write {word}", word)
    return None


def _between(stuck: Stuck) -> Fault | None:
    """``bytes between 10 and 20``, ``sensor like "S%"``."""
    match = re.match(r"between\s+([^\s()]+)\s+and\s+([^\s()]+)", stuck.rest)
    if match and stuck.can("EQUAL"):
        value = f"in ({match[1]}-{match[2]})"
        return Fault(
            "FR107", "`between` is no operator", stuck.at, stuck.at + match.end(), f"write {value}", value
        )
    if stuck.found in ("like", "contains", "startswith", "endswith", "regex", "glob", "~") and stuck.can(
        "EQUAL"
    ):
        hint = "compare with =, list with `in`, or let a map give labels"
        return Fault("FR107", f"`{stuck.found}` is no operator: there are no patterns", *stuck.here(), hint)
    return None


def _joined_sets(stuck: Stuck) -> Fault | None:
    """``sip of a and dip of b``."""
    if stuck.found in ("and", "or", "not") and stuck.can("VBAR") and not stuck.can("AND"):
        meant = {"and": "&", "or": "|", "not": "-"}[stuck.found]
        message = f"`{stuck.found}` joins conditions, not sets"
        return Fault(
            "FR107",
            message,
            *stuck.here(),
            f"write {meant}: | is both, & is in both, - is the first alone",
            meant,
        )
    return None


OPERATORS: Final[tuple[Guess, ...]] = (_doubled, _single, _named, _between, _joined_sets)

# ---- rwfilter's switches ------------------------------------------------------------------------------

_SWITCH = re.compile(r"--(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:(?:=|[ \t]+)(?P<value>[^\s()=&|-][^\s()&|;]*))?")
_SWITCH_FIELDS: Final = {
    "saddress": "sip",
    "scidr": "sip",
    "sipset": "sip",
    "daddress": "dip",
    "dcidr": "dip",
    "dipset": "dip",
    "any-address": "aip",
    "any-cidr": "aip",
    "anyset": "aip",
    "next-hop-id": "nhip",
    "nhcidr": "nhip",
    "nhipset": "nhip",
    "proto": "protocol",
    "bytes-per-packet": "bytes_per_packet",
    "tcp-flags": "flags",
    "flags-all": "flags",
    "flags-initial": "initial_flags",
    "flags-session": "session_flags",
    "input-index": "input",
    "output-index": "output",
    "ip-version": "ip_version",
    "sensors": "sensor",
    "types": "type",
    "icmp-type": "icmp_type",
    "icmp-code": "icmp_code",
} | {
    name: name
    for name in "sport dport aport protocol packets bytes duration attributes application type class stime etime".split()  # noqa: SIM905
}
_OTHER_SWITCHES: Final = {
    "fields": "keys stand after per: flows of … per sip, dport",
    "values": "measures stand before of: sum(bytes), flows of …",
    "count": "the first ten: … keep top 10",
    "top": "the first ten: … keep top 10",
    "bottom": "the last ten: … keep bottom 10",
    "threshold": "a threshold: … keep flows >= 100",
    "percentage": "a threshold: … keep share >= 1%",
    "bin-size": "bins of time: … per bin(stime, 1h)",
    "bin-time": "bins of time: … per bin(stime, 1h)",
    "pass-destination": "what passes is a named filter; results are written with flowrules run --output",
}


def _switch(stuck: Stuck) -> Fault | None:
    for at in (stuck.at, stuck.at - 1):
        match = _SWITCH.match(stuck.text, at) if at >= 0 else None
        if match is None:
            continue
        name, value = match["name"].lower(), match["value"]
        if value in RESERVED:
            value = None
        end = match.end("value") if value else match.end("name")
        negated = name.startswith("not-")
        field = _SWITCH_FIELDS.get(name.removeprefix("not-"))
        if field is None or (value is None and stuck.can("AND", "REF")):
            hint = _OTHER_SWITCHES.get(name, "fields have SiLK's names without dashes: dport in (80, 443)")
            end = match.end()
            return Fault(
                "FR108", f"`--{match['name']}` is a switch, and rules have none", at, end, hint, " ", ""
            )
        written = _switched(name, field, value or "…", negated)
        joint = "and " if stuck.can("AND") else ""
        return Fault(
            "FR108",
            f"`--{match['name']}` is a switch of rwfilter, and fields are written without dashes",
            at,
            end,
            f"write {joint}{written}",
            f" {joint}{written} " if value else None,
            f"{joint}{written}",
        )
    return None


def _switched(name: str, field: str, value: str, negated: bool) -> str:
    if name == "tcp-flags":
        return f"not flags lacks {value.upper()}"
    if name.endswith("set"):
        stem = re.sub(r"\W", "_", re.sub(r"^.*/|\.\w+$", "", value)) or "known"
        return f"{field} {'not in' if negated else 'in'} {stem if stem[0].isalpha() else f'set_{stem}'}"
    return condition(field, value, negated)


SWITCHES: Final[tuple[Guess, ...]] = (_switch,)

# ---- conditions without their operator ----------------------------------------------------------------

_FIELDS: Final = {
    "ip": "aip",
    "host": "aip",
    "net": "aip",
    "addr": "aip",
    "address": "aip",
    "port": "aport",
    "proto": "protocol",
    "sensors": "sensor",
} | {
    name: name
    for name in str.split(
        "sip dip aip nhip inside outside sport dport aport inside_port outside_port protocol packets bytes flags "
        "initial_flags session_flags attributes duration stime etime type class sensor input output application "
        "ip_version icmp_type icmp_code bytes_per_packet packets_per_second bytes_per_second"
    )
}
_ADDRESSES: Final = frozenset({"sip", "dip", "aip", "nhip", "inside", "outside"})
_PORTS: Final = frozenset({"sport", "dport", "aport", "inside_port", "outside_port"})
_FLAGS: Final = frozenset({"flags", "initial_flags", "session_flags", "attributes"})
_LABELS: Final = frozenset({"type", "class", "sensor"})
_COMPARATOR = r"(?:<=|>=|!=|<|>|=)"
_ITEM = r"(?:\"[^\"]*\"|[A-Za-z0-9_.:/%*-]*[A-Za-z0-9_.:/%*-])"
_ARGUMENT = rf"(?:{_COMPARATOR}\s*)?{_ITEM}(?:\s*,\s*{_ITEM})*"
_SIDED = re.compile(rf"(?P<what>ip|host|net|port|addr|address)\s+(?:in\s+)?(?P<value>{_ARGUMENT})")
_SIDE = re.compile(r"\b(?P<side>src|dst|any)\s+$")
_VALUE = re.compile(rf"(?P<value>{_ITEM}(?:\s*,\s*{_ITEM})*)")
_PREFIX = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,3})/(\d{1,2})")
_STAR = re.compile(r"\d{1,3}(?:\.(?:\d{1,3}|\*)){1,3}")


def _sided(stuck: Stuck) -> Fault | None:
    """``src ip 10.0.0.1``, ``dst port 80``."""
    side, rest = _SIDE.search(stuck.before), _SIDED.match(stuck.rest)
    if side is None or rest is None:
        return None
    port = rest["what"] == "port"
    field = {"src": "s", "dst": "d", "any": "a"}[side["side"]] + ("port" if port else "ip")
    written = condition(field, rest["value"])
    end = stuck.at + rest.end()
    text = stuck.text[side.start() : end]
    return Fault(
        "FR108", f"`{text}` is no condition of this language", side.start(), end, f"write {written}", written
    )


def _bare(stuck: Stuck) -> Fault | None:
    """``proto 6``, ``dport 80,443``, ``packets 4-``, ``flags S/SA``: a field and a value with nothing between."""
    word, start = stuck.previous_word
    field = _FIELDS.get(word)
    if field is None or not stuck.in_predicate or stuck.is_end:
        return None
    call = re.search(r"([A-Za-z_]\w*)\([^()]*$", stuck.before)
    if call and call[1] not in ("fraction", "and", "or", "not", "in", "of"):
        return None  # a comma is missing between arguments
    match = _VALUE.match(stuck.rest)
    if match is None:
        return None
    value = match["value"]
    named = re.fullmatch(r"[A-Za-z_]\w*", stuck.found) is not None
    if stuck.found in RESERVED or (named and field not in _LABELS | _FLAGS and stuck.found not in PROTOCOLS):
        return None
    if field in _FLAGS and not re.fullmatch(r"[A-Za-z]*(?:/[A-Za-z]+)?", stuck.blob[1]):
        return None
    if field in _FLAGS:
        value = stuck.blob[1]
    end = stuck.at + len(value)
    written = condition(field, value)
    known = word == field
    message = (
        f"`{word}` and its value lack a comparison"
        if known
        else f"`{word} {value}` is no condition of this language"
    )
    return Fault("FR108", message, start, end, f"write {written}", written)


def condition(field: str, value: str, negated: bool = False) -> str:
    """A condition on a field from a value as rwfilter, nfdump and tcpdump take it: lists, open ranges, flags."""
    value = value.strip()
    if field in _FLAGS:
        masks = value.upper().split(",")
        if "/" not in value:
            return f"{field} has {masks[0]}"
        return f"{field} matches {masks[0]}" if len(masks) == 1 else f"{field} matches ({', '.join(masks)})"
    comparator = re.match(_COMPARATOR, value)
    if comparator:
        return f"{field} {comparator[0]} {value[comparator.end() :].strip()}"
    items = [_item(field, item.strip()) for item in value.split(",") if item.strip()]
    if field == "protocol" and len(items) == 1 and items[0] in PROTOCOLS:
        return f"not {items[0]}" if negated else items[0]
    word = "not in" if negated else "in"
    if len(items) != 1:
        return f"{field} {word} ({', '.join(items)})"
    one = items[0]
    if re.fullmatch(r"\d[\w.:/]*-", value) and field not in _PORTS:
        return f"{field} {'<' if negated else '>='} {one}"
    if "/" in one or "x" in one.split("."):
        return f"{field} {word} {one}"
    if re.fullmatch(r"[\d.:a-f]+-[\d.:a-f]+", one):
        return f"{field} {word} ({one})"
    if field in _ADDRESSES and re.match(r"[A-Za-z_]\w*$", one):
        return f"{field} {word} {one}"
    return f"{field} {'!=' if negated else '='} {one}"


def _item(field: str, item: str) -> str:
    """One value of a list, made right."""
    if field in _PORTS and re.fullmatch(r"\d+-", item):
        return f"{item}65535"
    if re.fullmatch(r"\d[\w.:/]*-", item):
        return item[:-1]
    if field in _ADDRESSES:
        return whole_address(item)
    if field == "sensor" and re.fullmatch(r"[\w.]+-[\w.-]*", item):
        return f'"{item}"'
    if field == "duration" and re.fullmatch(r"\d+", item):
        return f"{item}s"
    return item


def whole_address(text: str) -> str:
    """An address or block that people shorten, written out: ``10/8``, ``10.1``, ``10.1.*.*``."""
    prefix = _PREFIX.fullmatch(text)
    if prefix:
        parts = prefix[1].split(".")
        return f"{'.'.join((*parts, *['0'] * (4 - len(parts))))}/{prefix[2]}"
    if "*" in text and _STAR.fullmatch(text):
        parts = text.replace("*", "x").split(".")
        return ".".join((*parts, *["x"] * (4 - len(parts))))
    return text


# ---- words of other languages -------------------------------------------------------------------------

_CLAUSES: Final = {
    "from": ("of", "OF"),
    "having": ("keep", "KEEP"),
    "limit": ("keep top", "KEEP"),
    "group": ("per", "PER"),
    "by": ("per", "PER"),
    "filter": ("where", "WHERE"),
    "if": ("when", "WHEN"),
    "unless": ("when not", "WHEN"),
    "else": ("otherwise", "OTHERWISE"),
    "default": ("otherwise", "OTHERWISE"),
    "as": ("because", "BECAUSE"),
    "then": ("because", "BECAUSE"),
    "msg": ("because", "BECAUSE"),
    "sort": ("order", "ORDER"),
    "sorted": ("order", "ORDER"),
    "with": ("where", "WHERE"),
    "without": ("except", "EXCEPT"),
    "minus": ("except", "EXCEPT"),
    "union": ("|", "VBAR"),
    "intersect": ("&", "AMPERSAND"),
    "xor": ("^", "CIRCUMFLEX"),
}


def _clause_word(stuck: Stuck) -> Fault | None:
    word = stuck.found.lower()
    meant = _CLAUSES.get(word)
    if meant is None or meant[1] not in stuck.accepts or stuck.can("REF", "NAME"):
        return None
    start, end = stuck.here()
    if word in ("group", "sort", "sorted"):
        by = re.match(r"\w+\s+by\b", stuck.rest)
        if by is None and word != "group":
            return None
        end = start + (by.end() if by else len(word))
        text = "order by" if meant[0] == "order" else meant[0]
        return Fault("FR101", f"`{stuck.text[start:end]}` is no clause", start, end, f"write {text}", text)
    return Fault("FR101", f"`{stuck.found}` is no clause", start, end, f"write {meant[0]}", meant[0])


CONDITIONS: Final[tuple[Guess, ...]] = (_sided, _bare)
CLAUSES: Final[tuple[Guess, ...]] = (_clause_word,)
