"""Columns that are read when somebody first asks for one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class LazyColumns(Mapping[str, Array]):
    """The columns ``names``, each made by ``read`` when it is first asked for, and then kept.

    What nobody asks for is not read.  ``read`` may raise what readers raise.
    """

    def __init__(self, names: tuple[str, ...], read: Callable[[str], Array]) -> None:
        self._names = names
        self._read = read
        self._held: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        held = self._held.get(name)
        if held is None:
            if name not in self._names:
                raise KeyError(name)
            held = self._held[name] = self._read(name)
        return held

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def slice(self, start: int, stop: int) -> LazyColumns:
        """Rows ``start`` to ``stop`` of all columns, which are still read only when asked for."""
        return LazyColumns(self._names, lambda name: self[name][start:stop])


def repeated(value: int, dtype: Any, rows: int) -> Array:
    """A column with one value in all rows, which takes the memory of one."""
    return np.broadcast_to(np.array(value, dtype), (rows,))
