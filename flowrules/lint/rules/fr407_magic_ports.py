"""FR407: port numbers that have a name."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.check.symbols import FileScope
from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.lists import Ranges, list_ranges, minus
from flowrules.lint.rule import Rule
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Fix

_PORTS = frozenset(("sport", "dport", "aport", "inside_port", "outside_port"))


class MagicPorts(Rule):
    """A list of port numbers that the file has a name for.

    Why
        When the named list changes, the numbers stay; and the name says what the ports are for.
    Bad
        ports web = 80, 443, 8080
        filter request = outbound and tcp and dport in (80, 443, 8080)
    Good
        ports web = 80, 443, 8080
        filter request = outbound and tcp and dport in web
    Fix
        Write the name. --fix does so.
    """

    code = "FR407"
    name = "magic-ports"
    severity = "notice"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Lists of literal ports after in, and single ports after =."""
        for scope in linted.files:
            named = list(_named_lists(scope))
            if not named:
                continue
            nodes = linted.nodes(scope)
            for item, node in (*nodes.within(tree.In), *nodes.within(tree.Compare)):
                found = _literal_ports(scope, node)
                if found is None or isinstance(item, tree.Test):
                    continue
                ranges, place = found
                name = next((n for n, held in named if held == ranges), None)
                if name is None:
                    continue
                text = name if isinstance(node, tree.In) else f"in {name}"
                yield self.finding(
                    linted,
                    f"{linted.text(place.span)} is the port list {name}",
                    place.span,
                    hint=f"write {text}",
                    edits=_edit(linted, node, place, name),
                    safe=True,
                    mend=f"write {name}",
                )


def _named_lists(scope: FileScope) -> Iterator[tuple[str, Ranges]]:
    symbols = [*scope.symbols.items(), *((n, s) for n, s in scope.imported.items() if s is not None)]
    for alias, module in scope.modules.items():
        if module is not None:
            symbols += [(f"{alias}.{n}", s) for n, s in module.symbols.items() if not s.private]
    for name, symbol in symbols:
        if isinstance(symbol.node, tree.Ports):
            held = list_ranges(symbol.scope, symbol.node.items)
            without = list_ranges(symbol.scope, symbol.node.exceptions)
            if held is not None and without is not None:
                yield name, minus(held, without)


def _literal_ports(scope: FileScope, node: tree.Node) -> tuple[Ranges, tree.Node] | None:
    match node:
        case tree.In(left=tree.Name(parts=(word,)), collection=tree.List(items=items) as place) if (
            word in _PORTS
        ):
            if not all(isinstance(i, tree.Literal | tree.Range) for i in items):
                return None
            ranges = list_ranges(scope, items)
            return None if ranges is None else (ranges, place)
        case tree.Compare(operator="=", left=tree.Name(parts=(word,)), right=tree.Literal() as right) if (
            word in _PORTS
        ):
            ranges = list_ranges(scope, (right,))
            return None if ranges is None else (ranges, right)
    return None


def _edit(linted: Linted, node: tree.Node, place: tree.Node, name: str) -> tuple[Fix, ...]:
    span = place.span
    if isinstance(node, tree.Compare):
        span = linted.span(span.path, node.operator_span.start, place.span.end)
        return (Fix(span, f"in {name}"),)
    return (Fix(linted.enclosed_list(span), name),)
