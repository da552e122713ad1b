"""Measures that look at the rows of a host together: ports in sequence, services, overlap, regularity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.collect import CollectedRows
from flowrules.engine.features.clients import client_rows
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

Columns = Mapping[str, NDArray[Any]]

_COUNTER_LOOKS = 20
_COUNTER_ERRORS = 3
"""A number of counters needs so many looks, and a sequence of so many standard errors."""


class HostRows:
    """The rows of all hosts of one collection as each host sees them: its own end and the peer's.

    ``mine`` and ``port`` are the host's address and port, ``peer`` and ``peer_port`` the other end's.
    What several measures need is worked out once.
    """

    def __init__(self, collected: CollectedRows) -> None:
        self.hosts = collected.hosts()
        self.count = len(self.hosts[0]) if self.hosts else 0
        self._other = collected.other_side()
        rows = collected.columns()
        self.rows = rows
        self.empty = not rows or not len(rows["host"])
        self._held: dict[object, Any] = {}
        if self.empty:
            return
        replied = rows["replied"]
        self.host = rows["host"]
        sip, dip = rows["sip"], rows["dip"]
        if sip.dtype != dip.dtype:
            sip, dip = widen(sip), widen(dip)
        self.replied = replied
        self.peer = np.where(replied, sip, dip)
        self.port = np.where(replied, rows["dport"], rows["sport"])
        self.peer_port = np.where(replied, rows["sport"], rows["dport"])
        self.end = rows["stime"] + rows["duration"]

    def _once(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self._held:
            self._held[key] = make()
        return self._held[key]

    def paired(self) -> NDArray[np.int8]:
        """What is known of the other side of each row, among all flows read."""

        def make() -> NDArray[np.int8]:
            rows, other = self.rows, self._other
            if not other:
                names = ("sip", "dip", "sport", "dport", "protocol", "stime")
                return paired(*(rows[n] for n in names))
            both = {n: _joined(rows[n], other[n]) for n in other}
            found = paired(
                both["sip"], both["dip"], both["sport"], both["dport"], both["protocol"], both["stime"]
            )
            return found[: len(self.host)]

        found: NDArray[np.int8] = self._once("paired", make)
        return found

    def clients(self) -> NDArray[np.intp]:
        """The rows that are a host's own established TCP connections."""

        def make() -> NDArray[np.intp]:
            rows = self.rows
            # who opened is told apart for the host's own rows and for the peers' replies
            mask = np.zeros(len(self.host), np.bool_)
            for replies in (False, True):
                index = np.flatnonzero(self.replied == replies)
                if not len(index):
                    continue
                part = {n: c.take(index) for n, c in rows.items()}
                found = client_rows(
                    part["protocol"],
                    part.get("flags"),
                    part.get("initial_flags"),
                    part["packets"],
                    self.port.take(index),
                    self.peer_port.take(index),
                    self.paired().take(index),
                    replies=replies,
                )
                mask[index] = found.mask
            return np.flatnonzero(mask)

        found: NDArray[np.intp] = self._once("clients", make)
        return found

    def destinations(self) -> NDArray[np.uint64]:
        """A code of the peer and its port, for each row."""

        def make() -> NDArray[np.uint64]:
            (codes,) = address_codes(self.peer)
            return destination(codes, self.peer_port)

        found: NDArray[np.uint64] = self._once("destinations", make)
        return found

    def ports(self) -> PortFeatures:
        """What the ports of the hosts' connections say."""

        def make() -> PortFeatures:
            index = self.clients()
            return port_features(
                self.rows["stime"].take(index),
                self.end.take(index),
                self.port.take(index),
                self.destinations().take(index),
                self.host.take(index),
                self.count,
                addresses=self._addresses(),
            )

        found: PortFeatures = self._once("ports", make)
        return found

    def _addresses(self) -> NDArray[Any] | None:
        first = self.hosts[0]
        return first.values if first.type.name == "address" and len(self.hosts) == 1 else None

    def services(self) -> Services:
        """The services that the hosts answer."""

        def make() -> Services:
            index = np.flatnonzero(~self.replied)
            rows = {n: c.take(index) for n, c in self.rows.items()}
            return answered_services(
                rows["protocol"],
                self.port.take(index),
                self.peer.take(index),
                self.peer_port.take(index),
                rows.get("flags"),
                rows.get("initial_flags"),
                self.paired().take(index),
                self.host.take(index),
            )

        found: Services = self._once("services", make)
        return found

    def connections(self) -> Connections:
        """The hosts' connections, whoever opened them."""

        def make() -> Connections:
            return connection_events(self.rows["stime"], self.end, self.port, self.destinations(), self.host)

        found: Connections = self._once("connections", make)
        return found


def _joined(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    if one.dtype != other.dtype and (one.dtype.names or other.dtype.names):
        one, other = widen(one), widen(other)
    return np.concatenate([one, other])


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
