"""The bytes of an open file, such as standard input, read in order."""

from __future__ import annotations

import os
from typing import BinaryIO

from flowrules.flows.byte_source import ByteSource

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


def open_bytes(source: str | os.PathLike[str] | BinaryIO, name: str | None = None) -> ByteSource:
    """The bytes of a path or of an open binary file; ``name`` stands for it in messages."""
    if isinstance(source, str | os.PathLike):
        return ByteSource(source, name)
    return StreamSource(source, name or str(getattr(source, "name", "-")))
