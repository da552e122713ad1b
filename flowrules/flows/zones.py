"""Zones: stretches of a source that can be read each by itself, with what is known of them before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.model.structural import Shown

if TYPE_CHECKING:
    from flowrules.flows.table import Chunk

ANY_ADDRESS: Final = (1 << 64) - 1
"""The upper bound of an address column of which nothing is known."""


@frozen(eq=False, repr=False)
class Zones(Shown):
    """The zones of a source in the order of its records; together they are all of it.

    ``bounds`` maps fields to arrays of shape (zones, 2), int64 or uint64: the least and the greatest value that
    occurs in each zone, so that a field whose two are equal is constant there (``etime`` too, where records have one).  Those of addresses are IPv4
    numbers; zones with IPv6 addresses have 0 and ``ANY_ADDRESS``.  A field without bounds is missing.
    """

    rows: NDArray[np.int64]
    """How many records each zone has; none is empty."""
    bounds: Mapping[str, NDArray[Any]]
    _read: Callable[[Sequence[int], frozenset[str] | None], Chunk] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, numbers: Sequence[int], fields: frozenset[str] | None = None) -> Chunk:
        """Zones as one chunk with the columns asked for (all when ``None``); safe on several threads.

        Zones next to each other are views.  Either all have IPv6 addresses, or none.  Raises what the source's ``chunks``
        raises.
        """
        return self._read(numbers, fields)

    def between(self, start: int, stop: int) -> Zones:
        """The zones from ``start`` to ``stop`` alone."""
        bounds = {name: held[start:stop] for name, held in self.bounds.items()}
        return Zones(
            self.rows[start:stop],
            bounds,
            lambda numbers, fields: self._read([start + n for n in numbers], fields),
        )
