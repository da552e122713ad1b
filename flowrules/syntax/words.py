"""The words of the grammar, read from the grammar itself: reserved ones, contextual ones, and literals' patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from flowrules.model.resources import grammar_text
from flowrules.syntax.cut import DECLARATIONS, PROFILE_ITEMS
from flowrules.syntax.marks import RESERVED

_COMMENT: Final = re.compile(r"//[^\n]*")
_QUOTED: Final = re.compile(r'"((?:\\.|[^"\\\n])*)"')
_TERMINAL: Final = re.compile(r"^([A-Z][A-Z0-9_]*)(?:\.\d+)?:\s*(.+)$", re.MULTILINE)
_RULES_END: Final = "// ---- terminals"
_NOT_NAMES: Final = re.compile(r"\(\?!\(\?:([a-z|]+)\)\\b\)")

DECLARING: Final = DECLARATIONS | PROFILE_ITEMS
"""Words that begin a declaration or a line of a profile."""

OPERATORS: Final = frozenset({"and", "or", "not", "in", "has", "lacks", "matches", "of", "reverse"})
"""Words between or before operands."""


@cache
def keywords() -> frozenset[str]:
    """Every word that the grammar quotes: reserved ones and those that are keywords only where they can stand."""
    text = grammar_text()
    rules = "\n".join(_COMMENT.sub("", line) for line in text.partition(_RULES_END)[0].splitlines())
    quoted = _QUOTED.findall(rules) + [v.strip('"') for v in terminals().values() if v.startswith('"')]
    return frozenset(word for word in quoted if word.isalpha())


@cache
def contextual() -> frozenset[str]:
    """Keywords that are names elsewhere: ``as has lacks top cover fill …``."""
    return keywords() - RESERVED


@cache
def reserved() -> frozenset[str]:
    """The words that the grammar keeps names from being."""
    found = _NOT_NAMES.search(terminals()["NAME"])
    assert found is not None
    return frozenset(found[1].split("|"))


@cache
def terminals() -> Mapping[str, str]:
    """The grammar's terminals as written: ``"…"`` or ``/…/``."""
    return {name: pattern.strip() for name, pattern in _TERMINAL.findall(grammar_text())}


def pattern(name: str) -> str:
    """The regular expression of a terminal, without its slashes."""
    return terminals()[name][1:-1].replace("\\/", "/")
