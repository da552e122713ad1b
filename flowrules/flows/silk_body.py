"""The body of a SiLK file that holds no flow records (IPset, prefix map), read in order."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_blocks import body_bytes
from flowrules.flows.silk_header import SilkHeader


class Body:
    """The bytes after the header, uncompressed, with the place of what is read for messages.

    ``at`` counts the bytes taken.  Nothing is read before it is asked for, and no length is believed
    before the bytes are there.  ``kind`` says what is in the file: a set, a map.
    """

    def __init__(self, source: ByteSource, header: SilkHeader, kind: str) -> None:
        self.name = source.name
        self.order = header.byte_order
        self.kind = kind
        self.at = 0
        self._start = None if header.compression else header.length
        self._pieces = body_bytes(source, header.compression)
        self._rest: bytes | memoryview = b""

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The bytes that are left, as they come."""
        if len(self._rest):
            rest, self._rest = self._rest, b""
            self.at += len(rest)
            yield rest
        for piece in self._pieces:
            self.at += len(piece)
            yield piece

    def skip(self, size: int, what: str) -> None:
        """Leave out ``size`` bytes."""
        for _ in self._exactly(size, what):
            pass

    def take(self, size: int, what: str) -> bytes:
        """The next ``size`` bytes."""
        return b"".join(bytes(piece) for piece in self._exactly(size, what))

    def _exactly(self, size: int, what: str) -> Iterator[bytes | memoryview]:
        start, left = self.at, size
        while left:
            piece = self._rest if len(self._rest) else next(self._pieces, None)
            if piece is None:
                raise self.error(
                    f"the file ends inside {what}", start, f"{size - left} bytes", f"{size} bytes"
                )
            self._rest = memoryview(piece)[left:]
            piece = memoryview(piece)[:left]
            left -= len(piece)
            self.at += len(piece)
            yield piece

    def items(self, size: int, what: str) -> Iterator[tuple[int, bytes]]:
        """Whole items of ``size`` bytes up to the end, many at a time, each time with the place of the first."""
        at, held = self.at, b""
        for piece in self.pieces():
            held += piece
            whole = len(held) - len(held) % size
            if whole:
                yield at, held[:whole]
                at += whole
                held = held[whole:]
        if held:
            raise self.error(f"the file ends inside {what}", at, f"{len(held)} bytes", f"{size} bytes")

    def error(self, message: str, at: int, found: str, expected: str) -> FlowFileError:
        """An error at byte ``at`` of the body."""
        if self._start is None:
            message = f"{message}, at byte {at} of the uncompressed {self.kind}"
        return FlowFileError(
            self.name,
            message,
            offset=None if self._start is None else self._start + at,
            found=found,
            expected=expected,
            hint="the file is truncated or damaged",
        )
