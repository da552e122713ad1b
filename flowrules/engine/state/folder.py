"""The folder of a state: which file had which content, and what was counted of each content.

``files`` remembers the hash of each path by its size, times and inode, so that a file is hashed once, and when
each part was last asked for.  What was counted of one file lies in packs under ``parts/NAME``, what was counted of
several together under ``merged/NAME``.  Every file is written whole or not at all and checked when it is
read; what does not fit is counted again.  No lock is needed: what two runs write under one name is equal,
and a part that is gone is counted again.
"""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from flowrules.engine.state.content_hash import content_hash
from flowrules.engine.state.digests import digest
from flowrules.engine.state.node import Node, packs_in
from flowrules.engine.state.pack import Directory, directory_of, writing
from flowrules.engine.state.part_file import MARK, Damaged, Reader, Writer
from flowrules.flows.atomic import whole_file
from flowrules.flows.errors import FlowFileError

FORM: Final = 3
"""The form of what is kept: raised with every change of what a part means."""

INDEX: Final = "files"
PARTS: Final = "parts"
MERGED: Final = "merged"
_SETTLED: Final = 2_000_000_000
"""A file changed less than this (ns) before it was hashed may change again within the same tick of its clock."""

KEPT_DAYS: Final = 40
"""Parts that no run has asked for in so many days are removed: a little more than a month."""

_DAY: Final = 86_400
_INDEXED: Final = {"files": dict, "used": dict, "pruned": int}

MOST_WHOLES: Final = 3
"""For so many sets of files at most, a part of all of them together is kept."""


Keep = Callable[[str, Writer, dict[str, Any]], None]


def version() -> str:
    """What wrote a state: the version of flowrules and the form of parts."""
    from flowrules import __version__

    return f"{__version__} form {FORM}"


@frozen
class KnownFile:
    """A regular file of flows: the hash of its content, and its size, times and inode when it was hashed."""

    path: str
    hash: str
    stamp: tuple[int, ...]

    def unchanged(self) -> bool:
        """Whether the file still is the one that was hashed."""
        with suppress(OSError):
            return _stamp(self.path) == self.stamp
        return False


