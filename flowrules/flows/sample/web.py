"""The web traffic of the sample network: gateway, proxy, workstations, and what none of them asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.browse import Browser, browse
from flowrules.flows.sample.draws import U32, Draws, apportion, one_of, pour, quantiles, split
from flowrules.flows.sample.figures import REPORT, Scale
from flowrules.flows.sample.rows import ACK, RST, SYN, TCP, UDP, Half, Rows, conversations, records
from flowrules.flows.sample.serve import FILES, SOME, Service, serve

_OFFICE_PROXY = clock.person(8 * 60, 18 * 60, otherwise=5)

_GATEWAY_PEERS: Final = {20: 1, 21: 11, 22: 3, 80: 17, 443: 130, 8000: 14, 8080: 21}
"""From how many outside hosts each service of the gateway is used: forwards to hosts behind it."""


def gateway(scale: Scale) -> list[Browser]:
    """The hosts behind 203.0.113.33, which keep their source ports, as streams of one address."""
    shares = [hidden.share for hidden in hosts.BEHIND_GATEWAY]
    requests: list[dict[int, int]] = [{} for _ in shares]
    for port, count in scale.each(REPORT.gateway_requests).items():
        for stream, part in zip(requests, split(count, shares), strict=True):
            if part:
                stream[port] = part
    sent = [sum(stream.values()) for stream in requests]
    replies = [a + b for a, b in zip(sent, split(scale(hosts.GATEWAY_EXTRA_REPLIES), sent), strict=True)]
    received = split(
        scale(REPORT.gateway_received), [rows * (9 + 7 * k % 5) for k, rows in enumerate(replies)]
    )
    return [
        Browser(
            f"gateway{k}",
            hosts.inside(hosts.GATEWAY),
            requests[k],
            replies[k],
            received[k],
            hidden.week,
            hidden.ports,
            labelled_otherwise=3_900,
        )
        for k, hidden in enumerate(hosts.BEHIND_GATEWAY)
        if sent[k]
    ]


def proxy(scale: Scale) -> Browser:
    """203.0.113.220: many people's requests through one host with one counter for its ports."""
    requests = scale.each(REPORT.proxy_requests)
    return Browser(
        "proxy",
        hosts.inside(hosts.PROXY),
        requests,
        sum(requests.values()) + scale(hosts.PROXY_EXTRA_REPLIES),
        scale(REPORT.proxy_received),
        _OFFICE_PROXY,
        hosts.PROXY_PORTS,
        labelled_otherwise=900,
        header=52,
    )


def others_received(scale: Scale) -> int:
    """Bytes from web servers to the 29 clients that the report does not show."""
    rows = sum(sum(scale.each(c.tcp).values()) + sum(scale.each(c.udp).values()) for c in hosts.CLIENTS)
    left = REPORT.received - REPORT.gateway_received - REPORT.proxy_received
    return max(scale(left), 4_000 * (rows + scale(hosts.EXTRA_REPLIES)))


def workstations(scale: Scale, seed: int) -> list[Rows]:
    """The other 29 web clients."""
    tcp = [scale.each(client.tcp) for client in hosts.CLIENTS]
    udp = [scale.each(client.udp) for client in hosts.CLIENTS]
    sent = [sum(ports.values()) for ports in tcp]
    busy = [rows if rows >= 20 else 0 for rows in sent]
    extra = split(scale(hosts.EXTRA_REPLIES), busy if any(busy) else sent)
    weights = [10 * rows * (6 + client.octet % 7) for client, rows in zip(hosts.CLIENTS, sent, strict=True)]
    weights += [900 * sum(ports.values()) for ports in udp]
    received = split(others_received(scale), weights)
    pieces: list[Rows] = []
    for i, client in enumerate(hosts.CLIENTS):
        if sent[i]:
            browser = Browser(
                str(client.octet),
                hosts.inside(client.octet),
                tcp[i],
                sent[i] + extra[i],
                received[i],
                client.week,
                client.ports,
                client.octaves,
                client.labelled_otherwise,
            )
            pieces += browse(browser, seed)
        if udp[i]:
            pieces += _streams(client, udp[i], received[len(hosts.CLIENTS) + i], seed)
    return pieces


_STREAM_SHAPE = quantiles(((0, 1), (65_536, 60)))


