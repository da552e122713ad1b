"""Where rulesets are found: named on the command line, imported by another, or shipped."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from attrs import field, frozen

from flowrules.model.resources import SHIPPED as SHIPPED
from flowrules.model.resources import SUFFIX, shipped_rulesets
from flowrules.model.source_text import SourceText
from flowrules.model.structural import Structural
from flowrules.share.codes import found
from flowrules.share.ruleset_file import ruleset_files, ruleset_name
from flowrules.syntax.diagnostics import Diagnostic, RulesetErrors
from flowrules.syntax.source_file import LARGEST, decode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PATH_VARIABLE: Final = "FLOWRULES_PATH"
"""The environment variable that names folders of rulesets, joined as in ``PATH``."""

TEST_ENDING: Final = "_test"
"""How the name of a file ends, before its ending, that holds tests of the ruleset beside it."""

STANDARD_INPUT: Final = "-"

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*", re.ASCII)


@frozen(eq=False, repr=False)
class Place(Structural):
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
        """The search path with the folders that ``$FLOWRULES_PATH`` names; raises ``RulesetErrors``."""
        folders = [Path(p).expanduser() for p in environment.get(PATH_VARIABLE, "").split(os.pathsep) if p]
        what = f"${PATH_VARIABLE} names it, and it is not a folder"
        missing = [found("FR504", f"{folder}: {what}") for folder in folders if not folder.is_dir()]
        if missing:
            raise RulesetErrors(missing, {})
        return cls(folders)

    def find_ruleset(self, name: str, from_path: str | None = None) -> SourceText | None:
        """The text of the ruleset ``name``, as the file ``from_path`` (shown path) would import it.

        ``None`` where nothing has that name.  Raises ``RulesetErrors`` for two different rulesets of the
        name and for a file that cannot be read.
        """
        places = [place for place in self._places(from_path) if place.name == name]
        if not places:
            return None
        first, *others = places
        different = [place for place in others if not _same(first, place)]
        if different:
            raise RulesetErrors([_clash(name, [first, *different])], {})
        return _read(first)

    def names(self, from_path: str | None = None) -> list[str]:
        """The names of all rulesets that ``find_ruleset`` can find, sorted (for "did you mean")."""
        return sorted({place.name for place in self._places(from_path) if _NAME.fullmatch(place.name)})

    def resolve_arguments(
        self, arguments: Sequence[str], standard_input: Callable[[int], bytes] | None = None
    ) -> tuple[list[SourceText], list[Diagnostic]]:
        """The rulesets that RULESET arguments name, in their order, each once, and every fault of them.

        An argument is a file, a folder (its ``.frules`` files and those of its subfolders, by path), ``-``
        (``standard_input(n)`` reads up to n bytes of it) or the name of a ruleset.
        """
        faults: list[Diagnostic] = []
        texts: dict[str, SourceText] = {}
        for argument in arguments:
            try:
                if argument == STANDARD_INPUT:
                    read = standard_input or (lambda size: b"")
                    texts.setdefault(argument, _text(read(LARGEST + 1), argument))
                    continue
                places = self._named_by(argument)
            except RulesetErrors as error:
                faults += error.diagnostics
                continue
            for place in places:
                earlier = next((p for p in self._named if p.name == place.name), None)
                if earlier is None:
                    self._named.append(place)
                elif _same(earlier, place):
                    continue
                else:
                    faults.append(_clash(place.name, [earlier, place]))
                    continue
                try:
                    texts.setdefault(place.path, _read(place))
                except RulesetErrors as error:
                    faults += error.diagnostics
        return list(texts.values()), faults

    def tests_of(self, rulesets: Sequence[SourceText]) -> list[SourceText]:
        """What belongs to rulesets when they are tested, and is not among them.

        That is the file of tests beside each (``mail_test.frules`` beside ``mail.frules``), and the ruleset
        beside each file of tests.  Raises ``RulesetErrors`` for one that cannot be read.
        """
        out: list[SourceText] = []
        have = {source.path for source in rulesets}
        for source in rulesets:
            path = _partner(source.path)
            if path is None or path in have:
                continue
            have.add(path)
            if path.startswith(SHIPPED):
                file = shipped_rulesets().get(path.removeprefix(SHIPPED))
            else:
                file = Path(path) if Path(path).is_file() else None
            if file is not None:
                place = Place(ruleset_name(file), path, file)
                self._named.append(place)
                out.append(_read(place))
        return out

    def _named_by(self, argument: str) -> list[Place]:
        """The files that an argument stands for."""
        path = Path(argument)
        if path.is_dir():
            places = list(_places_in(path, deep=True))
            if not places:
                what = f"{argument}: the folder holds no ruleset (files that end in {SUFFIX})"
                raise RulesetErrors([found("FR501", what)], {})
            return places
        if path.exists():
            # A pipe can be read once, so its name is not looked for.
            return [Place(ruleset_name(path) if path.is_file() else argument, argument, path)]
        if self.find_ruleset(argument) is not None:
            return [next(place for place in self._places(None) if place.name == argument)]
        raise RulesetErrors([self._missing(argument)], {})

    def _places(self, from_path: str | None) -> Iterator[Place]:
        if from_path is not None and not from_path.startswith(SHIPPED):
            folder = Path() if from_path == STANDARD_INPUT else Path(from_path).parent
            if folder not in self._beside:
                self._beside[folder] = tuple(_places_in(folder, deep=False)) if folder.is_dir() else ()
            yield from self._beside[folder]
        yield from self._named
        if self._installed is None:
            on_path = (place for folder in self._folders for place in _places_in(folder, deep=True))
            files = shipped_rulesets().items()
            shipped = (Place(ruleset_name(file), SHIPPED + path, file) for path, file in files)
            self._installed = (*on_path, *shipped)
        yield from self._installed

    def _missing(self, argument: str) -> Diagnostic:
        """That nothing is called ``argument``, with what is called nearly so."""
        from difflib import get_close_matches

        path = Path(argument)
        beside = path.parent
        known: list[str] = []
        if beside.is_dir():
            known = [str(beside / p.name) for p in beside.iterdir() if p.suffix == SUFFIX]
        if _NAME.fullmatch(argument) and not argument.endswith(SUFFIX):
            what = "there is no file, folder or ruleset of this name"
            known = [*self.names(), *known]
        elif beside.is_dir():
            what = "there is no such file or folder"
        else:
            what = f"there is no folder {beside}"
        near = get_close_matches(argument, known, 1)
        return found("FR501", f"{argument}: {what}", hint=f"did you mean {near[0]}?" if near else "")


def _partner(path: str) -> str | None:
    """The path of the file that tests the ruleset at ``path``, or that the file of tests there tests."""
    if is_test_file(path):
        return path.removesuffix(TEST_ENDING + SUFFIX) + SUFFIX
    return path.removesuffix(SUFFIX) + TEST_ENDING + SUFFIX if path.endswith(SUFFIX) else None


def is_test_file(path: str) -> bool:
    """Whether a file is there for its tests: its name ends in ``_test.frules``."""
    return path.endswith(TEST_ENDING + SUFFIX)


def _places_in(folder: Path, deep: bool) -> Iterator[Place]:
    try:
        paths = list(ruleset_files(folder, deep))
    except OSError as error:
        raise _unreadable(str(error.filename or folder), error) from error
    for path in paths:
        yield Place(ruleset_name(path), str(path), path)


def _read(place: Place) -> SourceText:
    """The text of a ruleset file; no more of it is read than a ruleset may have."""
    try:
        with place.file.open("rb") as stream:
            data = cast(BinaryIO, stream).read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(place.path, error) from error
    size = place.file.stat().st_size if isinstance(place.file, Path) and len(data) > LARGEST else None
    return _text(data, place.path, size)


def _text(data: bytes, path: str, size: int | None = None) -> SourceText:
    text, faults = decode(data, path, size=size)
    if faults:
        raise RulesetErrors(faults, {path: text})
    return text


def _unreadable(path: str, error: OSError) -> RulesetErrors:
    what = error.strerror or type(error).__name__
    return RulesetErrors([found("FR503", f"{path}: {what[:1].lower()}{what[1:]}")], {})


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


def _clash(name: str, places: Sequence[Place]) -> Diagnostic:
    first, *others = dict.fromkeys(place.path for place in places)
    what = f"{first}: the ruleset {name} is also in {', '.join(others)}, with another text"
    return found("FR502", what, hint="give one of them a name of its own")
