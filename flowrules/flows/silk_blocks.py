"""The body of a SiLK file as runs of whole records, decompressed block by block.

A compressed body is a sequence of independent blocks, each behind two big-endian u32: its compressed
and its uncompressed size.  Neither exceeds 1 MiB; a compressed size of 0 or the end of the file ends it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_header import COMPRESSIONS

MAX_BLOCK: Final = 1 << 20
"""The most bytes that a block may hold, compressed or not."""

Decompress = Callable[[bytes | memoryview, int], bytes]
"""From compressed bytes and the uncompressed size that the block claims to the bytes."""


class DamagedBlockError(Exception):
    """A block that does not decompress to what it claims."""


def decompressor(compression: int, path: str) -> Decompress:
    """The function that undoes a compression method, by SiLK's number.

    Raises ``FlowFileError`` naming what to install when the library for it is not there.
    """
    return {1: _zlib, 2: _lzo, 3: _snappy}[compression](path)


def record_runs(
    source: ByteSource, compression: int, record_length: int, run: int, records: int | None = None
) -> Iterator[bytes | memoryview]:
    """The records from the source's place on, as bytes of whole records, about ``run`` records at a time.

    With ``records``, only so many: of a compressed body, those of whole blocks.

    Raises ``FlowFileError`` on reaching the end of the file inside a record or block, or a block that
    is damaged, with the number of whole records before that place, all of which have come by then.
    """
    if compression == 0:
        return _plain_runs(source, record_length, run, records)
    return _joined_blocks(source, compression, record_length, run, records)


def record_starts(
    source: ByteSource, compression: int, record_length: int, every: int
) -> Iterator[tuple[int, int]]:
    """Places where reading can begin, about ``every`` records apart: offsets and the numbers of their records.

    ``source`` stands at the first record, and its bytes are not unzipped.  Raises ``FlowFileError`` on reaching a block that cannot be right.
    """
    start = source.offset
    yield start, 0
    if compression == 0:
        assert source.size is not None
        for number in range(every, (source.size - start) // record_length, every):
            yield start + number * record_length, number
        return
    records = last = 0
    while True:
        offset = source.offset
        block = _block(source, record_length)
        if block is None:
            return
        if records - last >= every:
            yield offset, records
            last = records
        records += block[1] // record_length


def body_bytes(source: ByteSource, compression: int) -> Iterator[bytes | memoryview]:
    """The body as bytes, for contents that are not made of fixed records (IPsets, prefix maps)."""
    if compression:
        yield from (data for data, _ in _blocks(source, compression, 1))
        return
    while piece := source.read(MAX_BLOCK):
        yield piece


def _plain_runs(
    source: ByteSource, record_length: int, run: int, most: int | None
) -> Iterator[bytes | memoryview]:
    records = 0
    start = source.offset
    while most is None or records < most:
        wanted = run if most is None else min(run, most - records)
        try:
            data = source.read(wanted * record_length)
        except FlowFileError as error:
            error.records_read = (source.offset - start) // record_length
            raise
        if not data:
            return
        whole, rest = divmod(len(data), record_length)
        if whole:
            yield data[: whole * record_length]
        if rest:
            raise FlowFileError(
                source.name,
                "the file ends inside a record",
                offset=source.offset - rest,
                found=f"{rest} bytes",
                expected=f"a record of {record_length} bytes",
                hint="the file is truncated or damaged",
                records_read=records + whole,
            )
        records += whole


def _joined_blocks(
    source: ByteSource, compression: int, record_length: int, run: int, most: int | None
) -> Iterator[bytes]:
    parts: list[bytes] = []
    have = whole = 0
    try:
        for data, records in _blocks(source, compression, record_length):
            parts.append(data)
            have += records
            whole += records
            if most is not None and whole >= most:
                break
            if have >= run:
                yield b"".join(parts) if len(parts) > 1 else parts[0]
                parts, have = [], 0
    except FlowFileError:
        if have:
            yield b"".join(parts)
        raise
    if have:
        yield b"".join(parts)


def _blocks(source: ByteSource, compression: int, record_length: int) -> Iterator[tuple[bytes, int]]:
    decompress = decompressor(compression, source.name)
    records = 0
    try:
        while (block := _block(source, record_length)) is not None:
            data, size, start = block
            try:
                out = decompress(data, size)
            except DamagedBlockError as error:
                raise FlowFileError(
                    source.name,
                    f"a damaged {COMPRESSIONS[compression]} block",
                    offset=start,
                    found=str(error),
                    expected=f"{size} bytes of records",
                    hint="the file is damaged",
                ) from error
            yield out, size // record_length
            records += size // record_length
    except FlowFileError as error:
        error.records_read = records
        raise


def _block(source: ByteSource, record_length: int) -> tuple[bytes | memoryview, int, int] | None:
    """The next block's bytes, the size that it claims to unpack to, and its offset; ``None`` at the end."""
    start = source.offset
    head = bytes(source.read(4))
    if not head or head == b"\0\0\0\0":
        return None
    head += source.read(4)
    if len(head) < 8:
        raise FlowFileError(
            source.name,
            "the file ends inside the head of a block",
            offset=start,
            found=f"{len(head)} bytes",
            expected="8 bytes",
            hint="the file is truncated or damaged",
        )
    packed, size = struct.unpack(">II", head)
    if packed > MAX_BLOCK or not 0 < size <= MAX_BLOCK:
        raise FlowFileError(
            source.name,
            "a block's sizes are impossible",
            offset=start,
            found=f"{packed} bytes compressed, {size} not",
            expected=f"1 to {MAX_BLOCK} each",
            hint="the file is damaged here or before",
        )
    if size % record_length:
        raise FlowFileError(
            source.name,
            "a block does not hold whole records",
            offset=start,
            found=f"{size} bytes",
            expected=f"a multiple of {record_length}",
            hint="the file is damaged here or before",
        )
    data = source.read(packed)
    if len(data) < packed:
        raise FlowFileError(
            source.name,
            "the file ends inside a block",
            offset=start,
            found=f"{len(data)} of its bytes",
            expected=f"{packed}",
            hint="the file is truncated or damaged",
        )
    return data, size, start


