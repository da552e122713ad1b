"""The sample network's records while it is being made: compact columns, and what fills them.

A record takes 35 bytes here (times as 32-bit milliseconds after the first instant), so that the
whole network stays under 250 MB before it is read as chunks.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows.sample.draws import U32

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ESP: Final = 50

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
NO_FLAGS: Final = 0

TIMED_OUT: Final = 0x20
CONTINUED: Final = 0x40

IN, OUT, IN_WEB, OUT_WEB, IN_NULL = range(5)

COMPACT: Final[dict[str, np.dtype[Any]]] = {
    "stime": np.dtype(np.uint32),
    "duration": np.dtype(np.uint32),
    "sip": np.dtype(np.uint32),
    "dip": np.dtype(np.uint32),
    "packets": np.dtype(np.uint32),
    "bytes": np.dtype(np.uint32),
    "sport": np.dtype(np.uint16),
    "dport": np.dtype(np.uint16),
    "application": np.dtype(np.uint16),
    "protocol": np.dtype(np.uint8),
    "initial_flags": np.dtype(np.uint8),
    "session_flags": np.dtype(np.uint8),
    "attributes": np.dtype(np.uint8),
    "type": np.dtype(np.uint8),
}
"""Columns of records in the making, with their dtypes; ``stime`` counts from the first instant."""

Rows = dict[str, NDArray[Any]]
"""Columns of ``COMPACT``, all of one length."""

Values = NDArray[Any] | int
"""One value for each record, or one for all of them."""

_INSIDE_24: Final = np.uint32((203 << 16) + (0 << 8) + 113)
_INSIDE_18: Final = np.uint32((198 << 10) + (18 << 2))
_WEB = np.zeros(1 << 16, np.uint8)
_WEB[[80, 443, 8080]] = 1


def is_inside(addresses: U32) -> NDArray[np.bool_]:
    """Which addresses are of 203.0.113.0/24 or 198.18.0.0/18."""
    found: NDArray[np.bool_] = addresses >> np.uint32(8) == _INSIDE_24
    found |= addresses >> np.uint32(14) == _INSIDE_18
    return found


def packed_type(
    sip: U32, sport: NDArray[np.uint16], dport: NDArray[np.uint16], tcp: bool
) -> NDArray[np.uint8]:
    """The type that SiLK's packer gives: in or out, and web for TCP with port 80, 443 or 8080."""
    types = is_inside(sip).astype(np.uint8)
    if tcp:
        types += (_WEB.take(sport) | _WEB.take(dport)) << np.uint8(1)
    return types


def records(
    *,
    stime: U32,
    duration: Values,
    sip: Values,
    dip: Values,
    sport: Values,
    dport: Values,
    protocol: int,
    packets: Values,
    bytes_: Values,
    initial: Values = NO_FLAGS,
    session: Values = NO_FLAGS,
    attributes: Values = 0,
    application: Values = 0,
    type_: int | None = None,
) -> Rows:
    """Records of one protocol; ``stime`` gives their number.

    TCP flags of a record of one packet are its initial flags.  ``type_`` replaces the packer's.
    """
    count = len(stime)
    given: dict[str, Values] = {
        "stime": stime,
        "duration": duration,
        "sip": sip,
        "dip": dip,
        "packets": packets,
        "bytes": bytes_,
        "sport": sport,
        "dport": dport,
        "application": application,
        "protocol": protocol,
        "initial_flags": initial,
        "session_flags": session,
        "attributes": attributes,
    }
    rows: Rows = {}
    for name, values in given.items():
        if isinstance(values, int):
            rows[name] = np.full(count, values, COMPACT[name])
        else:
            rows[name] = values.astype(COMPACT[name], copy=False)
    if type_ is None:
        rows["type"] = packed_type(rows["sip"], rows["sport"], rows["dport"], protocol == TCP)
    else:
        rows["type"] = np.full(count, type_, np.uint8)
    return rows


@frozen(eq=False)
class Half:
    """What one side of some conversations sent: packets, bytes, and TCP flags."""

    packets: Values
    bytes: Values
    initial: Values = NO_FLAGS
    session: Values = NO_FLAGS


def conversations(
    *,
    stime: U32,
    delay: Values,
    duration: U32,
    client: Values,
    server: Values,
    client_port: Values,
    server_port: Values,
    protocol: int,
    asked: Half,
    told: Half,
    application: Values = 0,
) -> list[Rows]:
    """Requests and their replies, one record each way; a reply starts ``delay`` ms after its request."""
    later = np.zeros(len(stime), np.uint32) + np.asarray(delay, np.uint32)
    return [
        records(
            stime=stime,
            duration=duration,
            sip=client,
            dip=server,
            sport=client_port,
            dport=server_port,
            protocol=protocol,
            packets=asked.packets,
            bytes_=asked.bytes,
            initial=asked.initial,
            session=asked.session,
            application=application,
        ),
        records(
            stime=stime + later,
            duration=duration - np.minimum(duration, later),
            sip=server,
            dip=client,
            sport=server_port,
            dport=client_port,
            protocol=protocol,
            packets=told.packets,
            bytes_=told.bytes,
            initial=told.initial,
            session=told.session,
            application=application,
        ),
    ]
