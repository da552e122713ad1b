"""Arguments of SiLK's switches as text of the language: lists, ranges, times, flags, addresses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

from flowrules.translate.errors import TranslationError

_TIME = re.compile(r"(\d{4})/(\d\d)/(\d\d)(?:[:T](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?)?$")
_EPOCH = re.compile(r"(\d{8,})(?:\.(\d{1,6}))?$")


def number_list(tool: str, switch: str, text: str, highest: int) -> list[str]:
    """``80,8000-8080,1024-`` as items ``80``, ``8000-8080``, ``1024-65535``."""
    items: list[str] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:(-)(\d*))?", part.strip())
        if match is None:
            raise TranslationError(tool, switch, f"found {part!r}, expected a number or a range")
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else highest
        if low > high or high > highest:
            raise TranslationError(tool, switch, f"{part} is not a range within 0-{highest}")
        items.append(str(low) if low == high else f"{low}-{high}")
    return items


def membership(field: str, items: list[str]) -> str:
    """``field = item`` for one plain item, else ``field in (…)``."""
    items = list(dict.fromkeys(items))
    # `in` is a type too, and stands only in a list
    if (
        len(items) == 1
        and items[0] != "in"
        and "-" not in items[0]
        and "/" not in items[0]
        and "x" not in items[0]
    ):
        return f"{field} = {items[0]}"
    return f"{field} in ({', '.join(items)})"


def numeric_range(tool: str, switch: str, field: str, text: str, unit: str = "") -> str:
    """``4-``, ``1-3``, ``0`` or ``98.5-129.25`` as comparisons of a field, in its unit."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:(-)(\d+(?:\.\d+)?)?)?", text.strip())
    if match is None:
        raise TranslationError(tool, switch, f"found {text!r}, expected a number or a range")
    low = match[1]
    if match[2] is None:
        return f"{field} = {low}{unit}"
    if match[3] is None:
        return f"{field} >= {low}{unit}"
    if Decimal(match[3]) < Decimal(low):
        raise TranslationError(tool, switch, f"the range {text} ends before it starts")
    return f"{field} >= {low}{unit} and {field} <= {match[3]}{unit}"


def milliseconds(tool: str, switch: str, text: str) -> int:
    """Decimal seconds as whole milliseconds: a double times 1000, cut off, as the tools do it."""
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
        raise TranslationError(tool, switch, f"found {text!r}, expected seconds")
    return int(float(text) * 1000.0)


