"""What is true of every flow whatever the rules say: how its fields hang together, and what a wire carries.

*Definitions* follow from what the fields are (``etime`` is ``stime + duration``).  *Facts* are the
network's: only TCP carries flags, a packet has at least 20 bytes.  A fact is only brought in where
one of its variables is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, Final

from attrs import frozen

from flowrules.lint.domains import (
    ANY_LABEL,
    EVERY_ADDRESS,
    EVERY_BYTE,
    Bits,
    Domain,
    Hosts,
    Labels,
    Numbers,
    Variable,
    compared,
    hosts,
    labels,
    listed,
    masked_bytes,
    real_numbers,
    whole_numbers,
)
from flowrules.lint.formulas import Formula, Propagator, State, either, every, holds
from flowrules.model.fields import IPV4_MAPPED

MOST: Final = (1 << 64) - 1
LONGEST: Final = (1 << 63) - 1

PORTED: Final = (6, 17, 33, 132, 136)
"""Protocols with ports: TCP, UDP, DCCP, SCTP, UDP-Lite (RFC 9293, 768, 4340, 9260, 3828)."""

ICMP: Final = (1, 58)

DIRECTIONS: Final = ("inbound", "outbound", "internal", "external", "none")

TYPE_DIRECTION: Final = {
    "in": "inbound", "inweb": "inbound", "innull": "inbound", "inicmp": "inbound",
    "out": "outbound", "outweb": "outbound", "outnull": "outbound", "outicmp": "outbound",
    "int2int": "internal", "ext2ext": "external",
}  # fmt: skip
"""The direction that SiLK's types say."""

NULL_TYPES: Final = ("innull", "outnull")


def _universe(name: str) -> Any:
    match name:
        case "sip" | "dip" | "nhip" | "inside" | "outside":
            return EVERY_ADDRESS
        case "sport" | "dport" | "application" | "inside_port" | "outside_port":
            return whole_numbers(0, 65535)
        case "protocol" | "icmp_type" | "icmp_code":
            return whole_numbers(0, 255)
        case "packets" | "bytes" | "record_number":
            return whole_numbers(0, MOST)
        case "flags" | "initial_flags" | "session_flags" | "attributes":
            return EVERY_BYTE
        case "stime" | "etime":
            return whole_numbers(-LONGEST, LONGEST)
        case "duration":
            return whole_numbers(0, LONGEST)
        case "input" | "output":
            return whole_numbers(0, 0xFFFFFFFF)
        case "ip_version" | "record_version":
            return listed(whole_numbers(4, 6), ((4, 4), (6, 6)))
        case "bytes_per_packet" | "bytes_per_second" | "packets_per_second":
            return real_numbers(Fraction(0))
        case "direction":
            return labels(DIRECTIONS)
        case "blocked":
            return labels(("yes", "no"))
    return ANY_LABEL


@cache
def variable(name: str) -> Variable:
    """The variable of a field of a flow (``direction`` and ``blocked`` are two more)."""
    return Variable("ip_version" if name == "record_version" else name, Domain(_universe(name)))


@cache
def among(name: str, *values: int | str) -> Formula:
    """That a field is one of some values."""
    at = variable(name)
    universe = at.universe.values
    if isinstance(universe, Numbers):
        return holds(at, Domain(listed(universe, [(v, v) for v in values])))
    if isinstance(universe, Bits):
        return holds(at, Domain(masked_bytes(tuple((int(v), 255) for v in values))))
    return holds(at, Domain(universe & Labels(frozenset(values), False)))


@cache
def at_least(name: str, low: int) -> Formula:
    """That a field is at least a number."""
    at = variable(name)
    return holds(at, Domain(compared(at.universe.values, ">=", low)))


def address_in(name: str, members: Hosts) -> Formula:
    """That an address lies in a set."""
    return holds(variable(name), Domain(members))


