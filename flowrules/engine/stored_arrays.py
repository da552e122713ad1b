"""Arrays in temporary files: written piece by piece, then mapped, so that memory holds what is looked at.

The files have no names (where the system allows that) and end with the arrays, or with the process, however it ends.
They lie where ``TMPDIR`` says.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.errors import LimitExceeded

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def stored(
    dtypes: Sequence[np.dtype[Any]], pieces: Iterable[Sequence[NDArray[Any]]]
) -> tuple[NDArray[Any], ...]:
    """One read-only array for each dtype, of all pieces one after the other.

    Raises ``LimitExceeded`` when the disk is full, and ``OSError`` for what else keeps it from being written.
    """
    import tempfile

    rows = 0
    with ExitStack() as stack:
        try:
            files = [stack.enter_context(tempfile.TemporaryFile(buffering=0)) for _ in dtypes]
            for piece in pieces:
                rows += len(piece[0])
                for file, dtype, part in zip(files, dtypes, piece, strict=True):
                    left = memoryview(np.ascontiguousarray(part, dtype).view(np.uint8))  # type: ignore[arg-type]
                    while len(left):
                        left = left[file.write(left) :]
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise LimitExceeded(
                f"the values that it must tell apart fill the disk of {tempfile.gettempdir()}",
                "set TMPDIR to a folder with more room",
            ) from None
        if not rows:
            return tuple(np.zeros(0, dtype) for dtype in dtypes)
        return tuple(
            np.asarray(np.memmap(file, dtype, "r", shape=(rows,)))
            for file, dtype in zip(files, dtypes, strict=True)
        )
