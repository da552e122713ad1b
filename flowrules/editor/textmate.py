"""Colouring as a TextMate grammar: Visual Studio Code, Sublime Text, GitHub and others read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from flowrules.editor.vocabulary import grouped
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.words import pattern

SCOPE: Final = "source.frules"

_NAME: Final = r"[A-Za-z_]\w*"
_START: Final = r"(?<![\w.])"
_LITERALS: Final = (
    ("TIME", "constant.numeric.time"),
    ("CIDR", "constant.numeric.block"),
    ("WILD", "constant.numeric.block"),
    ("IPV6", "constant.numeric.address"),
    ("IPV4", "constant.numeric.address"),
    ("CLOCK", "constant.numeric.clock"),
    ("DAYS", "constant.language.days"),
    ("ZONE", "constant.other.zone"),
    ("PERCENT", "constant.numeric.percent"),
    ("SIZE", "constant.numeric.size"),
    ("DURATION", "constant.numeric.duration"),
    ("COUNT", "constant.numeric.count"),
    ("NUMBER", "constant.numeric"),
)


def grammar() -> dict[str, Any]:
    """The grammar as TextMate's JSON says it."""
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "frules",
        "scopeName": SCOPE,
        "fileTypes": ["frules"],
        "patterns": [
            {"include": f"#{part}"}
            for part in ("comments", "strings", "declarations", "flags", "literals", "words", "marks")
        ],
        "repository": {
            "comments": {"patterns": _comments()},
            "strings": {"patterns": _strings()},
            "holes": {"patterns": [_hole()]},
            "declarations": {"patterns": _declarations()},
            "flags": {"patterns": _flags()},
            "literals": {"patterns": _literals()},
            "words": {"patterns": _words()},
            "marks": {"patterns": _marks()},
        },
    }


def grammar_json() -> str:
    """The grammar as a file."""
    return json.dumps(grammar(), indent=2) + "\n"


def _scope(name: str) -> str:
    return f"{name}.frules"


def _match(name: str, expression: str, **captures: str) -> dict[str, Any]:
    found: dict[str, Any] = {"match": expression}
    if name:
        found["name"] = _scope(name)
    if captures:
        found["captures"] = {key[1:]: {"name": _scope(scope)} for key, scope in captures.items()}
    return found


def _any(found: Iterable[str]) -> str:
    return f"{_START}(?:{'|'.join(found)})(?!\\w)"


def _comments() -> list[dict[str, Any]]:
    return [
        _match("comment.line.documentation", r"##(?!#).*$"),
        _match("comment.line.number-sign", r"#.*$"),
    ]


def _strings() -> list[dict[str, Any]]:
    def quoted(name: str, quote: str, *inside: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": _scope(name),
            "begin": quote,
            "end": quote,
            "beginCaptures": {"0": {"name": _scope("punctuation.definition.string.begin")}},
            "endCaptures": {"0": {"name": _scope("punctuation.definition.string.end")}},
            "patterns": [*inside, {"include": "#holes"}],
        }

    return [
        quoted("string.quoted.triple", '"""'),
        {**quoted("string.quoted.double", '"', _match("constant.character.escape", r"\\.")), "end": '"|$'},
    ]


def _hole() -> dict[str, Any]:
    return _match("meta.embedded.hole", r'(\{)([^}"]*)(\})', _1="punctuation.section.embedded.begin",
                  _2="variable.other.hole", _3="punctuation.section.embedded.end")  # fmt: skip


def _declarations() -> list[dict[str, Any]]:
    known = grouped()
    named = [
        word
        for word in known.declaring
        if word not in ("ruleset", "import", "tune", "hosts", "entry", "test")
    ]
    return [
        _match("", rf"{_START}(ruleset|import|tune)\s+({_NAME}(?:\.{_NAME})*)(@[\^~]?[\d.]+)?",
               _1="keyword.declaration", _2="entity.name.namespace", _3="constant.numeric.version"),
        _match("", rf"{_START}({'|'.join(named)})[ \t]+(?!(?:{'|'.join(sorted(RESERVED))})\b)({_NAME})",
               _1="keyword.declaration", _2="entity.name.type"),
        _match("", rf"(@)[ \t]*({_NAME})", _1="punctuation.definition.attribute", _2="storage.modifier.attribute"),
        _match("keyword.declaration", _any(known.declaring)),
    ]  # fmt: skip


def _flags() -> list[dict[str, Any]]:
    return [
        _match(
            "",
            rf"{_START}(has|lacks)\s+([A-Z]+)(?!\w)",
            _1="keyword.operator.word",
            _2="constant.other.flags",
        ),
        _match("constant.other.flags", rf"{_START}(?:{pattern('FLAGMASK')})"),
    ]


def _literals() -> list[dict[str, Any]]:
    # An address may begin with a colon, and a word that an address could begin with is none.
    return [_match(scope, rf"(?<![\w.:])(?:{pattern(name)})") for name, scope in _LITERALS]


def _words() -> list[dict[str, Any]]:
    known = grouped()
    return [
        _match("variable.other.member", rf"\.{_NAME}"),
        _match("keyword.operator.word", _any(known.operators)),
        _match("keyword.control.clause", _any(known.clauses)),
        _match("support.function.measure", _any(known.measures)),
        _match("support.function", _any(known.functions)),
        _match("variable.language.field", _any(known.fields)),
        _match("constant.language.filter", _any(known.filters)),
        _match("variable.other", _NAME),
    ]


def _marks() -> list[dict[str, Any]]:
    return [
        _match("keyword.operator", r"!=|<=|>=|\.\.|[=<>|&^+*/-]"),
        _match("punctuation.separator", r"[,:@.]"),
        _match("punctuation.section", r"[(){}\[\]]"),
    ]