@frozen(eq=False)
class Fact:
    """One thing that is true of every flow.

    ``text`` says it in a message; ``about`` are the variables whose mention brings it in.
    """

    text: str
    about: frozenset[str]
    formulas: Callable[[], Sequence[Formula]] = tuple
    propagators: tuple[Propagator, ...] = ()


@cache
def formulas_of(fact: Fact) -> tuple[Formula, ...]:
    """What a fact claims, as formulas."""
    return tuple(fact.formulas())


# ---- narrowing bounds -----------------------------------------------------------------------------------


def _bounds(state: State, name: str) -> tuple[Any, Any]:
    held = state.get(variable(name))
    values = (held or variable(name).universe).values
    return values.least, values.greatest


def _narrow(state: State, name: str, low: Any, high: Any) -> bool | None:
    """Keep what lies between; ``None``: nothing changed, false: nothing is left."""
    at = variable(name)
    held = state.get(at, at.universe)
    if low <= held.values.least and high >= held.values.greatest:
        return None
    met = held.values.between(low, high)
    if met == held.values:
        return None
    state[at] = Domain(met)
    return bool(met)


def _settle(state: State, step: Callable[[State], list[bool | None]]) -> bool:
    for _ in range(6):
        changes = step(state)
        if any(c is False for c in changes):
            return False
        if all(c is None for c in changes):
            break
    return True


def _ratio(above: str, below: str, name: str, scale: int) -> Propagator:
    """``name = above * scale / below``, where it is asked about and below is not 0."""

    def step(state: State) -> list[bool | None]:
        (a, b), (c, d), (r, s) = (_bounds(state, n) for n in (above, below, name))
        if d < 1:
            return [False]
        c = max(c, 1)
        infinite = s == float("inf")
        out = [_narrow(state, name, Fraction(a * scale, d), Fraction(b * scale, c))]
        if out[0] is False:
            return out
        out.append(_narrow(state, above, r * c / scale, MOST if infinite else s * d / scale))
        if r > 0:
            out.append(
                _narrow(
                    state,
                    below,
                    c if infinite else Fraction(a * scale) / s if s else 0,
                    Fraction(b * scale) / r,
                )
            )
        elif not infinite and s > 0:
            out.append(_narrow(state, below, Fraction(a * scale) / s, d))
        return out

    at = variable(name)
    return lambda state: at not in state or _settle(state, step)


def _end_time(state: State) -> bool:
    def step(state: State) -> list[bool | None]:
        (a, b), (c, d), (e, f) = (_bounds(state, n) for n in ("stime", "duration", "etime"))
        return [
            _narrow(state, "etime", a + c, b + d),
            _narrow(state, "stime", e - d, f - c),
            _narrow(state, "duration", e - b, f - a),
        ]

    return variable("etime") not in state or _settle(state, step)


