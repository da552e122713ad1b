"""Names for what was counted: a digest of expressions and of all that decides what they mean.

Two runs share a part only where every value behind it is equal; what a digest cannot hold is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from flowrules.model import expression as ex

if TYPE_CHECKING:
    from flowrules.model.map_table import MapTable
    from flowrules.plan.plan import GroupingPlan

_ASKS_OTHERS: Final = (
    ex.SetNamed,
    ex.KeyColumn,
    ex.HostsOf,
    ex.Members,
    ex.Lookup,
    ex.CountOf,
    ex.PreviousKnown,
    ex.Measure,
    ex.FilterRef,
)
"""What asks for other declarations' results, which change with the flows of all files."""

_PLAIN: Final = frozenset({type(None), bool, int, str, bytes, Fraction, float})


class Undigestible(Exception):
    """The value depends on more than itself, so that nothing counted with it can be kept."""


def digest(*values: object) -> str:
    """40 hexadecimal digits that are equal for equal values, in every process.

    Raises ``Undigestible`` for expressions that ask for other declarations, and for unknown classes.
    """
    return _hash(_Canonical({}).of(values))


def grouping_digests(
    planned: Sequence[GroupingPlan], context: str, maps: Mapping[str, MapTable]
) -> list[str | None]:
    """The digest of each grouping under a run's ``context``; ``None`` where it cannot be kept."""
    canonical = _Canonical(maps)
    return [_grouping_digest(each, context, canonical) for each in planned]


def _grouping_digest(planned: GroupingPlan, context: str, canonical: _Canonical) -> str | None:
    try:
        # all predicates must be true, in whatever order they were written
        where = sorted(canonical.of(p) for p in planned.where)
        rest = canonical.of((planned.keys, planned.inside, planned.aggregates))
        return digest("grouping", context, where, rest)
    except Undigestible:
        return None


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


class _Canonical:
    """Values as bytes.  Groupings share many expressions: what was said of one object is remembered."""

    def __init__(self, maps: Mapping[str, MapTable]) -> None:
        self._maps = maps
        self._said: dict[int, tuple[object, bytes]] = {}

    def of(self, value: object) -> bytes:
        kind = type(value)
        if kind in _PLAIN:
            return _framed(kind.__name__, repr(value).encode())
        if kind is tuple or kind is list:
            return _framed("row", *map(self.of, value))  # type: ignore[call-overload]
        held = self._said.get(id(value))
        if held is None:
            # with the value, so that no other can take its identity
            held = self._said[id(value)] = value, self._made(value)
        return held[1]

    def _made(self, value: object) -> bytes:
        match value:
            case np.ndarray():
                return self._array(value)
            case frozenset() | set():
                return _framed("set", *sorted(map(self.of, value)))
            case Mapping():
                return _framed("map", *sorted(self.of(pair) for pair in value.items()))
            case ex.MapLookup():
                table = self._maps.get(value.map)
                return _framed("lookup", self._attributes(value), self._attributes(table))
            case _ if isinstance(value, _ASKS_OTHERS):
                raise Undigestible(type(value).__name__)
            case bool() | int() | str() | bytes() | float():
                # enumerations and the like
                return _framed(type(value).__name__, repr(value).encode())
            case tuple() | list():
                return _framed("row", *map(self.of, value))
            case _:
                return self._attributes(value)

    def _attributes(self, value: object) -> bytes:
        kind: Any = type(value)
        return _framed(kind.__qualname__, *(self.of((n, getattr(value, n))) for n in _names(kind)))

    def _array(self, array: np.ndarray[Any, Any]) -> bytes:
        if array.dtype.hasobject:
            return _framed("objects", self.of(array.tolist()))
        described = repr((array.dtype.descr, array.shape)).encode()
        return _framed("array", described, np.ascontiguousarray(array).tobytes())


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The attributes of a class that decide what its instances mean."""
    if not attrs.has(kind):
        raise Undigestible(kind.__name__)
    return tuple(a.name for a in attrs.fields(kind) if a.name != "span")


def _framed(tag: str, *parts: bytes) -> bytes:
    """Parts that cannot run into each other."""
    return b"%b(%d%b)" % (tag.encode(), len(parts), b"".join([b":%d:%b" % (len(p), p) for p in parts]))
