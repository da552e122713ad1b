"""FR372: a rule that needs the flows to be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.sides import side_of
from flowrules.lint.statements import Statement
from flowrules.model import expression as ex
from flowrules.model.reversal import reverse


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
        suspects = {_planned(s.declaration) for s in linted.statements if _may_need_a_scan(linted, s)}
        if not suspects:
            return
        from flowrules.plan.planner import make_plan

        plan = make_plan(linted.program, linted.rulesets, only=suspects)
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


def _planned(name: str) -> str:
    """The declaration that is planned: the profile of its parts, which are named after it (``a.b:servers.peers``)."""
    ruleset, _, short = name.partition(":")
    return f"{ruleset}:{short.partition('.')[0]}"


def _may_need_a_scan(linted: Linted, statement: Statement) -> bool:
    """A quick look: a set is tested on what is neither a key nor an inside host."""
    if statement.kind not in ("source", "fraction"):
        return False
    if not linted.reaches(statement.node, _tests_set, "set"):
        return False
    direction = statement.source.direction if statement.source is not None else None
    keys = {k.of for k in statement.keys}

    def tests_another(node: ex.Expression) -> bool:
        if not isinstance(node, ex.In) or not isinstance(node.collection, ex.InSet):
            return False
        return any(i not in keys and side_of(i, direction) != "inside" for i in node.items)

    if any(tests_another(n) for n in statement.nodes):
        return True
    # through named filters the direction may be another's, so any test of a set is looked at
    named = [n for n in statement.nodes if isinstance(n, ex.FilterRef)]
    return any(_named_tests(linted, n, tests_another) for n in named)


def _named_tests(
    linted: Linted, node: ex.FilterRef, what: Callable[[ex.Expression], bool], depth: int = 0
) -> bool:
    """Whether a named filter holds such a test, through the filters that it names in turn."""
    declared = linted.program.filters.get(node.name)
    if declared is None or depth > 30:
        return False
    if not linted.reaches(declared.predicate, _tests_set, "set"):
        return False
    predicate = reverse(declared.predicate) if node.reversed else declared.predicate
    return any(
        what(n) or (isinstance(n, ex.FilterRef) and _named_tests(linted, n, what, depth + 1))
        for n in predicate.walk()
    )


def _tests_set(node: ex.Expression) -> bool:
    return isinstance(node, ex.In) and isinstance(node.collection, ex.InSet)


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third", 4: "fourth"}.get(n, f"{n}th")
