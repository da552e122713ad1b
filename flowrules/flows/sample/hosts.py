"""Who is who in the sample network: inside hosts with their roles, and the addresses outside.

Outside stands for the Internet, in ranges that no one on the Internet has: the documentation
blocks 192.0.2.0/24 and 198.51.100.0/24 (RFC 5737), the half of the benchmarking block that is not
inside, 198.19.0.0/16 (RFC 2544), and shared address space, 100.64.0.0/10 (RFC 6598).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.flows.sample import clock
from flowrules.flows.sample.draws import U32

INTERNAL: Final = ("203.0.113.0/24", "198.18.0.0/18")

NETWORK: Final = (203 << 24) + (113 << 8)
"""203.0.113.0, where the hosts are."""

DARK: Final = (198 << 24) + (18 << 16)
"""198.18.0.0/18: routed to the site, hardly used; what arrives there is scans and backscatter."""

DARK_SIZE: Final = 1 << 14

DOCUMENTATION_1: Final = (192 << 24) + (2 << 8)
DOCUMENTATION_2: Final = (198 << 24) + (51 << 16) + (100 << 8)
WEB_SITES: Final = (198 << 24) + (19 << 16)
SUBSCRIBERS: Final = (100 << 24) + (64 << 16)
SUBSCRIBER_BITS: Final = 22

GATEWAY: Final = 33
PROXY: Final = 220
MAIL_RELAY_IN: Final = 195
MAIL_WEB: Final = 221
MAIL_OUT: Final = 222
MAIL_MAIN: Final = 231
WEB_SERVERS: Final = (228, 229)
NAME_SERVER: Final = 226
RESOLVER: Final = 230
VPN_SERVER: Final = 214
PARTNER_DATABASE: Final = 210
APPLICATION_SERVER: Final = 212
ROUTER: Final = 1

SERVERS: Final = (
    MAIL_RELAY_IN,
    PARTNER_DATABASE,
    APPLICATION_SERVER,
    VPN_SERVER,
    MAIL_WEB,
    MAIL_OUT,
    NAME_SERVER,
    *WEB_SERVERS,
    RESOLVER,
    MAIL_MAIN,
)
"""Known servers, by last octet: what the site says of itself."""


def inside(octet: int) -> int:
    """The address 203.0.113.``octet``."""
    return NETWORK + octet


@frozen
class Ports:
    """How a TCP stack hands out ephemeral ports, and from which range."""

    kind: str
    """``counter``: one after the other; ``destination``: a counter with an offset for each
    destination (RFC 6056, algorithm 3); ``random``."""
    low: int
    high: int
    hidden: int = 0
    """Of 65536 connections, how many are followed by one that stays inside and takes a port."""


XP: Final = Ports("counter", 1025, 5000, 9000)
WINDOWS: Final = Ports("counter", 49152, 65535, 9000)
LINUX: Final = Ports("destination", 32768, 60999)
MAC: Final = Ports("random", 49152, 65535)
PROXY_PORTS: Final = Ports("counter", 49152, 65535)


@frozen(eq=False)
class Client:
    """A directly connected host with some web traffic.

    ``tcp`` and ``udp`` are its records to web ports by destination port.
    """

    octet: int
    ports: Ports
    week: U32
    tcp: dict[int, int]
    udp: dict[int, int] = field(factory=dict)
    octaves: int = 9
    """It visits up to 2^octaves - 1 web addresses."""
    labelled_otherwise: int = 0
    """Of 65536 connections to 80 and 443, how many another application uses."""


_EARLY = (8 * 60, 16 * 60 + 30)
_LATE = (9 * 60 + 15, 18 * 60)
_USUAL = (8 * 60 + 30, 17 * 60 + 30)

CLIENTS: Final = (
    Client(41, WINDOWS, clock.person(*_USUAL), {80: 3_290, 443: 714, 8080: 8}),
    Client(47, XP, clock.person(*_EARLY, away=4), {80: 2_880, 443: 640, 1935: 6}),
    Client(52, WINDOWS, clock.person(*_LATE), {80: 2_600, 443: 601, 8000: 7}),
    Client(44, XP, clock.person(*_USUAL), {80: 1_335, 443: 258}),
    Client(49, LINUX, clock.person(*_LATE), {80: 980, 443: 203}, octaves=5),
    Client(53, MAC, clock.person(*_USUAL), {80: 760, 443: 190}),
    # answers remote desktop, to one address outside
    Client(57, WINDOWS, clock.person(*_EARLY), {80: 610, 443: 141}),
    # shares files on 6881, and over port 80 as well
    Client(64, WINDOWS, clock.person(*_USUAL, otherwise=5), {80: 540, 443: 66, 8080: 4}, {}, 9, 13_000),
    Client(43, WINDOWS, clock.person(*_USUAL, at_night=60), {80: 480, 443: 90}),
    Client(46, XP, clock.person(*_EARLY), {80: 402, 443: 81}),
    Client(50, WINDOWS, clock.person(*_LATE), {80: 330, 443: 71}),
    Client(55, WINDOWS, clock.person(*_USUAL), {80: 270, 443: 60}, {1755: 12}),
    Client(58, XP, clock.person(*_USUAL), {80: 221, 443: 49}),
    Client(60, WINDOWS, clock.person(*_EARLY), {80: 180, 443: 40}),
    Client(61, WINDOWS, clock.person(*_LATE), {80: 160, 443: 31}, {554: 6}),
    Client(62, XP, clock.person(*_USUAL), {80: 140, 443: 20}),
    Client(66, WINDOWS, clock.person(*_USUAL, away=0), {80: 121, 443: 19}),
    Client(67, WINDOWS, clock.person(*_EARLY), {80: 96, 443: 14}),
    Client(68, XP, clock.person(*_LATE), {80: 84, 443: 9}),
    Client(69, WINDOWS, clock.person(*_USUAL), {80: 70, 443: 8}),
    Client(70, WINDOWS, clock.person(*_USUAL), {80: 18, 443: 2}),
    Client(72, XP, clock.person(*_LATE), {80: 12}),
    # these hear streams and fetch nothing over TCP
    Client(71, WINDOWS, clock.person(*_USUAL), {}, {1755: 46}),
    Client(74, XP, clock.person(*_LATE), {}, {554: 23}),
    Client(78, WINDOWS, clock.person(*_EARLY), {}, {554: 5, 1755: 4}),
    # servers: two that fetch updates from a few addresses, and one on which someone browses
    Client(PARTNER_DATABASE, WINDOWS, clock.once_a_day(3 * 60), {80: 55, 443: 9}, octaves=2),
    Client(216, WINDOWS, clock.once_a_day(4 * 60), {80: 36}, octaves=2),
    Client(
        APPLICATION_SERVER, WINDOWS, clock.person(*_USUAL, otherwise=40), {80: 2_655, 443: 402}, octaves=6
    ),
    # a kiosk in the lobby, used in the evening
    Client(240, XP, clock.evenings(), {80: 24, 443: 3}),
)
"""The 29 clients that the report counts and does not show: 22,191 records together."""

EXTRA_REPLIES: Final = 392
"""Records more that those 29 receive than they send: servers that close late."""

GATEWAY_EXTRA_REPLIES: Final = 46_376
PROXY_EXTRA_REPLIES: Final = 4_849
"""The same of 203.0.113.33 and 203.0.113.220; the three make the difference of ``REPORT.replies``."""


@frozen(eq=False)
class Hidden:
    """A host behind the gateway: its share of the gateway's web flows, when and from which ports."""

    share: int
    week: U32
    ports: Ports


