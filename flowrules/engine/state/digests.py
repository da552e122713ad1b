"""Names for what was counted: a digest of expressions and of all that decides what they mean.

Two runs share a part only where every value behind it is equal; what a digest cannot hold is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
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


class Undigestible(Exception):
    """The value depends on more than itself, so that nothing counted with it can be kept."""


def digest(*values: object) -> str:
    """40 hexadecimal digits that are equal for equal values, in every process.

    Raises ``Undigestible`` for expressions that ask for other declarations, and for unknown classes.
    """
    return hashlib.blake2b(_canonical(values, {}), digest_size=20).hexdigest()


def grouping_digest(planned: GroupingPlan, context: str, maps: Mapping[str, MapTable]) -> str | None:
    """The digest of one grouping under a run's ``context``; ``None`` where it cannot be kept."""
    try:
        # all predicates must be true, in whatever order they were written
        where = sorted(_canonical(p, maps) for p in planned.where)
        rest = _canonical((planned.keys, planned.inside, planned.aggregates), maps)
        return digest("grouping", context, where, rest)
    except Undigestible:
        return None


def _canonical(value: object, maps: Mapping[str, MapTable]) -> bytes:
    match value:
        case None | bool() | int() | str() | bytes() | Fraction() | float():
            return _framed(type(value).__name__, repr(value).encode())
        case np.ndarray():
            return _array(value)
        case tuple() | list():
            return _framed("row", *(_canonical(v, maps) for v in value))
        case frozenset() | set():
            return _framed("set", *sorted(_canonical(v, maps) for v in value))
        case Mapping():
            pairs = (_canonical((k, v), maps) for k, v in value.items())
            return _framed("map", *sorted(pairs))
        case ex.MapLookup():
            table = maps.get(value.map)
            return _framed("lookup", _attributes(value, maps), _attributes(table, maps))
        case _ if isinstance(value, _ASKS_OTHERS):
            raise Undigestible(type(value).__name__)
        case _:
            return _attributes(value, maps)


def _attributes(value: Any, maps: Mapping[str, MapTable]) -> bytes:
    kind = type(value)
    if not attrs.has(kind):
        raise Undigestible(kind.__name__)
    names = [a.name for a in attrs.fields(kind) if a.name != "span"]
    parts = (_canonical((n, getattr(value, n)), maps) for n in names)
    return _framed(kind.__qualname__, *parts)


def _array(array: np.ndarray[Any, Any]) -> bytes:
    if array.dtype.hasobject:
        return _framed("objects", _canonical(array.tolist(), {}))
    described = repr((array.dtype.descr, array.shape)).encode()
    return _framed("array", described, np.ascontiguousarray(array).tobytes())


def _framed(tag: str, *parts: bytes) -> bytes:
    """Parts that cannot run into each other."""
    out = [tag.encode(), b"(", str(len(parts)).encode()]
    for part in parts:
        out += [b":", str(len(part)).encode(), b":", part]
    return b"".join([*out, b")"])
