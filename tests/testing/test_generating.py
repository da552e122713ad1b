"""Tests that are written for a filter: they pass, they reach both sides, and they notice changes."""

from __future__ import annotations

import pytest

from flowrules.model import program as pr
from flowrules.testing.generating import written_tests
from flowrules.testing.mutation import every_mutant, mutate
from flowrules.testing.running import run_test
from tests.testing.rules import checked


def generated(rules: str, name: str = "f") -> tuple[str, list[str]]:
    program = checked(rules).program
    assert program is not None

    def as_if(text: str) -> list[pr.TestDeclaration]:
        return list(checked(f"{rules}\n{text}").tests)

    text, omitted = written_tests(program, program.filters[f"rules:{name}"], as_if)
    return text, list(omitted)


FILTERS = [
    "filter f = outbound and tcp and flags has A and packets >= 4 and dport in (80, 443)",
    "filter f = inbound and (tcp or udp) and sport in (53, 5000-5010)",
    "filter f = udp and bytes < 100 and duration > 5s",
    "filter f = sip in 10.0.0.0/8 and dip not in 10.0.0.0/8 and icmp",
    "filter f = not (tcp and dport = 25) and bytes_per_packet >= 60",
    "filter f = initial_flags matches S/SA and session_flags lacks R",
    "filter f = outbound and application = 443 and stime in (2026-01-05T08:00Z .. 2026-01-05T18:00Z)",
    "filter base = outbound and tcp\nfilter f = reverse of base",
    "set clients = sip of (outbound and dport = 80)\nfilter f = outbound and sip in clients and dport = 443",
    "param least : count = 3\nfilter f = tcp and packets > least",
]


@pytest.mark.parametrize("rules", FILTERS)
def test_generated_tests_pass_and_show_both_sides(rules: str) -> None:
    text, _ = generated(rules)
    tests = checked(f"{rules}\n{text}").tests
    assert [t.name for t in tests] == ["f: what passes", "f: what just does not pass"]
    assert [run_test(t).failures for t in tests] == [(), ()]


@pytest.mark.parametrize("rules", FILTERS[:2])
def test_generated_tests_notice_every_change_but_those_to_its_direction(rules: str) -> None:
    text, _ = generated(rules)
    result = checked(f"{rules}\n{text}")
    assert result.program is not None
    found = mutate(every_mutant(result.program, result.tests, frozenset({"rules"})), result.tests)
    assert [f"{m.before} -> {m.after}" for m in found.survivors] == []


def test_each_flow_says_why_it_is_there() -> None:
    text, omitted = generated(FILTERS[0])
    assert omitted == []
    reasons = [line.strip() for line in text.split("\n") if line.lstrip().startswith("#")]
    assert reasons == [
        "# all conditions hold",
        "# dport = 80",
        "# not: outbound",
        "# not: protocol = tcp",
        "# not: flags has A",
        "# packets = 3",
        "# dport = 81",
    ]


def test_parameters_without_a_default_are_given() -> None:
    text, _ = generated("param office : schedule\nfilter f = outbound and stime in office")
    assert text.count("param office = mon-fri 08:00-18:00 Europe/Berlin") == 2


def test_what_nothing_can_pass_gives_no_test() -> None:
    text, omitted = generated("filter f = tcp and udp")
    assert text == ""
    assert any("a flow that passes" in o for o in omitted)


def test_a_set_that_no_flow_can_fill_is_told() -> None:
    rules = "table t = flows of tcp per sip keep top 3\nfilter f = outbound and sip in t.sip"
    text, omitted = generated(rules)
    assert text == ""
    assert any("fill the set" in o for o in omitted)


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    rules = FILTERS[0]
    program = checked(rules).program
    assert program is not None
    text, _ = written_tests(
        program,
        program.filters["rules:f"],
        lambda t: list(checked(f"{rules}\n{t}").tests),
        ["f: what passes"],
    )
    assert '"f: what passes again"' in text
