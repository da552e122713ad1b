"""FR410: an address is tested on the end that the direction excludes."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.lint.sides import direction_of, side_of
from flowrules.lint.special_addresses import is_own_network
from flowrules.lint.statements import own_conjuncts
from flowrules.lint.wording import text_of
from flowrules.model import expression as ex
from flowrules.model.source_text import Span
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Fix

_OWN_WORDS = frozenset(
    ("inside", "internal", "home", "own", "our", "ours", "local", "lan", "campus", "intranet")
)
_EXCHANGED = {"sip": "dip", "dip": "sip", "sport": "dport", "dport": "sport"}


class SwappedEnds(Rule):
    """The site's own networks are tested on the outer end of a flow.

    Why
        outbound flows come from inside and go outside: their sip is inside, their dip is not. Private networks, networks
        that are called inside, internal, own or the like, and those that the same file tests on the inner end elsewhere, are the site's own; on the outer end they match nothing but
        forged or misrouted packets. A list that holds unroutable blocks of more than one kind is taken for what it is, a
        test for such packets.
    Bad
        nets lab = 10.20.0.0/16
        filter from_lab = outbound and dip in lab
    Good
        nets lab = 10.20.0.0/16
        filter from_lab = outbound and sip in lab
    Fix
        Exchange sip and dip, or the direction.
    """

    code = "FR410"
    name = "swapped-ends"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every test of an address against constant networks, in predicates that prove their direction."""
        tests = list(_tests(linted))
        inner = {
            collection: span
            for _, collection, side, span in tests
            if side == "inside" and collection is not None
        }
        seen: set[tuple[str, int]] = set()
        for node, collection, side, span in tests:
            if side != "outside" or span is None or (span.path, span.start) in seen:
                continue
            elsewhere = inner.get(collection) if collection is not None else None
            assert isinstance(node.collection, ex.Addresses)
            own = is_own_network(node.collection.set) or (collection is not None and _named_own(collection))
            if not own and elsewhere is None:
                continue
            seen.add((span.path, span.start))
            word = _field(node)
            other = _EXCHANGED.get(word)
            place = node.items[0].span
            yield self.finding(
                linted,
                f"{text_of(linted, node)} tests the outer end for networks that are the site's own",
                span,
                related=[(elsewhere, "here they are on the inner end")] if elsewhere is not None else [],
                hint=f"write {other}, or the other direction" if other else None,
                edits=(Fix(place, other),) if place is not None and other else (),
                safe=False,
                mend=f"write {other}",
            )


def _named_own(qualified: str) -> bool:
    """Whether a list is called the site's own."""
    words = qualified.rpartition(":")[2].lower().split("_")
    return bool(_OWN_WORDS & set(words))


def _field(node: ex.In) -> str:
    item = node.items[0]
    return item.name if isinstance(item, ex.Field) else ""


def _tests(linted: Linted) -> Iterator[tuple[ex.In, str | None, str, Span | None]]:
    """Tests of an address, the name of the list, the side that the address is on, and the place."""
    for statement in linted.statements:
        if not statement.about_flows:
            continue
        predicate = statement.node
        if statement.kind == "fraction" and statement.source is not None:
            predicate = ex.And(type=predicate.type, items=(statement.source.predicate, predicate))
        direction = direction_of(linted.program, predicate)
        if direction is None:
            continue
        for node in own_conjuncts(predicate):
            if not isinstance(node, ex.In) or not isinstance(node.collection, ex.Addresses):
                continue
            side = side_of(node.items[0], direction)
            if side is None or linted.premises.free(node) is not None:
                continue
            yield node, _list_name(linted, node), side, node.span


def _list_name(linted: Linted, node: ex.In) -> str | None:
    """The declared list that a test names; ``None`` for lists written out."""
    span = node.span
    if span is None:
        return None
    scope = next((s for s in linted.scopes.values() if s.path == span.path), None)
    word = linted.text(span).rpartition(" in ")[2].strip("() ")
    symbol = scope.symbols.get(word) or scope.imported.get(word) if scope is not None else None
    return symbol.qualified if symbol is not None and isinstance(symbol.node, tree.Nets) else None
