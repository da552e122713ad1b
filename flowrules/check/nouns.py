"""Types and kinds of declarations in the words that messages use."""

from __future__ import annotations

from typing import Final

from flowrules.model.types import Type

_TYPES: Final = {
    "count": "a count",
    "bytes": "a size in bytes",
    "number": "a number",
    "percent": "a percent",
    "duration": "a duration",
    "time": "a time",
    "address": "an address",
    "block": "an address block",
    "port": "a port",
    "protocol": "a protocol",
    "icmp_type": "an ICMP type",
    "icmp_code": "an ICMP code",
    "application": "an application label",
    "interface": "an interface number",
    "flags": "TCP flags",
    "attributes": "attributes",
    "label": "a label",
    "truth": "a condition",
    "text": "text",
    "schedule": "a schedule",
    "nets": "a list of networks",
    "ports": "a list of ports",
    "times": "a list of times",
    "asn": "an AS number",
    "weekday": "a day of the week",
}

_LITERALS: Final = {
    "number": "a plain number",
    "count": "a count",
    "size": "a size in bytes",
    "percent": "a percent",
    "duration": "a duration",
    "time": "a time",
    "ipv4": "an address",
    "ipv6": "an address",
    "cidr": "an address block",
    "wild": "an address pattern",
    "string": "text",
}

_KINDS: Final = {
    "param": "a parameter",
    "ports": "a list of ports",
    "nets": "a list of networks",
    "schedule": "a schedule",
    "map": "a map",
    "filter": "a filter",
    "set": "a set",
    "table": "a table",
    "profile": "a profile",
    "anomaly": "an anomaly",
    "check": "a check",
}


def type_noun(type_: Type) -> str:
    """``a size in bytes``, ``a set of (address, port)``."""
    if type_.name == "list":
        return f"a list of values ({type_.parts[0]})"
    if type_.name == "set" and len(type_.parts) == 1:
        return f"a set of {type_plural(type_.parts[0])}"
    if type_.name in ("set", "tuple"):
        return f"a {type_.name} of ({', '.join(map(str, type_.parts))})"
    if type_.name == "map":
        return f"a map of {', '.join(map(str, type_.parts))}"
    return _TYPES.get(type_.name, f"a {type_.name}")


_PLURALS: Final = {
    "address": "addresses",
    "port": "ports",
    "protocol": "protocols",
    "label": "labels",
    "block": "blocks",
    "time": "times",
    "count": "counts",
    "flags": "TCP flags",
    "attributes": "attributes",
    "application": "application labels",
    "interface": "interface numbers",
    "icmp_type": "ICMP types",
    "icmp_code": "ICMP codes",
    "asn": "AS numbers",
    "weekday": "days of the week",
    "truth": "conditions",
    "list": "lists of values",
    "schedule": "schedules",
}


def type_plural(type_: Type) -> str:
    """``addresses``, ``TCP flags``."""
    return _PLURALS.get(type_.name, f"values of type {type_.name}")


def literal_noun(kind: str) -> str:
    """What a literal of a kind is."""
    return _LITERALS[kind]


def kind_noun(kind: str) -> str:
    """What a declaration of a kind is."""
    return _KINDS[kind]


def types_text(types: tuple[Type, ...]) -> str:
    """``address`` or ``(address, port)``."""
    return str(types[0]) if len(types) == 1 else f"({', '.join(map(str, types))})"


def example_field(type_: Type) -> str:
    """A field of a type, for examples of what to write."""
    return {"address": "sip", "port": "dport", "protocol": "protocol", "label": "sensor"}.get(
        type_.name, type_.name
    )
