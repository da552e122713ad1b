"""FR308: a difference or an intersection that is always empty."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.setlogic import SetLogic
from flowrules.model import expression as ex


class EmptySet(Rule):
    """A difference or an intersection of sets that is empty whatever the flows.

    Why
        A set that never has members makes every rule that tests it silent. The usual causes are two sets that were
        exchanged around a minus, and a filter that is narrower than it was thought to be.
    Bad
        filter web    = outbound and tcp and dport in (80, 443)
        filter secure = web and dport = 443
        set plain = sip of secure - sip of web
    Good
        filter web    = outbound and tcp and dport in (80, 443)
        filter secure = web and dport = 443
        set plain = sip of web - sip of secure
    Fix
        Exchange the two sides, or widen the filter of one of them.
    """

    code = "FR308"
    name = "empty-set"
    severity = "error"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every set operation."""
        logic = SetLogic(linted)
        for node in set_operations(linted):
            left, right = linted.text(node.left.span), linted.text(node.right.span)
            if node.op == "-" and logic.inside(node.left, node.right):
                if (
                    node.right.span is not None
                    and node.left.span is not None
                    and node.right.span.start <= node.left.span.start
                ):
                    right = "what is excepted"
                yield self.finding(
                    linted,
                    f"nothing is ever left: every member of {left} is one of {right}",
                    node.span,
                    hint="exchange the two sides, if the other difference is meant",
                )
            elif node.op == "&" and logic.apart(node.left, node.right):
                yield self.finding(linted, f"{left} and {right} can never have a member in common", node.span)
            elif (
                node.op == "^" and logic.inside(node.left, node.right) and logic.inside(node.right, node.left)
            ):
                yield self.finding(
                    linted,
                    f"{left} and {right} are the same set, so nothing is in only one of them",
                    node.span,
                )


def set_operations(linted: Linted) -> Iterator[ex.SetAlgebra]:
    """Every operation on sets in the files."""
    program = linted.program
    roots = [s.set for s in program.sets.values() if s.ruleset in linted.rulesets]
    roots += [p.hosts for p in program.profiles.values() if p.ruleset in linted.rulesets]
    while roots:
        node = roots.pop(0)
        if isinstance(node, ex.SetAlgebra):
            # an `except` clause is an operation that was not written as one: FR314 speaks of it
            if node.left.span is not None and node.right.span is not None and node.span is not None:
                yield node
            roots += [node.left, node.right]
        elif isinstance(node, ex.SetBlocks):
            roots.append(node.of)
