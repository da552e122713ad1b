"""What lists of ports and networks hold, as they are written: item by item, and through the lists that they name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, cast

from flowrules.check.symbols import FileScope
from flowrules.lint.parameters import resolve
from flowrules.syntax import tree

Ranges: TypeAlias = list[tuple[int, int]]


def ranges_of(scope: FileScope, item: tree.Item, depth: int = 0) -> Ranges | None:
    """The inclusive ranges of numbers (or 128-bit addresses) that an item stands for; ``None``: not known here."""
    match item:
        case tree.Literal(kind="cidr", value=value):
            first, length = cast("tuple[int, int]", value)
            return [(first, first + (1 << 128 - length) - 1)]
        case tree.Literal(
            kind="number" | "count" | "ipv4" | "ipv6" | "size" | "duration", value=int() as value
        ):
            return [(value, value)]
        case tree.Range(low=tree.Literal(value=int() as low), high=tree.Literal(value=int() as high)):
            return [(low, high)]
        case tree.Name() if depth < 20:
            symbol = resolve(scope, item)
            node = symbol.node if symbol is not None else None
            if symbol is None or not isinstance(node, tree.Ports | tree.Nets):
                return None
            held = list_ranges(symbol.scope, node.items, depth + 1)
            without = list_ranges(symbol.scope, node.exceptions, depth + 1)
            return None if held is None or without is None else minus(held, without)
    return None


def list_ranges(scope: FileScope, items: Iterable[tree.Item], depth: int = 0) -> Ranges | None:
    """The ranges of all items of a list, sorted and disjoint; ``None``: not known here."""
    out: Ranges = []
    for item in items:
        found = ranges_of(scope, item, depth)
        if found is None:
            return None
        out += found
    return merged(out)


def merged(ranges: Ranges) -> Ranges:
    """Ranges sorted and disjoint."""
    out: Ranges = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return out


def minus(ranges: Ranges, others: Ranges) -> Ranges:
    """What of some ranges is in none of the others."""
    out = merged(ranges)
    for low, high in merged(others):
        next_: Ranges = []
        for a, b in out:
            if b < low or a > high:
                next_.append((a, b))
                continue
            if a < low:
                next_.append((a, low - 1))
            if b > high:
                next_.append((high + 1, b))
        out = next_
    return out


def covered(ranges: Ranges, others: Ranges) -> bool:
    """Whether all of some ranges lies within the others."""
    return not minus(ranges, others)


def kind_of(item: tree.Item) -> str:
    """Which kind of number an item is, so that only like is compared with like; IPv4 and IPv6 are two kinds."""
    match item:
        case tree.Literal(kind="cidr", value=value):
            return _version(cast("tuple[int, int]", value)[0])
        case tree.Literal(kind="ipv4" | "ipv6", value=int() as value):
            return _version(value)
        case tree.Literal(kind=kind):
            return {"count": "number"}.get(kind, kind)
        case tree.Range(low=low):
            return kind_of(low)
        case tree.Name():
            return "name"
    return ""


def _version(address: int) -> str:
    return "ipv4" if address >> 32 == 0xFFFF else "ipv6"
