"""FR301: a predicate that no flow can satisfy."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.wording import conflict_message, conflict_places, part_place
from flowrules.model import expression as ex


class UnsatisfiablePredicate(Rule):
    """A predicate that no flow can satisfy.

    Why
        Whatever is built on it stays empty for ever, without an error: the set has no members, the share is
        unknown, the verdict is never given. The finding names the fewest conditions that exclude each other and, where
        it is not plain, the fact of the network that they go against: only TCP flows carry flags, only some protocols
        have ports, a packet has at least 20 bytes, icmp_type exists in ICMP alone.
    Bad
        filter handshake = udp and dport = 443 and flags has SA
        ---
        filter odd = tcp and sport > 1024 and sport < 1000
    Good
        filter handshake = tcp and dport = 443 and flags has SA
        ---
        filter odd = tcp and (sport > 1024 or sport < 1000)
    Fix
        Drop one of the conditions, or join them with or where either is meant.
    """

    code = "FR301"
    name = "unsatisfiable-predicate"
    severity = "error"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every predicate over flows or rows."""
        for statement in linted.statements:
            if statement.kind not in ("filter", "source", "fraction", "rows"):
                continue
            node = statement.node
            if isinstance(node, ex.FilterRef | ex.Direction | ex.Literal):
                continue
            conflict = linted.prover.conflict(statement.whole, statement.place)
            if conflict is None or all(p.node in statement.given for p in conflict.parts):
                continue
            through = {v.name for p in conflict.parts for v in p.via if isinstance(v, ex.FilterRef)}
            if through & linted.broken_filters:
                continue
            last, related = conflict_places(linted, conflict, statement.given)
            row = statement.kind == "rows"
            yield self.finding(
                linted,
                conflict_message(linted, conflict, "no row can match" if row else "no flow can match"),
                part_place(last) or node.span,
                related=related,
                hint="join them with or where either is meant" if len(conflict.parts) > 1 else None,
            )
