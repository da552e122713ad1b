"""Colouring for Pygments: documents and web pages that show rulesets."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
)

from flowrules.editor.vocabulary import grouped
from flowrules.syntax.marks import RESERVED
from flowrules.syntax.words import pattern

_START = r"(?<![\w.])"
_END = r"(?![\w])"

_LITERALS = (
    ("TIME", Literal.Date),
    ("CIDR", Number.Other),
    ("WILD", Number.Other),
    ("IPV6", Number.Other),
    ("IPV4", Number.Other),
    ("CLOCK", Literal.Date),
    ("DAYS", Literal.Date),
    ("ZONE", Literal.Date),
    ("PERCENT", Number.Float),
    ("SIZE", Number.Other),
    ("DURATION", Number.Other),
    ("COUNT", Number.Other),
    ("NUMBER", Number),
)


def _rules() -> dict[str, list[Any]]:
    known = grouped()
    return {
        "root": [
            (r"[ \t\f\r\n]+", Text.Whitespace),
            (r"##[^\r\n]*", Comment.Special),
            (pattern("COMMENT"), Comment.Single),
            (r'"""', String.Double, "text"),
            (r'"', String.Double, "string"),
            (r"@[ \t]*[A-Za-z_]\w*", Name.Decorator),
            (pattern("VERSION"), Number.Other),
            (
                r"\b(ruleset|import|tune)(\s+)([A-Za-z_][\w.]*)",
                bygroups(Keyword.Declaration, Text.Whitespace, Name.Namespace),
            ),
            (
                rf"{_START}({'|'.join(known.declaring)})([ \t]+)(?!(?:{'|'.join(sorted(RESERVED))})\b)([A-Za-z_]\w*)",
                bygroups(Keyword.Declaration, Text.Whitespace, Name.Variable),
            ),
            (rf"{_START}(has|lacks)(\s+)([A-Z]+)\b", bygroups(Operator.Word, Text.Whitespace, Literal)),
            (pattern("FLAGMASK"), Literal),
            *((f"{_START}(?:{pattern(name)})", kind) for name, kind in _LITERALS),
            (r"\.[A-Za-z_]\w*", Name.Attribute),
            (words(known.declaring, prefix=_START, suffix=_END), Keyword.Declaration),
            (words(known.operators, prefix=_START, suffix=_END), Operator.Word),
            (words(known.clauses, prefix=_START, suffix=_END), Keyword),
            (words(known.measures, prefix=_START, suffix=_END), Name.Builtin),
            (words(known.functions, prefix=_START, suffix=_END), Name.Builtin),
            (words(known.fields, prefix=_START, suffix=_END), Name.Builtin.Pseudo),
            (words(known.filters, prefix=_START, suffix=_END), Keyword.Constant),
            (r"[A-Za-z_]\w*", Name),
            (r"!=|<=|>=|\.\.|[=<>|&^+*/-]", Operator),
            (r"[(){}\[\],:@.]", Punctuation),
        ],
        "string": [
            (r"\\[^\r\n]", String.Escape),
            (r"\{[^}\r\n\"]*\}", String.Interpol),
            (r'[^"\\{\r\n]+|\{', String.Double),
            (r'"', String.Double, "#pop"),
            (r"[\r\n]", Text.Whitespace, "#pop"),
        ],
        "text": [
            (r'"""', String.Double, "#pop"),
            (r"\{[^}\r\n\"]*\}", String.Interpol),
            (r'[^"{]+|["{]', String.Double),
        ],
    }


class FrulesLexer(RegexLexer):  # type: ignore[misc]  # pygments has no types
    """Tokens of frules, the language of flowrules' rulesets."""

    name = "frules"
    aliases: ClassVar[list[str]] = ["frules", "flowrules"]
    filenames: ClassVar[list[str]] = ["*.frules"]
    mimetypes: ClassVar[list[str]] = ["text/x-frules"]
    tokens: ClassVar[dict[str, list[Any]]] = _rules()
