"""FR372: a rule that needs the flows to be read again."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.model import expression as ex


class AnotherScan(Rule):
    """A rule for which all flows have to be read once more.

    Why
        A set that is tested on a key of the groups costs nothing: groups are counted for everybody and thinned out
        afterwards. So does a test of inside hosts, of which there are few. Any other set has to be known before the scan, so the
        flows are read again, which doubles the time of the run. Features that need a host's rows in time order read the
        candidates' rows in one pass of their own, and are no finding.
    Bad
        set servers = dip of (outbound and tcp and dport = 443) keep flows >= 10
        table clients = flows of (outbound and tcp and dip in servers) per sip
    Good
        set servers = dip of (outbound and tcp and dport = 443) keep flows >= 10
        table served = flows of (outbound and tcp and dip in servers) per dip
    Fix
        Group by what the set is tested on, if the question allows it; else accept the scan and say so:
        # flowrules: ignore[FR372] who talks to these servers is the question
    """

    code = "FR372"
    name = "another-scan"
    severity = "info"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The plan of the program."""
        if not any(isinstance(n, ex.In) and isinstance(n.collection, ex.InSet)
                   for s in linted.statements for n in s.node.walk()):  # fmt: skip
            return
        from flowrules.plan.planner import make_plan

        plan = make_plan(linted.program)
        collected = {c.scan for c in plan.collections}
        reported: set[int] = set()
        for query in plan.queries.values():
            if query.grouping is None:
                continue
            scan = plan.groupings[query.grouping].scan
            if scan < 2 or scan in collected or scan in reported:
                continue
            demand = query.demand
            if demand.owner.partition(":")[0] not in linted.rulesets:
                continue
            tested = next(
                (
                    n
                    for n in demand.source.predicate.walk()
                    if isinstance(n, ex.In) and isinstance(n.collection, ex.InSet)
                ),
                None,
            )
            reported.add(scan)
            name = demand.owner.partition(":")[2]
            test = f" before {linted.text(tested.span)} can be tested" if tested is not None else ""
            yield self.finding(
                linted,
                f"{name} has the flows read a {_ordinal(scan)} time: a set must be known{test}",
                tested.span if tested is not None and tested.span is not None else demand.place,
                hint="group by what the set is tested on, and one scan does",
            )


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third", 4: "fourth"}.get(n, f"{n}th")
