"""Sets of addresses against Python's own sets and ranges."""

import itertools
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.model import address_set
from flowrules.model.address_blocks import range_blocks
from flowrules.model.address_index import Pages, TwoLevelPages, index_ipv4
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import (
    HIGHEST,
    IPV4_HIGHEST,
    AddressError,
    parse_address,
    to_array,
    to_integers,
)
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import ADDRESS, IPV4_MAPPED


def of(*texts: str) -> AddressSet:
    return AddressSet.from_ranges(pair for text in texts for pair in parse_addresses(text))


# small numbers around every place where something changes: the ends, the mapped block, the halves
PLACES = [0, 1 << 64, IPV4_MAPPED, IPV4_MAPPED + (10 << 24), IPV4_HIGHEST, 1 << 127, HIGHEST - 40]
near = st.builds(
    lambda place, step: min(max(place + step, 0), HIGHEST), st.sampled_from(PLACES), st.integers(-20, 40)
)
short_ranges = st.lists(
    st.builds(lambda first, size: (first, min(first + size, HIGHEST)), near, st.integers(0, 12)), max_size=12
)
long_ranges = st.lists(st.tuples(near, near).map(lambda pair: (min(pair), max(pair))), max_size=5)


def members(ranges: list[tuple[int, int]]) -> set[int]:
    return {value for first, last in ranges for value in range(first, last + 1)}


@given(short_ranges, short_ranges)
def test_algebra_is_that_of_sets(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    ours, theirs = AddressSet.from_ranges(one), AddressSet.from_ranges(other)
    a, b = members(one), members(other)
    for made, expected in [
        (ours, a),
        (ours | theirs, a | b),
        (ours & theirs, a & b),
        (ours - theirs, a - b),
        (ours ^ theirs, a ^ b),
    ]:
        assert list(made.addresses()) == sorted(expected)
        assert made.count == len(expected)
        assert bool(made) == bool(expected)
        assert made == AddressSet.from_ranges((value, value) for value in expected)
        assert hash(made) == hash(AddressSet.from_addresses(to_array(list(expected))))
    assert (ours <= theirs) == (a <= b)
    assert (ours == theirs) == (a == b)


@given(short_ranges)
def test_every_walk_sees_the_same_members(ranges: list[tuple[int, int]]) -> None:
    made, expected = AddressSet.from_ranges(ranges), members(ranges)
    assert members(list(made.ranges())) == members(list(made.pieces())) == expected
    blocks = [(first, first + (1 << 128 - length) - 1) for first, length in made.cidrs()]
    assert members(blocks) == expected
    assert sum(last - first + 1 for first, last in blocks) == len(expected)
    for most in (1, 3, 1000):
        chunks = list(made.address_chunks(most))
        assert [value for chunk in chunks for value in to_integers(chunk)] == sorted(expected)
        assert all(0 < len(chunk) <= most for chunk in chunks)
    ends = list(made.ranges())
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(ends))


@given(long_ranges, st.lists(near, max_size=30))
def test_membership_in_ranges_of_any_length(ranges: list[tuple[int, int]], probes: list[int]) -> None:
    made = AddressSet.from_ranges(ranges)
    expected = [any(first <= value <= last for first, last in ranges) for value in probes]
    wide = np.zeros(len(probes), ADDRESS)
    wide["high"] = [value >> 64 for value in probes]
    wide["low"] = [value & 0xFFFFFFFFFFFFFFFF for value in probes]
    assert made.contains(wide).tolist() == expected
    assert [value in made for value in probes] == expected
    narrow = [value for value in probes if value >> 32 == 0xFFFF]
    assert made.contains(to_array(narrow)).tolist() == [value in made for value in narrow]
    assert made.count == sum(last - first + 1 for first, last in made.ranges())


@given(long_ranges)
def test_from_range_arrays_equals_from_ranges(ranges: list[tuple[int, int]]) -> None:
    wide = np.zeros((2, len(ranges)), ADDRESS)
    for row, ends in enumerate(zip(*ranges, strict=True)):
        wide["high"][row] = [value >> 64 for value in ends]
        wide["low"][row] = [value & 0xFFFFFFFFFFFFFFFF for value in ends]
    made = AddressSet.from_range_arrays(wide[0], wide[1])
    assert made == AddressSet.from_ranges(ranges)
    assert not np.any((made.v6_first["high"] == 0) & (made.v6_first["low"] >> np.uint64(32) == 0xFFFF))


