"""Synthetic flows: any number of them, the same for the same seed, a chunk at a time.

A few hosts, ports and types make most of the flows.  Rows come in the order of time, or ``shuffled``; half of
the hosts have IPv6 addresses in ``wide`` flows.  Addresses of home hosts are in ``HOME`` and ``HOME_WIDE``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from flowrules.flows.table import Chunk, FlowSource

LAYOUTS = ("usual", "shuffled", "wide")
TYPES = ("in", "out", "inweb", "outweb")
HOME, HOME_WIDE = "10.0.0.0/8", "2001:db8:10::/48"
BEGIN = 1_767_571_200_000  # 2026-01-05 00:00 UTC, in ms
DAY = 86_400_000
BLOCK = 1 << 18
HOSTS, FAR_HOSTS = 5_000, 300_000
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}
SEEN_FLAGS = (31, 30, 27, 26, 24, 22, 20, 19, 18, 16, 2)
SERVICES = (
    443, 80, 53, 25, 22, 123, 993, 445, 3389, 110, 143, 587, 8080, 21, 23, 139, 161, 389, 636, 465, 995, 1433,
    1723, 1935, 3306, 5060, 5222, 5432, 6379, 8000, 8443, 8888, 9090, 9200, 11211, 27017, 554, 1755, 873, 2049,
)  # fmt: skip
FIELDS = (
    "sip", "dip", "sport", "dport", "protocol", "packets", "bytes", "flags", "stime", "duration", "type",
)  # fmt: skip


@frozen
class Flows:
    """What flows to make; ``days`` are spread evenly over ``rows``, and ``begin`` is the first one's number."""

    rows: int
    layout: str = "usual"
    seed: int = 1
    days: int = 1
    begin: int = 0

    def source(self) -> FlowSource:
        """The flows as a source, which can be read again and again."""
        from flowrules.flows.table import Chunk, FlowSource

        def read(fields: frozenset[str] | None, rows: int = BLOCK) -> Iterator[Chunk]:
            for chunk in self.chunks():
                yield Chunk({n: chunk[n] for n in FIELDS if fields is None or n in fields}, chunk.rows)

        return FlowSource("synthetic", "synthetic", frozenset(FIELDS), read)

    def chunks(self) -> Iterator[Chunk]:
        """The flows, ``BLOCK`` at a time, each block with random numbers of its own."""
        # each contender's process has this module, and not each needs numpy
        import numpy as np

        near, far = _hosts(self.seed, self.layout == "wide")
        for start in range(0, self.rows, BLOCK):
            random = np.random.default_rng((self.seed, self.begin, start))
            yield self._block(random, start, min(BLOCK, self.rows - start), near, far)

    def _block(self, random: Any, start: int, rows: int, near: Any, far: Any) -> Chunk:
        import numpy as np

        from flowrules.flows.table import Chunk

        def skewed(among: int, power: int = 3) -> Any:
            return (among * random.random(rows, np.float32) ** power).astype(np.intp)

        outward = random.random(rows, np.float32) < 0.52
        protocol = np.array([6, 17, 1], np.uint8).take(
            np.searchsorted([0.72, 0.97], random.random(rows), "right")
        )
        service = np.array(SERVICES, np.uint16).take(skewed(len(SERVICES)))
        rare = np.flatnonzero(random.random(rows, np.float32) < 0.12)
        service[rare] = random.integers(1, 1 << 16, len(rare), dtype=np.uint16)
        ephemeral = random.integers(32768, 61000, rows, dtype=np.uint16)
        asks = (random.random(rows, np.float32) < 0.8) == outward
        icmp, tcp = protocol == 1, protocol == 6
        here = skewed(len(near))
        there = skewed(FAR_HOSTS)
        if self.layout == "wide":
            there += FAR_HOSTS * (here & 1)  # IPv6 hosts talk to IPv6 hosts
        mine, theirs = near.take(here), far.take(there)
        web = tcp & ((service == 80) | (service == 443) | (service == 8080))
        packets = np.minimum(np.exp(random.standard_normal(rows, np.float32) * 1.4 + 1.6) + 1, 1e6)
        packets = packets.astype(np.uint32)
        span = DAY * self.days
        first, last = span * start // self.rows, span * (start + rows) // self.rows
        if self.layout == "shuffled":
            first, last = 0, span
        times = random.integers(first, last, rows)
        if self.layout != "shuffled":
            times.sort()
        lasted = np.exp(random.standard_normal(rows, np.float32) * 2 + 6).astype(np.int64)
        return Chunk(
            {
                "sip": np.where(outward, mine, theirs),
                "dip": np.where(outward, theirs, mine),
                "sport": np.where(icmp, np.uint16(0), np.where(asks, ephemeral, service)),
                "dport": np.where(icmp, np.uint16(2048), np.where(asks, service, ephemeral)),
                "protocol": protocol,
                "packets": packets,
                "bytes": packets * random.integers(40, 1400, rows, dtype=np.uint32),
                "flags": np.where(
                    tcp, np.array(SEEN_FLAGS, np.uint8).take(skewed(len(SEEN_FLAGS))), np.uint8(0)
                ),
                "stime": BEGIN + self.begin * DAY + times,
                "duration": np.where(packets == 1, 0, lasted),
                "type": outward.astype(np.uint8) + np.where(web, np.uint8(2), np.uint8(0)),
            },
            rows,
            start,
        )


def far_addresses(seed: int, wide: bool = False) -> Any:
    """The outside hosts, busiest first."""
    return _hosts(seed, wide)[1]


def _hosts(seed: int, wide: bool) -> tuple[Any, Any]:
    """Home hosts and outside hosts; in wide flows odd home hosts, and outside hosts from ``FAR_HOSTS`` on, have IPv6."""
    import numpy as np

    from flowrules.model.fields import ADDRESS, IPV4_MAPPED

    random = np.random.default_rng((seed, 4))
    near = (10 << 24) + random.permutation(1 << 16)[:HOSTS].astype(np.uint32)
    far = random.integers(11 << 24, 224 << 24, FAR_HOSTS, dtype=np.uint32)
    if not wide:
        return near, far
    both = np.zeros(HOSTS, ADDRESS), np.zeros(2 * FAR_HOSTS, ADDRESS)
    both[0]["low"] = near.astype(np.uint64) + np.uint64(IPV4_MAPPED)
    both[1]["low"][:FAR_HOSTS] = far.astype(np.uint64) + np.uint64(IPV4_MAPPED)
    both[0]["high"][1::2] = (0x20010DB8 << 32) + (0x10 << 16) + random.integers(0, 64, HOSTS // 2)
    both[0]["low"][1::2] = random.integers(0, 1 << 63, HOSTS // 2, dtype=np.uint64)
    both[1]["high"][FAR_HOSTS:] = (0x2A << 56) + random.integers(0, 1 << 40, FAR_HOSTS).astype(np.uint64)
    both[1]["low"][FAR_HOSTS:] = random.integers(0, 1 << 63, FAR_HOSTS, dtype=np.uint64)
    return both
