"""What a ruleset block says, and whether the ruleset is meant to leave the house."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowrules.check.symbols import FileScope
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.lint.finding import Finding
    from flowrules.lint.linted import Linted
    from flowrules.lint.rule import Rule

STAYS = frozenset(("red", "amber_strict"))
"""Traffic lights of rulesets that stay in the house."""


def line_of(scope: FileScope, name: str) -> tree.Metadata | None:
    """A line of a file's ruleset block."""
    block = scope.file.ruleset
    return next((m for m in block.metadata if m.name.text == name), None) if block is not None else None


def is_shared(scope: FileScope) -> bool:
    """Whether a file is meant for others: it has a ruleset block, and its traffic light does not keep it in."""
    if scope.file.ruleset is None:
        return False
    light = line_of(scope, "tlp")
    if light is None or not light.values:
        return True
    value = light.values[0]
    word = value.text if isinstance(value, tree.Name) else str(value.value)
    return word not in STAYS


def missing_line(rule: Rule, linted: Linted, name: str, hint: str) -> Iterator[Finding]:
    """A finding for each file with a ruleset block that lacks a line."""
    for scope in linted.files:
        block = scope.file.ruleset
        if block is not None and line_of(scope, name) is None:
            noun = {"license": "licence", "tlp": "traffic light"}.get(name, name)
            yield rule.finding(
                linted, f"the ruleset {scope.ruleset} has no {noun}", block.name.span, hint=hint
            )