def _hidden() -> tuple[Hidden, ...]:
    """Twenty hosts, shares as 1/k: some never sleep, some belong to people with shifts or to homes."""
    office = clock.person(*_USUAL, otherwise=3)
    late = clock.person(*_LATE, otherwise=2)
    weeks = [clock.always(), clock.always(120, 80), office, clock.evenings(), clock.always(140, 60)]
    weeks += [late, clock.always(100, 30), clock.evenings(), office, clock.always()]
    weeks += [office, clock.evenings(), late, clock.always(100, 20), office]
    weeks += [late, clock.evenings(), office, clock.always(60, 100), late]
    stacks = [WINDOWS, WINDOWS, XP, WINDOWS, XP]
    return tuple(Hidden(232_792_560 // (k + 1), weeks[k], stacks[k % len(stacks)]) for k in range(len(weeks)))


BEHIND_GATEWAY: Final = _hidden()

CLIENT_OCTETS: Final = frozenset({GATEWAY, PROXY, *(client.octet for client in CLIENTS)})

_USED = {*CLIENT_OCTETS, *SERVERS, ROUTER}
LIVE: Final[NDArray[np.uint32]] = np.asarray(sorted(inside(octet) for octet in _USED), np.uint32)
"""Inside addresses with a host."""

NOT_CLIENTS: Final[NDArray[np.uint32]] = np.asarray(
    [inside(octet) for octet in range(1, 255) if octet not in CLIENT_OCTETS], np.uint32
)
"""Addresses of 203.0.113.0/24 that send no web request, used or not."""


def web_site(rank: U32) -> U32:
    """The address of the web server of that rank of popularity (0 up to 65,535), one to one."""
    return np.uint32(WEB_SITES) + ((rank * np.uint32(40_503) + np.uint32(12_345)) & np.uint32(0xFFFF))


def subscriber(number: U32) -> U32:
    """An outside host at some provider: the address of 100.64.0.0/10 for that number."""
    return np.uint32(SUBSCRIBERS) + ((number * np.uint32(2_654_435_761)) >> np.uint32(32 - SUBSCRIBER_BITS))
