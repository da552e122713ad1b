"""Parts as bytes: groups with their values (never a run's own codes), facts, and small JSON.

A part is a mark, the checksum and the length of a JSON header, the header, and the bare values of the arrays
that it describes (with a checksum each), all at multiples of 16 bytes.  Whole numbers take as few bytes as the
greatest of an array needs.  Nothing is ever pickled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from flowrules.engine.grouped import Extremes, Grouped, Matches, Part, Totals, ValueCounts
from flowrules.engine.results import Series
from flowrules.flows.store.checksum import CHECKSUM, checksum

if TYPE_CHECKING:
    from flowrules.model import expression as ex
    from flowrules.model.types import Type
    from flowrules.plan.aggregates import Aggregate

MARK: Final = b"flowrules part3\n"
_START: Final = len(MARK) + CHECKSUM.itemsize
_ALIGNED: Final = 16
_HEADER: Final = _START + _ALIGNED
"""Where the header begins, after its length."""


class Damaged(Exception):
    """Bytes that are no whole part, with what is wrong with them."""


class Writer:
    """Arrays that a header refers to by number."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []
        self._described: list[list[Any]] = []
        self._named: dict[int, tuple[NDArray[Any], Any]] = {}

    def array(self, array: NDArray[Any] | None) -> Any:
        """How the header names an array; what is given twice is held once."""
        if array is None:
            return None
        held = self._named.get(id(array))
        if held is None:
            # with the array, so that no other can take its identity
            held = self._named[id(array)] = array, self._new(array)
        return held[1]

    def _new(self, array: NDArray[Any]) -> Any:
        if array.dtype.hasobject:
            return self._objects(array)
        kept = np.ascontiguousarray(_narrowed(array))
        self._arrays.append(kept)
        described = (_described(array.dtype), _described(kept.dtype))
        self._described.append([len(array), *described, list(checksum(kept))])
        return len(self._arrays) - 1

    def _objects(self, array: NDArray[Any]) -> dict[str, Any]:
        """Objects as the list of different ones, and the place of each in it."""
        places: dict[tuple[type, object], int] = {}
        of = [places.setdefault((type(value), value), len(places)) for value in array.tolist()]
        return {"different": [_to_json(v) for _, v in places], "of": self.array(np.array(of, np.int64))}

    def pieces(self, header: dict[str, Any]) -> list[bytes | memoryview]:
        """The whole part, in pieces."""
        text = json.dumps({**header, "arrays": self._described}, sort_keys=True).encode()
        text += b" " * (-len(text) % _ALIGNED)
        length = len(text).to_bytes(8, "little") + bytes(8)
        out: list[bytes | memoryview] = [MARK + _checksum(length + text) + length + text]
        for array in self._arrays:
            out += [array.reshape(-1).view(np.uint8).data, bytes(-array.nbytes % _ALIGNED)]
        return out

    def packed(self, header: dict[str, Any]) -> bytes:
        """The whole part."""
        return b"".join(self.pieces(header))


