"""Mail in the sample network: five hosts that answer on port 25, two that send, no desktop clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.draws import Draws, one_of
from flowrules.flows.sample.figures import REPORT, Scale
from flowrules.flows.sample.rows import ACK, FIN, PSH, RST, SYN, TCP, Half, Rows, conversations, records
from flowrules.flows.sample.serve import FEW, LETTERS, Service, serve

SMTP: Final = 25

RECEIVED: Final = {
    hosts.MAIL_MAIN: 24_388,
    hosts.MAIL_RELAY_IN: 17_902,
    hosts.MAIL_WEB: 9_147,
    hosts.MAIL_OUT: 4_310,
    hosts.PROXY: 1_986,
}
"""Records that each mail server sends from port 25.  Table 12 names the servers; the counts are ours.

The proxy's are under 5 % of all, as befits a host that passes mail on beside its main work.
"""

_PEERS: Final = {
    hosts.MAIL_MAIN: 3_100,
    hosts.MAIL_RELAY_IN: 2_600,
    hosts.MAIL_WEB: 1_300,
    hosts.MAIL_OUT: 700,
    hosts.PROXY: 90,
}
_MAIL_WEEK: Final = clock.week(lambda day, minute: 100 if day < 5 and 7 * 60 <= minute < 19 * 60 else 45)
_DESTINATIONS: Final = {hosts.MAIL_OUT: 900, hosts.MAIL_MAIN: 5_200}
_TRIES = one_of((1, 2, 3), (20, 20, 60))
_ENDS = one_of((PSH | ACK | FIN, PSH | ACK | FIN | RST, PSH | ACK | RST), (90, 6, 4))
_RATES = one_of((20, 60, 150, 400), (15, 35, 35, 15))


def received(scale: Scale) -> list[Service]:
    """Mail that comes in; about one in thirty callers hangs up before a word."""
    return [
        Service(octet, SMTP, scale(count), _PEERS[octet], _MAIL_WEEK, asked=LETTERS, told=FEW, short=2_200)
        for octet, count in RECEIVED.items()
    ]


def sent(octet: int, established: int, seed: int) -> list[Rows]:
    """Mail that 203.0.113.``octet`` sends: ``established`` connections, and some tries that fail."""
    draws = Draws(seed, "mail", str(octet))
    failed = established // 33
    count = established + failed
    stime = draws.pick(count, _MAIL_WEEK) * np.uint32(clock.BIN_MS) + draws.below(count, clock.BIN_MS)
    rank = draws.below(count, _DESTINATIONS[octet])
    server = hosts.subscriber(rank // (1 + draws.below(count, 7)) + np.uint32(1_000_000))
    port = draws.between(count, 32_768, 60_999)
    sip = hosts.inside(octet)

    some = slice(0, established)
    letter, line = draws.pick(established, LETTERS), draws.pick(established, FEW)
    asked = 6 + letter // np.uint32(1_400)
    told = 6 + letter // np.uint32(2_800)
    end = draws.pick(established, _ENDS)
    pieces = conversations(
        stime=stime[some],
        delay=draws.between(established, 8, 190),
        duration=600 + letter // draws.pick(established, _RATES) + draws.below(established, 6_000),
        client=sip,
        server=server[some],
        client_port=port[some],
        server_port=SMTP,
        protocol=TCP,
        asked=Half(asked, asked * np.uint32(52) + letter, SYN, end),
        told=Half(told, told * np.uint32(52) + line, SYN | ACK, end),
        application=SMTP,
    )

    rest = slice(established, count)
    tries = draws.pick(failed, _TRIES)
    pieces.append(
        records(
            stime=stime[rest],
            duration=np.asarray((0, 0, 3_000, 9_000), np.uint32)[tries],
            sip=sip,
            dip=server[rest],
            sport=port[rest],
            dport=SMTP,
            protocol=TCP,
            packets=tries,
            bytes_=tries * np.uint32(60),
            initial=SYN,
            session=((tries > 1) * SYN).astype(np.uint8),
        )
    )
    # a try of one packet is one that was refused
    refused = established + np.flatnonzero(tries == 1)
    pieces.append(
        records(
            stime=stime[refused] + np.uint32(40),
            duration=0,
            sip=server[refused],
            dip=sip,
            sport=SMTP,
            dport=port[refused],
            protocol=TCP,
            packets=1,
            bytes_=40,
            initial=RST | ACK,
        )
    )
    return pieces


def mail(scale: Scale, seed: int) -> Iterator[Rows]:
    """All mail traffic, piece by piece."""
    for service in received(scale):
        yield from serve(service, seed)
    for octet, established in REPORT.mail_sent.items():
        yield from sent(octet, scale(established), seed)
