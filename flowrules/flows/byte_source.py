"""The bytes of a file, whatever wraps them: mapped where possible, else unzipped piece by piece."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from flowrules.flows.errors import FlowFileError

if TYPE_CHECKING:
    import gzip

GZIP_MAGIC = b"\x1f\x8b"

_PIECE = 1 << 20


class ByteSource:
    """Bytes read in order from a file: ``read(n)`` gives at most ``n``, and none at the end.

    ``offset`` counts the bytes handed out; for a gzip file they are those of its content.  A file that
    is not wrapped is mapped: ``read`` gives views of it and copies nothing, and ``size`` is its size.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        self.name = name if name is not None else os.fspath(path)
        self.offset = 0
        self.size: int | None = None
        self._view: memoryview | None = None
        self._unzip: gzip.GzipFile | None = None
        try:
            with Path(path).open("rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise FlowFileError(
                        self.name, "not a regular file", hint="pass pipes as standard input, -"
                    )
                if status.st_size:
                    self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                    self.size = len(self._view)
            if self._view is not None and bytes(self._view[:2]) == GZIP_MAGIC:
                from gzip import GzipFile

                self._unzip = GzipFile(path, "rb")
                self._view = self.size = None
        except OSError as error:
            raise unreadable(self.name, error) from error

    def read(self, size: int) -> bytes | memoryview:
        """The next bytes, ``size`` of them unless the end comes first."""
        if self._unzip is None:
            if self._view is None:
                return b""
            piece = self._view[self.offset : self.offset + size]
            self.offset += len(piece)
            return piece
        pieces = []
        left = size
        while left:
            # never ask for more than a piece: the size may come from a damaged file
            try:
                # read would lose what comes before the damage
                data = self._unzip.read1(min(left, _PIECE))
            except (OSError, EOFError, zlib.error) as error:
                raise FlowFileError(
                    self.name,
                    "damaged gzip data",
                    offset=self.offset,
                    found=str(error).lower().rstrip("."),
                    hint="the offset counts the unzipped bytes",
                ) from error
            if not data:
                break
            pieces.append(data)
            left -= len(data)
            self.offset += len(data)
        return b"".join(pieces)

    def skip(self, size: int) -> int:
        """Go on by ``size`` bytes unless the end comes first; returns by how many."""
        left = size
        while left and (piece := self.read(min(left, _PIECE))):
            left -= len(piece)
        return size - left

    def close(self) -> None:
        """Let go of the file; views handed out stay valid."""
        if self._unzip is not None:
            self._unzip.close()
        self._view = None

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def unreadable(name: str, error: OSError) -> FlowFileError:
    """What to say when the system refuses to open or read ``name``."""
    if error.errno == errno.ENOENT:
        return FlowFileError(name, "no such file or folder")
    if error.errno == errno.EACCES:
        return FlowFileError(name, "permission denied")
    if error.errno == errno.EISDIR:
        return FlowFileError(name, "is a folder", expected="a flow file")
    return FlowFileError(name, f"cannot be read: {error.strerror or error}")
