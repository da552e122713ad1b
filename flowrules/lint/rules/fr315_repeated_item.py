"""FR315: an item that its list holds already."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowrules.check.symbols import FileScope
from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.lists import Ranges, covered, kind_of, merged, minus, ranges_of
from flowrules.lint.rule import Rule
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Fix


class RepeatedItem(Rule):
    """An item of a list that the rest of the list holds already.

    Why
        A repeated number is often a slip for another one; a block inside another one in the list reads as if it were
        something more.
    Bad
        ports web = 80, 443, 8000-8080, 8008
        ---
        nets lab = 10.20.0.0/16, 10.20.99.0/24
    Good
        ports web = 80, 443, 8000-8080
        ---
        nets lab = 10.20.0.0/16, 10.21.99.0/24
    Fix
        Remove the item; the list holds the same. --fix does so.
    """

    code = "FR315"
    name = "repeated-item"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every list of numbers, addresses, labels or tuples."""
        for scope in linted.files:
            nodes = linted.nodes(scope)
            kinds: tuple[type[tree.Ports | tree.Nets | tree.MapEntry | tree.SetLiteral], ...] = (
                tree.Ports,
                tree.Nets,
                tree.MapEntry,
                tree.SetLiteral,
            )
            for kind in kinds:
                for node in nodes.of(kind):
                    yield from self._list(linted, scope, node.items)
            for test in nodes.of(tree.In):
                if isinstance(test.collection, tree.List):
                    yield from self._list(linted, scope, test.collection.items)

    def _list(self, linted: Linted, scope: FileScope, items: tuple[tree.Item, ...]) -> Iterator[Finding]:
        gone: set[int] = set()
        ranges = [_known(scope, item) for item in items]
        for index in reversed(range(len(items))):
            item = items[index]
            held = ranges[index]
            if held is None:
                twin = next((o for i, o in enumerate(items[:index]) if _same(o, item)), None)
                if twin is None:
                    continue
            else:
                others: Ranges = []
                for i, r in enumerate(ranges):
                    if i != index and i not in gone and r is not None and _alike(items[i], item):
                        others += r
                if not covered(held, merged(others)):
                    continue
                twin = next(
                    (
                        items[i]
                        for i, r in enumerate(ranges)
                        if i != index
                        and i not in gone
                        and r is not None
                        and _alike(items[i], item)
                        and not minus(held, r)
                    ),
                    None,
                )
            gone.add(index)
            text = linted.text(item.span)
            inside = f" in {linted.text(twin.span)}" if twin is not None and not _same(twin, item) else ""
            yield self.finding(
                linted,
                f"{text} is in the list already{',' if inside else ''}{inside}",
                item.span,
                related=[(twin.span, "here")] if twin is not None else [],
                edits=_without(linted, items, index),
                safe=True,
                mend=f"remove {text}",
            )


def _known(scope: FileScope, item: tree.Item) -> Ranges | None:
    return ranges_of(scope, item)


def _same(one: tree.Item, other: tree.Item) -> bool:
    return one == other or (
        isinstance(one, tree.Literal) and isinstance(other, tree.Literal) and one.kind == other.kind
        and one.value == other.value
    )  # fmt: skip


def _alike(one: tree.Item, other: tree.Item) -> bool:
    return kind_of(one) == kind_of(other) or "name" in (kind_of(one), kind_of(other))


def _without(linted: Linted, items: tuple[tree.Item, ...], index: int) -> tuple[Fix, ...]:
    text = linted.source(items[index].span.path)
    if index > 0:
        start, end = items[index - 1].span.end, items[index].span.end
        joint = text[start : items[index].span.start]
    elif len(items) > 1:
        start, end = items[0].span.start, items[1].span.start
        joint = text[items[0].span.end : end]
    else:
        return ()
    if not re.fullmatch(r"\s*,\s*", joint):
        return ()
    return (Fix(linted.span(items[index].span.path, start, end), ""),)
