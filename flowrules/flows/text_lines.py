"""The lines of a text file, numbered, with what is no text refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError

MAX_LINE: Final = 1 << 20
"""The longest line in bytes."""

_PIECE = 1 << 20


def numbered_lines(path: str | os.PathLike[str], name: str | None = None) -> Iterator[tuple[int, str]]:
    """Each line's number, from 1, and its text without the end; a gzip file is unzipped.

    Raises ``FlowFileError`` with the line for NUL bytes, bytes that are not UTF-8, and lines longer than
    ``MAX_LINE``.
    """
    name = os.fspath(path) if name is None else name
    number = 0
    rest = b""
    with ByteSource(path, name) as source:
        while True:
            piece = bytes(source.read(_PIECE))
            lines = (rest + piece).split(b"\n")
            # what follows the last end of line is a line of its own only at the end of the file
            rest = lines.pop() if piece or not lines[-1] else b""
            for line in lines:
                number += 1
                yield number, _decoded(line, name, number)
            if len(rest) > MAX_LINE:
                raise FlowFileError(name, f"a line of more than {MAX_LINE} bytes", line=number + 1)
            if not piece:
                return


def _decoded(line: bytes, name: str, number: int) -> str:
    line = line.removesuffix(b"\r")
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in line:
        raise FlowFileError(name, "a NUL byte in the text", line=number, hint="this is not a text file")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise FlowFileError(
            name, "text that is not UTF-8", line=number, found=f"the byte 0x{line[error.start]:02x}"
        ) from error
