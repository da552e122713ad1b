"""Fields and values of rwstats, rwuniq, rwbag and rwcut as keys and measures of the language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from attrs import evolve, frozen

from flowrules.translate.errors import TranslationError

_NUMBERS: Final = {
    1: "sip", 2: "dip", 3: "sport", 4: "dport", 5: "protocol", 6: "packets", 7: "bytes", 8: "flags", 9: "stime",
    10: "duration", 11: "etime", 12: "sensor", 13: "in", 14: "out", 15: "nhip", 20: "class", 21: "type", 22: "stime",
    23: "etime", 24: "duration", 26: "initialflags", 27: "sessionflags", 28: "attributes", 29: "application",
}  # fmt: skip
"""Numbers that ``--fields`` takes for field names."""

_ALIASES: Final = {
    "sip": "sip", "dip": "dip", "sport": "sport", "dport": "dport", "protocol": "protocol", "packets": "packets",
    "pkts": "packets", "bytes": "bytes", "flags": "flags", "stime": "stime", "stime+msec": "stime",
    "duration": "duration", "dur": "duration", "dur+msec": "duration", "etime": "etime", "etime+msec": "etime",
    "sensor": "sensor", "in": "in", "input": "in", "out": "out", "output": "out", "nhip": "nhip", "class": "class",
    "type": "type", "itype": "itype", "icode": "icode", "initialflags": "initialflags", "sessionflags": "sessionflags",
    "attributes": "attributes", "application": "application", "icmptypecode": "icmptypecode",
}  # fmt: skip

Maps = Mapping[str, tuple[str, str]]
"""Prefix maps of a command: SiLK's map name to the declared name and kind."""

TIMES: Final = ("stime", "duration", "etime")


@frozen
class KeyField:
    """A field as a key: SiLK's title, the column's name in the table, and the text of the key.

    ``of`` says which time of the flow it is (``stime``, ``duration``, ``etime``).  A time that follows from the
    other two has no text: it is printed, and flows are not grouped by it.
    """

    title: str
    column: str
    text: str
    of: str = ""
    map: str = ""
    """The declared prefix map whose labels these are."""


_TITLES: Final = {
    "sip": ("sIP", "sip", "sip"),
    "dip": ("dIP", "dip", "dip"),
    "sport": ("sPort", "sport", "sport"),
    "dport": ("dPort", "dport", "dport"),
    "protocol": ("protocol", "protocol", "protocol"),
    "packets": ("packets", "packets", "packets"),
    "bytes": ("bytes", "bytes", "bytes"),
    "flags": ("flags", "flags", "flags"),
    "stime": ("sTime", "stime_bin", "bin(stime, 1s)"),
    "duration": ("duration", "duration_bin", "bin(duration, 1s)"),
    "etime": ("eTime", "etime_bin", "bin(etime, 1s)"),
    "sensor": ("sensor", "sensor", "sensor"),
    "in": ("in", "input", "input"),
    "out": ("out", "output", "output"),
    "nhip": ("nhIP", "nhip", "nhip"),
    # rwuniq groups by the number that says class and type at once
    "class": ("class", "type", "type"),
    "type": ("type", "type", "type"),
    # what is not ICMP counts as type 0, code 0
    "itype": ("iType", "itype", "known_or(icmp_type, 0)"),
    "icode": ("iCode", "icode", "known_or(icmp_code, 0)"),
    "initialflags": ("initialFlags", "initial_flags", "initial_flags"),
    "sessionflags": ("sessionFlags", "session_flags", "session_flags"),
    "attributes": ("attributes", "attributes", "attributes"),
    "application": ("application", "application", "application"),
}


def matched(word: str, known: Mapping[str, str]) -> str | None:
    """What a word means: itself in any case, or the one thing that begins with it."""
    lower = word.lower()
    if lower in known:
        return known[lower]
    found = {known[k] for k in known if lower and k.startswith(lower)}
    return found.pop() if len(found) == 1 else None


def field_names(tool: str, text: str, switch: str = "--fields") -> list[str]:
    """``--fields`` as SiLK's lower-case names: names, numbers and ranges of numbers, each once."""
    found: list[str] = []
    for part in text.split(","):
        word = part.strip()
        low, dash, high = word.partition("-")
        if low.isdigit() and (not dash or high.isdigit()):
            numbers = range(int(low), int(high or low) + 1)
            unknown = [n for n in numbers if n not in _NUMBERS]
            if unknown:
                raise TranslationError(tool, switch, f"field {unknown[0]} cannot be said")
            found += [_NUMBERS[n] for n in numbers]
        elif word.lower().startswith(("src-", "dst-")):
            found.append(word.lower()[:4] + word[4:])
        else:
            name = matched(word, _ALIASES)
            if name is None:
                raise TranslationError(tool, switch, f"field {word} cannot be said")
            found += ["itype", "icode"] if name == "icmptypecode" else [name]
    for name in found:
        if found.count(name) > 1:
            raise TranslationError(tool, switch, f"field {name} stands twice")
    return found


