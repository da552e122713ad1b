"""The folder of a state: which file had which content, and what was counted of each content.

``files`` remembers the hash of each path by its size, times and inode, so that a file is hashed once; what
was counted lies under ``parts/HASH/DIGEST``.  Every file is written whole or not at all and checked when it is
read; what does not fit is counted again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from flowrules.engine.state.part_file import Damaged, Reader, Writer
from flowrules.flows.atomic import whole_file
from flowrules.flows.errors import FlowFileError
from flowrules.flows.sources import FlowSources
from flowrules.flows.table import FlowSource

_INDEX: Final = "files"
_PARTS: Final = "parts"
_SETTLED: Final = 2_000_000_000
"""A file changed less than this (ns) before it was hashed may change again within the same tick of its clock."""


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
    _known: dict[str, list[Any]] = field(factory=dict)
    _files: dict[str, KnownFile | None] = field(factory=dict)

    @classmethod
    def open(cls, folder: Path) -> State:
        """The state in a folder, which is made if it is not there.

        Raises ``FlowFileError`` for a folder that holds other things, and where nothing can be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            others = sorted(n for n in os.listdir(folder) if n not in (_INDEX, _PARTS) and n[:1] != ".")  # noqa: PTH208
        except OSError as error:
            raise FlowFileError(folder, f"cannot hold a state: {error.strerror or error}") from error
        if others:
            raise FlowFileError(
                folder, "is no folder of a state", found=others[0], expected="an empty or a new folder"
            )
        state = cls(folder)
        index = state._load(folder / _INDEX, "files", "")
        if index is not None:
            state._known = index.header["files"]
        return state

    # ---- files

    def file_of(self, source: FlowSource, sources: Sequence[FlowSource]) -> KnownFile | None:
        """The file behind a source; ``None`` for what is no regular file, whose parts are never kept."""
        if not isinstance(sources, FlowSources) or source.path == "-":
            return None
        if source.path not in self._files:
            self._files[source.path] = self._hashed(source.path)
        return self._files[source.path]

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
            with open(path, "rb") as file:  # noqa: PTH123
                found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()
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

    def load(self, file: KnownFile, digest: str) -> Reader | None:
        """What was counted of a file under a digest; ``None`` where that has to be done."""
        return self._load(self._place(file, digest), digest, file.hash)

    def keep(self, file: KnownFile, digest: str, writer: Writer, header: dict[str, Any]) -> None:
        """Keep what was counted of a file, unless the file has changed meanwhile."""
        if file.unchanged():
            place = self._place(file, digest)
            self._make(place.parent)
            self._write(place, writer.packed({**header, "digest": digest, "file": file.hash}))

    def damaged(self, file: KnownFile, digest: str, reason: str) -> None:
        """Note that a part cannot be used."""
        self.damages.append((self._place(file, digest), reason))

    def finish(self) -> None:
        """Remember the hashes of files; forget files that are gone, and what was counted of them."""
        for path in list(self._known):
            if not Path(path).exists():
                gone = self._known.pop(path)[0]
                if all(known[0] != gone for known in self._known.values()):
                    self._remove(gone)
        header = {"files": self._known, "digest": "files", "file": ""}
        self._write(self.folder / _INDEX, Writer().packed(header))

    def _remove(self, hash_: str) -> None:
        if any(f is not None and f.hash == hash_ for f in self._files.values()):
            return
        parts = self.folder / _PARTS / hash_
        with suppress(OSError):
            for part in list(parts.iterdir()):
                part.unlink()
            parts.rmdir()

    def _place(self, file: KnownFile, digest: str) -> Path:
        return self.folder / _PARTS / file.hash / digest

    def _load(self, place: Path, digest: str, hash_: str) -> Reader | None:
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.damages.append((place, error.strerror or str(error)))
            return None
        try:
            reader = Reader(data)
            if (reader.header.get("digest"), reader.header.get("file")) != (digest, hash_):
                raise Damaged("it was counted for something else")
        except Damaged as damage:
            self.damages.append((place, str(damage)))
            return None
        return reader

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FlowFileError(folder, f"cannot be made: {error.strerror or error}") from error

    def _write(self, place: Path, data: bytes) -> None:
        with whole_file(place) as file:
            file.write(data)


def _stamp(path: str) -> tuple[int, ...]:
    status = os.stat(path)  # noqa: PTH116
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
