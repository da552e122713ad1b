"""Mapping the files of a store into memory, without keeping every file open."""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.flows.byte_source import unreadable
from flowrules.flows.errors import FlowFileError

Array = NDArray[Any]

MOST_FILES: Final = 256
"""Files kept mapped, each of which is one open file to the system.  Arrays in use keep theirs besides."""


class MappedFiles:
    """Read-only arrays over whole files, those used last kept."""

    def __init__(self, most: int = MOST_FILES) -> None:
        self._most = most
        self._files: OrderedDict[Path, Array] = OrderedDict()
        self._lock = Lock()

    def get(self, path: Path, name: str, dtype: np.dtype[Any], rows: int) -> Array:
        """The ``rows`` elements (at least one) of the file at ``path``; ``name`` is for messages.

        Raises ``FlowFileError`` where the file is missing or has another size.
        """
        with self._lock:
            found = self._files.get(path)
            if found is not None:
                self._files.move_to_end(path)
                return found
        array = _mapped(path, name, dtype, rows)
        with self._lock:
            self._files[path] = array
            while len(self._files) > self._most:
                self._files.popitem(last=False)
        return array


def check_size(size: int, name: str, expected: int) -> None:
    """Raise ``FlowFileError`` where a file of a store has not the size that it was written with."""
    if size != expected:
        raise FlowFileError(
            name,
            "a file of a store that was cut off" if size < expected else "a file of a store that has grown",
            offset=min(size, expected),
            found=f"{size} bytes",
            expected=f"{expected}",
            hint="restore it from a copy, or convert the flows again",
        )


def file_size(path: Path, name: str) -> int:
    """The size of a file in bytes; raises ``FlowFileError`` where it is missing."""
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise FlowFileError(
            name, "a file of a store is missing", hint="restore it from a copy, or convert the flows again"
        ) from error
    except OSError as error:
        raise unreadable(name, error) from error


def _mapped(path: Path, name: str, dtype: np.dtype[Any], rows: int) -> Array:
    try:
        with path.open("rb") as file:
            check_size(os.fstat(file.fileno()).st_size, name, rows * dtype.itemsize)
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype)
    except OSError as error:
        raise unreadable(name, error) from error
