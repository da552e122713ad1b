"""What else crosses the border: names, time, pings, servers' own work, tunnels and scans.

None of it goes from a web client to a web port, comes from a web port, or comes from a web
client's service port; a test checks that of the whole network.  All counts here are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from attrs import evolve

from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.draws import U32, Draws, one_of
from flowrules.flows.sample.figures import Scale
from flowrules.flows.sample.rows import (
    ACK,
    ESP,
    FIN,
    ICMP,
    IN_NULL,
    PSH,
    RST,
    SYN,
    TCP,
    UDP,
    Half,
    Rows,
    conversations,
    records,
)
from flowrules.flows.sample.serve import FEW, FILES, SOME, Service, serve

_DAY: Final = clock.always(100, 45)
_PEOPLE: Final = clock.person(8 * 60, 18 * 60, otherwise=6)

REMOTE_DESKTOP: Final = 57
FILE_SHARER: Final = 64

SERVICES: Final = (
    Service(228, 80, 8_600, 2_900, _DAY, told=FILES),
    Service(228, 443, 2_200, 800, _DAY, told=FILES),
    Service(229, 80, 3_100, 1_200, _DAY),
    Service(hosts.MAIL_WEB, 443, 2_300, 61, clock.evenings(), told=SOME),
    Service(hosts.APPLICATION_SERVER, 8443, 2_600, 30, _PEOPLE, application=443),
    Service(hosts.PARTNER_DATABASE, 5432, 900, 2, _DAY, told=FILES),
    Service(hosts.NAME_SERVER, 22, 340, 3, _PEOPLE, asked=SOME),
    Service(228, 22, 1_200, 9, clock.EVER, short=30_000),
    # workstations that offer something: one to a single address, one to anybody
    Service(REMOTE_DESKTOP, 3389, 64, 1, clock.evenings(), told=SOME, application=0),
    Service(FILE_SHARER, 6881, 410, 120, clock.always(), asked=FILES, told=FILES),
)
"""Services that are none of the web clients' service ports in the report's list."""


def _start(draws: Draws, count: int, week: U32) -> U32:
    return draws.pick(count, week) * np.uint32(clock.BIN_MS) + draws.below(count, clock.BIN_MS)


def _names(scale: Scale, seed: int) -> list[Rows]:
    """DNS: one resolver that asks servers all over, one server that answers for the site's names."""
    draws = Draws(seed, "dns")
    asks = scale(34_000)
    size, answer = draws.between(asks, 56, 92), draws.between(asks, 88, 460)
    trip = draws.between(asks, 3, 190)
    upstream = np.where(
        draws.halves(asks) < 20_000,
        np.uint32(hosts.DOCUMENTATION_2 + 10) + draws.below(asks, 13),
        hosts.subscriber(draws.below(asks, 900) + np.uint32(3_000_000)),
    )
    question, reply = conversations(
        stime=_start(draws, asks, clock.always(100, 60)),
        delay=trip,
        duration=np.zeros(asks, np.uint32),
        client=hosts.inside(hosts.RESOLVER),
        server=upstream,
        client_port=draws.between(asks, 1_024, 65_535),
        server_port=53,
        protocol=UDP,
        asked=Half(1, size),
        told=Half(1, answer),
        application=53,
    )
    # one in eighty is lost
    kept = np.flatnonzero(draws.below(asks, 80) > 0)
    pieces = [question, {name: column[kept] for name, column in reply.items()}]
    asked = scale(9_000)
    pieces += conversations(
        stime=_start(draws, asked, _DAY),
        delay=1,
        duration=np.zeros(asked, np.uint32),
        client=hosts.subscriber(draws.below(asked, 700) + np.uint32(3_100_000)),
        server=hosts.inside(hosts.NAME_SERVER),
        client_port=draws.between(asked, 32_768, 65_535),
        server_port=53,
        protocol=UDP,
        asked=Half(1, draws.between(asked, 58, 88)),
        told=Half(1, draws.between(asked, 90, 300)),
        application=53,
    )
    return pieces


