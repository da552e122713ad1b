"""The nodes of a file's tree by class: the tree is walked once for all rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from flowrules.syntax import tree

N = TypeVar("N", bound=tree.Node)


class FileNodes:
    """Every node of a file, by its class, in the order of the text."""

    def __init__(self, file: tree.File) -> None:
        self._by_class: dict[type[tree.Node], list[tuple[tree.FileItem, tree.Node]]] = defaultdict(list)
        for item in file.items:
            for node in item.walk():
                self._by_class[type(node)].append((item, node))

    def of(self, kind: type[N]) -> Sequence[N]:
        """Every node of a class."""
        return [node for _, node in self.within(kind)]

    def within(self, kind: type[N]) -> Sequence[tuple[tree.FileItem, N]]:
        """The same, each with the item of the file that it is part of."""
        return self._by_class.get(kind, ())  # type: ignore[return-value]