def duration_text(ms: int) -> str:
    """A duration in the largest unit that holds it whole."""
    for unit, size in (("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return "0s" if ms == 0 else f"{ms}ms"


def duration_range(tool: str, switch: str, text: str) -> str:
    """``--duration``: seconds or a range of seconds."""
    low, dash, high = text.strip().partition("-")
    first = milliseconds(tool, switch, low)
    if not dash:
        return f"duration = {duration_text(first)}"
    if not high:
        return f"duration >= {duration_text(first)}"
    last = milliseconds(tool, switch, high)
    if float(high) < float(low):
        raise TranslationError(tool, switch, f"the range {text} ends before it starts")
    return f"duration >= {duration_text(first)} and duration <= {duration_text(last)}"


def time_bounds(tool: str, switch: str, text: str) -> tuple[int, int]:
    """A time as its first and its last millisecond (ms since 1970): unspecified parts are 0, or the last of
    their unit for an end; epoch seconds end with .999."""
    match = _EPOCH.match(text)
    if match:
        seconds = int(match[1]) * 1000
        if match[2]:
            ms = seconds + int((match[2] + "000")[:3])
            return ms, ms
        return seconds, seconds + 999
    match = _TIME.match(text)
    if match is None:
        raise TranslationError(
            tool, switch, f"found {text!r}, expected YYYY/MM/DD:HH:MM:SS.sss or epoch seconds"
        )
    year, month, day, hour, minute, second, fraction = match.groups()
    try:
        start = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError as error:
        raise TranslationError(tool, switch, f"{text} is no time: {error}") from None
    first = int(start.timestamp()) * 1000
    if fraction:
        first += int((fraction + "000")[:3])
        return first, first
    unit = timedelta(days=1)
    for part, length in (
        (hour, timedelta(hours=1)),
        (minute, timedelta(minutes=1)),
        (second, timedelta(seconds=1)),
    ):
        if part is not None:
            unit = length
    return first, first + int(unit.total_seconds()) * 1000 - 1


def time_window(tool: str, switch: str, text: str) -> tuple[int, int]:
    """``START-END``, or ``START`` alone (also ``START-``): that one millisecond; as first and last ms."""
    start, dash, end = text.strip().partition("-")
    first = time_bounds(tool, switch, start.strip())[0]
    if not dash or not end:
        return first, first
    begin, last = time_bounds(tool, switch, end.strip())
    if begin < first:
        raise TranslationError(tool, switch, f"the window {text} ends before it starts")
    return first, last


def time_text(ms: int) -> str:
    """A time as the language writes it, milliseconds where there are any."""
    seconds, rest = divmod(ms, 1000)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    return f"{text}.{rest:03d}Z" if rest else f"{text}Z"


def flag_masks(tool: str, switch: str, text: str, letters: str) -> list[str]:
    """``S/SA,SA/SA`` as masks that may stand after ``matches``."""
    masks: list[str] = []
    for part in (p for p in text.upper().split(",") if p):
        high, slash, mask = part.strip().partition("/")
        if not slash or not mask or set(high + mask) - set(letters):
            raise TranslationError(
                tool, switch, f"found {part!r}, expected HIGH/MASK with letters of {letters}"
            )
        if set(high) - set(mask):
            raise TranslationError(tool, switch, f"{part}: the high flags must be within the mask")
        masks.append(f"{high}/{mask}")
    if not masks:
        raise TranslationError(tool, switch, f"found {text!r}, expected HIGH/MASK")
    return masks


def wildcard_items(tool: str, switch: str, text: str) -> list[str]:
    """An address wildcard as items of the language; lists within a part become several wildcards.

    ``192.168.0-63,200.1`` is ``192.168.0-63.1`` and ``192.168.200.1``.
    """
    if "/" in text or (text.count(".") < 3 and ":" not in text):
        return address_items(tool, switch, text)
    if ":" in text and "." in text:
        head, _, quad = text.rpartition(":")
        if head.lower() != "::ffff":
            raise TranslationError(tool, switch, f"{text} is no pattern of eight groups")
        return wildcard_items(tool, switch, quad)
    if ":" in text and "," not in text and "x" in text.lower():
        return [text.lower()]
    mark = ":" if ":" in text else "."
    if "-" not in text and "," not in text and "x" not in text.lower():
        return address_items(tool, switch, text)
    parts = [p.split(",") for p in (_groups(text) if mark == ":" else text.lower().split("."))]
    combined = [mark.join(choice) for choice in product(*parts)]
    if len(combined) > 4096:
        raise TranslationError(
            tool, switch, f"{text} stands for {len(combined)} wildcards; 4096 can be written"
        )
    return combined


def _groups(text: str) -> list[str]:
    """The groups of an IPv6 wildcard, a shortened run of zeros written out."""
    head, double, tail = text.lower().partition("::")
    before, after = ([g for g in part.split(":") if g] for part in (head, tail))
    return before + (["0"] * (8 - len(before) - len(after)) if double else []) + after


def address_items(tool: str, switch: str, text: str) -> list[str]:
    """Addresses and blocks with commas between them; a whole number is an IPv4 address too."""
    items: list[str] = []
    for part in (p.strip() for p in text.split(",")):
        if not part:
            continue
        address, slash, length = part.partition("/")
        if address.isdigit():
            number = int(address)
            if number > 0xFFFFFFFF:
                raise TranslationError(tool, switch, f"{part} is no address")
            address = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
        items.append(_block(tool, switch, address, length) if slash else address)
    if not items:
        raise TranslationError(tool, switch, "no address given")
    return items


def _block(tool: str, switch: str, address: str, length: str) -> str:
    """A block without its host bits, as the tools read it."""
    from ipaddress import ip_network

    try:
        return ip_network(f"{address}/{length}", strict=False).compressed
    except ValueError:
        raise TranslationError(tool, switch, f"{address}/{length} is no block of addresses") from None
