"""The row-wise work that the engine's time goes to, behind one interface with more than one implementation.

``kernels()`` gives the implementation in use, ``use`` changes it.  All of them give the same results to the bit: what
is chosen changes nothing but the time that a run takes, so it may hold for a whole process.
"""

from __future__ import annotations

from flowrules.engine.kernels.interface import Kernels
from flowrules.engine.kernels.with_numpy import NumpyKernels

__all__ = ["Kernels", "NumpyKernels", "kernels", "use"]

_in_use: Kernels = NumpyKernels()


def kernels() -> Kernels:
    """The kernels in use; numpy's, unless ``use`` was called."""
    return _in_use


def use(chosen: Kernels) -> Kernels:
    """Take other kernels from now on; returns those that were in use."""
    global _in_use
    before, _in_use = _in_use, chosen
    return before
