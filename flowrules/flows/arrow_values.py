"""The values of one Arrow column as the numbers of a field.

Every function takes a ``pyarrow.Array`` and raises ``ValueMistake`` for the first value that cannot be one of the field.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from flowrules.model.address_text import AddressError, parse_address, to_array
from flowrules.model.fields import ADDRESS, ATTRIBUTES, IPV4_MAPPED, PROTOCOLS, TCP_FLAGS

Array = NDArray[Any]

_TICKS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_MOST_SECONDS: Final = 10**11
"""Integers up to this are seconds, up to a thousand times this milliseconds, and so on: the year 5138."""


class ValueMistake(Exception):
    """The value in ``row`` (from 0) of a column: what was found there, and what was expected."""

    def __init__(self, row: int, found: str, expected: str) -> None:
        super().__init__(f"row {row}: {found}")
        self.row = row
        self.found = found
        self.expected = expected


def is_text(column: Any) -> bool:
    """Whether a column is text, plain or as a dictionary."""
    type_ = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


def joined(first: Any, second: Any) -> Any:
    """Two columns of text as one, with ``/`` between them; null where one is."""
    return pc.binary_join_element_wise(_text(first), _text(second), "/")


def integers(column: Any, dtype: np.dtype[Any] | None, null: int | None) -> Array:
    """Whole numbers of a dtype; ``null`` stands for no value (``None``: there must be one)."""
    assert dtype is not None
    limits = np.iinfo(dtype)
    expected = f"a whole number from {limits.min} to {limits.max}"
    column = _plain(column)
    if is_text(column) or pa.types.is_decimal(column.type):
        return _each(column, lambda value: int(value), dtype, expected, null)
    _no_nulls(column, null, expected)
    if pa.types.is_boolean(column.type) or not (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    ):
        raise ValueMistake(0, f"a column of {column.type}", expected)
    values = _numbers(column, 0 if null is None else null)
    if not len(values):
        return values.astype(dtype)
    low, high = values.min(), values.max()
    wrong = None
    if not (low >= limits.min and high <= limits.max):
        wrong = ~((values >= limits.min) & (values <= limits.max))
    elif values.dtype.kind == "f" and (np.trunc(values) != values).any():
        wrong = np.trunc(values) != values
    if wrong is not None:
        row = int(np.argmax(wrong))
        raise ValueMistake(row, str(values[row]), expected)
    return values.astype(dtype, copy=False)


def addresses(column: Any, null: int | None) -> Array:
    """Addresses from numbers (IPv4), 4 or 16 bytes in network order, or text; ``uint32`` where all are IPv4."""
    expected = "an IP address"
    column = _plain(column)
    if pa.types.is_integer(column.type):
        return integers(column, np.dtype("uint32"), null)
    packed = pa.types.is_fixed_size_binary(column.type) or pa.types.is_large_binary(column.type)
    if packed and len(column) and not column.null_count:
        together = _together(column)
        if together is not None:
            return together
    if not packed and not is_text(column):
        raise ValueMistake(0, f"a column of {column.type}", "addresses as text, numbers or 4 or 16 bytes")
    parse = _packed if packed else _address
    _no_nulls(column, null, expected)
    distinct, codes = _distinct(column)
    numbers = _parsed(distinct, codes, parse, expected)
    if null is not None:
        numbers.append(IPV4_MAPPED + null)
        codes[codes < 0] = len(numbers) - 1
    table: Array = to_array(numbers)
    return table.take(codes)


def unit_of(column: Any) -> int:
    """How many of a column's time units make a second: told by its type, or by the size of the first numbers."""
    column = _plain(column)
    if pa.types.is_timestamp(column.type):
        return _TICKS[column.type.unit]
    if not pa.types.is_integer(column.type):
        return 1
    values = _numbers(column, 0)
    most = int(np.abs(values).max()) if len(values) else 0
    return next((ticks for ticks in _TICKS.values() if most < _MOST_SECONDS * ticks), 10**9)


