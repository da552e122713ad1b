"""Segments: what is constant in them, the bounds of what is not, and the codes of hosts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.flows.store import address_table, arrange, home_codes, open_store, write_store
from flowrules.flows.store.address_table import AddressTable
from flowrules.flows.store.home_codes import HomeCodes
from flowrules.flows.store.ipv4_table import Ipv4Table
from flowrules.flows.table import Chunk, widen
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import parse_address, to_integers
from flowrules.model.fields import ADDRESS, IPV4_MAPPED, STORED
from tests.flows.made_flows import made, multiset, records, source_of

INSIDE = AddressSet.from_ranges(
    [
        (parse_address("10.0.0.0"), parse_address("10.0.0.255")),
        (parse_address("2001:db8::"), parse_address("2001:db8::ffff")),
    ]
)


@pytest.fixture
def few(monkeypatch):
    """Segments may be small."""
    monkeypatch.setattr(arrange, "LEAST_SEGMENT", 50)


def test_segments_cover_the_source_in_the_order_of_its_chunks(tmp_path, few):
    chunk = made(6000, days=2, wide=0.3)
    write_store(tmp_path / "s", [source_of(chunk)])
    (source,) = open_store(tmp_path / "s").sources()
    segments = list(source.segments())
    assert sum(segment.rows for segment in segments) == source.rows == 6000
    assert [segment.first for segment in segments] == np.cumsum(
        [0] + [s.rows for s in segments[:-1]]
    ).tolist()
    by_segment = [record for segment in segments for record in records(segment.chunk())]
    assert by_segment == [record for one in source.chunks() for record in records(one)]
    assert all(
        set(segment.chunk(frozenset({"sip", "type"})).columns) == {"sip", "type"} for segment in segments
    )


def test_type_and_protocol_are_constant_but_in_the_last_segment_of_a_block(tmp_path, few):
    chunk = made(6000, wide=0.3)
    write_store(tmp_path / "s", [source_of(chunk)])
    store = open_store(tmp_path / "s")
    segments = list(store.segments())
    mixed = [segment for segment in segments if segment.type is None or segment.protocol is None]
    # one for the IPv4 rows and one for the IPv6 rows of the only block
    assert len(mixed) == 2
    for segment in segments:
        if segment not in mixed:
            assert set(segment.column("type").tolist()) == {segment.type}
            assert set(segment.column("protocol").tolist()) == {segment.protocol}
            assert segment.constants["type"] == segment.type
    pairs = [(s.type, s.protocol, s.wide) for s in segments if s not in mixed]
    assert len(set(pairs)) == len(pairs) > 10


@pytest.mark.parametrize("wide", [0.0, 0.3])
def test_busy_services_have_segments_of_their_own(tmp_path, few, monkeypatch, wide):
    monkeypatch.setattr(arrange, "LEAST_SERVICE", 60)
    random = np.random.default_rng(4)
    chunk = made(6000, wide=wide)
    columns = dict(chunk.columns)
    # half of the rows are answers
    answers = random.random(6000) < 0.5
    columns["sport"] = np.where(answers, chunk["dport"], chunk["sport"])
    columns["dport"] = np.where(answers, chunk["sport"], chunk["dport"])
    write_store(tmp_path / "s", [source_of(chunk := Chunk(columns, 6000))])
    store = open_store(tmp_path / "s")
    assert multiset(store.sources()) == multiset([source_of(chunk)])
    segments = list(store.segments())
    served = [
        (s.type, s.protocol, s.wide, s.constants.get("sport"), s.constants.get("dport")) for s in segments
    ]
    busy = [one for one in served if (one[3] is None) != (one[4] is None)]
    assert len(set(busy)) == len(busy)
    expected = {
        (kind, protocol, False, *ports)
        for kind in (0, 1, 2, 3, 8)
        for port in (53, 80, 443)
        for protocol in (6, 17)
        for ports in ((port, None), (None, port))
    }
    if not wide:
        enough = Counter(
            (kind, protocol, False, *((s, None) if s in (53, 80, 443) else (None, d)))
            for kind, protocol, s, d in zip(
                *(chunk[n].tolist() for n in ("type", "protocol", "sport", "dport")), strict=True
            )
        )
        assert set(busy) == {one for one, rows in enough.items() if rows >= 60} & expected
        assert len(busy) > 40
    assert {port for one in busy for port in one[3:] if port is not None} == {53, 80, 443}


def test_zones_are_read_together_as_one_by_one(tmp_path, few, monkeypatch):
    monkeypatch.setattr(arrange, "LEAST_SERVICE", 60)
    write_store(tmp_path / "s", [source_of(made(3000, 1, days=2))], internal=INSIDE)
    write_store(tmp_path / "s", [source_of(made(1000, 2, days=2))], internal=INSIDE)
    (source,) = open_store(tmp_path / "s").sources()
    zones = source.zones()
    one_by_one = [zones.read([number]) for number in range(len(zones))]
    random = np.random.default_rng(1)
    for count in (1, 2, 3, 7, len(zones)):
        for _ in range(20):
            numbers = np.sort(random.choice(len(zones), count, replace=False)).tolist()
            chunk = zones.read(numbers)
            apart = [one_by_one[number] for number in numbers]
            assert chunk.rows == sum(one.rows for one in apart)
            for name in chunk.columns:
                expected = np.concatenate([one[name] for one in apart])
                assert np.array_equal(chunk[name], expected), name
                held = chunk.constants.get(name)
                assert held is None or (expected == held).all()
            for name in chunk.homes:
                assert np.array_equal(chunk.homes[name], np.concatenate([one.homes[name] for one in apart]))
            shared = set.intersection(*(set(one.constants.items()) for one in apart))
            assert set(chunk.constants.items()) == shared
    # those next to each other are one view
    large = max(range(len(zones) - 1), key=lambda n: zones.rows[n] + zones.rows[n + 1])
    assert zones.read([large, large + 1])["bytes"].base is not None


def test_rows_of_a_service_stay_in_their_order(tmp_path, few, monkeypatch):
    monkeypatch.setattr(arrange, "LEAST_SERVICE", 60)
    chunk = made(6000)
    columns = {**chunk.columns, "stime": np.sort(chunk["stime"])}
    write_store(tmp_path / "s", [source_of(Chunk(columns, 6000))])
    for segment in list(open_store(tmp_path / "s").segments())[:-1]:
        assert (np.diff(segment.column("stime")) >= 0).all()


def test_one_service_of_one_type_needs_no_order():
    rows = 2 * arrange.LEAST_SERVICE
    column = np.full(rows, 443, np.uint16)
    chunk = Chunk({"sport": np.arange(rows).astype(np.uint16) + np.uint16(32768), "dport": column}, rows)
    found = arrange.arrange(chunk, None)
    assert found.starts == (0,)
    assert found.order is None or found.order.tolist() == list(range(rows))
    # a few rows of others come after them
    column[[5, 77]] = 80
    found = arrange.arrange(chunk, None)
    assert found.order is not None
    assert found.starts == (0, rows - 2)
    assert found.order[-2:].tolist() == [5, 77]


def test_bounds_are_those_of_the_rows(tmp_path, few):
    write_store(tmp_path / "s", [source_of(made(6000, days=2, wide=0.3))], internal=INSIDE)
    for segment in open_store(tmp_path / "s").segments():
        for name in segment.fields:
            column = segment.column(name)
            values = to_integers(column) if STORED[name].dtype is None else column.tolist()
            assert segment.bounds(name) == (min(values), max(values)), name
            assert (name in segment.constants) == (min(values) == max(values))
        for name in ("sip", "dip"):
            codes = segment.home_codes(name)
            assert segment.home_bounds(name) == (int(codes.min()), int(codes.max()))


def test_ends_are_those_of_the_rows(tmp_path, few):
    write_store(tmp_path / "s", [source_of(made(6000, days=2, wide=0.3))])
    without = [f for f in made(1).columns if f != "duration"]
    write_store(tmp_path / "s", [source_of(made(50, 5, fields=without))])
    store = open_store(tmp_path / "s")
    assert {part.index.ends is None for part in store.parts} == {False, True}
    for segment in store.segments():
        if segment.part.index.ends is not None:
            ends = segment.column("stime") + segment.column("duration")
            assert segment.part.index.ends[segment.number].tolist() == [ends.min(), ends.max()]


def test_ipv6_segments_have_codes_of_a_sorted_table(tmp_path, few):
    write_store(tmp_path / "s", [source_of(made(4000, wide=0.4))])
    store = open_store(tmp_path / "s")
    for part in store.parts:
        table = to_integers(part.addresses)
        assert table == sorted(set(table))
    wide = [segment for segment in store.segments() if segment.wide]
    assert wide
    for segment in wide:
        codes = segment.codes("dip")
        assert codes.dtype == np.uint32
        assert segment.part.addresses.take(codes).tolist() == segment.column("dip").tolist()
    narrow = next(segment for segment in store.segments() if not segment.wide)
    assert narrow.codes("sip") is None
    assert narrow.code_bounds("sip") is None
    assert narrow.column("sip").dtype == np.uint32


@pytest.mark.parametrize("wide", [0.0, 0.3, 1.0])
def test_with_a_dictionary_all_addresses_have_codes(tmp_path, few, wide):
    chunk = made(5000, days=2, wide=wide)
    write_store(tmp_path / "s", [source_of(chunk)], dictionary=True, internal=INSIDE)
    write_store(tmp_path / "s", [source_of(made(500, 8))])
    store = open_store(tmp_path / "s", verify=True)
    assert multiset(store.sources()) == multiset([source_of(chunk, made(500, 8))])
    for segment in store.segments():
        table = segment.part.addresses
        assert to_integers(table) == sorted(set(to_integers(table)))
        for name in ("sip", "dip"):
            codes = segment.codes(name)
            assert codes.dtype == np.uint32
            assert table.take(codes).tolist() == widen(segment.column(name)).tolist()
            assert segment.code_bounds(name) == (int(codes.min()), int(codes.max()))
        assert (segment.codes("nhip") is None) == (not segment.wide)
    with pytest.raises(KeyError, match="one part only"):
        store.arrays("sip_code")


def test_home_hosts_keep_their_codes_over_conversions(tmp_path):
    first, second = made(3000, 1, wide=0.3, hosts=400), made(3000, 2, days=2, wide=0.3, hosts=700)
    write_store(tmp_path / "s", [source_of(first)], internal=INSIDE)
    before = to_integers(open_store(tmp_path / "s").home_hosts)
    write_store(tmp_path / "s", [source_of(second)])
    store = open_store(tmp_path / "s", verify=True)
    hosts = to_integers(store.home_hosts)
    assert hosts[: len(before)] == before
    assert len(set(hosts)) == len(hosts) > len(before)
    assert store.internal == ("10.0.0.0/24", "2001:db8::/112")
    for segment in store.segments():
        for name in ("sip", "dip"):
            addresses = to_integers(segment.column(name))
            codes = segment.home_codes(name).tolist()
            for address, code in zip(addresses, codes, strict=True):
                assert (code == 0) == (address not in INSIDE)
                assert code == 0 or hosts[code - 1] == address


def test_without_nets_there_are_no_home_codes(tmp_path):
    write_store(tmp_path / "s", [source_of(made(100))])
    store = open_store(tmp_path / "s")
    (segment, *_) = store.segments()
    assert segment.home_codes("sip") is None
    assert segment.home_bounds("dip") is None
    assert store.internal is None
    assert len(store.home_hosts) == 0


@pytest.mark.parametrize("wide", [0.0, 0.5, 1.0])
def test_too_many_home_hosts_leave_a_part_without_codes(tmp_path, monkeypatch, wide):
    monkeypatch.setattr(home_codes, "MOST_HOSTS", 100)
    few, many = made(1000, 1, wide=wide, hosts=40), made(2000, 2, wide=wide, hosts=200)
    write_store(tmp_path / "s", [source_of(few)], internal=INSIDE)
    write_store(tmp_path / "s", [source_of(many)])
    store = open_store(tmp_path / "s", verify=True)
    assert [segment.home_codes("sip") is None for segment in store.segments()].count(False) >= 1
    assert store.parts[-1].index.fields == store.parts[0].index.fields
    assert any("sip_home" not in part.index.columns for part in store.parts)
    assert multiset(store.sources()) == multiset([source_of(few, many)])


def test_nets_over_too_many_blocks_are_refused():
    with pytest.raises(ValueError, match="512 blocks of /16"):
        HomeCodes(AddressSet.from_ranges([(IPV4_MAPPED, IPV4_MAPPED + 0xFFFFFFFF)]), np.empty(0, ADDRESS))


def test_more_than_65535_home_hosts_take_wider_codes(tmp_path):
    net = AddressSet.from_ranges([(parse_address("10.0.0.0"), parse_address("10.3.255.255"))])
    chunk = made(150_000, hosts=200_000)
    write_store(tmp_path / "s", [source_of(chunk)], internal=net)
    store = open_store(tmp_path / "s", verify=True)
    hosts = store.home_hosts
    assert len(hosts) > 65_535
    for segment in store.segments():
        codes = segment.home_codes("sip")
        assert codes.dtype == np.uint32
        assert (hosts.take(codes - 1)["low"] == widen(segment.column("sip"))["low"]).all()


# ---------------------------------------------------------------- address table

ADDRESSES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=0, max_size=30)


@settings(max_examples=60, deadline=None)
@given(lots=st.lists(ADDRESSES, max_size=4), bits=st.sampled_from([0, 1, 2, 64]))
def test_an_address_has_one_number_even_where_fingerprints_collide(lots, bits):
    real = address_table.fingerprints
    mask = np.uint64((1 << bits) - 1)
    address_table.fingerprints = lambda addresses: real(addresses) & mask
    try:
        table = AddressTable()
        seen = {}
        given_codes = []
        for lot in lots:
            codes = table.codes(np.array(lot, ADDRESS))
            for address, code in zip(lot, codes.tolist(), strict=True):
                assert seen.setdefault(address, code) == code
            given_codes.append(codes)
    finally:
        address_table.fingerprints = real
    assert table.count == len(seen) == len(set(seen.values()))
    assert table.addresses.tolist() == [a for a, _ in sorted(seen.items(), key=lambda one: one[1])]
    for lot, codes in zip(lots, given_codes, strict=True):
        assert table.addresses.take(codes).tolist() == lot


@settings(max_examples=60, deadline=None)
@given(
    lots=st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=60), max_size=4),
    spread=st.sampled_from([1, 1 << 15, 0x01010101]),
)
def test_ipv4_addresses_have_one_number_each(lots, spread):
    table = Ipv4Table()
    # so few slots that addresses meet, and the table must grow
    table._bits = 3
    table._slots = np.zeros(1 << 3, np.uint64)
    seen = {}
    for lot in lots:
        addresses = (np.array(lot, np.uint64) * np.uint64(spread)).astype(np.uint32)
        for address, code in zip(addresses.tolist(), table.codes(addresses).tolist(), strict=True):
            assert seen.setdefault(address, code) == code
    assert sorted(seen.values()) == list(range(table.count))
    assert all(int(table.addresses[code]) == address for address, code in seen.items())


def test_ipv4_addresses_that_all_meet_still_find_a_slot(monkeypatch):
    monkeypatch.setattr(Ipv4Table, "_slot", lambda self, addresses: addresses & np.uint32(0))
    table = Ipv4Table()
    addresses = np.arange(500, dtype=np.uint32)
    assert table.codes(addresses).tolist() == table.codes(addresses).tolist()
    assert sorted(table.codes(addresses).tolist()) == list(range(500))
