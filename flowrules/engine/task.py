"""What one scan counts."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from flowrules.engine.aggregate import Grouping
from flowrules.engine.cell_tasks import CellTask
from flowrules.engine.collect import Collection, OtherSide
from flowrules.engine.key_codes import AddressCoder
from flowrules.engine.where import Where


@frozen(eq=False)
class Task:
    """What one scan counts: groupings with the predicates of their rows, and collections with theirs."""

    groupings: Sequence[tuple[Where, Grouping]]
    collections: Sequence[tuple[Where, Collection]]
    others: Sequence[OtherSide]
    fields: frozenset[str]
    facts: bool
    """Whether times and directions of all flows are told."""
    told: frozenset[str] = frozenset()
    """Fields that nothing but the times of all flows asks for."""
    shared_coders: Sequence[tuple[AddressCoder, Sequence[int]]] = ()
    """Coders of addresses that several groupings use, with the places of these."""
    cells: Sequence[CellTask] = ()
    """Groupings that are counted by cells, not each by its own predicates."""
