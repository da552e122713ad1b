"""Codes for whatever can be a key or be counted: addresses, blocks, numbers, times, labels, ratios.

A coder turns the values of rows into codes (0: unknown) and codes back into a result column.  All
threads share the coders, so that codes of different chunks and files mean the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.address_ids import AddressIds
from flowrules.engine.dictionaries import NumberCodes, WordCodes
from flowrules.engine.results import Series
from flowrules.engine.row_values import INBOUND, OUTBOUND, LabelCodes, Rows, Values, is_mapped
from flowrules.model import expression as ex
from flowrules.model.types import Type

if TYPE_CHECKING:
    from flowrules.engine.surroundings import Surroundings

Codes = NDArray[np.uint32]


class Coder(Protocol):
    """Codes of the values of one expression."""

    of: ex.Expression
    width: int
    """The most bits that a code takes."""

    def __len__(self) -> int:
        """One more than the highest code given."""

    def encode(self, rows: Rows) -> Codes:
        """The code of each row's value."""

    def decode(self, codes: Codes) -> Series:
        """The values of codes."""


def _hidden(codes: Codes, values: Values) -> Codes:
    return codes if values.known is None else np.where(values.known, codes, 0).astype(np.uint32)


_FEW_BINS: Final = 5
"""Up to so many beginnings of bins are compared with times, which then need not be divided."""

_PLAIN: Final = 0xFFFF_FFFF
"""The greatest number that does without a code."""


def _known(codes: Codes) -> NDArray[np.bool_] | None:
    known = codes != 0
    return None if known.all() else known


def narrowed(addresses: NDArray[Any]) -> NDArray[Any]:
    """Addresses (dtype ``ADDRESS``) as ``uint32`` where all are IPv4."""
    if is_mapped(addresses).all():
        return addresses["low"].astype(np.uint32)
    return addresses


class AddressCoder:
    """Addresses and blocks, by their ids."""

    width = 32

    def __init__(self, of: ex.Expression, ids: AddressIds) -> None:
        self.of = of
        self._ids = ids

    @property
    def of_field(self) -> bool:
        """Whether the addresses are a stored field, as they stand in the chunk."""
        return isinstance(self.of, ex.Field) and self.of.name in ("sip", "dip", "nhip")

    def __len__(self) -> int:
        return len(self._ids)

    def numbered(self, rows: Rows) -> bool:
        """Whether the rows come with small numbers of these addresses."""
        name = _field_behind(self.of, rows)
        return name is not None and name in rows.chunk.homes

    def mostly_numbered(self, rows: Rows) -> bool:
        """Whether so many of the rows come with a number that looking the others up is little work."""
        name = _field_behind(self.of, rows)
        if name is None or name not in rows.chunk.homes:
            return False
        if "type" in rows.chunk.constants:
            return True
        # zones of several kinds were put together
        homes = rows.homes(name)
        return homes is not None and 8 * int(np.count_nonzero(homes)) >= 7 * rows.rows

    def encode(self, rows: Rows) -> Codes:
        """The id of each row's address."""
        name = _field_behind(self.of, rows)
        homes = None if name is None else rows.homes(name)
        if name is not None and homes is not None and rows.chunk.hosts is not None:
            return self._ids.encode_numbered(homes, rows.chunk.hosts, lambda: rows.column(name))
        listed = None if name is None else rows.listed(name)
        if listed is not None:
            return self._ids.encode_listed(*listed)
        values = rows.values(self.of)
        return _hidden(self._ids.encode(values.array), values)

    def encode_masked(self, rows: Rows, passed: NDArray[np.bool_]) -> Codes:
        """The ids of the addresses of the rows that passed, 0 for the others."""
        masked: Codes = codes_of(self, rows) * passed
        return masked

    def decode(self, codes: Codes) -> Series:
        """The addresses of ids."""
        known = _known(codes)
        addresses = self._ids.addresses().take(codes)
        if known is not None and not known.all():
            # an unknown address reads as 0.0.0.0
            addresses["low"][~known] = 0xFFFF << 32
            addresses["high"][~known] = 0
        return self.series(narrowed(addresses), known)

    def series(self, addresses: NDArray[Any], known: NDArray[np.bool_] | None) -> Series:
        """Addresses (``uint32`` or ``ADDRESS``; unknown ones are 0.0.0.0) as a result column."""
        prefix = None
        if isinstance(self.of, ex.Mask):
            mapped = is_mapped(addresses) if addresses.dtype.names else True
            prefix = np.where(mapped, self.of.v4 + 96, self.of.v6).astype(np.uint8)
            prefix = np.broadcast_to(prefix, len(addresses))
        return Series(self.of.type, addresses, known, None, prefix)

    def plain(self, rows: Rows) -> Values | None:
        """The rows' addresses as ``uint32``; ``None`` where any is not IPv4."""
        values = rows.values(self.of)
        return values if values.array.dtype == np.uint32 and not isinstance(self.of, ex.Mask) else None

    def encode_plain(self, values: NDArray[np.uint32]) -> Codes:
        """The ids of IPv4 addresses."""
        return self._ids.encode(values)

    def decode_plain(self, values: NDArray[np.uint32]) -> Series:
        """IPv4 addresses."""
        return Series(self.of.type, values)


