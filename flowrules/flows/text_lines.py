"""The lines of a text file, with their numbers, read without trusting their length."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError

_PIECE = 1 << 20
_LONGEST = 1 << 16


def decoded_lines(source: ByteSource, path: str) -> Iterator[tuple[int, str]]:
    """Line numbers, from 1, and lines without their ends; UTF-8, with or without a byte order mark.

    Raises ``FlowFileError`` for a line that is too long or holds zero bytes or no UTF-8: a binary file.
    """
    number = 0
    held = b""
    while True:
        piece = bytes(source.read(_PIECE))
        held += piece
        lines = held.split(b"\n")
        held = lines.pop()
        if not piece and held:
            lines.append(held)
        for line in lines:
            number += 1
            yield number, _decode(line, number, path)
        if len(held) > _LONGEST:
            raise FlowFileError(
                path,
                "a line is too long",
                line=number + 1,
                found=f"more than {_LONGEST} bytes",
                expected="text",
            )
        if not piece:
            return


def _decode(line: bytes, number: int, path: str) -> str:
    if number == 1:
        line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FlowFileError(
            path, "not text", line=number, found=f"the byte {line[error.start]:02x}", expected="UTF-8"
        ) from error
    if "\0" in text:
        raise FlowFileError(path, "not text", line=number, found="a zero byte", expected="UTF-8")
    return text.removesuffix("\r")
