"""Which services a host answers, to how many peers, and on what proof."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrules.engine.features.evidence import Measured
from flowrules.engine.features.pairs import NOT_SEEN, PEER_FIRST, SAME_TIME, address_codes
from flowrules.engine.features.sorting import sort_order, starts_of_runs
from flowrules.model.fields import PROTOCOLS, TCP_FLAGS

PROOFS: Final = ("handshake", "request first", "lower port")
"""Proofs that a row answers a request, the best first."""
MINIMUM_FLOWS: Final = 3
"""How many distinct (peer, peer's port) a service needs."""

Integers = NDArray[Any]

_TCP, _UDP, _SCTP = PROTOCOLS["tcp"], PROTOCOLS["udp"], PROTOCOLS["sctp"]
_NO_PROOF = len(PROOFS)


@frozen
class Service:
    """One service that a host answers: ``flows`` distinct (peer, peer's port), ``peers`` distinct peers,
    ``proof`` the weakest of ``PROOFS`` that is needed to reach three flows."""

    protocol: int
    port: int
    flows: int
    peers: int
    proof: str


@frozen
class Answered(Measured[int]):
    """``answered(port)``: how many services (protocol and port) a host answers; 0 where none is proved."""

    services: tuple[Service, ...]
    proof: str
    """The weakest proof that any of them rests on; empty without services."""


@frozen
class Peers(Measured[int]):
    """``peers(port)``: the peers of the service that most peers use; 0 where none is proved."""

    services: tuple[Service, ...]
    proof: str
    """What proves that service; empty without services."""


@frozen(eq=False)
class Services:
    """Services answered by many hosts, one row each, sorted by (host, protocol, port).

    ``host``, ``protocol``, ``port``, ``flows`` and ``peers`` are int64; ``proof`` (int8) indexes ``PROOFS``.
    """

    host: NDArray[np.int64]
    protocol: NDArray[np.int64]
    port: NDArray[np.int64]
    flows: NDArray[np.int64]
    peers: NDArray[np.int64]
    proof: NDArray[np.int8]

    def answered(self, hosts: int) -> NDArray[np.int64]:
        """How many services each host 0 .. ``hosts`` - 1 answers."""
        return np.bincount(self.host, minlength=hosts)

    def most_peers(self, hosts: int) -> NDArray[np.int64]:
        """How many peers each host's most used service has; 0 for a host without services."""
        most = np.zeros(hosts, np.int64)
        np.maximum.at(most, self.host, self.peers)
        return most

    def answered_of(self, host: int) -> Answered:
        """``answered(port)`` of one host."""
        services = self._of(host)
        weakest = max((PROOFS.index(service.proof) for service in services), default=None)
        return Answered(len(services), "", services, "" if weakest is None else PROOFS[weakest])

    def peers_of(self, host: int) -> Peers:
        """``peers(port)`` of one host."""
        services = self._of(host)
        most = max(services, key=lambda service: service.peers, default=None)
        return Peers(0, "", services, "") if most is None else Peers(most.peers, "", services, most.proof)

    def _of(self, host: int) -> tuple[Service, ...]:
        begin, end = np.searchsorted(self.host, [host, host + 1]).tolist()
        return tuple(
            Service(
                int(self.protocol[row]),
                int(self.port[row]),
                int(self.flows[row]),
                int(self.peers[row]),
                PROOFS[self.proof[row]],
            )
            for row in range(begin, end)
        )


def proofs(
    protocol: Integers,
    sport: Integers,
    dport: Integers,
    flags: Integers | None,
    initial_flags: Integers | None,
    paired: Integers | None,
) -> NDArray[np.int8]:
    """For each row the best proof that its source answers: an index of ``PROOFS``, 3 for none (int8).

    *handshake*: the first TCP packet has S and A.  *request first*: the peer's row started earlier
    (``pairs.paired``), and TCP has A and is no refusal (R without S or P).  *lower port*: no order of the
    two sides is known, and TCP has S and A and the lower port, or UDP answers from below 1024 to 1024 or
    above.  A row whose first TCP packet has S without A opened the connection and answers nothing.
    A source without flags (``None``) proves nothing of TCP; ``paired`` ``None``: no other side seen.
    """
    state = np.zeros(len(protocol), np.int8) if paired is None else paired
    tcp, udp = protocol == _TCP, protocol == _UDP
    first = state == PEER_FIRST
    unordered = (state == NOT_SEEN) | (state == SAME_TIME)
    proof = np.full(len(protocol), _NO_PROOF, np.int8)

    lower = udp & unordered & (sport < 1024) & (dport >= 1024)
    request = first & (udp | (protocol == _SCTP))
    if flags is not None:
        syn, reset, push, ack = (flags & TCP_FLAGS[letter] != 0 for letter in "SRPA")
        refused = reset & ~syn & ~push
        lower |= tcp & unordered & syn & ack & (sport < dport)
        request |= tcp & first & ack & ~refused
    proof[lower] = 2
    proof[request] = 1
    if initial_flags is not None:
        first_syn = tcp & (initial_flags & TCP_FLAGS["S"] != 0)
        first_ack = initial_flags & TCP_FLAGS["A"] != 0
        proof[first_syn & first_ack] = 0
        proof[first_syn & ~first_ack] = _NO_PROOF  # it opened the connection
    return proof


def answered_services(
    protocol: Integers,
    sport: Integers,
    dip: Integers,
    dport: Integers,
    flags: Integers | None,
    initial_flags: Integers | None,
    paired: Integers | None,
    host: Integers | None = None,
) -> Services:
    """The services that hosts answer, from rows that they sent.

    A service is a (protocol, source port) with proved answers to at least three distinct (dip, dport).
    ``dip`` is an address column or any integer code; ``host`` a dense number (one host where ``None``);
    the rest as ``proofs`` has it.
    """
    proof = proofs(protocol, sport, dport, flags, initial_flags, paired)
    rows = np.flatnonzero(proof < _NO_PROOF)
    owner = np.zeros(len(rows), np.int64) if host is None else host.take(rows).astype(np.int64)
    (peer,) = address_codes(dip.take(rows))
    columns: list[Integers] = [
        owner,
        protocol.take(rows),
        sport.take(rows),
        peer,
        dport.take(rows),
        proof.take(rows),
    ]
    order = sort_order(*columns)
    owner, number, port, peer, peer_port, proof = (column.take(order) for column in columns)

    service = starts_of_runs(owner, number, port)
    new_peer = service | starts_of_runs(peer)
    flow = np.flatnonzero(new_peer | starts_of_runs(peer_port))  # its best proof stands first
    first = np.flatnonzero(service)
    count = len(first)
    run = np.cumsum(service) - 1
    by_proof = np.bincount(run.take(flow) * len(PROOFS) + proof.take(flow), minlength=count * len(PROOFS))
    reached = np.cumsum(by_proof.reshape(count, len(PROOFS)), axis=1) >= MINIMUM_FLOWS
    keep = np.flatnonzero(reached[:, -1])
    first = first.take(keep)
    return Services(
        owner.take(first),
        number.take(first).astype(np.int64),
        port.take(first).astype(np.int64),
        np.bincount(run.take(flow), minlength=count).take(keep),
        np.bincount(run[new_peer], minlength=count).take(keep),
        np.argmax(reached[keep], axis=1).astype(np.int8),
    )