@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=60), st.integers(0, 0xFFFFFFFF))
def test_sets_of_columns(values: list[int], base: int) -> None:
    column = np.array(values + [(base + step) & 0xFFFFFFFF for step in (0, 1, 1, 2)], np.uint32)
    made = AddressSet.from_addresses(column)
    assert [value - IPV4_MAPPED for value in made.addresses()] == sorted(set(column.tolist()))
    assert made == AddressSet.from_addresses(to_array([IPV4_MAPPED + value for value in column.tolist()]))


def random_ranges(seed: int, count: int, spread: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted disjoint IPv4 ranges, short ones and ones that span blocks, the ends of the space included."""
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.choice(np.arange(1, spread), 2 * count, replace=False)) * ((1 << 32) // spread)
    edges = np.concatenate(([0], edges, [0xFFFFFFFF])).astype(np.int64)
    edges[1:-1] += rng.integers(0, 300, len(edges) - 2) * rng.integers(0, 2, len(edges) - 2)
    first, last = edges[::2], edges[1::2]
    short = rng.integers(0, 2, len(first)) == 1
    last = np.where(
        short & (last < 0xFFFFFFFF), np.minimum(last, first + rng.integers(0, 70, len(first))), last
    )
    return first.astype(np.uint32), last.astype(np.uint32)


@pytest.mark.parametrize("pages", [0, 2048])
@pytest.mark.parametrize("seed", range(6))
def test_the_tables_agree_with_the_ranges(seed: int, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrules.model.address_index.MOST_PAGES", pages)
    first, last = random_ranges(seed, 40, 1 << (8 + 2 * seed))
    index = index_ipv4(first, last)
    assert type(index) is (Pages if pages else TwoLevelPages)
    rng = np.random.default_rng(seed)
    around = np.concatenate([end.astype(np.int64) + step for end in (first, last) for step in range(-2, 3)])
    block_ends = np.concatenate(
        [(first >> 8 << 8).astype(np.int64) + step for step in (-1, 0, 255, 256, 65535)]
    )
    probes = np.concatenate((around, block_ends, rng.integers(0, 1 << 32, 5000)))
    probes = probes[(probes >= 0) & (probes < 1 << 32)]
    at = np.searchsorted(first, probes, "right") - 1
    expected = (at >= 0) & (probes <= last[np.maximum(at, 0)])
    assert np.array_equal(index.probe(probes.astype(np.uint32)), expected)


def test_whole_spaces_are_exact() -> None:
    everything = of("::/0")
    assert everything.count == 1 << 128
    assert list(everything.ranges()) == [(0, HIGHEST)]
    assert everything.range_count == 3
    assert (everything - of("0.0.0.0/0")).count == (1 << 128) - (1 << 32)
    assert (everything - of("0.0.0.0/0")) | of("0.0.0.0/0") == everything
    ipv4 = of("0.0.0.0/0")
    assert ipv4.count == 1 << 32
    assert list(ipv4.cidrs()) == [(IPV4_MAPPED, 96)]
    assert (ipv4 - of("255.255.255.255")).count == (1 << 32) - 1
    assert ipv4.contains(np.array([0, 0xFFFFFFFF], np.uint32)).all()
    assert HIGHEST in everything
    assert HIGHEST not in everything - AddressSet.from_ranges([(HIGHEST, HIGHEST)])


def test_ipv4_and_mapped_are_one_member() -> None:
    made = of("::ffff:10.0.0.1", "10.0.0.2")
    assert made == of("10.0.0.1-10.0.0.2")
    assert not made.has_ipv6
    wide = to_array([parse_address("10.0.0.1"), parse_address("::a00:1")])
    assert made.contains(wide).tolist() == [True, False]


@given(short_ranges, st.integers(20, 32), st.integers(116, 128))
def test_blocks_are_those_of_the_members(ranges: list[tuple[int, int]], v4: int, v6: int) -> None:
    made = AddressSet.from_ranges(ranges)

    def block(value: int) -> tuple[int, int]:
        length = 96 + v4 if value >> 32 == 0xFFFF else v6
        return value >> (128 - length) << (128 - length), length

    expected = sorted({block(value) for value in members(ranges)})
    assert list(made.blocks(v4, v6)) == expected
    assert list(made.mask(v4, v6).addresses()) == [first for first, _ in expected]
    assert made.fill(v4, v6) == AddressSet.from_ranges(
        (first, first + (1 << 128 - length) - 1) for first, length in expected
    )
    assert sum(made.block_counts(v4, v6)) == len(expected)


@given(long_ranges, st.integers(0, 32), st.integers(0, 128))
def test_long_ranges_fill_exactly(ranges: list[tuple[int, int]], v4: int, v6: int) -> None:
    made = AddressSet.from_ranges(ranges)

    def block(value: int, up: bool) -> int:
        bits = 32 - v4 if value >> 32 == 0xFFFF else 128 - v6
        return value | (1 << bits) - 1 if up else value >> bits << bits

    assert made.fill(v4, v6) == AddressSet.from_ranges(
        (block(first, up=False), block(last, up=True)) for first, last in made.pieces()
    )
    assert made <= made.fill(v4, v6)


def test_a_short_ipv6_prefix_may_take_in_the_ipv4_block() -> None:
    assert of("::1").fill(24, 64) == of("::/64")
    assert of("::1").mask(24, 64) == of("::")
    assert of("10.0.0.9", "2001:db8::7:1").mask(24, 64) == of("10.0.0.0", "2001:db8::")


def test_blocks_of_a_whole_space_are_counted_but_not_listed() -> None:
    everything = of("::/0")
    assert everything.block_counts(24, 64) == (1 << 24, 1 << 64)
    assert everything.block_counts(0, 0) == (1, 1)
    with pytest.raises(AddressError, match="too many to list"):
        everything.mask(24, 64)
    assert everything.mask(32, 128) == everything
    assert everything.mask(0, 0) == of("::", "0.0.0.0")
    with pytest.raises(ValueError, match="no block"):
        everything.mask(33, 64)


@given(long_ranges)
def test_cidrs_are_the_fewest_blocks(ranges: list[tuple[int, int]]) -> None:
    made = AddressSet.from_ranges(ranges)
    assert list(made.cidrs()) == [block for ends in made.pieces() for block in range_blocks(*ends)]
    for first, length in made.cidrs():
        assert first % (1 << 128 - length) == 0


@pytest.mark.parametrize("ends", [(5, 4), (-1, 4), (0, 1 << 128)])
def test_what_is_no_range_is_refused(ends: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no range"):
        AddressSet.from_ranges([ends])


def test_a_set_is_a_value() -> None:
    made = of("10.0.0.0/8", "2001:db8::/32")
    assert pickle.loads(pickle.dumps(made)) == made
    made.contains(np.arange(10, dtype=np.uint32))
    assert pickle.loads(pickle.dumps(made)) == made
    assert {made: 1}[of("2001:db8::/32", "10.0.0.0/8")] == 1
    with pytest.raises(ValueError, match="read-only"):
        made.v4_first[0] = 1
    assert made != "10.0.0.0/8"
    with pytest.raises(TypeError):
        list(made)  # type: ignore[call-overload]
    assert repr(of("10.0.0.1", "::1-::3")) == "AddressSet(::1-::3, 10.0.0.1)"
    assert not AddressSet()
    assert AddressSet().count == 0


def test_the_source_array_stays_writable() -> None:
    column = np.array([1, 5], np.uint32)
    AddressSet(column, column)
    column[0] = 0


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from([np.logical_or, np.logical_and, np.logical_xor]))
def test_many_ranges_combine(seed: int, member: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 2, (2, 3000)).astype(bool)
    ours = AddressSet.from_addresses(np.flatnonzero(one).astype(np.uint32))
    theirs = AddressSet.from_addresses(np.flatnonzero(other).astype(np.uint32))
    made = ours._combine(theirs, member)
    assert made.contains(np.arange(3000, dtype=np.uint32)).tolist() == member(one, other).tolist()
    assert address_set.AddressSet.from_addresses(np.flatnonzero(member(one, other)).astype(np.uint32)) == made
