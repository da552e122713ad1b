"""Which kept parts a run is put together from, and which it keeps so that the next needs few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from flowrules.engine.state.node import Node

FEW: Final = 4
"""So many neighbours of about one size are kept together: a window that moves on by a day is then put together
from some three or four parts of each size, and not from all its days."""


def cover(leaves: Iterable[str], merged: Iterable[Node], name: str) -> tuple[list[Node], Counter[str]]:
    """The largest nodes that have a part, all of whose files are among ``leaves``, no file in two of them;
    and the files that are left, with how often."""
    left = Counter(leaves)
    chosen = []
    for node in merged:
        if all(left[leaf] >= times for leaf, times in node.times.items()) and node.has(name):
            chosen.append(node)
            left -= node.times
    return chosen, left


def bundles(chosen: Sequence[Node], places: Mapping[str, int]) -> list[list[Node]]:
    """Runs of ``FEW`` neighbours of about one size, where files have these places in the run."""
    ordered = sorted(chosen, key=lambda node: min(places[leaf] for leaf in node.leaves))
    out: list[list[Node]] = []
    run: list[Node] = []
    for node in ordered:
        if run and _level(run[0]) != _level(node):
            run = []
        run.append(node)
        if len(run) == FEW:
            out.append(run)
            run = []
    return out


def _level(node: Node) -> int:
    level, size = 0, len(node.leaves)
    while size >= FEW:
        level, size = level + 1, size // FEW
    return level
