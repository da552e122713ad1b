"""What an editor has open, what lies beside it on the disk, and what is known of each file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

from flowrules.check.bindings import BinderError, Bindings
from flowrules.check.check import CheckResult, check
from flowrules.check.symbols import FileScope
from flowrules.model.resources import SUFFIX, shipped_rulesets
from flowrules.model.source_text import SourceText
from flowrules.share.binding import bind
from flowrules.share.parameter_files import ParameterFiles
from flowrules.share.ruleset_file import ruleset_name
from flowrules.share.search import SHIPPED, Search
from flowrules.share.site import Site, load_site
from flowrules.syntax.diagnostics import Diagnostic, RulesetErrors
from flowrules.syntax.parser import parse
from flowrules.syntax.source_file import decode

_PASSED_OVER: Final = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
_MOST_FILES: Final = 5000


def path_of(uri: str) -> str:
    """The path of a file's URI; other URIs stand for themselves."""
    parsed = urlparse(uri)
    return url2pathname(unquote(parsed.path)) if parsed.scheme == "file" else uri


def uri_of(path: str) -> str | None:
    """The URI of a path as findings show it, of a shipped ruleset's too; ``None`` where no file stands behind it."""
    if path.startswith(SHIPPED):
        file = shipped_rulesets().get(path.removeprefix(SHIPPED))
        return file.resolve().as_uri() if isinstance(file, Path) else None
    if urlparse(path).scheme in ("", "file") or Path(path).is_absolute():
        return Path(path).absolute().as_uri()
    return path


class Project:
    """The rulesets of an editor's window.

    Open texts come before files on the disk, and rulesets of the window's folders before installed ones.
    Whatever changes, changes everything: a result is kept until ``changed`` is called.
    """

    def __init__(self, folders: tuple[Path, ...] = (), site: Path | None = None) -> None:
        self.folders = folders
        self.site = site
        self.open: dict[str, SourceText] = {}
        self._results: dict[str, CheckResult] = {}
        self._names: dict[str, str] | None = None
        self._bound: tuple[Bindings, ParameterFiles] | None = None
        self.site_faults: tuple[Diagnostic, ...] = ()

    def changed(self, files: bool = False) -> None:
        """Forget what was concluded; ``files``: files on the disk were changed too."""
        self._results.clear()
        if files:
            self._names = None
            self._bound = None

    # ---- texts ----------------------------------------------------------------------------------------

    def source(self, path: str) -> SourceText | None:
        """The text of a file, as it is in the editor or else on the disk; ``None`` where there is none."""
        if path in self.open:
            return self.open[path]
        try:
            if path.startswith(SHIPPED):
                file = shipped_rulesets().get(path.removeprefix(SHIPPED))
                data = None if file is None else file.read_bytes()
            else:
                data = Path(path).read_bytes()
        except (OSError, ValueError):
            return None
        if data is None:
            return None
        text, faults = decode(data, path)
        return None if faults else text

    def files(self) -> Iterator[str]:
        """The ruleset files that are open or lie in the window's folders, each once."""
        yield from self.open
        for path in self._on_disk().values():
            if path not in self.open:
                yield path

    def find_ruleset(self, name: str, from_path: str | None = None) -> SourceText | None:
        """The text of a ruleset, for the checker; raises ``RulesetErrors``."""
        for source in self.open.values():
            if _name_in(source) == name:
                return source
        path = next((p for p, n in self._by_path().items() if n == name and p not in self.open), None)
        if path is not None:
            return self.source(path)
        return self._search().find_ruleset(name, None if from_path and "://" in from_path else from_path)

    def names(self, from_path: str | None = None) -> list[str]:
        """The names of all rulesets that can be imported, sorted."""
        found = {name for name in map(_name_in, self.open.values()) if name}
        return sorted(found | set(self._by_path().values()) | set(self._search().names(None)))

    def _search(self) -> Search:
        try:
            return Search.from_environment()
        except RulesetErrors:
            return Search()

    def _by_path(self) -> dict[str, str]:
        """The names of the rulesets in the window's folders, by path."""
        if self._names is None:
            self._names = {path: ruleset_name(Path(path)) for path in self._on_disk().values()}
        return self._names

    def _on_disk(self) -> dict[str, str]:
        """The ruleset files in the window's folders, by real path."""
        if self._names is not None:
            return {path: path for path in self._names}
        found: dict[str, str] = {}
        for folder in self.folders:
            for root, folders, files in os.walk(folder):
                folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _PASSED_OVER)
                for name in sorted(files):
                    if name.endswith(SUFFIX):
                        path = Path(root, name)
                        found.setdefault(os.path.realpath(path), str(path))
                if len(found) > _MOST_FILES:
                    return found
        return found

    # ---- what is known --------------------------------------------------------------------------------

    def bindings(self) -> tuple[Bindings, ParameterFiles]:
        """What the site file binds; faults in it are kept in ``site_faults``."""
        if self._bound is None:
            files = ParameterFiles()
            self.site_faults = ()
            try:
                bound = bind(Site() if self.site is None else load_site(self.site), (), files)
            except RulesetErrors as error:
                self.site_faults = error.diagnostics
                bound = Bindings()
            except (BinderError, OSError):
                bound = Bindings()
            self._bound = bound, files
        return self._bound

    def result(self, path: str) -> CheckResult | None:
        """What the checker says of a file and what it imports; ``None`` where there is no such file."""
        if path not in self._results:
            source = self.source(path)
            if source is None:
                return None
            bindings, files = self.bindings()
            self._results[path] = check([source], self.find_ruleset, bindings, files, "check", self.names)
        return self._results[path]

    def scope(self, path: str) -> tuple[CheckResult, FileScope] | None:
        """A file's names, with the result of its check."""
        result = self.result(path)
        if result is None:
            return None
        scope = next((s for s in result.scopes.values() if s.path == path), None)
        return None if scope is None else (result, scope)


@lru_cache(maxsize=128)
def _name_in(source: SourceText) -> str | None:
    """The name that a text gives itself."""
    if "ruleset" not in source.text:
        return None
    ruleset = parse(source).file.ruleset
    return None if ruleset is None else ruleset.name.text
