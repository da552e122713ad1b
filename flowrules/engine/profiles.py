"""The hosts of a profile with their features side by side, ready to be judged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact, set_algebra
from flowrules.engine.joins import match_rows, order_by
from flowrules.engine.measures import Explain
from flowrules.engine.ranking import Groups
from flowrules.engine.results import FeatureEvidence, Series, SetResult
from flowrules.model import expression as ex
from flowrules.model.measures import MEASURES
from flowrules.model.program import ProfileDeclaration


def host_keys(profile: ProfileDeclaration, hosts: SetResult) -> dict[str, Series]:
    """The hosts in order, a column for each part of their key; one part is called ``host``."""
    columns = set_algebra.members(hosts)
    if not columns:
        columns = [exact.unknown(part, 0) for part in profile.parts]
    rows = len(columns[0])
    order = order_by([(c, False) for c in columns], rows)
    columns = [_narrow(c.take(order)) for c in columns]
    return dict(zip(_names(profile, hosts, len(columns)), columns, strict=True))


def _narrow(series: Series) -> Series:
    from flowrules.engine.key_codes import narrowed

    if series.values.dtype.names and len(series):
        return Series(series.type, narrowed(series.values), series.known, None, series.prefix)
    return series


def _names(profile: ProfileDeclaration, hosts: SetResult, width: int) -> tuple[str, ...]:
    if width == 1:
        return ("host",)
    for feature in profile.features:
        if feature.measure is not None and len(feature.keys) == width:
            return tuple(k.name for k in feature.keys)
    return tuple(hosts.frame.columns) if hosts.frame is not None else tuple(str(i) for i in range(width))


def for_hosts(measure: ex.Measure, groups: Groups, hosts: Mapping[str, Series], absent: bool) -> Series:
    """A measure of each host: that of its group, or of no flows where it has none."""
    return _at(measure, groups, rows_of_hosts(groups, hosts), absent)


def for_groups(measure: ex.Measure, groups: Groups, keys: Mapping[str, Series], absent: bool) -> Series:
    """A measure of each group of ``keys`` as other groups by the same keys hold it, unknown keys too."""
    row = match_rows(list(keys.values()), list(groups.keys.values()), groups=True)
    return _at(measure, groups, row, absent)


def _at(measure: ex.Measure, groups: Groups, row: NDArray[np.intp], absent: bool) -> Series:
    """A measure at the rows of groups, as of no flows where a row is -1."""
    rows = len(row)
    if absent:
        return exact.unknown(measure.type, rows)
    series = groups.measures[measure]
    found = row >= 0
    if not groups.rows:
        return nothing(measure, series, rows)
    taken = series.take(np.where(found, row, 0))
    if found.all():
        return taken
    return _merged(taken, nothing(measure, series, rows), found)


def rows_of_hosts(groups: Groups, hosts: Mapping[str, Series]) -> NDArray[np.intp]:
    """The group of each host, -1 where it has none."""
    return match_rows(list(hosts.values()), list(groups.keys.values()))


def nothing(measure: ex.Measure, series: Series, rows: int) -> Series:
    """What a measure is for hosts without flows; a share of nothing is unknown."""
    if not MEASURES[measure.name].counting:
        return exact.unknown(measure.type, rows)
    if measure.name == "share":
        if not len(series) or not series.mask().any():
            return exact.unknown(measure.type, rows)
        return Series(measure.type, np.zeros(rows, np.int64), None, np.ones(rows, np.int64))
    if measure.type.name == "list":
        empty = np.empty(rows, object)
        empty[:] = [()] * rows
        return Series(measure.type, empty)
    return Series(measure.type, np.zeros(rows, np.int64))


def _merged(one: Series, other: Series, use: NDArray[np.bool_]) -> Series:
    """``one`` where ``use`` is true, ``other`` elsewhere."""
    known = None
    if one.known is not None or other.known is not None:
        known = np.where(use, one.mask(), other.mask())
    denominators = None
    if one.denominators is not None or other.denominators is not None:
        parts = [
            s.denominators if s.denominators is not None else np.ones(len(s), np.int64) for s in (one, other)
        ]
        denominators = np.where(use, *parts)
    if one.values.dtype.names:
        values = one.values
    else:
        fallback = other.values if other.known is None else np.zeros_like(one.values)
        values = np.where(use, one.values, fallback)
    return Series(one.type, values, known, denominators, one.prefix)


def evidence_of(
    series: Series, explain: Explain | None, rows: NDArray[np.intp], why_absent: str
) -> dict[int, FeatureEvidence]:
    """What lies behind a feature, by host: numbers where there are any, and why it is unknown."""
    out: dict[int, FeatureEvidence] = {}
    known = series.mask()
    for host in range(len(series)):
        if explain is not None and rows[host] >= 0 and not why_absent:
            out[host] = explain(int(rows[host]))
        elif not known[host]:
            out[host] = FeatureEvidence({}, why_absent or "no flows to measure")
    return out
