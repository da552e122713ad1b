"""Packs: the parts of one file of flows, or of several together, in one file with a directory at its end.

    mark, part, part, …, directory (JSON), its checksum, its length, mark

A pack is written whole or not at all.  The directory says of what files the parts are, and where each
begins; parts have checksums of their own, so that only what is used need be read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from attrs import frozen

from flowrules.engine.state.part_file import Damaged
from flowrules.flows.atomic import whole_file
from flowrules.flows.store.checksum import digest as checksum_of

MARK: Final = b"flowrules pack3\n"
_CHECKSUM: Final = 32
_END: Final = _CHECKSUM + 8 + len(MARK)


@frozen
class Directory:
    """What a pack holds: of which files (their leaf names), and offset and length of each part by its name."""

    path: Path
    version: str
    leaves: tuple[str, ...]
    whole: bool
    """Whether these were all files of a run, and not some of them put together to be found again."""
    parts: Mapping[str, tuple[int, int]]

    def read(self, name: str) -> bytes:
        """The bytes of a part; raises ``OSError``, and ``Damaged`` where the file is too short for it."""
        offset, length = self.parts[name]
        with self.path.open("rb") as file:
            data = os.pread(file.fileno(), length, offset)
        if len(data) != length:
            raise Damaged("it is cut off")
        return data


class PackWriter:
    """The pack being written."""

    def __init__(self, file: IO[bytes], header: Mapping[str, Any]) -> None:
        self._file = file
        self._header = header
        self.parts: dict[str, tuple[int, int]] = {}
        """Where each part begins, and its length."""
        self._end = file.write(MARK)

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Add a part."""
        length = sum(self._file.write(piece) for piece in pieces)
        self.parts[name] = (self._end, length)
        self._end += length

    def close(self) -> None:
        """Write the directory."""
        text = json.dumps({**self._header, "parts": self.parts}, sort_keys=True).encode()
        self._file.write(text + checksum_of(text).encode() + len(text).to_bytes(8, "little") + MARK)


class _Empty(Exception):
    """Nothing was put into a pack."""


@contextmanager
def writing(path: Path, version: str, leaves: Sequence[str], whole: bool) -> Iterator[PackWriter]:
    """A pack that appears when the block ends without an error and has put anything; raises what ``whole_file`` does."""
    with suppress(_Empty), whole_file(path) as file:
        pack = PackWriter(file, {"version": version, "leaves": list(leaves), "whole": whole})
        yield pack
        if not pack.parts:
            raise _Empty
        pack.close()


def directory_of(path: Path) -> Directory:
    """The directory of a pack; raises ``OSError`` and ``Damaged``."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < len(MARK) + _END:
            raise Damaged("it is cut off")
        end = os.pread(file.fileno(), _END, size - _END)
        length = int.from_bytes(end[_CHECKSUM : _CHECKSUM + 8], "little")
        begun = os.pread(file.fileno(), len(MARK), 0)
        if begun != MARK or not end.endswith(MARK) or length > size - _END:
            raise Damaged("it is no pack of this version, or it is cut off")
        text = os.pread(file.fileno(), length, size - _END - length)
    if checksum_of(text).encode() != end[:_CHECKSUM]:
        raise Damaged("the checksum of its directory does not fit")
    try:
        held = json.loads(text)
        parts = {name: (int(offset), int(length)) for name, (offset, length) in held["parts"].items()}
        return Directory(path, held["version"], tuple(held["leaves"]), held["whole"], parts)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"its directory cannot be read: {error}") from error
