"""A host's numbers beside each other and beside other hosts': client, upload and volume ratios."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.evidence import Measured, needed, number

MINIMUM_EVENTS: Final = 20
MINIMUM_HOSTS: Final = 10
MINIMUM_HOST_FLOWS: Final = 10
"""How many flows a host has to have to be among those that the median is taken of."""

Counts = NDArray[np.int64]
Numbers = NDArray[Any]
Floats = NDArray[np.float64]


@frozen
class ClientRatio(Measured[float]):
    """Client events by client and server events, 0..1; ``undecided`` are neither by flags nor by pairs."""

    client: int
    server: int
    undecided: int


@frozen(eq=False)
class ClientRatios:
    """``ClientRatio`` of many hosts: ``value`` NaN where unknown, counts int64."""

    value: Floats
    client: Counts
    server: Counts
    undecided: Counts

    def of(self, host: int) -> ClientRatio:
        """The result of one host."""
        client, server = int(self.client[host]), int(self.server[host])
        undecided = int(self.undecided[host])
        why = needed((client + server, MINIMUM_EVENTS, "events"))
        if not why and client + server <= undecided:
            why = f"initiator known of {client + server:,} of {client + server + undecided:,} events, more than half needed"
        return ClientRatio(number(self.value[host]), why, client, server, undecided)


def client_ratio(client: Counts, server: Counts, undecided: Counts) -> ClientRatios:
    """How much of what hosts do they begin, from connections counted by ``clients.initiators`` (int64 each).

    Unknown below 20 decided events, or where no more than half are decided.
    """
    decided = client + server
    known = (decided >= MINIMUM_EVENTS) & (decided > undecided)
    return ClientRatios(_share(client, decided, known), client, server, undecided)


@frozen
class UploadRatio(Measured[float]):
    """Bytes sent by bytes sent and received of the host's own connections, 0..1."""

    bytes_out: int
    bytes_in: int
    events: int


@frozen(eq=False)
class UploadRatios:
    """``UploadRatio`` of many hosts: ``value`` NaN where unknown, counts int64; ``replies`` are rows seen
    of the other direction."""

    value: Floats
    bytes_out: Counts
    bytes_in: Counts
    events: Counts
    replies: Counts

    def of(self, host: int) -> UploadRatio:
        """The result of one host."""
        events, replies = int(self.events[host]), int(self.replies[host])
        why = needed((events, MINIMUM_EVENTS, "events"))
        if not why and replies == 0:
            why = "one direction seen, both needed"
        sent, received = int(self.bytes_out[host]), int(self.bytes_in[host])
        if not why and sent + received == 0:
            why = "no bytes"
        return UploadRatio(number(self.value[host]), why, sent, received, events)


def upload_ratio(bytes_out: Counts, bytes_in: Counts, events: Counts, replies: Counts) -> UploadRatios:
    """The share of bytes that hosts send in the connections they open (all int64, one entry a host).

    ``replies`` counts the rows seen of the other direction; without any the ratio is unknown, as it is
    below 20 events.
    """
    total = bytes_out + bytes_in
    known = (events >= MINIMUM_EVENTS) & (replies > 0) & (total > 0)
    return UploadRatios(_share(bytes_out, total, known), bytes_out, bytes_in, events, replies)


@frozen
class Relative(Measured[float]):
    """``relative(m)``: a host's m by the median m of the ``hosts`` that have at least ten flows."""

    m: float
    median: float | None
    hosts: int


@frozen(eq=False)
class Relatives:
    """``Relative`` of all hosts: ``value`` NaN where unknown, ``median`` NaN with fewer than ten hosts."""

    value: Floats
    m: Numbers
    median: float
    hosts: int

    def of(self, host: int) -> Relative:
        """The result of one host."""
        why = needed((self.hosts, MINIMUM_HOSTS, f"hosts with {MINIMUM_HOST_FLOWS} flows"))
        if not why and self.median == 0:
            why = "the median host has 0"
        return Relative(number(self.value[host]), why, float(self.m[host]), number(self.median), self.hosts)


def relative(m: Numbers, flows: Numbers) -> Relatives:
    """Each host's m (any number dtype) against the median host, which a site's size does not change.

    The median is over hosts with at least ten ``flows``, the mean of the middle two where they are even;
    unknown with fewer than ten such hosts, or a median of 0.
    """
    among = np.sort(m[flows >= MINIMUM_HOST_FLOWS])
    count = len(among)
    if count < MINIMUM_HOSTS:
        return Relatives(np.full(len(m), np.nan), m, np.nan, count)
    median = (float(among[(count - 1) // 2]) + float(among[count // 2])) / 2
    value = np.full(len(m), np.nan) if median == 0 else m / median
    return Relatives(value, m, median, count)


def _share(part: Counts, whole: Counts, known: NDArray[np.bool_]) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, part / whole, np.nan)
