"""FR309: a set operation that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.rules.fr308_empty_set import set_operations
from flowrules.lint.setlogic import SetLogic
from flowrules.model import expression as ex


class IdleSetOperation(Rule):
    """A union, difference or intersection of sets that changes nothing.

    Why
        A union with a set whose members are all there already, a difference from which nothing is taken, an
        intersection that keeps everything: one of the two sets is not what its author thought.
    Bad
        filter web    = outbound and tcp and dport in (80, 443)
        filter secure = web and dport = 443
        set clients = sip of web | sip of secure
    Good
        filter web    = outbound and tcp and dport in (80, 443)
        filter stream = outbound and udp and dport = 443
        set clients = sip of web | sip of stream
    Fix
        Drop the operation, or correct the filter that is narrower or wider than it should be.
    """

    code = "FR309"
    name = "idle-set-operation"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every set operation."""
        logic = SetLogic(linted)
        for node in set_operations(linted):
            left, right = linted.text(node.left.span), linted.text(node.right.span)
            if _is_exception(node):
                right = "what is excepted"
            message = None
            match node.op:
                case "|":
                    if logic.inside(node.right, node.left):
                        message = f"{right} adds nothing: its members are all in {left}"
                    elif logic.inside(node.left, node.right):
                        message = f"{left} adds nothing: its members are all in {right}"
                case "&":
                    if logic.inside(node.left, node.right):
                        message = f"{right} excludes nothing: it holds every member of {left}"
                    elif logic.inside(node.right, node.left):
                        message = f"{left} excludes nothing: it holds every member of {right}"
                case "-":
                    if logic.apart(node.left, node.right) and not logic.inside(node.left, node.right):
                        message = f"{right} takes nothing away: no member of it is ever one of {left}"
            if message is not None:
                yield self.finding(linted, message, node.span)


def _is_exception(node: ex.SetAlgebra) -> bool:
    """Whether the difference was written as an ``except`` clause."""
    left, right = node.left.span, node.right.span
    return left is not None and right is not None and right.start <= left.start
