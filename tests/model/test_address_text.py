"""Addresses, blocks, ranges and wildcards as text."""

import ipaddress
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.model.address_text import (
    HIGHEST,
    AddressError,
    format_address,
    format_addresses,
    format_cidr,
    is_ipv4,
    parse_address,
    parse_cidr,
    parse_range,
    to_array,
    to_integers,
)
from flowrules.model.address_wildcard import Wildcard, parse_wildcard
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import ADDRESS, IPV4_MAPPED

numbers = st.one_of(
    st.integers(0, HIGHEST),
    st.integers(0, 1 << 50),
    st.integers(0, 0xFFFFFFFF).map(lambda value: value + IPV4_MAPPED),
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0x2001]), min_size=8, max_size=8).map(
        lambda groups: sum(group << 16 * place for place, group in enumerate(groups))
    ),
)


def v4(text: str) -> int:
    return IPV4_MAPPED + int(ipaddress.IPv4Address(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0.0.0", IPV4_MAPPED),
        ("203.0.113.7", v4("203.0.113.7")),
        ("255.255.255.255", v4("255.255.255.255")),
        ("::ffff:203.0.113.7", v4("203.0.113.7")),
        ("::FFFF:CB00:7107", v4("203.0.113.7")),
        ("::", 0),
        ("::1", 1),
        ("::1.2.3.4", 0x01020304),
        ("2001:db8::1", 0x20010DB8 << 96 | 1),
        ("2001:0DB8:0:0:0:0:0:0001", 0x20010DB8 << 96 | 1),
    ],
)
def test_an_address_is_one_number(text: str, value: int) -> None:
    assert parse_address(text) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("300.1.1.1", "part 1 of '300.1.1.1' is 300"),
        ("1.2.3", "has 3 parts"),
        ("1.2.3.4.5", "has 5 parts"),
        ("1.2..4", "empty part"),
        ("010.1.1.1", "write 10.1.1.1"),
        ("1.2.3.4 ", "is not an address"),
        ("1.2.3.٤", "is not an address"),
        ("3232235777", "is a number"),
        ("", "missing"),
        ("host", "is not an address"),
        ("10.0.0.0/8", "is a block"),
        ("2001:db8::1%eth0", "zone"),
        ("2001:db8::/32", "is a block"),
        ("1::2::3", "'::' twice"),
        ("2001:db8:1", "has 3 groups"),
        ("1:2:3:4:5:6:7:8:9", "has 9 groups"),
        ("2001:db8::12345", "'12345'"),
        ("2001:db8::g", "'g'"),
        ("::300.1.1.1", "part 1"),
        ("1:2:3:4:5:6:7::8", "not an IPv6 address"),
        ("\0::1", "not a group"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert says in str(caught.value)


@given(numbers)
def test_what_is_printed_reads_back(value: int) -> None:
    assert parse_address(format_address(value)) == value
    assert parse_address(format_address(value, 6)) == value


@given(numbers)
def test_ipv6_prints_as_inet_ntop_does(value: int) -> None:
    assert format_address(value, 6) == socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


def test_mapped_and_compatible_addresses_print_dotted_quads() -> None:
    assert format_address(v4("1.2.3.4")) == "1.2.3.4"
    assert format_address(v4("1.2.3.4"), 4) == "1.2.3.4"
    assert format_address(v4("1.2.3.4"), 6) == "::ffff:1.2.3.4"
    assert format_address(IPV4_MAPPED, 6) == "::ffff:0.0.0.0"
    assert format_address(0x01020304) == "::1.2.3.4"
    assert format_address(1) == "::1"
    assert format_address(0xFFFF) == "::ffff"
    assert format_address(0x10000) == "::0.1.0.0"


@given(st.lists(numbers, max_size=40), st.sampled_from([None, 6]))
def test_columns_print_like_single_addresses(values: list[int], version: int | None) -> None:
    array = to_array(values)
    assert to_integers(array) == values
    assert format_addresses(array, version) == [format_address(value, version) for value in values]
    assert array.dtype == (np.uint32 if all(map(is_ipv4, values)) else ADDRESS)


def test_a_long_column_prints_like_a_short_one() -> None:
    column = np.random.default_rng(7).integers(0, 1 << 32, 5000, dtype=np.uint32)
    assert format_addresses(column) == [str(ipaddress.IPv4Address(value)) for value in column.tolist()]


def test_a_block_is_its_first_address_and_length() -> None:
    assert parse_cidr("10.0.0.0/8") == (v4("10.0.0.0"), 104)
    assert parse_cidr("0.0.0.0/0") == (IPV4_MAPPED, 96)
    assert parse_cidr("::/0") == (0, 0)
    assert parse_cidr("2001:db8::/32") == (0x20010DB8 << 96, 32)
    assert parse_cidr("192.0.2.1") == (v4("192.0.2.1"), 128)
    assert parse_cidr("::ffff:10.0.0.0/104") == parse_cidr("10.0.0.0/8")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.1.2.3/24", "write 10.1.2.0/24"),
        ("2001:db8::1/32", "write 2001:db8::/32"),
        ("::ffff:10.0.0.1/104", "write ::ffff:10.0.0.0/104"),
        ("10.0.0.0/33", "at most 32"),
        ("::/129", "at most 128"),
        ("10.0.0.0/99999999999999999999", "at most 32"),
        ("10.0.0.0/255.0.0.0", "netmask"),
        ("10.0.0.0/", "no prefix length"),
        ("10.0.0.0/-1", "no prefix length"),
        ("10.0.0/8", "has 3 parts"),
    ],
)
def test_a_broken_block_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_cidr(text)
    assert says in str(caught.value)


