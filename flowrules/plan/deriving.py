"""Which groupings are added up from finer ones of the same flows."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from flowrules.model.expression import Expression
from flowrules.plan.aggregates import VALUES
from flowrules.plan.key_tests import few_values
from flowrules.plan.plan import GroupingPlan


def derived(groupings: Sequence[GroupingPlan]) -> list[GroupingPlan]:
    """The groupings, those marked that are added up from finer ones, where that saves counting.

    Different values of a key of the finer grouping are its groups.  Beside such keys only ones of few
    values may be added up, so that the finer groups are not many more.
    """
    plans = list(groupings)
    alike: dict[tuple[int, frozenset[Expression]], list[int]] = {}
    flows = [(plan.scan, frozenset(plan.where)) for plan in plans]
    for place, own in enumerate(flows):
        alike.setdefault(own, []).append(place)
    for place, coarse in enumerate(plans):
        same_flows = alike[flows[place]]
        if len(same_flows) == 1:
            continue
        finer = [other for other in same_flows if _holds(plans[other], coarse)]
        if finer:
            best = max(finer, key=lambda other: (len(plans[other].keys), -other))
            _lend(plans, best, coarse)
            plans[place] = evolve(coarse, finer=best)
    # what a finer grouping is itself added up from counts for both
    for place, coarse in enumerate(plans):
        while coarse.finer is not None and (last := plans[coarse.finer].finer) is not None:
            _lend(plans, last, coarse)
            coarse = plans[place] = evolve(coarse, finer=last)
    return plans


def _holds(fine: GroupingPlan, coarse: GroupingPlan) -> bool:
    """Whether the groups of ``fine`` tell those of ``coarse``, of the same flows in the same scan."""
    valued = {a.of for a in coarse.aggregates if a.kind == VALUES}
    return (
        set(coarse.keys) < set(fine.keys)
        and valued <= set(fine.keys)
        and all(k in valued or few_values(k, fine.where) for k in fine.keys if k not in coarse.keys)
    )


def _lend(plans: list[GroupingPlan], fine: int, coarse: GroupingPlan) -> None:
    """Let a grouping keep what a coarser one needs beside its groups."""
    more = (a for a in coarse.aggregates if a.kind != VALUES)
    merged = tuple(dict.fromkeys((*plans[fine].aggregates, *more)))
    plans[fine] = evolve(plans[fine], aggregates=merged)
