"""Which stored fields an expression reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from flowrules.model import expression as ex

TYPES: Final = "types"
NETS: Final = "nets"

_DERIVED: Final[dict[str, tuple[str, ...]]] = {
    "etime": ("stime", "duration"),
    "bytes_per_packet": ("bytes", "packets"),
    "bytes_per_second": ("bytes", "duration"),
    "packets_per_second": ("packets", "duration"),
    "icmp_type": ("protocol", "dport"),
    "icmp_code": ("protocol", "dport"),
    "class": ("type",),
    "inside": ("sip", "dip"),
    "outside": ("sip", "dip"),
    "inside_port": ("sport", "dport"),
    "outside_port": ("sport", "dport"),
    "gap": ("stime",),
    "record_version": ("ip_version",),
}

COLLECTED: Final = ("sip", "dip", "sport", "dport", "protocol", "packets", "stime", "duration")
"""What a host's rows must hold for the measures that look at them together."""
COLLECTED_WHERE_THERE: Final = ("flags", "initial_flags")
"""What those measures use where a source has it."""

WELCOME: Final = frozenset({"ip_version", "record_number"})
"""Fields that are read where a source has them, and told from others where it has not."""


def directions_in(expression: ex.Expression) -> Iterator[str]:
    """The directions that an expression asks for."""
    for node in expression.walk():
        yield from _directions_of(node)


def _directions_of(node: ex.Expression) -> tuple[str, ...]:
    if isinstance(node, ex.Direction):
        return (node.name,) if node.name != "all" else ()
    if isinstance(node, ex.Field) and node.name.startswith(("inside", "outside")):
        return ("inbound", "outbound")
    return ()


_CONSTANT: Final = (ex.Ranges, ex.Labels, ex.Addresses, ex.Numbers, ex.Wildcards)


def plain_field(test: ex.Expression) -> str | None:
    """The stored field of a test of one against constants, which looks at nothing else; most tests are such."""
    of: ex.Expression
    if isinstance(test, ex.FlagTest):
        return test.name
    if isinstance(test, ex.In) and len(test.items) == 1 and isinstance(test.collection, _CONSTANT):
        of = test.items[0]
    elif isinstance(test, ex.Compare) and isinstance(test.right, ex.Literal):
        of = test.left
    else:
        return None
    return of.name if isinstance(of, ex.Field) and of.name not in _DERIVED else None


def fields_of(expressions: Iterable[ex.Expression], direction_by: str) -> frozenset[str]:
    """The stored fields that expressions need, with those that tell the direction where they ask for it."""
    wanted: set[str] = set()
    asked: set[str] = set()
    for expression in expressions:
        plain = plain_field(expression)
        if plain is not None:
            wanted.add(plain)
            continue
        for node in expression.walk():
            match node:
                case ex.Field(name=name):
                    wanted.update(_DERIVED.get(name, (name,)))
                case ex.FlagTest(name=name):
                    wanted.add(name)
                case ex.Spread():
                    wanted.update(("stime", "duration"))
            asked.update(_directions_of(node))
    if asked and direction_by == NETS:
        if asked - {"blocked"}:
            wanted.update(("sip", "dip"))
    elif asked:
        wanted.add("type")
    return frozenset(wanted)


def welcome_fields(expressions: Iterable[ex.Expression]) -> frozenset[str]:
    """Fields that are read too where a source has them."""
    wanted: set[str] = set()
    for expression in expressions:
        if plain_field(expression) is not None:
            continue
        for node in expression.walk():
            if isinstance(node, ex.Field) and node.name in ("icmp_type", "icmp_code", "record_version"):
                wanted.add("ip_version")
            elif isinstance(node, ex.Direction) and node.name == "blocked":
                wanted.add("type")
    return frozenset(wanted)
