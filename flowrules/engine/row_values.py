"""The values of expressions for the rows of one chunk: stored and derived fields, blocks, bins, labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.dictionaries import NumberCodes
from flowrules.engine.results import Series
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS, ATTRIBUTES, IPV4_MAPPED
from flowrules.model.local_time import local_hour, local_weekday

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings

Known = NDArray[np.bool_]
Index = NDArray[np.intp]

ICMP: Final = 1
ICMP6: Final = 58

NOTHING: Final[Mapping[int, bool]] = {}

NO_DIRECTION: Final = 0
INBOUND: Final = 1
OUTBOUND: Final = 2
INTERNAL: Final = 3
EXTERNAL: Final = 4
DIRECTION_CODES: Final = {
    "inbound": INBOUND,
    "outbound": OUTBOUND,
    "internal": INTERNAL,
    "external": EXTERNAL,
}


@frozen(eq=False)
class Values:
    """A column of values: ``array`` as stored (any integer dtype, an address array, float64), or codes of
    labels where ``labels`` is true.

    ``known`` is ``None`` where all are.  A ratio is ``array * scale / denominators``, all whole numbers,
    with no denominator 0 among the known.  ``block`` says that addresses are the first of blocks, with
    the lengths ``(v4, v6)``.
    """

    array: NDArray[Any]
    known: Known | None = None
    denominators: NDArray[Any] | None = None
    scale: int = 1
    labels: bool = False
    block: tuple[int, int] | None = None

    @property
    def is_address(self) -> bool:
        """Whether these are addresses (or blocks)."""
        return self.array.dtype == ADDRESS or self.block is not None


class Rows:
    """Rows of a chunk (all of them, or those at ``index``) and what was computed from them so far.

    ``truths`` and ``held`` keep results by the identity of the node, which the plan makes the same for equal nodes.
    """

    def __init__(
        self,
        chunk: Chunk,
        around: Surroundings,
        index: Index | None = None,
        decided: Mapping[int, bool] = NOTHING,
    ) -> None:
        self.chunk = chunk
        self.around = around
        self.decided = decided
        """Predicates, by identity, that are known to be true or false of all rows of the chunk."""
        self._index = index
        self.rows = chunk.rows if index is None else len(index)
        self.truths: dict[int, tuple[Known, Known]] = {}
        self.held: dict[object, Any] = {}
        self.passed: Known | None = None
        """Which rows of the chunk these are, where that is at hand."""

    @property
    def index(self) -> Index | None:
        """The places of the rows in the chunk, ``None`` where they are all of it."""
        if self._index is None and self.passed is not None:
            self._index = np.flatnonzero(self.passed)
        return self._index

    def where(self, passed: Known) -> Rows:
        """Those that passed of these, which are all rows of the chunk; where they are is looked up when it is asked for."""
        out = Rows(self.chunk, self.around, None, self.decided)
        out.rows = int(np.count_nonzero(passed))
        out.passed = passed
        return out

    def listed(self, name: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Places of the addresses of a field in a table, and the table (see ``Chunk.listed``), ``None`` without such."""
        table = self.chunk.table
        if table is None or name not in self.chunk.listed:
            return None
        held: NDArray[Any] | None = self.held.get(("listed", name))
        if held is None:
            stored = self.chunk.listed[name]
            held = self.held["listed", name] = stored if self.index is None else stored.take(self.index)
        return held, table

    def take(self, index: Index) -> Rows:
        """The rows at ``index`` of these."""
        whole = index if self.index is None else self.index.take(index)
        return Rows(self.chunk, self.around, whole, self.decided)

    def homes(self, name: str) -> NDArray[Any] | None:
        """Numbers of the hosts of field ``sip`` or ``dip`` (see ``Chunk.homes``), ``None`` without such."""
        if name not in self.chunk.homes:
            return None
        held: NDArray[Any] | None = self.held.get(("homes", name))
        if held is None:
            stored = self.chunk.homes[name]
            held = stored if self.index is None else stored.take(self.index)
            self.held["homes", name] = held
        return held

    def one_direction(self) -> int | None:
        """The direction of all rows where their one type tells it, else ``None``."""
        rule = self.around.direction
        type_ = self.chunk.constants.get("type") if rule.by_types else None
        return None if type_ is None else int(rule.codes_of_types()[type_])

    def column(self, name: str) -> NDArray[Any]:
        """A stored field of the rows; a field that the source lacks has what ``assume`` says."""
        held = self.held.get(name)
        if held is None:
            held = self.held[name] = self.around.watch.column(name, self)
        return held

    def fetched(self, name: str) -> NDArray[Any]:
        """``column`` where it was not asked for before."""
        stored = self.chunk.columns.get(name)
        if stored is not None:
            if self.index is None:
                return stored
            if name in self.chunk.constants:
                return np.broadcast_to(stored[:1], (self.rows,))
            return stored.take(self.index)
        if self.around.assumes(name):
            return np.broadcast_to(self.around.assumed(name), (self.rows,))
        if name == "record_number":
            return self._numbered()
        if name == "ip_version":
            return _version_of(self.column("sip"))
        raise KeyError(f"the plan did not read {name}")

    def has(self, name: str) -> bool:
        """Whether a stored field was read, or is assumed."""
        return name in self.chunk.columns or self.around.assumes(name)

    def _numbered(self) -> NDArray[np.uint64]:
        first = np.uint64(self.chunk.first)
        if self.index is None:
            return np.arange(self.rows, dtype=np.uint64) + first
        return self.index.astype(np.uint64) + first

    def direction(self) -> NDArray[np.uint8]:
        """The direction of each row, one of ``DIRECTION_CODES`` or ``NO_DIRECTION``."""
        held = self.held.get("direction")
        if held is None:
            held = self.around.direction.of(self)
            self.held["direction"] = held
        return held

    def values(self, expression: ex.Expression) -> Values:
        """The values of an expression for each row."""
        held = self.held.get(id(expression))
        if held is None:
            held = self._values(expression)
            self.held[id(expression)] = held
        return held

    def _values(self, node: ex.Expression) -> Values:
        match node:
            case ex.Field(name=name):
                derived = _DERIVED.get(name)
                if derived is not None:
                    return derived(self)
                if name in ("sensor", "type"):
                    codes = self.around.labels.of(name, self.column(name))
                    return Values(codes, labels=True)
                return Values(self.column(name))
            case ex.Mask(of=of, v4=v4, v6=v6):
                inner = self.values(of)
                return Values(masked(inner.array, v4, v6), inner.known, block=(v4, v6))
            case ex.Bin(of=of, width=width):
                inner = self.values(of)
                return Values(inner.array // width * width, inner.known)
            case ex.KnownOr(of=of, other=other):
                return _known_or(self.values(of), self.around.constant(other, self.rows))
            case ex.Clock(part=part, of=of, zone=zone):
                inner = self.values(of)
                local = local_hour if part == "hour" else local_weekday
                return Values(local(inner.array.astype(np.int64, copy=False), zone), inner.known)
            case ex.MapLookup(map=name, args=args):
                return self.around.map_labels(name).of([self.values(a) for a in args])
            case ex.Literal():
                return self.around.constant(node, self.rows)
            case ex.Lookup(keys=keys):
                found = self.around.fetch(node, [self.series(k) for k in keys], self.rows)
                return self.around.values_of(found)
            case _ if node.type.name == "truth":
                from flowrules.engine.predicates import truth

                held, possible = truth(node, self)
                return Values(held, None if possible is held else held | ~possible)
            case _:
                raise TypeError(f"{type(node).__name__} has no meaning for a flow")

    def series(self, expression: ex.Expression) -> Series:
        """The values of an expression as a result column."""
        return self.around.series_of(self.values(expression), expression.type)


def masked(addresses: NDArray[Any], v4: int, v6: int) -> NDArray[Any]:
    """The first address of the block that each address lies in: /v4 for IPv4, /v6 for others."""
    mask4 = (0xFFFFFFFF << 32 - v4) & 0xFFFFFFFF
    if addresses.dtype != ADDRESS:
        return addresses & np.uint32(mask4)
    mask6 = ((1 << 128) - 1) << 128 - v6 & (1 << 128) - 1
    high, low = addresses["high"], addresses["low"]
    mapped = is_mapped(addresses)
    out = np.empty(len(addresses), ADDRESS)
    out["high"] = np.where(mapped, high, high & np.uint64(mask6 >> 64))
    low4 = np.uint64(0xFFFFFFFF_00000000 | mask4)
    out["low"] = low & np.where(mapped, low4, np.uint64(mask6 & 0xFFFFFFFF_FFFFFFFF))
    return out


def is_mapped(addresses: NDArray[Any]) -> Known:
    """Which addresses of an ``ADDRESS`` array are IPv4."""
    mapped: Known = (addresses["high"] == 0) & (
        addresses["low"] >> np.uint64(32) == np.uint64(IPV4_MAPPED >> 32)
    )
    return mapped


def _version_of(addresses: NDArray[Any]) -> NDArray[np.uint8]:
    """The version of records that do not say it: 4 where the address is IPv4."""
    if addresses.dtype != ADDRESS:
        return np.full(len(addresses), 4, np.uint8)
    return np.where(is_mapped(addresses), 4, 6).astype(np.uint8)


# ---- derived fields ---------------------------------------------------------------------------------


def _etime(rows: Rows) -> Values:
    return Values(rows.column("stime") + rows.column("duration"))


def _ratio(numerator: str, denominator: str, scale: int) -> Callable[[Rows], Values]:
    def ratio(rows: Rows) -> Values:
        below = rows.column(denominator)
        known = below != 0
        if denominator == "duration":
            known = below > 0
        return Values(rows.column(numerator), None if known.all() else known, below, scale)

    return ratio


def _icmp(shift: int) -> Callable[[Rows], Values]:
    def part(rows: Rows) -> Values:
        protocol = rows.column("protocol")
        known = protocol == ICMP
        six = protocol == ICMP6
        if six.any():
            known = known | six & (rows.column("ip_version") == 6)
        dport = rows.column("dport")
        return Values((dport >> shift & 0xFF).astype(np.uint8), known)

    return part


def _side(when_outbound: str, when_inbound: str) -> Callable[[Rows], Values]:
    def side(rows: Rows) -> Values:
        one = rows.one_direction()
        if one in (OUTBOUND, INBOUND):
            return Values(rows.column(when_outbound if one == OUTBOUND else when_inbound))
        direction = rows.direction()
        outbound = direction == OUTBOUND
        known = outbound | (direction == INBOUND)
        out, back = rows.column(when_outbound), rows.column(when_inbound)
        if out.dtype != back.dtype:
            from flowrules.flows.table import widen

            out, back = widen(out), widen(back)
        return Values(np.where(outbound, out, back), None if known.all() else known)

    return side


def _known_or(values: Values, other: Values) -> Values:
    """The values, and the other ones (of the same kind, all known) where they are unknown."""
    known = values.array != 0 if values.labels else values.known
    if known is None:
        return values
    if values.labels and values.known is not None:
        known = known & values.known
    return Values(np.where(known, values.array, other.array), labels=values.labels)


def _attributes(rows: Rows) -> Values:
    """The attributes that have letters; whether initial and session flags are carried is none of them."""
    return Values(rows.column("attributes") & np.uint8(sum(ATTRIBUTES.values())))


def _class(rows: Rows) -> Values:
    return Values(rows.around.labels.of("class", rows.column("type")), labels=True)


_DERIVED: Final[Mapping[str, Callable[[Rows], Values]]] = {
    "etime": _etime,
    "bytes_per_packet": _ratio("bytes", "packets", 1),
    "bytes_per_second": _ratio("bytes", "duration", 1000),
    "packets_per_second": _ratio("packets", "duration", 1000),
    "icmp_type": _icmp(8),
    "icmp_code": _icmp(0),
    "class": _class,
    "attributes": _attributes,
    "inside": _side("sip", "dip"),
    "outside": _side("dip", "sip"),
    "inside_port": _side("sport", "dport"),
    "outside_port": _side("dport", "sport"),
    "record_version": lambda rows: Values(rows.column("ip_version")),
}


# ---- labels -----------------------------------------------------------------------------------------


class LabelCodes:
    """One code for each label of the run, from 1; 0 stands for an unknown label."""

    def __init__(self) -> None:
        self._codes: dict[str | int, int] = {}
        self._labels: list[str | int | None] = [None]
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._labels)

    def code(self, label: str | int) -> int:
        """The code of a label."""
        found = self._codes.get(label)
        if found is None:
            with self._lock:
                found = self._codes.setdefault(label, len(self._labels))
                if found == len(self._labels):
                    self._labels.append(label)
        return found

    def decode(self, codes: NDArray[np.uint32]) -> NDArray[Any]:
        """The labels (``str`` or ``int`` objects) of codes; ``None`` for 0."""
        table = np.empty(len(self._labels), object)
        table[:] = self._labels
        return table.take(codes)


