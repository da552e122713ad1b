"""Random rules, and how each language says them.

``counts``: type, protocol, ports and flags.  ``mixed``: the same, with thresholds in 40 % and a CIDR in 25 % of the rules.
``cidrs``: one to twenty CIDRs of one end and nothing else.  ``thresholds``: one to three of packets, bytes and duration.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from random import Random
from typing import Any

from attrs import frozen

from benchmarks.flows import FLAGS, SERVICES, TYPES

KINDS = ("counts", "mixed", "cidrs", "thresholds")
NUMBERS = ("packets", "bytes", "duration")
Range = tuple[int, int]


@frozen
class FieldTest:
    """One test of a field: ``ranges`` of numbers, of which the value lies in one, or a mask of flags."""

    field: str
    ranges: tuple[Range, ...] = ()
    high: int = 0
    mask: int = 0
    negated: bool = False

    def frules(self) -> str:
        """The test in the language."""
        if self.field == "flags":
            text = f"flags matches {_letters(self.high)}/{_letters(self.mask)}" if self.high else (
                f"flags lacks {_letters(self.mask)}"
            )  # fmt: skip
        elif self.field == "type":
            text = f"type in ({', '.join(TYPES[low] for low, _ in self.ranges)})"
        elif self.field in ("sip", "dip"):
            text = f"{self.field} in ({', '.join(map(str, self.nets()))})"
        elif self.field in NUMBERS:
            ((low, high),) = self.ranges
            unit = {"bytes": "B", "duration": "ms"}.get(self.field, "")
            text = f"{self.field} >= {low}{unit}" if low else f"{self.field} <= {high}{unit}"
        else:
            text = f"{self.field} in ({self.listed()})"
        return f"not {text}" if self.negated else text

    def nets(self) -> list[Any]:
        """The ranges of addresses as networks."""
        return [ip_network((low, 32 - (high - low).bit_length())) for low, high in self.ranges]

    def listed(self, comma: str = ", ") -> str:
        """The ranges as text."""
        return comma.join(str(low) if low == high else f"{low}-{high}" for low, high in self.ranges)

    def over(self, column: Any) -> Any:
        """The test over a column of Polars or pandas."""
        if self.field == "flags":
            test = (column & self.mask) == self.high
        elif self.field in NUMBERS:
            ((low, high),) = self.ranges
            test = column >= low if low else column <= high
        else:
            single = [low for low, high in self.ranges if low == high]
            member = getattr(column, "is_in", None) or column.isin
            test = member(single) if len(single) > 1 else column == single[0] if single else None
            for low, high in self.ranges:
                if low != high:
                    within = (column >= low) & (column <= high)
                    test = within if test is None else test | within
        return ~test if self.negated else test

    def sql(self) -> str:
        """The test in SQL."""
        if self.field == "flags":
            text = f"flags & {self.mask} = {self.high}"
        elif self.field in NUMBERS:
            ((low, high),) = self.ranges
            text = f"{self.field} >= {low}" if low else f"{self.field} <= {high}"
        else:
            single = [str(low) for low, high in self.ranges if low == high]
            parts = [f"{self.field} in ({', '.join(single)})"] if single else []
            parts += [f"{self.field} between {low} and {high}" for low, high in self.ranges if low != high]
            text = f"({' or '.join(parts)})"
        return f"not ({text})" if self.negated else text


def _letters(flags: int) -> str:
    return "".join(letter for letter, bit in FLAGS.items() if flags & bit)


@frozen
class Rule:
    """Tests that must all pass, and pairs of tests of which one must."""

    tests: tuple[FieldTest, ...]
    either: tuple[FieldTest, FieldTest] | None
    host: str
    """The field of the home host: ``sip`` of flows out, ``dip`` of flows in."""

    def frules(self) -> str:
        """The predicate in the language."""
        parts = [t.frules() for t in self.tests]
        if self.either is not None:
            parts.append(f"({' or '.join(t.frules() for t in self.either)})")
        return " and ".join(parts)

    def over(self, column: Any) -> Any:
        """The predicate over columns of Polars or pandas; ``column`` gives one by its name."""
        parts = [t.over(column(t.field)) for t in self.tests]
        if self.either is not None:
            first, second = (t.over(column(t.field)) for t in self.either)
            parts.append(first | second)
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part
        return whole

    def sql(self) -> str:
        """The predicate in SQL."""
        parts = [t.sql() for t in self.tests]
        if self.either is not None:
            parts.append(f"({self.either[0].sql()} or {self.either[1].sql()})")
        return " and ".join(parts)


def make_rules(kind: str, count: int, seed: int = 1) -> list[Rule]:
    """Random rules; fewer rules of a seed are the first of more."""
    random = Random(seed)
    make = {"cidrs": _cidrs, "thresholds": _thresholds}.get(kind)
    if make is not None:
        return [make(random) for _ in range(count)]
    return [_rule(random, kind == "mixed") for _ in range(count)]


def _rule(random: Random, mixed: bool) -> Rule:
    outward = random.random() < 0.5
    tests = [_some_types(random, outward)]
    protocol = random.choices((6, 17, 1, None), (5, 3, 1, 2))[0]
    if protocol is not None:
        tests.append(FieldTest("protocol", ((protocol, protocol),)))
    either = None
    if protocol != 1 and random.random() < 0.85:
        if random.random() < 0.25:
            ports = _some_ports(random)
            either = (FieldTest("sport", ports), FieldTest("dport", ports))
        else:
            field = random.choice(("sport", "dport"))
            tests.append(FieldTest(field, _some_ports(random), negated=random.random() < 0.1))
    if protocol in (6, None) and random.random() < 0.4:
        high, mask = random.choice(((2, 18), (18, 18), (0, 16), (16, 20), (1, 1), (0, 4), (24, 24)))
        tests.append(FieldTest("flags", high=high, mask=mask))
    # drawn for every kind, so that the kinds have the same rules otherwise
    threshold, cidr = random.random() < 0.4, random.random() < 0.25
    bound, net = _bound(random), _net(random, 8, 18)
    if mixed and threshold:
        tests.append(bound)
    if mixed and cidr:
        tests.append(FieldTest("dip" if outward else "sip", (net,)))
    return Rule(tuple(tests), either, "sip" if outward else "dip")


def _cidrs(random: Random) -> Rule:
    field = random.choice(("sip", "dip"))
    nets = sorted({_net(random, 8, 28) for _ in range(random.randint(1, 20))})
    # a net inside another says nothing
    apart = [n for n in nets if not any(m != n and m[0] <= n[0] and n[1] <= m[1] for m in nets)]
    return Rule((FieldTest(field, tuple(apart)),), None, field)


def _thresholds(random: Random) -> Rule:
    tests: dict[str, FieldTest] = {}
    for _ in range(random.randint(1, 3)):
        test = _bound(random)
        tests[test.field] = test
    return Rule(tuple(tests.values()), None, "sip")


def _bound(random: Random) -> FieldTest:
    field, value = random.choice(NUMBERS), random.uniform(0.5, 4)
    bound = int({"packets": 1, "bytes": 100, "duration": 20}[field] * 10 ** (value / 1.5))
    return FieldTest(field, ((0, bound),) if random.random() < 0.3 else ((bound, 1 << 63),))


def _net(random: Random, widest: int, narrowest: int) -> Range:
    prefix, base = random.randint(widest, narrowest), random.randint(1 << 24, 223 << 24)
    low = base >> 32 - prefix << 32 - prefix
    return low, low + (1 << 32 - prefix) - 1


def _some_types(random: Random, outward: bool) -> FieldTest:
    own = (1, 3) if outward else (0, 2)
    chosen = own if random.random() < 0.6 else (random.choice(own),)
    return FieldTest("type", tuple((t, t) for t in chosen))


def _some_ports(random: Random) -> tuple[Range, ...]:
    if random.random() < 0.15:
        low = random.choice((0, 1024, 5000, 32768, 49152))
        return ((low, random.choice((1023, 9999, 49151, 65535)) if low == 0 else 65535),)
    listed = sorted(random.sample(SERVICES, random.choice((1, 1, 2, 3, 5, 8))))
    return tuple((p, p) for p in listed)


def fields_of(rules: Sequence[Rule]) -> set[str]:
    """The fields that rules test."""
    return {t.field for r in rules for t in (*r.tests, *(r.either or ()))}
