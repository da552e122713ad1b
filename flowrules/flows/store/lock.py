"""One writer at a time: the lock that a conversion holds on its store."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from flowrules.flows.errors import FlowFileError
from flowrules.flows.store.manifest import LOCK


class StoreLock:
    """The lock on a store's folder, which the system lets go of when the process ends, however it does.

    Readers need none: what they read is never changed in place.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / LOCK
        self.name = name
        self._handle: int | None = None

    def take(self, wait: bool) -> None:
        """Take the lock; ``wait`` for another writer to finish, or raise ``FlowFileError`` naming it."""
        while self._handle is None:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except OSError as error:
                other = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
                os.close(handle)
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                raise FlowFileError(
                    self.name,
                    "another conversion is writing to this store",
                    found=f"process {other}" if other else None,
                    hint="wait until it has finished, or let this one wait with --wait",
                ) from error
            except BaseException:
                os.close(handle)
                raise
            if not self._is_current(handle):
                # a conversion that failed took the folder away while this one waited
                os.close(handle)
                continue
            self._handle = handle
        os.truncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self, remove: bool = False) -> None:
        """Let go of the lock; ``remove`` its file first."""
        if self._handle is None:
            return
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._handle)
        self._handle = None

    def _is_current(self, handle: int) -> bool:
        mine = os.fstat(handle)
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
