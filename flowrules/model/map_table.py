"""Maps from addresses, or from ports and protocols, to labels, as the engine looks them up."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray


@frozen(eq=False)
class MapTable:
    """Disjoint, sorted, inclusive ranges of keys, each with the index of its label.

    ``kind`` is ``address`` (keys: ``starts``/``ends`` dtype ``ADDRESS``, IPv4 mapped), ``port`` (uint32
    keys 0-65535) or ``port, protocol`` (uint32 keys ``protocol << 16 | port``).  A longer prefix has
    already been cut out of a shorter one.  ``labels`` are strings, or ints for ``asn``.
    """

    name: str
    kind: str
    starts: NDArray[np.generic] = field(repr=False)
    ends: NDArray[np.generic] = field(repr=False)
    index: NDArray[np.int32] = field(repr=False)
    labels: tuple[str | int, ...] = ()
