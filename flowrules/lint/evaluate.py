"""One flow, or one host's features, judged by a predicate: plain, slow, and independent of the proofs.

A flow is a mapping from the field catalogue's names to values as ``model.types`` says (addresses as 128-bit
integers, times in ms, labels as text), with ``direction`` (a word) and ``blocked`` (a bool) beside them.
Every witness passes here before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from flowrules.lint.facts import ICMP, NULL_TYPES, PORTED, TYPE_DIRECTION
from flowrules.model import expression as ex
from flowrules.model.address_text import is_ipv4
from flowrules.model.program import Program
from flowrules.model.reversal import OTHER_TYPE, OTHER_WAY

Flow: TypeAlias = Mapping[str, Any]
Truth: TypeAlias = bool | None


class Undetermined(Exception):
    """What the predicate asks depends on other flows, or on what the site binds."""


def truth(node: ex.Expression, flow: Flow, program: Program) -> Truth:
    """Whether a flow passes; ``None`` is unknown.  Raises ``Undetermined``."""
    match node:
        case ex.And(items=items):
            return _all(truth(i, flow, program) for i in items)
        case ex.Or(items=items):
            return _not(_all(_not(truth(i, flow, program)) for i in items))
        case ex.Not(of=of):
            return _not(truth(of, flow, program))
        case ex.NOf(n=n, items=items):
            found = [truth(i, flow, program) for i in items]
            if sum(f is True for f in found) >= n:
                return True
            return False if sum(f is not False for f in found) < n else None
        case ex.FilterRef(name=name, reversed=reversed_):
            declared = program.filters[name].predicate
            return truth(declared, reversed_flow(flow) if reversed_ else flow, program)
        case ex.Direction(name="all"):
            return True
        case ex.Direction(name="blocked"):
            return bool(flow.get("blocked"))
        case ex.Direction(name=name):
            return bool(flow["direction"] == name)
        case ex.FlagTest(name=name, pairs=pairs):
            return any(flow[name] & mask == high for high, mask in pairs)
        case ex.Compare(op=op, left=left, right=right):
            return _compare(op, value(left, flow, program), value(right, flow, program))
        case ex.In(items=items, collection=collection):
            return _member([value(i, flow, program) for i in items], collection, program)
        case ex.Known(of=of):
            return value(of, flow, program) is not None
        case ex.Literal(value=bool() as known):
            return known
    found_value = value(node, flow, program)
    return None if found_value is None else bool(found_value)


def _all(parts: Iterable[Truth]) -> Truth:
    out: Truth = True
    for part in parts:
        if part is False:
            return False
        if part is None:
            out = None
    return out


def _not(part: Truth) -> Truth:
    return None if part is None else not part


def _compare(op: str, a: Any, b: Any) -> Truth:
    if a is None or b is None:
        return None
    match op:
        case "=":
            return bool(a == b)
        case "!=":
            return bool(a != b)
        case "<":
            return bool(a < b)
        case "<=":
            return bool(a <= b)
        case ">":
            return bool(a > b)
    return bool(a >= b)


def _member(values: list[Any], collection: ex.Collection, program: Program) -> Truth:
    if isinstance(collection, ex.InSet):
        if not isinstance(collection.set, ex.SetLiteral) or collection.set.addresses is None:
            raise Undetermined
        collection = ex.Addresses(collection.set.addresses)
    if any(v is None for v in values):
        return None
    first = values[0]
    match collection:
        case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges):
            return any(low <= first <= high for low, high in ranges)
        case ex.Labels(labels=labels):
            return first in labels
        case ex.Addresses(set=members) | ex.Blocks(set=members):
            if isinstance(first, tuple):
                start, length = first
                end = start | (1 << 128 - length) - 1
                return any(low <= start and end <= high for low, high in members.ranges())
            return first in members
        case ex.Wildcards(wildcards=wildcards):
            return any(first in w for w in wildcards)
        case ex.Tuples(rows=rows):
            return any(
                all(low <= v <= high for v, (low, high) in zip(values, row, strict=True)) for row in rows
            )
        case ex.InSchedule(schedule=schedule):
            return bool(schedule.contains(np.array([first], np.int64))[0])
    raise Undetermined


def value(node: ex.Expression, flow: Flow, program: Program) -> Any:
    """The value of an expression; ``None`` is unknown.  Raises ``Undetermined``."""
    match node:
        case ex.Literal(value=literal):
            return literal
        case ex.Field(name=name):
            return field_value(name, flow)
        case ex.Mask(of=of, v4=v4, v6=v6):
            address = value(of, flow, program)
            if address is None:
                return None
            length = 96 + v4 if is_ipv4(address) else v6
            return address >> 128 - length << 128 - length, length
        case ex.Bin(of=of, width=width):
            time = value(of, flow, program)
            return None if time is None else time // width * width
        case ex.KnownOr(of=of, other=other):
            found = value(of, flow, program)
            return other.value if found is None else found
        case ex.Clock(part=part, of=of, zone=zone):
            from flowrules.model.local_time import local_hour, local_weekday

            time = value(of, flow, program)
            if time is None:
                return None
            local = local_hour if part == "hour" else local_weekday
            return int(local(np.array([time], np.int64), zone)[0])
        case ex.MapLookup():
            return _label(node, flow, program)
        case ex.Feature(name=name) | ex.Column(name=name) if name in flow:
            return flow[name]
        case ex.And() | ex.Or() | ex.Not() | ex.NOf() | ex.In() | ex.Compare() | ex.Known():
            return truth(node, flow, program)
    raise Undetermined


def field_value(name: str, flow: Flow) -> Any:
    """A field, stored or derived, of a flow."""
    match name:
        case "etime":
            return flow["stime"] + flow["duration"]
        case "bytes_per_packet":
            return Fraction(flow["bytes"], flow["packets"]) if flow["packets"] else None
        case "packets_per_second" | "bytes_per_second":
            amount = flow["packets" if name.startswith("packets") else "bytes"]
            return Fraction(amount * 1000, flow["duration"]) if flow["duration"] else None
        case "icmp_type" | "icmp_code":
            if flow["protocol"] != 1 and (flow["protocol"] != 58 or flow["ip_version"] != 6):
                return None
            return flow["dport"] >> 8 if name == "icmp_type" else flow["dport"] & 255
        case "inside" | "outside" | "inside_port" | "outside_port":
            if flow["direction"] not in OTHER_WAY:
                return None
            source = (flow["direction"] == "outbound") == name.startswith("inside")
            return flow[("s" if source else "d") + ("port" if name.endswith("port") else "ip")]
        case "record_version":
            return flow["ip_version"]
    if name not in flow:
        raise Undetermined
    return flow[name]


def _label(node: ex.MapLookup, flow: Flow, program: Program) -> Any:
    table = program.maps.get(node.map)
    if table is None or node.map in program.parameters or ":" not in node.map:
        raise Undetermined
    parts = [value(a, flow, program) for a in node.args]
    if any(p is None for p in parts):
        return None
    if table.kind == "address":
        wanted = np.array([(parts[0] >> 64, parts[0] & (1 << 64) - 1)], table.starts.dtype)
        for start, end, index in zip(table.starts, table.ends, table.index, strict=True):
            if _pair(start) <= _pair(wanted[0]) <= _pair(end):
                return table.labels[int(index)]
        return None
    key = parts[1] << 16 | parts[0] if len(parts) == 2 else parts[0]
    for start, end, index in zip(table.starts.tolist(), table.ends.tolist(), table.index, strict=True):
        if start <= key <= end:
            return table.labels[int(index)]
    return None


def _pair(address: Any) -> tuple[int, int]:
    return int(address["high"]), int(address["low"])


def reversed_flow(flow: Flow) -> Flow:
    """The flow as the other end sees it."""
    out = dict(flow)
    for one, other in (("sip", "dip"), ("sport", "dport"), ("input", "output")):
        out[one], out[other] = flow.get(other), flow.get(one)
    out["direction"] = OTHER_WAY.get(flow["direction"], flow["direction"])
    if isinstance(flow.get("type"), str):
        out["type"] = OTHER_TYPE.get(flow["type"], flow["type"])
    return out


def is_real(flow: Flow) -> bool:
    """Whether a wire could carry the flow: what the facts of the proofs say of every flow."""
    packets, octets, protocol = flow["packets"], flow["bytes"], flow["protocol"]
    flags, first, session = flow["flags"], flow["initial_flags"], flow["session_flags"]
    ported = protocol in PORTED
    type_ = flow.get("type")
    return (
        packets >= 1
        and octets >= 20 * packets
        and (protocol == 6 or flags == first == session == 0)
        and not (first | session) & ~flags
        and (ported or flow["sport"] == 0)
        and (ported or protocol in ICMP or flow["dport"] == 0)
        and flow["duration"] >= 0
        and TYPE_DIRECTION.get(str(type_), "none") == flow["direction"]
        and (type_ in NULL_TYPES) == bool(flow.get("blocked"))
        and (flow["ip_version"] == 6 or all(is_ipv4(flow[a]) for a in ("sip", "dip", "nhip")))
    )
