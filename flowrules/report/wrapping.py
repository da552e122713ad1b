"""Text in columns of a terminal: how wide it is, broken into lines, padded."""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINTS: Final = "_.-/:,"
"""A long word may be broken after these."""


def columns_of(text: str) -> int:
    """The columns that a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_width(c) for c in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def printable(text: str) -> str:
    """A text without what a terminal would obey: escapes and line ends become ``�`` and blanks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def padded(text: str, width: int, right: bool = False) -> str:
    """A text with blanks up to ``width`` columns, before it where it is a number."""
    blanks = " " * max(width - columns_of(text), 0)
    return blanks + text if right else text + blanks


def wrapped(text: str, width: int | None, first: int | None = None) -> list[str]:
    """A text in lines of at most ``width`` columns, broken at blanks; a longer word is cut, where it can be
    after a joint (``_ . - / : ,``).

    Always one line at least; ``None`` breaks nothing.  The first line may have a width of its own, ``first``.
    """
    if width is None or columns_of(text) <= (width if first is None else first):
        return [text]
    lines: list[str] = []
    line = ""

    def room() -> int:
        return width if lines or first is None else first

    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if columns_of(longer) <= room():
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while columns_of(line) > room():
            head = _head(line, room())
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line] if line or not lines else lines


def _head(word: str, width: int) -> str:
    """As much of a word as fits, at least one character; up to a joint, where it has one."""
    taken = 0
    for place, character in enumerate(word):
        taken += _width(character)
        if taken > width and place:
            joint = max(word.rfind(c, 0, place) for c in _JOINTS) + 1
            return word[: joint or place]
    return word


def parts_of(word: str) -> list[str]:
    """The parts of a word up to its joints: ``mx1.``, ``example.``, ``net``."""
    out = [""]
    for character in word:
        out[-1] += character
        if character in _JOINTS:
            out.append("")
    return out
