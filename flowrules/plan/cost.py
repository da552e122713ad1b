"""Which tests go first: cheap ones on all rows, dear ones on the rows that are left."""

from __future__ import annotations

from flowrules.model import expression as ex
from flowrules.model.types import ADDRESS


def cost(predicate: ex.Expression) -> tuple[int, str]:
    """How dear a test is: cheap ones go first, on all rows; dear ones on the rows that are left."""
    worst = 0
    for node in predicate.walk():
        match node:
            case ex.Lookup() | ex.Clock():
                worst = max(worst, 4)
            case ex.In(collection=ex.InSet() | ex.InSchedule() | ex.Tuples()):
                worst = max(worst, 3)
            case ex.MapLookup():
                worst = max(worst, 3)
            case ex.In(collection=ex.Addresses() | ex.Blocks()) | ex.Mask() | ex.Bin():
                worst = max(worst, 2)
            case ex.Field() if node.type == ADDRESS or node.name in _DEAR:
                worst = max(worst, 2)
    return worst, repr(predicate)


_DEAR = frozenset(
    {"etime", "bytes_per_packet", "bytes_per_second", "packets_per_second", "icmp_type", "icmp_code", "class"}
)
