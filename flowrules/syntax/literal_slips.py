"""Numbers, units, addresses and flags in forms that the language does not know."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from flowrules.syntax.foreign import whole_address
from flowrules.syntax.stuck import Fault, Stuck

Guess = Callable[[Stuck], Fault | None]

# ---- units --------------------------------------------------------------------------------------------

_UNIT = re.compile(r"(\d+(?:\.\d+)?)(\s*)([A-Za-zµμ]+)$")
_SECONDS: Final = {
    **dict.fromkeys(("sec", "secs", "second", "seconds", "S"), "s"),
    **dict.fromkeys(("mins", "minute", "minutes", "Min", "MIN"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "H"), "h"),
    **dict.fromkeys(("day", "days", "D"), "d"),
    **dict.fromkeys(("wk", "week", "weeks", "W"), "w"),
    **dict.fromkeys(("msec", "msecs", "millis", "milliseconds", "millisecond"), "ms"),
}
_BYTES: Final = {
    **dict.fromkeys(("b", "bytes", "byte", "Bytes"), "B"),
    **dict.fromkeys(("kb", "Kb", "kbytes"), "kB"),
    **dict.fromkeys(("mb", "mB", "Mbytes", "mbytes"), "MB"),
    **dict.fromkeys(("gb", "gB", "Gbytes", "gbytes"), "GB"),
    **dict.fromkeys(("tb", "tB"), "TB"),
    **dict.fromkeys(("kib", "kiB", "Kib"), "KiB"),
    **dict.fromkeys(("mib", "miB", "Mib"), "MiB"),
    **dict.fromkeys(("gib", "giB", "Gib"), "GiB"),
    **dict.fromkeys(("tib", "tiB", "Tib"), "TiB"),
}
_COUNTS: Final = {"K": "k", "g": "G", "thousand": "k", "million": "M", "billion": "G"}
_SPACED: Final = frozenset("ms s min h d w B kB KB MB GB TB KiB MiB GiB TiB k M G".split())  # noqa: SIM905
_NO_UNIT: Final = {
    "m": ("could mean minutes or millions: 5min or 5M?", ("min", "M")),
    "T": ("could mean a count or a size", ("000G", "TB")),
    "Ki": ("lacks its B", ("KiB",)),
    "Mi": ("lacks its B", ("MiB",)),
    "Gi": ("lacks its B", ("GiB",)),
    "Ti": ("lacks its B", ("TiB",)),
}
_BITS = re.compile(r"([kKMGT]?)(?:bit|bits|bps|b/s|bit/s)$", re.IGNORECASE)


def _one_colon(stuck: Stuck) -> Fault | None:
    """``2001:db8``: the start of an IPv6 address."""
    start, text = stuck.blob
    if not re.fullmatch(r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})+(?:/\d+)?", text) or stuck.can(
        "CLOCK", "COLON"
    ):
        return None
    head, slash, length = text.partition("/")
    value = f"{head}::{slash}{length}"
    message = f"`{text}` has {head.count(':') + 1} groups, and an IPv6 address has eight"
    return Fault(
        "FR117", message, start, start + len(text), f"shorten a run of zeros with ::, as in {value}", value
    )


def _unit(stuck: Stuck) -> Fault | None:
    """A number with a unit that is none, or that stands apart."""
    start, text = stuck.blob
    match = _UNIT.match(text)
    if match is None and (spaced := re.search(r"(\d+(?:\.\d+)?)([ \t]+)$", stuck.before)):
        word = re.match(r"[A-Za-zµμ]+(?![\w.(])", stuck.rest)
        if word:
            start, text = spaced.start(), stuck.before[spaced.start() :] + word[0]
            match = _UNIT.match(text)
    if match is None or not match[1]:
        return None
    if re.match(r"0[xX]", text) or re.fullmatch(r"\d+(?:\.\d+)?[eE]\d+", text):
        return None
    number, gap, unit = match.groups()
    if unit in _SPACED and not gap:
        return None  # right in itself, and in the wrong place
    end = start + len(text)
    meant = _SECONDS.get(unit) or _BYTES.get(unit) or _COUNTS.get(unit)
    if gap and (unit in _SPACED or meant):
        joined = f"{number}{meant or unit}"
        return Fault("FR114", f"`{text}` has a space before its unit", start, end, f"write {joined}", joined)
    if gap:
        return None
    if meant:
        return Fault(
            "FR114", f"`{unit}` in `{text}` is no unit", start, end, f"write {number}{meant}", number + meant
        )
    if unit in _NO_UNIT:
        why, options = _NO_UNIT[unit]
        if unit == "m":
            why = why.replace("5", number)
        written = [f"{number}{option}" for option in options]
        return Fault("FR114", f"`{text}` {why}", start, end, f"write {' or '.join(written)}", written[0], "")
    bits = _BITS.fullmatch(unit)
    if bits:
        factor = bits[1].replace("K", "k")
        size = f"{_plain(Fraction(number) / 8)}{factor}B"
        return Fault("FR114", f"`{text}` counts bits, and sizes are bytes", start, end, f"write {size}", size)
    if unit in ("us", "usec", "µs", "μs", "ns"):
        message = f"`{text}` is finer than a millisecond"
        return Fault("FR114", message, start, end, "flow times have milliseconds: write 1ms", "1ms")
    if unit in ("y", "yr", "year", "years", "month", "months", "mo"):
        message = f"`{text}`: months and years have no one length"
        return Fault("FR114", message, start, end, "write days: 30d, 365d", "30d", "")
    if unit in ("percent", "pct"):
        return Fault(
            "FR114", f"`{unit}` in `{text}` is no unit", start, end, f"write {number}%", f"{number}%"
        )
    return Fault(
        "FR114",
        f"`{unit}` in `{text}` is no unit",
        start,
        end,
        "units are k M G for counts, B kB MB GB TB (and KiB …) for sizes, ms s min h d w for durations",
        number,
        "",
    )


def _plain(value: Fraction) -> str:
    return f"{float(value):.12g}"


# ---- numbers ------------------------------------------------------------------------------------------


def _number(stuck: Stuck) -> Fault | None:
    start, text = stuck.blob
    end = start + len(text)
    if re.fullmatch(r"0[xX][0-9A-Fa-f]+", text):
        value = str(int(text[2:42], 16))
        return Fault(
            "FR115", f"`{text}` is hexadecimal, and numbers are decimal", start, end, f"write {value}", value
        )
    match = re.fullmatch(r"(\d+(?:\.\d+)?)[eE]\+?(\d{1,2})", text)
    if match:
        value = _with_unit(int(Fraction(match[1]) * 10 ** int(match[2])))
        return Fault("FR115", f"`{text}` has an exponent", start, end, f"write {value}", value)
    if re.fullmatch(r"\d+(?:[_']\d+)+", text):
        value = re.sub(r"[_']", "", text)
        return Fault("FR115", f"`{text}` has separators in it", start, end, f"write {value}", value)
    if re.fullmatch(r"\.\d+%?", text):
        return Fault(
            "FR115", f"`{text}` has no digit before its point", start, end, f"write 0{text}", f"0{text}"
        )
    if re.fullmatch(r"\d+\.%?", text):
        value = text.replace(".", "")
        return Fault("FR115", f"`{text}` has no digit after its point", start, end, f"write {value}", value)
    if re.fullmatch(r"\d+(?:\.\d+)?\s*%%+", text):
        return Fault(
            "FR115",
            f"`{text}` is no percent",
            start,
            end,
            f"write {text.rstrip('%')}%",
            f"{text.rstrip('%')}%",
        )
    if re.search(r"\bin\s*\([^()]*$", stuck.before):
        return None  # the start of a range is missing
    if re.search(r"\bin\s*\d{1,3}$", stuck.before):
        return None  # a list without its parentheses
    group = re.match(r"(?:,\d{3})+(?![\d.])", stuck.rest)
    head = re.search(r"(?<![\w.])\d{1,3}$", stuck.before)
    if group and head and stuck.can("AND"):
        value = (head[0] + group[0]).replace(",", "")
        begin, stop = head.start(), stuck.at + group.end()
        return Fault(
            "FR115", f"`{stuck.text[begin:stop]}` has separators in it", begin, stop, f"write {value}", value
        )
    signed = re.match(r"-\s*\d", stuck.rest)
    if signed and stuck.can("NUMBER") and not stuck.before.rstrip().endswith("-"):
        return Fault(
            "FR115",
            "numbers have no sign",
            stuck.at,
            stuck.at + 1,
            "counts, sizes and durations are never below 0",
            " ",
        )
    return None


def _with_unit(value: int) -> str:
    for letter, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value and value % factor == 0:
            return f"{value // factor}{letter}"
    return str(value)


# ---- addresses ----------------------------------------------------------------------------------------


def _address(stuck: Stuck) -> Fault | None:
    start, text = stuck.blob
    end = start + len(text)
    whole = whole_address(text)
    if whole != text:
        return Fault("FR117", f"`{text}` is no whole address", start, end, f"write {whole}", whole)
    if re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,3}(?:\.\d{1,3}){3}", text):
        head, mask = text.split("/")
        bits = "".join(f"{int(part):08b}" for part in mask.split(".") if int(part) < 256)
        if len(bits) == 32 and "01" not in bits:
            value = f"{head}/{bits.count('1')}"
            return Fault("FR117", f"`{text}` has a netmask", start, end, f"write {value}", value)
        return Fault(
            "FR117",
            f"`{text}` has a mask that is no prefix",
            start,
            end,
            "write the number of bits: 10.0.0.0/8",
        )
    if re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}", text):
        address, port = text.split(":")
        hint = f"write sip = {address} and sport = {port}, or dip and dport"
        return Fault("FR117", f"`{text}` is an address and a port", start, end, hint, address, "")
    if "%" in text and ":" in text:
        value = text.partition("%")[0]
        return Fault(
            "FR117", f"`{text}` has a zone, and flows carry none", start, end, f"write {value}", value
        )
    if re.fullmatch(r"\d+(?:\.\d+){2,}\.?", text) and text.count(".") != 3:
        parts = text.strip(".").split(".")
        if len(parts) < 4:
            block = f"{'.'.join((*parts, *['0'] * (4 - len(parts))))}/{8 * len(parts)}"
            return Fault("FR117", f"`{text}` has {len(parts)} parts, and an IPv4 address has four", start, end,
                         f"write all four, or the block {block}", block)  # fmt: skip
        return Fault("FR117", f"`{text}` has {len(parts)} parts, and an IPv4 address has four", start, end)
    return None


# ---- flags --------------------------------------------------------------------------------------------

_FLAG_WORDS: Final = {
    "fin": "F",
    "syn": "S",
    "rst": "R",
    "psh": "P",
    "push": "P",
    "ack": "A",
    "urg": "U",
    "ece": "E",
    "cwr": "C",
}


def _flags(stuck: Stuck) -> Fault | None:
    word = stuck.previous
    start, text = stuck.blob
    end = start + len(text)
    if stuck.can("FLAGMASK") and word == "matches":
        if re.fullmatch(r"[A-Za-z]*/[A-Za-z]+", text):
            value = text.upper()
            return Fault("FR124", f"`{text}`: flags are written large", start, end, f"write {value}", value)
        letters = _letters(text)
        if letters:
            value = f"{letters}/{letters}"
            hint = f"write {value} for flags that are all set, or use has {letters}"
            return Fault(
                "FR124", f"`matches` takes HIGH/MASK, and `{text}` has no mask", start, end, hint, value
            )
    if stuck.can("FLAGS"):
        if re.fullmatch(r"[A-Za-z]*/[A-Za-z]+", text):
            before = stuck.before.rstrip()
            begin = len(before) - len(word)
            value = f"matches {text.upper()}"
            return Fault(
                "FR124",
                f"`{word}` takes letters, and `{text}` is HIGH/MASK",
                begin,
                end,
                f"write {value}",
                value,
            )
        letters = _letters(text)
        if letters:
            return Fault(
                "FR124", f"`{text}`: flags are large letters", start, end, f"write {letters}", letters
            )
        together = re.match(r"\(\s*([A-Z]+(?:\s*[,|]?\s*[A-Z]+)*)\s*\)", stuck.rest)
        if together:
            value = re.sub(r"[^A-Z]", "", together[1])
            what = f"`{word}` takes letters without parentheses"
            return Fault("FR124", what, stuck.at, stuck.at + together.end(), f"write {value}", value)
        if stuck.rest.startswith("("):
            return Fault(
                "FR124",
                f"`{word}` takes letters without parentheses",
                *stuck.here(),
                f"write {word} SA for both",
            )
    mask = re.match(r"/[A-Z]+", stuck.rest)
    high = re.search(r"\b(has|lacks)\s+([A-Z]+)$", stuck.before)
    if mask and high:
        value = f"matches {high[2]}{mask[0]}"
        what = f"`{high[1]}` takes letters, and `{high[2]}{mask[0]}` is HIGH/MASK"
        return Fault("FR124", what, high.start(), stuck.at + mask.end(), f"write {value}", value)
    listed = re.match(r",\s*([A-Z]*/[A-Z]+(?:\s*,\s*[A-Z]*/[A-Z]+)*)", stuck.rest)
    first = re.search(r"\bmatches\s+([A-Z]*/[A-Z]+)\s*$", stuck.before)
    if listed and first:
        value = f"({first[1]}, {', '.join(re.split(r'[ ,]+', listed[1]))})"
        begin = first.start(1)
        return Fault(
            "FR111",
            "a list of masks stands in parentheses",
            begin,
            stuck.at + listed.end(),
            f"write {value}",
            value,
        )
    more = re.match(r",\s*([A-Z]+)(?!\w)", stuck.rest)
    has = re.search(r"\b(?:has|lacks)\s+([A-Z]+)\s*$", stuck.before)
    if more and has:
        value = has[1] + more[1]
        return Fault(
            "FR124",
            "flags are written together",
            has.start(1),
            stuck.at + more.end(),
            f"write {value}",
            value,
        )
    return None


def _letters(text: str) -> str:
    """Flag letters from words (``syn``, ``syn-ack``) or small letters (``sa``)."""
    words = re.split(r"[-+|]", text.lower())
    if words and all(word in _FLAG_WORDS for word in words):
        return "".join(_FLAG_WORDS[word] for word in words)
    if re.fullmatch(r"[fsrpauect]+", text, re.IGNORECASE):
        return text.upper()
    return ""


FLAGS: Final[tuple[Guess, ...]] = (_flags,)
GUESSES: Final[tuple[Guess, ...]] = (_address, _one_colon, _number, _unit)
