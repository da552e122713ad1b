"""Which end of a flow an expression speaks of, and which end's host a measure looks at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowrules.model import expression as ex

SOURCE: Final = "source"
DESTINATION: Final = "destination"
INSIDE: Final = "inside"
OUTSIDE: Final = "outside"

PORT_ENDS: Final = {
    "sport": SOURCE,
    "dport": DESTINATION,
    "inside_port": INSIDE,
    "outside_port": OUTSIDE,
}
"""The end whose port a field is."""

ADDRESS_ENDS: Final = {"sip": SOURCE, "dip": DESTINATION, "inside": INSIDE, "outside": OUTSIDE}
"""The end whose address a field is."""

OTHER_END: Final = {SOURCE: DESTINATION, DESTINATION: SOURCE, INSIDE: OUTSIDE, OUTSIDE: INSIDE}


def ends_of(keys: Iterable[ex.Expression]) -> tuple[str, ...]:
    """The ends whose addresses keys are made from (``sip/24``, ``zone(sip)``), each once, in the keys' order."""
    found = [
        ADDRESS_ENDS[node.name]
        for key in keys
        for node in key.walk()
        if isinstance(node, ex.Field) and node.name in ADDRESS_ENDS
    ]
    return tuple(dict.fromkeys(found))


def measured_end(measure: ex.Measure, keys: Iterable[ex.Expression]) -> str:
    """The end whose hosts a measure of connections looks at: that of its port; where it takes none, that
    of the first address among the keys; else the source."""
    for argument in measure.args:
        if isinstance(argument, ex.Field) and argument.name in PORT_ENDS:
            return PORT_ENDS[argument.name]
    return next(iter(ends_of(keys)), SOURCE)


def one_host(keys: Iterable[ex.Expression], end: str) -> bool:
    """Whether each group of ``keys`` is one host of an end, so that nothing else tells its hosts apart."""
    return any(isinstance(key, ex.Field) and ADDRESS_ENDS.get(key.name) == end for key in keys)