@define(eq=False)
class State:
    """A folder of parts.  ``damages`` grows while parts are found that cannot be trusted."""

    folder: Path
    damages: list[tuple[Path, str]] = field(factory=list)
    read: int = 0
    """How many parts were taken from the folder."""
    counted: int = 0
    """How many parts were counted anew."""
    other_version: str = ""
    """The version that kept what is in the folder, where it is another one."""
    unwritable: str = ""
    """Why nothing can be kept any more."""
    _known: dict[str, list[Any]] = field(factory=dict)
    _used: dict[str, int] = field(factory=dict)
    _asked: set[str] = field(factory=set)
    _pruned: int = 0
    _files: dict[str, KnownFile | None] = field(factory=dict)
    _nodes: dict[str, Node] = field(factory=dict)

    @classmethod
    def open(cls, folder: Path, make: bool = True) -> State:
        """The state in a folder, which is made if it is not there and ``make`` says so.

        Raises ``FlowFileError`` for a folder that holds other things or is not there, and where nothing can be made.
        """
        try:
            if make:
                folder.mkdir(parents=True, exist_ok=True)
            names = os.listdir(folder)  # noqa: PTH208
        except OSError as error:
            reason = error.strerror or str(error)
            raise FlowFileError(folder, f"holds no state: {reason[:1].lower()}{reason[1:]}") from error
        others = sorted(n for n in names if n not in (INDEX, PARTS, MERGED) and n[:1] != ".")
        if others:
            raise FlowFileError(
                folder, "is no folder of a state", found=others[0], expected="an empty or a new folder"
            )
        state = cls(folder)
        state._open_index()
        return state

    @property
    def messages(self) -> list[str]:
        """What a user is to know of the state, a line each; empty where all is well."""
        lines = []
        if self.other_version:
            lines.append(f"{self.folder} was kept by {self.other_version}, so everything is counted again")
        if self.damages:
            place, reason = self.damages[0]
            more = f" and {len(self.damages) - 1} more" if len(self.damages) > 1 else ""
            lines.append(f"{place}{more} cannot be used and was counted again: {reason}")
        if self.unwritable:
            lines.append(f"nothing more could be kept: {self.unwritable}")
        return lines

    # ---- the index

    def _open_index(self) -> None:
        header = self._index()
        if header is not None:
            self._known = header["files"]
            self._used = header["used"]
            self._pruned = header["pruned"]

    def _index(self) -> dict[str, Any] | None:
        place = self.folder / INDEX
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.damages.append((place, error.strerror or str(error)))
            return None
        if data.startswith(b"flowrules part") and not data.startswith(MARK):
            self.other_version = "an earlier version"
            return None
        try:
            header = Reader(data).header
            if header["version"] != version():
                self.other_version = f"flowrules {header['version']}"
                return None
            if not all(isinstance(header[k], t) for k, t in _INDEXED.items()):
                raise Damaged("it is no index")
        except (Damaged, KeyError) as damage:
            self.damages.append((place, str(damage)))
            return None
        return header

    def finish(self) -> None:
        """Remember the hashes of files and what was asked for; once a day, remove what has long not been."""
        if self.unwritable:
            return
        now = today()
        if self.other_version or self._pruned < now:
            self.prune(KEPT_DAYS)
            self._pruned = now
        self.save()

    def save(self) -> None:
        """Write the index, with what other runs have learned in the meantime."""
        found = len(self.damages)
        newer = None if self.other_version else self._index()
        # what was wrong with it has been said
        del self.damages[found:]
        known, used = self._known, self._used
        if newer is not None:
            known = {**newer["files"], **known}
            used = {**newer["used"], **used}
        header = {
            "files": {path: held for path, held in known.items() if Path(path).exists()},
            "used": {**used, **dict.fromkeys(self._asked, today())},
            "pruned": self._pruned,
            "version": version(),
        }
        with self._keeping(), whole_file(self.folder / INDEX) as file:
            file.write(Writer().packed(header))

    def last_asked(self, directory: Directory) -> dict[str, int]:
        """The day on which a run last asked for each part of a pack."""
        # what the index does not know was kept on the day of its file
        kept = int(directory.path.stat().st_mtime // _DAY)

        def asked(name: str) -> int:
            return today() if name in self._asked else self._used.get(name, kept)

        of_files = min(asked(leaf) for leaf in directory.leaves)
        return {name: min(asked(name), of_files) for name in directory.parts}

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """A state that cannot be written makes a run slower, not wrong: that is said, once."""
        try:
            yield
        except FlowFileError as error:
            self.unwritable = str(error)
        except OSError as error:
            self.unwritable = f"{error.filename or self.folder}: {error.strerror or error}"

    # ---- files

    def file_of(self, path: str) -> KnownFile | None:
        """The file at a path; ``None`` for what is no regular file, whose parts are never kept."""
        if path not in self._files:
            self._files[path] = self._hashed(path)
        return self._files[path]

    def _hashed(self, name: str) -> KnownFile | None:
        path = os.path.realpath(name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
                return None
            stamp = _stamp(path)
            known = self._known.get(path)
            if known is not None and tuple(known[1]) == stamp:
                return KnownFile(path, known[0], stamp)
            now = time.time_ns()
            found = content_hash(path)
        except OSError:
            # whoever reads the flows says what is wrong
            return None
        held = KnownFile(path, found, stamp)
        if not held.unchanged():
            return None
        if max(stamp[1], stamp[2]) < now - _SETTLED:
            self._known[path] = [found, list(stamp)]
        else:
            self._known.pop(path, None)
        return held

    # ---- parts

    def leaf(self, name: str) -> Node:
        """What is kept of one file, or of one part of a store."""
        return self._node(self.folder / PARTS / name, (name,))

    def together(self, leaves: Sequence[str]) -> Node:
        """What is kept of several together."""
        ordered = tuple(sorted(leaves))
        return self._node(self.folder / MERGED / digest(ordered), ordered)

    def _node(self, folder: Path, leaves: tuple[str, ...]) -> Node:
        node = self._nodes.get(folder.name)
        if node is None:
            node = self._nodes[folder.name] = Node(folder, leaves, self.damages)
        return node

    def merged(self) -> list[Node]:
        """All that is kept of several files together."""
        out = []
        for folder in folders(self.folder / MERGED):
            known = self._nodes.get(folder.name)
            node = Node(folder, (), self.damages) if known is None else known
            if not node.leaves:
                named = [d for d in node.directories() if digest(d.leaves) == folder.name]
                for directory in node.directories():
                    if directory not in named:
                        node.damaged(directory.path, "it was counted for something else")
                if not named:
                    continue
                node.leaves = named[0].leaves
            self._nodes[folder.name] = node
            out.append(node)
        return out

    def ask(self, names: Sequence[str]) -> None:
        """Note that a run asks for parts of these names, or of these files."""
        self._asked.update(names)

    @contextmanager
    def keeping(self, node: Node, names: Sequence[str], whole: bool = False) -> Iterator[Keep]:
        """A pack for parts of these names: what is given takes a part's name, its arrays and its header.

        Parts that cannot be written are dropped.  The block does nothing but put parts.
        """
        if self.unwritable or not names:
            yield _dropped
            return
        entered = False
        with self._keeping():
            path = node.folder / digest(sorted(names))
            path.parent.mkdir(parents=True, exist_ok=True)
            failures: list[OSError] = []
            with writing(path, version(), node.leaves, whole) as pack:

                def put(name: str, writer: Writer, header: dict[str, Any]) -> None:
                    if not failures:
                        try:
                            pack.put(name, writer.pieces({**header, "digest": name, "of": node.folder.name}))
                        except OSError as error:
                            failures.append(error)

                entered = True
                yield put
                if failures:
                    raise failures[0]
            node.forget()
        if not entered:
            yield _dropped

    # ---- what nothing asks for any more

    def prune(self, days: int) -> Pruned:
        """Remove parts that no run has asked for in ``days`` days, and what writers that were killed left behind.

        Parts that are damaged or of other versions go too.
        """
        now = today()
        pruned = Pruned()
        for place in (PARTS, MERGED):
            for folder in folders(self.folder / place):
                for path in packs_in(folder):
                    with suppress(OSError):
                        self._prune_pack(path, now - days, pruned)
                _remove_remains(folder)
        self._used = {name: day for name, day in self._used.items() if now - day < days}
        self._nodes.clear()
        return pruned

    def _prune_pack(self, path: Path, day: int, pruned: Pruned) -> None:
        """Remove a pack, or those of its parts that were last asked for on a day or before."""
        size = path.stat().st_size
        live = []
        with suppress(Damaged):
            directory = directory_of(path)
            if directory.version == version():
                live = [name for name, asked in self.last_asked(directory).items() if asked > day]
                if len(live) == len(directory.parts):
                    return
                if live:
                    shorter = path.with_name(digest(sorted(live)))
                    with writing(shorter, version(), directory.leaves, directory.whole) as pack:
                        for name in live:
                            pack.put(name, [directory.read(name)])
                    pruned.bytes -= shorter.stat().st_size
        path.unlink()
        pruned.bytes += size

    def forget_wholes(self) -> None:
        """Remove what was counted of all files of earlier runs together, but for the last few times of each part."""
        wholes: list[tuple[int, Directory, Node]] = []
        for node in self.merged():
            for directory in node.directories():
                if directory.whole:
                    with suppress(OSError):
                        wholes.append((directory.path.stat().st_mtime_ns, directory, node))
        newer: Counter[str] = Counter()
        for _, directory, node in sorted(wholes, key=lambda one: one[0], reverse=True):
            if all(newer[name] >= MOST_WHOLES for name in directory.parts):
                with suppress(OSError):
                    directory.path.unlink()
                    node.forget()
                    node.folder.rmdir()
                    self._nodes.pop(node.folder.name, None)
            newer.update(directory.parts.keys())


@define
class Pruned:
    """What was removed."""

    bytes: int = 0


def today() -> int:
    """The day (UTC) as a number."""
    return int(time.time() // _DAY)


def folders(folder: Path) -> list[Path]:
    """The folders in a folder that are not hidden, in the order of their names."""
    with suppress(OSError):
        return sorted(f for f in folder.iterdir() if f.is_dir() and f.name[:1] != ".")
    return []


def _remove_remains(folder: Path) -> None:
    """Remove what was being written more than a day ago, and the folder where it is empty."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name[:1] == "." and path.stat().st_mtime < time.time() - _DAY:
                path.unlink()
        folder.rmdir()


def _dropped(name: str, writer: Writer, header: dict[str, Any]) -> None:
    """What becomes of parts that cannot be kept."""


def _stamp(path: str) -> tuple[int, ...]:
    status = os.stat(path)  # noqa: PTH116
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
