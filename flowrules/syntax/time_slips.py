"""Times, hours and time zones in forms that the language does not know."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from flowrules.syntax.literals import DAY_NAMES
from flowrules.syntax.stuck import Fault, Stuck

Guess = Callable[[Stuck], Fault | None]

# ---- times --------------------------------------------------------------------------------------------

_LOOSE_DATE = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T:_](\d{1,2})(?::?(\d\d))?(?::?(\d\d(?:\.\d+)?))?)?(.*)"
)
_OTHER_DATE = re.compile(r"\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}-\d{1,2}-\d{4}")


def _time(stuck: Stuck) -> Fault | None:
    start, text = stuck.blob
    end = start + len(text)
    spaced = re.search(r"(\d{4}[-/]\d\d[-/]\d\d)[ \t]+$", stuck.before)
    clock = re.match(r"(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z)?", stuck.rest)
    if spaced and clock:
        begin, stop = spaced.start(), stuck.at + clock.end()
        value = f"{spaced[1].replace('/', '-')}T{clock[1]}Z"
        message = f"`{stuck.text[begin:stop]}` has a space before its hours"
        return Fault("FR122", message, begin, stop, f"write {value}", value)
    if _OTHER_DATE.fullmatch(text):
        return Fault(
            "FR122",
            f"`{text}` could be read in two ways",
            start,
            end,
            "write year, month and day: 2026-01-31",
        )
    match = _LOOSE_DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        value = date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return Fault("FR122", f"`{text}` is no date", start, end, "write year, month and day: 2026-01-31")
    if hour:
        value += f"T{int(hour):02}"
    if minute:
        value += f":{minute}"
    if second:
        value += f":{second}"
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)?", zone)
    if zone in ("Z", "UTC", "z") and hour:
        value += "Z"
    elif offset and hour:
        value += f"{offset[1]}{offset[2]}:{offset[3] or '00'}"
    elif zone:
        return Fault("FR122", f"`{text}` is no time", start, end, "write a time such as 2026-01-31T10:00Z")
    if value == text:
        return None
    return Fault("FR122", f"`{text}` is no time", start, end, f"write {value}", value)


# ---- hours --------------------------------------------------------------------------------------------

_LONG_DAYS: Final = {
    "monday": "mon",
    "tuesday": "tue",
    "tues": "tue",
    "wednesday": "wed",
    "thursday": "thu",
    "thur": "thu",
    "thurs": "thu",
    "friday": "fri",
    "saturday": "sat",
    "sunday": "sun",
}
_DAY_SETS: Final = {
    "weekdays": "mon-fri",
    "workdays": "mon-fri",
    "weekday": "mon-fri",
    "weekend": "sat-sun",
    "weekends": "sat-sun",
    "daily": "mon-sun",
    "everyday": "mon-sun",
    "always": "mon-sun",
}


def _days(stuck: Stuck) -> Fault | None:
    if not stuck.can("DAYS", "CLOCK"):
        return None
    start, text = stuck.blob
    match = re.match(r"[A-Za-z]+(?:\s*-\s*[A-Za-z]+)?", text)
    if match is None or not stuck.can("DAYS"):
        return None
    meant = _DAY_SETS.get(match[0].lower()) or "-".join(_day(part) for part in re.split(r"\s*-\s*", match[0]))
    if not meant or meant.startswith("-") or meant.endswith("-") or meant == match[0]:
        return None
    return Fault("FR123", f"`{match[0]}` names no days", start, start + match.end(), f"write {meant}", meant)


def _day(word: str) -> str:
    word = word.lower()
    return word if word in DAY_NAMES else _LONG_DAYS.get(word, "")


def _clock(stuck: Stuck) -> Fault | None:
    if not stuck.can("CLOCK"):
        return None
    start, text = stuck.blob
    parts = re.fullmatch(r"(\d{1,2})(?::?(\d\d))?\s*(am|pm)?(?:-(\d{1,2})(?::?(\d\d))?\s*(am|pm)?)?", text)
    if parts is None:
        return None
    meant = _hour(*parts.group(1, 2, 3))
    if parts[4]:
        meant += f"-{_hour(*parts.group(4, 5, 6))}"
    if meant == text:
        return None
    return Fault("FR123", f"`{text}` is no time of day", start, start + len(text), f"write {meant}", meant)


def _hour(hour: str, minute: str | None, half: str | None) -> str:
    number = int(hour) % 12 + (12 if half == "pm" else 0) if half else int(hour)
    return f"{number:02}:{minute or '00'}"


def _zone(stuck: Stuck) -> Fault | None:
    if not stuck.can("ZONE"):
        return None
    match = re.match(r"[A-Za-z]+(?:[+-]\d{1,2}(?::?\d\d)?)?(?![\w/.])|[+-]\d\d:?\d\d|Z\b", stuck.rest)
    if match is None or match[0] in ("in", "except"):
        return None
    name = "UTC" if match[0] in ("Z", "GMT", "utc", "gmt") else None
    hint = "write UTC" if name else "write the zone's IANA name, such as Europe/Berlin or America/New_York"
    return Fault(
        "FR123",
        f"`{match[0]}` is no time zone's name",
        stuck.at,
        stuck.at + match.end(),
        hint,
        name or "UTC",
        name or "",
    )


GUESSES: Final[tuple[Guess, ...]] = (_days, _clock, _zone, _time)
