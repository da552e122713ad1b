"""FR303: an alternative that cannot hold where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.removal import without
from flowrules.lint.rule import Rule
from flowrules.lint.wording import conflict_message, part_place, part_text, text_of
from flowrules.model import expression as ex


class ImpossibleAlternative(Rule):
    """An alternative of an or that can never hold, given what is asked around it.

    Why
        The other alternatives hide that it is dead: the filter has flows, but never those that this part was written for.
    Bad
        filter dns = udp and (dport = 53 or dport = 53 and flags has S)
    Good
        filter dns = dport = 53 and (udp or tcp and flags has S)
    Fix
        Move the alternative out of the condition that excludes it, or remove it.
    """

    code = "FR303"
    name = "impossible-alternative"
    severity = "error"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every or."""
        for found in linted.superfluous:
            if found.kind != "impossible":
                continue
            text = text_of(linted, found.node)
            whole = (
                ex.And(type=found.node.type, items=(*found.around, found.node))
                if found.around
                else found.node
            )
            conflict = linted.prover.conflict(whole, found.statement.place)
            message, related = f"{text} can never hold here", []
            if conflict is not None:
                message = conflict_message(linted, conflict, f"{text} can never hold here")
                related = [
                    (part_place(p), f"asks for {part_text(linted, p)}")
                    for p in conflict.parts
                    if part_place(p) != found.node.span
                ]
            yield self.finding(
                linted,
                message,
                found.node.span,
                related=related,
                hint="take it out of the condition that excludes it, or remove it",
                edits=without(linted, found.parent, found.index),
                safe=False,
                mend=f"remove {text}",
            )
