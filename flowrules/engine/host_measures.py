"""Measures that look at the rows of a host together: ports in sequence, services, overlap, regularity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.features.evidence import Measured as HostMeasured
from flowrules.engine.features.ports import PortFeatures
from flowrules.engine.features.rhythm import beacons, peak_concurrency
from flowrules.engine.features.sorting import dense_codes
from flowrules.engine.host_rows import EndRows, HostRows
from flowrules.engine.measures import Explain, Measured
from flowrules.engine.results import FeatureEvidence, Series
from flowrules.model import expression as ex

_COUNTER_LOOKS = 20
_COUNTER_ERRORS = 3
"""A number of counters needs so many looks, and a sequence of so many standard errors."""


def host_measure(of: ex.Measure, collected: HostRows) -> Measured:
    """A measure for every host of a collection."""
    if collected.empty:
        if of.name in ("answered", "peers"):
            return Measured(Series(of.type, np.zeros(collected.count, np.int64)))
        why = FeatureEvidence({}, "no flows")
        return Measured(exact.unknown(of.type, collected.count), lambda _: why)
    rows = collected.seen_by(of)
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


def _beacon(of: ex.Measure, rows: EndRows) -> Measured:
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
