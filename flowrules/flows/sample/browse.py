"""One host's web traffic: connections in bursts, source ports as its stack hands them out, replies.

A burst is a page: some connections within seconds, to one site and to a few that many pages use.
What comes back is cut to an exact number of records and bytes, because the report's figures are
exact; how they fall on single flows is drawn.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.draws import (
    U8,
    U16,
    U32,
    Draws,
    apportion,
    evenly,
    one_of,
    quantiles,
)
from flowrules.flows.sample.rows import (
    ACK,
    CONTINUED,
    FIN,
    PSH,
    RST,
    SYN,
    TCP,
    TIMED_OUT,
    Rows,
    records,
)

Index = NDArray[np.intp]

ACTIVE_TIMEOUT_MS: Final = 30 * clock.MINUTE
IDLE_TIMEOUT_MS: Final = clock.MINUTE

LEAST_REPLY: Final = 260
"""Bytes of the smallest answer: four packets, and a line of text."""

_ANSWERED, _SILENT, _REFUSED = range(3)
_OUTCOMES = one_of((_ANSWERED, _SILENT, _REFUSED), (980, 16, 4))
_FEW = 64
"""Hosts with fewer connections get an answer each time."""

_BURSTS = one_of((1, 2, 3, 4, 6, 8, 12, 18), (10, 12, 14, 16, 16, 14, 10, 8))
_GAPS = quantiles(((0, 2), (30_000, 40), (55_000, 300), (63_000, 1_200), (65_536, 4_000)))
_BODIES = quantiles(
    (
        (0, 150),
        (12_000, 900),
        (32_768, 5_000),
        (49_152, 22_000),
        (59_000, 70_000),
        (64_200, 500_000),
        (65_400, 4_000_000),
        (65_500, 16_000_000),
        (65_536, 120_000_000),
    )
)
_DOWNLOADS = quantiles(((0, 8_000_000), (50_000, 50_000_000), (65_536, 180_000_000)))
_REQUESTS = quantiles(((0, 280), (40_000, 620), (60_000, 1_250), (65_000, 6_000), (65_536, 600_000)))
_SEGMENTS = one_of((1_460, 1_452, 1_380, 1_260, 900, 620), (60, 8, 14, 6, 7, 5))
_RATES = one_of((24, 60, 120, 250, 500), (10, 25, 30, 25, 10))
_WAITS = quantiles(((0, 0), (30_000, 200), (50_000, 5_000), (62_000, 15_000), (65_536, 110_000)))
_RETRIES = one_of((1, 2, 3), (25, 15, 60))
_RETRY_MS: Final = np.asarray((0, 0, 3_000, 9_000), np.uint32)
_CLOSINGS = one_of(
    (PSH | ACK | FIN, PSH | ACK, PSH | ACK | RST, PSH | ACK | FIN | RST),
    (83, 7, 7, 3),
)
_LABELS = np.zeros(1 << 16, np.uint16)
for _port, _label in ((80, 80), (443, 443), (8080, 80), (8000, 80), (1935, 1935), (554, 554)):
    _LABELS[_port] = _label
_OTHER_LABELS = one_of((6881, 5190, 1935, 22, 5050, 6346), (34, 20, 16, 14, 10, 6))


@frozen(eq=False)
class Browser:
    """What one stream of web requests over TCP has to have.

    ``requests``: records by destination port; ``replies``: records coming back, at least as many;
    ``received``: bytes in these, at least 2,000 each.  The other attributes are as in
    ``hosts.Client``.
    """

    name: str
    address: int
    requests: dict[int, int]
    replies: int
    received: int
    week: U32
    ports: hosts.Ports
    octaves: int = 15
    labelled_otherwise: int = 0
    header: int = 40


@frozen(eq=False)
class _Connections:
    """Connections in the order of their start, ``stime`` in ms after the first instant."""

    stime: U32
    site: U32
    sport: U16
    dport: U16

    def __len__(self) -> int:
        return len(self.stime)


def browse(browser: Browser, seed: int) -> list[Rows]:
    """The records of ``browser``, in both directions."""
    draws = Draws(seed, "web", browser.name)
    cut = browser.requests.get(80, 0) // 800
    made = _connections(browser, draws, cut)
    count = len(made)
    outcome = draws.pick(count, _OUTCOMES) if count >= _FEW else np.zeros(count, np.uint32)
    outcome[0] = _ANSWERED  # so that there is one to learn from, at any scale
    answered = np.flatnonzero(outcome == _ANSWERED)
    refused = np.flatnonzero(outcome == _REFUSED)
    silent = np.flatnonzero(outcome == _SILENT)
    halves = _cut(made, answered, cut)
    late_count = browser.replies - (count - len(silent)) - len(halves)
    late_bytes = 40 + 12 * draws.below(late_count, 6)
    received = browser.received - int(late_bytes.sum(dtype=np.int64)) - 40 * len(refused)

    # one entry for each conversation that carries data, and one more for each second half
    row = np.concatenate([answered, halves])
    bodies = draws.pick(len(row), _BODIES)
    second = np.arange(len(row)) >= len(answered)
    first = np.zeros(len(row), np.bool_)
    first[np.searchsorted(answered, halves)] = True
    bodies[first] = draws.pick(len(halves), _DOWNLOADS)
    bodies[second] = draws.pick(len(halves), _DOWNLOADS)
    # entries of the table come up often: spread each over its surroundings
    bodies -= (bodies >> np.uint32(17)) * (draws.words(len(row)) >> np.uint32(16))
    size = apportion(received, bodies, LEAST_REPLY)
    segment = draws.pick(len(row), _SEGMENTS)
    reply_packets = 3 + (size + segment - np.uint32(1)) // segment
    request = draws.pick(len(row), _REQUESTS)
    request_packets = (
        3 + (reply_packets >> np.uint32(1)) + request // np.uint32(1_400) + (size & np.uint32(1))
    )

    trip = 8 + ((made.site * np.uint32(2_654_435_761)) >> np.uint32(25)) + draws.below(count, 24)
    lasts = trip[row] * np.uint32(4) + size // draws.pick(len(row), _RATES) + draws.pick(len(row), _WAITS)
    lasts = np.minimum(lasts, np.uint32(ACTIVE_TIMEOUT_MS - 1_000))
    lasts[first] = ACTIVE_TIMEOUT_MS - draws.below(len(halves), 900)
    begins = made.stime[row]
    begins[second] += lasts[first] + np.uint32(1)
    closing = draws.pick(len(row), _CLOSINGS)
    closing[first] = PSH | ACK
    opening = np.where(second, ACK, SYN).astype(np.uint8)
    attributes = (first * TIMED_OUT + second * CONTINUED).astype(np.uint8)
    label = _labels(made, browser, draws)[row]

    sip, port = browser.address, made.sport
    pieces = [
        records(
            stime=begins,
            duration=lasts,
            sip=sip,
            dip=made.site[row],
            sport=port[row],
            dport=made.dport[row],
            protocol=TCP,
            packets=request_packets,
            bytes_=request_packets * np.uint32(browser.header) + request,
            initial=opening,
            session=closing,
            attributes=attributes,
            application=label,
        ),
        records(
            stime=begins + trip[row],
            duration=lasts - np.minimum(lasts, trip[row]),
            sip=made.site[row],
            dip=sip,
            sport=made.dport[row],
            dport=port[row],
            protocol=TCP,
            packets=reply_packets,
            bytes_=size,
            initial=np.where(second, ACK, SYN | ACK).astype(np.uint8),
            session=closing,
            attributes=attributes,
            application=label,
        ),
    ]
    pieces += _without_data(made, draws, sip, silent, refused, trip)
    pieces.append(_late(made, draws, sip, answered, begins + lasts, late_bytes))
    return pieces


def _connections(browser: Browser, draws: Draws, cut: int) -> _Connections:
    """Connections for all records of ``browser`` but ``cut`` second halves on port 80.

    Bursts come at random, so the first ones can take the rare ports: whole pages over 443.
    """
    wanted = [(port, count) for port, count in browser.requests.items() if port != 80]
    wanted.append((80, browser.requests.get(80, 0) - cut))
    dport = np.repeat([port for port, _ in wanted], [count for _, count in wanted]).astype(np.uint16)
    count = len(dport)

    sizes = draws.pick(count // 3 + 4, _BURSTS)
    ends = np.cumsum(sizes, dtype=np.int64)
    bursts = int(np.searchsorted(ends, count)) + 1
    if bursts > len(ends):
        bursts = len(ends)
        sizes[-1] += count - ends[-1]
    burst = np.repeat(np.arange(bursts, dtype=np.uint32), sizes[:bursts])[:count]
    starts = np.concatenate([[0], ends[: bursts - 1]])
    since = np.cumsum(draws.pick(count, _GAPS), dtype=np.uint32)
    begin = draws.pick(bursts, browser.week) * np.uint32(clock.BIN_MS) + draws.below(bursts, clock.BIN_MS)
    stime = np.minimum(begin[burst] + (since - since[starts][burst]), np.uint32(clock.SPAN_MS - 1))

    # unstable sorts give what they like among equal times: make the times unequal
    key = (stime.astype(np.uint64) << np.uint64(24)) | np.arange(count, dtype=np.uint64)
    key.sort()
    order = (key & np.uint64(0xFFFFFF)).astype(np.intp)
    stime, dport, burst = stime[order], dport[order], burst[order]

    main = _ranks(draws, bursts, browser.octaves)[burst]
    shared = _ranks(draws, count, min(browser.octaves, 9))
    site = hosts.web_site(np.where(draws.halves(count) < 40_000, main, shared))
    streams = np.flatnonzero((dport != 80) & (dport != 443))
    site[streams] = hosts.DOCUMENTATION_1 + 16 + main[streams] % np.uint32(160)
    return _Connections(stime, site, _source_ports(browser.ports, draws, site), dport)


def _ranks(draws: Draws, count: int, octaves: int) -> U32:
    """Ranks of popularity whose frequency falls as 1/rank, roughly: each octave is as likely."""
    octave = draws.below(count, octaves)
    first = (np.uint32(1) << octave) - np.uint32(1)
    return first + (draws.words(count) & first)


def _source_ports(ports: hosts.Ports, draws: Draws, site: U32) -> U16:
    """The ephemeral port of each connection; the connections stand in the order of their start."""
    count, size = len(site), ports.high - ports.low + 1
    if ports.kind == "random":
        return (ports.low + draws.below(count, size)).astype(np.uint16)
    steps = (draws.halves(count) < ports.hidden).astype(np.uint32) + np.uint32(1)
    place = draws.below(1, size)[0] + np.cumsum(steps, dtype=np.uint32)
    if ports.kind == "destination":
        place += (site * np.uint32(2_246_822_519)) >> np.uint32(12)
    given: U16 = (ports.low + place % np.uint32(size)).astype(np.uint16)
    return given


def _cut(made: _Connections, answered: Index, cut: int) -> Index:
    """The connections on port 80 that the active timeout cuts: long downloads, two records a side."""
    whole = answered[
        (made.dport[answered] == 80) & (made.stime[answered] < clock.SPAN_MS - 2 * ACTIVE_TIMEOUT_MS)
    ]
    chosen: Index = whole[evenly(cut, len(whole))]
    return chosen


def _labels(made: _Connections, browser: Browser, draws: Draws) -> U16:
    """Application labels: by port, but some not recognised, and some another application's."""
    chance = draws.halves(len(made))
    label = _LABELS.take(made.dport)
    label[chance < 2_600] = 0
    other = np.flatnonzero(
        (chance >= 65_536 - browser.labelled_otherwise) & ((made.dport == 80) | (made.dport == 443))
    )
    label[other] = draws.pick(len(other), _OTHER_LABELS)
    return label


