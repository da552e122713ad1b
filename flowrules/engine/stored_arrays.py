"""Arrays in temporary files: written piece by piece, then mapped, so that memory holds what is looked at.

The files have no names (where the system allows that) and end with the arrays, or with the process, however it ends.
They lie where ``TMPDIR`` says.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.errors import DiskFull

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def stored(
    dtypes: Sequence[np.dtype[Any]], pieces: Iterable[Sequence[NDArray[Any]]]
) -> tuple[NDArray[Any], ...]:
    """One read-only array for each dtype, of all pieces one after the other.

    Raises ``DiskFull`` when the disk is full, and ``OSError`` for what else keeps it from being written.
    """
    import tempfile

    rows = 0
    with ExitStack() as stack:
        with _told_when_full():
            files = [stack.enter_context(tempfile.TemporaryFile(buffering=0)) for _ in dtypes]
            for piece in pieces:
                rows += len(piece[0])
                for file, dtype, part in zip(files, dtypes, piece, strict=True):
                    _write(file, dtype, part)
        if not rows:
            return tuple(np.zeros(0, dtype) for dtype in dtypes)
        return tuple(
            np.asarray(np.memmap(file, dtype, "r", shape=(rows,)))
            for file, dtype in zip(files, dtypes, strict=True)
        )


def stored_together(
    dtypes: Sequence[np.dtype[Any]], pieces: Iterable[Sequence[NDArray[Any]]], most: int
) -> tuple[NDArray[Any], ...]:
    """The same of at most so many rows, in one file, of which what is not needed takes no room."""
    import mmap
    import tempfile

    begins = [0]
    for dtype in dtypes:
        begins.append(begins[-1] + most * dtype.itemsize + -most * dtype.itemsize % mmap.PAGESIZE)
    rows = 0
    with ExitStack() as stack:
        with _told_when_full():
            file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
            file.truncate(max(begins[-1], 1))
            for piece in pieces:
                for begin, dtype, part in zip(begins, dtypes, piece, strict=False):
                    file.seek(begin + rows * dtype.itemsize)
                    _write(file, dtype, part)
                rows += len(piece[0])
        if not rows:
            return tuple(np.zeros(0, dtype) for dtype in dtypes)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return tuple(np.frombuffer(mapped, d, rows, b) for b, d in zip(begins, dtypes, strict=False))


def _write(file: Any, dtype: np.dtype[Any], part: NDArray[Any]) -> None:
    left = memoryview(np.ascontiguousarray(part, dtype).view(np.uint8))  # type: ignore[arg-type]
    while len(left):
        left = left[file.write(left) :]


@contextmanager
def _told_when_full() -> Iterator[None]:
    import tempfile

    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(
            f"what is counted would fill the disk of {tempfile.gettempdir()}",
            "set TMPDIR to a folder with more room",
        ) from None
