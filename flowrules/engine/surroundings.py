"""What the rows of a chunk are judged by beside themselves: names, maps, sets, look-ups, direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.address_ids import AddressIds
from flowrules.engine.conditions import fetch
from flowrules.engine.direction import DirectionRule
from flowrules.engine.map_labels import MapLabels
from flowrules.engine.member_tests import MemberTest, member_test
from flowrules.engine.predicates import SMALL
from flowrules.engine.results import Frame, Series, SetResult
from flowrules.engine.row_values import FieldLabels, LabelCodes, Rows, Values, is_mapped
from flowrules.engine.watch import UNWATCHED, Watch
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS, STORED
from flowrules.model.types import LABEL, Type

if TYPE_CHECKING:
    from flowrules.flows.silk_conf import SilkConf
    from flowrules.model.map_table import MapTable


class RowWorld(Protocol):
    """What the rows of a scan may ask of the rest of the run; see ``conditions.World``."""

    def rows_of(self, owner: str, previous: bool) -> Frame | None:
        """The kept rows of a declaration; ``None``: there are none."""

    def set_of(self, expression: ex.SetExpression) -> SetResult | None:
        """The members of a set; ``None``: not known (no earlier results)."""

    def map_of(self, name: str) -> MapTable:
        """A map by its qualified name."""

    def has_previous(self, owner: str, column: str | None) -> bool:
        """Whether earlier results hold a declaration."""


class FieldWords:
    """Several membership tests of one field with few values, answered by one look-up: a bit for each test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._bits: dict[ex.In, int] = {}
        self._tables: list[NDArray[Any]] = []
        self._by_id: dict[int, tuple[ex.In, int]] = {}
        self._lock = Lock()

    def add(self, node: ex.In) -> None:
        """Give a test its bit (before rows are read)."""
        if node in self._bits:
            return
        assert isinstance(node.collection, ex.Ranges)
        bit = len(self._bits)
        table, place = divmod(bit, 16)
        if place == 0:
            self._tables.append(np.zeros(SMALL[self.name], np.uint16))
        for low, high in node.collection.ranges:
            self._tables[table][max(low, 0) : high + 1] |= np.uint16(1 << place)
        # last: other threads look rows up meanwhile, and take every bit that is told here as done
        self._bits[node] = bit

    def test(self, node: ex.In, rows: Rows) -> NDArray[np.bool_]:
        """Which rows pass one of the tests."""
        held = self._by_id.get(id(node))
        if held is None:
            with self._lock:
                self.add(node)
                held = self._by_id[id(node)] = node, self._bits[node]
        bit = held[1]
        table, place = divmod(bit, 16)
        key = (self.name, "words", table)
        words = rows.held.get(key)
        if words is None or bit >= rows.held[key, "bits"]:
            rows.held[key, "bits"] = len(self._bits)
            words = rows.held[key] = self._tables[table].take(rows.column(self.name))
        passed: NDArray[np.bool_] = words & np.uint16(1 << place) != 0
        return passed


