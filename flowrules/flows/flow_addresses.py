"""The addresses that stand in the records of flow sources, as a set."""

from __future__ import annotations

from collections.abc import Iterable

from flowrules.flows.errors import FlowFileError
from flowrules.flows.table import FlowSource
from flowrules.model.address_set import AddressSet

_MERGE_AT = 1 << 20

FIELDS = ("sip", "dip", "nhip", "any")
"""Fields whose addresses a set can be made of; ``any`` is sip and dip together."""


def addresses_of(sources: Iterable[FlowSource], field: str) -> AddressSet:
    """The addresses that stand in a field (one of ``FIELDS``) of the sources' records.

    Raises ``FlowFileError`` where a source has no such field, and as the readers do.
    """
    names = ("sip", "dip") if field == "any" else (field,)
    out = AddressSet()
    pending: list[AddressSet] = []
    waiting = 0
    for source in sources:
        lacking = [name for name in names if name not in source.fields]
        if lacking:
            raise FlowFileError(source.path, f"the records have no field {lacking[0]}")
        for chunk in source.chunks(frozenset(names)):
            for name in names:
                part = AddressSet.from_addresses(chunk.columns[name])
                pending.append(part)
                waiting += part.range_count
            if waiting > _MERGE_AT:
                out = _union([out, *pending])
                pending, waiting = [], 0
    return _union([out, *pending])


def _union(sets: list[AddressSet]) -> AddressSet:
    """The union, small with small first."""
    while len(sets) > 1:
        sets = sorted(sets, key=lambda one: one.range_count)
        halves = [sets[at : at + 2] for at in range(0, len(sets), 2)]
        sets = [pair[0] | pair[1] if len(pair) == 2 else pair[0] for pair in halves]
    return sets[0]
