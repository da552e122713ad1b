"""Why a parse stopped, said so that the author can go on: the first of many guesses that fits."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from attrs import evolve

from flowrules.model.source_text import Span
from flowrules.syntax import (
    clause_slips,
    expected,
    foreign,
    list_slips,
    literal_slips,
    name_slips,
    time_slips,
)
from flowrules.syntax.cut import DECLARATIONS, PROFILE_ITEMS, Piece
from flowrules.syntax.diagnostics import Diagnostic, diagnostic
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.strings import plain_name
from flowrules.syntax.stuck import Fault, Stuck

_GUESSES: Final = (
    *foreign.OPERATORS,
    *foreign.SWITCHES,
    *name_slips.FIRST,
    *foreign.CONDITIONS,
    *list_slips.RANGES,
    *literal_slips.FLAGS,
    *time_slips.GUESSES,
    *literal_slips.GUESSES,
    *list_slips.GUESSES,
    *foreign.CLAUSES,
    *name_slips.GUESSES,
    *clause_slips.GUESSES,
)
"""In this order; a guess returns a fault, or ``None`` where it does not know."""

_WINDOW: Final = 4000
"""Guesses look no farther than this around the place, so that a huge declaration takes no longer."""

_OTHER_WORDS: Final = {
    "rule": "filter",
    "let": "filter",
    "def": "filter",
    "define": "filter",
    "const": "param",
    "var": "param",
    "parameter": "param",
    "include": "import",
    "use": "import",
    "from": "import",
    "port": "ports",
    "net": "nets",
    "network": "nets",
    "networks": "nets",
    "group": "set",
    "query": "table",
    "select": "table",
    "alert": "anomaly",
    "assert": "check",
    "package": "ruleset",
    "module": "ruleset",
}


def find(text: str, at: int, accepts: frozenset[str], word: str) -> Fault:
    """What is wrong with a piece that could not be parsed beyond ``at``, where ``accepts`` could stand.

    ``word`` is that of its declaration or line.
    """
    first = max(0, at - _WINDOW)
    stuck = Stuck(text[first : at + _WINDOW], at - first, accepts, word)
    guesses = (guess(stuck) for guess in _GUESSES)
    fault = next((fault for fault in guesses if fault is not None), None) or expected.unexpected(stuck)
    if not first:
        return fault
    related = tuple((start + first, end + first, message) for start, end, message in fault.related)
    return evolve(fault, start=fault.start + first, end=fault.end + first, related=related)


def no_declaration(piece: Piece, span: Span) -> Diagnostic:
    """What to say of a piece that begins with no declaration's word."""
    first = piece.marks[0].text
    if first in PROFILE_ITEMS:
        return diagnostic(
            "FR132",
            f"`{first}` stands outside a profile",
            span,
            hint="put it between the braces of: profile name { … }",
        )
    if first == "@" and len(piece.marks) > 2 and piece.marks[2].text != "(":
        name, value = piece.marks[1].text, piece.marks[2].text
        hint = f"write @{name}({value})"
        return diagnostic("FR106", "what an attribute says stands in parentheses", span, hint=hint)
    if first == "@":
        return diagnostic(
            "FR106", "an attribute stands before no declaration", span, hint="put it above what it speaks of"
        )
    words = sorted(DECLARATIONS)
    after = " ".join(mark.text for mark in piece.marks[1:2])
    together = name_slips.parted(first, DECLARATIONS, after) if first not in _OTHER_WORDS else None
    if together is not None:
        text = " ".join(together)
        message = f"`{first}` is one word, and begins no declaration"
        return diagnostic("FR106", message, span, hint=f"write {text}", fix=text)
    close = get_close_matches(first.lower(), words, 1, 0.7)
    meant = _OTHER_WORDS.get(first.lower()) or (close[0] if close else None)
    if meant and piece.marks[0].kind == "word":
        return diagnostic(
            "FR106",
            f"`{first}` begins no declaration",
            span,
            hint=f"write {expected.LAYOUTS[meant]}",
            fix=meant,
        )
    what = (
        f"`{first}` begins no declaration" if first not in RESERVED else f"`{first}` continues no declaration"
    )
    return diagnostic("FR106", what, span, hint=f"a declaration begins with one of: {', '.join(words)}")


def malformed_hole(text: str, span: Span) -> Diagnostic:
    """What to say of braces in a text that hold no name, call or lookup."""
    if not text:
        message = "the braces in this text are empty"
    elif text in RESERVED:
        message = f"`{text}` is a reserved word and names no value"
    elif ":" in text:
        message = f"`{{{text}}}` gives a format, and values have one form"
        name = text.partition(":")[0].strip()
        if plain_name(name):
            return diagnostic("FR126", message, span, hint=f"write {{{name}}}", fix=name)
    else:
        message = f"`{{{text}}}` holds no name, count(…) or map"
    return diagnostic(
        "FR126",
        message,
        span,
        hint=r"write {name}, {count(set)} or {map(host)}; a brace that means itself is \{",
    )
