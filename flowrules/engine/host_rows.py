"""The rows of a profile's hosts as each host sees them: its own port and the peer's, whoever sent the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrules.engine.collect import CollectedRows, joined_arrays
from flowrules.engine.dictionaries import WordCodes
from flowrules.engine.features.clients import ESTABLISHED_PACKETS, TCP, client_rows, known_services
from flowrules.engine.features.connections import Connections, connection_events, destination
from flowrules.engine.features.pairs import address_codes, paired
from flowrules.engine.features.ports import PortFeatures, port_features_of
from flowrules.engine.features.services import Services, answered_services
from flowrules.flows.table import widen
from flowrules.model import expression as ex
from flowrules.model.ends import DESTINATION, INSIDE, SOURCE, measured_end, one_host
from flowrules.model.fields import IPV4_MAPPED, TCP_FLAGS

SYN: Final = TCP_FLAGS["S"]
ACK: Final = TCP_FLAGS["A"]

AT_ONCE = 1 << 17
"""How many rows are asked at a time whether they are of a conversation."""

Columns = Mapping[str, NDArray[Any]]

OF_PORTS: Final = frozenset({"sequential", "counters", "port_style", "port_range", "parity"})
"""Measures of the ports of a host's own connections."""


class HostRows:
    """The rows of one collection: ``hosts`` (a column for each key), how many they are, and their rows.

    ``measures`` are all that will be asked of them: what several need is worked out once, and the rows are
    given up when nothing needs them any more.
    """

    def __init__(
        self, collected: CollectedRows, other_side: Columns, measures: Iterable[ex.Measure] = ()
    ) -> None:
        self.keys = collected.collection.keys
        self.hosts, self.rows = collected.take_out()
        self.empty = not self.rows or not len(self.rows["host"])
        # without keys there is one group, whether or not a row is in it
        self.count = len(self.hosts[0]) if self.hosts else int(not self.keys)
        self.other_side = other_side
        if not self.empty and _told_by_flags(self.rows):
            self.other_side = {}  # nothing asks for the other side
        measures = tuple(measures)
        ends = {measured_end(m, self.keys) for m in measures}
        self.ports_only = len(ends) == 1 and all(m.name in OF_PORTS for m in measures)
        self._ends: dict[str, EndRows] = {}

    def seen_by(self, measure: ex.Measure) -> EndRows:
        """The rows as the end sees them that a measure looks at."""
        end = measured_end(measure, self.keys)
        if end not in self._ends:
            self._ends[end] = EndRows(self, end)
        return self._ends[end]

    def addresses(self, end: str) -> NDArray[Any] | None:
        """The addresses of the hosts, where each group is one host of that end and nothing else."""
        return self.hosts[0].values if len(self.keys) == 1 and one_host(self.keys, end) else None

    def give_up(self) -> None:
        """Let go of the rows: there may be millions of them."""
        self.rows, self.other_side = {}, {}


def _told_by_flags(rows: Columns) -> bool:
    """Whether the first packet of every row says who opened its connection."""
    if "initial_flags" not in rows:
        return False
    return bool(((rows["protocol"] == TCP) & (rows["initial_flags"] & SYN != 0)).all())


