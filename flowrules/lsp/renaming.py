"""Renaming across files: what may be renamed, to what, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flowrules.check.builtin import FUNCTIONS, VALUE_WORDS, WORDS
from flowrules.lsp.names import Names, Occurrence, Target, names_of
from flowrules.lsp.project import Project
from flowrules.model.source_text import Span
from flowrules.share.search import SHIPPED
from flowrules.syntax.marks import RESERVED

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CannotRename(Exception):
    """Why a name cannot be changed, in one line."""


def renamable(occurrence: Occurrence | None) -> Target:
    """What a rename would rename; raises ``CannotRename``."""
    if occurrence is None:
        raise CannotRename("there is no name here")
    if occurrence.alias is not None:
        return occurrence.alias
    target = occurrence.target
    if target is None:
        word = "a word of the language" if occurrence.kind != "unknown" else "not known"
        raise CannotRename(f"{occurrence.text} is {word}")
    if target.kind == "module":
        raise CannotRename(f"{target.name} is a ruleset: change its ruleset line and every import by hand")
    if target.fixed:
        raise CannotRename(f"{target.name} follows from what it names; give it a name of its own with as")
    if target.path.startswith(SHIPPED):
        raise CannotRename(f"{target.name} is declared in an installed ruleset, {target.path}")
    return target


def check_new_name(project: Project, target: Target, new: str) -> None:
    """Raises ``CannotRename`` for what is no name, is a word of the language, or is taken."""
    if not _NAME.fullmatch(new):
        raise CannotRename(f"{new!r} is no name: letters, digits and _, a letter first")
    if new in RESERVED or new in WORDS or new in VALUE_WORDS or (target.kind == "map" and new in FUNCTIONS):
        raise CannotRename(f"{new} is a word of the language")
    for path in {target.path, *(path for path, _ in references(project, target))}:
        known = project.scope(path)
        if known is None:
            continue
        _, scope = known
        taken = {*scope.symbols, *scope.imported, *scope.modules}
        if target.owner is not None:
            taken = {t.text for t in names_of(*known).occurrences if _is_neighbour(t, target)}
        if new in taken:
            raise CannotRename(f"{new} is taken in {scope.ruleset}")


def _is_neighbour(occurrence: Occurrence, target: Target) -> bool:
    owner = occurrence.target.owner if occurrence.target is not None else None
    return owner is not None and target.owner is not None and owner.qualified == target.owner.qualified


def references(project: Project, target: Target) -> Iterator[tuple[str, Occurrence]]:
    """Where a name means ``target``: the path and the place, its declaration among them."""
    word = re.compile(rf"\b{re.escape(target.name)}\b")
    for path in dict.fromkeys((target.path, *project.files())):
        source = project.source(path)
        if source is None or word.search(source.text) is None:
            continue
        for occurrence in _names(project, path).occurrences:
            if target in (occurrence.target, occurrence.alias):
                yield path, occurrence


def edits(project: Project, target: Target) -> Iterator[tuple[str, Span]]:
    """The places that a rename writes; names that an import gave stay."""
    for path, occurrence in references(project, target):
        means_alias = occurrence.alias is not None and target != occurrence.alias
        if not means_alias:
            yield path, occurrence.span


def _names(project: Project, path: str) -> Names:
    known = project.scope(path)
    return names_of(*known) if known is not None else Names(path, ())
