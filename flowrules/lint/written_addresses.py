"""Every address that a file shows: in rules, in the flows of tests, in texts and in comments."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from flowrules.check.symbols import FileScope
from flowrules.lint.linted import Linted
from flowrules.lint.special_addresses import is_registered_block, purpose
from flowrules.model.fields import IPV4_MAPPED
from flowrules.model.source_text import Span
from flowrules.syntax import tree

_IPV4: Final = re.compile(r"(?<![\w.:/-])(\d{1,3}(?:\.\d{1,3}){3})(?:/(\d{1,2}))?(?![\w:]|\.\d|-\d)")
_IPV6: Final = re.compile(
    r"(?<![\w.:])((?=[0-9A-Fa-f]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{4,39})(?:/(\d{1,3}))?(?![\w:.])"
)


@frozen
class Written:
    """An address or block as it is written, and what it is (see ``special_addresses.purpose``)."""

    text: str
    span: Span
    purpose: str
    listed: bool
    """It is a whole registered block in a ``nets``."""


def written_addresses(linted: Linted, scope: FileScope) -> Iterator[Written]:
    """The addresses of a file, each place once, in the order of the text."""
    found: dict[int, Written] = {}
    for item in scope.file.items:
        for node in item.walk():
            in_nets = isinstance(item, tree.Nets)
            for span, first, last in _literals(node):
                listed = in_nets and is_registered_block(first, last)
                found.setdefault(span.start, Written(linted.text(span), span, purpose(first, last), listed))
    text = linted.source(scope.path)
    for start, end in (*linted.comments(scope.path), *linted.strings(scope.path)):
        for place, first, last in _in_text(text, start, end):
            span = linted.span(scope.path, *place)
            found.setdefault(place[0], Written(linted.text(span), span, purpose(first, last), False))
    for start in sorted(found):
        yield found[start]


def _literals(node: tree.Node) -> Iterator[tuple[Span, int, int]]:
    match node:
        case tree.Range(
            low=tree.Literal(kind="ipv4" | "ipv6", value=int() as low), high=tree.Literal(value=int() as high)
        ):
            yield node.span, low, high
            yield node.low.span, low, high
            yield node.high.span, low, high
        case tree.Literal(kind="ipv4" | "ipv6", value=int() as value):
            yield node.span, value, value
        case tree.Literal(kind="cidr", value=value):
            first, length = value  # type: ignore[misc]
            yield node.span, int(str(first)), int(str(first)) + (1 << 128 - int(str(length))) - 1
        case tree.Literal(kind="wild", value=tuple() as parts):
            ends = _wild_ends(parts)
            if ends is not None:
                yield node.span, *ends


def _wild_ends(parts: tuple[object, ...]) -> tuple[int, int] | None:
    """The least and the greatest address of a pattern whose free parts all stand at its end."""
    bits = 8 if len(parts) == 4 else 16
    low = high = 0
    for part in parts:
        ranges = part if isinstance(part, tuple) else ()
        if not ranges:
            return None
        low = low << bits | int(ranges[0][0])
        high = high << bits | int(ranges[-1][1])
    base = IPV4_MAPPED if len(parts) == 4 else 0
    return base + low, base + high


def _in_text(text: str, start: int, end: int) -> Iterator[tuple[tuple[int, int], int, int]]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text, start, end):
            try:
                network = ipaddress.ip_network(match.group(), strict=False)
            except ValueError:
                continue
            base = IPV4_MAPPED if network.version == 4 else 0
            yield match.span(), base + int(network[0]), base + int(network[-1])
