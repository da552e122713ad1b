"""The field catalogue: what a flow record holds, under SiLK's names.

Every reader fills columns of these names and dtypes, every predicate names them, and the
documentation of fields is made from here.  Sources: rwcut(1), rwfilter(1), RFC 7011/7012 for units.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen

from flowrules.model.structural import Structural

ADDRESS: Final = np.dtype([("high", "<u8"), ("low", "<u8")])
"""dtype of an address column that holds IPv6: the two halves of the 128-bit number.

IPv4 addresses stand in it as IPv4-mapped (``::ffff:0:0/96``).  A column that holds IPv4 only is
plain ``uint32`` instead.
"""

IPV4_MAPPED: Final = 0xFFFF << 32
"""The 128-bit number of ``::ffff:0.0.0.0``: add an IPv4 address to it to get its mapped form."""


@frozen(eq=False, repr=False)
class Field(Structural):
    """One stored field of a flow record.

    ``name`` is the language's word, ``title`` rwcut's column title, ``type`` the language type
    (see ``model.types``), ``dtype`` the numpy dtype of its column (``None``: an address column,
    ``uint32`` or ``ADDRESS``), ``unit`` what one counts, ``text`` one line for the reference.
    """

    name: str
    title: str
    type: str
    dtype: np.dtype | None
    unit: str
    text: str
    reverse: str | None = None
    """The field that ``reverse of`` exchanges this one with; ``None``: it stays."""


def _field(
    name: str, title: str, type_: str, dtype: str | None, unit: str, text: str, reverse: str | None = None
) -> Field:
    return Field(name, title, type_, None if dtype is None else np.dtype(dtype), unit, text, reverse)


STORED: Final[dict[str, Field]] = {
    f.name: f
    for f in (
        _field("sip", "sIP", "address", None, "", "source address", "dip"),
        _field("dip", "dIP", "address", None, "", "destination address", "sip"),
        _field(
            "sport", "sPort", "port", "uint16", "", "source port (0 where the protocol has none)", "dport"
        ),
        _field("dport", "dPort", "port", "uint16", "", "destination port; ICMP: type * 256 + code", "sport"),
        _field("protocol", "protocol", "protocol", "uint8", "", "IP protocol number"),
        _field("packets", "packets", "count", "uint64", "packets", "packets in the flow"),
        _field("bytes", "bytes", "bytes", "uint64", "bytes", "bytes in the flow, IP headers included"),
        _field("flags", "flags", "flags", "uint8", "", "TCP flags of all packets together"),
        _field("stime", "sTime", "time", "int64", "ms since 1970 UTC", "start time"),
        _field("duration", "duration", "duration", "int64", "ms", "time from the first to the last packet"),
        _field("sensor", "sensor", "label", "uint16", "", "sensor that saw the flow (id; 65535 unknown)"),
        _field("input", "in", "input", "uint32", "", "SNMP index of the input interface", "output"),
        _field("output", "out", "output", "uint32", "", "SNMP index of the output interface", "input"),
        _field("nhip", "nhIP", "address", None, "", "next hop address"),
        _field("initial_flags", "initialFlags", "flags", "uint8", "", "TCP flags of the first packet"),
        _field(
            "session_flags", "sessionFlags", "flags", "uint8", "", "TCP flags of all packets but the first"
        ),
        _field(
            "attributes", "attributes", "attributes", "uint8", "", "SiLK attributes, on-disk bits (mask 0x79)"
        ),
        _field(
            "application",
            "application",
            "application",
            "uint16",
            "",
            "application label: the port of the protocol recognised",
        ),
        _field("type", "type", "label", "uint8", "", "SiLK flowtype (id; 255 unknown)"),
        _field("ip_version", "ipVersion", "number", "uint8", "", "IP version of the record, 4 or 6"),
        _field(
            "record_number", "record", "count", "uint64", "", "position of the record in its source, from 0"
        ),
    )
}
"""Fields that a column of a chunk holds, by name.  ``packets`` and ``bytes`` may come as uint32."""

TCP_FLAGS: Final = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "C": 0x80}
"""TCP flag letters in SiLK's printing order, with their bits (RFC 9293, RFC 3168)."""

ATTRIBUTES: Final = {"T": 0x20, "C": 0x40, "F": 0x08, "S": 0x10}
"""SiLK attribute letters in printing order, with their on-disk bits; 0x01 is EXPANDED."""

EXPANDED: Final = 0x01
"""Attribute bit that says initial_flags and session_flags are meaningful."""

PROTOCOLS: Final = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "sctp": 132}
"""Protocol words of the language, with their IANA numbers."""