class EndRows:
    """The rows of a collection as the hosts of one end see them.

    ``port`` is the host's port, ``peer`` and ``peer_port`` are the other end's; ``replied`` says which rows
    the peer sent, ``own`` is the host's address where a group may hold several hosts (else ``None``).
    """

    def __init__(self, collected: HostRows, end: str) -> None:
        self._collected = collected
        self._end = end
        rows = collected.rows
        self.count = collected.count
        self.host = rows["host"]
        sip, dip, sport, dport = rows["sip"], rows["dip"], rows["sport"], rows["dport"]
        if end in (SOURCE, DESTINATION):
            self.replied = np.broadcast_to(np.bool_(end == DESTINATION), len(self.host))
            if end == DESTINATION:
                sip, dip, sport, dport = dip, sip, dport, sport
            own, self.peer, self.port, self.peer_port = sip, dip, sport, dport
        else:
            self.replied = rows["inbound"] == (end == INSIDE)
            if sip.dtype != dip.dtype:
                sip, dip = widen(sip), widen(dip)
            own, self.peer = np.where(self.replied, dip, sip), np.where(self.replied, sip, dip)
            self.port = np.where(self.replied, dport, sport)
            self.peer_port = np.where(self.replied, sport, dport)
        self._own = None if one_host(collected.keys, end) else own
        self._held: dict[object, Any] = {}

    def end(self, index: NDArray[np.intp]) -> NDArray[np.int64]:
        """The end times of rows."""
        rows = self._collected.rows
        ends: NDArray[np.int64] = rows["stime"].take(index) + rows["duration"].take(index)
        return ends

    def own(self, index: NDArray[np.intp]) -> NDArray[np.uint64] | None:
        """A code of the host's own address, where a group may hold several hosts."""
        return None if self._own is None else address_codes(self._own.take(index))[0]

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self._held:
            self._held[key] = make()
        return self._held[key]

    def paired(self, index: NDArray[np.intp]) -> NDArray[np.int8]:
        """What is known of the other side of the rows at ``index``, among all flows read.

        Rows whose first packet says who opened are left out: nothing asks for their other side.
        """
        rows = self._collected.rows
        out = np.zeros(len(index), np.int8)
        open_ones = index
        if "initial_flags" in rows:
            tcp = rows["protocol"].take(index) == TCP
            told = tcp & (rows["initial_flags"].take(index) & SYN != 0)
            open_ones = index[~told]
        if not len(open_ones):
            return out
        names = ("sip", "dip", "sport", "dport", "protocol", "stime")
        wanted = {n: rows[n].take(open_ones) for n in names}
        sought = WordCodes(2)
        sought.encode(*_conversations(wanted))
        parts = [wanted]
        rest = np.ones(len(self.host), np.bool_)
        rest[open_ones] = False
        for more, asked in ((rows, rest), (self._collected.other_side, None)):
            # a few rows at a time: there may be millions, and few of them are of these conversations
            for begin in range(0, len(more["sip"]) if more else 0, AT_ONCE):
                part = {n: more[n][begin : begin + AT_ONCE] for n in names}
                if asked is not None:
                    part = {n: c[asked[begin : begin + AT_ONCE]] for n, c in part.items()}
                same = np.flatnonzero(sought.find(*_conversations(part)))
                parts.append({n: c.take(same) for n, c in part.items()})
        both = {n: joined_arrays([p[n] for p in parts]) for n in names}
        found = paired(*(both[n] for n in names))
        place = np.searchsorted(index, open_ones)
        out[place] = found[: len(open_ones)]
        return out

    def clients(self) -> NDArray[np.intp]:
        """The rows that are a host's own established TCP connections."""
        rows = self._collected.rows
        able = (rows["protocol"] == TCP) & (rows["packets"] >= ESTABLISHED_PACKETS)
        if "flags" in rows:
            able &= rows["flags"] & ACK != 0
        index = np.flatnonzero(able)
        sides = self.paired(index)
        mine = np.zeros(len(index), np.bool_)
        known = known_services()
        for begin in range(0, len(index), AT_ONCE):
            # who opened is told apart for the host's own rows and for the peers' replies
            replied = self.replied.take(index[begin : begin + AT_ONCE])
            for replies in (False, True):
                some = np.flatnonzero(replied == replies) + begin
                at = index.take(some)
                mine[some] = client_rows(
                    rows["protocol"].take(at),
                    rows["flags"].take(at) if "flags" in rows else None,
                    rows["initial_flags"].take(at) if "initial_flags" in rows else None,
                    rows["packets"].take(at),
                    self.port.take(at),
                    self.peer_port.take(at),
                    sides.take(some),
                    known=known,
                    replies=replies,
                ).mask
        return index[mine]

    def destinations(self, index: NDArray[np.intp]) -> NDArray[np.uint64]:
        """A code of the peer and its port, for the rows at ``index``."""
        (codes,) = address_codes(self.peer.take(index))
        return destination(codes, self.peer_port.take(index))

    def ports(self) -> PortFeatures:
        """What the ports of the hosts' connections say."""

        def make() -> PortFeatures:
            index = self.clients()
            rows = self._collected.rows
            if self._collected.ports_only:  # what is asked for after these, this end holds
                rows = {name: rows.pop(name) for name in ("stime", "duration")}
                self._collected.give_up()
            columns = [rows["stime"].take(index)]
            if self._collected.ports_only:
                del rows["stime"]
            columns.append(columns[0] + rows["duration"].take(index))
            del rows
            columns += [self.port.take(index), self.destinations(index)]
            own = self.own(index)
            if own is not None:
                columns.append(own)
            host = self.host.take(index)
            del index, own
            if self._collected.ports_only:
                self._give_up()
            addresses = self._collected.addresses(self._end)
            return port_features_of(columns, host, self.count, addresses=addresses)

        found: PortFeatures = self._once("ports", make)
        return found

    def _give_up(self) -> None:
        self._collected.give_up()
        self._own = None
        self.host = self.replied = self.peer = self.port = self.peer_port = np.zeros(0, np.int32)

    def services(self) -> Services:
        """The services that the hosts answer."""

        def make() -> Services:
            index = np.flatnonzero(~self.replied)
            names = ("protocol", "flags", "initial_flags")
            rows = {n: c.take(index) for n, c in self._collected.rows.items() if n in names}
            return answered_services(
                rows["protocol"],
                self.port.take(index),
                self.peer.take(index),
                self.peer_port.take(index),
                rows.get("flags"),
                rows.get("initial_flags"),
                self.paired(index),
                self.host.take(index),
            )

        found: Services = self._once("services", make)
        return found

    def connections(self) -> Connections:
        """The hosts' connections, whoever opened them."""

        def make() -> Connections:
            index = np.arange(len(self.host))
            start = self._collected.rows["stime"]
            return connection_events(
                start, self.end(index), self.port, self.destinations(index), self.host, self.own(index)
            )

        found: Connections = self._once("connections", make)
        return found


def _conversations(rows: Columns) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Two words that are equal for rows of one conversation, whichever side sent them.

    Different conversations may share them by rare chance: what is found by them is compared in full later.
    """
    ends = []
    for address, port in (("sip", "sport"), ("dip", "dport")):
        low = rows[address]
        if low.dtype.names:
            word = low["low"] ^ low["high"] * np.uint64(0x9E3779B97F4A7C15)
        else:
            word = low.astype(np.uint64) + np.uint64(IPV4_MAPPED)
        ends.append(word * np.uint64(0xC2B2AE3D27D4EB4F) + rows[port])
    return ends[0] + ends[1], rows["protocol"].astype(np.uint64) + (ends[0] ^ ends[1])