@given(numbers, st.integers(0, 128))
def test_blocks_read_back(value: int, length: int) -> None:
    first = value >> (128 - length) << (128 - length)
    if not (is_ipv4(first) and length < 96):
        assert parse_cidr(format_cidr(first, length)) == (first, length)
    assert parse_cidr(format_cidr(first, length, 6)) == (first, length)


def test_a_single_address_may_print_without_its_length() -> None:
    assert format_cidr(v4("10.0.0.1"), 128, single=True) == "10.0.0.1"
    assert format_cidr(v4("10.0.0.1"), 128) == "10.0.0.1/32"
    assert format_cidr(1, 128, single=True) == "::1"


def test_ranges() -> None:
    assert parse_range("10.0.0.1-10.0.0.9") == (v4("10.0.0.1"), v4("10.0.0.9"))
    assert parse_range("::1 - ::9") == (1, 9)
    for text, says in [
        ("10.0.0.9-10.0.0.1", "write 10.0.0.1-10.0.0.9"),
        ("10.0.0.1-::9", "one IP version"),
        ("10.0.0.1", "not a range"),
    ]:
        with pytest.raises(AddressError, match=says):
            parse_range(text)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("10.1.x.x", [("10.1.0.0", "10.1.255.255")]),
        ("10.2.3-9.x", [("10.2.3.0", "10.2.9.255")]),
        ("10.1,2,4.x.X", [("10.1.0.0", "10.2.255.255"), ("10.4.0.0", "10.4.255.255")]),
        ("10.0.0.1,5-7", [("10.0.0.1", "10.0.0.1"), ("10.0.0.5", "10.0.0.7")]),
        ("10.0.0-1.9", [("10.0.0.9", "10.0.0.9"), ("10.0.1.9", "10.0.1.9")]),
        ("x.x.x.x", [("0.0.0.0", "255.255.255.255")]),
        ("::ffff:10.1.x.x", [("10.1.0.0", "10.1.255.255")]),
        ("::x", [("::", "::ffff")]),
        ("2001:db8:a-c::x:x", [(f"2001:db8:{g}::", f"2001:db8:{g}::ffff:ffff") for g in "abc"]),
        ("::1.2.3.4-5", [("::1.2.3.4", "::1.2.3.5")]),
        ("a::1.2.x.x", [("a::102:0", "a::102:ffff")]),
        ("1:2:3:4:5:6:7:8-9", [("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:9")]),
        ("10.0.0.1-10.0.0.9", [("10.0.0.1", "10.0.0.9")]),
        ("1::2-3::4", [("1::2", "3::4")]),
        ("192.0.2.0/24", [("192.0.2.0", "192.0.2.255")]),
        ("::/0", [("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]),
    ],
)
def test_whatever_stands_for_addresses_is_ranges(text: str, ranges: list[tuple[str, str]]) -> None:
    assert parse_addresses(text) == tuple((parse_address(a), parse_address(b)) for a, b in ranges)


def test_a_wildcard_of_very_many_ranges_stays_a_pattern() -> None:
    wildcard = parse_addresses("x.x.x.1")
    assert isinstance(wildcard, Wildcard)
    assert wildcard.count == 1 << 24
    assert wildcard.range_count == 1 << 24
    assert v4("9.8.7.1") in wildcard
    assert v4("9.8.7.2") not in wildcard
    assert 1 not in wildcard


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.x", "has 2 parts"),
        ("10.300.x.x", "300 in '10.300.x.x' is above 255"),
        ("10.5-3.x.x", "write 3-5"),
        ("10..x.x", "empty part"),
        ("10.1,.x.x", "'' in"),
        ("10.y.x.x", "'y' in"),
        ("10.1.x.x/16", "prefix length"),
        ("1:x", "has 2 groups"),
        ("x::1::2", "'::' twice"),
        ("x:::1", "'::' twice"),
        ("1:2:3:4:5:6:7:8:x", "has 9 groups"),
        ("::12345-x", "'12345'"),
        ("1:2:3:4:5:6:7::x", "has 8 groups"),
        ("x", "has 1 parts"),
    ],
)
def test_a_broken_wildcard_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_wildcard(text)
    assert says in str(caught.value)


