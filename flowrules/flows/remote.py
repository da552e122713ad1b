"""Flows behind URLs: object stores and the like, read through fsspec wherever a path may stand.

``s3://bucket/flows/``, ``gs://…``, ``https://…`` and whatever else fsspec has a driver for.  Credentials come from the driver's
own configuration, never from us.  Only ranges of bytes that are needed are fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flowrules.flows.byte_source import GZIP_MAGIC, ByteSource
from flowrules.flows.errors import FlowFileError

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
_AHEAD: Final = 1 << 22
"""How many bytes are fetched at a time."""

_DRIVERS: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "sftp": "paramiko",
}
"""What to install for a protocol, where its driver says it is missing."""


def is_url(path: str) -> bool:
    """Whether a path is a URL; ``file://`` ones are too, before ``local_path`` has seen them."""
    return _URL.match(path) is not None


def local_path(path: str) -> str:
    """A path as the system has it, where a URL is of a file of this machine; other paths as they are."""
    if not path.lower().startswith("file://"):
        return path
    from urllib.parse import unquote

    return unquote(path[len("file://") :].removeprefix("localhost"))


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn whatever a driver raises into a ``FlowFileError``: each has exceptions of its own."""
    try:
        yield
    except FlowFileError:
        raise
    except FileNotFoundError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            # a web server that does not answer is told by its driver as a file that is not there
            raise FlowFileError(url, f"the server cannot be reached: {_line(cause)}") from error
        raise FlowFileError(url, "no such file or folder") from error
    except PermissionError as error:
        raise FlowFileError(url, "permission denied") from error
    except ImportError as error:
        protocol = url.partition("://")[0].rpartition("::")[2].lower()
        missing = (
            "flowrules[dask]"
            if (error.name or "").startswith("fsspec")
            else _DRIVERS.get(protocol, f"a driver of {protocol}")
        )
        what = f"what reads {protocol}:// is not installed"
        raise FlowFileError(url, what, hint=f"pip install '{missing}'") from error
    except Exception as error:
        raise FlowFileError(url, f"cannot be read: {_line(error)}") from error


def _line(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _place(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path there."""
    from fsspec.core import url_to_fs

    found: tuple[Any, str] = url_to_fs(url)
    return found


def expand_url(url: str) -> list[tuple[str, bool]]:
    """The files that a URL names (below a folder, or of a glob), and whether each comes from such.

    Raises ``FlowFileError`` where there are none, or they cannot be listed.
    """
    from glob import has_magic

    with _told(url):
        system, path = _place(url)
        if has_magic(path) and not system.exists(path):
            found = sorted(p for p in system.glob(path) if not system.isdir(p))
            if not found:
                raise FlowFileError(url, "no file matches")
        elif system.info(path)["type"] == "directory":
            found = sorted(system.find(path))
            if not found:
                raise FlowFileError(url, "the folder is empty", expected="flow files")
        else:
            return [(url, False)]
        shown = [p for p in found if not any(part.startswith(".") for part in p.split("/"))]
        return [(str(system.unstrip_protocol(p)), True) for p in shown]


def open_url(url: str) -> Any:
    """The file behind a URL, open for reading ranges; raises ``FlowFileError`` where that cannot be."""
    with _told(url):
        system, path = _place(url)
        return system.open(path, "rb", block_size=_AHEAD)


def url_size(url: str) -> int | None:
    """How many bytes the file behind a URL has, ``None`` where its server does not say."""
    with _told(url):
        system, path = _place(url)
        size = system.info(path).get("size")
        return None if size is None else int(size)


class RemoteSource(ByteSource):
    """The bytes behind a URL, fetched some at a time."""

    def __init__(self, url: str, name: str | None = None) -> None:
        self.name = url if name is None else name
        self.offset = 0
        self._view = None
        self._unzip = None
        self._file = open_url(url)
        with _told(self.name):
            zipped = self._file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            self._file.seek(0)
        self.size = None if zipped else url_size(url)
        if zipped:
            from gzip import GzipFile

            self._unzip = GzipFile(fileobj=self._file)

    def read(self, size: int) -> bytes | memoryview:
        """The next bytes, ``size`` of them unless the end comes first."""
        if self._unzip is not None:
            return super().read(size)
        pieces = []
        left = size
        with _told(self.name):
            while left and (piece := self._file.read(min(left, _AHEAD))):
                pieces.append(piece)
                left -= len(piece)
        data = b"".join(pieces)
        self.offset += len(data)
        return data

    def skip(self, size: int) -> int:
        """Go on by so many bytes, which are not fetched."""
        if self._unzip is not None or self.size is None:
            return super().skip(size)
        gone = min(size, self.size - self.offset)
        with _told(self.name):
            self._file.seek(self.offset + gone)
        self.offset += gone
        return gone

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self._file.close()