def _zlib(_: str) -> Decompress:
    def decompress(data: bytes | memoryview, size: int) -> bytes:
        stream = zlib.decompressobj()
        try:
            out = stream.decompress(data, size + 1)
        except zlib.error as error:
            raise DamagedBlockError(str(error).lower()) from error
        if len(out) != size:
            raise DamagedBlockError(f"{'more than ' if len(out) > size else ''}{min(len(out), size)} bytes")
        if not stream.eof:
            raise DamagedBlockError("a stream without its end")
        return out

    return decompress


def _snappy(path: str) -> Decompress:
    try:
        from cramjam import snappy
    except ImportError as error:
        raise _missing(path, "snappy") from error

    def decompress(data: bytes | memoryview, size: int) -> bytes:
        try:
            # the length in the data decides how much the library allocates: look at it first
            claimed = snappy.decompress_raw_len(data)
            if claimed != size:
                raise DamagedBlockError(f"{claimed} bytes")
            return bytes(snappy.decompress_raw(data, output_len=size))
        except DamagedBlockError:
            raise
        except Exception as error:
            raise DamagedBlockError("bytes that are not snappy data") from error

    return decompress


def _lzo(path: str) -> Decompress:
    try:
        from lzallright import LZOCompressor, LZOError
    except ImportError as error:
        raise _missing(path, "lzo1x") from error

    def decompress(data: bytes | memoryview, size: int) -> bytes:
        if len(data) > size + size // 16 + 67:
            # LZO never grows data by more: refuse what could unpack to far more than it claims
            raise DamagedBlockError(f"{len(data)} compressed bytes")
        try:
            out = bytes(LZOCompressor.decompress(bytes(data), size))
        except LZOError as error:
            raise DamagedBlockError("bytes that are not LZO data") from error
        if len(out) != size:
            raise DamagedBlockError(f"{len(out)} bytes")
        return out

    return decompress


def _missing(path: str, method: str) -> FlowFileError:
    return FlowFileError(
        path,
        f"the file is compressed with {method}, and the library for it is not installed",
        hint="pip install 'flowrules[codecs]'",
    )
