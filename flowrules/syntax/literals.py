"""Literals to values: exact or refused, never rounded.

Each function takes the text of one terminal of the grammar and returns its value, as
``tree.Literal`` describes it, or raises :class:`LiteralError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Final

from flowrules.model.address_text import AddressError, format_cidr, parse_address
from flowrules.model.address_wildcard import parse_wildcard
from flowrules.syntax.tree import LiteralValue, TimeValue

LARGEST_NUMBER: Final = (1 << 63) - 1
"""The largest whole number, size, duration or count: counters are 64 bits."""

_DIGITS: Final = 40
"""Longer literals are refused before they are computed with."""

_COUNT: Final = {"k": 10**3, "M": 10**6, "G": 10**9}
_SIZE: Final = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    f"{letter}i": 1 << 10 * power for power, letter in enumerate("KMGT", 1)
}
_DURATION: Final = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_UNIT_MS: Final = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000, "millisecond": 1}

FLAG_LETTERS: Final = "FSRPAUECT"
"""Letters of TCP flags and of attributes, in the order in which masks keep them."""

DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class LiteralError(Exception):
    """A literal that has the right form and no value; ``fix`` is the text that was perhaps meant."""

    def __init__(self, code: str, message: str, hint: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.fix = fix


@lru_cache(4096)
def decode(kind: str, text: str) -> LiteralValue:
    """The value of a literal of a kind (see ``tree.Literal``; strings have ``strings.decode``)."""
    return _DECODERS[kind](text)


# ---- numbers with and without units -------------------------------------------------------------------


def _split(text: str) -> tuple[Fraction, str]:
    """The number and the unit of a literal."""
    match = re.fullmatch(r"([\d.]+)(.*)", text)
    assert match, text
    if len(match[1]) > _DIGITS:
        raise LiteralError(
            "FR115", f"a number of {len(match[1])} digits is too large", "counters have 64 bits"
        )
    return Fraction(match[1]), match[2]


def _whole(text: str, value: Fraction, what: str, hint: str, fix: str | None = None) -> int:
    if value.denominator != 1:
        raise LiteralError("FR116", f"`{text}` is {_decimal(value)} {what}", hint, fix)
    if value > LARGEST_NUMBER:
        raise LiteralError("FR115", f"`{text}` is too large", f"the largest number is {LARGEST_NUMBER}")
    return int(value)


def _decimal(value: Fraction) -> str:
    """A terminating decimal as people write it."""
    whole, rest = divmod(value, 1)
    digits = ""
    while rest and len(digits) < 12:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{whole}.{digits}" if digits else str(whole)


def decode_number(text: str) -> int | Fraction:
    """``443`` as int, ``0.95`` as Fraction."""
    value, _ = _split(text)
    if "." in text:
        return value
    return _whole(text, value, "", "")


def decode_count(text: str) -> int:
    """``5k``: decimal thousands."""
    value, unit = _split(text)
    value *= _COUNT[unit]
    return _whole(
        text, value, "things", f"counts are whole: write {int(value)} or {int(value) + 1}", str(int(value))
    )


def decode_size(text: str) -> int:
    """``10kB``, ``4KiB`` in bytes."""
    value, unit = _split(text)
    value *= _SIZE[unit.removesuffix("B")]
    return _whole(
        text,
        value,
        "bytes",
        f"sizes are whole bytes: write {int(value)}B or {int(value) + 1}B",
        f"{int(value)}B",
    )


def decode_duration(text: str) -> int:
    """``1.5h`` in milliseconds."""
    value, unit = _split(text)
    value *= _DURATION[unit]
    return _whole(
        text,
        value,
        "milliseconds",
        f"durations are whole milliseconds: write {int(value)}ms or {int(value) + 1}ms",
        f"{int(value)}ms",
    )


def decode_percent(text: str) -> Fraction:
    """``0.5%`` as 1/200."""
    value, _ = _split(text)
    return value / 100


# ---- times --------------------------------------------------------------------------------------------

_TIME = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)"
    r"(?:[T:](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?)?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?"
)


def decode_time(text: str) -> TimeValue:
    """``2026-01-31T10:00Z`` or ``2009/09/01:13``: the milliseconds that the text stands for."""
    match = _TIME.fullmatch(text)
    assert match, text
    try:
        day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        raise LiteralError("FR122", _wrong_date(text, match), "write a date such as 2026-01-31") from None
    ms = (day - date(1970, 1, 1)) // timedelta(days=1) * _UNIT_MS["day"]
    unit = "day"
    for part, most in (("hour", 23), ("minute", 59), ("second", 59)):
        if match[part] is None:
            break
        if int(match[part]) > most:
            raise LiteralError(
                "FR122", f"{part} {match[part]} is over {most} in `{text}`", _after_the_clock(part)
            )
        ms += int(match[part]) * _UNIT_MS[part]
        unit = part
    if match["fraction"]:
        fraction = match["fraction"].rstrip("0")
        if len(fraction) > 3:
            raise LiteralError(
                "FR116",
                f"`{text}` is finer than a millisecond",
                "flow times have milliseconds: write at most three digits after the point",
            )
        ms += int(fraction.ljust(3, "0"))
        unit = "millisecond"
    if match["zone"] and match["zone"] != "Z":
        hours, minutes = int(match["zone"][1:3]), int(match["zone"][4:6])
        if hours > 14 or minutes > 59:
            raise LiteralError(
                "FR122",
                f"no place on Earth is {match['zone']} from UTC, in `{text}`",
                "offsets go from -12:00 to +14:00",
            )
        ms -= int(match["zone"][0] + "1") * (hours * 60 + minutes) * 60_000
    return TimeValue(ms, ms + _UNIT_MS[unit] - 1, unit)


def _wrong_date(text: str, match: re.Match[str]) -> str:
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    if not 1 <= month <= 12:
        return f"month {match['month']} does not exist in `{text}`"
    if year < 1:
        return f"year {match['year']} does not exist in `{text}`"
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day if year < 9999 else 31
    if 1 <= day <= 31 and day > last:
        return f"day {match['day']} does not exist in `{text}`: the month has {last} days"
    return f"day {match['day']} does not exist in `{text}`"


def _after_the_clock(part: str) -> str:
    if part == "hour":
        return "hours go from 00 to 23; the end of a day is the last hour, or 00 of the next day"
    return f"{part}s go from 00 to 59"


# ---- addresses ----------------------------------------------------------------------------------------


def decode_address(text: str) -> int:
    """One address as a 128-bit number."""
    try:
        return parse_address(text)
    except AddressError as error:
        raise _address_error("FR117", error) from None


def decode_cidr(text: str) -> tuple[int, int]:
    """``10.0.0.0/8`` as first address and prefix length of the 128 bits (104)."""
    head, _, tail = text.partition("/")
    address = decode_address(head)
    bits = 128 if ":" in head else 32
    length = int(tail)
    if length > bits:
        version = 6 if bits == 128 else 4
        raise LiteralError(
            "FR119",
            f"prefix length {tail} is over {bits}, the bits of an IPv{version} address",
            f"write {head}/{bits} or {head} for the one address",
            f"{head}/{bits}",
        )
    length += 128 - bits
    first = address >> (128 - length) << (128 - length)
    if first != address:
        block = format_cidr(first, length, 6 if bits == 128 else None)
        raise LiteralError(
            "FR118",
            f"`{text}` has bits set behind its prefix length",
            f"write {block} for the block, or {head} for the one address",
            block,
        )
    return first, length


def decode_wild(text: str) -> tuple[tuple[tuple[int, int], ...], ...]:
    """``10.2.3-9.x`` as the inclusive ranges of each of its 4 (IPv6: 8) parts."""
    try:
        return parse_wildcard(text).parts
    except AddressError as error:
        raise _address_error("FR117", error) from None


def _address_error(code: str, error: AddressError) -> LiteralError:
    hint = error.hint or "an address is written like 192.0.2.1 or 2001:db8::1"
    fix = re.fullmatch(r"write ([\d.]+)", hint)
    return LiteralError(
        code, error.message.replace("'", "`"), hint.replace("'", "`"), fix[1] if fix else None
    )


# ---- flags, hours, prefix lengths ---------------------------------------------------------------------


def decode_flags(text: str) -> str:
    """Letters of ``has`` and ``lacks``, each once, in the order of ``FLAG_LETTERS``."""
    unknown = [letter for letter in text if letter not in FLAG_LETTERS]
    if unknown:
        raise LiteralError(
            "FR124",
            f"`{unknown[0]}` in `{text}` is no flag",
            "flags are F S R P A U E C (FIN, SYN, RST, PSH, ACK, URG, ECE, CWR); attributes are T C F S",
        )
    return "".join(letter for letter in FLAG_LETTERS if letter in text)


def decode_flag_mask(text: str) -> tuple[str, str]:
    """``S/SA`` as the letters that must be set and those looked at; HIGH lies within MASK."""
    high, _, mask = text.partition("/")
    high, mask = decode_flags(high), decode_flags(mask)
    outside = [letter for letter in high if letter not in mask]
    if outside:
        both = decode_flags(high + mask)
        swapped = all(letter in high for letter in mask)
        fix = f"{mask}/{high}" if swapped else f"{high}/{both}"
        raise LiteralError(
            "FR124",
            f"`{text}` asks for {', '.join(outside)} to be set without looking at it",
            f"the letters before / are set, those after it are looked at: write {fix}",
            fix,
        )
    return high, mask


def decode_days(text: str) -> tuple[int, ...]:
    """``mon-fri`` as day numbers, Monday 0; ``sat-mon`` runs over the end of the week."""
    first, _, last = text.partition("-")
    start = DAY_NAMES.index(first)
    end = DAY_NAMES.index(last) if last else start
    return tuple((start + step) % 7 for step in range((end - start) % 7 + 1))


def decode_clock(text: str) -> int:
    """``08:00`` as minutes of the day, up to 24:00."""
    hour, minute = int(text[:2]), int(text[3:])
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise LiteralError("FR123", f"`{text}` is no time of day", "times of day go from 00:00 to 24:00")
    return hour * 60 + minute


def decode_prefix(text: str, bits: int) -> int:
    """The ``24`` of ``sip/24``."""
    if not text.isdigit() or len(text) > _DIGITS or int(text) > bits:
        version = 6 if bits == 128 else 4
        raise LiteralError(
            "FR119",
            f"prefix length {text} is not a whole number up to {bits}, the bits of an IPv{version} address",
            "write sip/24 for blocks of IPv4, sip/24/64 for both versions",
        )
    return int(text)


_DECODERS: Final[dict[str, Callable[[str], LiteralValue]]] = {
    "number": decode_number,
    "count": decode_count,
    "size": decode_size,
    "percent": decode_percent,
    "duration": decode_duration,
    "time": decode_time,
    "ipv4": decode_address,
    "ipv6": decode_address,
    "cidr": decode_cidr,
    "wild": decode_wild,
}
