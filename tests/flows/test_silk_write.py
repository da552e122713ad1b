"""What is written reads back equal, and is byte for byte what SiLK writes where SiLK's own file is there."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_records import open_silk
from flowrules.flows.silk_write import write_silk
from flowrules.flows.table import Chunk, widen
from flowrules.model.fields import ADDRESS, STORED
from tests.flows.silk_files import DATA, SAMPLES, chunk_of, dump, mapped, own_samples
from tests.reference import shared


def test_rich_is_written_as_silk_wrote_it(tmp_path):
    out = tmp_path / "rich.rw"
    assert write_silk(out, open_silk(DATA / "rich.rw").chunks(rows=777), compression="zlib") == 8000
    assert out.read_bytes() == (DATA / "rich.rw").read_bytes()


def test_v6_is_written_as_silk_wrote_it(tmp_path):
    path = shared("silk", "data", "v6.rw")
    out = tmp_path / "v6.rw"
    write_silk(out, open_silk(path).chunks(), compression="zlib")
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("order", ["B", "L"])
def test_generic_bodies_are_those_that_silk_wrote(tmp_path, order):
    path = shared("silk", "samples", "A", f"FT_RWGENERIC-v5-c0-{order}.dat")
    out = tmp_path / "out.rw"
    write_silk(out, open_silk(path).chunks(), ipv6=False)
    reference = shared("silk", "samples", "A", "FT_RWGENERIC-v5-c0-L.dat")
    skip = open_silk(reference).header.length
    assert out.read_bytes()[52:] == reference.read_bytes()[skip:]


@pytest.mark.parametrize("sample", own_samples(), ids=lambda sample: sample["file"])
def test_every_format_survives_writing(tmp_path, sample):
    source = open_silk(SAMPLES / sample["file"])
    out = tmp_path / "out.rw"
    assert write_silk(out, source.chunks(rows=50)) == sample["records"]
    assert dump(open_silk(out)) == dump(source)


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("ipv6", [False, True])
def test_the_header_byte_by_byte(tmp_path, ipv6, compression):
    out = tmp_path / "out.rw"
    write_silk(
        out,
        [chunk_of(3, sport=[1, 2, 3])],
        ipv6=ipv6,
        compression=compression,
        invocation="rwcat x",
        annotation="ä",
    )
    data = out.read_bytes()
    length = 88 if ipv6 else 52
    assert data[:8] == b"\xde\xad\xbe\xef\0" + bytes([0x0C if ipv6 else 0x16, 16, compression == "zlib"])
    version, record_length, record_version = struct.unpack(">IHH", data[8:16])
    assert (version, record_length, record_version) == (3_019_001, length, 1 if ipv6 else 5)
    assert data[16:32] == struct.pack(">II", 2, 16) + b"rwcat x\0"
    assert data[32:43] == struct.pack(">II", 3, 11) + "ä".encode() + b"\0"
    at = 43
    id, padding = struct.unpack(">II", data[at : at + 8])
    assert id == 0
    assert (at + padding) % length == 0
    assert padding < 8 + length
    body = data[at + padding :]
    if compression == "none":
        assert len(body) == 3 * length
    else:
        packed, size = struct.unpack(">II", body[:8])
        assert (packed, size) == (len(body) - 8, 3 * length)
        body = zlib.decompress(body[8:])
    assert struct.unpack("<H", body[length + 12 : length + 14]) == (2,)


def test_no_records_make_a_file_with_a_header_alone(tmp_path):
    out = tmp_path / "none.rw"
    assert write_silk(out, []) == 0
    source = open_silk(out)
    assert source.header.format_name == "FT_RWGENERIC"
    assert list(source.chunks()) == []


def test_blocks_hold_whole_records_and_at_most_64_kib(tmp_path):
    out = tmp_path / "blocks.rw"
    write_silk(out, [chunk_of(5000)], compression="zlib")
    data, at, sizes = out.read_bytes(), 52, []
    while at < len(data):
        packed, size = struct.unpack(">II", data[at : at + 8])
        sizes.append(size)
        at += 8 + packed
    assert sum(sizes) == 5000 * 52
    assert set(sizes[:-1]) == {(1 << 16) // 52 * 52}


def test_the_first_ipv6_record_changes_the_format_of_all(tmp_path):
    first, last = mapped(0x01020304), (0x20010DB8 << 96) + 1
    zero = [mapped(0), 0]
    chunks = [
        chunk_of(3, sip=[1, 2, 0xFFFFFFFF]),
        chunk_of(2, ipv6=True, sip=[first, last], dip=zero, nhip=zero, ip_version=[4, 6]),
        chunk_of(1, sip=[9]),
    ]
    files = []
    for target in (tmp_path / "a.rw", io.BytesIO()):
        assert write_silk(target, chunks) == 6
        files.append(target.getvalue() if isinstance(target, io.BytesIO) else target.read_bytes())
    assert files[0] == files[1]
    source = open_silk(tmp_path / "a.rw")
    assert source.header.format_name == "FT_RWIPV6ROUTING"
    (chunk,) = source.chunks()
    assert chunk["ip_version"].tolist() == [4, 4, 4, 4, 6, 4]
    low = (0xFFFF << 32) + np.array([1, 2, 0xFFFFFFFF, 0x01020304], np.uint64)
    assert chunk["sip"]["low"].tolist()[:4] == low.tolist()
    assert chunk["sip"][4].tolist() == (0x20010DB8 << 32, 1)
    assert dump(source)[5].startswith("2001:db8::1|::|")


def test_a_stream_is_written_from_its_place(tmp_path):
    stream = io.BytesIO()
    stream.write(b"before")
    write_silk(stream, [chunk_of(1)])
    assert stream.getvalue()[:10] == b"before\xde\xad\xbe\xef"


def test_fields_that_a_chunk_lacks_become_silk_s_defaults(tmp_path):
    out = tmp_path / "few.rw"
    write_silk(out, [Chunk({"sip": np.array([1], np.uint32), "bytes": np.array([40], np.uint32)}, 1)])
    assert (
        dump(open_silk(out))[1] == "0.0.0.1|0.0.0.0|0|0|0|0|40||0.000|0.000|0.000|?|0|0|0.0.0.0||||0|?|255||"
    )
    wide = np.zeros(1, ADDRESS)
    wide["high"] = 1
    write_silk(out, [Chunk({"sip": wide}, 1)])
    assert dump(open_silk(out))[1].startswith("0:0:0:1::|::|")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"packets": [1, 1 << 32]},
            "record 6 does not fit SiLK's record: found 4294967296 packets, expected at most 4294967295",
        ),
        ({"bytes": [1 << 63, 0]}, "record 5 .* found 9223372036854775808 bytes"),
        ({"duration": [0, 1 << 32]}, "record 6 .* milliseconds of duration"),
        ({"duration": [-1, 0]}, "record 5 .* found -1 milliseconds of duration"),
        ({"input": [0, 65536]}, "record 6 .* found 65536 as an input interface"),
        ({"output": [70000, 0]}, "record 5 .* found 70000 as an output interface"),
    ],
)
def test_what_does_not_fit_names_its_record(tmp_path, columns, message):
    out = tmp_path / "big.rw"
    out.write_bytes(b"as it was")
    with pytest.raises(FlowFileError, match=message):
        write_silk(out, [chunk_of(5), chunk_of(2, **columns)])
    assert out.read_bytes() == b"as it was"
    assert [p.name for p in tmp_path.iterdir()] == ["big.rw"]


def test_ipv6_where_only_ipv4_goes(tmp_path):
    with pytest.raises(FlowFileError, match=r"record 0 .* found an IPv6 record, expected IPv4 only"):
        write_silk(tmp_path / "a.rw", [chunk_of(1, ipv6=True)], ipv6=False)
    wrong = chunk_of(
        2, ipv6=True, dip=[mapped(1), 5], sip=[mapped(1)] * 2, nhip=[mapped(0)] * 2, ip_version=[4, 4]
    )
    with pytest.raises(FlowFileError, match=r"record 1 .* found an IPv6 dip in an IPv4 record"):
        write_silk(tmp_path / "a.rw", [wrong])


def test_nothing_is_left_of_a_write_that_fails(tmp_path):
    def chunks():
        yield chunk_of(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_silk(tmp_path / "a.rw", chunks())
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_refuses(tmp_path):
    with pytest.raises(FlowFileError, match="cannot be written: no such file or directory"):
        write_silk(tmp_path / "no" / "a.rw", [chunk_of(1)])
    with pytest.raises(FlowFileError, match="is a folder"):
        write_silk(tmp_path, [chunk_of(1)])
    if os.path.exists("/dev/full"):  # noqa: PTH110
        with pytest.raises(FlowFileError, match="cannot be written: no space left on device"):
            write_silk("/dev/full", [chunk_of(100_000)])


def test_a_new_file_has_the_usual_rights_and_an_old_one_keeps_its_own(tmp_path):
    out = tmp_path / "a.rw"
    write_silk(out, [])
    mask = os.umask(0)
    os.umask(mask)
    assert out.stat().st_mode & 0o777 == 0o666 & ~mask
    out.chmod(0o600)
    write_silk(out, [])
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path):
    out, link = tmp_path / "a.rw", tmp_path / "link.rw"
    out.write_bytes(b"")
    link.symlink_to(out)
    write_silk(link, [chunk_of(1)])
    assert link.is_symlink()
    assert out.stat().st_size == 104


@st.composite
def tables(draw):
    ipv6 = draw(st.booleans())
    rows = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns = {}
    limits = {
        "packets": 2**32,
        "bytes": 2**32,
        "duration": 2**32,
        "input": 2**16,
        "output": 2**16,
        "stime": 2**42,
        "attributes": 256,
    }
    version = rng.integers(0, 2, rows) * 2 + 4 if ipv6 else np.full(rows, 4)
    columns["ip_version"] = version
    for name, field in STORED.items():
        if name in ("record_number", "ip_version"):
            continue
        if field.dtype is None:
            if not ipv6:
                columns[name] = rng.integers(0, 2**32, rows)
            else:
                high = rng.integers(0, 2**63, rows)
                low = rng.integers(0, 2**32, rows)
                columns[name] = [
                    mapped(int(b)) if v == 4 else int(a) << 64 | int(b)
                    for v, a, b in zip(version, high, low, strict=True)
                ]
            continue
        top = limits.get(name, int(np.iinfo(field.dtype).max) + 1)
        columns[name] = rng.integers(0, top, rows)
    columns["attributes"] &= 0x79
    return chunk_of(rows, ipv6, **columns)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), compression=st.sampled_from(["none", "zlib"]), ipv6=st.sampled_from([None, True]))
def test_any_records_read_back_as_they_were(tmp_path, table, compression, ipv6):
    out = tmp_path / "any.rw"
    write_silk(out, [table], ipv6, compression)
    chunks = list(open_silk(out).chunks())
    if table.rows == 0:
        assert chunks == []
        return
    (read,) = chunks
    # SiLK clears EXPANDED where it means nothing
    state, initial, session = (
        table[name].copy() for name in ("attributes", "initial_flags", "session_flags")
    )
    wrong = ((state & 1) == 1) & ((table["protocol"] != 6) | ((initial | session) == 0))
    state[wrong] &= 0xFE
    initial[wrong] = session[wrong] = 0
    want = {**table.columns, "attributes": state, "initial_flags": initial, "session_flags": session}
    for name, column in want.items():
        got = read[name]
        if STORED[name].dtype is None:
            assert widen(got).tolist() == widen(column).tolist(), name
        else:
            assert got.tolist() == column.tolist(), name
