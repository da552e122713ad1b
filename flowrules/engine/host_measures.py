"""Measures that look at the rows of a host together: ports in sequence, services, overlap, regularity."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.collect import CollectedRows, joined_arrays
from flowrules.engine.dictionaries import WordCodes
from flowrules.engine.features.clients import ESTABLISHED_PACKETS, TCP, client_rows
from flowrules.engine.features.connections import Connections, connection_events, destination
from flowrules.engine.features.evidence import Measured as HostMeasured
from flowrules.engine.features.pairs import address_codes, paired
from flowrules.engine.features.ports import PortFeatures, port_features
from flowrules.engine.features.rhythm import beacons, peak_concurrency
from flowrules.engine.features.services import Services, answered_services
from flowrules.engine.features.sorting import dense_codes
from flowrules.engine.measures import Explain, Measured
from flowrules.engine.results import FeatureEvidence, Series
from flowrules.flows.table import widen
from flowrules.model import expression as ex
from flowrules.model.fields import IPV4_MAPPED, TCP_FLAGS

SYN = TCP_FLAGS["S"]
ACK = TCP_FLAGS["A"]

AT_ONCE = 1 << 17
"""How many rows are asked at a time whether they are of a conversation."""

Columns = Mapping[str, NDArray[Any]]

_OF_PORTS = frozenset({"sequential", "counters", "port_style", "port_range", "parity"})
"""Measures of the ports of a host's own connections."""

_COUNTER_LOOKS = 20
_COUNTER_ERRORS = 3
"""A number of counters needs so many looks, and a sequence of so many standard errors."""


