"""Classes of thresholds and address ranges: every test tells the same of a value and of what stands for its class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.engine import range_classes
from flowrules.engine.direction import DirectionRule
from flowrules.engine.predicates import truth
from flowrules.engine.range_classes import RangeClasses
from flowrules.engine.row_values import Rows
from flowrules.engine.surroundings import Surroundings
from flowrules.engine.world import Found
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.table import Chunk
from flowrules.model import expression as ex
from flowrules.model import types as t
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import ADDRESS
from tests.engine.building import cmp, f, program

AROUND = Surroundings(DirectionRule("types", BUILT_IN, None), BUILT_IN, Found(program()))
V4 = 0xFFFF << 32
NOON = 1_767_571_200_000


def agree(name: str, tests: Sequence[ex.Expression], column: Any) -> RangeClasses:
    classes = RangeClasses(name, tests, AROUND)
    rows = Rows(Chunk({name: column}, len(column)), AROUND)
    told = classes.of(rows)
    spoken_for = Rows(Chunk({name: classes.values.take(told)}, len(column)), AROUND)
    for test in tests:
        assert truth(test, rows)[0].tolist() == truth(test, spoken_for)[0].tolist(), test
    return classes


def in_ranges(*ranges: tuple[int, int]) -> ex.Expression:
    return ex.In(
        type=t.TRUTH, items=(f("sip"),), collection=ex.Addresses(set=AddressSet.from_ranges(list(ranges)))
    )


operators = st.sampled_from(["<", "<=", "=", "!=", ">", ">="])
sizes = st.one_of(st.integers(0, 10), st.integers(0, 5000), st.integers(0, (1 << 64) - 1))
times = st.one_of(st.integers(NOON, NOON + 100), st.integers(0, NOON * 2), st.integers(-5, 5))


@pytest.mark.parametrize("compared", [0, 12])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_sizes(compared: int, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.tuples(operators, sizes), min_size=1, max_size=20))
    near = [c + d for _, c in cuts for d in (-1, 0, 1) if 0 <= c + d < 1 << 64]
    values = near + data.draw(st.lists(sizes, max_size=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(range_classes, "COMPARED", compared)
        tests = [cmp("bytes", op, c) for op, c in cuts]
        agree("bytes", tests, np.array(values, np.uint64))
        agree("bytes", tests, np.array([v for v in values if v < 1 << 32], np.uint32))


@pytest.mark.parametrize("compared", [0, 12])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_times(compared: int, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.tuples(operators, times), min_size=1, max_size=20))
    values = [c + d for _, c in cuts for d in (-1, 0, 1)] + data.draw(st.lists(times, max_size=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(range_classes, "COMPARED", compared)
        agree("stime", [cmp("stime", op, c) for op, c in cuts], np.array(values, np.int64))


four = st.tuples(st.integers(0, (1 << 32) - 1), st.sampled_from([0, 4, 8, 12, 16, 24, 31])).map(
    lambda n: (V4 + (n[0] >> n[1] << n[1]), V4 + ((n[0] >> n[1]) + 1 << n[1]) - 1)
)
six = st.tuples(st.integers(0, 3), st.integers(0, 1 << 40), st.sampled_from([0, 8, 32, 64, 80])).map(
    lambda n: ((n[0] << 64 | n[1]) >> n[2] << n[2], ((n[0] << 64 | n[1]) >> n[2]) + 1 << n[2])
)


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_addresses(data: st.DataObject) -> None:
    nets = data.draw(st.lists(st.one_of(four, six, st.just((V4 - 9, V4 + 9))), min_size=1, max_size=8))
    tests = [
        in_ranges(*data.draw(st.lists(st.sampled_from(nets), min_size=1, max_size=3)))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    tests.append(cmp("sip", "!=", nets[0][0]))
    near = [a for net in nets for end in net for a in (end - 1, end, end + 1) if 0 <= a < 1 << 128]
    near += [0, (1 << 128) - 1, V4, V4 + (1 << 32) - 1]
    wide = np.array([(a >> 64, a & (1 << 64) - 1) for a in near], ADDRESS)
    agree("sip", tests, wide)
    drawn = data.draw(st.lists(st.integers(0, (1 << 32) - 1), max_size=9))
    agree("sip", tests, np.array([a & 0xFFFFFFFF for a in near] + drawn, np.uint32))


def test_what_no_test_tells_apart_is_one_class() -> None:
    tests = [in_ranges((V4 + 10, V4 + 19), (V4 + 1000, V4 + 1009)), in_ranges((V4 + 15, V4 + 24))]
    # neither, one, the other, both
    assert agree("sip", tests, np.arange(30, dtype=np.uint32)).count == 4
    sizes = [cmp("bytes", ">=", 40), cmp("bytes", "<", 40), cmp("bytes", ">", 39)]
    assert agree("bytes", sizes, np.arange(80, dtype=np.uint32)).count == 2
