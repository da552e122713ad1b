"""JSON as text that people can read too: what is short stands on one line, the rest one member a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_WIDTH: Final = 100
"""The most columns, indentation left out, that an object or a list takes on one line."""

_scalar: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def json_text(value: Json) -> str:
    """A document with a line end; two spaces an indent, keys in the order given.

    Raises ``ValueError`` for a number that JSON lacks (an infinity, NaN).
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Json) -> list[str]:
    """A value as lines, the first of which can follow a key."""
    if isinstance(value, dict):
        members = [(f"{_scalar(key)}: ", _lines(item)) for key, item in value.items()]
        return _together("{", members, "}")
    if isinstance(value, list):
        return _together("[", [("", _lines(item)) for item in value], "]")
    return [_scalar(value)]


def _together(opening: str, members: list[tuple[str, list[str]]], closing: str) -> list[str]:
    if all(len(lines) == 1 for _, lines in members):
        width = sum(len(key) + len(lines[0]) + 2 for key, lines in members)
        if width <= _WIDTH:
            return [opening + ", ".join(key + lines[0] for key, lines in members) + closing]
    return [opening, *_indented(members), closing]


def _indented(members: list[tuple[str, list[str]]]) -> Iterator[str]:
    for number, (key, lines) in enumerate(members, 1):
        comma = "," if number < len(members) else ""
        if len(lines) == 1:
            yield f"  {key}{lines[0]}{comma}"
            continue
        yield f"  {key}{lines[0]}"
        yield from (f"  {line}" for line in lines[1:-1])
        yield f"  {lines[-1]}{comma}"