class HostRows:
    """The rows of all hosts of one collection as each host sees them: its own end and the peer's.

    ``port`` is the host's port, ``peer`` and ``peer_port`` are the other end's.  What several of the
    ``measures`` need is worked out once, and the rows are given up when nothing needs them any more.
    """

    def __init__(self, collected: CollectedRows, other_side: Columns, measures: Collection[str]) -> None:
        self.hosts, self.rows = collected.take_out()
        self._ports_only = all(name in _OF_PORTS for name in measures)
        self.count = len(self.hosts[0]) if self.hosts else 0
        self._other = other_side
        self.empty = not self.rows or not len(self.rows["host"])
        self._held: dict[object, Any] = {}
        if self.empty:
            return
        rows = self.rows
        if "initial_flags" in rows and ((rows["protocol"] == TCP) & (rows["initial_flags"] & SYN != 0)).all():
            self._other = {}  # the first packets say who opened: nothing asks for the other side
        replied = rows["replied"]
        self.host = rows["host"]
        self.replied = replied
        if not replied.any():
            self.peer, self.port, self.peer_port = rows["dip"], rows["sport"], rows["dport"]
        else:
            sip, dip = rows["sip"], rows["dip"]
            if sip.dtype != dip.dtype:
                sip, dip = widen(sip), widen(dip)
            self.peer = np.where(replied, sip, dip)
            self.port = np.where(replied, rows["dport"], rows["sport"])
            self.peer_port = np.where(replied, rows["sport"], rows["dport"])

    def end(self, index: NDArray[np.intp]) -> NDArray[np.int64]:
        """The end times of rows."""
        ends: NDArray[np.int64] = self.rows["stime"].take(index) + self.rows["duration"].take(index)
        return ends

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self._held:
            self._held[key] = make()
        return self._held[key]

    def paired(self, index: NDArray[np.intp]) -> NDArray[np.int8]:
        """What is known of the other side of the rows at ``index``, among all flows read.

        Rows whose first packet says who opened are left out: nothing asks for their other side.
        """
        out = np.zeros(len(index), np.int8)
        open_ones = index
        if "initial_flags" in self.rows:
            tcp = self.rows["protocol"].take(index) == TCP
            told = tcp & (self.rows["initial_flags"].take(index) & SYN != 0)
            open_ones = index[~told]
        if not len(open_ones):
            return out
        names = ("sip", "dip", "sport", "dport", "protocol", "stime")
        wanted = {n: self.rows[n].take(open_ones) for n in names}
        sought = WordCodes(2)
        sought.encode(*_conversations(wanted))
        parts = [wanted]
        rest = np.ones(len(self.host), np.bool_)
        rest[open_ones] = False
        for more, asked in ((self.rows, rest), (self._other, None)):
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

        def make() -> NDArray[np.intp]:
            rows = self.rows
            able = (rows["protocol"] == TCP) & (rows["packets"] >= ESTABLISHED_PACKETS)
            if "flags" in rows:
                able &= rows["flags"] & ACK != 0
            kept: list[NDArray[np.intp]] = []
            # who opened is told apart for the host's own rows and for the peers' replies
            for replies in (False, True):
                index = np.flatnonzero(able & (self.replied == replies))
                if not len(index):
                    continue
                found = client_rows(
                    rows["protocol"].take(index),
                    rows["flags"].take(index) if "flags" in rows else None,
                    rows["initial_flags"].take(index) if "initial_flags" in rows else None,
                    rows["packets"].take(index),
                    self.port.take(index),
                    self.peer_port.take(index),
                    self.paired(index),
                    replies=replies,
                )
                kept.append(index[found.mask])
            return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.intp)

        found: NDArray[np.intp] = self._once("clients", make)
        return found

    def destinations(self, index: NDArray[np.intp]) -> NDArray[np.uint64]:
        """A code of the peer and its port, for the rows at ``index``."""
        (codes,) = address_codes(self.peer.take(index))
        return destination(codes, self.peer_port.take(index))

    def ports(self) -> PortFeatures:
        """What the ports of the hosts' connections say."""

        def make() -> PortFeatures:
            index = self.clients()
            columns = (
                self.rows["stime"].take(index),
                self.end(index),
                self.port.take(index),
                self.destinations(index),
                self.host.take(index),
            )
            if self._ports_only:
                self._give_up()
            return port_features(*columns, self.count, addresses=self._addresses())

        found: PortFeatures = self._once("ports", make)
        return found

    def _give_up(self) -> None:
        """Let go of the rows: there may be millions of them."""
        self.rows, self._other = {}, {}
        self.host = self.replied = self.peer = self.port = self.peer_port = np.zeros(0, np.int32)
        self._held.pop("clients", None)

    def _addresses(self) -> NDArray[Any] | None:
        first = self.hosts[0]
        return first.values if first.type.name == "address" and len(self.hosts) == 1 else None

    def services(self) -> Services:
        """The services that the hosts answer."""

        def make() -> Services:
            index = np.flatnonzero(~self.replied)
            names = ("protocol", "flags", "initial_flags")
            rows = {n: self.rows[n].take(index) for n in names if n in self.rows}
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
            return connection_events(
                self.rows["stime"], self.end(index), self.port, self.destinations(index), self.host
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


def host_measure(of: ex.Measure, rows: HostRows) -> Measured:
    """A measure for every host of a collection."""
    if rows.empty:
        if of.name in ("answered", "peers"):
            return Measured(Series(of.type, np.zeros(rows.count, np.int64)))
        why = FeatureEvidence({}, "no flows")
        return Measured(exact.unknown(of.type, rows.count), lambda _: why)
    match of.name:
        case "sequential":
            ports = rows.ports()
            return _floats(of, ports.sequential(), ports.sequential_of)
        case "counters":
            return _counters(of, rows.ports())
        case "port_style":
            return _labels(of, rows.ports().styles(), rows.ports().style_of)
        case "port_range":
            return _labels(of, rows.ports().ranges(), rows.ports().range_of)
        case "parity":
            ports = rows.ports()
            if of.type.name == "label":
                return _labels(of, ports.parities(), ports.parity_of)
            return _floats(of, ports.population.parity(), ports.parity_of)
        case "answered":
            services = rows.services()
            return Measured(Series(of.type, services.answered(rows.count)), _explain(services.answered_of))
        case "peers":
            services = rows.services()
            return Measured(Series(of.type, services.most_peers(rows.count)), _explain(services.peers_of))
        case "concurrent":
            found = peak_concurrency(rows.connections(), rows.count)
            known = None if found.known.all() else found.known
            return Measured(Series(of.type, found.peak, known), _explain(found.of))
        case "beacon":
            return _beacon(of, rows)
        case _:
            raise TypeError(f"{of.name} is not a measure of a host's rows")


def _explain(of: Callable[[int], HostMeasured[Any]]) -> Explain:
    def explain(row: int) -> FeatureEvidence:
        one = of(row)
        return FeatureEvidence(one.evidence(), one.why_unknown)

    return explain


def _floats(of: ex.Measure, values: NDArray[np.float64], one: Callable[[int], HostMeasured[Any]]) -> Measured:
    known = ~np.isnan(values)
    series = Series(of.type, np.where(known, values, 0.0), None if known.all() else known)
    return Measured(series, _explain(one))


def _labels(of: ex.Measure, labels: NDArray[Any], one: Callable[[int], HostMeasured[Any]]) -> Measured:
    known = np.array([v is not None for v in labels.tolist()], np.bool_)
    return Measured(Series(of.type, labels, None if known.all() else known), _explain(one))


def _counters(of: ex.Measure, ports: PortFeatures) -> Measured:
    sequence = ports.sequence
    with np.errstate(invalid="ignore", divide="ignore"):
        sure = (sequence.looks >= _COUNTER_LOOKS) & (sequence.value > _COUNTER_ERRORS * sequence.se)
        values = np.where(sure, 1 / sequence.value, np.nan)

    def explain(row: int) -> FeatureEvidence:
        one = ports.sequential_of(row)
        why = one.why_unknown
        if not why and not sure[row]:
            looks = int(sequence.looks[row])
            why = f"{looks} looks, {_COUNTER_LOOKS} needed" if looks < _COUNTER_LOOKS else "no clear sequence"
        return FeatureEvidence(one.evidence(), why)

    known = ~np.isnan(values)
    return Measured(Series(of.type, np.where(known, values, 0.0), None if known.all() else known), explain)


def _beacon(of: ex.Measure, rows: HostRows) -> Measured:
    """The regularity of the host's most regular destination."""
    connections = rows.connections()
    groups = dense_codes(connections.host, connections.dest)
    count = int(groups.max(initial=-1)) + 1
    found = beacons(connections.start, groups, count)
    owner = np.zeros(count, np.intp)
    owner[groups] = connections.host
    best = np.full(rows.count, -1, np.intp)
    value = np.full(rows.count, np.nan)
    order = np.lexsort((np.arange(count), -np.nan_to_num(found.value, nan=-1.0)))
    for group in order[::-1].tolist():
        best[owner[group]] = group
        value[owner[group]] = found.value[group]

    def explain(row: int) -> FeatureEvidence:
        if best[row] < 0:
            return FeatureEvidence({}, "no connections")
        one = found.of(int(best[row]))
        return FeatureEvidence(one.evidence(), one.why_unknown)

    known = ~np.isnan(value)
    return Measured(Series(of.type, np.where(known, value, 0.0), None if known.all() else known), explain)
