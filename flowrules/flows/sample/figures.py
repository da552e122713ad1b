"""How many flows and bytes the sample network has: the report's figures, and ours apart from them.

The report is "Network Profiling Using Flow" (CMU/SEI-2012-TR-006), sections 5.2 and 5.3.  What it
prints stands in ``REPORT``.  It leaves open how the rest divides (bytes of single workstations,
answers of single mail servers, traffic that no query of these sections sees): that is ours, and
stands with the hosts that have it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from attrs import field, frozen


@frozen
class Report:
    """The figures that the report prints, or that follow from those."""

    web_clients: int = 31
    """5.2.1 step 3: ``rwsetcat --count web_clients.set``."""

    gateway_requests: dict[int, int] = field(
        factory=lambda: {80: 2_372_731, 443: 251_473, 8080: 895, 1935: 128, 8000: 1}
    )
    """5.2.1 step 6: records of 203.0.113.33 by destination port, TCP; 2,625,228 together (step 5)."""

    proxy_requests: dict[int, int] = field(
        factory=lambda: {80: 235_334, 443: 38_733, 1935: 281, 8080: 95, 554: 5}
    )
    """5.2.1 step 6: records of 203.0.113.220 by destination port, TCP; 274,448 together (step 5)."""

    requests: int = 2_921_867
    """5.2.1 step 5: records from the web clients to web ports."""

    replies: int = 2_973_484
    """5.2.1 step 4: records from web ports to the web clients."""

    received: int = 168_273_056_846
    gateway_received: int = 154_723_380_928
    proxy_received: int = 12_334_655_077
    """5.2.1 step 4: bytes in those replies, and of them to 203.0.113.33 and 203.0.113.220."""

    replies_to_anyone: int = 3_029_615
    receivers: int = 15_228
    received_by_anyone: int = 168_278_493_869
    """5.2.2: records, inside addresses and bytes of traffic from web ports, web client or not.

    The report prints the command for the clients' requests there; only the inbound direction can
    give more bytes than step 4 with the same bytes of the two hosts.
    """

    gateway_services: dict[int, int] = field(
        factory=lambda: {20: 1, 21: 27, 22: 7, 80: 42, 443: 492, 8000: 44, 8080: 58}
    )
    proxy_services: dict[int, int] = field(factory=lambda: {8000: 7, 8080: 7})
    """5.2.2: records by source port from the two hosts' own service ports.

    The proxy's port 25, which table 12 implies, is missing there; see ``mail.RECEIVED``.
    """

    mail_sent: dict[int, int] = field(factory=lambda: {222: 10_479, 231: 74_852})
    """5.3.2: established records to TCP 25, by the last octet of the sender in 203.0.113.0/24."""


REPORT: Final = Report()


@frozen
class Scale:
    """How much of the whole network is made: a fraction above 0 and up to 1."""

    fraction: Fraction

    @classmethod
    def of(cls, value: float | Fraction) -> Scale:
        """The scale of that value, taken as the decimal that it prints as.

        Raises ``ValueError`` outside of (0, 1].
        """
        try:
            fraction = Fraction(str(value))
        except ValueError:
            fraction = Fraction(0)
        if not 0 < fraction <= 1:
            raise ValueError(f"scale {value} is not above 0 and up to 1")
        return cls(fraction)

    def __call__(self, count: int) -> int:
        """``count`` at this scale, rounded half up, and at least 1."""
        return max(1, int(count * self.fraction + Fraction(1, 2)))

    def each(self, counts: dict[int, int]) -> dict[int, int]:
        """The counts of ``counts`` at this scale."""
        return {key: self(count) for key, count in counts.items()}