def _without_data(
    made: _Connections, draws: Draws, sip: int, silent: Index, refused: Index, trip: U32
) -> list[Rows]:
    """Connections that no one answers, and those that a reset ends at once."""
    tries = draws.pick(len(silent), _RETRIES)
    return [
        records(
            stime=made.stime[silent],
            duration=_RETRY_MS[tries],
            sip=sip,
            dip=made.site[silent],
            sport=made.sport[silent],
            dport=made.dport[silent],
            protocol=TCP,
            packets=tries,
            bytes_=tries * np.uint32(48),
            initial=SYN,
            session=((tries > 1) * SYN).astype(np.uint8),
        ),
        records(
            stime=made.stime[refused],
            duration=0,
            sip=sip,
            dip=made.site[refused],
            sport=made.sport[refused],
            dport=made.dport[refused],
            protocol=TCP,
            packets=1,
            bytes_=48,
            initial=SYN,
        ),
        records(
            stime=made.stime[refused] + trip[refused],
            duration=0,
            sip=made.site[refused],
            dip=sip,
            sport=made.dport[refused],
            dport=made.sport[refused],
            protocol=TCP,
            packets=1,
            bytes_=40,
            initial=RST | ACK,
        ),
    ]


def _late(made: _Connections, draws: Draws, sip: int, answered: Index, ends: U32, bytes_: U32) -> Rows:
    """Servers that close when the flow has timed out: one more record towards the client."""
    end = ends[: len(answered)]
    gap = IDLE_TIMEOUT_MS + 1_000
    seen = np.flatnonzero(end < clock.SPAN_MS - 2 * gap)
    if not len(seen):
        seen = np.arange(len(answered))
    which = seen[evenly(len(bytes_), len(seen))]
    row = answered[which]
    begins = end[which] + np.uint32(gap) + draws.below(len(row), 50_000)
    many = bytes_ >= 80
    closing: U8 = np.where(draws.halves(len(row)) < 40_000, FIN | ACK, RST | ACK).astype(np.uint8)
    return records(
        stime=np.minimum(begins, np.uint32(clock.SPAN_MS - 1)),
        duration=np.where(many, 400, 0).astype(np.uint32),
        sip=made.site[row],
        dip=sip,
        sport=made.dport[row],
        dport=made.sport[row],
        protocol=TCP,
        packets=np.where(many, 2, 1).astype(np.uint32),
        bytes_=bytes_,
        initial=closing,
        session=np.where(many, closing, 0).astype(np.uint8),
    )
