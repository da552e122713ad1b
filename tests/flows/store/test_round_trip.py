"""What goes into a store comes out again: every record, every field, whatever its order."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowrules
from flowrules.flows.silk_records import silk_source
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import open_sources
from flowrules.flows.store import day_buffers, open_store, write_store, writing
from flowrules.flows.table import Chunk
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import ADDRESS, STORED
from tests.flows.made_flows import DAY, FIELDS, FIRST_DAY, check_dtypes, made, multiset, records, source_of
from tests.flows.silk_files import DATA, SAMPLES, own_samples
from tests.reference import shared

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("sample", own_samples(), ids=lambda sample: sample["file"])
def test_every_silk_format_survives(tmp_path, sample):
    source = silk_source(SAMPLES / sample["file"])
    assert write_store(tmp_path / "s", [source]).records == sample["records"]
    assert multiset(open_store(tmp_path / "s").sources()) == multiset([source])


@pytest.mark.parametrize("name", ["v4.rw", "v6.rw", "prof.rw", "rich.rw"])
def test_silk_files_survive_to_the_record(tmp_path, name):
    source = silk_source(shared("silk", "data", name))
    write_store(tmp_path / "s", [source])
    store = open_store(tmp_path / "s", verify=True)
    assert store.rows > 0
    assert multiset(store.sources()) == multiset([source])


def test_a_repository_survives(tmp_path):
    sources = open_sources([shared("real", "silk-repo")])
    write_store(tmp_path / "s", sources, sources.conf)
    back = open_sources([tmp_path / "s"])
    assert multiset(back) == multiset(sources)
    assert back.conf.sensors == sources.conf.sensors
    assert back.conf.flowtypes == sources.conf.flowtypes


def test_days_are_parts_and_order_within_type_and_protocol_stays(tmp_path):
    chunk = made(5000, days=3)
    write_store(tmp_path / "s", [source_of(chunk)])
    store = open_store(tmp_path / "s")
    assert store.days == ("2012-02-01", "2012-02-02", "2012-02-03")
    rows = 0
    for part in store.parts:
        day = FIRST_DAY + int(part.day[-2:]) - 1
        here = chunk.take(np.flatnonzero(chunk["stime"] // DAY == day))
        assert part.rows == here.rows
        rows += part.rows
        for type_ in np.unique(here["type"]):
            for protocol in np.unique(here["protocol"]):
                expected = here.take(np.flatnonzero((here["type"] == type_) & (here["protocol"] == protocol)))
                found = [
                    one.take(np.flatnonzero((one["type"] == type_) & (one["protocol"] == protocol)))
                    for one in part.chunks(None)
                ]
                assert [r for one in found for r in records(one)] == list(records(expected))
    assert rows == chunk.rows == store.rows


@pytest.mark.parametrize("rows", [1, 7, 1000, 1 << 18])
def test_chunks_are_as_large_as_asked_and_numbered(tmp_path, rows):
    chunk = made(3000, days=2, wide=0.3)
    write_store(tmp_path / "s", [source_of(chunk)])
    (source,) = open_store(tmp_path / "s").sources()
    number = 0
    for one in source.chunks(None, rows):
        check_dtypes(one)
        assert one.rows <= rows
        assert one.first == number
        assert one["record_number"].tolist() == list(range(number, number + one.rows))
        number += one.rows
        if number > 500:
            break
    if rows > 5:
        assert multiset([source], rows) == multiset([source_of(chunk)])


def test_only_the_fields_asked_for_come_and_as_views_of_the_files(tmp_path):
    write_store(tmp_path / "s", [source_of(made(4000))])
    (source,) = open_store(tmp_path / "s").sources()
    for chunk in source.chunks(frozenset({"sip", "bytes", "stime"})):
        assert set(chunk.columns) == {"sip", "bytes", "stime"}
        assert all(
            not column.flags.owndata and not column.flags.writeable for column in chunk.columns.values()
        )
    assert sum(chunk.rows for chunk in source.chunks(frozenset())) == 4000


def test_records_with_other_fields_are_sources_of_their_own(tmp_path):
    few = frozenset({"sip", "dip", "stime", "bytes"})
    one, other = made(300, 1), made(200, 2, fields=few)
    write_store(tmp_path / "s", [source_of(one), source_of(other)])
    sources = open_sources([tmp_path / "s"])
    assert {source.fields - {"record_number"} for source in sources} == {FIELDS, few}
    assert multiset(sources) == multiset([source_of(one), source_of(other)])


def test_records_without_a_time_are_undated(tmp_path):
    chunk = made(100, fields={"sip", "dip", "packets"})
    write_store(tmp_path / "s", [source_of(chunk)])
    store = open_store(tmp_path / "s")
    assert store.days == ("undated",)
    assert multiset(store.sources()) == multiset([source_of(chunk)])


def test_no_records_at_all(tmp_path):
    write_silk(tmp_path / "none.rw", [])
    source = silk_source(tmp_path / "none.rw")
    assert write_store(tmp_path / "s", [source]).records == 0
    (back,) = open_sources([tmp_path / "s"])
    assert list(back.chunks()) == []
    assert back.fields >= source.fields - {"record_number"}
    assert open_store(tmp_path / "s").arrays("bytes")["bytes"].tolist() == []


def test_the_widest_and_the_narrowest_values(tmp_path):
    chunk = made(6000, wide=0.2)
    columns = {name: column.copy() for name, column in chunk.columns.items()}
    # wide counts only in the last block: the earlier ones must be widened
    columns["packets"][5900] = (1 << 64) - 1
    columns["bytes"][5901] = 1 << 32
    columns["duration"][5902] = -1
    columns["duration"][5903] = 1 << 40
    columns["input"][5904] = 1 << 31
    columns["nhip"][5905] = ((1 << 64) - 1, (1 << 64) - 1)
    columns["sip"][5906] = (0, 0)
    pieces = [Chunk(columns, 6000).slice(start, start + 2000) for start in (0, 2000, 4000)]
    with writing.StoreWriter(tmp_path / "s") as writer:
        writer._buffers = day_buffers.DayBuffers(block_rows=2000)
        for piece in pieces:
            writer.add(piece)
        writer.commit()
    store = open_store(tmp_path / "s", verify=True)
    assert [len(part.index.blocks) for part in store.parts] == [3] or store.rows == 6000
    assert multiset(store.sources()) == multiset([source_of(Chunk(columns, 6000))])


VALUES = {
    "packets": st.sampled_from([0, 1, (1 << 32) - 1, 1 << 32, (1 << 64) - 1]),
    "bytes": st.sampled_from([0, 40, (1 << 32) - 1, 1 << 32, (1 << 64) - 1]),
    "stime": st.sampled_from(
        [0, -1, DAY - 1, DAY, 15_371 * DAY, -(1 << 40), 1 << 42, 253_402_300_800_000, -62_200_000_000_000]
    ),
    "duration": st.sampled_from([0, 1, (1 << 32) - 1, 1 << 32, -5]),
}
ADDRESSES = st.sampled_from([0, 1, 0xFFFF << 32, (0xFFFF << 32) + 7, 0x20010DB8 << 96, (1 << 128) - 1])


@st.composite
def chunks(draw):
    rows = draw(st.integers(1, 12))
    fields = draw(st.sets(st.sampled_from(sorted(FIELDS)), min_size=1))
    columns = {}
    for name in sorted(fields):
        dtype = STORED[name].dtype
        if dtype is None:
            values = draw(st.lists(ADDRESSES, min_size=rows, max_size=rows))
            if draw(st.booleans()) and all(value >> 32 == 0xFFFF for value in values):
                columns[name] = np.array([value & 0xFFFFFFFF for value in values], np.uint32)
            else:
                columns[name] = np.array([(v >> 64, v & (1 << 64) - 1) for v in values], ADDRESS)
        else:
            limits = np.iinfo(dtype)
            one = VALUES.get(name, st.sampled_from([0, 1, int(limits.max)]))
            columns[name] = np.array(draw(st.lists(one, min_size=rows, max_size=rows)), dtype)
    return Chunk(columns, rows)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lists=st.lists(st.lists(chunks(), min_size=1, max_size=3), min_size=1, max_size=2),
    homed=st.booleans(),
    coded=st.booleans(),
)
def test_any_records_survive_any_number_of_conversions(tmp_path_factory, lists, homed, coded):
    path = tmp_path_factory.mktemp("s") / "s"
    internal = AddressSet.from_ranges(
        [(0xFFFF << 32, (0xFFFF << 32) + 5), (0x20010DB8 << 96, (1 << 128) - 1)]
    )
    expected = multiset([])
    for number, several in enumerate(lists):
        # no conversion brings just what an earlier one brought
        several = [*several, Chunk({"sport": np.full(number + 1, number, np.uint16)}, number + 1)]
        with writing.StoreWriter(path, internal=internal if homed else None, dictionary=coded) as writer:
            writer._buffers = day_buffers.DayBuffers(block_rows=8, most=20)
            for chunk in several:
                expected.update(records(chunk))
                writer.add(chunk)
            writer._refuse_repeated = lambda: None
            writer.commit()
    assert multiset(open_store(path, verify=True).sources(), rows=5) == expected


def test_days_that_come_mixed_get_whole_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_LEAST_BLOCK", 100)
    pieces = [made(300, seed, days=6) for seed in range(8)]
    with writing.StoreWriter(tmp_path / "s") as writer:
        writer._buffers = day_buffers.DayBuffers(block_rows=400, most=500)
        for piece in pieces:
            writer.add(piece)
        writer.commit()
    store = open_store(tmp_path / "s", verify=True)
    assert len(store.parts) == 6
    assert all(part.rows >= 100 * len(part.index.blocks) for part in store.parts)
    assert multiset(store.sources()) == multiset([source_of(*pieces)])


def test_more_ipv6_addresses_than_fit_make_more_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_MOST_ADDRESSES", 500)
    chunk = made(6000, wide=1.0, hosts=2000)
    with writing.StoreWriter(tmp_path / "s") as writer:
        writer._buffers = day_buffers.DayBuffers(block_rows=500)
        for start in range(0, 6000, 500):
            writer.add(chunk.slice(start, start + 500))
        writer.commit()
    store = open_store(tmp_path / "s", verify=True)
    assert len(store.parts) > 3
    assert store.days == ("2012-02-01",)
    assert multiset(store.sources()) == multiset([source_of(chunk)])


def test_a_store_gives_arrays_in_three_lines(tmp_path):
    chunk = made(2000, days=2)
    write_store(tmp_path / "s", [source_of(chunk)])
    store = flowrules.open_store(tmp_path / "s")
    flows = store.arrays("sip", "dport", "bytes")
    assert int(flows["bytes"][flows["dport"] == 443].sum()) == int(
        chunk["bytes"][chunk["dport"] == 443].sum()
    )
    assert sorted(flows["sip"].tolist()) == sorted(chunk["sip"].tolist())
    one = store.arrays(days=["2012-02-02"])
    assert set(one) == FIELDS
    assert len(one["stime"]) == int((chunk["stime"] // DAY == FIRST_DAY + 1).sum())
    assert not one["stime"].flags.owndata
    assert one["duration"].dtype == np.int64
    with pytest.raises(KeyError):
        store.arrays("sip_home")


def test_wide_and_narrow_addresses_come_as_one_array(tmp_path):
    chunk = made(2000, wide=0.5)
    write_store(tmp_path / "s", [source_of(chunk)])
    flows = open_store(tmp_path / "s").arrays("sip", "ip_version")
    assert flows["sip"].dtype == ADDRESS
    assert sorted(flows["sip"].tolist()) == sorted(chunk["sip"].tolist())


def test_the_package_loads_no_numpy_before_it_must():
    script = "import sys, flowrules; assert 'numpy' not in sys.modules; flowrules.open_store; print(dir(flowrules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, text=True, capture_output=True, timeout=60
    )
    assert "open_store" in done.stdout, done.stderr
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = flowrules.no_such_thing


def test_more_parts_than_files_may_be_open(tmp_path):
    pieces = [made(40, day, first_day=FIRST_DAY + day) for day in range(30)]
    write_store(tmp_path / "s", [source_of(*pieces)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    store = open_store(tmp_path / "s")
    store.parts[0]._files._most = 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:
        assert multiset(store.sources()) == multiset([source_of(*pieces)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert DATA.is_dir()
