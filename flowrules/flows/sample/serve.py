"""Services that inside hosts offer over TCP, and the outside hosts that use them."""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen

from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.draws import U32, Draws, one_of, quantiles
from flowrules.flows.sample.rows import ACK, FIN, PSH, RST, SYN, TCP, Half, Rows, conversations

FEW: Final = quantiles(((0, 40), (50_000, 400), (65_536, 1_500)))
"""Bytes of a question."""

SOME: Final = quantiles(((0, 200), (40_000, 2_500), (60_000, 20_000), (65_536, 400_000)))
"""Bytes of a page or of a terminal session."""

LETTERS: Final = quantiles(
    ((0, 700), (30_000, 4_000), (55_000, 30_000), (63_000, 300_000), (65_536, 6_000_000))
)
"""Bytes of mail."""

FILES: Final = quantiles(((0, 5_000), (40_000, 200_000), (65_536, 30_000_000)))

_RATES = one_of((20, 60, 150, 400), (15, 35, 35, 15))
_ENDS = one_of((PSH | ACK | FIN, PSH | ACK | FIN | RST, PSH | ACK), (88, 8, 4))
_HEADER = 52
_PAYLOAD = 1_400


@frozen(eq=False)
class Service:
    """``count`` connections to one port of one inside host from ``peers`` outside hosts.

    ``asked`` and ``told`` are tables of the bytes that clients and server send; ``short``, of 65536
    connections, is how many the client resets before anything is said.  A reply's records have at
    least four packets but for these.
    """

    server: int
    port: int
    count: int
    peers: int
    week: U32
    asked: U32 = FEW
    told: U32 = SOME
    short: int = 0
    application: int | None = None
    dials: bool = False
    """The server opens the connection from its port (FTP's data connection)."""


def serve(service: Service, seed: int) -> list[Rows]:
    """The records of ``service``: requests from outside and the answers to them."""
    count = service.count
    draws = Draws(seed, "service", f"{service.server}:{service.port}")
    spread = Draws(0, "peers", f"{service.server}:{service.port}").words(1)[0]
    # half of the visits come from the few that come often
    often = draws.below(count, max(1, service.peers // 8))
    peer = np.where(draws.halves(count) < 32_768, often, draws.below(count, service.peers))
    each = min(count, service.peers)  # everyone comes once, as far as the connections go
    peer[:each] = np.arange(each)
    client = hosts.subscriber(peer.astype(np.uint32) + spread)
    ask, tell = draws.pick(count, service.asked), draws.pick(count, service.told)
    short = draws.halves(count) < service.short
    stime = draws.pick(count, service.week) * np.uint32(clock.BIN_MS) + draws.below(count, clock.BIN_MS)
    duration = 250 + (ask + tell) // draws.pick(count, _RATES) + draws.below(count, 4_000)
    end = draws.pick(count, _ENDS)
    client_port = draws.between(count, 32_768, 65_535)
    label = service.port if service.application is None else service.application
    opening, accepting = (SYN | ACK, SYN) if service.dials else (SYN, SYN | ACK)
    asked = np.uint32(4) + ask // np.uint32(_PAYLOAD)
    told = np.uint32(4) + tell // np.uint32(_PAYLOAD)
    # each side acknowledges every second segment of the other
    asked += told >> np.uint32(1)
    told += (ask // np.uint32(_PAYLOAD)) >> np.uint32(1)
    cut = np.flatnonzero(short)
    ask[cut] = tell[cut] = 0
    asked[cut], told[cut] = 2, 1
    duration[cut] = 90
    answer_end = end.copy()
    end[cut], answer_end[cut] = RST, 0
    asked_half = Half(asked, asked * np.uint32(_HEADER) + ask, opening, end)
    told_half = Half(told, told * np.uint32(_HEADER) + tell, accepting, answer_end)
    trip = draws.between(count, 5, 60)
    conversation = conversations(
        stime=stime,
        delay=trip,
        duration=duration,
        client=client,
        server=hosts.inside(service.server),
        client_port=client_port,
        server_port=service.port,
        protocol=TCP,
        asked=asked_half,
        told=told_half,
        application=np.where(short, 0, label).astype(np.uint16),
    )
    if service.dials:
        request, answer = conversation
        request["stime"], answer["stime"] = answer["stime"], request["stime"]
    return conversation
