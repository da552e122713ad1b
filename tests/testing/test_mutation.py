"""Changed rules: which changes there are, what they do, and which of them a test notices."""

from __future__ import annotations

import pytest

from flowrules.testing.mutants import Mutant
from flowrules.testing.mutation import Mutation, every_mutant, mutate
from flowrules.testing.running import run_test
from tests.testing.rules import checked, one_test


def mutants(rules: str) -> list[Mutant]:
    program = checked(rules).program
    assert program is not None
    return every_mutant(program, [], frozenset({"rules"}))


def changes(rules: str, kind: str | None = None) -> list[str]:
    return [f"{m.before} -> {m.after}" for m in mutants(rules) if kind in (None, m.kind)]


@pytest.mark.parametrize(
    ("rules", "kind", "expected"),
    [
        ("filter f = packets >= 4", "threshold", ["packets >= 4 -> packets >= 5", "packets >= 4 -> packets >= 3"]),
        ("filter f = packets > 0", "threshold", ["packets > 0 -> packets > 1"]),
        ("filter f = bytes >= 10kB", "threshold", ["bytes >= 10kB -> bytes >= 11kB", "bytes >= 10kB -> bytes >= 9kB"]),
        ("filter f = dport = 80", "port", ["dport = 80 -> dport = 81"]),
        ("filter f = dport in (80, 443)", "port", ["dport in (80, 443) -> dport in (443)", "dport in (80, 443) -> dport in (80)"]),
        ("filter f = dport in (80-90)", "port", ["dport in (80-90) -> dport in (81-91)"]),
        ("filter f = tcp and dport = 80", "conjunct", ["protocol = tcp -> nothing", "dport = 80 -> nothing"]),
        ("filter f = tcp or udp", "alternative", ["protocol = tcp -> nothing", "protocol = udp -> nothing"]),
        ("filter f = dport = 80", "ends", ["dport = 80 -> sport = 80"]),
        ("filter f = sip = 10.0.0.1", "ends", ["sip = 10.0.0.1 -> dip = 10.0.0.1"]),
        ("filter f = outbound and tcp", "direction", ["outbound -> inbound"]),
        ("filter f = flags has A", "negated", ["flags has A -> not flags has A"]),
        ("set s = sip of all", "ends", ["per sip -> per dip"]),
        ("set s = sip of all keep flows >= 2", "keep", ["keep flows >= 2 -> nothing"]),
        ("table t = distinct(dip) of all per sip", "ends", ["distinct(dip) -> distinct(sip)", "per sip -> per dip"]),
        ("table t = flows of all per sip keep top 3", "keep", ["keep its rank -> nothing", "keep top 3 -> keep top 4"]),
        ("set a = sip of tcp\nset b = dip of tcp\nset s = a - b", "set", ["a - b -> a | b"]),
        ("check c = 2 of (flows of tcp > 1, flows of udp > 1, flows of icmp > 1)", "threshold",
         ["2 of -> 1 of", "2 of -> 3 of", "flows of (protocol = tcp) > 1 -> flows of (protocol = tcp) > 2",
          "flows of (protocol = tcp) > 1 -> flows of (protocol = tcp) > 0",
          "flows of (protocol = udp) > 1 -> flows of (protocol = udp) > 2",
          "flows of (protocol = udp) > 1 -> flows of (protocol = udp) > 0",
          "flows of (protocol = icmp) > 1 -> flows of (protocol = icmp) > 2",
          "flows of (protocol = icmp) > 1 -> flows of (protocol = icmp) > 0"]),
    ],
)  # fmt: skip
def test_what_is_changed(rules: str, kind: str, expected: list[str]) -> None:
    assert changes(rules, kind) == expected


PROFILE = """set h = sip of all
profile p {
    hosts h
    feature n = flows of all per sip
    verdict many drop when n >= 10
    verdict some when n >= 5
    verdict few otherwise
}
"""


def test_verdicts_change_their_order_and_whether_they_drop() -> None:
    assert changes(PROFILE, "order") == ["many before some -> some before many"]
    assert changes(PROFILE, "drop") == ["many drop -> many", "some -> some drop", "few -> few drop"]


def test_texts_are_left_alone() -> None:
    with_text = PROFILE.replace(
        "verdict many drop when n >= 10", 'verdict many drop when n >= 10 because "{n}"'
    )
    assert len(mutants(with_text)) == len(mutants(PROFILE))


def test_a_mutant_changes_its_place_and_nothing_else() -> None:
    rules = "filter f = packets >= 4 and dport = 80\nfilter g = packets >= 4\nset s = sip of f\n"
    program = checked(rules).program
    assert program is not None
    for mutant in every_mutant(program, [], frozenset({"rules"})):
        changed = mutant.of(program)
        assert changed is not None
        for kind in ("filters", "sets"):
            for name, declared in getattr(program, kind).items():
                assert (getattr(changed, kind)[name] is declared) == (name != mutant.name)
        name = mutant.name
        before = program.filters.get(name) or program.sets[name]
        assert (changed.filters.get(name) or changed.sets[name]) != before, mutant


RULES = "filter f = outbound and packets >= 4\nset s = sip of f\n"
TITLES = "type | sip | dip | packets\n"


def mutation(*tests: str, rules: str = RULES) -> Mutation:
    result = checked(rules + "".join(tests))
    assert result.program is not None
    passing = [t for t in result.tests if run_test(t).passed]
    return mutate(every_mutant(result.program, passing, frozenset({"rules"})), passing)


def survivors(*tests: str) -> list[str]:
    return [f"{m.before} -> {m.after}" for m in mutation(*tests).survivors]


def test_without_tests_everything_survives() -> None:
    found = mutation()
    assert len(found.survivors) == len(found.tried) == 6
    assert (found.share, found.tests) == (0.0, 0)


def test_a_test_that_shows_each_side_notices_every_change() -> None:
    flows = (
        TITLES
        + "out | 10.0.0.1 | 192.0.2.1 | 4\nout | 10.0.0.2 | 192.0.2.1 | 3\nin | 10.0.0.3 | 192.0.2.1 | 4"
    )
    found = mutation(one_test(flows, "s = {10.0.0.1}", name="all"))
    assert found.survivors == []
    assert found.share == 1.0
    assert {t.noticed_by for t in found.tried} == {"all"}


def test_what_is_not_shown_survives() -> None:
    flows = TITLES + "out | 10.0.0.1 | 192.0.2.1 | 9"
    assert survivors(one_test(flows, "s = {10.0.0.1}")) == [
        "outbound -> nothing",
        "packets >= 4 -> nothing",
        "packets >= 4 -> packets >= 5",
        "packets >= 4 -> packets >= 3",
    ]


def test_failing_tests_take_no_part() -> None:
    flows = TITLES + "out | 10.0.0.1 | 192.0.2.1 | 9"
    found = mutation(one_test(flows, "s = {10.0.0.2}"))
    assert found.tests == 0
    assert found.share == 0.0


def test_an_expectation_that_asks_for_something_else_notices_nothing() -> None:
    flows = TITLES + "out | 10.0.0.1 | 192.0.2.1 | 4"
    assert mutation(one_test(flows, "flows of all = 1")).share == 0.0
