"""What came of tests as JUnit XML: a suite for each ruleset, a case for each test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from flowrules.testing.running import Outcome

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold."""


def junit_report(outcomes: Sequence[Outcome]) -> str:
    """The document; a test marked ``@todo`` that does not pass is skipped, with its reason."""
    by_ruleset: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_ruleset.setdefault(outcome.test.ruleset, []).append(outcome)
    suites = "".join(_suite(name, found) for name, found in by_ruleset.items())
    head = f'<testsuites name="flowrules test" {_counts(outcomes)}>\n'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{suites}</testsuites>\n'


def _counts(outcomes: Sequence[Outcome]) -> str:
    failed = sum(o.state == "failed" for o in outcomes)
    todo = sum(o.state == "todo" for o in outcomes)
    seconds = sum(o.seconds for o in outcomes)
    return f'tests="{len(outcomes)}" failures="{failed}" errors="0" skipped="{todo}" time="{seconds:.3f}"'


def _suite(name: str, outcomes: Sequence[Outcome]) -> str:
    cases = "".join(_case(o) for o in outcomes)
    return f"  <testsuite name={_attribute(name)} {_counts(outcomes)}>\n{cases}  </testsuite>\n"


def _case(outcome: Outcome) -> str:
    test = outcome.test
    place = f" file={_attribute(test.span.path)} line={_attribute(str(test.span.line))}" if test.span else ""
    head = (
        f"    <testcase classname={_attribute(test.ruleset)} name={_attribute(test.name)}"
        f'{place} time="{outcome.seconds:.3f}"'
    )
    if outcome.state == "todo":
        return f"{head}>\n      <skipped message={_attribute(test.todo or 'todo')}/>\n    </testcase>\n"
    if outcome.state != "failed":
        return f"{head}/>\n"
    first = outcome.failures[0].message
    text = escape(_allowed("\n".join(f"{f.path}:{f.line}: {f.message}" for f in outcome.failures)))
    return (
        f'{head}>\n      <failure message={_attribute(first)} type="expectation">{text}</failure>\n'
        "    </testcase>\n"
    )


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _attribute(text: str) -> str:
    return quoteattr(_allowed(text).replace("\n", " "))
