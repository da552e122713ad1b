"""Lists, ranges and brackets written in ways that nearly are the language's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from flowrules.syntax.foreign import whole_address
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.stuck import Fault, Stuck

Guess = Callable[[Stuck], Fault | None]

_ITEM = r"(?:\"[^\"\r\n]*\"|[A-Za-z0-9_:][A-Za-z0-9_.:/%-]*(?:\s+\.\.\s+\d[\w.:/-]*)?)"
_BARE_LIST = re.compile(rf"\bin\s+(?P<list>{_ITEM}(?:\s*,\s*{_ITEM})*)")
_NUMBER = r"\d[\w.:%]*"


def _brackets(stuck: Stuck) -> Fault | None:
    """``in [80]``, ``in {80}``, ``ports web = [80]``, ``set s = (10.0.0.1, 10.0.0.2)``."""
    opening = stuck.rest[:1]
    if opening not in ("[", "{", "("):
        return None
    end = _closing(stuck.text, stuck.at)
    if end is None:
        return None
    inner = stuck.text[stuck.at + 1 : end - 1].strip()
    after_in = re.search(r"\bin\s+$", stuck.before)
    if opening != "(" and (after_in or (stuck.can("LPAR") and re.search(r"\bexcept\s+$", stuck.before))):
        value = f"({inner})"
        return Fault(
            "FR112", f"a list stands in ( ), not in {_pair(opening)}", stuck.at, end, f"write {value}", value
        )
    if stuck.word in ("ports", "nets") and re.search(r"=\s*$", stuck.before):
        value = inner
        return Fault(
            "FR112",
            f"the items of {stuck.word} stand without brackets",
            stuck.at,
            end,
            f"write {value}",
            value,
        )
    if opening == "[" and stuck.can("LBRACE"):
        value = f"{{{inner}}}"
        return Fault("FR112", "a set stands in { }, not in [ ]", stuck.at, end, f"write {value}", value)
    if opening == "[" and stuck.can("LPAR"):
        value = f"({inner})"
        return Fault(
            "FR112",
            "`[ ]` looks up one value; arguments and lists stand in ( )",
            stuck.at,
            end,
            f"write {value}",
            value,
        )
    return None


def _pair(opening: str) -> str:
    return "[ ]" if opening == "[" else "{ }"


def _closing(text: str, start: int) -> int | None:
    """The offset after the bracket that closes the one at ``start``."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def _set_in_parentheses(stuck: Stuck) -> Fault | None:
    """``set known = (10.0.0.1, 10.0.0.2)`` and ``expect s = (10.0.0.1)``: a set in round brackets."""
    if stuck.word not in ("set", "param", "expect", "hosts"):
        return None
    match = re.search(r"(?:=|\|)\s*\(", stuck.before)
    if match is None or not re.fullmatch(r"[\s\w.:,/-]*", stuck.before[match.end() :]):
        return None
    start = match.end() - 1
    end = _closing(stuck.text, start)
    inner = stuck.text[start + 1 : end - 1].strip() if end else ""
    if end is None or not re.match(r"\d[\w.:]*\.|[0-9a-f]*:", inner):
        return None
    value = f"{{{inner}}}"
    return Fault("FR112", "a set stands in { }, not in ( )", start, end, f"write {value}", value)


def _range_of_times(stuck: Stuck) -> Fault | None:
    """``2026-01-05-2026-01-06`` and ``80 .. 90``: the wrong mark between two ends."""
    time = r"\d{4}[-/]\d\d[-/]\d\d[\w:.+]*"
    first = re.search(rf"({time})\s*$", stuck.before)
    match = re.match(rf"(?:-|to\b|until\b|–)\s*({time})", stuck.rest)
    if first and match:
        value = f"{first[1]} .. {match[1]}"
        start, end = first.start(), stuck.at + match.end()
        return Fault("FR121", "two times are joined by `..`", start, end, f"write {value}", value)
    number = re.search(rf"({_NUMBER})\s*$", stuck.before)
    match = re.match(rf"(?:\.\.+|to\b|:)\s*({_NUMBER})", stuck.rest)
    if number and match and stuck.can("MINUS"):
        value = f"{number[1]}-{match[1]}"
        start, end = number.start(), stuck.at + match.end()
        return Fault("FR121", "the ends of a range are joined by `-`", start, end, f"write {value}", value)
    if stuck.can("DOTS") and stuck.word == "param":
        match = re.match(rf"(?:-|to\b|,)\s*({_NUMBER})", stuck.rest)
        if number and match:
            value = f"{number[1]} .. {match[1]}"
            start, end = number.start(), stuck.at + match.end()
            return Fault(
                "FR121", "the bounds of a parameter are joined by `..`", start, end, f"write {value}", value
            )
    return None