def times(column: Any, ticks: int) -> Array:
    """Times as ms since 1970 UTC: timestamps, numbers of ``ticks`` to the second, ISO 8601 text (UTC without a zone)."""
    expected = "a time"
    column = _plain(column)
    if is_text(column):
        return _each(column, _moment, np.dtype("int64"), "a time as ISO 8601 text or seconds", None)
    _no_nulls(column, None, expected)
    if pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    if pa.types.is_floating(column.type):
        return _seconds(column, expected)
    if not pa.types.is_integer(column.type):
        raise ValueMistake(0, f"a column of {column.type}", "timestamps, numbers or text")
    return _scaled(_numbers(column, 0).astype(np.int64), ticks)


def durations(column: Any) -> Array:
    """Durations in ms: Arrow durations, seconds as floating point or text, milliseconds as integers; 0 for no value."""
    column = _plain(column)
    if is_text(column):
        return _each(column, lambda text: round(1000 * float(text)), np.dtype("int64"), "seconds", 0)
    if pa.types.is_duration(column.type):
        return _scaled(_numbers(column.view(pa.int64()), 0), _TICKS[column.type.unit])
    if pa.types.is_floating(column.type):
        return _seconds(column, "seconds")
    if pa.types.is_integer(column.type):
        return integers(column, np.dtype("int64"), 0)
    if pa.types.is_time(column.type) or pa.types.is_interval(column.type):
        return _each(column, _interval, np.dtype("int64"), "an interval without months", 0)
    raise ValueMistake(0, f"a column of {column.type}", "durations, seconds or milliseconds")


def protocols(column: Any) -> Array:
    """IP protocol numbers, from numbers or names."""
    column = _plain(column)
    if not is_text(column):
        return integers(column, np.dtype("uint8"), None)

    def parse(text: str) -> int:
        name = text.strip().lower().replace("ipv6-icmp", "icmp6").replace("icmpv6", "icmp6")
        return PROTOCOLS[name] if name in PROTOCOLS else int(name)

    return _each(column, parse, np.dtype("uint8"), "a protocol's number or name", None)


def letters(column: Any, name: str) -> Array:
    """TCP flags or SiLK's attributes, from numbers or letters; 0 for no value."""
    column = _plain(column)
    if not is_text(column):
        return integers(column, np.dtype("uint8"), 0)
    bits = ATTRIBUTES if name == "attributes" else TCP_FLAGS

    def parse(text: str) -> int:
        text = text.strip()
        if text[:1].isdigit():
            return int(text, 0)
        out = 0
        for letter in text.upper():
            if letter not in " .-":
                out |= bits[letter]
        return out

    return _each(column, parse, np.dtype("uint8"), f"some of the letters {''.join(bits)}", 0)


def labels(column: Any, by_name: Callable[[str], int | None], dtype: np.dtype[Any], unknown: int) -> Array:
    """Ids, from ids or from names that ``by_name`` knows; ``unknown`` for no value."""
    column = _plain(column)
    if not is_text(column):
        return integers(column, dtype, unknown)

    def parse(text: str) -> int:
        id = by_name(text)
        if id is None:
            id = unknown if text in ("", "?") else int(text)
        return id

    return _each(column, parse, dtype, "a name that silk.conf has, or an id", unknown)


# ---------------------------------------------------------------- ways to numbers


def _plain(column: Any) -> Any:
    """The column without a wrapping type, and without a dictionary unless it is text."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type) and not is_text(column):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_string_view(column.type):
        column = column.cast(pa.large_utf8())
    elif pa.types.is_binary(column.type) or pa.types.is_binary_view(column.type):
        column = column.cast(pa.large_binary())
    return column


def _text(column: Any) -> Any:
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return column.cast(pa.utf8())


def _numbers(column: Any, null: int) -> Array:
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(null, column.type))
    values: Array = column.to_numpy(zero_copy_only=False)
    return values


def _no_nulls(column: Any, null: int | None, expected: str) -> None:
    if null is None and column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise ValueMistake(row, "no value", expected)


def _distinct(column: Any) -> tuple[list[Any], NDArray[np.int64]]:
    """The different values of a column, and for each row its place among them, -1 for no value."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = _numbers(encoded.indices.cast(pa.int64()), -1)
    return encoded.dictionary.to_pylist(), codes.copy()


