"""Where rulesets are found: named on the command line, imported by another, or shipped."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from attrs import field, frozen

from flowrules.model.resources import SUFFIX, shipped_rulesets
from flowrules.model.source_text import SourceText
from flowrules.share.errors import InputError
from flowrules.share.ruleset_file import ruleset_files, ruleset_name
from flowrules.share.text_file import RULESET, decode, read_text, reason

PATH_VARIABLE: Final = "FLOWRULES_PATH"
"""The environment variable that names folders of rulesets, joined as in ``PATH``."""

SHIPPED: Final = "shipped:"
"""What stands before the path of a shipped ruleset where it is shown, so that it is the same everywhere."""

STANDARD_INPUT: Final = "-"

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*", re.ASCII)


@frozen
class Place:
    """A ruleset file: the name of its ruleset, the path to show, and the file."""

    name: str
    path: str
    file: Traversable = field(eq=False, repr=False)


class Search:
    """The search path of one run.

    Looked through, in this order: the folder of the importing file; the files named on the command line;
    the folders of ``$FLOWRULES_PATH`` with their subfolders; the shipped rulesets.  Two files that give one
    ruleset different texts are an error, whichever comes first.  Folders are read once.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._named: list[Place] = []
        self._beside: dict[Path, tuple[Place, ...]] = {}
        self._installed: tuple[Place, ...] | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Search:
        """The search path with the folders that ``$FLOWRULES_PATH`` names; raises ``InputError``."""
        folders = [Path(p).expanduser() for p in environment.get(PATH_VARIABLE, "").split(os.pathsep) if p]
        missing = [
            f"{p}: ${PATH_VARIABLE} names it, and it is not a folder" for p in folders if not p.is_dir()
        ]
        if missing:
            raise InputError(missing)
        return cls(folders)

    def find_ruleset(self, name: str, from_path: str | None = None) -> SourceText | None:
        """The text of the ruleset ``name``, as the file ``from_path`` (shown path) would import it.

        ``None`` where nothing has that name.  Raises ``InputError`` for two different rulesets of the
        name and for a file that cannot be read.
        """
        places = [place for place in self._places(from_path) if place.name == name]
        return _only(name, places) if places else None

    def names(self, from_path: str | None = None) -> list[str]:
        """The names of all rulesets that ``find_ruleset`` can find, sorted (for "did you mean")."""
        return sorted({place.name for place in self._places(from_path) if _NAME.fullmatch(place.name)})

    def resolve_arguments(
        self, arguments: Sequence[str], standard_input: Callable[[int], bytes] | None = None
    ) -> list[SourceText]:
        """The rulesets that RULESET arguments name, in their order, each once.

        An argument is a file, a folder (its ``.frules`` files and those of its subfolders, by path), ``-``
        (``standard_input(n)`` reads up to n bytes of it) or the name of a ruleset.  Raises
        ``InputError`` with every fault of every argument.
        """
        faults: list[str] = []
        texts: dict[str, SourceText] = {}
        for argument in arguments:
            try:
                for place, text in self._resolve(argument, standard_input):
                    if place is not None:
                        earlier = next((p for p in self._named if p.name == place.name), None)
                        if earlier is not None:
                            if not _same(earlier, place):
                                faults.append(_clash(place.name, [earlier, place]))
                            continue
                        self._named.append(place)
                    texts.setdefault(text.path, text)
            except InputError as error:
                faults += error.messages
        if faults:
            raise InputError(faults)
        return list(texts.values())

    def _resolve(
        self, argument: str, standard_input: Callable[[int], bytes] | None
    ) -> Iterator[tuple[Place | None, SourceText]]:
        if argument == STANDARD_INPUT:
            if standard_input is None:
                raise InputError("-: standard input cannot be read here")
            yield None, decode(standard_input(RULESET.limit + 1), STANDARD_INPUT, RULESET)
            return
        path = Path(argument)
        if path.is_dir():
            yield from self._resolve_folder(path)
        elif path.exists():
            place = Place(ruleset_name(path) if path.is_file() else path.stem, argument, path)
            yield place, read_text(path, argument, RULESET)
        elif (text := self.find_ruleset(argument)) is not None:
            place = next(p for p in self._places(None) if p.name == argument)
            yield place, text
        else:
            raise InputError(self._missing(argument))

    def _resolve_folder(self, folder: Path) -> Iterator[tuple[Place, SourceText]]:
        try:
            paths = list(ruleset_files(folder))
        except OSError as error:
            raise InputError(f"{error.filename}: {reason(error)}") from error
        if not paths:
            raise InputError(f"{folder}: the folder holds no ruleset (files that end in {SUFFIX})")
        faults: list[str] = []
        for path in paths:
            try:
                yield Place(ruleset_name(path), str(path), path), read_text(path, str(path), RULESET)
            except InputError as error:
                faults += error.messages
        if faults:
            raise InputError(faults)

    def _places(self, from_path: str | None) -> Iterator[Place]:
        if from_path is not None and not from_path.startswith(SHIPPED):
            folder = Path() if from_path == STANDARD_INPUT else Path(from_path).parent
            if folder not in self._beside:
                self._beside[folder] = tuple(_places_in(folder, deep=False))
            yield from self._beside[folder]
        yield from self._named
        if self._installed is None:
            on_path = (place for folder in self._folders for place in _places_in(folder, deep=True))
            shipped = (
                Place(ruleset_name(file), SHIPPED + path, file) for path, file in shipped_rulesets().items()
            )
            self._installed = (*on_path, *shipped)
        yield from self._installed

    def _missing(self, argument: str) -> str:
        from difflib import get_close_matches

        path = Path(argument)
        siblings: list[str] = []
        if path.parent.is_dir():
            siblings = [
                str(path.parent / p.name) for p in path.parent.iterdir() if p.is_dir() or p.suffix == SUFFIX
            ]
        if _NAME.fullmatch(argument) and not argument.endswith(SUFFIX):
            what, known = "there is no file, folder or ruleset of this name", [*self.names(), *siblings]
        elif not path.parent.is_dir():
            return f"{argument}: there is no folder {path.parent}"
        else:
            what, known = "there is no such file or folder", siblings
        nearest = get_close_matches(argument, known, 1)
        return f"{argument}: {what}" + (f": did you mean {nearest[0]}?" if nearest else "")


def _places_in(folder: Path, deep: bool) -> Iterator[Place]:
    try:
        paths = list(ruleset_files(folder, deep))
    except OSError as error:
        raise InputError(f"{error.filename}: {reason(error)}") from error
    for path in paths:
        yield Place(ruleset_name(path), str(path), path)


def _only(name: str, places: Sequence[Place]) -> SourceText:
    """The text of the one ruleset ``name``; the places may be one file, or copies of it."""
    first, *others = places
    different = [place for place in others if not _same(first, place)]
    if different:
        raise InputError(_clash(name, [first, *different]))
    return read_text(first.file, first.path, RULESET)


def _same(one: Place, other: Place) -> bool:
    """Whether both are one file, or copies that do not differ."""
    if one.path == other.path:
        return True
    if isinstance(one.file, Path) and isinstance(other.file, Path) and one.file.samefile(other.file):
        return True
    try:
        return one.file.read_bytes() == other.file.read_bytes()
    except OSError:
        return False


def _clash(name: str, places: Sequence[Place]) -> str:
    paths = list(dict.fromkeys(place.path for place in places))
    return (
        f"{paths[0]}: the ruleset {name} is also in {', '.join(paths[1:])}, with another text"
        " (give one of them a name of its own)"
    )
