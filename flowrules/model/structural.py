"""How classes of plain data compare, hash and are shown: by their attributes, said once for all of them.

attrs would generate and compile the same for each class whenever a program starts, which takes longer than to read
a ruleset.  A class that has these methods is ``@frozen(eq=False, repr=False)``.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import attrs

_known: dict[type, Callable[[Any], Any]] = {}


def _said(kind: type) -> Callable[[Any], Any]:
    """What gives the attributes by which instances of a class compare; asked for once."""
    held = _known.get(kind)
    if held is None:
        names = [a.name for a in attrs.fields(kind) if a.eq]
        held = _known[kind] = attrgetter(*names) if names else _nothing
    return held


def _nothing(_: object) -> tuple[()]:
    return ()


class Shown:
    """Instances are shown with their attributes."""

    __slots__ = ()

    def __repr__(self) -> str:
        kind: Any = type(self)
        shown = (a.name for a in attrs.fields(kind) if a.repr)
        return f"{kind.__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


class Structural(Shown):
    """Instances of one class are equal where their attributes are."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        kind = type(self)
        if type(other) is not kind:
            return NotImplemented
        said = _said(kind)
        equal: bool = said(self) == said(other)
        return equal

    def __hash__(self) -> int:
        kind = type(self)
        return hash((kind.__name__, _said(kind)(self)))


class Hashed(Structural):
    """The same, for what is hashed again and again: the hash is kept, though not in pickles."""

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:
        try:
            held = self._hash
        except AttributeError:
            kind = type(self)
            held = hash((kind.__name__, _said(kind)(self)))
            object.__setattr__(self, "_hash", held)
        return held