class FieldLabels:
    """Label codes of the fields whose stored numbers have names: sensor, type and class."""

    def __init__(self, codes: LabelCodes, name_of: Mapping[str, Callable[[int], str]]) -> None:
        self.codes = codes
        self._name_of = name_of
        self._numbers = {name: NumberCodes() for name in name_of}
        self._tables = {name: np.zeros(1, np.uint32) for name in name_of}
        self._lock = Lock()

    def of(self, field: str, numbers: NDArray[Any]) -> NDArray[np.uint32]:
        """The label code of each stored number."""
        held = self._numbers[field]
        codes = held.encode(numbers)
        table = self._tables[field]
        if len(table) < len(held):
            with self._lock:
                values = held.values()
                table = self._tables[field]
                name_of = self._name_of[field]
                more = [self.codes.code(name_of(int(v))) for v in values[len(table) :].tolist()]
                table = np.concatenate((table, np.array(more, np.uint32)))
                self._tables[field] = table
        return table.take(codes)

    def numbers_named(self, field: str, labels: frozenset[str], highest: int) -> NDArray[np.bool_]:
        """For each stored number up to ``highest`` whether its name is one of ``labels``."""
        name_of = self._name_of[field]
        return np.fromiter((name_of(n) in labels for n in range(highest + 1)), np.bool_, highest + 1)