def _field_behind(of: ex.Expression, rows: Rows) -> str | None:
    """The stored address field that an expression is in all of these rows, if it is one."""
    if not isinstance(of, ex.Field):
        return None
    if of.name in ("sip", "dip"):
        return of.name
    if of.name in ("inside", "outside"):
        direction = rows.one_direction()
        if direction in (INBOUND, OUTBOUND):
            return "sip" if (direction == OUTBOUND) == (of.name == "inside") else "dip"
    return None


class NumberCoder:
    """Whole numbers; times in bins by the number of their bin."""

    def __init__(self, of: ex.Expression, width: int) -> None:
        self.of = of
        self.width = width
        self._codes = NumberCodes()
        self._dtype: Any = np.int64

    def __len__(self) -> int:
        return len(self._codes)

    def encode(self, rows: Rows) -> Codes:
        """The code of each row's number."""
        of = self.of
        if isinstance(of, ex.Bin):
            inner = rows.values(of.of)
            return _hidden(self._codes_of_bins(inner.array, of.width), inner)
        values = rows.values(of)
        self.meets(values.array)
        return _hidden(self._codes.encode(values.array), values)

    def _codes_of_bins(self, times: NDArray[Any], width: int) -> Codes:
        """The codes of the bins of times; rows of a piece mostly lie in few of them."""
        if not len(times):
            return np.zeros(0, np.uint32)
        low, high = int(times.min()) // width, int(times.max()) // width
        if high - low > _FEW_BINS:
            return self._codes.encode(times // width)
        codes = self._codes.encode(np.arange(low, high + 1))
        if low == high:
            return np.broadcast_to(codes, len(times))
        place = (times >= (low + 1) * width).view(np.uint8)
        for bin_ in range(low + 2, high + 1):
            place += times >= bin_ * width
        return codes.take(place)

    def meets(self, numbers: NDArray[Any]) -> None:
        """Note the kind of numbers that there are."""
        if numbers.dtype == np.uint64 and not isinstance(self.of, ex.Bin):
            self._dtype = np.uint64

    def encode_masked(self, rows: Rows, passed: NDArray[np.bool_]) -> Codes:
        """The codes of the rows that passed, 0 for the others, whose numbers (of a stored field) get none."""
        assert isinstance(self.of, ex.Field)
        if self.of.name in rows.chunk.constants:
            return codes_of(self, rows) * passed
        return self._codes.encode(rows.values(self.of).array * passed) * passed

    def decode(self, codes: Codes) -> Series:
        """The numbers of codes."""
        numbers = self._codes.values(np.uint64).take(codes)
        if isinstance(self.of, ex.Bin):
            numbers = numbers * np.uint64(self.of.width)
        return self.series(numbers, _known(codes))

    def series(self, numbers: NDArray[np.uint64], known: NDArray[np.bool_] | None) -> Series:
        """Numbers (modulo 2**64, 0 where they are unknown; of bins, when they begin) as a result column."""
        values = numbers.view(self._dtype)
        return Series(
            self.of.type, values.astype(np.bool_) if self.of.type.name == "truth" else values, known
        )

    def plain(self, rows: Rows) -> Values | None:
        """Numbers (of times in bins those of their bins) as ``uint32``; ``None`` where any does not fit."""
        of = self.of
        values = rows.values(of.of if isinstance(of, ex.Bin) else of)
        array = values.array
        if array.dtype.kind not in "iu" or values.labels or values.denominators is not None:
            return None
        if isinstance(of, ex.Bin):
            array = array // of.width
        elif array.dtype == np.uint32:
            return values
        narrow = array.dtype.kind == "u" and array.dtype.itemsize < 4
        if not narrow and len(array) and (int(array.min()) < 0 or int(array.max()) > _PLAIN):
            return None
        return Values(array.astype(np.uint32), values.known)

    def encode_plain(self, values: NDArray[np.uint32]) -> Codes:
        """The codes of numbers (of bins)."""
        return self._codes.encode(values)

    def decode_plain(self, values: NDArray[np.uint32]) -> Series:
        """Numbers; of bins, when they begin."""
        numbers = values.astype(np.int64)
        return Series(self.of.type, numbers * self.of.width if isinstance(self.of, ex.Bin) else numbers)


PlainCoder = AddressCoder | NumberCoder
"""The coders whose values mostly are whole numbers of 32 bits, which can do without codes."""


class LabelCoder:
    """Labels, by the run's own codes."""

    width = 32

    def __init__(self, of: ex.Expression, labels: LabelCodes) -> None:
        self.of = of
        self._labels = labels

    def __len__(self) -> int:
        return len(self._labels)

    def encode(self, rows: Rows) -> Codes:
        """The code of each row's label."""
        values = rows.values(self.of)
        if values.labels:
            return _hidden(values.array, values)
        decoded = rows.around.values_of(rows.around.series_of(values, self.of.type))
        return _hidden(decoded.array.astype(np.uint32), decoded)

    def decode(self, codes: Codes) -> Series:
        """The labels of codes."""
        return Series(self.of.type, self._labels.decode(codes), _known(codes))


class RatioCoder:
    """Ratios of whole numbers in lowest terms, and floats by their bits."""

    width = 32

    def __init__(self, of: ex.Expression) -> None:
        self.of = of
        self._ratios = WordCodes(2)

    def __len__(self) -> int:
        return len(self._ratios)

    def encode(self, rows: Rows) -> Codes:
        """The code of each row's ratio; denominator 0 marks a float."""
        values = rows.values(self.of)
        if values.array.dtype.kind == "f":
            floats = values.array + 0.0  # one zero
            return _hidden(
                self._ratios.encode(floats.view(np.uint64), np.zeros(len(floats), np.uint64)), values
            )
        above = values.array.astype(np.uint64) * np.uint64(values.scale)
        if values.denominators is None:
            below = np.ones(len(above), np.uint64)
        else:
            below = np.where(values.denominators == 0, 1, values.denominators).astype(np.uint64)
            divisor = np.gcd(above, below)
            above, below = above // divisor, below // divisor
        return _hidden(self._ratios.encode(above, below), values)

    def decode(self, codes: Codes) -> Series:
        """The ratios of codes."""
        above, below = self._ratios.word(0).take(codes), self._ratios.word(1).take(codes)
        known = _known(codes)
        used = codes != 0
        if len(codes) and used.any() and bool((below[used] == 0).all()):
            return Series(self.of.type, above.view(np.float64), known)
        if bool((below[used] == 1).all()):
            whole = above if len(above) and int(above.max()) >= 1 << 63 else above.astype(np.int64)
            return Series(self.of.type, whole, known)
        return Series(self.of.type, above, known, np.where(below == 0, 1, below))


_WIDTHS = {
    "protocol": 9,
    "icmp_type": 9,
    "icmp_code": 9,
    "flags": 9,
    "attributes": 9,
    "port": 17,
    "application": 17,
    "truth": 2,
}
_RATIOS = frozenset({"bytes_per_packet", "bytes_per_second", "packets_per_second"})


def make_coder(of: ex.Expression, around: Surroundings, inside: bool) -> Coder:
    """The coder of an expression; ``inside`` says that its addresses are the site's own."""
    kind = of.type.name
    if kind in ("address", "block"):
        return AddressCoder(
            of,
            around.inside_ids
            if inside and kind == "address"
            else AddressIds()
            if kind == "block"
            else around.address_ids,
        )
    if _is_label(of):
        return LabelCoder(of, around.label_codes)
    if isinstance(of, ex.Field) and of.name in _RATIOS:
        return RatioCoder(of)
    if isinstance(of, ex.Column | ex.Lookup | ex.Literal) and kind in (
        "number",
        "percent",
        "bytes",
        "duration",
    ):
        return RatioCoder(of)
    return NumberCoder(of, _WIDTHS.get(kind, 32))


def _is_label(of: ex.Expression) -> bool:
    if isinstance(of, ex.MapLookup):
        return True
    return of.type.name in ("label", "text")


class Coders:
    """The coders of a run: one for each expression and side."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._held: dict[tuple[ex.Expression, Type, bool], Coder] = {}

    def of(self, expression: ex.Expression, inside: bool = False) -> Coder:
        """The coder of an expression."""
        key = (expression, expression.type, inside)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = make_coder(expression, self._around, inside)
        return held


def codes_of(coder: Coder, rows: Rows) -> Codes:
    """The codes of rows, computed once for each coder."""
    key = ("codes", id(coder))
    held = rows.held.get(key)
    if held is None:
        of = coder.of
        if isinstance(of, ex.Field) and of.name in rows.chunk.constants and rows.rows:
            held = np.broadcast_to(coder.encode(rows.take(_FIRST)), (rows.rows,))
        else:
            held = coder.encode(rows)
        rows.held[key] = held
    return held


_FIRST = np.zeros(1, np.intp)
