"""Rules that no flow can pass are found, and no others; their results are those of no flows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine.direction import DirectionRule
from flowrules.engine.predicates import truth
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.world import Found
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.plan.contradictions import claim, contradict
from flowrules.plan.explain import explain
from flowrules.plan.planner import make_plan
from tests.engine.building import all_of, among, cmp, f, m, program, source, table
from tests.engine.test_cells import cuts, flows, small

AROUND = Surroundings(DirectionRule("types", BUILT_IN, None), BUILT_IN, Found(program()))


def flag(high: int, mask: int) -> ex.Expression:
    return ex.FlagTest(type=t.TRUTH, name="flags", pairs=((high, mask),))


def types(*labels: str) -> ex.Expression:
    return ex.In(type=t.TRUTH, items=(f("type"),), collection=ex.Labels(labels=frozenset(labels)))


@pytest.mark.parametrize(
    "tests",
    [
        [cmp("protocol", "=", 6), cmp("protocol", "=", 17)],
        [among("dport", [80, 443]), among("dport", [(1024, 65535)])],
        [cmp("bytes", "<", 40), cmp("packets", ">", 3), cmp("bytes", ">=", 41)],
        [among("dport", [(0, 1023)]), cmp("dport", ">", 1023), cmp("dport", ">=", 1024)],
        [flag(2, 2), flag(0, 18)],
        [flag(4, 2)],
        [types("in", "inweb"), types("out")],
        [cmp("type", "=", "in"), types("out", "outweb")],
    ],
)
def test_no_flow_can_pass(tests: list[ex.Expression]) -> None:
    assert contradict(map(claim, tests))
    planned = make_plan(program(tables=[table("n", {"n": m("flows")}, source(all_of(*tests)))]))
    assert "of none: no flow passes all of its tests" in explain(planned)


@pytest.mark.parametrize(
    "tests",
    [
        [],
        [cmp("protocol", "=", 6), cmp("dport", "=", 17)],
        [among("dport", [80, 443]), among("dport", [(100, 65535)])],
        [cmp("bytes", "<=", 40), cmp("bytes", ">=", 40)],
        [flag(2, 2), flag(0, 16)],
        [types("in", "inweb"), types("out", "in")],
        [cmp("protocol", "!=", 6), cmp("protocol", "!=", 17)],
    ],
)
def test_some_flow_may_pass(tests: list[ex.Expression]) -> None:
    assert not contradict(map(claim, tests))


@given(st.lists(st.one_of(small, cuts), min_size=2, max_size=5), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_what_contradicts_itself_passes_nothing(tests: list[Any], seed: int) -> None:
    if contradict(map(claim, tests)):
        columns = flows(seed, 500)
        rows = Rows(Chunk(columns, 500), AROUND)
        assert not np.logical_and.reduce([truth(test, rows)[0] for test in tests]).any()
