"""Which addresses of a column are in a set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.kernels import kernels
from flowrules.model.address_index import Pages
from flowrules.model.address_set import AddressSet
from flowrules.model.fields import ADDRESS


def contains(members: AddressSet, addresses: NDArray[Any]) -> NDArray[np.bool_]:
    """Which ``addresses`` (``uint32`` or ``ADDRESS``) are members: a bool array as long as they are."""
    if addresses.dtype != ADDRESS:
        index = members.ipv4_index
        # sets of a few ranges are compared with directly, and widely scattered ones have pages of pages
        if type(index) is Pages:
            return kernels().members(index, addresses)
    return members.contains(addresses)
