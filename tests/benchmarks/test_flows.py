"""The generator: the same flows for the same seed, whatever the number of chunks that are read."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from benchmarks.flows import BLOCK, LAYOUTS, Flows
from benchmarks.rules import KINDS, make_rules


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_seed_gives_the_same_flows(layout: str) -> None:
    first, again = (next(Flows(5_000, layout).chunks()) for _ in range(2))
    other = next(Flows(5_000, layout, seed=2).chunks())

    assert all((first[name] == again[name]).all() for name in first.columns)
    assert (first["sip"] != other["sip"]).any()


def test_flows_come_in_the_order_of_time_unless_they_are_shuffled() -> None:
    times = [next(Flows(5_000, layout).chunks())["stime"] for layout in ("usual", "shuffled")]

    assert (np.diff(times[0]) >= 0).all()
    assert (np.diff(times[1]) < 0).any()


def test_only_a_block_is_made_at_a_time() -> None:
    chunks = list(islice(Flows(1 << 40).chunks(), 2))

    assert [c.rows for c in chunks] == [BLOCK, BLOCK]
    assert chunks[1].first == BLOCK


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_rules_are_the_first_of_more(kind: str) -> None:
    assert make_rules(kind, 5) == make_rules(kind, 9)[:5]