octets = st.one_of(
    st.just("x"),
    st.integers(0, 255).map(str),
    st.tuples(st.integers(0, 255), st.integers(0, 255)).map(lambda p: f"{min(p)}-{max(p)}"),
    st.lists(st.integers(0, 255), min_size=1, max_size=3).map(lambda p: ",".join(map(str, p))),
)


@given(st.lists(octets, min_size=4, max_size=4), st.lists(st.integers(0, 0xFFFFFFFF), max_size=20))
def test_matching_agrees_with_the_text(parts: list[str], values: list[int]) -> None:
    wildcard = parse_wildcard(".".join(parts))

    def holds(part: str, number: int) -> bool:
        if part == "x":
            return True
        ends = [item.split("-") for item in part.split(",")]
        return any(int(end[0]) <= number <= int(end[-1]) for end in ends)

    expected = [
        all(holds(part, octet) for part, octet in zip(parts, value.to_bytes(4, "big"), strict=True))
        for value in values
    ]
    column = np.array(values, np.uint32)
    wide = np.zeros(len(values), ADDRESS)
    wide["low"] = column.astype(np.uint64) + np.uint64(IPV4_MAPPED)
    mapped = parse_wildcard("::ffff:" + ".".join(parts))
    assert wildcard.matches(column).tolist() == expected
    assert wildcard.matches(wide).tolist() == expected
    assert mapped.matches(column).tolist() == expected
    assert mapped.matches(wide).tolist() == expected
    assert [IPV4_MAPPED + value in wildcard for value in values] == expected
    assert not wildcard.matches(np.array([(0, 5), (1, IPV4_MAPPED)], ADDRESS)).any()
    if wildcard.range_count <= 2000:
        ranges = list(wildcard.ranges())
        assert len(ranges) == wildcard.range_count
        assert sum(last - first + 1 for first, last in ranges) == wildcard.count
        assert ranges == sorted(ranges)
        assert [any(a <= IPV4_MAPPED + v <= b for a, b in ranges) for v in values] == expected


def test_an_ipv6_wildcard_matches_columns() -> None:
    wildcard = parse_wildcard("2001:db8:a:x::x:1-3")
    texts = ["2001:db8:a:7::9:2", "2001:db8:a:7::9:4", "2001:db8:b:7::9:2", "10.0.0.1"]
    column = to_array([parse_address(text) for text in texts])
    assert wildcard.matches(column).tolist() == [True, False, False, False]
    assert [value in wildcard for value in to_integers(column)] == [True, False, False, False]
    assert not wildcard.matches(np.array([1, 2], np.uint32)).any()
