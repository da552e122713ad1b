"""Where an anomaly at file level is found: in which rows of its table or set, or once for the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowrules.engine.conditions import TRUE, Scope, truth
from flowrules.engine.joins import Index
from flowrules.engine.results import Frame
from flowrules.engine.set_algebra import members
from flowrules.model.program import AnomalyDeclaration

if TYPE_CHECKING:
    from flowrules.engine.world import Found


def found_rows(anomaly: AnomalyDeclaration, world: Found) -> tuple[Scope, Index]:
    """What the texts of an anomaly may name, and the rows of it that hold.

    Raises ``LimitExceeded`` for a set of addresses that is too large to be looked at one by one.
    """
    frame = _rows_within(anomaly, world)
    if frame is None:
        scope = Scope(1, world)
    else:
        result = world.tables.get(anomaly.within_table or "")
        scope = Scope(
            frame.rows, world, columns=frame.columns, total=None if result is None else result.total
        )
    if anomaly.condition is None:
        return scope, np.arange(scope.rows)
    return scope, np.flatnonzero(truth(anomaly.condition, scope) == TRUE)


def _rows_within(anomaly: AnomalyDeclaration, world: Found) -> Frame | None:
    if anomaly.within_table is not None:
        return world.rows_of(anomaly.within_table, False)
    if anomaly.within_set is None:
        return None
    names = world.program.sets[anomaly.within_set].names
    columns = dict(zip(names, members(world.sets[anomaly.within_set]), strict=True))
    return Frame(columns, len(next(iter(columns.values()))), names)