class Reader:
    """A part's header and arrays; raises ``Damaged`` unless every byte is as it was written."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MARK):
            raise Damaged("no part of this version")
        length = int.from_bytes(data[_START : _START + 8], "little")
        place = _HEADER + length
        if place > len(data) or _checksum(data[_START:place]) != data[len(MARK) : _START]:
            raise Damaged("its checksum does not fit")
        try:
            self.header: dict[str, Any] = json.loads(data[_HEADER:place])
            self._arrays = []
            for rows, dtype, stored, expected in self.header["arrays"]:
                kept = np.frombuffer(data, _dtype_of(stored), rows, place)
                if list(checksum(kept)) != expected:
                    raise Damaged("its checksum does not fit")
                place += kept.nbytes + -kept.nbytes % _ALIGNED
                self._arrays.append(kept if stored == dtype else kept.astype(_dtype_of(dtype)))
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"it cannot be read: {error}") from error

    def array(self, named: Any) -> NDArray[Any]:
        """The array that the header names."""
        if isinstance(named, dict):
            values = np.empty(len(named["different"]), object)
            values[:] = [_from_json(v) for v in named["different"]]
            return values.take(self._arrays[named["of"]])
        array: NDArray[Any] = self._arrays[named]
        return array

    def maybe(self, named: Any) -> NDArray[Any] | None:
        """The array, where there is one."""
        return None if named is None else self.array(named)


def _checksum(payload: bytes) -> bytes:
    return np.array(checksum(np.frombuffer(payload, np.uint8)), CHECKSUM).tobytes()


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers as unsigned ones of as few bytes as they need, where none is negative."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize == 1 or not len(array) or int(array.min()) < 0:
        return array
    least = np.min_scalar_type(int(array.max()))
    return array.astype(least) if least.itemsize < array.dtype.itemsize else array


def _described(dtype: np.dtype[Any]) -> Any:
    return numpy_format.dtype_to_descr(dtype)


def _dtype_of(described: Any) -> np.dtype[Any]:
    names = [(name, kind) for name, kind in described] if isinstance(described, list) else described
    dtype: np.dtype[Any] = np.dtype(names)
    return dtype


def _to_json(value: object) -> Any:
    match value:
        case None | str():
            return value
        case int():
            return {"int": str(value)}
        case Fraction():
            return {"ratio": f"{value.numerator}/{value.denominator}"}
        case _:
            raise TypeError(f"{type(value).__name__} is no value of a group")


def _from_json(value: Any) -> object:
    if value is None or isinstance(value, str):
        return value
    return int(value["int"]) if "int" in value else Fraction(value["ratio"])


# ---- groups


def groups_header(groups: Grouped, writer: Writer) -> dict[str, Any]:
    """Groups as a header; keys and parts are in the order of the grouping's own."""
    return {
        "rows": groups.rows,
        "flows": groups.flows,
        "counts": writer.array(groups.counts),
        "keys": [_series_header(s, writer) for s in groups.keys.values()],
        "parts": [_part_header(p, writer) for p in groups.parts.values()],
    }


def groups_of(
    header: dict[str, Any],
    reader: Reader,
    keys: Sequence[ex.Expression],
    aggregates: Sequence[Aggregate],
) -> Grouped:
    """The groups of a header, for these keys and parts."""
    named = zip(keys, header["keys"], strict=True)
    parts = zip(aggregates, header["parts"], strict=True)
    return Grouped(
        {key: _series_of(h, reader, key.type) for key, h in named},
        reader.array(header["counts"]),
        {a: _part_of(h, reader, a.of.type) for a, h in parts},
        header["rows"],
        header["flows"],
    )


def _series_header(series: Series, writer: Writer) -> list[Any]:
    return [writer.array(a) for a in (series.values, series.known, series.denominators, series.prefix)]


def _series_of(header: list[Any], reader: Reader, type_: Type) -> Series:
    values, known, denominators, prefix = header
    return Series(
        type_, reader.array(values), reader.maybe(known), reader.maybe(denominators), reader.maybe(prefix)
    )


def _part_header(part: Part, writer: Writer) -> list[Any]:
    match part:
        case Totals():
            return ["totals", writer.array(part.sums), writer.array(part.known), part.floats]
        case Extremes():
            return ["extremes", writer.array(part.values), writer.array(part.seen), part.least]
        case Matches():
            return ["matches", writer.array(part.held)]
        case ValueCounts():
            values = _series_header(part.values, writer)
            return ["values", writer.array(part.rows), values, writer.array(part.counts)]


def _part_of(header: list[Any], reader: Reader, type_: Type) -> Part:
    match header:
        case ["totals", sums, known, floats]:
            return Totals(reader.array(sums), reader.array(known), floats)
        case ["extremes", values, seen, least]:
            return Extremes(reader.array(values), reader.array(seen), least)
        case ["matches", held]:
            return Matches(reader.array(held))
        case ["values", rows, values, counts]:
            return ValueCounts(reader.array(rows), _series_of(values, reader, type_), reader.array(counts))
        case _:
            raise Damaged("it holds an unknown part")