def _streams(client: hosts.Client, counts: dict[int, int], received: int, seed: int) -> list[Rows]:
    """Media over UDP: a few requests and acknowledgements out, the stream in."""
    draws = Draws(seed, "stream", str(client.octet))
    count = sum(counts.values())
    size = apportion(received, draws.pick(count, _STREAM_SHAPE), 2_000)
    packets = 1 + size // np.uint32(1_100)
    asked = 4 + packets // np.uint32(40)
    return conversations(
        stime=draws.pick(count, client.week) * np.uint32(clock.BIN_MS) + draws.below(count, clock.BIN_MS),
        delay=draws.between(count, 20, 160),
        duration=np.minimum(1_000 + size // np.uint32(40), np.uint32(1_790_000)),
        client=hosts.inside(client.octet),
        server=np.uint32(hosts.DOCUMENTATION_1 + 200) + draws.below(count, 9),
        client_port=draws.between(count, client.ports.low, client.ports.high),
        server_port=np.repeat(list(counts), list(counts.values())),
        protocol=UDP,
        asked=Half(asked, asked * np.uint32(60)),
        told=Half(packets, size),
    )


def services() -> list[Service]:
    """Service ports of the gateway and of the proxy: few connections, at any scale the report's."""
    labels = {8080: 80, 8000: 80}
    found = [
        Service(
            hosts.GATEWAY,
            port,
            count,
            _GATEWAY_PEERS[port],
            clock.always(100, 40),
            told=FILES if port == 20 else SOME,
            application=labels.get(port),
            dials=port == 20,
        )
        for port, count in REPORT.gateway_services.items()
    ]
    # people outside who look for an open proxy: it says no
    found += [
        Service(hosts.PROXY, port, count, 5, clock.EVER, application=80)
        for port, count in REPORT.proxy_services.items()
    ]
    return found


_KINDS = one_of((0, 1, 2), (30, 58, 12))
"""Reset, SYN-ACK, SYN."""
_TRIES = one_of((1, 2, 3, 4, 5, 6), (30, 24, 22, 12, 8, 4))
_SOURCES = one_of((80, 443, 8080, 8000, 1935, 554), (700, 200, 60, 20, 10, 10))
_NEAR: Final = 130


def unasked(scale: Scale, seed: int) -> list[Rows]:
    """What web ports outside send to inside addresses that asked for nothing.

    Backscatter of attacks with forged sources, and scans that come from port 80: it makes
    the inbound web traffic of 15,228 addresses out of 31 clients', and must make none of them a
    client.  Where it meets a host, that host resets the connection.
    """
    draws = Draws(seed, "unasked")
    receivers = scale(REPORT.receivers - REPORT.web_clients)
    count = max(receivers, scale(REPORT.replies_to_anyone - REPORT.replies))
    volume = max(80 * count, scale(REPORT.received_by_anyone - REPORT.received))
    known = [hosts.inside(octet) for octet in hosts.SERVERS if octet not in hosts.CLIENT_OCTETS]
    near = known + [a for a in hosts.NOT_CLIENTS.tolist() if a not in known]
    near = near[: min(_NEAR, max(1, receivers // 8))]
    far = np.arange(receivers - len(near), dtype=np.uint32)
    dark = np.uint32(hosts.DARK) + ((far * np.uint32(9_421) + np.uint32(77)) & np.uint32(hosts.DARK_SIZE - 1))
    address = np.concatenate([np.asarray(near, np.uint32), dark])
    dip = np.concatenate([address, address[draws.below(count - receivers, receivers)]])

    kind, packets = draws.pick(count, _KINDS), draws.pick(count, _TRIES)
    packets[kind != 1] = 1 + (packets[kind != 1] > 4)
    room = np.where(kind == 0, 0, 20 * packets).astype(np.uint32)
    least = 40 * int(packets.sum())
    if not least <= volume <= least + int(room.sum()):  # too few to be average
        kind[:], packets[:], room[:] = 1, 2, 40
        least = 80 * count
    bytes_ = 40 * packets + pour(volume - least, room)
    flags = np.asarray((RST | ACK, SYN | ACK, SYN), np.uint8)[kind]
    web = hosts.web_site(draws.below(count, 400))
    source = np.where(kind == 2, hosts.subscriber(draws.below(count, 60)), web)
    sport = draws.pick(count, _SOURCES)
    dport = np.where(kind == 2, np.uint32(22), draws.between(count, 1_024, 65_535))
    stime = draws.below(count, clock.SPAN_MS)
    duration = np.where(packets > 1, packets * packets * 700, 0).astype(np.uint32)
    came = records(
        stime=stime,
        duration=duration,
        sip=source,
        dip=dip,
        sport=sport,
        dport=dport,
        protocol=TCP,
        packets=packets,
        bytes_=bytes_,
        initial=flags,
        session=np.where(packets > 1, flags, 0).astype(np.uint8),
    )
    met = np.flatnonzero((kind == 1) & _in(dip, known))
    reset = records(
        stime=stime[met] + np.uint32(1),
        duration=duration[met],
        sip=dip[met],
        dip=source[met],
        sport=dport[met],
        dport=sport[met],
        protocol=TCP,
        packets=packets[met],
        bytes_=packets[met] * np.uint32(40),
        initial=RST,
        session=np.where(packets[met] > 1, RST, 0).astype(np.uint8),
    )
    return [came, reset]


def _in(addresses: U32, few: list[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found = np.zeros(len(addresses), np.bool_)
    for address in few:
        found |= addresses == address
    return found


def web(scale: Scale, seed: int) -> Iterator[Rows]:
    """All web traffic, piece by piece."""
    for browser in [*gateway(scale), proxy(scale)]:
        yield from browse(browser, seed)
    yield from workstations(scale, seed)
    for service in services():
        yield from serve(service, seed)
    yield from unasked(scale, seed)
