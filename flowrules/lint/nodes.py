"""The nodes of a file's tree by class: the tree is walked once for all rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flowrules.syntax import tree

N = TypeVar("N", bound=tree.Node)


class FileNodes:
    """Every node of a file, by its class, in the order of the text."""

    def __init__(self, file: tree.File) -> None:
        self._by_class: dict[type[tree.Node], list[tree.Node]] = {}
        self._items: dict[type[tree.Node], list[tree.FileItem]] = {}
        for item in file.items:
            self._add(item, item)

    def _add(self, node: tree.Node, item: tree.FileItem) -> None:
        kind = type(node)
        self._by_class.setdefault(kind, []).append(node)
        self._items.setdefault(kind, []).append(item)
        for name in tree.parts(kind):
            value = getattr(node, name)
            if isinstance(value, tree.Node):
                self._add(value, item)
            elif type(value) is tuple:
                for part in value:
                    if isinstance(part, tree.Node):
                        self._add(part, item)

    def of(self, kind: type[N]) -> Sequence[N]:
        """Every node of a class."""
        return self._by_class.get(kind, ())  # type: ignore[return-value]

    def within(self, kind: type[N]) -> Sequence[tuple[tree.FileItem, N]]:
        """The same, each with the item of the file that it is part of."""
        return list(zip(self._items.get(kind, ()), self.of(kind), strict=True))