def _headers(state: State) -> bool:
    def step(state: State) -> list[bool | None]:
        (a, _), (_, d) = (_bounds(state, n) for n in ("packets", "bytes"))
        return [_narrow(state, "bytes", 20 * a, MOST), _narrow(state, "packets", 0, d // 20)]

    return _settle(state, step)


def _least_packet(state: State) -> bool:
    name = "bytes_per_packet"
    return variable(name) not in state or _narrow(state, name, 20, float("inf")) is not False


def _parts_of_flags(state: State) -> bool:
    whole = variable("flags")
    for name in ("initial_flags", "session_flags"):
        part = variable(name)
        if part not in state:
            continue
        held = state[part].values
        flags = state.get(whole, whole.universe).values
        needed = held.always
        allowed = flags.ever
        met = held & masked_bytes(((0, 255 & ~allowed),))
        left = flags & masked_bytes(((needed, needed),))
        if not met or not left:
            return False
        state[part], state[whole] = Domain(met), Domain(left)
    return True


def _address_version(state: State) -> bool:
    version = state.get(variable("ip_version"))
    if version is None or 6 in version.values:
        return True
    for name in ("sip", "dip", "nhip"):
        at = variable(name)
        met = state.get(at, at.universe).values & ipv4_hosts()
        if not met:
            return False
        state[at] = Domain(met)
    return True


@cache
def ipv4_hosts() -> Hosts:
    """Every IPv4 address."""
    return hosts([(IPV4_MAPPED, IPV4_MAPPED + 0xFFFFFFFF)])


DEFINITIONS: Final[Mapping[str, Propagator]] = {
    "etime": _end_time,
    "bytes_per_packet": _ratio("bytes", "packets", "bytes_per_packet", 1),
    "bytes_per_second": _ratio("bytes", "duration", "bytes_per_second", 1000),
    "packets_per_second": _ratio("packets", "duration", "packets_per_second", 1000),
}
"""What derived fields are, by field: each narrows states in which something is asked of the field."""


# ---- the wire -------------------------------------------------------------------------------------------


def _flags_on_tcp(name: str) -> Fact:
    return Fact(
        "only TCP flows carry flags",
        frozenset((name,)),
        lambda: (either((among(name, 0), among("protocol", 6))),),
    )


def _ports() -> Sequence[Formula]:
    return (
        either((among("sport", 0), among("protocol", *PORTED))),
        either((among("dport", 0), among("protocol", *PORTED, *ICMP))),
    )


def _types() -> Sequence[Formula]:
    out: list[Formula] = []
    type_ = variable("type")
    for direction in dict.fromkeys(TYPE_DIRECTION.values()):
        named = frozenset(t for t, d in TYPE_DIRECTION.items() if d == direction)
        out.append(either((holds(type_, Domain(Labels(named, True))), among("direction", direction))))
    return [*out, *_null_types()]


def _null_types() -> Sequence[Formula]:
    type_ = variable("type")
    passed = frozenset(t for t in TYPE_DIRECTION if t not in NULL_TYPES)
    return (
        either((holds(type_, Domain(Labels(frozenset(NULL_TYPES), True))), among("blocked", "yes"))),
        either((holds(type_, Domain(Labels(passed, True))), among("blocked", "no"))),
    )


WIRE: Final[tuple[Fact, ...]] = (
    _flags_on_tcp("flags"),
    _flags_on_tcp("initial_flags"),
    _flags_on_tcp("session_flags"),
    Fact(
        "the first packet's and the session's flags are among the flow's flags",
        frozenset(("initial_flags", "session_flags")),
        propagators=(_parts_of_flags,),
    ),
    Fact(
        "only TCP, UDP, SCTP, DCCP and UDP-Lite have ports",
        frozenset(("sport", "dport")),
        _ports,
    ),
    Fact(
        "a flow has at least one packet",
        frozenset(("packets",)),
        lambda: (at_least("packets", 1),),
    ),
    Fact(
        "a packet has at least the 20 bytes of its header",
        frozenset(("bytes", "packets", "bytes_per_packet")),
        lambda: (at_least("bytes", 20),),
        (_headers, _least_packet),
    ),
    Fact("a flow's type says its direction", frozenset(("type",)), _types),
    Fact(
        "a record of IP version 4 has IPv4 addresses",
        frozenset(("ip_version",)),
        propagators=(_address_version,),
    ),
)
"""Facts about every flow on a wire."""


def direction_by_nets(internal: Hosts) -> Fact:
    """That inbound and its kin are told by whose network the addresses are in."""

    def formulas() -> Sequence[Formula]:
        outside = ~internal
        sides: Mapping[str, tuple[Hosts, Hosts]] = {
            "inbound": (outside, internal),
            "outbound": (internal, outside),
            "internal": (internal, internal),
            "external": (outside, outside),
        }
        out = [
            either(
                (
                    holds(variable("direction"), Domain(labels(d for d in DIRECTIONS if d != name))),
                    every((address_in("sip", source), address_in("dip", destination))),
                )
            )
            for name, (source, destination) in sides.items()
        ]
        out.append(holds(variable("direction"), Domain(labels(sides))))
        return out

    return Fact("directions follow from the site's internal networks", frozenset(("direction",)), formulas)
