"""FR409: ICMP flows are tested for ports."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.domains import Numbers
from flowrules.lint.facts import ICMP, among, variable
from flowrules.lint.finding import Finding
from flowrules.lint.formulas import negate
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.statements import own_conjuncts
from flowrules.lint.wording import text_of
from flowrules.model import expression as ex

_HIGHEST_CODE = 15
"""No ICMP message has a code above this (RFC 792 and its followers; IANA's registries)."""


class IcmpPort(Rule):
    """A destination port is asked of flows that are all ICMP, and no ICMP message looks like that.

    Why
        ICMP has no ports. SiLK keeps type * 256 + code where others have the destination port, so dport = 80 would be an
        echo reply of code 80, which does not exist. What is meant is icmp_type, icmp_code, or another protocol.
    Bad
        filter odd = icmp and dport = 443
    Good
        filter odd = icmp and icmp_type = 3 and icmp_code = 3
    Fix
        Test icmp_type and icmp_code, or ask for tcp or udp.
    """

    code = "FR409"
    name = "icmp-port"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every conjunct that tests dport beside one that asks for ICMP."""
        for statement in linted.statements:
            if not statement.about_flows or linted.names_broken(statement):
                continue
            if not any(isinstance(n, ex.Field) and n.name == "dport" for n in statement.nodes):
                continue
            claims = linted.premises.claims()
            whole = claims.true(statement.node)
            if linted.prover.impossible([whole]):
                continue
            if not linted.prover.impossible([whole, negate(among("protocol", *ICMP))]):
                continue
            for node in own_conjuncts(statement.node):
                if not isinstance(node, ex.Compare | ex.In) or not _tests_dport(node):
                    continue
                values = linted.premises.project(node_field(node), ex.Source(predicate=node))
                if isinstance(values, Numbers) and not values.full and not _has_message(values):
                    yield self.finding(
                        linted,
                        f"ICMP has no ports: {text_of(linted, node)} asks for a type and code that do not exist",
                        node.span,
                        hint="test icmp_type and icmp_code, or ask for tcp or udp",
                    )


def node_field(node: ex.Compare | ex.In) -> ex.Expression:
    """The field that a test of one field looks at."""
    if isinstance(node, ex.In):
        return node.items[0]
    return node.right if isinstance(node.left, ex.Literal) else node.left


def _tests_dport(node: ex.Compare | ex.In) -> bool:
    field = node_field(node)
    return isinstance(field, ex.Field) and field.name == "dport"


def _has_message(values: Numbers) -> bool:
    """Whether one of the numbers can be a type and a code of ICMP."""
    universe = variable("dport").universe.values
    return any(bool(values & universe.between(t * 256, t * 256 + _HIGHEST_CODE)) for t in range(256))
