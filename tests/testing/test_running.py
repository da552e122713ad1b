"""Tests inside rulesets: what passes, what fails and how it is told, flows from files, todo."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.flows.silk_write import write_silk
from flowrules.testing.running import run_test
from tests.flows.silk_files import chunk_of
from tests.testing.rules import VISITS, checked, one_test

FLOWS = """type | sip | dip | dport | packets | repeat
out | 10.0.0.1 | 192.0.2.1 | 443 | 4 | 2
# a comment
out | 10.0.0.1 | 192.0.2.2 | 80 | 5 |
out | 10.0.0.2 | 192.0.2.1 | 443 | 4 |
in  | 192.0.2.1 | 10.0.0.1 | 5000 | 4 |"""


def outcome(text: str, path: str | Path = "rules.frules"):
    (test,) = checked(text, path).tests
    return run_test(test)


def messages(*expectations: str, flows: str = FLOWS) -> list[str]:
    return [f.message for f in outcome(VISITS + one_test(flows, *expectations)).failures]


def test_all_that_can_be_expected() -> None:
    assert messages(
        "visitors = {10.0.0.1}",
        "visitors != {}",
        "not visitors = {10.0.0.2}",
        "count(visitors) = 1",
        "flows of visit = 4",
        "sizes.bytes[10.0.0.1] = 520B",
        'sizes.seen[10.0.0.1] = "80, 443"',
        'sizes.seen[10.0.0.1] != "80"',
        "sizes.sip = {10.0.0.1, 10.0.0.2}",
        "visitor.quiet = {10.0.0.1}",
        "visitor.busy = {}",
        "visitor.verdict[10.0.0.1] = quiet",
        "visitor.sites[10.0.0.1] = 2",
        "visitor.many = {}",
        "visitor.entries = {10.0.0.1}",
        'visitor.external_port[10.0.0.1] = "80, 443"',
        'visitor.external_port[10.0.0.1, tcp] = "80, 443"',
        'visitor.internal_port[10.0.0.1] = "any"',
        'visitor.comment[10.0.0.1] = "quiet"',
        "known(visitor.internal[10.0.0.1])",
        "not known(visitor.internal[10.0.0.1, udp])",
        "not known(visitor.internal[10.0.0.2])",
        "not heavy",
        "count(heavy) = 0",
        "both",
        "known(both)",
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        (
            "visitors = {10.0.0.2}",
            "expect visitors = {10.0.0.2}: missing 10.0.0.2; unexpected 10.0.0.1",
        ),
        ("visitors != {10.0.0.1}", "expect visitors != {10.0.0.1}: does not hold, both are the same"),
        (
            "visitor.busy = {10.0.0.1}",
            "expect visitor.busy = {10.0.0.1}: missing 10.0.0.1 (its verdict is quiet)",
        ),
        (
            "visitor.sites[10.0.0.1] >= 3",
            "expect visitor.sites[10.0.0.1] >= 3: does not hold (visitor.sites[10.0.0.1] is 2)",
        ),
        (
            "visitor.sites[10.0.0.9] = 2",
            "expect visitor.sites[10.0.0.9] = 2: is unknown (visitor.sites[10.0.0.9] is unknown)",
        ),
        (
            'sizes.seen[10.0.0.1] = "80"',
            'expect sizes.seen[10.0.0.1] = "80": does not hold (sizes.seen[10.0.0.1] is 80, 443)',
        ),
        ("heavy", "expect heavy: does not hold"),
        ("not both", "expect not both: does not hold"),
        ("count(heavy) = 2", "expect count(heavy) = 2: does not hold (count(heavy) is 0)"),
    ],
)
def test_what_fails_says_what_was_seen(expectation: str, message: str) -> None:
    assert messages(expectation) == [message]


def test_places_of_failures_are_those_of_the_expectations() -> None:
    found = outcome(VISITS + one_test(FLOWS, "visitors = {10.0.0.1}", "heavy", "both", "visitors = {}"))
    text = (VISITS + one_test(FLOWS, "visitors = {10.0.0.1}", "heavy", "both", "visitors = {}")).split("\n")
    assert [(f.path, text[f.line - 1].strip()) for f in found.failures] == [
        ("rules.frules", "expect heavy"),
        ("rules.frules", "expect visitors = {}"),
    ]


@pytest.mark.parametrize(
    ("row", "line", "message"),
    [
        ("out | 10.0.0.300 | 192.0.2.1 | 443", 2, "flows: column sip: part 4 of '10.0.0.300' is 300"),
        (
            "out | 10.0.0.1 | 192.0.2.1 | 65536",
            2,
            "flows: column dport: found '65536', expected at most 65535",
        ),
        ("out | 10.0.0.1 | 192.0.2.1 | -1", 2, "flows: column dport: found '-1', expected a whole number"),
        ("sideways | 10.0.0.1 | 192.0.2.1 | 1", 2, "flows: column type: found 'sideways', expected one of"),
        ("out | 10.0.0.1 | 192.0.2.1 | ²", 2, "flows: column dport: found '²', expected a whole number"),
    ],
)
def test_flows_that_cannot_be_read_fail_with_their_line(row: str, line: int, message: str) -> None:
    text = VISITS + one_test(f"type | sip | dip | dport\n{row}", "count(visitors) = 0")
    (failure,) = outcome(text).failures
    assert failure.message.startswith(message)
    assert row in text.split("\n")[failure.line - 1]


def test_icmp_type_and_code_stand_for_the_port() -> None:
    rules = "filter ping = icmp and icmp_type = 8 and icmp_code = 1\n"
    flows = "type | sip | dip | protocol | icmp_type | icmp_code\nout | 10.0.0.1 | 192.0.2.1 | 1 | 8 | 1"
    assert outcome(rules + one_test(flows, "flows of ping = 1")).passed
    clash = "sip | dip | protocol | dport | icmp_type\n10.0.0.1 | 192.0.2.1 | 1 | 5 | 8"
    (failure,) = outcome(rules + one_test(clash, "flows of ping = 1")).failures
    assert "do not fit each other" in failure.message


def test_a_field_that_the_flows_lack_fails_the_test() -> None:
    rules = "filter web = application = 80\n"
    (failure,) = outcome(rules + one_test("sip | dip\n10.0.0.1 | 10.0.0.2", "flows of web = 0")).failures
    assert "has no field application" in failure.message


def test_a_rule_that_asks_too_much_fails_the_test() -> None:
    rules = "set s = { (10.0.0.0/8, 80) }\n"
    (failure,) = outcome(rules + one_test("sip | dip\n10.0.0.1 | 10.0.0.2", "count(s) = 0")).failures
    assert "stand for 16,777,216 members" in failure.message


# ---- flows from files


def from_file(folder: Path, name: str, *expectations: str):
    expected = " ".join(f"expect {e}" for e in expectations)
    return outcome(VISITS + f'test "it" {{ flows file "{name}" {expected} }}\n', folder / "rules.frules")


def test_a_table_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "flows.txt").write_text(f"# made by hand\n{FLOWS}\n", encoding="utf-8")
    assert from_file(tmp_path, "flows.txt", "visitors = {10.0.0.1}").passed
    (tmp_path / "flows.txt").write_text(f"{FLOWS}\nout | x | | |\n", encoding="utf-8")
    (failure,) = from_file(tmp_path, "flows.txt", "visitors = {10.0.0.1}").failures
    assert (failure.path, failure.line) == (str(tmp_path / "flows.txt"), 7)


def test_flows_of_other_formats_in_a_file(tmp_path: Path) -> None:
    chunk = chunk_of(2, sip=[0x0A000001] * 2, dip=[0xC0000201] * 2, dport=[443, 80], packets=[4, 4],
                     bytes=[400, 400], protocol=[6, 6], type=[1, 1])  # fmt: skip
    write_silk(tmp_path / "flows.rw", [chunk])
    assert from_file(tmp_path, "flows.rw", "visitors = {10.0.0.1}").passed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file or folder"),
        (b"", "the file is empty"),
        (b"\x00\x01\x02", "not a flow file of a format that is known"),
        (b"hello\n", "not a flow file of a format that is known"),
    ],
)
def test_files_that_hold_no_flows(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "flows.txt").write_bytes(content)
    (failure,) = from_file(tmp_path, "flows.txt", "visitors = {10.0.0.1}").failures
    assert message in failure.message


# ---- todo


@pytest.mark.parametrize(
    ("before", "expectation", "state"),
    [
        ("", "visitors = {10.0.0.1}", "passed"),
        ("", "visitors = {}", "failed"),
        ('@todo("later")', "visitors = {}", "todo"),
        ('@todo("later")', "visitors = {10.0.0.1}", "done"),
    ],
)
def test_states(before: str, expectation: str, state: str) -> None:
    assert outcome(VISITS + one_test(FLOWS, expectation, before=before)).state == state


def test_a_todo_test_may_be_empty() -> None:
    found = outcome(VISITS + '@todo("not thought out yet")\ntest "later" { }\n')
    assert (found.state, found.test.todo, found.failures) == ("todo", "not thought out yet", ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('@todo\ntest "x" { }', "@todo takes a text"),
        ('@todo("a")\nfilter f = tcp', "@todo does not belong here"),
        (
            '@private\ntest "x" { flows """\nsip | dip\n""" expect flows of all = 0 }',
            "@private does not belong here",
        ),
        ('test "x" { flows """\nsip | dip\n""" }', "the test expects nothing"),
    ],
)
def test_todo_stands_before_tests_with_a_reason(text: str, message: str) -> None:
    from flowrules.check.check import check
    from flowrules.model.source_text import SourceText

    found = check([SourceText("a.frules", text)], mode="test").diagnostics
    assert message in [d.message for d in found]


def test_a_test_of_what_is_imported_needs_that_alone(tmp_path: Path) -> None:
    from flowrules.check.check import check
    from flowrules.share.search import Search

    (tmp_path / "visits.frules").write_text(VISITS + "param who : set\nset known = visitors & who\n", "utf-8")
    tests = "import visits as v\n" + one_test(
        FLOWS, "v.visitors = {10.0.0.1}", "v.known = {10.0.0.1}", "v.visitor.sites[10.0.0.1] = 2",
        params="param who = {10.0.0.1}",
    )  # fmt: skip
    (tmp_path / "visits_test.frules").write_text(tests, "utf-8")
    search = Search()
    roots, _ = search.resolve_arguments([str(tmp_path / "visits_test.frules")])
    result = check(roots, search.find_ruleset, mode="test")
    assert not result.diagnostics
    assert [run_test(t).failures for t in result.tests] == [()]
    assert "visits:sizes" not in result.tests[0].needs
    assert "visits:visitors" in result.tests[0].needs
