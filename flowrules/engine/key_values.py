"""The values of keys without dictionaries: of rows, of groups that a table has, and back as result columns.

Addresses and whole numbers stand for themselves; whatever else can be a key has the codes of its coder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.key_codes import AddressCoder, Coder, NumberCoder, codes_of, narrowed
from flowrules.engine.key_layout import Raw
from flowrules.engine.results import Series
from flowrules.engine.row_values import Rows, Values, is_mapped
from flowrules.model import expression as ex
from flowrules.model.fields import ADDRESS

Array = NDArray[Any]


class KeyValues(Protocol):
    """The values of one key.

    ``arrays`` and ``series`` are two steps, so that very many values can be kept in files between them.
    """

    def of_rows(self, rows: Rows) -> Raw | None:
        """The rows' values; ``None`` where they are of no kind that can be had so."""

    def of_groups(self, series: Series, codes: NDArray[np.uint32]) -> Raw:
        """The values of groups, from their result column and the coder's codes."""

    def arrays(self, raw: Raw) -> list[Array]:
        """Values as arrays, whose dtypes are the same for all of one layout."""

    def series(self, arrays: Sequence[Array]) -> Series:
        """The result column of such arrays."""


def key_values(coder: Coder) -> KeyValues:
    """The values of the key that a coder has the codes of."""
    if isinstance(coder, AddressCoder):
        return AddressValues(coder)
    if isinstance(coder, NumberCoder):
        return NumberValues(coder)
    return CodeValues(coder)


class AddressValues:
    """Addresses and blocks: IPv4 in 32 bits while all are, else 128."""

    def __init__(self, coder: AddressCoder) -> None:
        self._coder = coder

    def of_rows(self, rows: Rows) -> Raw | None:
        """The addresses of rows."""
        values = rows.values(self._coder.of)
        return _addresses(values.array, values.known)

    def of_groups(self, series: Series, codes: NDArray[np.uint32]) -> Raw:
        """The addresses of groups."""
        return _addresses(series.values, series.known)

    def arrays(self, raw: Raw) -> list[Array]:
        """Addresses, unknown ones as 0.0.0.0, and which are known, where some may not be."""
        if len(raw.parts) == 1:
            out: Array = raw.parts[0]
        else:
            out = np.empty(len(raw.parts[0]), ADDRESS)
            out["high"], out["low"] = raw.parts
            if raw.known is not None:
                out["low"][~raw.known] = 0xFFFF << 32
        return [out] if raw.known is None else [out, raw.known]

    def series(self, arrays: Sequence[Array]) -> Series:
        """Addresses, or blocks with their lengths."""
        addresses, *known = arrays
        if addresses.dtype == ADDRESS and _all_mapped(addresses):
            addresses = narrowed(addresses)
        return self._coder.series(addresses, _where(known))


def _all_mapped(addresses: Array) -> bool:
    """Whether all are IPv4, told from some at a time."""
    rows = range(0, len(addresses), _AT_ONCE)
    return all(bool(is_mapped(addresses[begin : begin + _AT_ONCE]).all()) for begin in rows)


_AT_ONCE: Final = 1 << 18


def _addresses(array: Array, known: NDArray[np.bool_] | None) -> Raw:
    if array.dtype == ADDRESS:
        parts: tuple[Array, ...] = (array["high"], array["low"])
    else:
        # a column of unknown addresses holds plain numbers
        parts = (array.astype(np.uint32, copy=False),)
    return _hidden(parts, known)


class NumberValues:
    """Whole numbers; times in bins by the number of their bin."""

    def __init__(self, coder: NumberCoder) -> None:
        self._coder = coder

    def of_rows(self, rows: Rows) -> Raw | None:
        """The numbers of rows."""
        of = self._coder.of
        values = rows.values(of.of if isinstance(of, ex.Bin) else of)
        if values.labels or values.denominators is not None or values.array.dtype.kind not in "biu":
            return None
        array = values.array
        if isinstance(of, ex.Bin):
            array = array // of.width
        self._coder.meets(array)
        return _numbers(Values(array, values.known))

    def of_groups(self, series: Series, codes: NDArray[np.uint32]) -> Raw:
        """The numbers of groups."""
        of = self._coder.of
        array = series.values // of.width if isinstance(of, ex.Bin) else series.values
        return _numbers(Values(array, series.known))

    def arrays(self, raw: Raw) -> list[Array]:
        """The numbers (of bins, when they begin), and which are known, where some may not be."""
        of = self._coder.of
        numbers = raw.parts[0].astype(np.uint64, copy=False)
        if isinstance(of, ex.Bin):
            numbers = numbers * np.uint64(of.width)
        return [numbers] if raw.known is None else [numbers, raw.known]

    def series(self, arrays: Sequence[Array]) -> Series:
        """Numbers; of bins, when they begin."""
        numbers, *known = arrays
        return self._coder.series(numbers, _where(known))


def _numbers(values: Values) -> Raw:
    array = values.array
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    elif array.dtype.kind == "i":
        wide = array.astype(np.int64, copy=False)
        narrow = not len(wide) or (int(wide.min()) >= 0 and int(wide.max()) <= 0xFFFF_FFFF)
        array = wide.astype(np.uint32) if narrow else wide.view(np.uint64)
    return _hidden((array,), values.known)


class CodeValues:
    """What only its coder tells apart."""

    def __init__(self, coder: Coder) -> None:
        self._coder = coder

    def of_rows(self, rows: Rows) -> Raw | None:
        """The codes of rows."""
        return Raw((codes_of(self._coder, rows),))

    def of_groups(self, series: Series, codes: NDArray[np.uint32]) -> Raw:
        """The codes of groups."""
        return Raw((codes,))

    def arrays(self, raw: Raw) -> list[Array]:
        """The codes."""
        return [raw.parts[0]]

    def series(self, arrays: Sequence[Array]) -> Series:
        """What the codes stand for."""
        return self._coder.decode(np.asarray(arrays[0]))


def _hidden(parts: tuple[Array, ...], known: NDArray[np.bool_] | None) -> Raw:
    if known is None or known.all():
        return Raw(parts)
    return Raw(tuple(p * known for p in parts), known)


def _where(known: Sequence[Array]) -> NDArray[np.bool_] | None:
    """Which values are known; ``None``: all."""
    if not known or known[0].all():
        return None
    return known[0]
