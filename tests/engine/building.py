"""Short ways to build checked programs and flows for tests of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np

from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.table import Chunk, FlowSource
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import ADDRESS, STORED
from flowrules.model.program import (
    FeatureDeclaration,
    FilterDeclaration,
    ProfileDeclaration,
    Program,
    Ruleset,
    SetDeclaration,
    TableColumn,
    TableDeclaration,
    VerdictDeclaration,
)

FIELD_TYPES = {
    "sip": t.ADDRESS, "dip": t.ADDRESS, "inside": t.ADDRESS, "outside": t.ADDRESS, "sport": t.PORT,
    "dport": t.PORT, "protocol": t.PROTOCOL, "packets": t.COUNT, "bytes": t.BYTES, "stime": t.TIME,
    "etime": t.TIME, "duration": t.DURATION, "type": t.LABEL, "sensor": t.LABEL, "flags": t.FLAGS,
    "bytes_per_packet": t.BYTES, "bytes_per_second": t.BYTES, "packets_per_second": t.NUMBER,
    "inside_port": t.PORT, "outside_port": t.PORT, "gap": t.DURATION, "icmp_type": t.ICMP_TYPE,
    "icmp_code": t.ICMP_CODE, "application": t.APPLICATION, "class": t.LABEL, "input": t.INTERFACE,
}  # fmt: skip


def f(name: str) -> ex.Field:
    return ex.Field(type=FIELD_TYPES[name], name=name)


def lit(value: Any, type_: t.Type = t.COUNT) -> ex.Literal:
    return ex.Literal(type=type_, value=value)


def all_of(*items: ex.Expression) -> ex.And:
    return ex.And(type=t.TRUTH, items=items)


def any_of(*items: ex.Expression) -> ex.Or:
    return ex.Or(type=t.TRUTH, items=items)


def no(item: ex.Expression) -> ex.Not:
    return ex.Not(type=t.TRUTH, of=item)


def cmp(left: ex.Expression | str, op: str, right: Any) -> ex.Compare:
    a = f(left) if isinstance(left, str) else left
    b = right if isinstance(right, ex.Expression) else lit(right, a.type)
    return ex.Compare(type=t.TRUTH, op=op, left=a, right=b)


def among(items: Any, collection: Any) -> ex.In:
    names = items if isinstance(items, tuple) else (items,)
    nodes = tuple(f(i) if isinstance(i, str) else i for i in names)
    if isinstance(collection, ex.SetExpression):
        collection = ex.InSet(collection)
    elif isinstance(collection, list):
        collection = ex.Ranges(tuple(c if isinstance(c, tuple) else (c, c) for c in collection))
    elif isinstance(collection, AddressSet):
        collection = ex.Addresses(collection)
    return ex.In(type=t.TRUTH, items=nodes, collection=collection)


def way(name: str) -> ex.Direction:
    return ex.Direction(type=t.TRUTH, name=name)


def ref(name: str, reversed: bool = False) -> ex.FilterRef:
    return ex.FilterRef(type=t.TRUTH, name=name, reversed=reversed)


def flags(high: int, mask: int, name: str = "flags") -> ex.FlagTest:
    return ex.FlagTest(type=t.TRUTH, name=name, pairs=((high, mask),))


TCP = cmp("protocol", "=", 6)
UDP = cmp("protocol", "=", 17)


def source(predicate: ex.Expression, direction: str | None = None, table: str | None = None) -> ex.Source:
    return ex.Source(predicate, table, direction)


def key(name: Any, of: ex.Expression | None = None) -> ex.Key:
    return ex.Key(name, of if of is not None else f(name))


def members(names: Any, src: ex.Source, keeps: tuple[ex.KeepStep, ...] = ()) -> ex.Members:
    keys = tuple(
        k if isinstance(k, ex.Key) else key(k) for k in (names if isinstance(names, tuple) else (names,))
    )
    return ex.Members(parts=tuple(k.of.type for k in keys), keys=keys, source=src, keeps=keeps)


def named(name: str, parts: tuple[t.Type, ...] = (t.ADDRESS,)) -> ex.SetNamed:
    return ex.SetNamed(parts=parts, name=name)


def addresses(*texts: str) -> AddressSet:
    nets = [ip_network(x) for x in texts]
    return AddressSet.from_ranges([(number(n[0]), number(n[-1])) for n in nets])


def number(address: Any) -> int:
    parsed = ip_address(str(address))
    return int(parsed) + (0xFFFF << 32 if parsed.version == 4 else 0)


RESULT_TYPES = {
    "flows": t.COUNT, "rows": t.COUNT, "distinct": t.COUNT, "mean": t.NUMBER, "deviation": t.NUMBER,
    "fraction": t.PERCENT, "share": t.PERCENT, "entropy": t.NUMBER, "first": t.TIME, "last": t.TIME,
    "active": t.DURATION, "sequential": t.PERCENT, "answered": t.COUNT, "peers": t.COUNT, "cumulative": t.PERCENT,
    "relative": t.NUMBER, "fit": t.NUMBER,
}  # fmt: skip


def m(name: str, *args: Any, source: ex.Source | None = None, per: tuple[ex.Key, ...] = ()) -> ex.Measure:
    nodes = tuple(f(a) if isinstance(a, str) else a for a in args)
    type_ = RESULT_TYPES.get(name)
    if type_ is None:
        type_ = t.list_of(nodes[0].type) if name in ("values", "span") else nodes[0].type
    return ex.Measure(type=type_, name=name, args=nodes, source=source, per=per)


def table(
    name: str,
    columns: Mapping[str, ex.Measure],
    src: ex.Source,
    keys: Sequence[Any] = (),
    keeps: tuple[ex.KeepStep, ...] = (),
    **more: Any,
) -> TableDeclaration:
    return TableDeclaration(
        name=f"t:{name}",
        columns=tuple(TableColumn(n, measure) for n, measure in columns.items()),
        source=src,
        keys=tuple(k if isinstance(k, ex.Key) else key(k) for k in keys),
        keeps=keeps,
        **more,
    )


def feature(
    name: str, measure: ex.Measure, src: ex.Source, keys: Any = ("sip",), **more: Any
) -> FeatureDeclaration:
    return FeatureDeclaration(
        name=f"t:{name}",
        type=measure.type,
        measure=measure,
        source=src,
        keys=tuple(k if isinstance(k, ex.Key) else key(k) for k in keys),
        **more,
    )


def profile(
    name: str,
    hosts: ex.SetExpression,
    features: Sequence[FeatureDeclaration] = (),
    verdicts: Sequence[VerdictDeclaration] = (),
    entries: Sequence[Any] = (),
) -> ProfileDeclaration:
    return ProfileDeclaration(
        name=f"t:{name}",
        hosts=hosts,
        parts=hosts.parts,
        features=tuple(features),
        verdicts=tuple(verdicts),
        anomalies=(),
        entries=tuple(entries),
    )


def program(
    filters: Mapping[str, ex.Expression] | None = None,
    sets: Mapping[str, ex.SetExpression] | None = None,
    tables: Iterable[TableDeclaration] = (),
    profiles: Iterable[ProfileDeclaration] = (),
    **more: Any,
) -> Program:
    return Program(
        rulesets={"t": Ruleset("t", "t.frules", {}, True)},
        parameters={},
        filters={f"t:{n}": FilterDeclaration(name=f"t:{n}", predicate=p) for n, p in (filters or {}).items()},
        sets={
            f"t:{n}": SetDeclaration(name=f"t:{n}", names=_names(s), parts=s.parts, set=s)
            for n, s in (sets or {}).items()
        },
        tables={x.name: x for x in tables},
        profiles={x.name: x for x in profiles},
        anomalies=more.pop("anomalies", {}),
        checks=more.pop("checks", {}),
        maps=more.pop("maps", {}),
        **more,
    )


def _names(expression: ex.SetExpression) -> tuple[str, ...]:
    if isinstance(expression, ex.Members):
        return tuple(k.name for k in expression.keys)
    return tuple(str(i) for i in range(len(expression.parts)))


# ---- flows --------------------------------------------------------------------------------------------

NOON = 1_767_614_400_000
"""2026-01-05T12:00Z, a Monday."""

TYPES = {
    name: BUILT_IN.flowtype_ids(name)[0]
    for name in ("in", "out", "inweb", "outweb", "int2int", "ext2ext", "innull", "other")
}

DEFAULTS: dict[str, Any] = {
    "sip": "10.0.0.1", "dip": "192.0.2.1", "sport": 0, "dport": 0, "protocol": 6, "packets": 1, "bytes": 40,
    "flags": 0, "stime": NOON, "duration": 0, "sensor": 0, "input": 0, "output": 0, "nhip": "0.0.0.0",
    "initial_flags": 0, "session_flags": 0, "attributes": 0, "application": 0, "type": "out", "ip_version": 4,
}  # fmt: skip


def address_column(values: Sequence[int]) -> np.ndarray[Any, Any]:
    if all(v >> 32 == 0xFFFF for v in values):
        return np.array([v & 0xFFFFFFFF for v in values], np.uint32)
    out = np.zeros(len(values), ADDRESS)
    out["high"] = [v >> 64 for v in values]
    out["low"] = [v & 0xFFFFFFFF_FFFFFFFF for v in values]
    return out


def row(**given: Any) -> dict[str, Any]:
    out = {**DEFAULTS, **given}
    for name in ("sip", "dip", "nhip"):
        if not isinstance(out[name], int):
            out[name] = number(out[name])
    if "ip_version" not in given and any(out[n] >> 32 != 0xFFFF for n in ("sip", "dip")):
        out["ip_version"] = 6
    return out


def chunk(rows: Sequence[Mapping[str, Any]], fields: frozenset[str], first: int = 0) -> Chunk:
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name in fields:
        values = [r[name] for r in rows]
        if name == "type":
            values = [TYPES[v] if isinstance(v, str) else v for v in values]
        dtype = STORED[name].dtype
        columns[name] = address_column(values) if dtype is None else np.array(values, dtype)
    return Chunk(columns, len(rows), first, "test")


def flow_source(
    rows: Sequence[Mapping[str, Any]],
    path: str = "test",
    lacks: frozenset[str] = frozenset(),
    once: bool = False,
) -> FlowSource:
    held = frozenset(DEFAULTS) - lacks

    def read(fields: frozenset[str] | None, count: int = 1 << 18) -> Iterator[Chunk]:
        wanted = held if fields is None else fields & held
        for start in range(0, len(rows), count):
            yield chunk(rows[start : start + count], wanted, start)

    return FlowSource(path, "rows", held, read, once)


def result_rows(frame: Any, names: Sequence[str] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a frame in Python's terms, in their order."""
    columns = [frame[n] for n in (names or list(frame.columns))]
    return [tuple(c.scalar(r) for c in columns) for r in range(frame.rows)]


def set_members(found: Any) -> set[Any]:
    """The members of a set result: addresses as ints, tuples as tuples."""
    if found.addresses is not None:
        return set(found.addresses.addresses())
    if found.frame is None:
        return set()
    return set(result_rows(found.frame))
