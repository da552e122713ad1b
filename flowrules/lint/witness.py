"""Witness flows: one flow that passes a predicate, made from what a proof left open, and tried before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from flowrules.lint.domains import Bits, Hosts, Labels, Numbers
from flowrules.lint.facts import NULL_TYPES, PORTED, TYPE_DIRECTION, variable
from flowrules.lint.formulas import State
from flowrules.model.fields import ATTRIBUTES, IPV4_MAPPED, PROTOCOLS, TCP_FLAGS

if TYPE_CHECKING:
    from flowrules.lint.domains import Variable

START: Final = 1_767_614_400_000
"""2026-01-05T12:00Z, a Monday: when a flow starts where nothing says another time."""

_HOUR: Final = 3_600_000
_LATEST: Final = 1 << 42
_MOST_TRIES: Final = 600

_OURS: Final = IPV4_MAPPED + 0xCB007121  # 203.0.113.33
_THEIRS: Final = IPV4_MAPPED + 0xC000020A  # 192.0.2.10
_OURS6: Final = 0x20010DB8_01130000_00000000_00000021
_THEIRS6: Final = 0x20010DB8_00000000_00000000_0000000A

SHOWN: Final = (
    "type", "direction", "sip", "dip", "sport", "dport", "protocol", "flags", "initial_flags", "session_flags",
    "packets", "bytes", "stime", "duration", "sensor", "application", "input", "output", "nhip", "attributes", "ip_version",
)  # fmt: skip


@frozen
class Witness:
    """A flow (or a host's features) that shows what a finding says; ``asked`` are the fields that matter."""

    values: Mapping[str, Any]
    asked: tuple[str, ...] = ()

    def cells(self, every: bool = True) -> dict[str, str]:
        """The values as the flows of a test write them; only those asked about where not ``every``."""
        names = [n for n in SHOWN if n in self.values] if "sip" in self.values else list(self.values)
        out = {n: cell(n, self.values[n]) for n in names if every or n in self.asked}
        return {n: text for n, text in out.items() if text}

    def __str__(self) -> str:
        """One line: the fields that matter, and the protocol."""
        return ", ".join(f"{name} {text}" for name, text in self.cells(every=False).items())


def cell(name: str, value: Any) -> str:
    """A value as the flows of a test write it; empty where it says nothing."""
    match name:
        case "sip" | "dip" | "nhip":
            from flowrules.model.address_text import format_address

            return "" if name == "nhip" and value in (0, IPV4_MAPPED) else format_address(value)
        case "flags" | "initial_flags" | "session_flags":
            return "".join(k for k, bit in TCP_FLAGS.items() if value & bit)
        case "attributes":
            return "".join(k for k, bit in ATTRIBUTES.items() if value & bit)
        case "stime":
            from flowrules.model.value_text import format_time

            return format_time(value)
        case "duration":
            return f"{value / 1000:g}" if value else "0"
        case "input" | "output" | "application":
            return str(value) if value else ""
        case "protocol":
            return str(value)
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"{float(value):g}"
    return str(value)


def protocol_name(number: int) -> str:
    """A protocol as the language calls it."""
    return next((n for n, v in PROTOCOLS.items() if v == number), str(number))


def asked_fields(variables: Iterable[Variable]) -> tuple[str, ...]:
    """The fields that some variables are, and those that derived ones are made of."""
    keys = [v.key for v in variables]
    names = {k for k in keys if isinstance(k, str)}
    for derived, parts in (
        ("etime", ("stime", "duration")),
        ("bytes_per_packet", ("bytes", "packets")),
        ("bytes_per_second", ("bytes", "duration")),
        ("packets_per_second", ("packets", "duration")),
    ):
        if derived in names:
            names |= set(parts)
    if any(not isinstance(k, str) for k in keys):
        names |= {"sip", "dip", "stime"}
    if names & {"sport", "dport", "flags"}:
        names.add("protocol")
    return tuple(n for n in SHOWN if n in names)


def candidates(state: State) -> Iterator[dict[str, Any]]:
    """Flows that may satisfy a state, the plainest first; each still has to be tried."""
    one = {name: _choices(state, name) for name in _SIMPLE}
    times = list(_times(state))
    sizes = list(_sizes(state))
    base = [one[n] for n in _SIMPLE]
    tried = 0
    for width in (1, 3, 6):
        for chosen in product(*(c[:width] for c in base)):
            flow = dict(zip(_SIMPLE, chosen, strict=True))
            for (packets, octets), (stime, duration) in product(sizes[: 4 * width], times[: 8 * width]):
                full = {**flow, "packets": packets, "bytes": octets, "stime": stime, "duration": duration}
                yield _completed(full, state)
                tried += 1
                if tried >= _MOST_TRIES * width:
                    break
            if tried >= _MOST_TRIES * width:
                break


_SIMPLE: Final = (
    "direction",
    "protocol",
    "sip",
    "dip",
    "sport",
    "dport",
    "flags",
    "initial_flags",
    "session_flags",
    "ip_version",
)


def _choices(state: State, name: str) -> list[Any]:
    at = variable(name)
    values = state[at].values if at in state else None
    if values is None:
        return [_default(name)]
    wished = [w for w in _wishes(name) if w in values]
    match values:
        case Numbers():
            found = list(islice(values.edges(), 12))
        case Bits():
            found = list(islice(values.values(), 8))
        case Labels():
            found = sorted(map(str, values.names)) if not values.others else [values.some()]
        case Hosts():
            found = list(_host_edges(values))
        case _:
            found = []
    return list(dict.fromkeys([*wished, *found])) or [_default(name)]


def _default(name: str) -> Any:
    return {
        "direction": "outbound", "protocol": 6, "sip": _OURS, "dip": _THEIRS, "type": None, "ip_version": None,
    }.get(name, 0)  # fmt: skip


def _wishes(name: str) -> tuple[Any, ...]:
    return {
        "protocol": (6, 17, 1, 58, 47),
        "sip": (_OURS, _THEIRS, _OURS6),
        "dip": (_THEIRS, _OURS, _THEIRS6),
        "sport": (0, 50000),
        "dport": (443, 80, 0),
        "direction": ("outbound", "inbound"),
    }.get(name, ())


def _host_edges(values: Hosts) -> Iterator[int]:
    for first, stop in values.stretches[:6]:
        yield first + 1 if first + 1 < stop and first & 0xFF == 0 else first
        yield stop - 1


def _bounds(state: State, name: str) -> Any:
    at = variable(name)
    return (state.get(at) or at.universe).values


def _sizes(state: State) -> Iterator[tuple[int, int]]:
    """Packets and bytes."""
    packets, octets, each = (_bounds(state, n) for n in ("packets", "bytes", "bytes_per_packet"))
    numbers = [1, *(e for e in islice(packets.edges(), 10) if 0 < e < 1 << 50)]
    counts = [p for p in dict.fromkeys(numbers) if p in packets] or [1]
    per = [Fraction(40), *islice(each.edges(), 6)]
    exact = list(islice(octets.edges(), 10))
    for count in counts:
        for amount in (*exact, *(p * count for p in per), *(-(-p * count // 1) for p in per)):
            whole = int(amount)
            if whole in octets and whole >= 20 * count:
                yield count, whole
        for amount in exact:
            for rate in per:
                if rate > 0 and amount // rate >= 1 and int(amount // rate) in packets:
                    yield int(amount // rate), int(amount)


def _times(state: State) -> Iterator[tuple[int, int]]:
    """Start and duration."""
    starts, durations, ends = (_bounds(state, n) for n in ("stime", "duration", "etime"))
    lengths = [d for d in (0, 1000, *islice(durations.edges(), 8)) if d in durations and d < 1 << 50] or [0]
    rates = [_bounds(state, n) for n in ("bytes_per_second", "packets_per_second")]
    for rate in rates:
        if not rate.full:
            lengths += [d for d in (1, 10, 100, 10_000, 60_000, 3_600_000) if d in durations]
    begins = [t for t in (START, *islice(starts.edges(), 8)) if t in starts and 0 <= t < _LATEST]
    for length in dict.fromkeys(lengths):
        for begin in begins:
            if begin + length in ends:
                yield begin, length
        for end in islice(ends.edges(), 8):
            if end - length in starts and 0 <= end - length < _LATEST:
                yield end - length, length
    if any(not isinstance(v.key, str) for v in state):
        for hour in range(168):
            if START + hour * _HOUR in starts:
                yield START + hour * _HOUR, lengths[0]


def _completed(flow: dict[str, Any], state: State) -> dict[str, Any]:
    """The flow with the fields that others decide: ends by direction, type, version."""
    if flow["direction"] == "inbound" and variable("sip") not in state and variable("dip") not in state:
        flow["sip"], flow["dip"] = flow["dip"], flow["sip"]
    if flow["protocol"] not in PORTED and variable("sport") not in state:
        flow["sport"] = 0
    flow["flags"] |= flow["initial_flags"] | flow["session_flags"]
    for name in ("application", "input", "output", "attributes"):
        found = _choices(state, name)
        flow[name] = found[0]
    flow["sensor"] = _choices(state, "sensor")[0] if variable("sensor") in state else "S0"
    flow["nhip"] = _choices(state, "nhip")[0] if variable("nhip") in state else IPV4_MAPPED
    flow["record_number"] = 0
    four = all(a >> 32 == 0xFFFF for a in (flow["sip"], flow["dip"], flow["nhip"]))
    if flow["ip_version"] is None:
        flow["ip_version"] = 4 if four and flow["protocol"] != 58 else 6
    blocked = _choices(state, "blocked")[0] if variable("blocked") in state else "no"
    flow["type"] = _type_of(flow["direction"], blocked == "yes", state)
    flow["blocked"] = blocked == "yes"
    return flow


def _type_of(direction: str, blocked: bool, state: State) -> str:
    """A SiLK type of a direction that the state allows; ``other`` has none."""
    at = variable("type")
    allowed = (state.get(at) or at.universe).values
    fitting = [t for t, d in TYPE_DIRECTION.items() if d == direction and (t in NULL_TYPES) == blocked]
    return next((t for t in fitting if t in allowed), "other")


def feature_values(state: State, names: Iterable[Variable]) -> dict[str, Any] | None:
    """A value for each feature that a state constrains; ``None`` where one has none."""
    out: dict[str, Any] = {}
    for at in names:
        values = (state.get(at) or at.universe).values
        match values:
            case Numbers():
                found = next((v for v in values.edges() if v == int(v)), next(iter(values.edges()), None))
                out[at.key.name] = found
            case Labels():
                out[at.key.name] = values.some()
            case _:
                return None
        if out[at.key.name] is None:
            return None
    return out
