"""Tests of one field that share a look-up, while other threads add more of them."""

from __future__ import annotations

import numpy as np

from flowrules.engine.direction import DirectionRule
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import FieldWords, Surroundings
from flowrules.engine.world import Found
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from tests.engine.building import among, program


class _Meanwhile(tuple[tuple[int, int], ...]):
    """Ranges during whose reading something else happens, as if another thread did it."""

    def __new__(cls, ranges, then):
        made = super().__new__(cls, ranges)
        made.then = then
        return made

    def __iter__(self):
        self.then()
        return super().__iter__()


def test_rows_looked_up_while_a_test_is_added_are_looked_up_again_for_it() -> None:
    around = Surroundings(DirectionRule("none", BUILT_IN, None), BUILT_IN, Found(program()))
    ports = np.array([22, 53, 80, 443], np.uint16)
    rows = Rows(Chunk({"dport": ports}, 4), around)
    words = FieldWords("dport")
    first = among("dport", ex.Ranges(ranges=((53, 53),)))
    words.test(first, Rows(Chunk({"dport": ports}, 4), around))
    late = among("dport", ex.Ranges(ranges=_Meanwhile(((80, 443),), lambda: words.test(first, rows))))
    assert words.test(late, rows).tolist() == [False, False, True, True]
    assert words.test(first, rows).tolist() == [False, True, False, False]
