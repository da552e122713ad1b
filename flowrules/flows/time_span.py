"""From when to when flows are: the first and last of their starts and ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen
from numpy.typing import NDArray

from flowrules.model.structural import Structural

SPAN: Final = "span"
"""Asked for among the fields of a source that ``spans``: the time span of each chunk (``Chunk.span``), without columns."""


@frozen(eq=False, repr=False)
class TimeSpan(Structural):
    """The first and last start and the first and last end of some flows, in ms since 1970 UTC."""

    first_start: int
    last_start: int
    first_end: int
    last_end: int

    @classmethod
    def of(cls, start: NDArray[Any], duration: NDArray[Any] | None) -> TimeSpan:
        """The span of at least one flow; ``duration`` holds whole numbers of ms, ``None`` where nothing is known."""
        end = start if duration is None else start + duration
        return cls(int(start.min()), int(start.max()), int(end.min()), int(end.max()))

    @classmethod
    def joined(cls, spans: Iterable[TimeSpan]) -> TimeSpan:
        """The span of at least one span."""
        held = list(spans)
        return cls(
            min(s.first_start for s in held),
            max(s.last_start for s in held),
            min(s.first_end for s in held),
            max(s.last_end for s in held),
        )
