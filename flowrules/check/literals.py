"""Literals against the type that is expected where they stand: the value, or a message that says what to write."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from flowrules.check.builtin import FIELDS, LOWEST_HIGHEST
from flowrules.check.nouns import literal_noun, type_noun
from flowrules.check.workspace import Workspace
from flowrules.model import types as t
from flowrules.model.expression import Value
from flowrules.model.types import Type
from flowrules.syntax import tree

NATURAL: Final = {
    "number": t.COUNT,
    "count": t.COUNT,
    "size": t.BYTES,
    "percent": t.PERCENT,
    "duration": t.DURATION,
    "time": t.TIME,
    "ipv4": t.ADDRESS,
    "ipv6": t.ADDRESS,
    "cidr": t.BLOCK,
    "wild": t.ADDRESS,
    "string": t.LABEL,
}
"""The type of a literal where nothing is expected of it."""

_KINDS: Final = {
    t.COUNT: ("number", "count"),
    t.NUMBER: ("number", "count", "percent"),
    t.BYTES: ("size", "number"),
    t.PERCENT: ("percent",),
    t.DURATION: ("duration",),
    t.TIME: ("time",),
    t.ADDRESS: ("ipv4", "ipv6", "cidr"),
    t.BLOCK: ("cidr", "ipv4", "ipv6"),
    t.LABEL: ("string",),
    **dict.fromkeys(LOWEST_HIGHEST, ("number",)),
}
"""Kinds of literal that stand for a value of a type."""


def natural_type(node: tree.Literal) -> Type:
    """The type of a literal on its own; a decimal is a number."""
    if node.kind == "number" and isinstance(node.value, Fraction):
        return t.NUMBER
    return NATURAL[node.kind]


def literal_value(ws: Workspace, node: tree.Literal, expected: Type, about: str = "") -> Value:
    """The value of ``node`` as an ``expected``; ``None`` where it is none (reported).

    ``about`` is the author's text of what it is compared with or bound to, for the message.
    """
    value = node.value
    if node.kind == "number" and value == 0 and expected in (t.PERCENT, t.DURATION, t.NUMBER, t.TIME):
        return Fraction(0) if expected in (t.PERCENT, t.NUMBER) else 0
    if node.kind not in _KINDS.get(expected, ()):
        _wrong_kind(ws, node, expected, about)
        return None
    if isinstance(value, tree.TimeValue):
        return value.start
    if expected in (t.NUMBER, t.PERCENT):
        assert isinstance(value, int | Fraction)
        return Fraction(value)
    if expected == t.BYTES and isinstance(value, Fraction):
        return value  # of bytes_per_packet and means, which are quotients
    if expected in (t.COUNT, t.BYTES) or expected in LOWEST_HIGHEST:
        if isinstance(value, Fraction):
            _not_whole(ws, node, expected)
            return None
        assert isinstance(value, int)
        return value if _within(ws, node, value, expected) else None
    if expected == t.ADDRESS and node.kind == "cidr":
        assert isinstance(value, tuple)
        first, length = int(str(value[0])), int(str(value[1]))
        if length == 128:
            return first
        named = re.fullmatch(r"[a-z_]+", about) is not None and about in FIELDS
        ws.faults.report(
            "FR210",
            f"{node.text} is a block of addresses, and one address is wanted",
            node.span,
            hint=f"write {about} in {node.text}" if named else "write one address, or use a list of networks",
        )
        return None
    if expected == t.BLOCK and node.kind != "cidr":
        assert isinstance(value, int)
        return (value, 128)
    assert isinstance(value, int | str | tuple)
    return value


def literal_range(
    ws: Workspace, item: tree.Literal | tree.Range, expected: Type, about: str = ""
) -> tuple[int | Fraction, int | Fraction] | None:
    """The inclusive range that an item stands for; ``None`` where it cannot (reported).

    A time covers the whole unit that was written; a block of addresses all of its addresses.
    """
    low_node, high_node = (item.low, item.high) if isinstance(item, tree.Range) else (item, item)
    start, end = low_node.value, high_node.value
    if expected == t.TIME and isinstance(start, tree.TimeValue) and isinstance(end, tree.TimeValue):
        return start.start, end.end
    if expected in (t.ADDRESS, t.BLOCK) and isinstance(item, tree.Literal) and item.kind == "cidr":
        assert isinstance(item.value, tuple)
        first, length = int(str(item.value[0])), int(str(item.value[1]))
        return first, first + (1 << 128 - length) - 1
    if expected == t.BLOCK and low_node.kind in ("ipv4", "ipv6"):
        expected = t.ADDRESS
    low = literal_value(ws, low_node, expected, about)
    if low is None:
        return None
    high = low if high_node is low_node else literal_value(ws, high_node, expected, about)
    if high is None:
        return None
    assert isinstance(low, int | Fraction) and isinstance(high, int | Fraction)
    return low, high


def constant_in_range(ws: Workspace, node: tree.Node, value: Value, most: Fraction, what: str) -> bool:
    """Whether a percent is at most ``most``; reported at ``node`` otherwise."""
    if isinstance(value, Fraction) and value > most:
        ws.faults.report(
            "FR212",
            f"{ws.text(node.span)} is more than 100%, and {what} never is",
            node.span,
            hint="write a percent from 0% to 100%",
        )
        return False
    return True


def _within(ws: Workspace, node: tree.Literal, value: int, expected: Type) -> bool:
    low, high = LOWEST_HIGHEST.get(expected, (0, None))
    if high is None or low <= value <= high:
        return True
    noun = type_noun(expected)
    text = f"{node.text} is no {noun.split(' ', 1)[1]}: they go from {low} to {high}"
    ws.faults.report("FR212", text, node.span, hint=f"write a number from {low} to {high}")
    return False


def _not_whole(ws: Workspace, node: tree.Literal, expected: Type) -> None:
    assert isinstance(node.value, Fraction)
    near = node.value.__floor__()
    ws.faults.report(
        "FR210",
        f"{node.text} is a fraction, and {type_noun(expected)} is a whole number",
        node.span,
        hint=f"write {near} or {near + 1}",
    )


def _wrong_kind(ws: Workspace, node: tree.Literal, expected: Type, about: str) -> None:
    subject = about or "what is wanted here"
    text = node.text
    if node.kind == "number" and expected == t.DURATION:
        ws.faults.report(
            "FR211", f"a duration needs its unit, and {text} has none", node.span,
            hint=f"write {text}s, {text}min or {text}ms",
        )  # fmt: skip
        return
    if node.kind == "number" and expected == t.PERCENT:
        assert isinstance(node.value, int | Fraction)
        percent = _plain(Fraction(node.value) * 100)
        hint = f"write {percent}%" if node.value < 1 else f"write {text}%, or 100% for all"
        ws.faults.report(
            "FR211", f"{subject} is a percent, and {text} is a plain number", node.span, hint=hint
        )
        return
    if node.kind == "number" and expected == t.TIME:
        ws.faults.report(
            "FR211", f"{subject} is a time, and {text} is a plain number", node.span,
            hint="write a date such as 2026-01-31 or 2026-01-31T10:00Z",
        )  # fmt: skip
        return
    ws.faults.report(
        "FR210",
        f"{subject} is {type_noun(expected)}, and {text} is {literal_noun(node.kind)}",
        node.span,
        hint=_hint(node, expected, about),
    )


def _hint(node: tree.Literal, expected: Type, about: str) -> str | None:
    text, value = node.text, node.value
    match node.kind, expected.name:
        case "count", "bytes":
            return f"write {text}B for a size"
        case "size", ("count" | "number"):
            return f"write {text.rstrip('B').removesuffix('i')} for a count, or compare bytes"
        case "count", _ if expected in LOWEST_HIGHEST:
            return f"write {value}"
        case "percent", ("count" | "bytes" | "duration"):
            return f"compare a share with it, or write {text} * what it is a percent of"
        case "string", ("address" | "block") if isinstance(value, str) and any(c in value for c in ".:"):
            return f"write it without quotes: {value}"
        case "string", _ if expected in LOWEST_HIGHEST:
            inner = str(value)
            digits = inner[2:] if expected == t.ASN and inner.upper().startswith("AS") else inner
            return f"write it without quotes: {digits}" if digits.isdigit() else "write its number"
        case "number", "label":
            return f'write it in quotes: "{text}"'
        case (("ipv4" | "ipv6" | "cidr"), "label"):
            return f'write it in quotes: "{text}"'
        case "wild", "address":
            return f"write {about or 'sip'} in {text}"
        case "count", "duration":
            return f"write {text[:-1]}min" if text.endswith("M") else None
        case "number", "address":
            return "write an address such as 192.0.2.1"
        case "time", "duration":
            return "write a duration such as 1h, or compare stime with it"
        case "duration", "time":
            return "write a date such as 2026-01-31, or compare duration with it"
    return None


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
