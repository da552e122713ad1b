"""The columns of a store: their names, and the widths in which each may be written."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

ADDRESSES: Final = ("sip", "dip", "nhip")
"""Columns that hold an IPv4 address, or the number of an IPv6 address in the part's address table."""

ADDRESS_FILE: Final = "addresses.u8x2"
"""The file of a part's address table: ``ADDRESS`` values, ascending, none twice."""

HOMES: Final = {"sip_home": "sip", "dip_home": "dip"}
"""Columns of home-host codes, and the address column that each is for."""

CODES: Final = {"sip_code": "sip", "dip_code": "dip"}
"""Columns of numbers of the address table for all rows, and the address column that each is for."""

WIDTHS: Final[dict[str, tuple[np.dtype[Any], ...]]] = {
    name: tuple(np.dtype(f"<{width}") for width in widths.split())
    for name, widths in {
        "sip": "u4",
        "dip": "u4",
        "sport": "u2",
        "dport": "u2",
        "protocol": "u1",
        "packets": "u4 u8",
        "bytes": "u4 u8",
        "flags": "u1",
        "stime": "i8",
        "duration": "u4 i8",
        "sensor": "u2",
        "input": "u2 u4",
        "output": "u2 u4",
        "nhip": "u4",
        "initial_flags": "u1",
        "session_flags": "u1",
        "attributes": "u1",
        "application": "u2",
        "type": "u1",
        "ip_version": "u1",
        "sip_home": "u2 u4",
        "dip_home": "u2 u4",
        "sip_code": "u4",
        "dip_code": "u4",
    }.items()
}
"""The widths of each column, narrowest first: a part takes the first that holds all its values."""


def file_name(name: str, dtype: np.dtype[Any]) -> str:
    """The file of a column inside the folder of a part, such as ``packets.u4``."""
    return f"{name}.{dtype.kind}{dtype.itemsize}"


def fits(dtype: np.dtype[Any], low: int, high: int) -> bool:
    """Whether a column of this dtype holds all values from ``low`` to ``high``."""
    limits = np.iinfo(dtype)
    return int(limits.min) <= low and high <= int(limits.max)
