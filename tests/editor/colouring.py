"""What a colouring must agree on with the parser: files to colour, and the tokens that the parser sees in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from flowrules.model.source_text import SourceText
from flowrules.syntax.tokens import Token, tokens

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    *sorted((ROOT / "rulesets").rglob("*.frules")),
    *sorted((ROOT / "tests" / "syntax" / "examples").glob("*.frules")),
    *sorted((ROOT / "tests" / "syntax" / "layouts").glob("*.txt")),
]

LITERALS = frozenset(
    {
        "number",
        "count",
        "size",
        "percent",
        "duration",
        "time",
        "ipv4",
        "ipv6",
        "cidr",
        "wild",
        "flags",
        "flagmask",
    }
    | {"days", "clock", "zone", "version"}
)
BOTH = frozenset({"flows", "previous", "in"})
"""Words of two meanings, which a colouring tells apart by nothing but their place."""


def told(path: Path) -> list[Token]:
    """The parser's tokens of a file that are coloured by their kind."""
    found = tokens(SourceText(path.name, path.read_text(encoding="utf-8")))
    kinds = {"keyword", "string", "comment", *LITERALS}
    return [t for t in found if t.kind in kinds and t.text not in BOTH]


def disagreements(
    path: Path, colours: Callable[[Token], Iterable[str]], expected: dict[str, tuple[str, ...]]
) -> list[str]:
    """Tokens whose colours are none of those expected of their kind; ``colours`` gives them for a token."""
    wrong = []
    for token in told(path):
        wanted = expected["literal" if token.kind in LITERALS else token.kind]
        for colour in colours(token):
            if not any(part in colour for part in wanted):
                wrong.append(
                    f"{path.name}:{token.span.line}: {token.text!r} is {token.kind}, coloured {colour}"
                )
    return wrong
