"""FR401: and mixed with or without parentheses."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.witness import Witness
from flowrules.model import expression as ex
from flowrules.model.source_text import Span
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Fix


class MixedLogic(Rule):
    """And and or side by side without parentheses.

    Why
        And binds tighter than or, here as in most languages; readers guess otherwise often enough. Parentheses say which is
        meant. Where the two readings differ on some flow, one is shown.
    Bad
        filter dns = udp or tcp and dport = 53
    Good
        filter dns = (udp or tcp) and dport = 53
    Fix
        Add parentheses. --fix puts them around each and, which is how it is read now; check that this is meant.
    """

    code = "FR401"
    name = "mixed-logic"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every or with an and beside it."""
        for scope in linted.files:
            for node in linted.nodes(scope).of(tree.Or):
                bare = [i for i in node.items if isinstance(i, tree.And) and not linted.is_enclosed(i.span)]
                if bare:
                    first = bare[0]
                    yield self.finding(
                        linted,
                        "and binds tighter than or: say with parentheses which is meant",
                        first.span,
                        hint=f"it is read as ({linted.text(first.span)}) now",
                        witness=_difference(linted, node),
                        edits=[e for i in bare for e in _parentheses(linted, i.span)],
                        safe=True,
                        mend="put parentheses around each and",
                    )


def _parentheses(linted: Linted, span: Span) -> tuple[Fix, ...]:
    return (
        Fix(linted.span(span.path, span.start, span.start), "("),
        Fix(linted.span(span.path, span.end, span.end), ")"),
    )


def _difference(linted: Linted, node: tree.Or) -> Witness | None:
    """A flow that passes as it is read, and does not when or binds tighter."""
    found = linted.alternatives.get(node.span)
    if found is None:
        return None
    groups: list[list[ex.Expression]] = [[]]
    for item in found.items:
        parts = item.items if isinstance(item, ex.And) else (item,)
        groups[-1].append(parts[0])
        groups.extend([p] for p in parts[1:])
    other = [g[0] if len(g) == 1 else ex.Or(type=found.type, items=tuple(g)) for g in groups]
    return linted.prover.witness([found], [ex.And(type=found.type, items=tuple(other))])
