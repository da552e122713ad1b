"""What came of tests as JUnit XML (junit-10.xsd): a suite for each ruleset, a case for each test."""

from __future__ import annotations

from collections.abc import Sequence

from flowrules.model.xml_text import xml_attribute, xml_text
from flowrules.testing.running import Outcome


def junit_report(outcomes: Sequence[Outcome]) -> str:
    """The document; a test marked ``@todo`` that does not pass is skipped, with its reason."""
    by_ruleset: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_ruleset.setdefault(outcome.test.ruleset, []).append(outcome)
    suites = "".join(_suite(name, found) for name, found in by_ruleset.items())
    head = f'<testsuites name="flowrules test" {_counts(outcomes)} {_time(outcomes)}>\n'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{suites}</testsuites>\n'


def _counts(outcomes: Sequence[Outcome]) -> str:
    failed = sum(o.state == "failed" for o in outcomes)
    return f'tests="{len(outcomes)}" failures="{failed}" errors="0"'


def _time(outcomes: Sequence[Outcome]) -> str:
    return f'time="{sum(o.seconds for o in outcomes):.3f}"'


def _suite(name: str, outcomes: Sequence[Outcome]) -> str:
    cases = "".join(_case(o) for o in outcomes)
    skipped = sum(o.state == "todo" for o in outcomes)
    files = {o.test.span.path for o in outcomes if o.test.span is not None}
    file = f" file={xml_attribute(files.pop())}" if len(files) == 1 else ""
    head = f'{_counts(outcomes)} skipped="{skipped}" {_time(outcomes)}{file}'
    return f"  <testsuite name={xml_attribute(name)} {head}>\n{cases}  </testsuite>\n"


def _case(outcome: Outcome) -> str:
    test = outcome.test
    head = (
        f"    <testcase classname={xml_attribute(test.ruleset)} name={xml_attribute(test.name)}"
        f' time="{outcome.seconds:.3f}"'
    )
    if outcome.state == "todo":
        return f"{head}>\n      <skipped message={xml_attribute(test.todo or 'todo')}/>\n    </testcase>\n"
    if outcome.state != "failed":
        return f"{head}/>\n"
    first = outcome.failures[0].message
    text = xml_text("\n".join(f"{f.path}:{f.line}: {f.message}" for f in outcome.failures))
    return (
        f'{head}>\n      <failure message={xml_attribute(first)} type="expectation">{text}</failure>\n'
        "    </testcase>\n"
    )
