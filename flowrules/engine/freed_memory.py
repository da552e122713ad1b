"""Memory freed between the pieces of a scan stays with the process, for the next piece.

The C library gives freed blocks of a megabyte back at once, and the system hands fresh pages out one fault at a
time: that took as long as the counting itself.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

MAPPED_FROM: Final = 16 << 20
"""Blocks of so many bytes are mapped by themselves, and given back when they are freed."""

KEPT: Final = 64 << 20
"""At most so many bytes of freed memory stay at the end of the heap."""

_settled = False


def keep_freed_memory() -> None:
    """Ask the C library, once in the life of the process, to keep what is freed; no more than a wish.

    ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_`` in the environment (see mallopt(3)) win.
    """
    global _settled
    if _settled:
        return
    _settled = True
    said = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"} & set(os.environ)
    if said or not sys.platform.startswith("linux"):
        return
    try:
        from ctypes import CDLL

        set_option = CDLL(None).mallopt
    except (ImportError, OSError, AttributeError):
        # Python without ctypes, or a C library without the call
        return
    set_option(_M_MMAP_THRESHOLD, MAPPED_FROM)
    set_option(_M_TRIM_THRESHOLD, KEPT)
