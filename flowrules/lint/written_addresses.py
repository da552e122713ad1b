"""Every address that a file shows: in rules, in the flows of tests, in texts and in comments."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final, cast

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


def written_addresses(linted: Linted, scope: FileScope) -> Sequence[Written]:
    """The addresses of a file, each place once, in the order of the text."""
    held = linted.addresses.get(scope.path)
    if held is None:
        held = linted.addresses[scope.path] = tuple(_written(linted, scope))
    return held


def _written(linted: Linted, scope: FileScope) -> Iterator[Written]:
    found: dict[int, Written] = {}
    ends: set[int] = set()
    nodes = linted.nodes(scope)
    for item, node in (*nodes.within(tree.Range), *nodes.within(tree.Literal)):
        place = _literal(node)
        if place is None or node.span.start in ends:
            continue
        if isinstance(node, tree.Range):
            ends.add(node.high.span.start)
        listed = isinstance(item, tree.Nets) and is_registered_block(*place)
        found.setdefault(node.span.start, Written(linted.text(node.span), node.span, purpose(*place), listed))
    text = linted.source(scope.path)
    for start, end in (*linted.comments(scope.path), *linted.strings(scope.path)):
        for offsets, first, last in _in_text(text, start, end):
            span = linted.span(scope.path, *offsets)
            found.setdefault(offsets[0], Written(linted.text(span), span, purpose(first, last), False))
    for start in sorted(found):
        yield found[start]


def _literal(node: tree.Node) -> tuple[int, int] | None:
    """The least and the greatest address of a literal or range; ``None`` for anything else."""
    match node:
        case tree.Range(
            low=tree.Literal(kind="ipv4" | "ipv6", value=int() as low), high=tree.Literal(value=int() as high)
        ):
            return low, high
        case tree.Literal(kind="ipv4" | "ipv6", value=int() as value):
            return value, value
        case tree.Literal(kind="cidr", value=value):
            first, length = cast("tuple[int, int]", value)
            return first, first + (1 << 128 - length) - 1
        case tree.Literal(kind="wild", value=tuple() as parts):
            return _wild_ends(parts)
    return None


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