def _bounds(stuck: Stuck) -> Fault | None:
    """``param p : count = 5 in (1-10)``."""
    match = re.match(rf"[(\[]\s*({_NUMBER})\s*(?:-|,|\.\.)\s*({_NUMBER})\s*[)\]]", stuck.rest)
    if match is None or stuck.word != "param" or not re.search(r"\bin\s*$", stuck.before):
        return None
    value = f"{match[1]} .. {match[2]}"
    end = stuck.at + match.end()
    return Fault(
        "FR121", "the bounds of a parameter are joined by `..`", stuck.at, end, f"write {value}", value
    )


def _open_times(stuck: Stuck) -> Fault | None:
    """``in (2026-01-01 .. )``."""
    match = re.search(r"(\d{4}[-/]\d\d[-/]\d\d[\w:.]*)\s*(?:\.\.|-)\s*$", stuck.before)
    if match and not re.match(r"\d", stuck.rest):
        hint = f"compare: stime >= {match[1]}"
        return Fault(
            "FR113", f"`{match[0].strip()}` has no end", match.start(), len(stuck.before.rstrip()), hint
        )
    return None


def _tuple_without_parentheses(stuck: Stuck) -> Fault | None:
    """``set s = sip, dip of a``."""
    first = re.search(r"[=|&^-]\s*([A-Za-z_][\w.]*)\s*$", stuck.before)
    match = re.match(r"(?:\s*,\s*[A-Za-z_][\w.]*)+(?=\s+of\b)", stuck.rest)
    if stuck.word not in ("set", "hosts") or first is None or match is None:
        return None
    value = f"({first[1]}{match[0]})"
    end = stuck.at + match.end()
    return Fault(
        "FR111",
        "keys of several positions stand in parentheses",
        first.start(1),
        end,
        f"write {value}",
        value,
    )


def _cell_list(stuck: Stuck) -> Fault | None:
    """``internal host : 80, 443``."""
    first = re.search(r":\s*([\w-]+)\s*$", stuck.before)
    match = re.match(r"(?:\s*,\s*\d[\d-]*)+", stuck.rest)
    if stuck.word != "entry" or first is None or match is None:
        return None
    value = f"({first[1]}{match[0]})"
    end = stuck.at + match.end()
    return Fault("FR111", "a list stands in parentheses", first.start(1), end, f"write {value}", value)


def _open_range(stuck: Stuck) -> Fault | None:
    """``80-`` and ``4-`` as rwfilter takes them, and ``-80``."""
    match = re.search(rf"({_NUMBER})\s*(-|\.\.)\s*$", stuck.before)
    if match is None and stuck.rest[:1] == "-":
        head = re.search(rf"({_NUMBER})\s*$", stuck.before)
        tail = re.match(r"-\s*(?=[),]|and\b|or\b|$)", stuck.rest)
        if head and tail:
            return _open(stuck, head.start(), stuck.at + 1, head[1])
    if match and (stuck.is_end or not re.match(r"[\d(]", stuck.rest)):
        return _open(stuck, match.start(), match.end(2), match[1])
    match = re.match(rf"(?:-|\.\.)\s*({_NUMBER})", stuck.rest)
    if match and re.search(r"[(,]\s*$", stuck.before) and stuck.can("NUMBER"):
        value = f"0-{match[1]}"
        end = stuck.at + match.end()
        return Fault(
            "FR113", f"`{match[0]}` has no start", stuck.at, end, f"write {value}, or compare with <=", value
        )
    return None


_LISTING: Final = frozenset({"map_entry", "map", "ports", "nets", "param", "set"})


def _open(stuck: Stuck, start: int, end: int, number: str) -> Fault:
    text = stuck.text[start:end]
    before = stuck.text[:start].rstrip()
    compared = re.search(r"(?:<=|>=|=|<|>)$" if stuck.word not in _LISTING else r"[<>]=?$", before)
    if compared:
        return Fault(
            "FR113",
            f"`{text}` has no end",
            start,
            end,
            f"write {number}: the comparison says the rest",
            number,
        )
    if re.search(r"\bin$", before):
        begin = len(before) - 2
        value = f">= {number}"
        return Fault("FR113", f"`{text}` has no end", begin, end, f"write {value}", value)
    value = f"{number}-65535"
    return Fault(
        "FR113",
        f"`{text}` has no end",
        start,
        end,
        f"for ports write {value}; for counts compare: >= {number}",
        value,
    )


