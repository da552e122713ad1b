"""Fields and values of rwstats, rwuniq, rwbag and rwcut as keys and measures of the language."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from flowrules.translate.errors import TranslationError

_NUMBERS: Final = {
    1: "sip", 2: "dip", 3: "sport", 4: "dport", 5: "protocol", 6: "packets", 7: "bytes", 8: "flags", 9: "stime",
    10: "duration", 11: "etime", 12: "sensor", 13: "in", 14: "out", 15: "nhip", 20: "class", 21: "type", 22: "stime",
    23: "etime", 24: "duration", 26: "initialflags", 27: "sessionflags", 28: "attributes", 29: "application",
}  # fmt: skip
"""Numbers that ``--fields`` takes for field names."""

_ALIASES: Final = {
    "sip": "sip", "dip": "dip", "sport": "sport", "dport": "dport", "protocol": "protocol", "proto": "protocol",
    "packets": "packets", "pkts": "packets", "bytes": "bytes", "flags": "flags", "stime": "stime", "stime+msec": "stime",
    "duration": "duration", "dur": "duration", "dur+msec": "duration", "etime": "etime", "etime+msec": "etime",
    "sensor": "sensor", "in": "in", "input": "in", "out": "out", "output": "out", "nhip": "nhip", "class": "class",
    "type": "type", "itype": "itype", "icode": "icode", "initialflags": "initialflags", "sessionflags": "sessionflags",
    "attributes": "attributes", "application": "application",
}  # fmt: skip


@frozen
class KeyField:
    """A field as a key: SiLK's title, the column's name in the table, and the text of the key."""

    title: str
    column: str
    text: str


_TITLES: Final = {
    "sip": ("sIP", "sip", "sip"),
    "dip": ("dIP", "dip", "dip"),
    "sport": ("sPort", "sport", "sport"),
    "dport": ("dPort", "dport", "dport"),
    "protocol": ("protocol", "protocol", "protocol"),
    "packets": ("packets", "packets", "packets"),
    "bytes": ("bytes", "bytes", "bytes"),
    "flags": ("flags", "flags", "flags"),
    "stime": ("sTime", "stime", "bin(stime, 1s)"),
    "duration": ("duration", "duration", "bin(duration, 1s)"),
    "etime": ("eTime", "etime", "bin(etime, 1s)"),
    "sensor": ("sensor", "sensor", "sensor"),
    "in": ("in", "input", "input"),
    "out": ("out", "output", "output"),
    "nhip": ("nhIP", "nhip", "nhip"),
    "class": ("class", "class", "class"),
    "type": ("type", "type", "type"),
    "itype": ("iType", "icmp_type", "icmp_type"),
    "icode": ("iCode", "icmp_code", "icmp_code"),
    "initialflags": ("initialFlags", "initial_flags", "initial_flags"),
    "sessionflags": ("sessionFlags", "session_flags", "session_flags"),
    "attributes": ("attributes", "attributes", "attributes"),
    "application": ("application", "application", "application"),
}


def field_names(tool: str, text: str) -> list[str]:
    """``--fields`` as SiLK's lower-case names: names, numbers and ranges of numbers, each once."""
    found: list[str] = []
    for part in text.split(","):
        word = part.strip()
        low, dash, high = word.partition("-")
        if low.isdigit() and (not dash or high.isdigit()):
            numbers = range(int(low), int(high or low) + 1)
            unknown = [n for n in numbers if n not in _NUMBERS]
            if unknown:
                raise TranslationError(tool, "--fields", f"field {unknown[0]} cannot be said")
            found += [_NUMBERS[n] for n in numbers]
        elif word.lower() in _ALIASES:
            found.append(_ALIASES[word.lower()])
        elif word.lower().startswith(("src-", "dst-")):
            found.append(word.lower()[:4] + word[4:])
        else:
            raise TranslationError(tool, "--fields", f"field {word} cannot be said")
    for name in found:
        if found.count(name) > 1:
            raise TranslationError(tool, "--fields", f"field {name} stands twice")
    return found


def key_field(tool: str, name: str, width: int | None) -> KeyField:
    """A field as a key; times are binned to whole seconds, or to ``width`` seconds (``--bin-time``)."""
    title, column, text = _TITLES[name]
    if width is not None and name in ("stime", "etime"):
        return KeyField(title, f"{column}_bin" if column == name else column, f"bin({name}, {width}s)")
    if text.startswith("bin("):
        return KeyField(title, f"{column}_bin", text)
    return KeyField(title, column, text)


@frozen
class ValueField:
    """An aggregate: SiLK's title, the column's name in the table, and the text of the measure."""

    title: str
    column: str
    text: str


_VALUES: Final = {
    "records": ValueField("Records", "flows", "flows"),
    "flows": ValueField("Records", "flows", "flows"),
    "packets": ValueField("Packets", "packets", "sum(packets)"),
    "bytes": ValueField("Bytes", "bytes", "sum(bytes)"),
    "stime-earliest": ValueField("sTime-Earliest", "first", "first"),
    "stime": ValueField("sTime-Earliest", "first", "first"),
    "etime-latest": ValueField("eTime-Latest", "last", "last"),
    "etime": ValueField("eTime-Latest", "last", "last"),
}


def value_field(tool: str, switch: str, text: str) -> ValueField:
    """One of ``--values``: ``records packets bytes sip-distinct distinct:FIELD stime-earliest etime-latest``."""
    word = text.strip().lower()
    if word in _VALUES:
        return _VALUES[word]
    if word.endswith("-distinct"):
        word = f"distinct:{word.removesuffix('-distinct')}"
    if word.startswith("distinct:") and word[9:] in _ALIASES:
        name = _ALIASES[word[9:]]
        title, column, key = _TITLES[name]
        return ValueField(f"{title}-Distinct", f"distinct_{column}", f"distinct({key})")
    raise TranslationError(tool, switch, f"value {text} cannot be said")