def _parsed(
    distinct: list[Any], codes: NDArray[np.int64], parse: Callable[[Any], int], expected: str
) -> list[int]:
    used = np.bincount(codes[codes >= 0], minlength=len(distinct)) > 0
    out: list[int] = []
    for at, value in enumerate(distinct):
        try:
            out.append(parse(value) if used[at] else 0)
        except (ValueError, KeyError, TypeError, OverflowError, ArithmeticError) as error:
            raise ValueMistake(int(np.argmax(codes == at)), repr(value), expected) from error
    return out


def _each(
    column: Any, parse: Callable[[Any], int], dtype: np.dtype[Any], expected: str, null: int | None
) -> Array:
    """Values parsed one by one, each different one once."""
    _no_nulls(column, null, expected)
    distinct, codes = _distinct(column)
    numbers = _parsed(distinct, codes, parse, expected)
    limits = np.iinfo(dtype)
    for at, number in enumerate(numbers):
        if not limits.min <= number <= limits.max:
            raise ValueMistake(int(np.argmax(codes == at)), repr(distinct[at]), expected)
    table = np.array([*numbers, 0 if null is None else null], dtype)
    return table.take(codes)


def _together(column: Any) -> Array | None:
    """Addresses that lie one after another with 4 or with 16 bytes each; ``None`` where they do not."""
    rows = len(column)
    data = column.buffers()[-1]
    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        first = column.offset * width
    else:
        ends = np.frombuffer(column.buffers()[1], np.int64, rows + 1, 8 * column.offset)
        width, first = int(ends[1] - ends[0]), int(ends[0])
        if (np.diff(ends) != width).any():
            return None
    if width == 4:
        short: Array = np.frombuffer(data, ">u4", rows, first).astype(np.uint32)
        return short
    if width != 16:
        return None
    halves = np.frombuffer(data, ">u8", 2 * rows, first).reshape(-1, 2)
    high, low = halves[:, 0], halves[:, 1].astype(np.uint64)
    if not (high != 0).any() and not (low >> np.uint64(32) != 0xFFFF).any():
        narrow: Array = low.astype(np.uint32)
        return narrow
    out: Array = np.empty(rows, ADDRESS)
    out["high"], out["low"] = high, low
    return out


def _address(text: str) -> int:
    try:
        return parse_address(text.strip())
    except AddressError as error:
        raise ValueError(str(error)) from error


def _packed(data: bytes) -> int:
    if len(data) == 4:
        return IPV4_MAPPED + int.from_bytes(data, "big")
    if len(data) == 16:
        return int.from_bytes(data, "big")
    raise ValueError("neither 4 nor 16 bytes")


def _scaled(values: Array, ticks: int) -> Array:
    """Numbers of ``ticks`` to the second as whole milliseconds, rounded down."""
    if ticks == 1000:
        return values.astype(np.int64, copy=False)
    scaled: Array = values * np.int64(1000) if ticks == 1 else values // np.int64(ticks // 1000)
    return scaled


def _seconds(column: Any, expected: str) -> Array:
    values = _numbers(column.cast(pa.float64()), 0)
    wrong = ~(np.abs(values) < 9e15)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueMistake(row, str(values[row]), expected)
    scaled: Array = np.rint(values * 1000).astype(np.int64)
    return scaled


def _moment(text: str) -> int:
    text = text.strip()
    try:
        seconds = float(text)
    except ValueError:
        when = datetime.fromisoformat(text.replace("/", "-"))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        since = when - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86400 + since.seconds) * 1000 + since.microseconds // 1000
    return round(1000 * seconds)


def _interval(value: Any) -> int:
    if hasattr(value, "months"):
        if value.months:
            raise ValueError("a month has no fixed length")
        return int(value.days * 86_400_000 + value.nanoseconds // 1_000_000)
    return int((value.hour * 3600 + value.minute * 60 + value.second) * 1000 + value.microsecond // 1000)
