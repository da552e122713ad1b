"""From the bytes of a file that may be anything to text, or an error that says what they are."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import BinaryIO, Final, cast

from attrs import frozen

from flowrules.model.source_text import SourceText
from flowrules.share.errors import InputError


@frozen
class Kind:
    """A kind of text file: what to call one, its largest size in bytes, and what to say otherwise."""

    name: str
    limit: int
    too_large: str
    not_text: str


RULESET: Final = Kind(
    "a ruleset",
    8 << 20,
    "flow files go after --flows, long lists of addresses into a file that a param names",
    "flow files go after --flows",
)
SITE: Final = Kind(
    "a site file",
    1 << 20,
    "long lists of addresses go into files that 'sets' names",
    "a site file is YAML",
)


def read_text(file: Traversable, path: str, kind: Kind) -> SourceText:
    """The text of ``file``, shown as ``path``.

    Raises ``InputError`` for a file that cannot be opened, is larger than its kind allows, or is no UTF-8
    text.  Never reads more than the limit.
    """
    try:
        with file.open("rb") as stream:
            data = cast(BinaryIO, stream).read(kind.limit + 1)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}") from error
    size = file.stat().st_size if len(data) > kind.limit and isinstance(file, Path) else 0
    return decode(data, path, kind, size)


def decode(data: bytes, path: str, kind: Kind, size: int = 0) -> SourceText:
    """``data`` as text, without a byte order mark; raises ``InputError``.

    ``size`` is the size of the whole file where ``data`` was cut after the limit; 0: not known.
    """
    if len(data) > kind.limit:
        held = f"is {size / 1e6:.1f} MB" if size else "does not end there"
        raise InputError(
            f"{path}: {kind.name} has at most {kind.limit >> 20} MiB, and this {held} ({kind.too_large})"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: found UTF-16 text at offset 0, expected UTF-8 (save the file as UTF-8)")
    nul = data.find(b"\0")
    if nul >= 0:
        raise InputError(
            f"{path}:{_line(data, nul)}: found a NUL byte at offset {nul}, expected text ({kind.not_text})"
        )
    try:
        return SourceText(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        # Offsets of the error leave the byte order mark out.
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise InputError(
            f"{path}:{_line(data, at)}: found byte 0x{data[at]:02x} at offset {at},"
            " expected UTF-8 text (save the file as UTF-8)"
        ) from error


def reason(error: OSError) -> str:
    """What the operating system said, as our messages are: lower-case."""
    what = error.strerror or type(error).__name__
    return what[:1].lower() + what[1:]


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
