"""Every record layout, version, byte order and compression reads as SiLK's own rwcut prints it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import numpy as np
import pytest

from flowrules.flows.silk_header import write_header
from flowrules.flows.silk_layouts import layout_of
from flowrules.flows.silk_records import open_silk, silk_source
from flowrules.flows.time_span import SPAN, TimeSpan
from flowrules.model.fields import ADDRESS, STORED
from tests.flows.silk_files import DATA, SAMPLES, all_samples, dump, own_samples
from tests.reference import shared


@pytest.mark.parametrize("sample", own_samples(), ids=lambda sample: sample["file"])
def test_own_sample_equals_its_text(sample):
    source = open_silk(SAMPLES / sample["file"])
    assert dump(source) == (SAMPLES / sample["expected"]).read_text().splitlines()


def test_every_sample_equals_its_text():
    folder, samples = all_samples()
    expected = {}
    wrong = []
    seen = Counter()
    for sample in samples:
        source = open_silk(folder / sample["file"])
        text = expected.setdefault(sample["expected"], (folder / sample["expected"]).read_text().splitlines())
        if dump(source) != text:
            wrong.append(sample["file"])
        header = source.header
        assert (header.format_name, header.record_version) == (sample["format"], sample["record_version"])
        assert (header.length, header.record_length) == (sample["header_length"], sample["record_length"])
        seen[header.compression, header.byte_order] += 1
    assert wrong == []
    assert len(samples) == sum(seen.values()) == 626
    assert set(seen) == {(method, order) for method in range(4) for order in "<>"}


@pytest.mark.parametrize("name", ["v4.rw", "v6.rw", "rich.rw", "prof.rw"])
def test_query_inputs_equal_their_dumps(name):
    folder = shared("silk", "data")
    entry = next(e for e in json.loads((folder / "manifest.json").read_text()) if e["file"] == name)
    lines = dump(open_silk(folder / name))[1:]
    assert len(lines) == entry["records"]
    assert (
        hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest() == entry["rwcut_sha256"]
    )


@pytest.mark.parametrize("rows", [1, 7, 100, 4096, 1 << 18])
def test_chunk_size_changes_nothing_but_the_chunks(rows):
    source = open_silk(DATA / "rich.rw")
    chunks = list(source.chunks(frozenset({"record_number", "bytes"}), rows))
    assert {chunk.rows for chunk in chunks[:-1]} <= {rows}
    assert [chunk.first for chunk in chunks] == list(range(0, 8000, rows))
    numbers = np.concatenate([chunk["record_number"] for chunk in chunks])
    assert numbers.tolist() == list(range(8000))
    if rows > 1:
        assert dump(source, rows=rows) == dump(source)


def test_only_the_columns_asked_for_and_with_the_catalogue_dtypes():
    source = silk_source(DATA / "rich.rw")
    for chunk in source.chunks(frozenset({"sport", "nhip", "initial_flags"})):
        assert set(chunk.columns) == {"sport", "nhip", "initial_flags"}
    (chunk,) = source.chunks()
    assert set(chunk.columns) == source.fields == set(STORED)
    for name, column in chunk.columns.items():
        assert len(column) == chunk.rows
        dtype = STORED[name].dtype
        if dtype is None:
            assert column.dtype == ADDRESS
        elif name in ("packets", "bytes"):
            assert column.dtype in (np.uint32, np.uint64)
        else:
            assert column.dtype == dtype


def test_a_chunk_without_ipv6_has_narrow_addresses():
    chunks = list(open_silk(DATA / "rich.rw").chunks(frozenset({"sip", "dip", "ip_version"}), 1))
    for chunk in chunks[:300]:
        wide = chunk["ip_version"][0] == 6
        assert chunk["sip"].dtype == chunk["dip"].dtype == (ADDRESS if wide else np.uint32)
    assert {int(chunk["ip_version"][0]) for chunk in chunks} == {4, 6}


@pytest.mark.parametrize(
    ("file", "absent"),
    [
        ("FT_RWSPLIT-v5-c0-B.dat", {"nhip", "input", "output", "application", "initial_flags", "attributes"}),
        ("FT_RWIPV6-v2-c0-B.dat", {"nhip", "input", "output"}),
        ("FT_FLOWCAP-v6-c0-B.dat", {"nhip", "type"}),
        ("FT_RWGENERIC-v5-c0-B.dat", set()),
    ],
)
def test_fields_are_those_that_the_format_stores(file, absent):
    source = silk_source(SAMPLES / file)
    assert set(STORED) - source.fields >= absent
    if not absent:
        assert source.fields == set(STORED)
    for chunk in source.chunks():
        assert set(chunk.columns) == source.fields


def test_a_source_reads_again_from_the_start():
    source = silk_source(DATA / "rich.rw")
    assert not source.once
    assert dump(source) == dump(source)


def test_real_captures_read_whole():
    counts = {"silk": 50499, "fccx": 91634, "ndpi/silk": 7853, "payload/flows": 7198}
    for folder, records in counts.items():
        files = sorted(shared("real").joinpath(folder).glob("*.rw"))
        assert sum(chunk.rows for file in files for chunk in silk_source(file).chunks()) == records


def record_of(tmp_path, format: int, version: int, **stored):
    """The one record of a file whose stored fields are these."""
    layout = layout_of(format, version, "<")
    record = np.zeros(1, layout.dtype("<"))
    for name, value in stored.items():
        record[name] = value
    path = tmp_path / "one.rw"
    path.write_bytes(write_header(format, version, layout.length) + record.tobytes())
    (chunk,) = open_silk(path).chunks()
    return {name: column.tolist()[0] for name, column in chunk.columns.items()}


def test_fields_wider_than_silk_s_record_are_clamped_as_silk_does(tmp_path):
    got = record_of(tmp_path, 0x0C, 3, packets=1 << 40, bytes=(1 << 64) - 1, input=1 << 16, output=0xFFFFFFFF)
    assert (got["packets"], got["bytes"], got["input"], got["output"]) == (
        0xFFFFFFFF,
        0xFFFFFFFF,
        0xFFFF,
        0xFFFF,
    )


@pytest.mark.parametrize(
    ("format", "version", "kept"),
    [
        (0x16, 2, False),
        (0x16, 3, False),
        (0x16, 5, False),
        (0x0B, 1, False),
        (0x0C, 1, False),
        (0x0C, 2, False),
        (0x0C, 3, True),
    ],
)
def test_expanded_is_cleared_where_it_means_nothing(tmp_path, format, version, kept):
    flags = {"initial_flags": 2, "session_flags": 0x10, "state": 0x29}
    got = record_of(tmp_path, format, version, protocol=17, **flags)
    want = (2, 0x10, 0x29) if kept else (0, 0, 0x28)
    assert (got["initial_flags"], got["session_flags"], got["attributes"]) == want
    got = record_of(tmp_path, format, version, protocol=6, **flags)
    assert (got["initial_flags"], got["session_flags"], got["attributes"]) == (2, 0x10, 0x29)
    got = record_of(tmp_path, format, version, protocol=6, initial_flags=0, session_flags=0, state=0x29)
    assert got["attributes"] == (0x29 if kept else 0x28)


def test_bits_that_mean_nothing_are_dropped(tmp_path):
    got = record_of(tmp_path, 0x16, 5, protocol=17, state=0xFE, sip=7)
    assert (got["attributes"], got["ip_version"], got["sip"]) == (0x78, 4, 7)


def test_an_ipv4_record_in_a_wide_slot_is_its_last_four_bytes(tmp_path):
    got = record_of(tmp_path, 0x0C, 1, sip_high=1, sip_low=0xABCD_0000_0102_0304, state=0)
    assert (got["sip"], got["ip_version"]) == (0x01020304, 4)
    got = record_of(tmp_path, 0x0C, 1, sip_high=1, sip_low=0xABCD_0000_0102_0304, state=0x80)
    assert (got["sip"], got["ip_version"]) == ((1, 0xABCD_0000_0102_0304), 6)
    assert got["nhip"] == (0, 0)


def test_constants_hold_in_all_rows():
    met = set()
    for sample in own_samples():
        for chunk in open_silk(SAMPLES / sample["file"]).chunks():
            for name, value in chunk.constants.items():
                assert (chunk[name] == value).all(), (sample["file"], name)
            met.update(chunk.constants)
    assert met == {"type", "sensor", "ip_version"}


@pytest.mark.parametrize("sample", own_samples(), ids=lambda sample: sample["file"])
def test_the_time_span_is_told_without_columns(sample):
    source = open_silk(SAMPLES / sample["file"])
    assert silk_source(SAMPLES / sample["file"]).spans
    whole = list(source.chunks(frozenset({"stime", "duration"}), 7))
    told = list(source.chunks(frozenset({"sport", SPAN}), 7))
    assert [chunk.rows for chunk in told] == [chunk.rows for chunk in whole]
    for chunk, other in zip(told, whole, strict=True):
        assert set(chunk.columns) == {"sport"}
        ends = other["stime"] + other["duration"]
        assert chunk.span == TimeSpan(other["stime"].min(), other["stime"].max(), ends.min(), ends.max())
        assert other.span is None
        assert chunk.slice(0, 1).span is None
