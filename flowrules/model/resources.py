"""Where the grammar and the shipped rulesets lie: inside the installed package, or beside it in a checkout.

A wheel carries them as ``flowrules/_grammar`` and ``flowrules/_rulesets``; a checkout, and an editable
install of one, has ``grammar/`` and ``rulesets/`` next to the package.  Both work from a zip too.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

GRAMMAR: Final = "frules.lark"
SUFFIX: Final = ".frules"
"""How the name of a ruleset file ends."""

SHIPPED: Final = "shipped:"
"""What stands before the path of a shipped file where it is shown, so that it is the same everywhere."""


class ResourceMissing(Exception):
    """The installation lacks a part of itself."""


def grammar_text() -> str:
    """The text of the grammar (lark's notation)."""
    return (_folder("grammar") / GRAMMAR).read_text(encoding="utf-8")


@cache
def shipped_rulesets() -> Mapping[str, Traversable]:
    """The shipped ruleset files by path inside ``rulesets/`` (``sei/web_clients.frules``), sorted."""
    return dict(sorted(_ruleset_files(_folder("rulesets"), "")))


_unpacked: Final = ExitStack()
"""Files of a zip that were unpacked to be read by their path; they go when the program ends."""

atexit.register(_unpacked.close)


@cache
def real_path(path: str) -> str:
    """The file that a path means: itself, or for one that begins with ``SHIPPED`` the shipped file."""
    if not path.startswith(SHIPPED):
        return path
    parts = PurePosixPath(path.removeprefix(SHIPPED)).parts
    file = _folder("rulesets").joinpath(*parts)
    if ".." in parts or not file.is_file():
        return path
    from importlib.resources import as_file

    return str(_unpacked.enter_context(as_file(file)))


def _folder(name: str) -> Traversable:
    """The folder ``name`` of the project; raises ``ResourceMissing``."""
    package = _package()
    inside = package / f"_{name}"
    if inside.is_dir():
        return inside
    # Path and zipfile.Path both know their parent; the protocol leaves it out.
    beside: Traversable = package.parent / name  # type: ignore[attr-defined]
    if beside.is_dir():
        return beside
    raise ResourceMissing(f"{package} has neither _{name} inside nor {name} beside: install flowrules again")


def _package() -> Traversable:
    """The package's own folder."""
    folder = Path(__file__).parents[1]
    if folder.is_dir():
        return folder  # without the modules that look into zips, which take long to load
    from importlib.resources import files

    return files("flowrules")


def _ruleset_files(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _ruleset_files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield prefix + entry.name, entry
