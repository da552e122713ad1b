"""How far a declaration reaches: later passes follow names and write filters out, so limits hold before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from flowrules.check.rulesets import names_used
from flowrules.check.symbols import Checked, CheckedFilter, Symbol
from flowrules.check.workspace import Workspace
from flowrules.model import expression as ex

LONGEST_CHAIN: Final = 200
"""How many declarations may need each other one after the other."""

MOST_TESTS: Final = 200_000
"""How many tests a filter may stand for once the filters that it names are written out."""


def report_extent(ws: Workspace, ordered: Sequence[Symbol]) -> None:
    """Report the first declarations that need too long a chain or stand for too many tests.

    ``ordered``: each symbol after those that it names.
    """
    length: dict[Symbol, int] = {}
    for symbol in ordered:
        if ws.known.get(symbol) is None:  # it, or what it needs, was reported: a circle, for one
            continue
        length[symbol] = 1 + max((length.get(used, 0) for used in names_used(symbol)), default=0)
        if length[symbol] == LONGEST_CHAIN + 1:
            ws.faults.report(
                "FR243",
                f"{symbol.name} needs a chain of more than {LONGEST_CHAIN} declarations, each naming the one before",
                symbol.node.name.span,
                hint="name what you need directly",
            )
    _report_size(ws, ordered)


def _report_size(ws: Workspace, ordered: Sequence[Symbol]) -> None:
    sizes: dict[str, int] = {}
    for symbol in ordered:
        checked = ws.known.get(symbol)
        if not isinstance(checked, CheckedFilter):
            continue
        size = sizes[symbol.qualified] = _size(checked, sizes)
        if size > MOST_TESTS:
            ws.faults.report(
                "FR243",
                f"{symbol.name} stands for {size:,} tests once its filters are written out, and at most"
                f" {MOST_TESTS:,} can be",
                symbol.node.name.span,
                hint="name each filter once",
            )
            # those that name it are not reported again
            sizes[symbol.qualified] = 1


def _size(checked: Checked, sizes: Mapping[str, int]) -> int:
    assert isinstance(checked, CheckedFilter)
    nodes = checked.declaration.predicate.walk()
    return sum(sizes.get(n.name, 1) if isinstance(n, ex.FilterRef) else 1 for n in nodes)
