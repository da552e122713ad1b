"""Checking short rulesets in tests."""

from __future__ import annotations

from collections.abc import Mapping

from flowrules.check.bindings import Binder, Binding, Bindings
from flowrules.check.check import CheckResult, check
from flowrules.model.program import Program
from flowrules.model.source_text import SourceText


def result(
    text: str,
    others: Mapping[str, str] | None = None,
    *,
    mode: str = "check",
    given: Mapping[str, str] | None = None,
    site: Mapping[str, str] | None = None,
    bindings: Bindings | None = None,
    binder: Binder | None = None,
) -> CheckResult:
    """Check ``text`` (file ``rules.frules``); ``others`` are rulesets by name."""
    others = others or {}
    bindings = bindings or Bindings(
        parameters={
            n: Binding(v, "site", f"site.yaml:{i}", "/site")
            for i, (n, v) in enumerate((site or {}).items(), 1)
        },
        given={n: Binding(v, "command line", f"--set {n}") for n, v in (given or {}).items()},
    )

    def find(name: str, path: str) -> SourceText | None:
        return SourceText(f"{name}.frules", others[name]) if name in others else None

    return check([SourceText("rules.frules", text)], find, bindings, binder, mode, lambda _: list(others))


def program(text: str, others: Mapping[str, str] | None = None, **settings: object) -> Program:
    """The program of sound rules."""
    found = result(text, others, **settings)  # type: ignore[arg-type]
    assert found.program is not None, [d.message for d in found.diagnostics]
    return found.program


def messages(text: str, others: Mapping[str, str] | None = None, **settings: object) -> list[str]:
    """What is said of rules."""
    return [d.message for d in result(text, others, **settings).diagnostics]  # type: ignore[arg-type]
