"""What the bounds of zones say of predicates before a row is read: true of all rows, of none, or it depends.

A test of one field is evaluated, by the same evaluation that rows get, at the values where it may change its mind; its
bounds then say which of these occur in a zone.  *And*, *or* and *not* follow.  All zones are done at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings
    from flowrules.engine.task import Task
    from flowrules.model.address_set import AddressSet

Bools = NDArray[np.bool_]
Bounds = Mapping[str, NDArray[Any]]

DEPENDS: Final = 0
ALWAYS: Final = 1
NEVER: Final = 2

_NEGATED: Final = np.array([DEPENDS, NEVER, ALWAYS], np.uint8)

_TOGETHER: Final = 64
"""So many tests of a field are looked at together."""

_WIDE: Final = ("packets", "bytes", "stime", "duration", "input", "output")
"""Stored numbers with many values whose tests are folded."""

_ADDRESSES: Final = ("sip", "dip", "nhip")

_BEHIND: Final = {"class": "type"}
"""Fields that are told from another one alone."""


@frozen(eq=False)
class Decided:
    """What is known of predicates in some zones, by their identities; those that depend are missing."""

    truths: Mapping[int, bool]
    never: frozenset[int] = frozenset()
    """Those that no row passes."""
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

    def may_pass(self, where: Where) -> bool:
        """Whether a row may pass predicates."""
        return self.never.isdisjoint(where.identities)

    def matter(self, task: Task) -> bool:
        """Whether a row may pass the predicates of any grouping or collection of a task."""
        if not self.truths:
            return bool(task.groupings or task.collections)
        if not self._matters:
            wheres = (where for where, _ in (*task.groupings, *task.collections))
            self._matters.append(any(map(self.may_pass, wheres)))
        return self._matters[0]

    def _reduced(self, where: Where) -> Where | None:
        if not self.may_pass(where):
            return None
        told = self.truths
        if told.keys().isdisjoint(where.identities):
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
            if id(predicate) not in nodes:
                for node in _nodes(predicate):
                    nodes.setdefault(id(node), node)
        self._nodes = list(nodes.values())
        """What predicates are made of before these."""
        self._places = {number: place for place, number in enumerate(nodes)}
        self._identities = np.array(list(nodes), np.intp)
        self._around = around
        self._known: dict[bytes, Decided] = {}
        self._tests: dict[str, list[int]] = {}
        """The places of tests of one field, by its name."""
        self._others: list[int] = []
        by_types = around.direction.by_types
        for place, node in enumerate(self._nodes):
            name = _tested(node, by_types)
            if name is None:
                self._others.append(place)
            else:
                self._tests.setdefault(name, []).append(place)
        self._tables: dict[str, list[_FieldTests]] = {}
        self._members: dict[int, AddressSet | None] = {}

    def fold(self, bounds: Bounds, zones: int) -> NDArray[np.uint8]:
        """``ALWAYS``, ``NEVER`` or ``DEPENDS`` for each zone (row) and predicate (column)."""
        states = np.zeros((len(self._nodes), zones), np.uint8)
        for name, span in bounds.items():
            if name in _ADDRESSES:
                for place in self._tests.get(name, ()):
                    self._by_addresses(place, span, states[place])
            elif name in self._tests:
                for table in self._tables_of(name):
                    states[table.places] = table.within(span)
        for place in self._others:
            self._compose(self._nodes[place], bounds, states, states[place])
        return np.ascontiguousarray(states.T)

    def decided(self, states: NDArray[np.uint8]) -> Decided:
        """One row of ``fold`` by predicates; the same object for equal rows."""
        key = states.tobytes()
        held = self._known.get(key)
        if held is None:
            told = np.flatnonzero(states)
            always = states.take(told) == ALWAYS
            numbers = self._identities.take(told)
            truths = dict(zip(numbers.tolist(), always.tolist(), strict=True))
            never = frozenset(numbers[~always].tolist())
            held = self._known.setdefault(key, Decided(truths, never) if truths else NOTHING_DECIDED)
        return held

    def _compose(
        self, node: ex.Expression, bounds: Bounds, states: NDArray[np.uint8], out: NDArray[np.uint8]
    ) -> None:
        """Fold what is no test of one field, after what it is made of."""
        match node:
            case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
                if not items:
                    return
                told = states.take([self._places[id(item)] for item in items], axis=0)
                wanted = len(items) if isinstance(node, ex.And) else 1
                if isinstance(node, ex.NOf):
                    wanted = node.n
                out[np.count_nonzero(told == ALWAYS, axis=0) >= wanted] = ALWAYS
                out[np.count_nonzero(told != NEVER, axis=0) < wanted] = NEVER
            case ex.Not(of=of):
                out[:] = _NEGATED.take(states[self._places[id(of)]])
            case ex.Literal(value=bool() as value):
                out[:] = ALWAYS if value else NEVER
            case ex.Direction(name="all"):
                out[:] = ALWAYS
            case ex.Direction(name=name) if not self._around.direction.by_types and name != "blocked":
                _mark(out, self._by_nets(name, bounds))

    def _by_nets(self, name: str, bounds: Bounds) -> tuple[Bools, Bools] | None:
        ours = self._around.direction.internal
        if ours is None or "sip" not in bounds or "dip" not in bounds:
            return None
        from_us, to_us = (addresses_within(bounds[n], ours) for n in ("sip", "dip"))
        wanted = DIRECTION_CODES[name]
        if wanted in (INBOUND, EXTERNAL):
            from_us = from_us[1], from_us[0]
        if wanted in (OUTBOUND, EXTERNAL):
            to_us = to_us[1], to_us[0]
        return from_us[0] & to_us[0], from_us[1] | to_us[1]

    def _by_addresses(self, place: int, span: NDArray[Any], out: NDArray[np.uint8]) -> None:
        node = self._nodes[place]
        if place not in self._members:
            self._members[place] = _addresses(node, self._around)
        members = self._members[place]
        if members is None:
            return
        always, never = addresses_within(span, members)
        other = isinstance(node, ex.Compare) and node.op == "!="
        _mark(out, (never, always) if other else (always, never))

    def _tables_of(self, name: str) -> list[_FieldTests]:
        held = self._tables.get(name)
        if held is None:
            places = self._tests[name]
            parts = (places[first : first + _TOGETHER] for first in range(0, len(places), _TOGETHER))
            held = [_FieldTests(name, part, [self._nodes[p] for p in part], self._around) for part in parts]
            self._tables[name] = held
        return held


def _mark(out: NDArray[np.uint8], told: tuple[Bools, Bools] | None) -> None:
    if told is not None:
        out[told[0]] = ALWAYS
        out[told[1]] = NEVER


class _FieldTests:
    """Tests of one field, with what each says between the values at which any of them may change its mind."""

    def __init__(
        self, name: str, places: Sequence[int], tests: Sequence[ex.Expression], around: Surroundings
    ) -> None:
        self.places = places
        dtype = STORED[name].dtype
        assert dtype is not None
        limits = np.iinfo(dtype)
        self._points: NDArray[Any] = turning_points(int(limits.min), int(limits.max), tests).astype(dtype)
        rows = Rows(Chunk({name: self._points}, len(self._points)), around)
        told = [truth(test, rows) for test in tests]
        self._sure = _counts([held for held, _ in told])
        same = all(held is possible for held, possible in told)
        self._maybe = self._sure if same else _counts([possible for _, possible in told])

    def within(self, span: NDArray[Any]) -> NDArray[np.uint8]:
        """For each test (row) and zone with these bounds: whether it is always true, never, or it depends."""
        bounds = span.astype(self._points.dtype, copy=False)
        first = np.searchsorted(self._points, bounds[:, 0], side="right") - 1
        last = np.searchsorted(self._points, bounds[:, 1], side="right")
        out = np.zeros((len(self.places), len(span)), np.uint8)
        out[self._sure.take(last, axis=1) - self._sure.take(first, axis=1) == last - first] = ALWAYS
        out[self._maybe.take(last, axis=1) == self._maybe.take(first, axis=1)] = NEVER
        return out


def _counts(told: Sequence[Bools]) -> NDArray[np.int32]:
    """For each test (row) how many of the values before each (and before the end) pass it."""
    out = np.zeros((len(told), len(told[0]) + 1), np.int32)
    np.cumsum(np.stack(told), axis=1, out=out[:, 1:])
    return out


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


def _nodes(node: ex.Expression) -> Iterator[ex.Expression]:
    """The predicates that one is made of, and then itself."""
    match node:
        case ex.And(items=items) | ex.Or(items=items) | ex.NOf(items=items):
            for item in items:
                yield from _nodes(item)
        case ex.Not(of=of):
            yield from _nodes(of)
    yield node


def _tested(node: ex.Expression, by_types: bool) -> str | None:
    """The one stored field that a test looks at, where such tests are folded."""
    match node:
        case ex.FlagTest(name=name):
            return name
        case ex.Direction(name="all"):
            return None
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