def map_key(tool: str, switch: str, name: str, maps: Maps) -> KeyField:
    """``src-NAME`` or ``dst-NAME``: a flow's label in a prefix map."""
    from flowrules.translate.rwfilter import map_call

    if name[4:] not in maps:
        raise TranslationError(tool, switch, f"no --pmap-file names a map {name[4:]}")
    declared, kind = maps[name[4:]]
    text = map_call(declared, kind, name[0])
    return KeyField(name, f"{name[:3]}_{declared}", text, map=declared)


def key_field(name: str) -> KeyField:
    """A field as a key; times in whole seconds."""
    title, column, text = _TITLES[name]
    return KeyField(title, column, text, name if name in TIMES else "")


def time_keys(names: Iterable[str], width: int | None, seconds: bool) -> dict[str, KeyField]:
    """The time fields among those named, as keys.

    ``width`` is the bin of start and end times (ms; ``None``: one second, or none without ``seconds``).  Of all
    three times one follows from the others: the last that is named, or with bins the duration.
    """
    from flowrules.translate.values import duration_text

    asked = [n for n in names if n in TIMES]
    follows = None if len(set(asked)) < 3 else "duration" if width is not None else asked[-1]
    found: dict[str, KeyField] = {}
    for name in asked:
        title, column, _ = _TITLES[name]
        step = width if name != "duration" else None
        if name == follows:
            text = ""
        elif step is not None:
            text = f"bin({name}, {duration_text(step)})"
        else:
            text = f"bin({name}, 1s)" if seconds else name
        found[name] = KeyField(title, column if text.startswith("bin") else name, text, name)
    return found


@frozen
class ValueField:
    """An aggregate: SiLK's title, the column's name in the table, and the text of the measure."""

    title: str
    column: str
    text: str

    @property
    def distinct(self) -> bool:
        """Whether it counts different values."""
        return self.text.startswith("distinct(")

    def beside(self, keys: Iterable[KeyField]) -> ValueField:
        """The value with a column of its own where a key has that name."""
        if any(key.text and key.column == self.column for key in keys):
            return evolve(self, column=f"sum_{self.column}")
        return self


RECORDS: Final = ValueField("Records", "flows", "flows")
PACKETS: Final = ValueField("Packets", "packets", "sum(packets)")
BYTES: Final = ValueField("Bytes", "bytes", "sum(bytes)")
EARLIEST: Final = ValueField("sTime-Earliest", "first", "first")
LATEST: Final = ValueField("eTime-Latest", "last", "last")

_VALUES: Final = {
    "records": RECORDS, "flows": RECORDS, "packets": PACKETS, "bytes": BYTES, "stime-earliest": EARLIEST,
    "etime-latest": LATEST,
}  # fmt: skip
_VALUE_WORDS: Final = {
    **{k: k for k in _VALUES},
    "sip-distinct": "sip-distinct",
    "dip-distinct": "dip-distinct",
}


def value_field(tool: str, switch: str, text: str, maps: Maps) -> ValueField:
    """One of ``--values``: ``records packets bytes sip-distinct distinct:FIELD stime-earliest etime-latest``."""
    word, colon, attribute = text.strip().partition(":")
    if colon:
        if not word or not "distinct".startswith(word.lower()):
            raise TranslationError(tool, switch, f"value {text} cannot be said")
        names = field_names(tool, attribute, switch)
        if len(names) != 1:
            raise TranslationError(tool, switch, f"value {text} counts more than one field")
        return _distinct(tool, switch, names[0], maps)
    name = matched(word, _VALUE_WORDS)
    if name is None:
        raise TranslationError(tool, switch, f"value {text} cannot be said")
    return _VALUES[name] if name in _VALUES else _distinct(tool, switch, name[:3], maps)


def _distinct(tool: str, switch: str, name: str, maps: Maps) -> ValueField:
    key = map_key(tool, switch, name, maps) if name[:4] in ("src-", "dst-") else key_field(name)
    column = name if name in TIMES else name if name == "class" else key.column
    return ValueField(f"{key.title}-Distinct", f"distinct_{column}", f"distinct({key.text})")


Naming = Callable[[str], str]
"""A base to a name that nothing else has."""
