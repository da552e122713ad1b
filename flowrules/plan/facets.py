"""What the plan asks of one expression, found once: equal ones stand in many rules."""

from __future__ import annotations

from attrs import frozen

from flowrules.model import expression as ex
from flowrules.plan.contradictions import Claim, claim
from flowrules.plan.cost import cost
from flowrules.plan.field_use import fields_of, welcome_fields
from flowrules.plan.rewriting import Asked, depends


@frozen(eq=False)
class Facets:
    """An expression with the stored fields that it needs and those that it makes use of, what it asks of other
    declarations, what it claims of one value, and its place in the order of tests."""

    of: ex.Expression
    fields: frozenset[str]
    welcome: frozenset[str]
    asked: tuple[Asked, ...]
    claim: Claim | None
    cost: tuple[float, str]

    @classmethod
    def looked_at(cls, expression: ex.Expression, direction_by: str) -> Facets:
        """The facets of an expression, where the direction of flows is told by types or by nets."""
        return cls(
            expression,
            fields_of((expression,), direction_by),
            welcome_fields((expression,)),
            tuple(depends(expression)),
            claim(expression),
            cost(expression),
        )
