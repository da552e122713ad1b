"""Texts with ``{…}``: what they may show where they stand."""

from __future__ import annotations

from flowrules.check.conditions import Conditions
from flowrules.model import types as t
from flowrules.model.expression import Expression
from flowrules.model.program import TextTemplate
from flowrules.syntax import tree


def template(conditions: Conditions, node: tree.Template | None) -> TextTemplate | None:
    """A text whose braces hold values of the same place as ``conditions``; ``None``: there is none."""
    if node is None:
        return None
    parts: list[str | Expression] = []
    for part in node.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = conditions.operand(part)
        if value.type != t.POISON:
            parts.append(value)
    return TextTemplate(tuple(parts), node.text)
