"""Who opened a connection, and which rows are a host's own client connections."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.pairs import PEER_FIRST, PEER_LATER
from flowrules.model.fields import PROTOCOLS, TCP_FLAGS

CLIENT: Final = 1
UNDECIDED: Final = 0
SERVER: Final = -1

ESTABLISHED_PACKETS: Final = 4
"""How many packets an established TCP row has at least: scans fall out, and they imitate gateways."""

TCP: Final = PROTOCOLS["tcp"]
S: Final = TCP_FLAGS["S"]
A: Final = TCP_FLAGS["A"]

_KNOWN_HIGH: Final = (
    1080, 1194, 1433, 1521, 1701, 1723, 1812, 1883, 2049, 2375, 2376, 3128, 3260, 3268, 3269, 3306, 3389, 3478,
    4500, 5060, 5061, 5222, 5223, 5228, 5269, 5353, 5432, 5671, 5672, 5723, 5900, 5938, 5985, 5986, 6379, 6443,
    6514, 6667, 6881, 7680, 8000, 8008, 8080, 8081, 8082, 8083, 8086, 8088, 8443, 8530, 8531, 8834, 8883, 8888, 9000,
    9001, 9090, 9092, 9100, 9200, 9389, 9418, 9443, 10000, 10050, 10051, 11211, 11371, 19302, 25565, 27017, 51820,
)  # fmt: skip
"""Ports from 1024 on where services are usual (IANA's registry and wide use)."""

Integers = NDArray[Any]
Mask = NDArray[np.bool_]


def known_services() -> Mask:
    """The ports taken for services where only ports can tell: all below 1024 but 0, and well-known higher
    ones (65,536 bools)."""
    known = np.zeros(1 << 16, np.bool_)
    known[1:1024] = True
    known[list(_KNOWN_HIGH)] = True
    return known


@frozen(eq=False)
class ClientRows:
    """Which rows are a host's established TCP client connections (bool), and what told each from a reply:
    counts ``by_flags``, ``by_pair``, ``by_port``.  ``flags_missing``: the source has no TCP flags, so that
    "established" rests on the number of packets alone."""

    mask: Mask
    by_flags: int
    by_pair: int
    by_port: int
    flags_missing: bool


def initiators(
    protocol: Integers, initial_flags: Integers | None, paired: Integers | None, *, replies: bool = False
) -> NDArray[np.int8]:
    """Whether the source of each row opened the connection: ``CLIENT``, ``SERVER`` or ``UNDECIDED`` (int8).

    A first TCP packet with S and without A proves the client, with both the server; else of a pair's two
    rows (``paired`` as ``pairs.paired`` makes it) the earlier is the client's.  ``None``: not known of any
    row.  With ``replies`` the rows are the peers' replies with their columns exchanged (``reverse of``):
    flags and pairs then speak of the other side.
    """
    side = np.zeros(len(protocol), np.int8)
    if paired is not None:
        side[paired == PEER_LATER] = CLIENT
        side[paired == PEER_FIRST] = SERVER
    if initial_flags is not None:
        first = (protocol == TCP) & (initial_flags & S != 0)
        acknowledged = initial_flags & A != 0
        side[first & ~acknowledged] = CLIENT
        side[first & acknowledged] = SERVER
    return -side if replies else side


def client_rows(
    protocol: Integers,
    flags: Integers | None,
    initial_flags: Integers | None,
    packets: Integers,
    sport: Integers,
    dport: Integers,
    paired: Integers | None,
    *,
    known: Mask | None = None,
    replies: bool = False,
) -> ClientRows:
    """The rows that port features see: established TCP rows (A, at least 4 packets) that the host opened.

    The opener is found as ``initiators`` does; where neither flags nor pair tell, a row counts when its
    source port is at least 1024 and above its destination port, and that is a ``known`` service (65,536
    bools; ``known_services()`` where ``None``).  Ports are the host's (``sport``) and the peer's, also in
    ``replies``.
    """
    established = (protocol == TCP) & (packets >= ESTABLISHED_PACKETS)
    if flags is not None:
        established &= flags & A != 0
    by_flags = initiators(protocol, initial_flags, None, replies=replies)
    side = initiators(protocol, initial_flags, paired, replies=replies)
    known = known_services() if known is None else known
    undecided = side == UNDECIDED
    by_port = undecided & (sport >= 1024) & (dport < sport) & known.take(dport)
    mask = established & ((side == CLIENT) | by_port)
    flag_count = int(np.count_nonzero(mask & (by_flags == CLIENT)))
    port_count = int(np.count_nonzero(mask & by_port))
    pair_count = int(np.count_nonzero(mask)) - flag_count - port_count
    return ClientRows(mask, flag_count, pair_count, port_count, flags is None)
