"""Each kernel against what it says, row by row, in every implementation that is installed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.dictionaries import WordCodes
from flowrules.model.address_index import Pages
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import IPV4_MAPPED
from tests.engine.conftest import installed

U64 = (1 << 64) - 1


implementations = cache(installed)


@pytest.fixture(params=implementations(), ids=lambda kernels: kernels.name)
def tier(request):
    return request.param


def random(seed):
    return np.random.default_rng(seed)


def frozen(array):
    """As columns of a mapped file are."""
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("rows", [0, 1, 7, 5000])
@pytest.mark.parametrize("dtypes", [("u1",), ("u2",), ("u1", "u2", "u2", "u1", "u2")])
def test_cells_add_up_the_entries_of_all_columns(tier, rows, dtypes):
    draw = random(rows)
    columns = [draw.integers(0, 1 << 8 * np.dtype(d).itemsize, rows).astype(d) for d in dtypes]
    tables = [draw.integers(0, 1 << 20, 1 << 8 * np.dtype(d).itemsize, dtype=np.uint32) for d in dtypes]
    found = tier.cells([frozen(t) for t in tables], [frozen(c) for c in columns])
    assert found.dtype == np.uint32
    expected = [sum(int(t[c[row]]) for t, c in zip(tables, columns, strict=True)) for row in range(rows)]
    assert found.tolist() == expected


def test_cells_takes_columns_that_repeat_one_value_or_skip_rows(tier):
    table = np.arange(256, dtype=np.uint32)
    assert tier.cells([table], [np.broadcast_to(np.uint8(3), (4,))]).tolist() == [3, 3, 3, 3]
    assert tier.cells(
        [table, table], [np.arange(8, dtype=np.uint8)[::2], np.zeros(4, np.uint8)]
    ).tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("size", [1, 2, 5, 17, 18, 300, 70_000])
@pytest.mark.parametrize("rows", [0, 1, 4000])
def test_order_puts_rows_group_by_group(tier, size, rows):
    groups = frozen(random(size).integers(0, size, rows).astype(np.uint32))
    order, ends = tier.order(groups, size)
    assert order.dtype == np.intp and len(ends) == size and ends[0] == 0
    listed = sorted((int(group), row) for row, group in enumerate(groups) if group)
    assert order.tolist() == [row for _, row in listed]
    assert ends.tolist() == np.searchsorted([g for g, _ in listed], range(size), "right").tolist()


@pytest.mark.parametrize("rows", [0, 1, 4000])
def test_live_rows_are_those_with_an_entry(tier, rows):
    draw = random(rows)
    table = frozen((draw.integers(0, 1 << 32, 50) * (draw.random(50) < 0.5)).astype(np.uint32))
    places = frozen(draw.integers(0, 50, rows))
    index, entries = tier.live(table, places)
    assert index.dtype == np.intp and entries.dtype == np.uint32
    expected = [(row, int(table[p])) for row, p in enumerate(places) if table[p]]
    assert list(zip(index.tolist(), entries.tolist(), strict=True)) == expected


@pytest.mark.parametrize("dtype", ["u4", "u8"])
@pytest.mark.parametrize("rows", [0, 1, 500])
def test_tallies_count_and_add(tier, dtype, rows):
    draw = random(rows)
    places = frozen(draw.integers(0, 21, rows))
    values = frozen(draw.integers(0, 1 << 31, rows).astype(dtype))
    tallies = np.full(21, 3, np.uint64)
    tier.tally(tallies, places, values, np.uint64(1 << 42))
    assert tallies.tolist() == [
        3 + sum(int(v) + (1 << 42) for v, q in zip(values, places.tolist(), strict=True) if q == p)
        for p in range(21)
    ]


@pytest.mark.parametrize("places_dtype", [np.intp, np.uint32])
def test_count_adds_one_at_each_place(tier, places_dtype):
    counts = np.array([5, 0, (1 << 62)], np.int64)
    tier.count(counts, frozen(np.array([2, 0, 2, 2], places_dtype)))
    assert counts.tolist() == [6, 0, (1 << 62) + 3]
    tier.count(counts, np.zeros(0, places_dtype))
    assert counts.tolist() == [6, 0, (1 << 62) + 3]


@pytest.mark.parametrize("places_dtype", [np.intp, np.uint32])
@pytest.mark.parametrize("values_dtype", ["u1", "u2", "u4", "u8", "i8"])
@pytest.mark.parametrize("sums_dtype", ["i8", "u8"])
def test_add_is_exact_past_what_a_float_holds(tier, places_dtype, values_dtype, sums_dtype):
    draw = random(3)
    limit = min(np.iinfo(values_dtype).max, 1 << 53)
    values = frozen(draw.integers(0, limit, 300).astype(values_dtype))
    places = frozen(draw.integers(0, 9, 300).astype(places_dtype))
    sums = np.full(9, (1 << 61) + 1, sums_dtype)
    tier.add(sums, places, values)
    expected = [
        (1 << 61) + 1 + sum(int(v) for v, p in zip(values, places, strict=True) if p == g) for g in range(9)
    ]
    assert [int(s) for s in sums] == expected


@pytest.mark.parametrize("dtype", ["i8", "u8"])
@pytest.mark.parametrize("least", [True, False])
def test_keep_takes_extremes(tier, dtype, least):
    draw = random(4)
    limits = np.iinfo(dtype)
    values = frozen(draw.integers(limits.min, limits.max, 400, dtype=dtype, endpoint=True))
    places = frozen(draw.integers(0, 7, 400).astype(np.intp))
    held = np.full(8, limits.max if least else limits.min, dtype)
    expected = held.tolist()
    for place, value in zip(places.tolist(), values.tolist(), strict=True):
        expected[place] = (min if least else max)(expected[place], value)
    tier.keep(held, places, values, least)
    assert held.tolist() == expected


def test_ids_are_looked_up_by_page(tier):
    directory = np.zeros(1 << 16, np.uint32)
    directory[[0x0A00, 0xFFFF]] = [1, 2]
    pages = np.zeros(3 << 16, np.uint32)
    pages[[(1 << 16) + 5, (2 << 16) + 0xFFFF]] = [7, 9]
    addresses = frozen(np.array([0x0A000005, 0xFFFFFFFF, 0x0A000005], np.uint32))
    ids, lacking = tier.ids(directory, pages, addresses)
    assert (ids.tolist(), lacking) == ([7, 9, 7], False)
    ids, lacking = tier.ids(directory, pages, np.array([0x0A000006, 0x0B000005, 0xFFFFFFFF], np.uint32))
    assert (ids.tolist(), lacking) == ([0, 0, 9], True)
    ids, lacking = tier.ids(directory, pages, np.zeros(0, np.uint32))
    assert (ids.tolist(), lacking) == ([], False)


def test_members_have_their_bits_set(tier):
    draw = random(5)
    ranges = [
        (first, first + length) for first, length in draw.integers(0, (1 << 32, 1 << 17), (300, 2)).tolist()
    ]
    ranges += [(0, 0), ((1 << 32) - 1, (1 << 32) - 1), (9 << 16, (11 << 16) - 1)]
    held = AddressSet.from_ranges([(IPV4_MAPPED + a, IPV4_MAPPED + min(b, (1 << 32) - 1)) for a, b in ranges])
    pages = held.ipv4_index
    assert type(pages) is Pages
    ends = np.array(ranges, np.int64).reshape(-1)
    asked = np.concatenate((ends, ends - 1, ends + 1, draw.integers(0, 1 << 32, 500))).clip(0, (1 << 32) - 1)
    found = tier.members(pages, frozen(asked.astype(np.uint32)))
    assert found.dtype == np.bool_
    assert found.tolist() == [any(a <= address <= b for a, b in ranges) for address in asked.tolist()]
    assert tier.members(pages, np.zeros(0, np.uint32)).tolist() == []


@settings(max_examples=30, deadline=None)
@given(st.data(), st.integers(1, 2))
def test_find_gives_the_codes_that_were_given(data, width):
    value = st.tuples(*[st.sampled_from([0, 1, 2, 1 << 32, U64, *range(100, 140)])] * width)
    given_ = data.draw(st.lists(value, min_size=1, max_size=60))
    asked = data.draw(st.lists(value, max_size=60))
    held = WordCodes(width)
    columns = [np.array([v[i] for v in given_], np.uint64) for i in range(width)]
    codes = dict(zip(given_, held.encode(*columns).tolist(), strict=True))
    words = [frozen(np.array([v[i] for v in asked], np.uint64)) for i in range(width)]
    state = held._state
    for kernels in implementations():
        found = kernels.find(state.slots, state.shift, state.words, words)
        assert found.dtype == np.uint32
        assert found.tolist() == [codes.get(v, 0) for v in asked]


def test_find_of_many_values_that_share_slots(tier):
    held = WordCodes()
    values = np.arange(1, 50_000, dtype=np.uint64) << np.uint64(40)
    codes = held.encode(values)
    state = held._state
    assert (tier.find(state.slots, state.shift, state.words, [values]) == codes).all()
    assert not tier.find(state.slots, state.shift, state.words, [values + np.uint64(1)]).any()


@pytest.mark.parametrize("columns", [0, 1, 5, 1000])
def test_sum_rows_adds_the_rows_wanted(tier, columns):
    draw = random(columns)
    wanted = draw.random((6, 11)) < 0.4
    wanted[2] = False
    numbers = draw.integers(0, 1 << 55, (11, columns))
    found = tier.sum_rows(wanted, numbers)
    assert found.shape == (6, columns) and found.dtype == np.int64
    for row, mine in zip(found, wanted, strict=True):
        assert row.tolist() == [sum(int(n) for n in numbers[mine, c]) for c in range(columns)]
