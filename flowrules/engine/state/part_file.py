"""Parts as bytes: groups with their values (never a run's own codes), facts, and small JSON.

A file is a mark, the BLAKE2 checksum of all that follows, the length of a JSON header, the header, and the
arrays that it counts, each as NumPy's own format writes it.  Nothing is ever pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from flowrules.engine.grouped import Extremes, Grouped, Matches, Part, Totals, ValueCounts
from flowrules.engine.results import Series

if TYPE_CHECKING:
    from flowrules.model import expression as ex
    from flowrules.model.types import Type
    from flowrules.plan.aggregates import Aggregate

MARK: Final = b"flowrules part 1\n"
_CHECKSUM_BYTES: Final = 32


class Damaged(Exception):
    """Bytes that are no whole part, with what is wrong with them."""


class Writer:
    """Arrays that a header refers to by number."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []

    def array(self, array: NDArray[Any] | None) -> Any:
        """How the header names an array."""
        if array is None:
            return None
        if array.dtype.hasobject:
            return [_to_json(v) for v in array.tolist()]
        self._arrays.append(np.ascontiguousarray(array))
        return len(self._arrays) - 1

    def packed(self, header: dict[str, Any]) -> bytes:
        """The whole file."""
        text = json.dumps({**header, "arrays": len(self._arrays)}, sort_keys=True).encode()
        body = io.BytesIO()
        body.write(len(text).to_bytes(8, "little"))
        body.write(text)
        for array in self._arrays:
            numpy_format.write_array(body, array, allow_pickle=False)
        payload = body.getvalue()
        return MARK + hashlib.blake2b(payload, digest_size=_CHECKSUM_BYTES).digest() + payload


class Reader:
    """A file's header and arrays; raises ``Damaged`` unless every byte is as it was written."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MARK):
            raise Damaged("no part of this version")
        start = len(MARK) + _CHECKSUM_BYTES
        payload = memoryview(data)[start:]
        if hashlib.blake2b(payload, digest_size=_CHECKSUM_BYTES).digest() != data[len(MARK) : start]:
            raise Damaged("its checksum does not fit")
        try:
            length = int.from_bytes(payload[:8], "little")
            self.header: dict[str, Any] = json.loads(bytes(payload[8 : 8 + length]))
            body = io.BytesIO(payload[8 + length :])
            self._arrays = [
                numpy_format.read_array(body, allow_pickle=False) for _ in range(self.header["arrays"])
            ]
        except (ValueError, KeyError, TypeError, EOFError) as error:
            raise Damaged(f"it cannot be read: {error}") from error

    def array(self, named: Any) -> NDArray[Any]:
        """The array that the header names."""
        if isinstance(named, list):
            out = np.empty(len(named), object)
            out[:] = [_from_json(v) for v in named]
            return out
        array: NDArray[Any] = self._arrays[named]
        return array

    def maybe(self, named: Any) -> NDArray[Any] | None:
        """The array, where there is one."""
        return None if named is None else self.array(named)


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
