"""Bags as text: addresses and a counter for each, as rwbagcat prints them, or CSV of the two.

Source: rwbagcat(1), rwbagbuild(1).  A line is ``key|counter``, padded or not, with or without a last ``|``;
or ``key,counter``.  ``#`` begins a comment, and a first line of titles is passed over.
"""

from __future__ import annotations

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_header import MAGIC
from flowrules.flows.stream_source import PeekedSource, Readable, open_bytes
from flowrules.flows.text_lines import decoded_lines
from flowrules.model.address_text import AddressError, parse_address


def read_bag_text(path: Readable, name: str | None = None) -> dict[int, int]:
    """The counter of each address (128-bit, IPv4 mapped), in the order of the file.

    Counters of one address are added up, as rwbagbuild does.  Raises ``FlowFileError`` with the line of
    what is wrong.
    """
    with open_bytes(path, name) as source:
        peeked = PeekedSource(source)
        if peeked.first[: len(MAGIC)] == MAGIC:
            raise FlowFileError(
                source.name,
                "a binary SiLK file where a bag's text is wanted",
                offset=0,
                hint="write it as text: rwbagcat FILE > FILE.txt",
            )
        bag: dict[int, int] = {}
        started = False
        for number, line in decoded_lines(peeked, source.name):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            cells = [cell.strip() for cell in text.split("|" if "|" in text else ",")]
            if len(cells) == 3 and not cells[2]:
                cells.pop()
            if len(cells) != 2:
                raise FlowFileError(
                    source.name,
                    "not a line of a bag",
                    line=number,
                    found=repr(text[:80]),
                    expected="address|counter",
                )
            if not started and not any(letter.isdigit() for letter in cells[1]):
                started = True
                continue
            started = True
            address, counter = _row(source.name, number, *cells)
            bag[address] = bag.get(address, 0) + counter
        return bag


def _row(path: str, line: int, key: str, counter: str) -> tuple[int, int]:
    try:
        address = parse_address(key)
    except AddressError as error:
        raise FlowFileError(path, error.message, line=line, hint=error.hint or None) from error
    if not (counter.isascii() and counter.isdigit()) or len(counter) > 20:
        raise FlowFileError(
            path, f"'{counter[:80]}' is no counter", line=line, expected="a whole number of at most 20 digits"
        )
    return address, int(counter)
