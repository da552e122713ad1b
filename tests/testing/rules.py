"""Rulesets as texts, checked with their tests."""

from __future__ import annotations

from pathlib import Path

from flowrules.check.check import CheckResult, check
from flowrules.model.source_text import SourceText
from flowrules.share.parameter_files import ParameterFiles


def checked(text: str, path: str | Path = "rules.frules") -> CheckResult:
    """The rules and their tests; an error in them fails the test."""
    result = check([SourceText(str(path), text)], binder=ParameterFiles(), mode="test")
    assert result.program is not None, [d.message for d in result.diagnostics]
    return result


VISITS = """ruleset visits { version "1.0.0" }
filter visit = outbound and tcp and dport in (80, 443) and packets >= 4
filter other = outbound and udp or outbound and tcp and not visit
set visitors = sip of visit keep flows >= 2
table sizes = sum(bytes), values(dport) as seen of visit per sip keep share >= 10%
profile visitor {
    hosts visitors
    feature sites = distinct(dip) of visit per sip
    verdict busy when sites >= 3
    verdict quiet otherwise
    anomaly many : warning when sites > 3 because "{sites} sites"
    entry of visit per sip, protocol when sites >= 2 {
        internal host : any
        external any : values(dport)
        comment  verdict
    }
}
anomaly heavy : notice in sizes when bytes > 1kB because "{sip} {bytes}"
check both : warning = flows of inbound > 0 and flows of outbound > 0
"""


def one_test(flows: str, *expectations: str, name: str = "it", before: str = "", params: str = "") -> str:
    """A test as text."""
    expected = "\n".join(f"    expect {e}" for e in expectations)
    return f'{before}\ntest "{name}" {{\n    {params}\n    flows """\n{flows}\n    """\n{expected}\n}}\n'