def _time(scale: Scale, seed: int) -> list[Rows]:
    """NTP: servers and some workstations, each with one server outside."""
    pieces: list[Rows] = []
    for octet, every in (
        (230, 256),
        (226, 1024),
        (231, 1024),
        (41, 3600),
        (44, 3600),
        (58, 3600),
        (69, 3600),
    ):
        draws = Draws(seed, "ntp", str(octet))
        count = scale(clock.SPAN_MS // 1000 // every)
        tick = np.arange(count, dtype=np.uint32) * np.uint32(clock.SPAN_MS // count)
        pieces += conversations(
            stime=tick + draws.below(count, 2_000),
            delay=draws.between(count, 8, 60),
            duration=np.zeros(count, np.uint32),
            client=hosts.inside(octet),
            server=hosts.DOCUMENTATION_2 + 123 + octet % 4,
            client_port=123,
            server_port=123,
            protocol=UDP,
            asked=Half(1, 76),
            told=Half(1, 76),
            application=123,
        )
    return pieces


def _pings(scale: Scale, seed: int) -> list[Rows]:
    """ICMP: echo from outside, answered where a host lives; unreachable messages that come back."""
    draws = Draws(seed, "icmp")
    count = scale(5_200)
    live = draws.halves(count) < 24_000
    target = np.where(
        live,
        hosts.LIVE[draws.below(count, len(hosts.LIVE)).astype(np.intp)],
        np.uint32(hosts.DARK) + draws.below(count, hosts.DARK_SIZE),
    )
    packets = 1 + draws.below(count, 4)
    request, reply = conversations(
        stime=draws.below(count, clock.SPAN_MS),
        delay=1,
        duration=(packets - np.uint32(1)) * np.uint32(1_000),
        client=hosts.subscriber(draws.below(count, 240) + np.uint32(3_200_000)),
        server=target,
        client_port=0,
        server_port=8 * 256,
        protocol=ICMP,
        asked=Half(packets, packets * np.uint32(84)),
        told=Half(packets, packets * np.uint32(84)),
    )
    # no ports in ICMP: type and code stand in the destination port
    reply["sport"] = request["sport"]
    reply["dport"] = np.zeros(count, np.uint16)
    alive = np.flatnonzero(live)
    many = scale(1_900)
    lost = records(
        stime=draws.below(many, clock.SPAN_MS),
        duration=0,
        sip=hosts.subscriber(draws.below(many, 500) + np.uint32(3_300_000)),
        dip=hosts.LIVE[draws.below(many, len(hosts.LIVE)).astype(np.intp)],
        sport=0,
        dport=draws.pick(many, one_of((769, 771, 781, 2816), (40, 30, 12, 18))),
        protocol=ICMP,
        packets=1,
        bytes_=draws.between(many, 56, 84),
    )
    return [request, {name: column[alive] for name, column in reply.items()}, lost]


def _tunnels(scale: Scale, seed: int) -> list[Rows]:
    """A tunnel to another site (ESP), and people who work from home (UDP 1194)."""
    draws = Draws(seed, "tunnel")
    count = scale(336)
    pieces: list[Rows] = []
    stime = np.arange(count, dtype=np.uint32) * np.uint32(clock.SPAN_MS // count)
    for sip, dip in (
        (hosts.inside(hosts.ROUTER), hosts.DOCUMENTATION_2 + 1),
        (hosts.DOCUMENTATION_2 + 1, hosts.inside(hosts.ROUTER)),
    ):
        packets = draws.between(count, 400, 90_000)
        pieces.append(
            records(
                stime=stime + draws.below(count, 400),
                duration=clock.SPAN_MS // count if count > 335 else 1_790_000,
                sip=sip,
                dip=dip,
                sport=0,
                dport=0,
                protocol=ESP,
                packets=packets,
                bytes_=packets * draws.between(count, 120, 900),
            )
        )
    homes = scale(700)
    asked, told = draws.between(homes, 40, 9_000), draws.between(homes, 40, 20_000)
    pieces += conversations(
        stime=_start(draws, homes, clock.evenings()),
        delay=draws.between(homes, 12, 80),
        duration=draws.between(homes, 60_000, 1_790_000),
        client=hosts.subscriber(draws.below(homes, 14) + np.uint32(3_400_000)),
        server=hosts.inside(hosts.VPN_SERVER),
        client_port=draws.between(homes, 49_152, 65_535),
        server_port=1194,
        protocol=UDP,
        asked=Half(asked, asked * np.uint32(180)),
        told=Half(told, told * np.uint32(640)),
    )
    return pieces


_SCANNED = one_of((22, 23, 445, 1433, 3389, 5900, 80, 443, 8080), (20, 14, 22, 14, 12, 6, 6, 3, 3))
_DROPPED = one_of((135, 139, 445), (20, 30, 50))
_REFUSING: Final = (445, 1433, 3389, 5900)
"""Ports whose scans reach the hosts; the firewall drops what goes to others without a word."""


def _scans(scale: Scale, seed: int) -> list[Rows]:
    """Scans over both blocks: mostly silence, some resets, and some that the router rejects."""
    draws = Draws(seed, "scan")
    count = scale(26_000)
    live = draws.halves(count) < 6_000
    target = np.where(
        live,
        hosts.LIVE[draws.below(count, len(hosts.LIVE)).astype(np.intp)],
        np.uint32(hosts.DARK) + draws.below(count, hosts.DARK_SIZE),
    )
    port, source = draws.pick(count, _SCANNED), draws.between(count, 32_768, 65_535)
    stime = draws.below(count, clock.SPAN_MS)
    scanner = hosts.subscriber(draws.below(count, 38) + np.uint32(3_500_000))
    scan = records(
        stime=stime,
        duration=0,
        sip=scanner,
        dip=target,
        sport=source,
        dport=port,
        protocol=TCP,
        packets=1,
        bytes_=draws.pick(count, one_of((40, 44, 48, 60), (30, 20, 30, 20))),
        initial=SYN,
    )
    reached = np.zeros(count, np.bool_)
    for refusing in _REFUSING:
        reached |= port == refusing
    answered = np.flatnonzero(reached & live)
    refusal = records(
        stime=stime[answered] + np.uint32(1),
        duration=0,
        sip=target[answered],
        dip=scanner[answered],
        sport=port[answered],
        dport=source[answered],
        protocol=TCP,
        packets=1,
        bytes_=40,
        initial=RST | ACK,
    )
    blocked = scale(8_000)
    rejected = records(
        stime=draws.below(blocked, clock.SPAN_MS),
        duration=0,
        sip=hosts.subscriber(draws.below(blocked, 90) + np.uint32(3_600_000)),
        dip=np.uint32(hosts.NETWORK) + draws.below(blocked, 256),
        sport=draws.between(blocked, 32_768, 65_535),
        dport=draws.pick(blocked, _DROPPED),
        protocol=TCP,
        packets=1,
        bytes_=48,
        initial=SYN,
        type_=IN_NULL,
    )
    return [scan, refusal, rejected]


def _sessions_out(scale: Scale, seed: int) -> list[Rows]:
    """People who work on machines elsewhere: SSH out of two workstations."""
    draws = Draws(seed, "ssh")
    count = scale(260)
    who = np.asarray([hosts.inside(octet) for octet in (49, 53)], np.uint32)
    work, shown = draws.pick(count, FEW), draws.pick(count, SOME)
    asked = 12 + work // np.uint32(60) + shown // np.uint32(2_800)
    told = 12 + shown // np.uint32(1_400) + work // np.uint32(60)
    return conversations(
        stime=_start(draws, count, _PEOPLE),
        delay=draws.between(count, 10, 80),
        duration=draws.between(count, 4_000, 1_700_000),
        client=who[draws.below(count, 2).astype(np.intp)],
        server=np.uint32(hosts.DOCUMENTATION_2 + 60) + draws.below(count, 5),
        client_port=draws.between(count, 49_152, 60_999),
        server_port=22,
        protocol=TCP,
        asked=Half(asked, asked * np.uint32(52) + work, SYN, PSH | ACK | FIN),
        told=Half(told, told * np.uint32(52) + shown, SYN | ACK, PSH | ACK | FIN),
        application=22,
    )


def background(scale: Scale, seed: int) -> Iterator[Rows]:
    """All traffic but web and mail, piece by piece."""
    for service in SERVICES:
        yield from serve(evolve(service, count=scale(service.count)), seed)
    for part in (_names, _time, _pings, _tunnels, _scans, _sessions_out):
        yield from part(scale, seed)
