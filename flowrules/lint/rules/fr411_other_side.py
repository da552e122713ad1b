"""FR411: a set of one side's hosts is tested on the other side."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.sides import OTHER, direction_of, side_of, sides_of_set
from flowrules.lint.statements import own_conjuncts
from flowrules.lint.wording import text_of
from flowrules.model import expression as ex


class OtherSide(Rule):
    """A set built from inside hosts is tested on the outer end of a flow, or the other way round.

    Why
        An inside host is never the outer end, so the test matches nothing. The usual cause is a request filter that was
        copied to the reply without exchanging sip and dip.
    Bad
        filter request = outbound and tcp and dport = 443
        set clients = sip of request
        filter reply = inbound and tcp and sport = 443 and sip in clients
    Good
        filter request = outbound and tcp and dport = 443
        set clients = sip of request
        filter reply = inbound and tcp and sport = 443 and dip in clients
    Fix
        Exchange sip and dip, or write reverse of.
    """

    code = "FR411"
    name = "other-side"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every membership in a set, in predicates that prove their direction."""
        seen: set[tuple[str, int]] = set()
        for statement in linted.statements:
            if not statement.about_flows:
                continue
            predicate = statement.node
            if statement.kind == "fraction" and statement.source is not None:
                predicate = ex.And(type=predicate.type, items=(statement.source.predicate, predicate))
            direction = direction_of(linted.program, predicate)
            if direction is None:
                continue
            for conjunct in own_conjuncts(predicate):
                node = conjunct.of if isinstance(conjunct, ex.Not) else conjunct
                if not isinstance(node, ex.In) or not isinstance(node.collection, ex.InSet):
                    continue
                sides = sides_of_set(linted.program, node.collection.set)
                if len(sides) != len(node.items):
                    continue
                for item, there in zip(node.items, sides, strict=True):
                    here = side_of(item, direction)
                    span = item.span or node.span
                    if there is None or here is None or here == there or span is None:
                        continue
                    if (span.path, span.start) in seen:
                        continue
                    seen.add((span.path, span.start))
                    yield self.finding(
                        linted,
                        f"{text_of(linted, node)} never holds: {text_of(linted, item)} of {direction} flows is {here}, "
                        f"and the set holds {OTHER[here]} hosts",
                        span,
                        related=[(node.collection.set.span, "the set")],
                        hint="exchange sip and dip",
                    )
