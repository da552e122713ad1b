"""Tests inside rulesets, as the test runner gets them."""

from __future__ import annotations

from flowrules.model import expression as ex
from flowrules.model import program as pr
from flowrules.model import types as t
from tests.check.rules import messages, result

FLOWS = '    flows """\n    sip | dip\n    10.0.0.1 | 10.0.0.2\n    """\n'
RULES = (
    "param least : count = 4 in 2 .. 10\nparam must : count\nfilter f = packets >= least\nset s = sip of f\n"
    "set pairs = (sip, dip) of f\nset more = sip of (packets > must)\ntable t = flows, share(flows) of f per sip\n"
    "profile p { hosts s feature n = flows of f per sip verdict busy when n > 5 verdict idle otherwise }\n"
)


def found_tests(
    body: str, rules: str = RULES, others: dict[str, str] | None = None
) -> list[pr.TestDeclaration]:
    found = result(f'{rules}test "a" {{\n{body}\n{FLOWS}}}', others, mode="test")
    assert [d.message for d in found.diagnostics] == []
    return list(found.tests)


def test_parameters_hold_in_the_test_s_program_alone() -> None:
    found = result(f'{RULES}test "a" {{\n    param least = 1\n{FLOWS}    expect s = {{}}\n}}', mode="test")
    assert found.program is not None
    assert found.program.parameters["rules:least"].value == 4
    test = found.tests[0]
    assert (test.name, test.ruleset) == ("a", "rules")
    assert test.program.parameters["rules:least"].value == 1, "a test may go below the bounds"
    assert test.program.parameters["rules:least"].origin == "test"


def test_internal_is_not_a_parameter() -> None:
    test = found_tests("param internal = (10.0.0.0/8, 2001:db8::/32)\nexpect s = {}")[0]
    assert test.internal is not None
    assert test.internal.range_count == 2
    assert test.program.internal == test.internal


def test_expectations() -> None:
    body = (
        "expect s = {10.0.0.1}\nexpect {(10.0.0.1, 10.0.0.2)} != pairs\nexpect not (10.0.0.9 in s)\nexpect t.flows[10.0.0.1] = 5\n"
        "expect t.share_flows[10.0.0.1] = 50%\nexpect p.verdict[10.0.0.1] = busy\nexpect p.busy = p.hosts\nexpect count(s) = 1 and flows of f > 0\n"
        "expect not s = {}\nexpect t.sip = s"
    )
    found = found_tests(body)[0].expectations
    s = ex.SetNamed(parts=(t.ADDRESS,), name="rules:s")
    assert (found[0].set_left, found[0].negated, found[0].text) == (s, False, "s = {10.0.0.1}")
    assert isinstance(found[0].set_right, ex.SetLiteral)
    assert found[1].negated
    assert isinstance(found[1].set_left, ex.SetLiteral)
    assert isinstance(found[2].condition, ex.Not)
    assert isinstance(found[3].condition, ex.Compare)
    assert found[5].condition == ex.Compare(
        type=t.TRUTH,
        op="=",
        left=ex.Lookup(
            type=t.LABEL,
            owner="rules:p",
            column="verdict",
            keys=(ex.Literal(type=t.ADDRESS, value=(0xFFFF << 32) + 0x0A000001),),
        ),
        right=ex.Literal(type=t.LABEL, value="busy"),
    )
    assert isinstance(found[6].set_right, ex.HostsOf)
    assert found[8].negated
    assert found[8].set_left == s
    assert isinstance(found[9].set_left, ex.KeyColumn)


def test_earlier_results_are_given_by_name() -> None:
    body = "previous s = {10.0.0.1}\nprevious p.busy = {}\nprevious pairs = {(10.0.0.1, 10.0.0.2)}\nexpect s = {}"
    previous = found_tests(body)[0].previous
    assert list(previous) == ["rules:s", "rules:p.busy", "rules:pairs"]
    assert previous["rules:p.busy"].parts == (t.ADDRESS,)


def test_a_parameter_that_the_test_needs_must_be_given() -> None:
    text = f'{RULES}test "a" {{\n{FLOWS}    expect more = {{}}\n}}'
    assert messages(text, mode="test") == ["the test needs the parameter must, which has no default"]
    assert messages(text.replace("expect", "param must = 3\nexpect"), mode="test") == []
    assert messages(text.replace("expect more", "expect s"), mode="test") == []


def test_a_parameter_of_another_ruleset_may_be_left_unknown() -> None:
    other = 'ruleset a.b { version "1.0.0" }\nparam must : count\nfilter big = packets > must'
    rules = "import a.b (big)\nset s = sip of big\n"
    assert found_tests("expect s = {}", rules, {"a.b": other})
    given = found_tests("param must = 5\nexpect s = {}", rules, {"a.b": other})[0]
    assert given.program.parameters["a.b:must"].value == 5


def test_a_flow_file_lies_beside_the_ruleset() -> None:
    found = result(f'{RULES}test "a" {{\n    flows file "sample.rw"\n    expect s = {{}}\n}}', mode="test")
    assert found.tests[0].flows_file == "sample.rw"
    assert found.tests[0].flows == ""


def test_a_fault_of_the_rules_is_not_reported_again_by_each_test() -> None:
    rules = RULES.replace("packets >= least", "pckts >= least")
    body = "".join(
        f'test "{n}" {{\n    param least = {n}\n{FLOWS}    expect s = {{}}\n}}\n' for n in range(3)
    )
    assert messages(rules + body, mode="test") == ["nothing is called pckts"]


def test_tests_are_checked_but_by_a_run() -> None:
    rules = RULES.replace("param must : count", "param must : count = 1")
    text = f'{rules}test "a" {{\n{FLOWS}    expect sx = {{}}\n}}'
    for mode, said in (("check", ["no set is called sx"]), ("test", ["no set is called sx"]), ("run", [])):
        assert messages(text, mode=mode) == said


NAMESAKES = {
    f"lib.{n}": f'ruleset lib.{n} {{ version "1.0.0" }}\nparam least : count = 1\nset s = sip of (packets >= least)'
    for n in ("one", "two")
}
IMPORTS = "import lib.one as one\nimport lib.two as two\n"


def test_parameters_of_one_name_are_given_by_alias_or_ruleset() -> None:
    test = found_tests(
        "param one.least = 2\nparam lib.two.least = 3\nexpect one.s = {}\nexpect two.s = {}",
        IMPORTS,
        NAMESAKES,
    )[0]
    given = {n: p.value for n, p in test.program.parameters.items()}
    assert given == {"lib.one:least": 2, "lib.two:least": 3}


def test_a_parameter_that_a_test_means_must_be_told() -> None:
    body = "param {}\n" + FLOWS + "    expect one.s = {{}}\n    expect two.s = {{}}\n}}"
    for given, message, hint in (
        ("least = 2", "least is a parameter of lib.one and of lib.two", "say which: lib.one.least"),
        ("one.lest = 2", "no parameter is called lib.one.lest", "did you mean lib.one.least?"),
        ("three.least = 2", "no parameter is called three.least", "the parameters are lib.one.least"),
        ("one.least = 2\nparam lib.one.least = 2", "the parameter lib.one.least is given twice", ""),
    ):
        rules = f'{IMPORTS}test "a" {{\n' + body.format(given)
        (found,) = result(rules, NAMESAKES, mode="test").diagnostics
        assert found.message == message
        assert found.span is not None
        assert rules[found.span.start : found.span.end] in given
        assert found.hint is None or found.hint.startswith(hint)
