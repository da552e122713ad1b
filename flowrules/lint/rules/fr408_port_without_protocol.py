"""FR408: a port is tested and no protocol."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from flowrules.lint.facts import WIRE, among, formulas_of
from flowrules.lint.finding import Finding
from flowrules.lint.formulas import Formula, Holds
from flowrules.lint.linted import Linted
from flowrules.lint.premises import FLOWS
from flowrules.lint.rule import Rule
from flowrules.lint.statements import Statement
from flowrules.lint.wording import text_of
from flowrules.model import expression as ex
from flowrules.model.reversal import reverse

_PORTS = frozenset(("sport", "dport", "inside_port", "outside_port"))
_WEB_TYPES = frozenset(("inweb", "outweb"))
_WITHOUT = 47
"""GRE: it has neither ports nor flags, so a predicate that lets it pass asks for no protocol."""


class PortWithoutProtocol(Rule):
    """A port is tested in a predicate that asks for no protocol.

    Why
        Ports of TCP and UDP are different services, and an ICMP flow has its type and code where others have the
        destination port: dport = 769 is a redirect. A filter that others build on may leave the protocol to them; what
        is reported is the place where flows are taken without one.
    Bad
        filter dns = outbound and dport = 53
        set askers = sip of dns
    Good
        filter dns = outbound and udp and dport = 53
        set askers = sip of dns
    Fix
        Add the protocol: tcp, udp, or (tcp or udp).
    """

    code = "FR408"
    name = "port-without-protocol"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every predicate that flows are taken by, through the filters that it names."""
        named = {n.name for s in linted.statements for n in s.nodes if isinstance(n, ex.FilterRef)}
        seen: set[tuple[str, int]] = set()
        for statement in linted.statements:
            if not statement.about_flows:
                continue
            if statement.kind == "filter" and statement.declaration in named:
                continue  # judged where it is used
            if not linted.reaches(statement.node, _tests_port, "port"):
                continue
            around = self._around(linted, statement)
            if any(_asks_protocol(e) for e in (*(k.of for k in statement.keys), *statement.measured)):
                continue
            for atom in self._bare(linted, statement.node, around, 0):
                span = atom.span
                if span is None or (span.path, span.start) in seen or span.path not in _paths(linted):
                    continue
                if linted.prover.unsatisfiable(statement.node) or linted.prover.always(statement.node):
                    break  # FR301 and FR302 say more
                seen.add((span.path, span.start))
                yield self.finding(
                    linted,
                    f"{text_of(linted, atom)} says nothing of the protocol",
                    span,
                    hint="add the protocol: tcp, udp, or (tcp or udp)",
                    witness=linted.prover.witness([atom, _protocol(1)]),
                )

    def _around(self, linted: Linted, statement: Statement) -> tuple[Formula, ...]:
        if statement.kind != "fraction" or statement.source is None:
            return ()
        return (linted.premises.claims(FLOWS).true(statement.source.predicate),)

    def _bare(
        self, linted: Linted, node: ex.Expression, around: tuple[Formula, ...], depth: int
    ) -> Iterator[ex.Expression]:
        claims = linted.premises.claims(FLOWS)
        match node:
            case ex.And(items=items):
                parts = [claims.true(i) for i in items]
                for index, item in enumerate(items):
                    if not linted.reaches(item, _tests_port, "port"):
                        continue
                    rest = tuple(p for i, p in enumerate(parts) if i != index)
                    yield from self._bare(linted, item, (*around, *rest), depth)
            case ex.Or(items=items) | ex.NOf(items=items):
                for item in items:
                    yield from self._bare(linted, item, around, depth)
            case ex.Not(of=of):
                yield from self._bare(linted, of, around, depth)
            case ex.FilterRef(name=name, reversed=reversed_) if depth < 30:
                declared = linted.program.filters.get(name)
                if declared is not None:
                    predicate = reverse(declared.predicate) if reversed_ else declared.predicate
                    yield from self._bare(linted, predicate, around, depth + 1)
            case ex.Compare() | ex.In() if _tests_port(node):
                if _asks_web_type(around) or not self._lets_pass(linted, around):
                    return
                if not linted.prover.impossible([*around, claims.true(node)]):
                    yield node

    def _lets_pass(self, linted: Linted, around: tuple[Formula, ...]) -> bool:
        if any(
            isinstance(f, Holds) and f.variable.key == "protocol" and _WITHOUT not in f.domain.values
            for f in around
        ):
            return False
        formulas = [*around, *_flags_on_tcp(), among("protocol", _WITHOUT)]
        return linted.prover.impossible(formulas, wire=False) is False


@cache
def _flags_on_tcp() -> tuple[Formula, ...]:
    flags = {"flags", "initial_flags", "session_flags"}
    return tuple(f for fact in WIRE if fact.about & flags for f in formulas_of(fact))


def _tests_port(node: ex.Expression) -> bool:
    """Whether an atom tests a port against constants (a set of ports seen says nothing about itself)."""
    match node:
        case ex.Compare(left=left, right=right):
            sides = (left, right) if isinstance(right, ex.Literal) else (right, left)
            return _is_port(sides[0]) and isinstance(sides[1], ex.Literal)
        case ex.In(items=items, collection=ex.Ranges()):
            return len(items) == 1 and _is_port(items[0])
        case ex.In(items=items, collection=ex.Tuples()):
            names = {i.name for i in items if isinstance(i, ex.Field)}
            return bool(names & _PORTS) and "protocol" not in names
    return False


def _asks_protocol(node: ex.Expression) -> bool:
    return any(isinstance(n, ex.Field) and n.name == "protocol" for n in node.walk())


def _is_port(node: ex.Expression) -> bool:
    return isinstance(node, ex.Field) and node.name in _PORTS


def _asks_web_type(around: tuple[Formula, ...]) -> bool:
    """SiLK's web types are TCP by their definition."""
    from flowrules.lint.domains import Labels

    return any(
        isinstance(f, Holds)
        and f.variable.key == "type"
        and isinstance(f.domain.values, Labels)
        and not f.domain.values.others
        and f.domain.values.names <= _WEB_TYPES
        for f in around
    )


def _protocol(number: int) -> ex.Expression:
    from flowrules.model import types as t

    field = ex.Field(type=t.PROTOCOL, name="protocol")
    return ex.Compare(type=t.TRUTH, op="=", left=field, right=ex.Literal(type=t.PROTOCOL, value=number))


def _paths(linted: Linted) -> frozenset[str]:
    return frozenset(f.path for f in linted.files)
