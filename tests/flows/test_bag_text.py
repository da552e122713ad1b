"""Bags as text."""

import io

import pytest

from flowrules.flows.bag_text import read_bag_text
from flowrules.flows.errors import FlowFileError
from flowrules.model.address_text import parse_address
from tests.flows.test_setcat import query


def read(text: bytes) -> dict[int, int]:
    return read_bag_text(io.BytesIO(text), "some.txt")


def test_what_rwbagcat_prints() -> None:
    lines = query("rwbag-sip-01", "rwbag")
    bag = read("\n".join(lines).encode())
    assert [f"{address & 0xFF}|{counter}" for address, counter in bag.items()] == [
        line.rpartition(".")[2] for line in lines
    ]


def test_padding_titles_and_csv() -> None:
    padded = (
        b"            sIP|             Records|\n       10.0.0.1|                   6|\n 2001:db8::1| 7|\n"
    )
    expected = {parse_address("10.0.0.1"): 6, parse_address("2001:db8::1"): 7}
    assert read(padded) == expected
    assert read(b"address,bytes\n10.0.0.1,4 # some\n10.0.0.1,2\n2001:db8::1,7\n") == expected
    assert read(b"") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"10.0.0.1|1\n10.0.0.2\n", "some.txt:2: not a line of a bag"),
        (b"10.0.0.1|1\n10.0.0.2|many\n", "some.txt:2: 'many' is no counter"),
        (b"10.0.0.1|-1\n", "'-1' is no counter"),
        (b"10.0.0.300|1\n", "some.txt:1: part 4"),
        (b"10.0.0.1|" + b"9" * 30, "at most 20 digits"),
        (b"\xde\xad\xbe\xef\x00\x21\x10\x00", "rwbagcat FILE"),
    ],
)
def test_a_broken_bag_is_refused_with_the_line(text: bytes, says: str) -> None:
    with pytest.raises(FlowFileError) as caught:
        read(text)
    assert says in str(caught.value)
