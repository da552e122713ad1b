"""A program with a part of one declaration exchanged; everything else is shared with the original."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model.program import Program

_TREES: Final = (ex.__name__, pr.__name__)
"""Modules whose classes make up declarations; sets, schedules and maps are values."""

KINDS: Final = ("filters", "sets", "tables", "profiles", "anomalies", "checks")
"""The mappings of a program that hold declarations, by qualified name."""


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """A tree with ``change`` applied to every node of it, inner ones first; the same object where none changes."""
    if isinstance(value, tuple):
        items = tuple(replaced(v, change) for v in value)
        return items if any(n is not o for n, o in zip(items, value, strict=True)) else value
    if not is_node(value):
        return value
    new: dict[str, Any] = {}
    for a in attrs.fields(type(value)):
        old = getattr(value, a.name)
        held = replaced(old, change)
        if held is not old:
            new[a.name] = held
    return change(attrs.evolve(value, **new) if new else value)


def with_changed(program: Program, name: str, change: Callable[[Any], Any]) -> Program | None:
    """The program with ``change`` applied inside the declaration ``name``; ``None``: nothing changes in it."""
    for kind in KINDS:
        declared = getattr(program, kind)
        if name in declared:
            new = replaced(declared[name], change)
            if new is declared[name]:
                return None
            changed: dict[str, Any] = {kind: {**declared, name: new}}
            return attrs.evolve(program, **changed)
    return None


def only(program: Program, names: frozenset[str]) -> Program:
    """The program with these declarations alone (qualified names), each of which needs no other."""
    kept: dict[str, Any] = {
        kind: {name: declared for name, declared in getattr(program, kind).items() if name in names}
        for kind in KINDS
    }
    return attrs.evolve(program, **kept)


def parts(value: Any) -> Iterator[Any]:
    """The nodes directly below one, those of tuples too."""
    for a in attrs.fields(type(value)):
        held = getattr(value, a.name)
        for one in held if isinstance(held, tuple) else (held,):
            if is_node(one):
                yield one


def is_node(value: Any) -> bool:
    """Whether a value is a part of a declaration, with parts of its own."""
    return type(value).__module__ in _TREES and attrs.has(type(value))
