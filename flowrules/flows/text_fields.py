"""The columns of flow records as text: their titles, and what they are made of.

Source: rwcut(1).
"""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class TextField:
    """One column of text: the language's name, rwcut's title and number, and the stored fields it needs."""

    name: str
    title: str
    number: int | None
    needs: frozenset[str]


def _text_fields() -> dict[str, TextField]:
    plain = [
        ("sip", "sIP", 1, "ip_version"),
        ("dip", "dIP", 2, "ip_version"),
        ("sport", "sPort", 3, ""),
        ("dport", "dPort", 4, ""),
        ("protocol", "protocol", 5, ""),
        ("packets", "packets", 6, ""),
        ("bytes", "bytes", 7, ""),
        ("flags", "flags", 8, ""),
        ("stime", "sTime", 9, ""),
        ("duration", "duration", 10, ""),
        ("etime", "eTime", 11, "stime duration"),
        ("sensor", "sensor", 12, ""),
        ("input", "in", 13, ""),
        ("output", "out", 14, ""),
        ("nhip", "nhIP", 15, "ip_version"),
        ("initial_flags", "initialFlags", 26, "attributes"),
        ("session_flags", "sessionFlags", 27, "attributes"),
        ("attributes", "attributes", 28, ""),
        ("application", "application", 29, ""),
        ("class", "class", 20, "type"),
        ("type", "type", 21, ""),
        ("icmp_type", "iType", None, "dport protocol ip_version"),
        ("icmp_code", "iCode", None, "dport protocol ip_version"),
    ]
    derived = {"etime", "class", "icmp_type", "icmp_code"}
    return {
        name: TextField(name, title, number, frozenset(needs.split()) | ({name} - derived))
        for name, title, number, needs in plain
    }


TEXT_FIELDS: Final = _text_fields()
"""All columns, by the language's name, in the order in which they are printed by default."""

_BY_WORD: Final = {
    **{f.title.lower(): f for f in TEXT_FIELDS.values()},
    **{f.name: f for f in TEXT_FIELDS.values()},
    **{str(f.number): f for f in TEXT_FIELDS.values() if f.number is not None},
    # other words that rwcut takes, or that older versions of it printed
    "pro": TEXT_FIELDS["protocol"],
    "pkts": TEXT_FIELDS["packets"],
    "dur": TEXT_FIELDS["duration"],
    "stime+msec": TEXT_FIELDS["stime"],
    "etime+msec": TEXT_FIELDS["etime"],
    "dur+msec": TEXT_FIELDS["duration"],
    "22": TEXT_FIELDS["stime"],
    "23": TEXT_FIELDS["etime"],
    "24": TEXT_FIELDS["duration"],
    "appl": TEXT_FIELDS["application"],
}

NOT_READ: Final = frozenset({"scc", "dcc", "stype", "dtype", "icmptypecode", "memo"})
"""Titles of rwcut columns that say nothing about the record which other columns do not."""


def field_of_title(title: str) -> TextField | None:
    """The column that a title, a name or rwcut's number means, in any case; ``None``: there is none."""
    return _BY_WORD.get(title.strip().lower())


def parse_fields(text: str) -> tuple[TextField, ...]:
    """The columns that a list such as ``sIP,dIP,9-11`` names, as ``rwcut --fields`` takes it.

    Raises ``ValueError`` saying what is wrong; a column may not be named twice.
    """
    out: list[TextField] = []
    for word in text.split(","):
        found = _range(word.strip()) or [field_of_title(word)]
        for one in found:
            if one is None:
                raise ValueError(
                    f"unknown field '{word.strip()}'; the fields are {', '.join(f.title for f in TEXT_FIELDS.values())}"
                )
            if one in out:
                raise ValueError(f"field {one.title} is named twice")
            out.append(one)
    return tuple(out)


def _range(word: str) -> list[TextField | None] | None:
    first, dash, last = word.partition("-")
    if not dash or not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        return None
    low, high = int(first[:4]), int(last[:4])
    if not 1 <= low <= high <= 29:
        return [None]
    return [_BY_WORD.get(str(number)) for number in range(low, high + 1)]
