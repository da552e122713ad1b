"""The records that pass a filter, in the order of their sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from flowrules.engine.direction import DirectionRule, decide
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.world import Found
from flowrules.flows.table import Chunk, FlowSource
from flowrules.model import expression as ex
from flowrules.model.program import Program
from flowrules.model.types import TRUTH
from flowrules.plan.field_use import fields_of
from flowrules.plan.missing import Fields, MissingField
from flowrules.plan.rewriting import Rewriter

if TYPE_CHECKING:
    from flowrules.flows.silk_conf import SilkConf


def select(
    program: Program, name: str, sources: Sequence[FlowSource], conf: SilkConf, world: Found
) -> Iterator[Chunk]:
    """Chunks of the records for which a filter (qualified name, or ``all``) is true, with all their fields.

    ``world`` holds the sets and tables that the filter asks for.  Raises ``MissingField`` before anything is
    read where a source lacks a field that the filter needs.
    """
    by = decide(program.direction, sources, program.internal is not None, program.assume)
    around = Surroundings(DirectionRule(by, conf, program.internal), conf, world, program.assume)
    predicate = Rewriter(program.filters).expand(ex.FilterRef(type=TRUTH, name=name))
    lack = Fields([(s.path, s.fields) for s in sources], program.assume).lacking(
        fields_of([predicate], by), by
    )
    if lack is not None:
        raise MissingField(lack, name, program.filters[name].span)
    around.prepare([predicate])
    for source in sources:
        for chunk in source.chunks():
            held, _ = truth(predicate, Rows(chunk, around))
            index = np.flatnonzero(held)
            if len(index):
                yield chunk if len(index) == chunk.rows else chunk.take(index)
