"""Reading a ruleset file: from bytes that may be anything to text, or an error that says what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from flowrules.model.source_text import SourceText
from flowrules.share.errors import InputError

LIMIT: Final = 8 << 20
"""The largest ruleset file, in bytes: a thousand times what anybody writes by hand."""

HEAD: Final = 1 << 16
"""How many bytes of a file are looked at for its ``ruleset`` line."""

_NAME_LINE: Final = re.compile(
    r"""
      \"\"\" .*? (?: \"\"\" | \Z )                  # text over lines
    | " (?: \\. | [^"\\\n] )* "?                    # text
    | \# [^\n]*                                     # comment
    | (?<![\w.]) ruleset \s+ (?P<name> [A-Za-z_]\w* (?: \s*\.\s* \w+ )* ) \s* \{
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def read_ruleset(file: Traversable, path: str) -> SourceText:
    """The text of ``file``, shown as ``path``.

    Raises ``InputError`` for a file that cannot be opened, is larger than ``LIMIT``, or is no UTF-8 text.
    """
    try:
        with file.open("rb") as stream:
            data = cast(BinaryIO, stream).read(LIMIT + 1)
    except OSError as error:
        raise InputError(f"{path}: {_reason(error)}") from error
    size = file.stat().st_size if len(data) > LIMIT and isinstance(file, Path) else 0
    return decode_ruleset(data, path, size)


def decode_ruleset(data: bytes, path: str, size: int = 0) -> SourceText:
    """``data`` as text, without a byte order mark; raises ``InputError``.

    ``size`` is the size of the whole file where ``data`` was cut after ``LIMIT``; 0: not known.
    """
    if len(data) > LIMIT:
        held = f"is {size / 1e6:.1f} MB" if size else "does not end there"
        raise InputError(
            f"{path}: a ruleset has at most {LIMIT >> 20} MiB, and this {held}"
            " (flow files go after --flows, long lists of addresses into a file that a param names)"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: found UTF-16 text at offset 0, expected UTF-8 (save the file as UTF-8)")
    nul = data.find(b"\0")
    if nul >= 0:
        raise InputError(
            f"{path}:{_line(data, nul)}: found a NUL byte at offset {nul}, expected text"
            " (flow files go after --flows)"
        )
    try:
        return SourceText(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise InputError(
            f"{path}:{_line(data, at)}: found byte 0x{data[at]:02x} at offset {at},"
            " expected UTF-8 text (save the file as UTF-8)"
        ) from error


def ruleset_name(file: Traversable) -> str:
    """The name that ``file`` gives itself in its ``ruleset`` line, else its own without the ending.

    Looks at the first ``HEAD`` bytes only.  A file that cannot be read has the name of the file: whoever
    wants it gets the error then.
    """
    try:
        with file.open("rb") as stream:
            head = cast(BinaryIO, stream).read(HEAD)
    except OSError:
        head = b""
    for match in _NAME_LINE.finditer(head.decode("utf-8", "replace")):
        if match["name"]:
            return "".join(match["name"].split())
    return PurePosixPath(file.name).stem


def ruleset_files(folder: Path, suffix: str, deep: bool = True) -> Iterator[Path]:
    """The ruleset files of ``folder`` sorted by path; ``deep``: of its subfolders too, but hidden ones."""
    if not deep:
        yield from sorted(p for p in folder.iterdir() if p.name.endswith(suffix) and p.is_file())
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if not entry.name.startswith(".") and not entry.is_symlink():
                yield from ruleset_files(entry, suffix)
        elif entry.name.endswith(suffix):
            yield entry


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _reason(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    return what[:1].lower() + what[1:]
