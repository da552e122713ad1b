"""Tokens as the layout takes them: each with the comments that stand at it, and the blank line before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve, frozen

from flowrules.model.fields import PROTOCOLS
from flowrules.syntax.tokens import Token


@frozen
class Remark:
    """A comment on a line of its own; ``blank``: a blank line stands before it."""

    text: str
    blank: bool = False


@frozen
class Word:
    """A token and the comments that stand at it.

    ``before`` are the comments on lines of their own above it; ``after`` the comment that ends its line,
    with the lines that continue it below, in the same column.  ``blank``: a blank line stands directly
    before the token (after ``before``).  ``own_line``: it is the first token of its line.
    """

    kind: str
    text: str
    before: tuple[Remark, ...] = ()
    after: tuple[str, ...] = ()
    blank: bool = False
    own_line: bool = False

    @property
    def has_blank(self) -> bool:
        """Whether a blank line stands before the token or the comments that belong to it."""
        return self.before[0].blank if self.before else self.blank


_LEADERS: Final = frozenset(
    "and or of where per keep order when because except until | & ^".split()  # noqa: SIM905
)
"""Tokens that begin a line where a line is broken at them: comments around them go to the line's ends."""

_CLINGING: Final = frozenset({",", "=", ":"})
"""Tokens that never begin a line: a comment before one goes behind it."""


def words(tokens: Iterable[Token]) -> tuple[list[Word], tuple[Remark, ...]]:
    """The tokens of a file as words, and the comments after the last of them."""
    found: list[Word] = []
    before: list[Remark] = []
    blank = False
    last_line = continued_column = 0
    for token in tokens:
        if token.kind == "blank_line":
            blank, continued_column = True, 0
        elif token.kind == "comment":
            text = token.text.rstrip()
            if found and token.span.line == last_line and not before:
                found[-1] = evolve(found[-1], after=(*found[-1].after, text))
                continued_column = token.span.column
            elif continued_column and token.span.column == continued_column:
                found[-1] = evolve(found[-1], after=(*found[-1].after, text))
            else:
                before.append(Remark(text, blank))
                continued_column = 0
            blank = False
        else:
            own_line = token.span.line != last_line
            found.append(Word(token.kind, _text(token), tuple(before), (), blank, own_line))
            before, blank, continued_column = [], False, 0
            last_line = token.span.end_line
    return _with_protocol_names(_settled(found)), tuple(before)


def _text(token: Token) -> str:
    """A token as the layout writes it: IPv6 in lower case, line ends as ``\\n``."""
    if token.kind in ("ipv6", "cidr", "wild") and ":" in token.text:
        return token.text.lower()
    return token.text.replace("\r\n", "\n").replace("\r", "\n") if token.kind == "string" else token.text


def _settled(found: list[Word]) -> list[Word]:
    """Comments moved off the tokens that a line cannot end, or begin, with."""
    for n, word in enumerate(found):
        if word.text in _LEADERS and n:
            if word.after and not found[n - 1].after and not word.own_line:
                found[n - 1] = evolve(found[n - 1], after=word.after)
                word = evolve(word, after=())
            elif word.after:
                word = evolve(word, before=(*word.before, *map(Remark, word.after)), after=())
            if n + 1 < len(found) and found[n + 1].before:
                word = evolve(word, before=(*word.before, *found[n + 1].before))
                found[n + 1] = evolve(found[n + 1], before=())
            found[n] = word
        elif word.text in _CLINGING and word.before:
            found[n] = evolve(word, before=(), after=(*(r.text for r in word.before), *word.after))
    return found


# ---- protocols ----------------------------------------------------------------------------------------

_NAME_OF: Final = {str(number): name for name, number in PROTOCOLS.items()}


def _with_protocol_names(found: list[Word]) -> list[Word]:
    """``protocol = 6`` as ``protocol = tcp``, and so in a list after ``in``."""
    for n, word in enumerate(found):
        if word.kind != "name" or word.text != "protocol":
            continue
        after = [w.text for w in found[n + 1 : n + 4]]
        if after[:1] in (["="], ["!="]):
            if _stands_alone(found, n + 2):
                _name(found, n + 2)
        elif after[:2] == ["in", "("]:
            _name_in_list(found, n + 3)
        elif after[:3] == ["not", "in", "("]:
            _name_in_list(found, n + 4)
    return found


def _stands_alone(found: Sequence[Word], n: int) -> bool:
    """Whether the operand at ``n`` is all of the right side, and no term of a sum."""
    return n + 1 >= len(found) or found[n + 1].text not in {"+", "-", "*", "/", "of"}


def _name_in_list(found: list[Word], n: int) -> None:
    while n < len(found) and found[n].text not in {"(", ")"}:
        if found[n - 1].text in {"(", ","} and n + 1 < len(found) and found[n + 1].text in {")", ","}:
            _name(found, n)
        n += 1


def _name(found: list[Word], n: int) -> None:
    if n < len(found) and found[n].kind == "number" and found[n].text in _NAME_OF:
        found[n] = evolve(found[n], kind="name", text=_NAME_OF[found[n].text])
