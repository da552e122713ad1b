"""What the bounds of zones say of predicates before a row is read: true of all rows, of none, or it depends.

A test of one field is evaluated, by the same evaluation that rows get, at the values where it may change its mind; its
bounds then say which of these occur in a zone.  *And*, *or* and *not* follow.  All zones are done at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.engine.predicates import SMALL, truth
from flowrules.engine.row_values import DIRECTION_CODES, EXTERNAL, INBOUND, OUTBOUND, Rows
from flowrules.engine.turning_points import turning_points
from flowrules.engine.where import Where
from flowrules.flows.table import Chunk
from flowrules.flows.zones import ANY_ADDRESS
from flowrules.model import expression as ex
from flowrules.model.fields import STORED
from flowrules.plan.field_use import TYPES, fields_of

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings
    from flowrules.engine.task import Task
    from flowrules.model.address_set import AddressSet

Bools = NDArray[np.bool_]
Bounds = Mapping[str, NDArray[Any]]

DEPENDS: Final = 0
ALWAYS: Final = 1
NEVER: Final = 2

_WIDE: Final = ("packets", "bytes", "stime", "duration", "input", "output")
"""Stored numbers with many values whose tests are folded."""

_ADDRESSES: Final = ("sip", "dip", "nhip")

_BEHIND: Final = {"class": "type"}
"""Fields that are told from another one alone."""


@frozen(eq=False)
class Decided:
    """What is known of predicates in some zones, by their identities; those that depend are missing."""

    truths: Mapping[int, bool]
    _wheres: dict[int, Where | None] = field(factory=dict, repr=False)
    _matters: list[bool] = field(factory=list, repr=False)

    def where(self, where: Where) -> Where | None:
        """The predicates that still have to be tested; ``None`` where no row passes."""
        if not self.truths:
            # nothing may be kept: this object may outlive the scan, and its predicates their identities
            return where
        if id(where) not in self._wheres:
            self._wheres[id(where)] = self._reduced(where)
        return self._wheres[id(where)]

    def matter(self, task: Task) -> bool:
        """Whether a row may pass the predicates of any grouping or collection of a task."""
        wheres = [where for where, _ in (*task.groupings, *task.collections)]
        if not self.truths:
            return bool(wheres)
        if not self._matters:
            told = self.truths
            self._matters.append(any(all(told.get(id(p)) is not False for p in w.predicates) for w in wheres))
        return self._matters[0]

    def _reduced(self, where: Where) -> Where | None:
        told = self.truths
        if any(told.get(id(p)) is False for p in where.predicates):
            return None
        if not any(id(p) in told for p in where.predicates):
            return where
        return Where(
            tuple(p for p in where.cheap if id(p) not in told),
            tuple(p for p in where.dear if id(p) not in told),
        )


NOTHING_DECIDED: Final = Decided({})


class Folds:
    """The predicates of a scan folded over zones."""

    def __init__(self, predicates: Iterable[ex.Expression], around: Surroundings) -> None:
        nodes: dict[int, ex.Expression] = {}
        for predicate in predicates:
            for node in _nodes(predicate):
                nodes.setdefault(id(node), node)
        self._nodes = list(nodes.values())
        self._around = around
        self._known: dict[bytes, Decided] = {}
        self._tests: dict[int, tuple[str, NDArray[Any], Bools, Bools] | AddressSet | None] = {}

    def fold(self, bounds: Bounds, zones: int) -> NDArray[np.uint8]:
        """``ALWAYS``, ``NEVER`` or ``DEPENDS`` for each zone (row) and predicate (column)."""
        found: dict[int, tuple[Bools, Bools]] = {}
        out = np.zeros((zones, len(self._nodes)), np.uint8)
        for place, node in enumerate(self._nodes):
            always, never = self._folded(node, bounds, zones, found)
            out[always, place] = ALWAYS
            out[never, place] = NEVER
        return out

    def decided(self, states: NDArray[np.uint8]) -> Decided:
        """One row of ``fold`` by predicates; the same object for equal rows."""
        key = states.tobytes()
        held = self._known.get(key)
        if held is None:
            truths = {id(self._nodes[p]): bool(states[p] == ALWAYS) for p in np.flatnonzero(states).tolist()}
            held = self._known.setdefault(key, Decided(truths) if truths else NOTHING_DECIDED)
        return held

    def _folded(
        self, node: ex.Expression, bounds: Bounds, zones: int, found: dict[int, tuple[Bools, Bools]]
    ) -> tuple[Bools, Bools]:
        held = found.get(id(node))
        if held is None:
            held = found[id(node)] = self._fold(node, bounds, zones, found)
        return held

    def _fold(
        self, node: ex.Expression, bounds: Bounds, zones: int, found: dict[int, tuple[Bools, Bools]]
    ) -> tuple[Bools, Bools]:
        no = np.zeros(zones, np.bool_)
        match node:
            case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
                told = [self._folded(item, bounds, zones, found) for item in items]
                if not told:
                    return no, no
                always = np.sum([a for a, _ in told], axis=0)
                open_ones = np.sum([~n for _, n in told], axis=0)
                wanted = len(items) if isinstance(node, ex.And) else 1
                if isinstance(node, ex.NOf):
                    wanted = node.n
                return always >= wanted, open_ones < wanted
            case ex.Not(of=of):
                always, never = self._folded(of, bounds, zones, found)
                return never, always
            case ex.Literal(value=bool() as value):
                return no | value, no | (not value)
            case ex.Direction(name="all"):
                return ~no, no
            case ex.Direction(name=name) if not self._around.direction.by_types and name != "blocked":
                return self._by_nets(name, bounds, zones)
        test = self._test(node)
        if test is None:
            return no, no
        if isinstance(test, tuple):
            name, points, held, possible = test
            span = bounds.get(name)
            return (no, no) if span is None else _within(span, points, held, possible)
        (name,) = fields_of((node,), TYPES)
        span = bounds.get(name)
        if span is None:
            return no, no
        always, never = addresses_within(span, test)
        if isinstance(node, ex.Compare) and node.op == "!=":
            return never, always
        return always, never

    def _by_nets(self, name: str, bounds: Bounds, zones: int) -> tuple[Bools, Bools]:
        no = np.zeros(zones, np.bool_)
        ours = self._around.direction.internal
        if ours is None or "sip" not in bounds or "dip" not in bounds:
            return no, no
        from_us, to_us = (addresses_within(bounds[n], ours) for n in ("sip", "dip"))
        wanted = DIRECTION_CODES[name]
        if wanted in (INBOUND, EXTERNAL):
            from_us = from_us[1], from_us[0]
        if wanted in (OUTBOUND, EXTERNAL):
            to_us = to_us[1], to_us[0]
        return from_us[0] & to_us[0], from_us[1] | to_us[1]

    def _test(self, node: ex.Expression) -> tuple[str, NDArray[Any], Bools, Bools] | AddressSet | None:
        """The truth of a test of one field at the values where it changes, or the addresses that it asks for."""
        if id(node) not in self._tests:
            self._tests[id(node)] = self._made(node)
        return self._tests[id(node)]

    def _made(self, node: ex.Expression) -> tuple[str, NDArray[Any], Bools, Bools] | AddressSet | None:
        name = _tested(node, self._around.direction.by_types)
        if name is None:
            return None
        if name in _ADDRESSES:
            return _addresses(node, self._around)
        dtype = STORED[name].dtype
        assert dtype is not None
        limits = np.iinfo(dtype)
        column = turning_points(int(limits.min), int(limits.max), (node,)).astype(dtype)
        held, possible = truth(node, Rows(Chunk({name: column}, len(column)), self._around))
        return name, column, held, possible


def addresses_within(span: NDArray[Any], members: AddressSet) -> tuple[Bools, Bools]:
    """Of which zones all addresses are members, by their bounds, and of which none."""
    low, high = span[:, 0].astype(np.uint64), span[:, 1].astype(np.uint64)
    first, last = members.v4_first.astype(np.uint64), members.v4_last.astype(np.uint64)
    # the first range that does not end before the zone begins
    place = np.searchsorted(last, low)
    there = place < len(first)
    begin = np.append(first, 0).take(place)
    end = np.append(last, 0).take(place)
    always = there & (begin <= low) & (high <= end)
    never = ~there | (begin > high)
    if len(members.v6_first):
        never &= high != np.uint64(ANY_ADDRESS)
    return always, never


def _within(span: NDArray[Any], points: NDArray[Any], held: Bools, possible: Bools) -> tuple[Bools, Bools]:
    """Over zones with these bounds: whether a test that changes at ``points`` only is always true, and never."""
    bounds = span.astype(points.dtype, copy=False)
    first = np.searchsorted(points, bounds[:, 0], side="right") - 1
    last = np.searchsorted(points, bounds[:, 1], side="right")
    sure = np.concatenate(([0], np.cumsum(held)))
    maybe = np.concatenate(([0], np.cumsum(possible)))
    return sure.take(last) - sure.take(first) == last - first, maybe.take(last) == maybe.take(first)


def _nodes(node: ex.Expression) -> Iterator[ex.Expression]:
    """A predicate and the predicates that it is made of."""
    yield node
    match node:
        case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
            for item in items:
                yield from _nodes(item)
        case ex.Not(of=of):
            yield from _nodes(of)


def _tested(node: ex.Expression, by_types: bool) -> str | None:
    """The one stored field that a test looks at, where such tests are folded."""
    match node:
        case ex.FlagTest(name=name):
            return name
        case ex.Direction(name=name):
            return "type" if by_types or name == "blocked" else None
        case ex.Compare(left=ex.Field(name=name), right=ex.Literal(value=value)) if value is not None:
            return name if name in SMALL or name in _WIDE or name in _ADDRESSES else _BEHIND.get(name)
        case ex.In(items=(ex.Field(name=name),), collection=collection):
            if name in _ADDRESSES:
                return name if isinstance(collection, ex.Addresses | ex.InSet | ex.Ranges) else None
            if name in SMALL or name in _WIDE or name in _BEHIND:
                numbers = isinstance(collection, ex.Ranges | ex.Numbers | ex.Labels)
                return _BEHIND.get(name, name) if numbers else None
    return None


def _addresses(node: ex.Expression, around: Surroundings) -> AddressSet | None:
    """The addresses for which a test is true; of a comparison, those that it compares with."""
    from flowrules.engine.member_tests import AddressMembers, NoMembers
    from flowrules.model.address_set import AddressSet

    match node:
        case ex.In(collection=ex.Addresses(set=members)):
            return members
        case ex.In(collection=ex.Ranges(ranges=ranges)):
            return AddressSet.from_ranges(ranges)
        case ex.In(collection=ex.InSet(set=named)):
            test = around.members(named)
            if isinstance(test, AddressMembers):
                return test.addresses
            return AddressSet.from_ranges(()) if isinstance(test, NoMembers) else None
        case ex.Compare(op="=" | "!=", right=ex.Literal(value=int() as value)):
            return AddressSet.from_ranges([(value, value)])
    return None
