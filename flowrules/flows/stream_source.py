"""Sources of bytes that are no path: an open file, such as standard input, or one already looked into."""

from __future__ import annotations

import os
from typing import BinaryIO

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.remote import RemoteSource, is_url

_PIECE = 1 << 20


class StreamSource(ByteSource):
    """Bytes of an open binary file; whoever opened it closes it."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self.offset = 0
        self.size = None
        self._view = None
        self._unzip = None
        self._file = file

    def read(self, size: int) -> bytes:
        """The next bytes, ``size`` of them unless the end comes first."""
        pieces = []
        left = size
        while left and (piece := self._file.read(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        self.offset += len(data)
        return data


class PeekedSource(ByteSource):
    """Another source, whose first bytes, ``first``, have been looked at and come again."""

    def __init__(self, source: ByteSource) -> None:
        self.name = source.name
        self.size = source.size
        self.offset = 0
        self._view = None
        self._unzip = None
        self._source = source
        self.first = bytes(source.read(4096))

    def read(self, size: int) -> bytes | memoryview:
        """The next bytes, ``size`` of them unless the end comes first."""
        held = self.first[self.offset : self.offset + size]
        if not held:
            piece = self._source.read(size)
            self.offset += len(piece)
            return piece
        if len(held) < size:
            held += bytes(self._source.read(size - len(held)))
        self.offset += len(held)
        return held


Readable = str | os.PathLike[str] | BinaryIO | ByteSource
"""What readers take: a path, an open binary file, or bytes that are already a source."""


def open_bytes(source: Readable, name: str | None = None) -> ByteSource:
    """The bytes of a path or URL, an open binary file or a source; ``name`` stands for it in messages."""
    if isinstance(source, ByteSource):
        return source
    if isinstance(source, str) and is_url(source):
        return RemoteSource(source, name)
    if isinstance(source, str | os.PathLike):
        return ByteSource(source, name)
    return StreamSource(source, name or str(getattr(source, "name", "-")))
