"""FR311: a condition on groups, hosts or totals that can never hold."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.claims import Claims
from flowrules.lint.domains import Numbers
from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.statements import Statement
from flowrules.lint.wording import conflict_message, conflict_places, part_place, text_of
from flowrules.model import expression as ex
from flowrules.model.value_text import literal_text


class UnreachableThreshold(Rule):
    """A threshold that can never be reached, or conditions on a group, host or total that exclude each other.

    Why
        A list of seven ports gives at most seven different ports, there are 256 protocols, a share ends at 100%, and a
        count does not fall below 0. A verdict or a keep behind such a condition never takes effect.
    Bad
        ports services = 22, 25, 80, 443
        filter answer  = outbound and tcp and sport in services
        set gateways   = sip of answer keep distinct(sport) >= 5
    Good
        ports services = 22, 25, 80, 443
        filter answer  = outbound and tcp and sport in services
        set gateways   = sip of answer keep distinct(sport) >= 3
    Fix
        Lower the threshold, or widen what is measured.
    """

    code = "FR311"
    name = "unreachable-threshold"
    severity = "error"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every condition that is not about one flow."""
        for statement in linted.statements:
            if statement.kind not in ("keep", "when", "feature", "total"):
                continue
            if not linted.prover.unsatisfiable(statement.whole, statement.place):
                yield from self._alternatives(linted, statement, statement.node)
                continue
            conflict = linted.prover.conflict(statement.whole, statement.place)
            if conflict is None or all(p.node in statement.given for p in conflict.parts):
                continue
            last, related = conflict_places(linted, conflict, statement.given)
            claims = linted.premises.claims(statement.place)
            bound = _bound(claims, last.node) if len(conflict.parts) == 1 else None
            if bound is not None:
                message = f"{text_of(linted, last.node)} can never hold: {bound}"
            else:
                message = conflict_message(linted, conflict, "this can never hold")
            yield self.finding(linted, message, part_place(last) or statement.node.span, related=related)

    def _alternatives(self, linted: Linted, statement: Statement, node: ex.Expression) -> Iterator[Finding]:
        """Single comparisons below an or (FR303 speaks of those that others exclude)."""
        claims = linted.premises.claims(statement.place)
        for inner in node.walk():
            if not isinstance(inner, ex.NOf):
                continue
            for item in inner.items:
                bound = _bound(claims, item)
                if bound is not None and linted.prover.impossible([claims.true(item)]):
                    yield self.finding(linted, f"{text_of(linted, item)} can never hold: {bound}", item.span)


def _bound(claims: Claims, node: ex.Expression) -> str | None:
    """What a compared value can be at most and at least, in words."""
    if not isinstance(node, ex.Compare):
        return None
    side = node.right if isinstance(node.left, ex.Literal) else node.left
    universe = claims.universe(side).values
    if not isinstance(universe, Numbers) or not universe:
        return None
    low, high = universe.least, universe.greatest
    if high == float("inf") or high >= 1 << 62:
        return None if low == -float("inf") else f"it is never below {literal_text(side.type, low)}"
    if low == high:
        return f"it is always {literal_text(side.type, low)}"
    return f"it lies between {literal_text(side.type, low)} and {literal_text(side.type, high)}"
