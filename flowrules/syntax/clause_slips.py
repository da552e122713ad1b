"""Clauses, marks and words of the language itself that are missing, misspelt, or in the wrong place."""

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


_MEASURES: Final = frozenset(
    {
        "sum",
        "distinct",
        "min",
        "max",
        "mean",
        "deviation",
        "quantile",
        "fraction",
        "share",
        "entropy",
        "values",
    }
    | {"span", "active", "sequential", "answered", "peers", "relative"}
)
_SEVERITIES: Final = frozenset({"info", "notice", "warning", "error"})


def _argument_without_parentheses(stuck: Stuck) -> Fault | None:
    """``sum bytes of request``, ``top 10 sip of request``."""
    word, start = stuck.previous_word
    match = re.match(r"[A-Za-z_]\w*", stuck.rest)
    if word in _MEASURES and match and match[0] not in RESERVED and stuck.can("LPAR"):
        value, end = f"{word}({match[0]})", stuck.at + match.end()
        return Fault(
            "FR111", f"`{word}` takes its argument in parentheses", start, end, f"write {value}", value
        )
    if word in ("top", "bottom") and stuck.word == "table" and re.match(r"\d", stuck.rest):
        hint = f"write … of filter per key keep {word} {stuck.found}"
        return Fault("FR132", f"`{word}` stands in a keep clause", start, start + len(word), hint)
    return None


def _missing_word(stuck: Stuck) -> Fault | None:
    """A missing ``when`` or ``by``, or ``:`` and ``=`` in their stead."""
    found, word = stuck.found, stuck.word
    named = re.match(r"[A-Za-z_(\d]", stuck.rest) is not None and found not in RESERVED - {"not", "verdict"}
    if word in ("verdict", "anomaly") and stuck.can("WHEN") and not stuck.can("COLON", "AND", "REF"):
        if found == ":":
            return Fault(
                "FR101", "`when` belongs where `:` stands", *stuck.here(), "write when", " when ", "when"
            )
        if named and not get_close_matches(found, ["when", "otherwise", "because", "drop", "in"], 1, 0.6):
            return Fault(
                "FR101",
                f"`when` is missing before `{found}`",
                *stuck.here(),
                f"write when {found}",
                f"when {found}",
            )
    if stuck.can("BY") and stuck.can("WITH") and named and re.search(r"\d\s*$", stuck.before):
        return Fault(
            "FR101", f"`by` is missing before `{found}`", *stuck.here(), f"write by {found}", f"by {found}"
        )
    if word == "hosts" and stuck.previous == "hosts" and found in ("=", ":"):
        return Fault(
            "FR101",
            f"`hosts` has no `{found}`",
            *stuck.here(),
            "leave it out: hosts clients | servers",
            " ",
            "",
        )
    if word == "entry" and found == "=" and re.search(r"[{\w)\"]\s*\w+\s*$", stuck.before):
        return Fault(
            "FR101", "a column and its cell stand side by side", *stuck.here(), "leave the = out", " ", ""
        )
    severity = re.match(r":\s*(\w+)\s*$", stuck.rest)
    if word == "check" and severity and severity[1] in _SEVERITIES:
        hint = f"write check name : {severity[1]} = condition"
        return Fault("FR132", "the severity stands before `=`", stuck.at, stuck.at + severity.end(), hint)
    return None


def _missing_of(stuck: Stuck) -> Fault | None:
    """``sip outbound``, ``sum(bytes) request per sip``: what is asked, without ``of``."""
    if stuck.accepts == {"OF"} and re.match(r"[A-Za-z_(]", stuck.rest) and stuck.found not in RESERVED:
        found = stuck.found
        return Fault(
            "FR110", f"`of` is missing before `{found}`", *stuck.here(), f"write of {found}", f"of {found}"
        )
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
    """A clause that belongs earlier, or a declaration inside a profile."""
    word = stuck.found
    if word in DECLARATIONS - PROFILE_ITEMS and stuck.word in PROFILE_ITEMS and not stuck.can(word.upper()):
        hint = "a profile holds hosts, feature, verdict, anomaly and entry: put it outside the braces"
        return Fault("FR132", f"`{word}` stands inside a profile", *stuck.here(), hint)
    if word not in _CLAUSES or stuck.can(word.upper()) or stuck.word not in LAYOUTS:
        return None
    start, end = stuck.here()
    layout = f"it reads: {LAYOUTS[stuck.word]}"
    if word == "of" and stuck.word == "filter":
        hint = "measures and n of stand in tables, features, verdicts and checks"
        return Fault("FR132", "a filter speaks of one flow, and `of` of many", start, end, hint)
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
    if stuck.found in _SEVERITIES and stuck.can("COLON"):
        return Fault(
            "FR101", f"`:` is missing before `{stuck.found}`", at, stuck.at, f"write : {stuck.found}", " : "
        )
    if stuck.found == "default" and stuck.can("EQUAL"):
        return Fault("FR101", "`default` is no word here", *stuck.here(), "write =", "=")
    for terminal, mark in (("EQUAL", "="), ("LBRACE", "{"), ("COLON", ":")):
        if not stuck.can(terminal) or (mark == ":" and stuck.word in ("check", "map")):
            continue
        if mark == "=" and stuck.rest[:1] in (":", "{"):
            sign = stuck.rest[0]
            inner = re.match(r"\{\s*([^{}]*?)\s*\}\s*$", stuck.rest)
            value = f" = {inner[1]}" if inner else " = "
            end = stuck.at + (inner.end() if inner else 1)
            return Fault(
                "FR101", f"`=` belongs where `{sign}` stands", stuck.at, end, f"write{value}".rstrip(), value
            )
        if mark == "{" and re.match(r"=\s*\{", stuck.rest):
            return Fault(
                "FR101", "`=` stands before the brace", stuck.at, stuck.at + 1, "leave it out", " ", ""
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

GUESSES: Final[tuple[Guess, ...]] = (
    _argument_without_parentheses,
    _arithmetic,
    _chained,
    _missing_mark,
    _misspelt,
    _missing_word,
    _misplaced_clause,
    _missing_of,
    _missing_and,
)
