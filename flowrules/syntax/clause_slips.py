"""Clauses and words of the language itself that are missing, misspelt, or in the wrong place."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from flowrules.syntax.cut import DECLARATIONS, PROFILE_ITEMS
from flowrules.syntax.expected import LAYOUTS, NOUNS, keyword, listed, words
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.stuck import Fault, Stuck

Guess = Callable[[Stuck], Fault | None]

_CLAUSES: Final = frozenset(
    {
        "of",
        "where",
        "per",
        "fill",
        "keep",
        "order",
        "when",
        "because",
        "except",
        "otherwise",
        "in",
        "as",
        "optional",
    }
    | {"drop", "until", "hosts"}
)
_COMPARATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_RATIOS: Final = {
    ("bytes", "/", "packets"): "bytes_per_packet",
    ("packets", "/", "duration"): "packets_per_second",
    ("bytes", "/", "duration"): "bytes_per_second",
    ("stime", "+", "duration"): "etime",
}
_WORD = re.compile(r"[A-Za-z_]\w*")


# ---- names --------------------------------------------------------------------------------------------


def _reserved_name(stuck: Stuck) -> Fault | None:
    """``ports check = 80``, ``dport in ports``: a reserved word where a name stands."""
    word = stuck.found
    if word not in RESERVED or not stuck.can("NAME", "REF"):
        return None
    start, end = stuck.here()
    naming = stuck.previous == stuck.word and stuck.word in LAYOUTS
    if naming or stuck.previous in ("as", "param"):
        better = f"{word}_column" if stuck.previous == "as" else f"{word}_{stuck.word}"
        what = f"cannot name {'a column' if stuck.previous == 'as' else NOUNS.get(stuck.word, 'anything')}"
        return Fault(
            "FR105", f"`{word}` is a reserved word and {what}", start, end, f"write {better}", better
        )
    if word in DECLARATIONS | PROFILE_ITEMS:
        message = f"`{word}` is a reserved word and names nothing"
        return Fault("FR105", message, start, end, f"it begins a declaration: {LAYOUTS[word]}")
    return None


def _missing_name(stuck: Stuck) -> Fault | None:
    """``filter = tcp``: a declaration without its name."""
    if stuck.found in RESERVED:
        return None
    if stuck.can("NAME") and stuck.previous == stuck.word and stuck.word in LAYOUTS:
        start, end = stuck.here() if not stuck.is_end else (len(stuck.text.rstrip()),) * 2
        layout = f"write {LAYOUTS[stuck.word]}"
        if re.match(r"\d", stuck.rest):
            return Fault(
                "FR101", f"`{stuck.blob[1]}` is no name: names begin with a letter", start, end, layout
            )
        if stuck.rest.startswith('"'):
            return Fault("FR101", f"{NOUNS[stuck.word]} needs a name before its title", start, end, layout)
        if not stuck.rest[:1].isascii():
            return None
        return Fault("FR101", f"{NOUNS[stuck.word]} needs a name", start, end, layout)
    return None


def _foreign_letter(stuck: Stuck) -> Fault | None:
    """A letter outside ASCII in a name, or another character that means nothing."""
    sign = stuck.rest[:1]
    if not sign or sign.isascii():
        return None
    match = re.search(r"[A-Za-z_][\w.]*$", stuck.before)
    start = match.start() if match else stuck.at
    end = stuck.at + len(re.match(r"\w*", stuck.rest)[0] or sign)  # type: ignore[index]
    if sign.isalpha():
        text = stuck.text[start:end]
        hint = 'names have letters A to Z, digits and _; other letters stand in titles: "…"'
        return Fault("FR109", f"`{text}` is no name", start, end, hint)
    return Fault("FR109", f"`{sign}` (U+{ord(sign):04X}) means nothing here", stuck.at, stuck.at + 1)


def _hyphenated_name(stuck: Stuck) -> Fault | None:
    """``filter web-clients = …``."""
    match = re.match(r"-[A-Za-z]\w*(?:-\w+)*", stuck.rest)
    word, start = stuck.previous_word
    if (
        match
        and word
        and start + len(word) == stuck.at
        and stuck.can("EQUAL", "LBRACE", "COLON", "STRING", "AND")
    ):
        end = stuck.at + match.end()
        value = stuck.text[start:end].replace("-", "_")
        return Fault("FR101", f"`{stuck.text[start:end]}` is no name", start, end, f"write {value}", value)
    return None


# ---- clauses ------------------------------------------------------------------------------------------


def _missing_of(stuck: Stuck) -> Fault | None:
    """``sip outbound``, ``sum(bytes) request per sip``: what is asked, without ``of``."""
    if not stuck.can("OF") or stuck.word not in ("set", "table", "feature", "hosts", "entry"):
        return None
    if not re.match(r"[A-Za-z_(]", stuck.rest) or stuck.found in RESERVED:
        return None
    if stuck.word in ("set", "hosts") and stuck.rest.startswith("("):
        return None
    if get_close_matches(stuck.found, [keyword(t) for t in stuck.accepts if t.isalpha()], 1, 0.75):
        return None
    if (
        stuck.word == "feature"
        and stuck.can("AND")
        and not re.search(r"\)\s*$|\b(flows|rows|share|first|last)\s*$", stuck.before)
    ):
        return None
    start, end = stuck.here()
    return Fault(
        "FR110",
        f"`of` is missing before `{stuck.found}`",
        start,
        end,
        f"write of {stuck.found}",
        f"of {stuck.found}",
    )


def _misplaced_clause(stuck: Stuck) -> Fault | None:
    """A clause that belongs earlier."""
    word = stuck.found
    if word not in _CLAUSES or stuck.can(word.upper()) or stuck.word not in LAYOUTS:
        return None
    start, end = stuck.here()
    layout = f"it reads: {LAYOUTS[stuck.word]}"
    if word == "because" and stuck.can("WHEN", "COLON"):
        return Fault("FR132", "`because` stands last", start, end, layout)
    if stuck.can("REF", "STRING", "NUMBER") and not stuck.can("AND", "EQUAL"):
        said = listed(words(stuck.accepts))
        message = f"something is missing between `{stuck.previous}` and `{word}`: expected {said}"
        return Fault("FR101", message, start, end, layout)
    if not re.search(rf"\b{word}\b", LAYOUTS[stuck.word]):
        return Fault("FR132", f"{NOUNS[stuck.word]} has no `{word}`", start, end, layout)
    if re.search(rf"\b{word}\b", stuck.before) and word not in ("keep", "of", "in", "as"):
        return Fault("FR132", f"`{word}` stands twice in {NOUNS[stuck.word]}", start, end, layout)
    return Fault("FR132", f"`{word}` cannot stand here in {NOUNS[stuck.word]}", start, end, layout)


def _missing_mark(stuck: Stuck) -> Fault | None:
    """A missing ``=``, ``:`` or ``{`` after the head of a declaration."""
    if stuck.word not in LAYOUTS:
        return None
    head = re.fullmatch(
        rf'(?:@.*\)\s*)*{stuck.word}\s+[\w.]+(?:\s+"[^"\r\n]*")?(?:\s*:\s*\w+(?:\([^()]*\))?)?\s*',
        stuck.before,
    )
    if head is None or stuck.is_end:
        return None
    at = len(stuck.before.rstrip())
    for terminal, mark in (("EQUAL", "="), ("LBRACE", "{"), ("COLON", ":")):
        if not stuck.can(terminal) or (mark == ":" and stuck.word in ("check", "map")):
            continue
        if mark == "=" and stuck.rest[:1] in (":", "{"):
            return Fault(
                "FR101",
                f"`=` stands where `{stuck.rest[0]}` is",
                stuck.at,
                stuck.at + 1,
                "write =",
                " = ",
                "=",
            )
        if mark == "{":
            return Fault(
                "FR101",
                f"`{{` is missing before `{stuck.found}`",
                *stuck.here(),
                f"it reads: {LAYOUTS[stuck.word]}",
            )
        if mark == ":" and (stuck.rest[:1] == "=" or stuck.found in _CLAUSES):
            return Fault(
                "FR101",
                f"{NOUNS[stuck.word]} has no {_after_colon(stuck.word)}",
                *stuck.here(),
                f"it reads: {LAYOUTS[stuck.word]}",
            )
        if re.match(r"[\w(\"{]", stuck.rest):
            value = f" {mark} "
            return Fault(
                "FR101",
                f"`{mark}` is missing before `{stuck.found}`",
                at,
                stuck.at,
                f"write {mark} {stuck.found}",
                value,
            )
    return None


def _after_colon(word: str) -> str:
    return {"param": "type", "anomaly": "severity"}.get(word, "keys")


def _text_expected(stuck: Stuck) -> Fault | None:
    """``because services``: text without its quotes."""
    if stuck.is_end or stuck.rest.startswith('"'):
        return None
    if stuck.word == "ruleset" and stuck.can("STRING") and re.match(r"[\w.-]", stuck.rest):
        text = stuck.blob[1]
        end = stuck.at + len(text)
        value = f'"{text}"'
        return Fault(
            "FR101", f"`{text}` is text, and stands in double quotes", stuck.at, end, f"write {value}", value
        )
    if not stuck.can("STRING") or stuck.previous not in ("because", "flows"):
        return None
    line = re.match(r"[^\r\n]*", stuck.rest)
    text = line[0].strip() if line else ""
    return Fault("FR101", f"`{stuck.previous}` needs text in double quotes", *stuck.here(), f'write "{text}"')


def _arithmetic(stuck: Stuck) -> Fault | None:
    """``bytes / packets > 100`` in a filter."""
    divided = re.search(r"([A-Za-z_][\w.]*)\s*/\s*$", stuck.before)
    if divided and stuck.accepts == {"NUMBER"} and not stuck.is_end:
        stuck = Stuck(stuck.text, stuck.text.rindex("/", 0, stuck.at), stuck.accepts | {"HAS"}, stuck.word)
    sign = stuck.rest[:1]
    if sign not in ("+", "-", "*", "/") or not stuck.in_predicate or stuck.can("PLUS"):
        return None
    word, start = stuck.previous_word
    operand = _WORD.match(stuck.rest[1:].lstrip())
    ratio = _RATIOS.get((word, sign, operand[0] if operand else ""))
    if ratio and operand:
        end = stuck.at + stuck.rest.index(operand[0]) + len(operand[0])
        text = stuck.text[start:end]
        return Fault("FR133", f"a filter does not compute `{text}`", start, end, f"write {ratio}", ratio)
    hint = "filters compare fields as they are; compute in a table's keep, a feature or a check"
    return Fault("FR133", f"a filter has no `{sign}`", stuck.at, stuck.at + 1, hint)


def _chained(stuck: Stuck) -> Fault | None:
    """``4 < packets < 10``."""
    if stuck.found not in _COMPARATORS or not stuck.can("AND"):
        return None
    match = re.search(r"([\w.%]+)\s*(<=|>=|!=|<|>|=)\s*([\w.]+)\s*$", stuck.before)
    if match is None:
        clause = re.split(r"\b(?:and|or|when|keep|where)\b", stuck.before)[-1]
        if not re.search(r"[<>]|[^=]=[^=]", clause):
            return None
        return Fault(
            "FR134", "a comparison compares two things", *stuck.here(), "join two comparisons with `and`"
        )
    right = re.match(r"(?:<=|>=|!=|<|>|=)\s*([\w.%]+)", stuck.rest)
    turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(match[2], match[2])
    if right is None:
        return Fault(
            "FR134", "a comparison compares two things", *stuck.here(), "join two comparisons with `and`"
        )
    first = (
        f"{match[3]} {turned} {match[1]}" if match[1][0].isdigit() else f"{match[1]} {match[2]} {match[3]}"
    )
    value = f"{first} and {match[3]} {stuck.found} {right[1]}"
    end = stuck.at + right.end()
    return Fault("FR134", "a comparison compares two things", match.start(), end, f"write {value}", value)


def _missing_and(stuck: Stuck) -> Fault | None:
    """``tcp dport = 80``: two conditions with nothing between."""
    if not stuck.can("AND") or not re.match(r"[A-Za-z_(]", stuck.rest):
        return None
    word = stuck.found
    if word in RESERVED - {"not", "reverse"} or not re.search(r"[\w)\"%\]]\s*$", stuck.before):
        return None
    if get_close_matches(word, [keyword(t) for t in stuck.accepts if t.isalpha()], 1, 0.75):
        return None
    if re.search(r"[\w.]$", stuck.before) and word == "(":
        return None
    return Fault(
        "FR101",
        f"`and` or `or` is missing before `{word}`",
        *stuck.here(),
        "write the one that is meant between the two",
        f"and {word}",
        "",
    )


def _misspelt(stuck: Stuck) -> Fault | None:
    """A word close to a keyword that could stand here."""
    word = stuck.found
    if not _WORD.fullmatch(word) or word in RESERVED or len(word) < 3 or stuck.can("NAME", "REF"):
        return None
    known = [keyword(t) for t in stuck.accepts if t.isalpha() and len(t) > 1 and t not in _NOT_WORDS]
    close = get_close_matches(word.lower(), known, 1, 0.7 if len(word) > 4 else 0.6)
    if not close:
        return None
    return Fault(
        "FR101",
        f"`{word}` is no word of the language here",
        *stuck.here(),
        f"did you mean {close[0]}?",
        close[0],
    )


_NOT_WORDS: Final = frozenset(
    {
        "EQUAL",
        "NE",
        "LESSTHAN",
        "LE",
        "MORETHAN",
        "GE",
        "LPAR",
        "RPAR",
        "LBRACE",
        "RBRACE",
        "LSQB",
        "RSQB",
        "COLON",
    }
    | {
        "COMMA",
        "VBAR",
        "AMPERSAND",
        "CIRCUMFLEX",
        "PLUS",
        "MINUS",
        "STAR",
        "SLASH",
        "AT",
        "DOTS",
        "STRING",
        "NUMBER",
    }
    | {
        "COUNT",
        "SIZE",
        "PERCENT",
        "DURATION",
        "TIME",
        "CIDR",
        "WILD",
        "FLAGS",
        "FLAGMASK",
        "DAYS",
        "CLOCK",
        "ZONE",
    }
)

FIRST: Final[tuple[Guess, ...]] = (_hyphenated_name, _foreign_letter, _missing_name, _text_expected)
"""Names and texts: before anything takes them for numbers."""

GUESSES: Final[tuple[Guess, ...]] = (
    _reserved_name,
    _arithmetic,
    _chained,
    _missing_mark,
    _misspelt,
    _misplaced_clause,
    _missing_of,
    _missing_and,
)