def _missing_parentheses(stuck: Stuck) -> Fault | None:
    """``dport in 80, 443`` and ``dport in 80-90``."""
    if stuck.found not in (",", "-", "..") and not stuck.rest.startswith("-"):
        return None
    for match in reversed(list(_BARE_LIST.finditer(stuck.text))):
        if match.start() < stuck.at <= match.end():
            break
    else:
        return None
    items = [item.strip() for item in match["list"].split(",")]
    while items and items[-1] in RESERVED - {"in"}:
        items.pop()
    if not items or any(not item for item in items):
        return None
    if items[-1].endswith("-") or (len(items) == 1 and not re.search(r"-|\.\.", items[0])):
        return None
    start = match.start("list")
    end = start + match["list"].rfind(items[-1]) + len(items[-1])
    value = f"({', '.join(whole_address(item) for item in items)})"
    return Fault("FR111", "a list stands in parentheses", start, end, f"write in {value}", value)


def _missing_comma(stuck: Stuck) -> Fault | None:
    """``in (80 443)``: items with nothing between."""
    inner = re.search(r"\([^()]*$", stuck.before)
    if inner and re.match(r"[A-Za-z_\d]", stuck.rest) and stuck.found not in RESERVED:
        argument = re.search(r"[A-Za-z_]\w*\([^()]*[\w)]\s+$", stuck.before)
        key = stuck.word in ("set", "hosts") and re.search(r"[=|&^-]\s*\([^()]*\w\s+$", stuck.before)
        if key or (argument and stuck.can("COMMA") and re.match(r"\d", stuck.rest)):
            return _comma(stuck)
    listing = stuck.word in _LISTING and re.match(r"[\d\"]", stuck.rest) and not stuck.can("EQUAL")
    if not stuck.can("COMMA") or not (listing or stuck.can("RPAR", "RBRACE")):
        return None
    if listing and re.search(r"[\w\"%)]\s+$", stuck.before) and not re.match(r'"[^"]*"\s*=', stuck.rest):
        return _comma(stuck)
    begins = r"[\d\"(]|[0-9a-f]*:" if stuck.word != "import" else r"[A-Za-z_]"
    if not re.search(r"[\w\"%)]\s+$", stuck.before) or not re.match(begins, stuck.rest):
        return None
    if not re.search(r"[({,]\s*[^\s(){},]+\s+$", stuck.before) and not stuck.before.rstrip().endswith(")"):
        return None
    return _comma(stuck)


def _comma(stuck: Stuck) -> Fault:
    at = len(stuck.before.rstrip())
    return Fault("FR101", "a comma is missing between two items", at, stuck.at, "write a comma", ", ")


def _extra_comma(stuck: Stuck) -> Fault | None:
    """A comma after the last item, where none may stand."""
    if re.match(r",\s*$", stuck.rest):
        return Fault("FR101", "a comma has nothing after it", stuck.at, stuck.at + 1, "delete it", " ")
    ordered = re.search(r",(?=\s*order\s+$)", stuck.before)
    if ordered and stuck.found == "by":
        start = ordered.start()
        return Fault("FR101", "a comma stands before `order by`", start, start + 1, "delete it", " ")
    comma = re.search(r",\s*$", stuck.before)
    if comma is None:
        return None
    if stuck.is_end or re.match(r"[)}\]]|(?:of|where|per|keep|order|and|or|except)\b", stuck.rest):
        start = comma.start()
        return Fault(
            "FR101",
            "a comma has nothing after it",
            start,
            start + 1,
            "delete it, or write what was to follow",
            " ",
            "",
        )
    return None


RANGES: Final[tuple[Guess, ...]] = (_range_of_times,)
GUESSES: Final[tuple[Guess, ...]] = (
    _bounds,
    _open_times,
    _tuple_without_parentheses,
    _cell_list,
    _missing_parentheses,
    _open_range,
    _brackets,
    _set_in_parentheses,
    _missing_comma,
    _extra_comma,
)
