"""What cells decide: tests of fields with few values, and, once they are divided by cuts, thresholds and ranges."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from attrs import frozen

from flowrules.model import expression as ex
from flowrules.plan.field_use import TYPES, fields_of

CELL_FIELDS: Final = (
    "type",
    "protocol",
    "flags",
    "initial_flags",
    "session_flags",
    "ip_version",
    "application",
    "sport",
    "dport",
)
"""Stored fields with few values, of which cells are made."""

ADDRESS_FIELDS: Final = frozenset({"sip", "dip", "nhip"})

CUT_FIELDS: Final = ("sip", "dip", "nhip", "packets", "bytes", "duration", "stime")
"""Stored fields with many values, whose thresholds and ranges can divide cells."""

MOST_CUTS: Final = 12_000
"""The most ranges of one field that divide cells; tests that would make it more are taken by themselves."""


def atoms(node: ex.Expression) -> tuple[ex.Expression, ...]:
    """The tests below *and*, *or*, *not* and *n of*, each once."""
    match node:
        case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
            return tuple(dict.fromkeys(a for item in items for a in atoms(item)))
        case ex.Not(of=of):
            return atoms(of)
        case _:
            return (node,)


def cut_field(atom: ex.Expression) -> str | None:
    """The field with many values of which a test compares a value with constants, and looks at nothing else."""
    match atom:
        case ex.Compare(left=ex.Field(name=name), right=ex.Literal(value=value)):
            whole = isinstance(value, int | Fraction) and not isinstance(value, bool)
            address = name in ADDRESS_FIELDS
            plain = isinstance(value, int) if address else whole
            return name if name in CUT_FIELDS and plain and (not address or atom.op in ("=", "!=")) else None
        case ex.In(items=(ex.Field(name=name),), collection=ex.Ranges() | ex.Numbers()):
            return name if name in CUT_FIELDS and name not in ADDRESS_FIELDS else None
        case ex.In(items=(ex.Field(name=name),), collection=ex.Addresses()):
            return name if name in ADDRESS_FIELDS else None
        case _:
            return None


def base_atoms(cuts: Iterable[ex.Expression]) -> tuple[ex.Expression, ...]:
    """The tests of fields with few values in predicates that cut others."""
    return tuple(dict.fromkeys(a for cut in cuts for a in atoms(cut) if cut_field(a) is None))


def range_count(atom: ex.Expression) -> int:
    """How many ranges a test compares with."""
    match atom:
        case ex.In(collection=ex.Ranges(ranges=ranges) | ex.Numbers(ranges=ranges)):
            return len(ranges)
        case ex.In(collection=ex.Addresses(set=members)):
            return members.range_count
        case _:
            return 1


def _is_atom(node: ex.Expression, direction_by: str) -> bool:
    """Whether a test looks at one field with few values and nothing else."""
    match node:
        case ex.FlagTest(name=name):
            return name in CELL_FIELDS
        case ex.Direction(name=name):
            return name != "all" and direction_by == TYPES
        case ex.Compare(left=ex.Field(name=name), right=ex.Literal(value=value)):
            return name in CELL_FIELDS and value is not None
        case ex.In(items=(ex.Field(name=name),), collection=ex.Ranges() | ex.Numbers() | ex.Labels()):
            return name in CELL_FIELDS
        case _:
            return False


@frozen
class Decided:
    """Whether cells decide a predicate, by which fields, and whether it cuts some of them."""

    decidable: bool
    cut: bool
    fields: frozenset[str]


class Decisions:
    """What cells decide; equal predicates are one object, each of which is looked at once."""

    def __init__(self, direction_by: str) -> None:
        self._direction_by = direction_by
        self._held: dict[int, Decided] = {}
        self._ranges: dict[str, int] = {}

    def of(self, predicate: ex.Expression) -> Decided:
        """What cells can say of a predicate."""
        held = self._held.get(id(predicate))
        if held is None:
            held = self._held[id(predicate)] = self._decide(predicate)
        return held

    def _decide(self, predicate: ex.Expression) -> Decided:
        fields: set[str] = set()
        cut = False
        for atom in atoms(predicate):
            name = cut_field(atom)
            if name is not None:
                count = self._ranges.get(name, 0) + range_count(atom)
                if count > MOST_CUTS:
                    return Decided(False, False, frozenset())
                self._ranges[name] = count
                cut = True
            elif _is_atom(atom, self._direction_by):
                fields.update(fields_of((atom,), self._direction_by))
            else:
                return Decided(False, False, frozenset())
        return Decided(bool(fields) or cut, cut, frozenset(fields))
