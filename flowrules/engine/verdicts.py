"""From features to verdicts: derived features, then the first verdict that holds, then anomalies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from flowrules.engine import exact
from flowrules.engine.conditions import FALSE, TRUE, UNKNOWN, Scope, Truth, World, truth, value
from flowrules.engine.results import FeatureEvidence, Frame, ProfileResult, Series
from flowrules.model import expression as ex
from flowrules.model.program import FeatureDeclaration, ProfileDeclaration
from flowrules.model.types import LABEL

UNCLASSIFIED = "unclassified"
"""The verdict of a host for which no verdict holds and there is no ``otherwise``."""


def profile_scope(host: tuple[Series, ...], features: Mapping[str, Series], world: World) -> Scope:
    """What the conditions of a profile may name: the host and its features."""
    rows = len(host[0]) if host else 0
    return Scope(rows, world, features=features, host=host)


def derive(
    profile: ProfileDeclaration, host: tuple[Series, ...], measured: Mapping[str, Series], world: World
) -> dict[str, Series]:
    """All features in the order of declaration, those that are conditions computed from the others."""
    conditions = {f.short: f for f in profile.features if f.condition is not None}
    found: dict[str, Series] = dict(measured)

    def compute(feature: FeatureDeclaration) -> None:
        assert feature.condition is not None
        for node in feature.condition.walk():
            if isinstance(node, ex.Feature) and node.name in conditions and node.name not in found:
                compute(conditions[node.name])
        found[feature.short] = value(feature.condition, profile_scope(host, found, world))

    for feature in conditions.values():
        if feature.short not in found:
            compute(feature)
    return {f.short: found[f.short] for f in profile.features}


def judge(
    profile: ProfileDeclaration,
    keys: Mapping[str, Series],
    features: Mapping[str, Series],
    world: World,
    evidence: Mapping[str, Mapping[int, FeatureEvidence]],
    missing: Mapping[str, str],
) -> ProfileResult:
    """Try the verdicts in order for every host, then the anomalies, which may ask for the verdict."""
    host = tuple(keys.values())
    rows = len(host[0]) if host else 0
    scope = profile_scope(host, features, world)
    verdict = np.full(rows, -1, np.int32)
    truths: dict[str, NDArray[np.int8]] = {}
    for place, declared in enumerate(profile.verdicts):
        held = (
            np.full(rows, TRUE, np.int8) if declared.condition is None else truth(declared.condition, scope)
        )
        truths[declared.short] = _signed(held)
        verdict = np.where((verdict < 0) & (held == TRUE), place, verdict).astype(np.int32)
    judged = Scope(rows, world, features=features, host=host, verdict=_names(profile, verdict))
    for anomaly in profile.anomalies:
        held = np.full(rows, TRUE, np.int8) if anomaly.condition is None else truth(anomaly.condition, judged)
        truths[anomaly.short] = _signed(held)
    frame = Frame({**keys, **features}, rows, tuple(keys))
    return ProfileResult(frame, verdict, truths, evidence, missing)


def _names(profile: ProfileDeclaration, verdict: NDArray[np.int32]) -> Series:
    names = np.array([v.short for v in profile.verdicts] + [UNCLASSIFIED], object)
    return Series(LABEL, names[verdict])


def verdict_series(profile: ProfileDeclaration, result: ProfileResult) -> Series:
    """The verdict's name of every host, as a column of labels."""
    return _names(profile, result.verdict)


def hosts_with(profile: ProfileDeclaration, result: ProfileResult, which: str) -> NDArray[np.intp]:
    """The rows of ``profile.hosts``, ``profile.entries``, ``profile.VERDICT`` or ``profile.ANOMALY``."""
    if which == "hosts":
        return np.arange(len(result.verdict))
    names = [v.short for v in profile.verdicts]
    if which == "entries":
        drops = np.array([v.drop for v in profile.verdicts] + [False], np.bool_)
        return np.flatnonzero(~drops[result.verdict])
    if which in names:
        return np.flatnonzero(result.verdict == names.index(which))
    if which == UNCLASSIFIED:
        return np.flatnonzero(result.verdict < 0)
    return np.flatnonzero(result.truths[which] > 0)


def _signed(codes: Truth) -> NDArray[np.int8]:
    """Truth codes as the results hold them: 1 holds, 0 does not, -1 unknown."""
    return np.where(codes == UNKNOWN, -1, codes == TRUE).astype(np.int8)


def unknown_feature(feature: FeatureDeclaration, rows: int) -> Series:
    """A feature that no host has (a field or a direction that the flows lack)."""
    return exact.unknown(feature.type, rows)


__all__ = ["FALSE", "UNCLASSIFIED", "derive", "hosts_with", "judge", "profile_scope", "verdict_series"]
