"""Findings as JUnit XML: a suite for each file, a failed case for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.model.xml_text import xml_attribute, xml_text
from flowrules.syntax.diagnostics import concise

if TYPE_CHECKING:
    from flowrules.lint.finding import Finding
    from flowrules.lint.run import LintResult


def write(result: LintResult) -> str:
    """A report; a file without findings is a suite with one case that passes."""
    by_file: dict[str, list[Finding]] = {}
    for finding in result.findings:
        by_file.setdefault(finding.span.path if finding.span is not None else "flowrules", []).append(finding)
    suites = [_suite(path, found) for path, found in sorted(by_file.items())]
    total, failed = len(result.findings), len(result.findings)
    if not suites:
        suites, total = [_passed(result.files)], 1
    failures = [
        f"    <testcase classname={xml_attribute('flowrules')} name={xml_attribute(f.code)}>\n"
        f'      <error message={xml_attribute(f"the rule of {f.origin} failed: {f.error}")} type="failure"/>\n'
        "    </testcase>\n"
        for f in result.failures
    ]
    if failures:
        suites.append(
            f'  <testsuite name="rules" tests="{len(failures)}" failures="0" errors="{len(failures)}" skipped="0" time="0">\n'
            f"{''.join(failures)}  </testsuite>\n"
        )
    head = (
        f'<testsuites name="flowrules lint" tests="{total + len(failures)}" failures="{failed}" '
        f'errors="{len(failures)}" time="0">\n'
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{"".join(suites)}</testsuites>\n'


def _suite(path: str, findings: list[Finding]) -> str:
    cases = "".join(_case(path, f) for f in findings)
    n = len(findings)
    return (
        f'  <testsuite name={xml_attribute(path)} tests="{n}" failures="{n}" errors="0" skipped="0" time="0">\n'
        f"{cases}  </testsuite>\n"
    )


def _case(path: str, finding: Finding) -> str:
    d = finding.diagnostic
    line = f":{d.span.line}" if d.span is not None else ""
    text = concise(d) + (f"\n{d.hint}" if d.hint else "")
    return (
        f'    <testcase classname={xml_attribute(path)} name={xml_attribute(f"{d.code} {d.name}{line}")} time="0">\n'
        f"      <failure message={xml_attribute(d.message)} type={xml_attribute(d.severity)}>{xml_text(text)}</failure>\n"
        "    </testcase>\n"
    )


def _passed(files: int) -> str:
    name = xml_attribute(f"{files} rulesets linted")
    return (
        '  <testsuite name="flowrules lint" tests="1" failures="0" errors="0" skipped="0" time="0">\n'
        f'    <testcase classname="flowrules" name={name} time="0"/>\n'
        "  </testsuite>\n"
    )
