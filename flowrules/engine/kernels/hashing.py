"""Where a value stands in the engine's hash tables: its words, mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

SPREAD: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
"""Odd multipliers that spread neighbouring values over the table (2**64 over the golden ratio, and a prime)."""


def mixed(words: Sequence[Words], shift: np.uint64) -> NDArray[np.intp]:
    """The slot of each value of one or two words: its words mixed, without the ``shift`` low bits."""
    first, second = (np.uint64(s) for s in SPREAD)
    mixed = words[0] * first
    if len(words) > 1:
        mixed ^= mixed >> np.uint64(29)
        mixed += words[1] * second
        mixed ^= mixed >> np.uint64(32)
        mixed *= first
    else:
        # the product's upper half alone would put runs of equal low bits into one slot
        mixed ^= mixed >> np.uint64(32)
        mixed *= second
    mixed >>= shift
    return mixed.view(np.int64)
