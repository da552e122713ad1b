"""Python's garbage collector, held off while many small objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_held_off() -> Iterator[None]:
    """No collections within: plans and results of many rules are made of objects that stay, and to look through
    them again and again took a fifth of the time.  Not for scans, whose garbage is large.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