class Surroundings:
    """Dictionaries, names and earlier results that all threads of a run share.

    Pickled, it is what it was made from: dictionaries stay behind.
    """

    def __init__(
        self,
        direction: DirectionRule,
        conf: SilkConf,
        world: RowWorld,
        assume: Mapping[str, object] | None = None,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.direction = direction
        self.watch = watch
        self.world = world
        self.label_codes = LabelCodes()
        self.labels = FieldLabels(
            self.label_codes,
            {"sensor": conf.sensor_name, "type": conf.type_name, "class": conf.class_name},
        )
        self.conf = conf
        self.inside_ids = AddressIds()
        self.address_ids = AddressIds()
        self.assume = dict(assume or {})
        self._maps: dict[str, MapLabels] = {}
        self._members: dict[ex.SetExpression, MemberTest | None] = {}
        self._words: dict[str, FieldWords] = {}
        self._label_tables: dict[tuple[str, frozenset[str]], NDArray[np.bool_]] = {}
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Surroundings, (self.direction, self.conf, self.world, self.assume)

    # ---- fields

    def assumes(self, name: str) -> bool:
        """Whether the site says what to take for a field that a source lacks."""
        return name in self.assume

    def assumed(self, name: str) -> NDArray[Any]:
        """What a field that the source lacks is taken to hold (one element); ``KeyError`` without one."""
        value = self.assume[name]
        dtype = STORED[name].dtype
        if dtype is None:
            assert isinstance(value, int)
            return exact.addresses(STORED_ADDRESS, [value]).values
        if isinstance(value, str):
            value = self._number_named(name, value)
        return np.asarray([value], dtype)

    def _number_named(self, field: str, label: str) -> int:
        table = self.table_of_labels(field, frozenset((label,)))
        found = np.flatnonzero(table)
        return int(found[0]) if len(found) else len(table) - 1

    def table_of_labels(self, field: str, labels: frozenset[str]) -> NDArray[np.bool_]:
        """For each stored number of sensor or type whether its name is one of ``labels``."""
        held = self._label_tables.get((field, labels))
        if held is None:
            held = self.labels.numbers_named(field, labels, SMALL[field] - 1)
            self._label_tables[field, labels] = held
        return held

    def words_of(self, name: str, rows: Rows) -> FieldWords:
        """The shared tests of a field."""
        held = self._words.get(name)
        if held is None:
            with self._lock:
                held = self._words.setdefault(name, FieldWords(name))
        return held

    def prepare(self, predicates: Sequence[ex.Expression]) -> None:
        """Give every test of ports and the like its bit, so that rows are looked up once for all of them."""
        # equal ones, which stand in many rules, are one object
        for predicate in {id(p): p for p in predicates}.values():
            for node in predicate.walk():
                if not isinstance(node, ex.In) or not isinstance(node.collection, ex.Ranges):
                    continue
                item = node.items[0]
                if len(node.items) == 1 and isinstance(item, ex.Field) and item.name in SMALL:
                    held = self._words.setdefault(item.name, FieldWords(item.name))
                    if len(node.collection.ranges) > 1:
                        held.add(node)

    # ---- other declarations

    def map_labels(self, name: str) -> MapLabels:
        """A map as a function of values."""
        held = self._maps.get(name)
        if held is None:
            with self._lock:
                held = self._maps.get(name)
                if held is None:
                    held = MapLabels(self.world.map_of(name), self.label_codes)
                    self._maps[name] = held
        return held

    def members(self, expression: ex.SetExpression) -> MemberTest | None:
        """The test of membership in a set; ``None`` where it is not known (no earlier results)."""
        if expression not in self._members:
            found = self.world.set_of(expression)
            test = None if found is None else member_test(found, self.label_codes)
            with self._lock:
                self._members.setdefault(expression, test)
        return self._members[expression]

    def has_previous(self, owner: str, column: str | None) -> bool:
        """Whether earlier results hold a declaration."""
        return self.world.has_previous(owner, column)

    def fetch(self, node: ex.Lookup, keys: Sequence[Series], rows: int) -> Series:
        """A column of another declaration's rows, for the keys of each of ``rows`` rows."""
        frame = self.world.rows_of(node.owner, node.previous)
        if frame is None or frame.rows == 0:
            return exact.unknown(node.type, rows)
        return fetch(frame, node.column, keys, rows)

    # ---- values and result columns

    def constant(self, literal: ex.Literal, rows: int) -> Values:
        """A constant as a column of values."""
        return self.values_of(exact.constant(literal.type, literal.value, rows))

    def values_of(self, series: Series) -> Values:
        """A result column as values of rows."""
        if series.values.dtype == object and series.type.name in ("label", "text"):
            known = series.mask()
            codes = np.fromiter(
                (
                    self.label_codes.code(v) if k else 0
                    for v, k in zip(series.values.tolist(), known.tolist(), strict=True)
                ),
                np.uint32,
                len(series),
            )
            return Values(codes, series.known, labels=True)
        block = None
        if series.prefix is not None and len(series.prefix):
            block = (0, 0)
        return Values(series.values, series.known, series.denominators, block=block)

    def series_of(self, values: Values, type_: Type) -> Series:
        """Values of rows as a result column."""
        if values.labels:
            codes = values.array
            known = codes != 0
            return Series(type_, self.label_codes.decode(codes), None if known.all() else known)
        if values.denominators is not None:
            above = values.array
            if values.scale != 1:
                above = above.astype(object) * values.scale
            below = np.where(values.denominators == 0, 1, values.denominators)
            return Series(type_, above, values.known, below)
        prefix = None
        if values.block is not None:
            v4, v6 = values.block
            if values.array.dtype == ADDRESS:
                prefix = np.where(is_mapped(values.array), v4 + 96, v6).astype(np.uint8)
            else:
                prefix = np.full(len(values.array), v4 + 96, np.uint8)
        return Series(type_, values.array, values.known, None, prefix)


STORED_ADDRESS = Type("address")
"""The type of an assumed address."""

__all__ = ["LABEL", "FieldWords", "Surroundings"]
