"""Sets of addresses as text, and the reader that takes either kind of set file."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.flows.errors import FlowFileError
from flowrules.flows.ipset import read_ipset, write_ipset
from flowrules.flows.set_text import read_set, write_set_text
from flowrules.model.address_set import AddressSet
from flowrules.model.addresses import parse_addresses
from flowrules.model.fields import IPV4_MAPPED
from tests.reference import shared


def of(*texts: str) -> AddressSet:
    return AddressSet.from_ranges(pair for text in texts for pair in parse_addresses(text))


def read(text: str | bytes, name: str = "some.txt") -> AddressSet:
    return read_set(io.BytesIO(text.encode() if isinstance(text, str) else text), name)


def test_a_line_is_an_address_a_block_a_range_or_a_wildcard() -> None:
    text = """
        # the lab
        10.0.0.1
        10.0.0.0/30   # with its routers
        10.1.0.1-10.1.0.9
        10.2,3.x.x
        2001:db8::/64
    """
    assert read(text) == of("10.0.0.0/30", "10.1.0.1-10.1.0.9", "10.2.0.0/15", "2001:db8::/64")


def test_line_ends_and_byte_order_mark_do_not_matter() -> None:
    assert read(b"\xef\xbb\xbf10.0.0.1\r\n10.0.0.2") == of("10.0.0.1", "10.0.0.2")
    assert read("") == AddressSet()
    assert read("# nothing\n") == AddressSet()


def test_csv_gives_its_first_column() -> None:
    titled = 'address,comment\n10.0.0.1,"a, b"\n10.0.0.0/30,x\n'
    assert read(titled) == read(titled, "some.csv") == of("10.0.0.0/30")
    assert read('"10.0.0.1","proxy"\n10.0.0.2,5\n', "some.csv") == of("10.0.0.1", "10.0.0.2")
    assert read("10.0.0.1,proxy\n10.0.0.2,mail\n") == of("10.0.0.1", "10.0.0.2")
    assert read("address\n10.0.0.1\n", "some.csv") == of("10.0.0.1")


def test_a_comma_in_plain_text_is_that_of_a_wildcard() -> None:
    assert read("10.0.0.1,5\n") == of("10.0.0.1", "10.0.0.5")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.1\n300.1.1.1\n", "some.txt:2: part 1 of '300.1.1.1' is 300"),
        ("10.1.2.3/24\n", "write 10.1.2.0/24"),
        ("\n\nhost.example\n", "some.txt:3: 'host.example' "),
        ("10.0.0.1 10.0.0.2\n", "some.txt:1: '10.0.0.1 10.0.0.2'"),
        ("x.x.x.1\n", "too many for a set"),
        ("10.0.0.1\nhost,web\n", "some.txt:2"),
        (b"10.0.0.1\n\xff\n", "some.txt:2: not text: found the byte ff, expected UTF-8"),
        (b"10.0.0.1\n\0\n", "some.txt:2: not text: found a zero byte"),
        ("1" * 100_000, "some.txt:1: a line is too long"),
    ],
)
def test_a_broken_line_is_named(text: str | bytes, says: str) -> None:
    with pytest.raises(FlowFileError) as caught:
        read(text)
    assert says in str(caught.value)


def test_the_content_decides_what_a_file_is(tmp_path: Path) -> None:
    members = of("10.0.0.0/30", "2001:db8::7")
    write_ipset(tmp_path / "binary.txt", members, 5, "zlib")
    write_set_text(tmp_path / "text.set", members)
    assert (tmp_path / "text.set").read_text() == "10.0.0.0/30\n2001:db8::7\n"
    assert read_set(tmp_path / "binary.txt") == read_set(tmp_path / "text.set") == members
    with (tmp_path / "binary.txt").open("rb") as file:
        assert read_set(file) == members
    out = io.BytesIO()
    write_set_text(out, members)
    assert read(out.getvalue()) == members


def test_the_texts_of_the_kit_are_its_sets() -> None:
    for name in ("setA", "setB", "setC", "setV6"):
        text = read_set(shared("silk", "data", f"{name}.txt"))
        assert (
            text
            == read_set(shared("silk", "data", f"{name}.set"))
            == read_ipset(shared("silk", "data", f"{name}.set"))
        )


def test_a_flow_file_is_no_set() -> None:
    with pytest.raises(FlowFileError, match="not an IPset"):
        read_set(shared("silk", "data", "rich.rw"))


@given(st.lists(st.tuples(st.integers(0, 1 << 33), st.integers(0, 3000)), max_size=20))
def test_what_is_written_reads_back(pairs: list[tuple[int, int]]) -> None:
    base = IPV4_MAPPED - (1 << 31)
    members = AddressSet.from_ranges((base + first, base + first + size) for first, size in pairs)
    out = io.BytesIO()
    write_set_text(out, members)
    assert read(out.getvalue()) == members
