"""Damaged SiLK files: every fault is told with its place and the records before it, and nothing is believed."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrules.flows import silk_blocks
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_header import MAGIC, HeaderEntry, write_header
from flowrules.flows.silk_records import open_silk
from tests.flows.silk_files import DATA, SAMPLES, dump, read_until_damage

PLAIN = SAMPLES / "FT_RWSPLIT-v5-c0-B.dat"
"""240 or fewer records of 24 bytes behind a header of 96."""


def read(path, **how):
    source = open_silk(path)
    return [chunk.rows for chunk in source.chunks(**how)]


def failure(path, **how) -> FlowFileError:
    with pytest.raises(FlowFileError) as caught:
        read(path, **how)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return caught.value


def read_or_fail(path) -> None:
    """Read what can be read; the only error there may be is one that names the file, on one line."""
    try:
        source = open_silk(path)
    except FlowFileError as caught:
        error: FlowFileError | None = caught
    else:
        got, error = read_until_damage(source, 1 << 18)
        assert got <= 10_000
        assert error is None or error.records_read == got
    assert error is None or (str(path) in str(error) and "\n" not in str(error))


def test_a_record_cut_short(tmp_path):
    data = PLAIN.read_bytes()
    header = open_silk(PLAIN).header.length
    path = tmp_path / "cut.rw"
    path.write_bytes(data[: header + 24 * 10 + 5])
    error = failure(path)
    assert (error.offset, error.records_read) == (header + 240, 10)
    assert "10 records read until there" in str(error)
    assert "found 5 bytes, expected a record of 24 bytes" in str(error)


@pytest.mark.parametrize("rows", [1, 3, 10, 11, 1000])
def test_the_records_before_the_damage_come_first(tmp_path, rows):
    data = PLAIN.read_bytes()
    path = tmp_path / "cut.rw"
    path.write_bytes(data[: open_silk(PLAIN).header.length + 24 * 10 + 5])
    got, error = read_until_damage(open_silk(path), rows)
    assert error is not None
    assert got == error.records_read == 10


def test_every_cut_of_a_plain_file_is_told(tmp_path):
    data = PLAIN.read_bytes()[: open_silk(PLAIN).header.length + 24 * 3]
    header = len(data) - 24 * 3
    path = tmp_path / "cut.rw"
    for size in range(len(data)):
        path.write_bytes(data[:size])
        if size >= header and (size - header) % 24 == 0:
            assert sum(read(path)) == (size - header) // 24
            continue
        error = failure(path)
        assert error.records_read == (None if size == 0 else max(0, size - header) // 24)
        if size:
            assert error.offset is not None


@pytest.mark.parametrize(
    "name", ["FT_RWIPV6ROUTING-v1-c2-L.dat", "FT_RWIPV6ROUTING-v1-c3-L.dat", "FT_RWSPLIT-v1-c1-L.dat"]
)
def test_every_cut_of_a_compressed_file_is_told(tmp_path, name):
    data = (SAMPLES / name).read_bytes()
    header = open_silk(SAMPLES / name).header.length
    path = tmp_path / "cut.rw"
    for size in [*range(header, header + 20), *range(header + 20, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:size])
        if size == header:
            assert read(path) == []
            continue
        error = failure(path)
        assert error.offset is not None
        assert error.records_read == 0


def test_a_later_block_cut_short_leaves_the_earlier(tmp_path):
    data = (DATA / "rich.rw").read_bytes()
    path = tmp_path / "cut.rw"
    path.write_bytes(data[:-10])
    error = failure(path)
    in_block = (1 << 16) // 88
    assert error.records_read is not None
    assert error.records_read % in_block == 0
    assert 0 < error.records_read < 8000
    assert "the file ends inside a block" in error.message


@pytest.mark.parametrize(
    "name", ["FT_RWIPV6ROUTING-v1-c2-L.dat", "FT_RWIPV6ROUTING-v1-c3-L.dat", "FT_RWSPLIT-v1-c1-L.dat"]
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_reads_or_is_told(tmp_path, name, data):
    content = bytearray((SAMPLES / name).read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "changed.rw"
    path.write_bytes(content)
    read_or_fail(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), known=st.booleans())
def test_any_bytes_read_or_are_told(tmp_path, content, known):
    path = tmp_path / "any.rw"
    path.write_bytes((MAGIC if known else b"") + content)
    read_or_fail(path)


def compressed(tmp_path, method: int, *blocks: bytes, length: int = 52, format: int = 0x16, version: int = 5):
    path = tmp_path / "blocks.rw"
    path.write_bytes(write_header(format, version, length, method) + b"".join(blocks))
    return path


def block(data: bytes, size: int | None = None, packed: int | None = None) -> bytes:
    return struct.pack(">II", len(data) if packed is None else packed, 0 if size is None else size) + data


RECORDS = bytes(range(52)) * 3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (block(zlib.compress(RECORDS), (1 << 20) + 1), "a block's sizes are impossible"),
        (block(zlib.compress(RECORDS), 156, (1 << 20) + 1), "a block's sizes are impossible"),
        (block(zlib.compress(RECORDS), 156, 0xFFFFFFFF), "a block's sizes are impossible"),
        (block(zlib.compress(RECORDS), 0), "a block's sizes are impossible"),
        (block(zlib.compress(RECORDS), 157), "a block does not hold whole records"),
        (block(zlib.compress(RECORDS), 156 + 52), "a damaged zlib block"),
        (block(zlib.compress(RECORDS), 104), "a damaged zlib block"),
        (block(zlib.compress(RECORDS)[:-3], 156), "a damaged zlib block"),
        (block(b"not zlib", 156), "a damaged zlib block"),
        (block(zlib.compress(bytes(50 << 20)), 52), "a damaged zlib block"),
        (struct.pack(">II", 100, 156) + b"short", "the file ends inside a block"),
        (b"\0\0\1", "the file ends inside the head of a block"),
        (b"\0\0\1\0\0", "the file ends inside the head of a block"),
    ],
)
def test_bad_blocks(tmp_path, bad, message):
    good = block(zlib.compress(RECORDS), 156)
    path = compressed(tmp_path, 1, good, bad)
    error = failure(path)
    assert error.message == message
    start = len(write_header(0x16, 5, 52, 1)) + len(good)
    assert (error.offset, error.records_read) == (start, 3)


def test_a_size_of_zero_ends_the_file(tmp_path):
    good = block(zlib.compress(RECORDS), 156)
    assert read(compressed(tmp_path, 1, good, b"\0\0\0\0", b"anything")) == [3]


def test_a_bomb_does_not_unpack(tmp_path):
    path = compressed(tmp_path, 1, block(zlib.compress(bytes(900 << 20), 9), 52))
    tracemalloc.start()
    try:
        error = failure(path)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert "damaged zlib block" in error.message


@pytest.mark.parametrize(("method", "name"), [(2, "lzo1x"), (3, "snappy")])
def test_blocks_that_unpack_to_another_size(tmp_path, method, name):
    if method == 2:
        lzallright = pytest.importorskip("lzallright")
        data = lzallright.LZOCompressor().compress(RECORDS)
        bomb = lzallright.LZOCompressor().compress(bytes(20 << 20))
    else:
        cramjam = pytest.importorskip("cramjam")
        data = bytes(cramjam.snappy.compress_raw(RECORDS))
        bomb = bytes(cramjam.snappy.compress_raw(bytes(20 << 20)))[: 1 << 20]
    assert read(compressed(tmp_path, method, block(bytes(data), 156))) == [3]
    for bad in (
        block(bytes(data), 208),
        block(bytes(data)[:-1], 156),
        block(bytes(bomb), 52),
        block(b"\xff" * 40, 52),
    ):
        assert failure(compressed(tmp_path, method, bad)).message == f"a damaged {name} block"


@pytest.mark.parametrize(("method", "module"), [(2, "lzallright"), (3, "cramjam")])
def test_a_missing_library_is_named_with_what_to_install(tmp_path, monkeypatch, method, module):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    path = compressed(tmp_path, method, block(b"x" * 10, 52))
    error = failure(path)
    assert "pip install 'flowrules[codecs]'" in str(error)


def header_with(*entries: bytes, head: bytes = b"\0\x16\x10\0" + bytes(4) + b"\0\x34\0\x05") -> bytes:
    return MAGIC + head + b"".join(entries)


END = struct.pack(">II", 0, 8)


@pytest.mark.parametrize(
    ("content", "offset", "message"),
    [
        (b"", None, "the file is empty"),
        (b"\xde\xad\xbe", 0, "the file ends inside the header"),
        (b"\xca\xfe\xba\xbe" + bytes(30), 0, "not a SiLK file"),
        (header_with(END, head=b"\0\x77\x10\0" + bytes(4) + b"\0\x34\0\x05"), 5, "unknown SiLK file format 0x77"),
        (header_with(END, head=b"\0\x16\x11\0" + bytes(4) + b"\0\x34\0\x05"), 6, "unknown version 17 of the SiLK file header"),
        (header_with(END, head=b"\0\x16\x10\x09" + bytes(4) + b"\0\x34\0\x05"), 7, "unknown compression method 9"),
        (header_with(END, head=b"\0\x16\x10\0" + bytes(4) + b"\0\x34\0\x09"), 14, "unknown version 9 of FT_RWGENERIC records"),
        (header_with(END, head=b"\0\x16\x10\0" + bytes(4) + b"\0\x35\0\x05"), 12, "wrong record length for FT_RWGENERIC version 5"),
        (header_with(END, head=b"\0\x1d\x10\0" + bytes(4) + b"\0\x01\0\x02"), 5, "a SiLK file of format FT_IPSET, which holds no flow records"),
        (header_with(END, head=b"\0\x12\x10\0" + bytes(4) + b"\0\x18\0\x05"), 16, "the header of a FT_RWSPLIT file must say the hour that its times are relative to"),
        (header_with(struct.pack(">II", 2, 7)), 16, "header entry 2 claims a length of 7"),
        (header_with(struct.pack(">II", 2, 0)), 16, "header entry 2 claims a length of 0"),
        (header_with(struct.pack(">II", 2, 0xFFFFFFFF) + b"x" * 99), 24, "the file ends inside header entry 2"),
        (header_with(struct.pack(">II", 2, 1000) + b"x" * 99), 24, "the file ends inside header entry 2"),
        (header_with(struct.pack(">II", 1, 16) + bytes(8), END), 16, "the packed-file header entry is too short"),
        (header_with(struct.pack(">II", 2, 9) + b"x"), 25, "the file ends inside a header entry"),
    ],
)  # fmt: skip
def test_bad_headers(tmp_path, content, offset, message):
    path = tmp_path / "bad.rw"
    path.write_bytes(content)
    error = failure(path)
    assert (error.message, error.offset) == (message, offset)


def test_a_header_that_promises_gigabytes_allocates_none(tmp_path):
    path = tmp_path / "big.rw"
    path.write_bytes(header_with(struct.pack(">II", 2, 0xFFFFFFF0) + bytes(1000)))
    tracemalloc.start()
    try:
        failure(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_header_longer_than_any_is_refused(tmp_path):
    path = tmp_path / "long.rw"
    with path.open("wb") as file:
        file.write(header_with(struct.pack(">II", 2, 200 << 20)))
        file.truncate(300 << 20)
    assert "claims" in failure(path).message


def test_unknown_header_entries_are_skipped(tmp_path):
    path = tmp_path / "more.rw"
    entries = [
        HeaderEntry(77, b"whatever"),
        HeaderEntry(2, b"rwcat a b\0"),
        HeaderEntry(2, b"rwsort\0"),
        HeaderEntry(3, b"why\0"),
        HeaderEntry(4, b"P1\0"),
    ]
    path.write_bytes(write_header(0x16, 5, 52, 0, ">", entries) + bytes(104))
    source = open_silk(path)
    header = source.header
    assert header.invocations == ("rwcat a b", "rwsort")
    assert (header.annotations, header.probe) == (("why",), "P1")
    assert header.length % 52 == 0
    assert read(path) == [2]


def test_gzip_files_read_and_their_damage_is_told(tmp_path):
    data = (DATA / "rich.rw").read_bytes()
    path = tmp_path / "rich"
    path.write_bytes(gzip.compress(data))
    assert dump(open_silk(path)) == dump(open_silk(DATA / "rich.rw"))
    plain = PLAIN.read_bytes()
    zipped = gzip.compress(plain)
    for cut in (
        zipped[:15],
        zipped[: len(zipped) // 2],
        zipped[:-4],
        zipped[:300] + b"\0\0\0" + zipped[303:],
    ):
        path.write_bytes(cut)
        error = failure(path)
        assert error.message == "damaged gzip data"
    path.write_bytes(zipped[: len(zipped) // 2])
    with pytest.raises(FlowFileError) as caught:
        read(path)
    assert caught.value.records_read is not None


def test_no_file_a_folder_and_no_permission(tmp_path):
    for path, message in ((tmp_path / "none", "no such file or folder"), (tmp_path, "is a folder")):
        with pytest.raises(FlowFileError, match=message):
            open_silk(path)


def test_block_bounds_are_those_of_the_format():
    assert silk_blocks.MAX_BLOCK == 1 << 20
