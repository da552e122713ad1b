"""Files of addresses, whatever form they have: SiLK IPsets, or text as rwsetbuild takes it.

Text has one address, block, range (``10.0.0.1-10.0.0.9``) or SiLK wildcard a line; ``#`` starts a comment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from flowrules.flows.atomic import whole_file
from flowrules.flows.byte_source import ByteSource
from flowrules.flows.errors import FlowFileError
from flowrules.flows.ipset import read_ipset
from flowrules.flows.setcat import cidr_lines
from flowrules.flows.silk_header import IPSET, MAGIC
from flowrules.flows.table import FlowSource
from flowrules.flows.text_lines import numbered_lines
from flowrules.model.address_set import AddressSet
from flowrules.model.address_text import AddressError
from flowrules.model.address_wildcard import MOST_RANGES, Wildcard
from flowrules.model.addresses import parse_addresses

_MERGE_AT = 1 << 20

FIELDS = ("sip", "dip", "nhip", "any")
"""Fields whose addresses a set can be made of; ``any`` is sip and dip together."""


def is_ipset(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a SiLK IPset, by its first bytes."""
    with ByteSource(path) as source:
        head = bytes(source.read(8))
    return head[:4] == MAGIC and len(head) > 5 and head[5] == IPSET


def is_address_text(path: str | os.PathLike[str]) -> bool:
    """Whether the first line of a file that is not blank or a comment stands for addresses."""
    with ByteSource(path) as source:
        head = bytes(source.read(1 << 16))
    if b"\0" in head:
        return False
    for line in head.decode("utf-8", "replace").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            try:
                parse_addresses(text)
            except AddressError:
                return False
            return True
    return False


def read_address_set(path: str | os.PathLike[str], name: str | None = None) -> AddressSet:
    """The addresses of a file: a SiLK IPset or text, told apart by content.

    Raises ``FlowFileError`` with the offset or line of what cannot be read.
    """
    name = os.fspath(path) if name is None else name
    if is_ipset(path):
        return read_ipset(path, name)
    return AddressSet.from_ranges(_text_ranges(path, name))


def _text_ranges(path: str | os.PathLike[str], name: str) -> Iterator[tuple[int, int]]:
    for number, line in numbered_lines(path, name):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            found = parse_addresses(text)
        except AddressError as error:
            raise FlowFileError(
                name,
                error.message,
                line=number,
                expected="an address, a block, a range or a wildcard",
                hint=error.hint or None,
            ) from error
        if isinstance(found, Wildcard):
            raise FlowFileError(
                name,
                f"'{text}' stands for more than {MOST_RANGES} separate ranges",
                line=number,
                hint="write its last parts as whole ranges",
            )
        yield from found


def write_address_text(path: str | os.PathLike[str], members: AddressSet) -> None:
    """Write a set as text: the fewest blocks, single addresses without a length, in order."""
    with whole_file(path) as file:
        lot: list[str] = []
        for line in cidr_lines(members):
            lot.append(line)
            if len(lot) == 1 << 14:
                file.write(("\n".join(lot) + "\n").encode())
                lot.clear()
        if lot:
            file.write(("\n".join(lot) + "\n").encode())


def addresses_of(sources: Iterable[FlowSource], field: str) -> AddressSet:
    """The addresses that stand in a field (one of ``FIELDS``) of the sources' records.

    Raises ``FlowFileError`` where a source has no such field, and as the readers do.
    """
    names = ("sip", "dip") if field == "any" else (field,)
    out = AddressSet()
    pending: list[AddressSet] = []
    waiting = 0
    for source in sources:
        lacking = [name for name in names if name not in source.fields]
        if lacking:
            raise FlowFileError(source.path, f"the records have no field {lacking[0]}")
        for chunk in source.chunks(frozenset(names)):
            for name in names:
                part = AddressSet.from_addresses(chunk.columns[name])
                pending.append(part)
                waiting += part.range_count
            if waiting > _MERGE_AT:
                out = _union([out, *pending])
                pending, waiting = [], 0
    return _union([out, *pending])


def _union(sets: list[AddressSet]) -> AddressSet:
    """The union, small with small first."""
    while len(sets) > 1:
        sets = sorted(sets, key=lambda one: one.range_count)
        halves = [sets[at : at + 2] for at in range(0, len(sets), 2)]
        sets = [pair[0] | pair[1] if len(pair) == 2 else pair[0] for pair in halves]
    return sets[0]
