"""A plain row-by-row evaluator of checked programs, written for clarity: what the engine must agree with.

Flows are dictionaries (addresses as 128-bit ints, times in ms, ``direction`` as a word, labels as text).
Nothing here is fast, clever or shared with the engine.  Unknown is ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from attrs import define, field

from flowrules.model import expression as ex
from flowrules.model.program import Program, TableDeclaration

Row = Mapping[str, Any]
Truth = bool | None

IPV4 = 0xFFFF << 32


def is_ipv4(address: int) -> bool:
    return address >> 32 == 0xFFFF


# ---- three truth values -----------------------------------------------------------------------------


def kleene_and(parts: Iterable[Truth]) -> Truth:
    found = list(parts)
    if any(p is False for p in found):
        return False
    return None if any(p is None for p in found) else True


def kleene_or(parts: Iterable[Truth]) -> Truth:
    found = list(parts)
    if any(p is True for p in found):
        return True
    return None if any(p is None for p in found) else False


def kleene_not(part: Truth) -> Truth:
    return None if part is None else not part


def n_of(n: int, parts: Iterable[Truth]) -> Truth:
    found = list(parts)
    if sum(p is True for p in found) >= n:
        return True
    return False if sum(p is not False for p in found) < n else None


def comparable(a: Any, b: Any) -> tuple[Any, Any]:
    """Floats are compared with exact numbers as floats, everything else exactly."""
    if isinstance(a, float) or isinstance(b, float):
        return float(a), float(b)
    return a, b


def compare(op: str, a: Any, b: Any) -> Truth:
    if a is None or b is None:
        return None
    a, b = comparable(a, b)
    return {
        "=": lambda: a == b,
        "!=": lambda: a != b,
        "<": lambda: a < b,
        "<=": lambda: a <= b,
        ">": lambda: a > b,
        ">=": lambda: a >= b,
    }[op]()


# ---- one flow -----------------------------------------------------------------------------------------


def flow_field(name: str, row: Row) -> Any:
    match name:
        case "etime":
            return row["stime"] + row["duration"]
        case "bytes_per_packet":
            return Fraction(row["bytes"], row["packets"]) if row["packets"] else None
        case "packets_per_second":
            return Fraction(row["packets"] * 1000, row["duration"]) if row["duration"] else None
        case "bytes_per_second":
            return Fraction(row["bytes"] * 1000, row["duration"]) if row["duration"] else None
        case "icmp_type" | "icmp_code":
            icmp = row["protocol"] == 1 or (row["protocol"] == 58 and row["ip_version"] == 6)
            if not icmp:
                return None
            return row["dport"] >> 8 if name == "icmp_type" else row["dport"] & 255
        case "inside" | "outside" | "inside_port" | "outside_port":
            source = {"outbound": name.startswith("inside"), "inbound": name.startswith("outside")}
            if row["direction"] not in source:
                return None
            side = "s" if source[row["direction"]] else "d"
            return row[side + ("port" if name.endswith("port") else "ip")]
        case "sip" | "dip" | "nhip":
            return row.get(name)
        case _:
            return row.get(name)


@define
class Oracle:
    """The program, the flows, and what was worked out of them so far."""

    program: Program
    flows: list[Row]
    sets: dict[str, set[tuple[Any, ...]]] = field(factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(factory=dict)

    # -- values of a flow or of a row

    def value(self, node: ex.Expression, row: Row) -> Any:
        match node:
            case ex.Literal():
                return node.value
            case ex.Field():
                return flow_field(node.name, row)
            case ex.Column():
                return row.get(node.name)
            case ex.Mask():
                address = self.value(node.of, row)
                if address is None:
                    return None
                prefix = 96 + node.v4 if is_ipv4(address) else node.v6
                return address >> (128 - prefix) << (128 - prefix), prefix
            case ex.Bin():
                time = self.value(node.of, row)
                return None if time is None else time - time % node.width
            case ex.MapLookup():
                return self.label(node, row)
            case _:
                return self.truth(node, row)

    def label(self, node: ex.MapLookup, row: Row) -> Any:
        table = self.program.maps[node.map]
        parts = [self.value(a, row) for a in node.args]
        if any(p is None for p in parts):
            return None
        key = parts[1] << 16 | parts[0] if table.kind == "port, protocol" else parts[0]
        for start, end, index in zip(numbers(table.starts), numbers(table.ends), table.index, strict=True):
            if start <= key <= end:
                return table.labels[int(index)]
        return None

    # -- predicates

    def truth(self, node: ex.Expression, row: Row) -> Truth:
        match node:
            case ex.Direction(name="all"):
                return True
            case ex.Direction(name="blocked"):
                return bool(row.get("blocked", False))
            case ex.Direction():
                return row["direction"] == node.name
            case ex.Not():
                return kleene_not(self.truth(node.of, row))
            case ex.And():
                return kleene_and(self.truth(e, row) for e in node.items)
            case ex.Or():
                return kleene_or(self.truth(e, row) for e in node.items)
            case ex.FilterRef():
                predicate = self.program.filters[node.name].predicate
                return self.truth(predicate, reversed_row(row) if node.reversed else row)
            case ex.Compare():
                return compare(node.op, self.value(node.left, row), self.value(node.right, row))
            case ex.FlagTest():
                flags = row.get(node.name)
                return None if flags is None else any(flags & mask == high for high, mask in node.pairs)
            case ex.Known():
                return self.value(node.of, row) is not None
            case ex.In():
                values = [self.value(e, row) for e in node.items]
                return self.member(values, node.collection)
            case ex.Literal():
                return bool(node.value)
        raise TypeError(node)

    def member(self, values: list[Any], collection: ex.Collection) -> Truth:
        if any(v is None for v in values):
            return None
        match collection:
            case ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges):
                return any(low <= values[0] <= high for low, high in ranges)
            case ex.Labels(labels=labels):
                return values[0] in labels
            case ex.Addresses(set=members) | ex.Blocks(set=members):
                if isinstance(values[0], tuple):
                    first, prefix = values[0]
                    last = first | (1 << 128 - prefix) - 1
                    return any(low <= first and last <= high for low, high in members.ranges())
                return values[0] in members
            case ex.Tuples(rows=rows):
                return any(
                    all(low <= v <= high for v, (low, high) in zip(values, r, strict=True)) for r in rows
                )
            case ex.InSet(set=inner):
                return tuple(values) in self.set_of(inner)
        raise TypeError(collection)

    # -- sets

    def set_of(self, node: ex.SetExpression) -> set[tuple[Any, ...]]:
        match node:
            case ex.SetNamed():
                if node.name not in self.sets:
                    self.sets[node.name] = self.set_of(self.program.sets[node.name].set)
                return self.sets[node.name]
            case ex.SetLiteral(addresses=members) if members is not None:
                return {(a,) for a in members.addresses()}
            case ex.SetLiteral():
                out: set[tuple[Any, ...]] = set()
                for row in node.rows:
                    combos: list[tuple[Any, ...]] = [()]
                    for low, high in row:
                        combos = [(*c, v) for c in combos for v in range(low, high + 1)]
                    out.update(combos)
                return out
            case ex.SetAlgebra():
                left, right = self.set_of(node.left), self.set_of(node.right)
                return {"|": left | right, "&": left & right, "-": left - right, "^": left ^ right}[node.op]
            case ex.KeyColumn() if node.of_table:
                table = self.program.tables[node.owner]
                rows = self.table(node.owner)
                return {(r[table.keys[node.index].name],) for r in rows} - {(None,)}
            case ex.KeyColumn():
                named = ex.SetNamed(name=node.owner, parts=())
                return {(m[node.index],) for m in self.set_of(named)}
            case ex.Members():
                groups = self.groups(node.source, node.keys)
                kept = list(groups.items())
                for step in node.keeps:
                    assert isinstance(step, ex.Keep)
                    kept = [(k, g) for k, g in kept if self.group_truth(step.condition, node.source, g, {})]
                return {k for k, _ in kept if not any(part is None for part in k)}
        raise TypeError(node)

    # -- groups and measures

    def rows_of(self, source: ex.Source) -> list[Row]:
        rows: list[Row] = list(self.table(source.table)) if source.table else self.flows
        return [r for r in rows if self.truth(source.predicate, r) is True]

    def groups(self, source: ex.Source, keys: Iterable[ex.Key]) -> dict[tuple[Any, ...], list[Row]]:
        out: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.rows_of(source):
            out.setdefault(tuple(self.value(k.of, row) for k in keys), []).append(row)
        return out

    def measure(self, node: ex.Measure, source: ex.Source, group: list[Row]) -> Any:
        if source.direction and not any(r.get("direction") == source.direction for r in self.flows):
            return None
        args = node.args
        if node.name in ("flows", "rows"):
            return len(group)
        if node.name == "share":
            inner = args[0]
            assert isinstance(inner, ex.Measure)
            total = self.measure(inner, source, self.rows_of(source))
            return Fraction(self.measure(inner, source, group), total) if total else None
        if node.name == "fraction":
            hits = [self.truth(args[0], r) for r in group]
            return Fraction(sum(h is True for h in hits), len(group)) if group else None
        if node.name == "first":
            return min((r["stime"] for r in group), default=None)
        if node.name == "last":
            return max((r["stime"] + r["duration"] for r in group), default=None)
        values = [v for r in group if (v := self.value(args[0], r)) is not None]
        return MEASURES[node.name](values, args)

    def group_value(self, node: ex.Expression, source: ex.Source, group: list[Row], named: Row) -> Any:
        match node:
            case ex.Literal():
                return node.value
            case ex.Column():
                return named[node.name]
            case ex.Measure() if node.source is not None:
                return self.measure(node, node.source, self.rows_of(node.source))
            case ex.Measure():
                return self.measure(node, source, group)
            case ex.Arithmetic():
                left = self.group_value(node.left, source, group, named)
                right = self.group_value(node.right, source, group, named)
                return arithmetic(node.op, left, right)
            case ex.Lookup():
                keys = tuple(self.group_value(k, source, group, named) for k in node.keys)
                table = self.program.tables[node.owner]
                for row in self.table(node.owner):
                    if tuple(row[k.name] for k in table.keys) == keys and None not in keys:
                        return row[node.column]
                return None
        return self.group_truth(node, source, group, named)

    def group_truth(self, node: ex.Expression, source: ex.Source, group: list[Row], named: Row) -> Truth:
        def value(e: ex.Expression) -> Any:
            return self.group_value(e, source, group, named)

        def truth(e: ex.Expression) -> Truth:
            return self.group_truth(e, source, group, named)

        match node:
            case ex.Not():
                return kleene_not(truth(node.of))
            case ex.And():
                return kleene_and(truth(e) for e in node.items)
            case ex.Or():
                return kleene_or(truth(e) for e in node.items)
            case ex.NOf():
                return n_of(node.n, [truth(e) for e in node.items])
            case ex.Compare():
                return compare(node.op, value(node.left), value(node.right))
            case ex.In():
                return self.member([value(e) for e in node.items], node.collection)
            case ex.Known():
                return value(node.of) is not None
        raise TypeError(node)

    def table(self, name: str) -> list[dict[str, Any]]:
        """The kept rows of a table, keys and columns by name, in output order."""
        if name not in self.tables:
            self.tables[name] = self.make_table(self.program.tables[name])
        return self.tables[name]

    def make_table(self, table: TableDeclaration) -> list[dict[str, Any]]:
        groups = self.groups(table.source, table.keys)
        if not table.keys:
            groups = {(): groups.get((), [])}
        rows = []
        for key, group in groups.items():
            named = dict(zip((k.name for k in table.keys), key, strict=True))
            for column in table.columns:
                if column.measure.name != "cumulative":
                    named[column.name] = self.measure(column.measure, table.source, group)
            rows.append((named, group))
        rows.sort(key=lambda r: tuple(sort_key(r[0][k.name]) for k in table.keys))
        if table.order:
            for step in reversed(table.order):
                rows.sort(
                    key=lambda r, s=step: sort_key(
                        self.group_value(s.by, table.source, r[1], r[0]), s.descending
                    )
                )
        elif not any(k.of.type.name == "time" for k in table.keys):
            first = table.columns[0].name
            rows.sort(key=lambda r: sort_key(r[0].get(first), True))
        for step in table.keeps:
            rows = self.keep(step, rows, table)
        return [named for named, _ in rows]

    def keep(self, step: ex.KeepStep, rows: list[Any], table: TableDeclaration) -> list[Any]:
        if isinstance(step, ex.Keep):
            return [r for r in rows if self.group_truth(step.condition, table.source, r[1], r[0]) is True]
        assert isinstance(step, ex.KeepRank)
        by = step.by if step.by is not None else table.columns[0].measure

        def rank(r: Any) -> Any:
            return sort_key(self.group_value(by, table.source, r[1], r[0]), not step.bottom)

        ordered = sorted(rows, key=lambda r: tuple(sort_key(r[0][k.name]) for k in table.keys))
        ordered.sort(key=rank)
        chosen = ordered[: step.n]
        if step.ties and chosen:
            chosen += [r for r in ordered[step.n :] if rank(r) == rank(chosen[-1])]
        return [r for r in rows if any(r is c for c in chosen)]


def reversed_row(row: Row) -> Row:
    """The flow as seen from the other side: what ``reverse of`` exchanges."""
    swapped = dict(row)
    for a, b in (("sip", "dip"), ("sport", "dport"), ("input", "output")):
        swapped[a], swapped[b] = row.get(b), row.get(a)
    other = {"inbound": "outbound", "outbound": "inbound"}
    swapped["direction"] = other.get(row["direction"], row["direction"])
    if isinstance(row.get("type"), str):
        kind = row["type"]
        swapped["type"] = "out" + kind[2:] if kind.startswith("in") and kind != "int2int" else kind
        swapped["type"] = "in" + kind[3:] if kind.startswith("out") else swapped["type"]
    return swapped


def numbers(values: Any) -> list[int]:
    if values.dtype.names:
        return [int(v["high"]) << 64 | int(v["low"]) for v in values]
    return [int(v) for v in values]


def sort_key(value: Any, descending: bool = False) -> tuple[Any, ...]:
    """Unknown last, IPv4 before IPv6, numbers by size."""
    if value is None:
        return (1,)
    if isinstance(value, tuple):
        return (0, *(sort_key(v) for v in value))
    if isinstance(value, int) and not isinstance(value, bool) and value >= IPV4 and value >> 32 == 0xFFFF:
        return (0, 0, -value if descending else value)
    if isinstance(value, str):
        return (0, value)
    return (0, -value if descending else value)


def arithmetic(op: str, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    a, b = comparable(a, b)
    if op == "/":
        if b == 0:
            return None
        return a / b if isinstance(a, float) else Fraction(a) / Fraction(b)
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b}[op]()


def mean(values: list[Any], args: Any) -> Any:
    if not values:
        return None
    exact = Fraction(sum(Fraction(v) for v in values), len(values))
    return exact.numerator / exact.denominator


def deviation(values: list[Any], args: Any) -> Any:
    if not values:
        return None
    n = len(values)
    total = sum(Fraction(v) for v in values)
    squares = sum(Fraction(v) ** 2 for v in values)
    exact = squares / n - (total / n) ** 2
    return math.sqrt(exact)


def quantile(values: list[Any], args: Any) -> Any:
    if not values:
        return None
    share = args[1].value
    rank = max(1, math.ceil(share * len(values)))
    return sorted(values)[rank - 1]


def entropy(values: list[Any], args: Any) -> Any:
    if not values:
        return None
    n = len(values)
    counts = [values.count(v) for v in sorted(set(values))]
    return math.fsum(-(c / n) * math.log2(c / n) for c in counts)


MEASURES: dict[str, Callable[[list[Any], Any], Any]] = {
    "sum": lambda values, args: sum(values),
    "distinct": lambda values, args: len(set(values)),
    "min": lambda values, args: min(values, default=None),
    "max": lambda values, args: max(values, default=None),
    "mean": mean,
    "deviation": deviation,
    "quantile": quantile,
    "entropy": entropy,
    "values": lambda values, args: tuple(sorted(set(values))),
    "span": lambda values, args: (min(values), max(values)) if values else None,
    "active": lambda values, args: None,
}
