"""The types of the language, and what each can be compared and combined with.

Values behind the types: whole numbers, ports, protocols and interfaces are ``int``; sizes are bytes,
durations milliseconds and times milliseconds since 1970 UTC as ``int``; percents and numbers are
``Fraction`` (exact) until a measure makes them ``float``; addresses are 128-bit ``int`` with IPv4
mapped into ``::ffff:0:0/96``; blocks are ``(address, prefix length of the 128)``; labels are ``str``;
lists and tuples are ``tuple``.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen(cache_hash=True)
class Type:
    """A type by name, with its parts: positions of a tuple or set, keys of a map, element of a list."""

    name: str
    parts: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.parts:
            return self.name
        return f"{self.name}({', '.join(str(p) for p in self.parts)})"


COUNT: Final = Type("count")
BYTES: Final = Type("bytes")
NUMBER: Final = Type("number")
PERCENT: Final = Type("percent")
DURATION: Final = Type("duration")
TIME: Final = Type("time")
ADDRESS: Final = Type("address")
BLOCK: Final = Type("block")
PORT: Final = Type("port")
PROTOCOL: Final = Type("protocol")
ICMP_TYPE: Final = Type("icmp_type")
ICMP_CODE: Final = Type("icmp_code")
APPLICATION: Final = Type("application")
INTERFACE: Final = Type("interface")
FLAGS: Final = Type("flags")
ATTRIBUTES: Final = Type("attributes")
LABEL: Final = Type("label")
TRUTH: Final = Type("truth")
TEXT: Final = Type("text")
SCHEDULE: Final = Type("schedule")
NETS: Final = Type("nets")
PORTS: Final = Type("ports")
TIMES: Final = Type("times")
ASN: Final = Type("asn")
WEEKDAY: Final = Type("weekday")
"""``weekday(t)``: 0 is Monday."""
POISON: Final = Type("?")
"""The type of what could not be checked: an error was reported, and nothing more is said about it."""

ORDERED: Final = frozenset({"count", "bytes", "number", "percent", "duration", "time", "port", "application"})
"""Types with ``<`` and its kin."""


def list_of(element: Type) -> Type:
    """The type of ``values(x)`` and ``span(x)``: a sorted list of different values."""
    return Type("list", (element,))


def set_of(*parts: Type) -> Type:
    """A set of addresses (one part) or of tuples (several)."""
    return Type("set", parts)


def tuple_of(*parts: Type) -> Type:
    """A tuple of values, such as ``(sip, sport)``."""
    return Type("tuple", parts)


def map_of(*keys: Type) -> Type:
    """A map from its keys to a label."""
    return Type("map", keys)
