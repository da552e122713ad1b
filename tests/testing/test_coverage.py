"""What tests reach: both sides of filters, alternatives, thresholds, verdicts, anomalies and checks."""

from __future__ import annotations

from flowrules.testing.coverage import Coverage, coverage_of
from tests.testing.rules import VISITS, checked, one_test

TITLES = "type | sip | dip | protocol | dport | packets | bytes | repeat\n"


def coverage(*tests: str, rules: str = VISITS) -> Coverage:
    result = checked(rules + "".join(tests))
    assert result.program is not None
    return coverage_of(result.program, result.tests, frozenset({"visits"}))


def sides(found: Coverage) -> dict[tuple[str, str], tuple[bool, bool]]:
    return {(i.kind, i.text): found.sides(i) for i in found.items}


def test_every_kind_of_item_is_listed_in_the_order_of_the_text() -> None:
    found = coverage()
    assert [(i.kind, i.declaration, i.text, i.span.line) for i in found.items] == [
        ("filter", "visit", "visit", 2),
        ("threshold", "visit", "packets >= 4", 2),
        ("filter", "other", "other", 3),
        ("alternative", "other", "outbound and protocol = udp", 3),
        ("alternative", "other", "outbound and protocol = tcp and not visit", 3),
        ("threshold", "visitors", "flows >= 2", 4),
        ("threshold", "sizes", "share(sum(bytes)) >= 10%", 5),
        ("verdict", "visitor", "busy", 9),
        ("threshold", "visitor", "sites >= 3", 9),
        ("verdict", "visitor", "quiet", 10),
        ("anomaly", "visitor", "many", 11),
        ("threshold", "visitor", "sites > 3", 11),
        ("threshold", "visitor", "sites >= 2", 12),
        ("anomaly", "heavy", "heavy", 18),
        ("threshold", "heavy", "bytes > 1kB", 18),
        ("check", "both", "both", 19),
        ("threshold", "both", "flows of inbound > 0", 19),
        ("threshold", "both", "flows of outbound > 0", 19),
    ]
    assert (found.reached, found.share) == (0, 0.0)


def test_flows_reach_sides_of_filters_and_hosts_those_of_verdicts() -> None:
    flows = TITLES + "out | 10.0.0.1 | 192.0.2.1 | 6 | 443 | 4 | 400 | 2"
    one = sides(coverage(one_test(flows, "count(visitors) = 1")))
    assert one["filter", "visit"] == (True, False)
    assert one["threshold", "packets >= 4"] == (True, False)
    assert one["filter", "other"] == (False, True)
    assert one["threshold", "flows >= 2"] == (True, False)
    assert one["verdict", "quiet"] == (True, False)
    assert one["verdict", "busy"] == (False, True)
    assert one["anomaly", "heavy"] == (False, True)
    more = TITLES + (
        "out | 10.0.0.1 | 192.0.2.1 | 6 | 443 | 3 | 40 |\n"
        "out | 10.0.0.2 | 192.0.2.1 | 17 | 53 | 1 | 40 |\n"
        "out | 10.0.0.3 | 192.0.2.1 | 6 | 443 | 4 | 4000 |"
    )
    both = sides(
        coverage(one_test(flows, "count(visitors) = 1"), one_test(more, "count(visitors) = 0", name="two"))
    )
    assert both["filter", "visit"] == (True, True)
    assert both["threshold", "packets >= 4"] == (True, True)
    assert both["alternative", "outbound and protocol = udp"] == (True, True)
    assert both["alternative", "outbound and protocol = tcp and not visit"] == (True, True)
    assert both["threshold", "flows >= 2"] == (True, True)
    assert both["anomaly", "heavy"] == (True, True)


def test_checks_are_reached_though_nobody_expects_them() -> None:
    out = "out | 10.0.0.1 | 192.0.2.1 | 6 | 443 | 4 | 400 | 2"
    into = "\nin | 192.0.2.1 | 10.0.0.1 | 6 | 443 | 4 | 400 | 2"
    one = sides(coverage(one_test(TITLES + out + into, "count(visitors) = 1")))
    assert one["check", "both"] == (True, False)
    two = coverage(
        one_test(TITLES + out + into, "count(visitors) = 1"),
        one_test(TITLES + out, "count(visitors) = 1", name="two"),
    )
    assert sides(two)["check", "both"] == (True, True)


def test_tests_that_cannot_run_reach_nothing() -> None:
    assert coverage(one_test("sip | dip | dport\nx | y | z", "count(visitors) = 1")).reached == 0
    assert coverage('@todo("later")\ntest "later" { }\n').reached == 0


def test_a_parameter_does_not_part_the_places_of_a_threshold() -> None:
    rules = VISITS.replace("packets >= 4", "packets >= least").replace(
        "filter visit", "param least : count = 4\nfilter visit", 1
    )
    flows = TITLES + "out | 10.0.0.1 | 192.0.2.1 | 6 | 443 | 4 | 400 | 2"
    found = coverage(
        one_test(flows, "count(visitors) = 1"),
        one_test(flows, "count(visitors) = 0", name="two", params="param least = 5"),
        rules=rules,
    )
    thresholds = [found.sides(i) for i in found.items if i.declaration == "visit" and i.kind == "threshold"]
    assert thresholds == [(True, True)]


def test_a_profile_with_one_verdict_has_nothing_to_tell_apart() -> None:
    rules = "set s = sip of all\nprofile p { hosts s feature f = flows of all per sip verdict v otherwise }\n"
    result = checked(rules)
    assert result.program is not None
    assert coverage_of(result.program, (), frozenset({"rules"})).items == ()
