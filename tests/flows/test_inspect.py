"""What inspection counts, against other programs' figures and a plain count of rows."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.flows import inspect
from flowrules.flows.inspect import inspect_sources, row_hashes
from flowrules.flows.silk_records import silk_source
from flowrules.flows.sources import open_sources
from flowrules.flows.table import Chunk, FlowSource, widen
from flowrules.flows.tally import Tally, exact_sums
from flowrules.flows.text import format_time
from flowrules.model.address_text import format_address
from tests.flows.silk_files import DATA, chunk_of, dump, mapped
from tests.reference import shared


def source_of(*chunks: Chunk) -> FlowSource:
    def read(fields, rows):
        for chunk in chunks:
            for start in range(0, chunk.rows, rows):
                part = chunk.slice(start, min(chunk.rows, start + rows))
                yield Chunk(
                    {n: c for n, c in part.columns.items() if fields is None or n in fields}, part.rows
                )

    fields = (
        frozenset.intersection(*(frozenset(chunk.columns) for chunk in chunks)) if chunks else frozenset()
    )
    return FlowSource("test", "test", fields, read)


SILK_FACTS = [
    "fccx/fccx15-out-S3-20150617T1500-1519.rw",
    "silk-repo-interfaces/ (whole repository)",
    "silk-repo/ (whole repository)",
    "silk/ics-iti.rw",
    *(
        f"silk/{name}{form}.rw"
        for name in ("pcapplusplus", "zeek-btest")
        for form in ("", ".bigendian", ".lzo", ".snappy", ".v4generic", ".zlib")
    ),
]


@pytest.mark.parametrize("name", SILK_FACTS)
@pytest.mark.parametrize("rows", [1000, 1 << 18])
def test_silk_files_have_the_figures_that_silk_gave(name, rows):
    facts = json.loads(shared("real", "FACTS.json").read_text())[name]
    sources = open_sources([shared("real", name.split(" ")[0].rstrip("/"))])
    found = inspect_sources(sources, sources.conf, rows)
    for key in ("records", "packets", "bytes", "distinct_sip", "distinct_dip"):
        assert getattr(found, key) == facts[key], key
    assert found.first_stime is not None
    assert found.last_etime is not None
    assert format_time(found.first_stime, "epoch") == facts["first_stime"]
    assert format_time(found.last_etime, "epoch") == facts["last_etime"]
    assert {
        str(n): {"records": v.records, "packets": v.packets, "bytes": v.bytes}
        for n, v in found.by_protocol.items()
    } == facts["by_protocol"]
    for key in ("top5_sip_by_bytes", "top5_dip_by_records"):
        assert [[format_address(a), n] for a, n in getattr(found, key)] == facts[key], key
    assert [[str(port), n] for port, n in found.top5_dport_by_records] == facts["top5_dport_by_records"]
    assert {str(n): c for n, c in found.by_application.items()} == facts["by_application"]
    assert [c for _, c in found.flags_top5] == [c for _, c in facts["flags_top5"]]
    if "by_sensor_type" in facts:
        assert dict(found.by_sensor_type) == facts["by_sensor_type"]
    assert sum(found.by_hour.values()) == sum(v.records for v in found.by_type.values()) == facts["records"]


def test_every_silk_entry_of_the_facts_is_looked_at():
    facts = json.loads(shared("real", "FACTS.json").read_text())
    silk = {k for k, v in facts.items() if "SiLK" in v.get("tool", "") and k.startswith(("silk", "fccx"))}
    assert silk == set(SILK_FACTS)


def test_counts_equal_those_of_the_printed_rows():
    source = silk_source(DATA / "rich.rw")
    titles, *lines = (line.split("|") for line in dump(source))
    rows = [dict(zip(titles, line, strict=True)) for line in lines]
    found = inspect_sources([source], rows=999)
    assert found.records == len(rows)
    assert found.bytes == sum(int(row["bytes"]) for row in rows)
    assert {n: v.packets for n, v in found.by_type.items()} == {
        t: sum(int(r["packets"]) for r in rows if r["type"] == t) for t in {r["type"] for r in rows}
    }
    hours = Counter(int(row["sTime"].split(".")[0]) // 3600 * 3_600_000 for row in rows)
    assert found.by_hour == dict(sorted(hours.items()))
    assert found.by_direction["inbound"] == sum(
        r["type"] in ("in", "inweb", "inicmp", "innull") for r in rows
    )
    assert found.by_direction["blocked"] == sum(r["type"] in ("innull", "outnull") for r in rows)
    assert found.with_initial_flags == sum(bool(r["initialFlags"] or r["sessionFlags"]) for r in rows)
    assert found.ipv6_records == sum(":" in r["sIP"] for r in rows)
    assert found.distinct_sip == len(
        {r["sIP"].removeprefix("::ffff:") if "." in r["sIP"] else r["sIP"] for r in rows}
    )
    assert found.duplicates.share == 1 - len({tuple(r.values()) for r in rows}) / len(rows)
    assert found.duplicates.exact
    assert found.sources == ((str(DATA / "rich.rw"), "silk", 8000),)


def test_nothing_at_all():
    found = inspect_sources([source_of()])
    assert (found.records, found.first_stime, found.last_etime, found.by_hour, found.gaps) == (
        0,
        None,
        None,
        {},
        (),
    )
    assert found.duplicates.share is None
    assert found.top5_sip_by_bytes == ()


def test_gaps_are_whole_hours_between_busy_ones():
    hour = inspect.HOUR
    found = inspect_sources(
        [source_of(chunk_of(5, stime=[hour * 10, hour * 11 + 5, hour * 14 - 1, hour * 20, -1]))]
    )
    assert found.by_hour == {-hour: 1, 10 * hour: 1, 11 * hour: 1, 13 * hour: 1, 20 * hour: 1}
    assert found.gaps == ((0, 10 * hour), (12 * hour, 13 * hour), (14 * hour, 20 * hour))


def test_ties_stand_in_ascending_order_ipv4_first():
    ipv6 = chunk_of(4, ipv6=True, sip=[mapped(9), 7, 6, 1 << 127], dip=[mapped(1)] * 4)
    ipv4 = chunk_of(4, sip=[9, 8, 5, 4], dip=[1, 2, 2, 3])
    found = inspect_sources([source_of(ipv6, ipv4)])
    assert [a for a, _ in found.top5_sip_by_bytes] == [mapped(4), mapped(5), mapped(8), mapped(9), 6]
    assert found.top5_dip_by_records == ((mapped(1), 5), (mapped(2), 2), (mapped(3), 1))
    assert (found.distinct_sip, found.distinct_dip) == (7, 3)


def test_fields_that_only_some_sources_have():
    one = source_of(Chunk({"sip": np.array([1], np.uint32), "sport": np.array([1], np.uint16)}, 1))
    two = source_of(Chunk({"sip": np.array([1], np.uint32)}, 1))
    found = inspect_sources([one, two])
    assert (found.fields, found.fields_of_some) == (("sip",), ("sport",))
    assert found.records == 2
    # no source has times: there is no first start, rather than one in 1970
    assert (found.first_stime, found.last_etime, found.by_hour) == (None, None, {})


def test_equal_rows_hash_equal_whatever_the_width():
    narrow = chunk_of(3, sip=[1, 2, 1], dip=[5, 5, 5], bytes=[7, 7, 7])
    columns = {n: widen(c) if n in ("sip", "dip", "nhip") else c for n, c in narrow.columns.items()}
    columns["bytes"] = columns["bytes"].astype(np.uint32)
    first, second = row_hashes(narrow), row_hashes(Chunk(columns, 3))
    assert first.tolist() == second.tolist()
    assert first[0] == first[2] != first[1]


def test_many_rows_are_sampled_by_content(monkeypatch):
    monkeypatch.setattr(inspect, "_MOST_HASHES", 500)
    rng = np.random.default_rng(1)
    sips = rng.integers(0, 2**32, 20_000)
    chunks = [chunk_of(20_000, sip=sips), chunk_of(20_000, sip=sips)]
    found = inspect_sources([source_of(*chunks)], rows=3000)
    assert not found.duplicates.exact
    assert found.duplicates.share == pytest.approx(0.5, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 2**64 - 1)), max_size=60),
    size=st.integers(1, 9),
    width=st.sampled_from([1, 2]),
)
def test_tally_equals_a_dictionary(rows, size, width):
    tally = Tally(width, 1)
    want: dict[tuple[int, ...], list[int]] = {}
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        keys = tuple(np.array([row[at] for row in part], np.uint64) for at in range(width))
        tally.add(keys, (np.array([row[2] for row in part], np.uint64),))
    for row in rows:
        entry = want.setdefault(row[:width], [0, 0])
        entry[0] += 1
        entry[1] = (entry[1] + row[2]) % 2**64
    *keys, records, sums = tally.result()
    got = {
        key: [r, s]
        for *key_parts, r, s in zip(*(k.tolist() for k in keys), records.tolist(), sums.tolist(), strict=True)
        for key in [tuple(key_parts)]
    }
    assert got == want
    assert list(got) == sorted(got)
    assert len(tally) == len(want)


def test_sums_are_exact_beyond_doubles():
    values = np.array([2**53 + 1, 1, 2**32 - 1, 2**60 + 3], np.uint64)
    assert exact_sums(np.array([2, 2, 0, 1], np.uint8), values, 4).tolist() == [
        2**32 - 1,
        2**60 + 3,
        2**53 + 2,
        0,
    ]
