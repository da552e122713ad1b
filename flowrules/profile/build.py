"""From results to the network's profile: verdicts with their reasons, anomalies, entries, checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from flowrules.engine.conditions import TRUE, UNKNOWN, Scope, truth
from flowrules.engine.errors import asked_by
from flowrules.engine.findings import found_rows
from flowrules.engine.joins import Index
from flowrules.engine.results import ProfileResult, Results
from flowrules.engine.verdicts import UNCLASSIFIED, verdict_series
from flowrules.engine.world import Earlier, Found
from flowrules.model.program import (
    AnomalyDeclaration,
    CheckDeclaration,
    Declaration,
    ProfileDeclaration,
    Program,
)
from flowrules.profile.entries import entry_rows
from flowrules.profile.evidence import ConditionColumns, condition_columns
from flowrules.profile.findings import (
    AnomalyFinding,
    CheckFinding,
    Evidence,
    HostFinding,
    NetworkProfile,
    ProfileFindings,
    Value,
)
from flowrules.profile.texts import fill, narrowed


def build(program: Program, results: Results, earlier: Earlier | None = None) -> NetworkProfile:
    """Explain the results: every host, entry, anomaly and check of the rulesets asked for."""
    world = Found(
        program,
        dict(results.sets),
        dict(results.tables),
        dict(results.profiles),
        dict(results.totals),
        earlier,
    )
    shown = {r.name for r in program.rulesets.values() if r.shown}
    profiles: dict[str, ProfileFindings] = {}
    anomalies: list[AnomalyFinding] = []
    for name, profile in program.profiles.items():
        if profile.ruleset in shown and name in results.profiles:
            profiles[name] = _profile(profile, results, world)
            anomalies += [a for host in profiles[name].hosts for a in host.anomalies]
    for anomaly in program.anomalies.values():
        if anomaly.ruleset in shown:
            with asked_by(anomaly.name, anomaly.span):
                anomalies += _rows_of_anomaly(anomaly, world)
    checks = [_check(c, world) for c in program.checks.values() if c.ruleset in shown]
    return NetworkProfile(program, results, profiles, anomalies, checks)


def host_scope(profile: ProfileDeclaration, result: ProfileResult, world: Found) -> Scope:
    """What texts and conditions about the hosts of a profile may name."""
    frame = result.frame
    keys = {k: frame[k] for k in frame.keys}
    features = {f.short: frame[f.short] for f in profile.features if f.short in frame.columns}
    return Scope(
        frame.rows,
        world,
        columns=keys,
        features=features,
        host=tuple(keys.values()),
        verdict=verdict_series(profile, result),
    )


def _place(declared: Declaration) -> tuple[str, int]:
    return (declared.span.path, declared.span.line) if declared.span else ("", 0)


def _profile(profile: ProfileDeclaration, results: Results, world: Found) -> ProfileFindings:
    result = results.profiles[profile.name]
    scope = host_scope(profile, result, world)
    because = _reasons(profile, result, scope)
    anomalies = _host_anomalies(profile, result, scope)
    columns = [
        (v.short, condition_columns(v.condition, scope, v.span))
        for v in profile.verdicts
        if v.condition is not None
    ]
    titles = [v.title or v.short for v in profile.verdicts] + [UNCLASSIFIED]
    names = [v.short for v in profile.verdicts] + [UNCLASSIFIED]
    drops = [v.drop for v in profile.verdicts] + [False]
    hosts: list[HostFinding] = []
    for row in range(scope.rows):
        place = int(result.verdict[row])
        hosts.append(
            HostFinding(
                tuple(Value(s.type, s.scalar(row)) for s in scope.host),
                names[place],
                titles[place],
                drops[place],
                _also(profile, result, row, place),
                because[row],
                {n: Value(s.type, s.scalar(row)) for n, s in scope.features.items()},
                _notes(result, row),
                tuple(anomalies.get(row, ())),
                _evidence_of(columns, row),
            )
        )
    return ProfileFindings(
        profile.name,
        profile.title,
        result.frame.keys,
        hosts,
        entry_rows(profile, results, scope),
        result.missing,
    )


def _also(profile: ProfileDeclaration, result: ProfileResult, row: int, place: int) -> tuple[str, ...]:
    """Later verdicts that hold too, ``otherwise`` left out."""
    later = profile.verdicts[place + 1 :] if place >= 0 else ()
    return tuple(v.short for v in later if v.condition is not None and result.truths[v.short][row] > 0)


def _notes(result: ProfileResult, row: int) -> Mapping[str, Mapping[str, object]]:
    notes: dict[str, Mapping[str, object]] = {}
    for feature, rows in result.evidence.items():
        if row in rows:
            found = rows[row]
            why = {"why_unknown": found.why_unknown} if found.why_unknown else {}
            notes[feature] = {**found.numbers, **why}
    return notes


def _evidence_of(
    columns: list[tuple[str, list[ConditionColumns]]], row: int
) -> Callable[[], tuple[Evidence, ...]]:
    return lambda: tuple(c.row(verdict, row) for verdict, conditions in columns for c in conditions)


def _reasons(profile: ProfileDeclaration, result: ProfileResult, scope: Scope) -> list[str]:
    reasons = [""] * scope.rows
    for place, declared in enumerate(profile.verdicts):
        index: Index = np.flatnonzero(result.verdict == place)
        if declared.because is None or not len(index):
            continue
        for row, text in zip(index.tolist(), fill(declared.because, narrowed(scope, index)), strict=True):
            reasons[row] = text
    return reasons


def _host_anomalies(
    profile: ProfileDeclaration, result: ProfileResult, scope: Scope
) -> Mapping[int, list[AnomalyFinding]]:
    found: dict[int, list[AnomalyFinding]] = {}
    for anomaly in profile.anomalies:
        index = np.flatnonzero(result.truths[anomaly.short] > 0)
        if not len(index):
            continue
        texts = fill(anomaly.because, narrowed(scope, index))
        for row, text in zip(index.tolist(), texts, strict=True):
            subject = {k: Value(s.type, s.scalar(row)) for k, s in scope.columns.items()}
            found.setdefault(row, []).append(_anomaly(anomaly, text, subject, profile.name))
    return found


def _anomaly(
    anomaly: AnomalyDeclaration, text: str, subject: Mapping[str, Value], profile: str | None
) -> AnomalyFinding:
    return AnomalyFinding(
        anomaly.name, anomaly.title, anomaly.severity, text, subject, profile, *_place(anomaly)
    )


def _rows_of_anomaly(anomaly: AnomalyDeclaration, world: Found) -> list[AnomalyFinding]:
    """The findings of an anomaly at file level: each row that holds, or one for the network."""
    scope, index = found_rows(anomaly, world)
    texts = fill(anomaly.because, narrowed(scope, index))
    subjects = [{n: Value(s.type, s.scalar(r)) for n, s in scope.columns.items()} for r in index.tolist()]
    return [_anomaly(anomaly, t, s, None) for t, s in zip(texts, subjects, strict=True)]


def _check(check: CheckDeclaration, world: Found) -> CheckFinding:
    scope = Scope(1, world)
    code = int(truth(check.condition, scope)[0])
    holds = None if code == UNKNOWN else code == TRUE
    because = fill(check.because, scope)[0]
    return CheckFinding(check.name, check.title, check.severity, holds, because, *_place(check))
