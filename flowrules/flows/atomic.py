"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from flowrules.flows.errors import FlowFileError


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file to write, which takes the place of ``path`` when the block ends without an error.

    Until then the bytes are in a file beside it, which is removed on any error, so that ``path`` is never
    half-written.  What is no regular file (a pipe, ``/dev/stdout``) is written directly.  Raises
    ``FlowFileError`` when the system refuses to write; a closed pipe stays ``BrokenPipeError``.
    """
    target = Path(os.path.realpath(path))
    try:
        existing = _mode(target)
        if existing is not None and not stat.S_ISREG(existing):
            if stat.S_ISDIR(existing):
                raise FlowFileError(path, "is a folder", expected="a file to write")
            with target.open("wb") as file:
                yield file
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".part", dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
            temporary.chmod(_new_mode() if existing is None else stat.S_IMODE(existing))
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise FlowFileError(path, f"cannot be written: {reason[:1].lower()}{reason[1:]}") from error


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _new_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
